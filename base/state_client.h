/* state_client - a program's line to the gslb-relay of its host, for periodic state: what it says goes to every other host of the fleet, and
 * what others say comes in. Never blocks; connects again by itself (0.1 s to 2 s after each failure). While gslb-relay is away what is said
 * is dropped: say all of it in full when `link` says that it is there, and every STATE_FULL_MS. Who may: root, gslb-relay's own user,
 * server.user and server.probe-user. One thread's own.
 *
 *	static void said(void *arg, const struct state_said *said) { … one body, of another node … }
 *	static void link(void *arg, const struct state_link *link) { if (link->relay) say_all(arg); }
 *	client = state_client_new(conf->relay_socket, 1u << STATE_LOAD, &(struct state_client_ops){ arg, said, link });
 *	in the loop: wait for POLLIN on state_client_fd, no longer than until state_client_run returned; then state_client_run
 *	state_client_say(client, STATE_LOAD, full, 0, 1, body, len);
 *
 * A change that is said (full = false) is said again by gslb-relay 0.3 and 1 s later, so a receiver takes what it has already, too, and what
 * comes out of order: it compares (epoch, seq), or what stands in the body. Of a part that is lost the next full one brings all. */
#ifndef GSLB_BASE_STATE_CLIENT_H
#define GSLB_BASE_STATE_CLIENT_H

#include "base/state.h"

struct state_client;

struct state_link {
	bool relay, bus;           /* gslb-relay is there; and is connected with others */
	const char *region, *node; /* ours, as gslb-relay has them; "" while it is away */
	const char *trouble;       /* "": none; else why it is away, as a sentence */
};

struct state_client_ops {
	void *arg;
	/* Another node said so; borrowed. What had been said in full within the last 30 s comes first, with its age. */
	void (*said)(void *arg, const struct state_said *said);
	/* Something of it changed. */
	void (*link)(void *arg, const struct state_link *link);
};

/* relay_socket: relay.socket of gslb.yaml. kinds: what is to be heard, 1u << STATE_VOTES and so on. epoch: rises with each start of this
 * program on this host: wall ms. */
struct state_client *state_client_new(
	const char *relay_socket, unsigned kinds, uint64_t epoch, const struct state_client_ops *ops);
void state_client_free(struct state_client *client); /* NULL is fine */
/* False: dropped, since gslb-relay is away or does not read. */
bool state_client_say(struct state_client *client, enum state_kind kind, bool full, unsigned part, unsigned nparts,
	const void *body, size_t len);
/* To wait on for POLLIN; -1: not connected. It changes with connections. */
int state_client_fd(const struct state_client *client);
/* Take in what is there. Returns when to call again at the latest (monotonic); UINT64_MAX: when the descriptor is readable. */
uint64_t state_client_run(struct state_client *client, uint64_t now_ms);

#endif
