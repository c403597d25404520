#include "gslb/ttl.h"

#include <stdio.h>
#include <string.h>

static uint32_t clamp(uint64_t s, uint32_t min_s, uint32_t max_s)
{
	if (s < min_s)
		return min_s;
	return s > max_s ? max_s : (uint32_t)s;
}

uint32_t ttl_decide(const struct ttl_input *input, enum ttl_why *why)
{
	uint32_t ttl_s = input->steady_s;

	*why = TTL_STEADY;
	if (input->doubt || input->last_resort) {
		*why = input->last_resort ? TTL_LAST_RESORT : TTL_DOUBT;
		ttl_s = input->min_s;
	} else if (input->change_ms > input->now_ms) {
		/* rounded up: who asks again finds the change made */
		uint64_t left_s = (input->change_ms - input->now_ms + 999) / 1000;

		if (left_s < input->max_s) {
			*why = TTL_DATED;
			ttl_s = clamp(left_s, input->min_s, input->max_s);
		}
	}
	if (input->expires_ms > input->now_ms) {
		uint64_t left_s = (input->expires_ms - input->now_ms) / 1000;

		if (left_s < ttl_s) {
			*why = TTL_EXPIRES;
			ttl_s = (uint32_t)left_s;
		}
	}
	return ttl_s;
}

void ttl_reason(const struct ttl_input *input, enum ttl_why why, char *text, size_t cap)
{
	switch (why) {
	case TTL_STEADY:
		snprintf(text, cap, "max: all that the answer depends on is steady");
		if (input->steady_s < input->max_s && strlen(text) < cap)
			snprintf(text + strlen(text), cap - strlen(text), ", less a jitter of %u s",
				input->max_s - input->steady_s);
		return;
	case TTL_DOUBT:
		snprintf(text, cap, "min: an endpoint that the answer depends on is in doubt");
		return;
	case TTL_LAST_RESORT:
		snprintf(text, cap, "min: an answer of last resort, to be left as soon as more is up");
		return;
	case TTL_DATED:
		snprintf(text, cap, "the next dated change is in %.1f s (kept within min and max)",
			(double)(input->change_ms - input->now_ms) / 1000);
		return;
	case TTL_EXPIRES:
		snprintf(text, cap, "the address was resolved, and its own TTL ends in %.1f s",
			(double)(input->expires_ms - input->now_ms) / 1000);
		return;
	}
}
