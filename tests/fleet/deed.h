/* deed - what was asked for in the fleet, and what became of it on each host: the memory of someone who sees everything, against which hosts are
 * checked. An event of the bus names its deed by number. One thread's own. */
#ifndef GSLB_TESTS_FLEET_DEED_H
#define GSLB_TESTS_FLEET_DEED_H

#include "base/writ.h"
#include "relay/event.h"
#include "tests/fleet/engine.h"

enum { DEEDS_MAX = 512, DEED_TEXT_MAX = 16 };

struct deed {
	unsigned origin;
	bool asked, committed; /* whoever asked was told that it is kept */
	bool gone;             /* its origin's disk was lost, or put back to before it */
	bool moot;             /* and its stream does not have it either: nobody can bring it any more */
	uint32_t epoch;        /* under which it was last sent */
	uint64_t oseq;
	uint64_t made_ms;                   /* engine's time: committed, or asked */
	struct writ *writ;                  /* NULL: an invalidation */
	uint64_t applied[ENGINE_HOSTS_MAX]; /* engine's time; 0: not */
};

struct deeds {
	struct deed list[DEEDS_MAX];
	size_t n;
	uint64_t coarse_ms[ENGINE_HOSTS_MAX]; /* last time that a host dropped all; 0: never */
	uint64_t copied_ms[ENGINE_HOSTS_MAX]; /* of when the copy of its disk is */
};
extern struct deeds deeds;

void deeds_reset(void);
struct deed *deed_new(unsigned origin, struct writ *writ); /* the deed's now; NULL: an invalidation */
unsigned deed_number(const struct deed *deed);
/* "e17"; and back, from an event; NULL: it is none of ours. */
const char *deed_text(const struct deed *deed, char text[static DEED_TEXT_MAX]);
struct deed *deed_in(const struct event *event);

/* It was applied there, or all was dropped there since it was made. */
bool deed_is_covered(const struct deed *deed, unsigned host);

#endif
