/* strangers - hosts that speak on the bus and do not fit bus.relays: another one with our name there, so that each of us is given some of the
 * events only, and one whose name our file does not have, so that we get nothing of it. Both are mistakes in gslb.yaml, of this host or of
 * the other. Each relay says its name every ten seconds (state WRITS). One thread's own; the clock is handed in. */
#ifndef GSLB_RELAY_STRANGERS_H
#define GSLB_RELAY_STRANGERS_H

#include "relay/conf.h"

enum { STRANGERS_MAX = 8, STRANGERS_KEPT_MS = 30000, STRANGERS_TEXT_MAX = 512 };

/* All zero is a good start. */
struct strangers {
	struct stranger {
		char region[STATE_LABEL_MAX], node[STATE_LABEL_MAX], name[EVENT_LABEL_MAX];
		uint64_t heard_ms, said_ms; /* monotonic; heard_ms 0: the place is free */
	} stranger[STRANGERS_MAX];
};

/* Another host of that region says its name. True: it is one of bus.relays, and not our own; else it is remembered, and said once a minute. */
bool strangers_hear(struct strangers *strangers, const struct relay_conf *conf, const char *region, const char *node,
	const char *name, uint64_t now_ms);
/* How many there are, and a sentence about the worst one; "" when there is none. */
size_t strangers_look(const struct strangers *strangers, const struct relay_conf *conf, uint64_t now_ms,
	char text[static STRANGERS_TEXT_MAX]);

/* Has one of them our name? */
bool strangers_have_our_name(const struct strangers *strangers, const struct relay_conf *conf, uint64_t now_ms);

#endif
