/* state - periodic state between hosts (base/state.h): from the clients of this host to the bus, said again where it is a change, and from
 * the bus to the clients that want to hear it. Nothing of it is logged or acknowledged: what the newest full one of each origin was is kept
 * for 30 s, for clients that come later. Subject gslb.state.<region>.<node>.<kind>; the origin in it must be that in the body.
 *
 * Kinds: votes (gslb-health), latency, load (gslbd), hot (gslb-relay itself, or gslbd), writs
 * (gslb-relay: the digest of its overrides, writs.h). A kind of one's own is a row in base/state.c. Within
 * gslb-relay: state_on to hear a kind, state_say to say something. Main thread. */
#ifndef GSLB_RELAY_STATE_H
#define GSLB_RELAY_STATE_H

#include <jansson.h>

#include "base/state.h"
#include "relay/conf.h"

struct state_hub;

struct state_ops {
	void *arg;
	/* To the bus: once, and lost when it is not connected. */
	void (*say)(void *arg, const char *node, enum state_kind kind, const void *bytes, size_t len);
};

/* Opens the socket beside conf's. NULL with a sentence. */
struct state_hub *state_open(const struct relay_conf *conf, const struct state_ops *ops, struct err *err);
void state_close(struct state_hub *hub);   /* NULL is fine */
int state_fd(const struct state_hub *hub); /* readable: call state_run */
/* Take in what clients say, hand out what waits for them, say again what is due. When to call again at the latest (monotonic). */
uint64_t state_run(struct state_hub *hub, uint64_t now_ms);
/* The bus brought it, on that subject. */
void state_hear(struct state_hub *hub, const char *region, const char *node, const char *kind, const void *bytes,
	size_t len, uint64_t now_ms);
void state_bus(struct state_hub *hub, bool connected);

/* What this program itself hears, from other hosts and from clients of this one; one listener a kind. */
void state_on(
	struct state_hub *hub, enum state_kind kind, void (*said)(void *arg, const struct state_said *said), void *arg);
/* What this program itself says: epoch and seq are filled in. */
void state_say(struct state_hub *hub, enum state_kind kind, bool full, unsigned part, unsigned nparts, const void *body,
	size_t len, uint64_t now_ms);

/* Who was heard: {"origins": [{"region", "node", "kind", "age_s", "seq", "bytes"}], "clients", "said", "heard", "refused", "dropped"}. */
json_t *state_status(const struct state_hub *hub, uint64_t now_ms);
struct state_totals {
	size_t clients, origins;
	uint64_t said, heard, refused, dropped; /* packets */
	uint64_t alike_ms; /* monotonic: another host was heard with our region and node; 0: never */
};
struct state_totals state_totals(const struct state_hub *hub);

#endif
