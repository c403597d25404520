/* connect - a connection to a probe's endpoint, without waiting for it. */
#ifndef GSLB_HEALTH_CONNECT_H
#define GSLB_HEALTH_CONNECT_H

#include "health/probe.h"

struct connecting {
	struct loop_watch watch; /* its descriptor; -1: none */
	struct probe *probe;
	void (*done)(struct connecting *connecting, int error);
	bool connected;
};

/* Begin. 0: done is called later, with 0 or what went wrong, an errno; else that errno at once, and nothing is open. */
int connect_start(
	struct connecting *connecting, struct probe *probe, void (*done)(struct connecting *connecting, int error));
/* Close, at any time: one that is connected by a reset. Nothing when it is closed. */
void connect_close(struct connecting *connecting);
/* Once connected: the descriptor is the caller's now. It stays in epoll, for the watch: to be changed or dropped there. */
int connect_hand_over(struct connecting *connecting);

#endif
