/* embed - IPv4 addresses inside IPv6 ones. Inside geo/ only. */
#ifndef GSLB_GEO_EMBED_H
#define GSLB_GEO_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum { EMBED_RANGES = 4 };

/* A block of IPv6 whose addresses carry an IPv4 address. */
struct embed_range {
	uint64_t hi, lo; /* its first address */
	uint8_t len;     /* its prefix length */
	uint8_t at;      /* the bit at which the IPv4 address begins */
	bool inverted;   /* Teredo (RFC 4380, 4): its bits are complemented */
};

extern const struct embed_range embed_ranges[EMBED_RANGES]; /* in the order of their addresses */

/* The range that holds an IPv6 address, and the IPv4 address in it; NULL when none does. */
const struct embed_range *embed_find(uint64_t hi, uint64_t lo, uint32_t *v4);

/* An address that embeds none: lengthen a depth to what holds no address of those ranges, for they are another matter. */
void embed_keep_off(uint64_t hi, uint64_t lo, unsigned *depth);

static inline uint64_t embed_load64(const uint8_t *bytes)
{
	uint64_t word;

	__builtin_memcpy(&word, bytes, 8);
	return __builtin_bswap64(word);
}

static inline uint32_t embed_load32(const uint8_t *bytes)
{
	uint32_t word;

	__builtin_memcpy(&word, bytes, 4);
	return __builtin_bswap32(word);
}

#endif
