/* breaker - a cache that fails again and again is left alone for a while, and asked for a sign of life before it is given work. RELAY 5.7.
 * Pure. */
#ifndef GSLB_RELAY_BREAKER_H
#define GSLB_RELAY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BREAKER_FAILURES = 5, /* in a row open it … */
	BREAKER_WINDOW = 20,  /* … or more than half of so many */
	BREAKER_WAIT_MS = 100,
	BREAKER_WAIT_MAX_MS = 30000
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRYING };

struct breaker {
	enum breaker_state state;
	uint32_t row;     /* failures one after the other */
	uint32_t results; /* the last ones, a bit each: 1 is a failure */
	uint32_t nresults;
	uint32_t wait_ms;
	uint64_t until_ms; /* open until then */
};

void breaker_init(struct breaker *breaker);
/* May it be given work (BREAKER_CLOSED), be asked for a sign of life (BREAKER_TRYING), or neither? */
enum breaker_state breaker_look(struct breaker *breaker, uint64_t now_ms);
/* luck: 0 to 1, for the spread of the wait: ±50 %. True when it opened or closed by that. */
bool breaker_take(struct breaker *breaker, bool good, double luck, uint64_t now_ms);

#endif
