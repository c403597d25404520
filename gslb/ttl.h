/* ttl - how long an answer may be kept: max while all that it depends on is steady, less a jitter; min in doubt, and the time to
 * the next dated change in between. */
#ifndef GSLB_TTL_H
#define GSLB_TTL_H

#include <endian.h>

#include "base/base.h"

enum ttl_why { TTL_STEADY, TTL_DOUBT, TTL_LAST_RESORT, TTL_DATED, TTL_EXPIRES };

struct ttl_input {
	uint32_t max_s, min_s;
	uint32_t steady_s; /* max_s less the jitter: see ttl_steady */
	bool doubt;        /* an endpoint that the answer depends on is in doubt */
	bool last_resort;  /* fallback, or all down: it is to be left as soon as something is up */
	uint64_t now_ms;
	uint64_t change_ms;  /* when something that the answer depends on changes by date; 0: nothing does */
	uint64_t expires_ms; /* an answered address may not be kept beyond this; 0: static */
};

/* How far a steady TTL may lie below max: a tenth, and not below min. */
static inline uint32_t ttl_span(uint32_t max_s, uint32_t min_s)
{
	uint32_t tenth_s = max_s / 10, left_s = max_s > min_s ? max_s - min_s : 0;

	return tenth_s < left_s ? tenth_s : left_s;
}

enum { TTL_PREFIX_V4 = 24, TTL_PREFIX_V6 = 56 }; /* bits of a client that count at most */

/* max less 0 to span seconds: so that what was asked for in one moment (after a failover, or when a crowd arrives) is not asked for again in
 * one moment, too. Nothing is drawn: a service's clients of one prefix are told the same within a minute, by every host. bits: of the
 * prefix; 0: as many as count. */
static inline uint32_t ttl_steady(
	uint32_t max_s, uint32_t span_s, uint64_t identity, const struct addr *addr, unsigned bits, uint64_t now_ms)
{
	unsigned most = addr->family == ADDR_V4 ? TTL_PREFIX_V4 : TTL_PREFIX_V6;
	uint64_t prefix, mixed;

	if (bits == 0 || bits > most)
		bits = most;
	memcpy(&prefix, addr->bytes, sizeof(prefix));
	prefix = be64toh(prefix) >> (64 - bits);
	/* The minute is spread over all bits before it meets the prefix: clients that were told the same in one must not be in the next. */
	mixed = hash_mix(identity ^ now_ms / 60000 * UINT64_C(0x9e3779b97f4a7c15), prefix);
	return max_s - (uint32_t)((mixed >> 32) * (span_s + UINT64_C(1)) >> 32);
}

uint32_t ttl_decide(const struct ttl_input *input, enum ttl_why *why);
/* One phrase for explain. */
void ttl_reason(const struct ttl_input *input, enum ttl_why why, char *text, size_t cap);

#endif
