/* doubt - events whose signature is not right, as far as this relay knows: the mistake may be in its own secrets, and their origin does not sign
 * them in another way then. They are left on the bus, which brings them again every half minute, for as long as it would not take them from their
 * origin anew. Each counts once, and not more are left than the bus has room for beside what is genuine. One thread's own; the clock is handed
 * in. */
#ifndef GSLB_RELAY_DOUBT_H
#define GSLB_RELAY_DOUBT_H

#include "base/base.h"

enum { DOUBTS_MAX = 256, DOUBT_MS = 600000 }; /* events; the bus forgets their ids by then */

struct doubt {
	uint64_t hash;
	uint64_t since_ms; /* monotonic */
};

/* All zero is a good start. */
struct doubts {
	struct doubt doubt[DOUBTS_MAX];
	size_t n;
};

/* Is that event to be left on the bus? *first: it was not seen before. */
bool doubts_leave(struct doubts *doubts, const char *bytes, size_t len, uint64_t now_ms, bool *first);

#endif
