/* expiry - is it time to say that the bus's certificate ends? Pure; the clock is handed in. */
#ifndef GSLB_RELAY_EXPIRY_H
#define GSLB_RELAY_EXPIRY_H

#include "base/base.h"

enum { EXPIRY_SOON_MS = 14 * 24 * 3600 * 1000, EXPIRY_AGAIN_MS = 24 * 3600 * 1000 };

/* All zero: there is none, or it cannot be read. */
struct expiry {
	uint64_t ends_ms; /* wall; 0: not known */
	uint64_t said_ms; /* wall: when it was last said; 0: never */
	bool over;        /* and what: that it has ended */
};

enum expiry_word { EXPIRY_NOTHING, EXPIRY_SOON, EXPIRY_OVER };

/* What it is at that time. */
enum expiry_word expiry_is(const struct expiry *expiry, uint64_t wall_ms);
/* What to say now: once a day, and when it has ended. */
enum expiry_word expiry_say(struct expiry *expiry, uint64_t wall_ms);

#endif
