/* hash - keyed hashes. hash_sip is SipHash-2-4 (Aumasson, Bernstein 2012), for what strangers can aim at and for what
 * must be the same on every host (cookies, rendezvous). hash_mix is one multiply, for tables with a secret seed; hash_bytes is
 * made of it, and hosts agree by it where nobody aims (who probes what, digests of writs): its values stay. */
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

/* The 1 to 7 bytes that memcpy would put into a word, without its call: loads that overlap. */
static inline uint64_t hash_tail(const uint8_t *at, size_t len)
{
	uint32_t first, last;

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

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		seed = hash_mix(seed, word);
	}
	word = len > 0 ? hash_tail(at, len) : 0;
	return hash_mix(seed, word ^ (uint64_t)len << 56);
}

#endif
