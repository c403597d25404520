/* hash - keyed hashes. hash_sip is SipHash-2-4 (Aumasson, Bernstein 2012), for what strangers can aim at and for what
 * must be the same on every host (cookies, rendezvous). hash_mix is one multiply, for tables with a secret seed. */
#ifndef GSLB_BASE_HASH_H
#define GSLB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

uint64_t hash_sip(const uint8_t key[static 16], const void *bytes, size_t len);

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Fewer than 8 bytes as a word, without the call that a memcpy of them is: loads that overlap. */
static inline uint64_t hash_few(const uint8_t *at, size_t len)
{
	uint32_t first, last;

	if (len == 0)
		return 0;
	if (len < 4)
		return at[0] | (uint64_t)at[len / 2] << 8 * (len / 2) | (uint64_t)at[len - 1] << 8 * (len - 1);
	memcpy(&first, at, 4);
	memcpy(&last, at + len - 4, 4);
	return first | (uint64_t)last << 8 * (len - 4);
}

static inline uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t word;

	seed += len; /* since the last word overlaps the one before */
	if (len < 8)
		return hash_mix(seed, hash_few(at, len));
	for (; len > 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		seed = hash_mix(seed, word);
	}
	memcpy(&word, at + len - 8, 8);
	return hash_mix(seed, word);
}

#endif
