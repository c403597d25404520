/* dice - random numbers handed in, so that a test can load them. SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): good enough
 * to share traffic, not for secrets. One thread's own. */
#ifndef GSLB_BASE_DICE_H
#define GSLB_BASE_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Evenly from 0 to below - 1; the bias of the multiply is under 2^-32 for what fits in 32 bits (Lemire 2019). */
static inline uint64_t dice_below(struct dice *dice, uint64_t below)
{
	return (uint64_t)(((unsigned __int128)dice_next(dice) * below) >> 64);
}

/* Seeded from the kernel. */
struct dice dice_from_kernel(void);

#endif
