#include "relay/breaker.h"

void breaker_init(struct breaker *breaker)
{
	*breaker = (struct breaker){ .wait_ms = BREAKER_WAIT_MS };
}

enum breaker_state breaker_look(struct breaker *breaker, uint64_t now_ms)
{
	if (breaker->state == BREAKER_OPEN && now_ms >= breaker->until_ms)
		breaker->state = BREAKER_TRYING;
	return breaker->state;
}

static bool is_bad(const struct breaker *breaker)
{
	uint32_t window = breaker->results & ((UINT32_C(1) << BREAKER_WINDOW) - 1);

	return breaker->row >= BREAKER_FAILURES ||
	       (breaker->nresults >= BREAKER_WINDOW && __builtin_popcount(window) > BREAKER_WINDOW / 2);
}

static void open_it(struct breaker *breaker, double luck, uint64_t now_ms)
{
	breaker->state = BREAKER_OPEN;
	breaker->until_ms = now_ms + (uint64_t)(breaker->wait_ms * (0.5 + luck));
	breaker->wait_ms = breaker->wait_ms * 2 < BREAKER_WAIT_MAX_MS ? breaker->wait_ms * 2 : BREAKER_WAIT_MAX_MS;
}

bool breaker_take(struct breaker *breaker, bool good, double luck, uint64_t now_ms)
{
	breaker->results = breaker->results << 1 | !good;
	breaker->nresults += breaker->nresults < BREAKER_WINDOW;
	breaker->row = good ? 0 : breaker->row + 1;
	if (breaker->state != BREAKER_CLOSED) {
		if (good)
			breaker_init(breaker);
		else
			open_it(breaker, luck, now_ms);
		return good;
	}
	if (good || !is_bad(breaker))
		return false;
	open_it(breaker, luck, now_ms);
	return true;
}
