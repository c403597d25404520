/* connect - a connection to a probe's endpoint, without waiting for it. */
#ifndef GSLB_HEALTH_CONNECT_H
#define GSLB_HEALTH_CONNECT_H

#include "health/probe.h"

struct connecting {
	struct loop_watch watch; /* its descriptor; -1: none */
	struct probe *probe;
	void (*done)(struct connecting *connecting, int error);
	uint64_t started_us;
};

/* Begin. 0: done is called later, with 0 or what went wrong, an errno; else that errno at once, and nothing is open. */
int connect_start(
	struct connecting *connecting, struct probe *probe, void (*done)(struct connecting *connecting, int error));
/* Close, at any time: one that is connected by a reset. Nothing when it is closed. */
void connect_close(struct connecting *connecting);
uint32_t connect_took_us(const struct connecting *connecting); /* so far; at least 1 */
/* Once connected: the descriptor is the caller's now. It stays in epoll, silent until it is rewatched for another watch. */
int connect_hand_over(struct connecting *connecting);

#endif
