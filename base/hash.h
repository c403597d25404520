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

static inline uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		seed = hash_mix(seed, word);
	}
	word = 0;
	if (len > 0)
		memcpy(&word, at, len);
	return hash_mix(seed, word ^ (uint64_t)len << 56);
}

#endif
