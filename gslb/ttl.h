/* ttl - how long an answer may be kept: max while all that it depends on is steady, min in doubt, and the time to the next
 * dated change in between. */
#ifndef GSLB_TTL_H
#define GSLB_TTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ttl_why { TTL_STEADY, TTL_DOUBT, TTL_LAST_RESORT, TTL_DATED, TTL_EXPIRES };

struct ttl_input {
	uint32_t max_s, min_s;
	bool doubt;       /* an endpoint that the answer depends on is in doubt */
	bool last_resort; /* fallback, or all down: it is to be left as soon as something is up */
	uint64_t now_ms;
	uint64_t change_ms;  /* when something that the answer depends on changes by date; 0: nothing does */
	uint64_t expires_ms; /* an answered address may not be kept beyond this; 0: static */
};

uint32_t ttl_decide(const struct ttl_input *input, enum ttl_why *why);
/* One phrase for explain. */
void ttl_reason(const struct ttl_input *input, enum ttl_why why, char *text, size_t cap);

#endif
