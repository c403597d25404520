#include "base/hash.h"

#include <endian.h>

static uint64_t load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, 8);
	return le64toh(word);
}

static uint64_t turn(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = turn(v[1], 13) ^ v[0];
	v[0] = turn(v[0], 32);
	v[2] += v[3];
	v[3] = turn(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = turn(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = turn(v[1], 17) ^ v[2];
	v[2] = turn(v[2], 32);
}

uint64_t hash_sip(const uint8_t key[static 16], const void *bytes, size_t len)
{
	uint64_t k0 = load(key), k1 = load(key + 8), last = (uint64_t)len << 56;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
		k1 ^ 0x7465646279746573u };
	const uint8_t *at = bytes;

	for (size_t left = len; left >= 8; at += 8, left -= 8) {
		uint64_t word = load(at);

		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < len % 8; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
