/* depth - how long a prefix around an address has to be so that it does not reach another one. Inside geo/ only. */
#ifndef GSLB_GEO_DEPTH_H
#define GSLB_GEO_DEPTH_H

#include <stdint.h>

/* Of two that differ, of so many bits. */
static inline unsigned depth_apart(uint64_t address, uint64_t other, unsigned bits)
{
	return 1 + (unsigned)__builtin_clzll(address ^ other) - (64 - bits);
}

static inline unsigned depth_apart_v6(uint64_t hi, uint64_t lo, uint64_t other_hi, uint64_t other_lo)
{
	return hi != other_hi ? depth_apart(hi, other_hi, 64) : 64 + depth_apart(lo, other_lo, 64);
}

static inline unsigned depth_larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

#endif
