/* gslbd - what gslbd does with overrides, in short: it forces what an operator says, keeps it in its file, asks its relay for what others decided
 * (through gslb-relay's own writs_hosts.c) and offers what the relay lacks. Its line to the relay is never cut: both are killed together. One
 * thread's own. */
#ifndef GSLB_TESTS_FLEET_GSLBD_H
#define GSLB_TESTS_FLEET_GSLBD_H

#include "relay/writs.h"
#include "tests/fleet/deed.h"

enum { GSLBD_TARGETS = 5 };

struct gslbd {
	unsigned host;
	struct writs *relay; /* NULL: not up */
	struct writ_set *set;
	uint64_t life, have, ticket, tickets;
	bool caught_up, changed;
	uint64_t ask_ms, offer_ms; /* monotonic: not before */
};

/* Reads its file. */
void gslbd_start(struct gslbd *gslbd, unsigned host, struct writs *relay);
void gslbd_stop(struct gslbd *gslbd);
/* One of the targets, up, drained, down or cleared. False: its disk is full. */
bool gslbd_force(struct gslbd *gslbd, struct deed *deed, unsigned which, const char *region);
/* Ask and offer; once a turn of the relay, before its writs_run. When to call again at the latest. */
uint64_t gslbd_run(struct gslbd *gslbd, uint64_t now_ms);

unsigned gslbd_target(const struct writ *writ);

#endif
