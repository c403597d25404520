/* limit - how much somebody may ask for: RELAY 5.6. A token bucket for items and one for what is broad (a zone, a prefix, everything), for
 * each actor. Pure: the clock is handed in. One thread's own. */
#ifndef GSLB_RELAY_LIMIT_H
#define GSLB_RELAY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LIMIT_ITEMS = 200, /* a second … */
	LIMIT_ITEMS_BURST = 10000,
	LIMIT_BROAD_MS = 10000, /* … and one in so long */
	LIMIT_BROAD_BURST = 3,
	LIMIT_ACTORS = 256, /* remembered; beyond it the one that was quiet for longest begins anew */
	LIMIT_NAME_MAX = 64,
};

struct limit {
	struct limit_actor {
		char name[LIMIT_NAME_MAX];
		double items, broad; /* tokens */
		uint64_t asked_ms;   /* 0: free */
	} actor[LIMIT_ACTORS];
};

/* May the actor ask for so many items? If so they are counted; if not, *after_s is when it may ask again. now_ms: monotonic, not 0. */
bool limit_take(struct limit *limit, const char *actor, unsigned items, bool broad, uint64_t now_ms, uint32_t *after_s);

#endif
