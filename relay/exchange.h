/* exchange - between the log, the bus and the work: what the bus brought goes into the inbox, with one commit, what has ended out of it; then
 * receipts to whoever made it, and theirs into the outbox. Knows no socket, no thread and no clock: gslb-relay runs it, and so does the
 * simulator of a fleet. What it points to is borrowed. One thread's own. */
#ifndef GSLB_RELAY_EXCHANGE_H
#define GSLB_RELAY_EXCHANGE_H

#include "relay/bus.h"
#include "relay/conf.h"
#include "relay/doubt.h"
#include "relay/gap.h"
#include "relay/store.h"
#include "relay/work.h"
#include "relay/writs.h"

struct exchange {
	const struct relay_conf *conf;
	struct store *store;
	const struct bus_ops *bus_ops;
	void *bus;
	struct work *work;
	struct writs *writs; /* takes overrides in; NULL: they are passed over */
	/* The store has what was gathered, or has not, for that reason. */
	void (*settled)(void *arg, bool committed, const struct err *why);
	/* A relay says how far an event of ours is there. */
	void (*heard)(void *arg, const char *relay, const struct work_state *state);
	/* Periodic state came; NULL: nobody wants it. */
	void (*said)(void *arg, const char *region, const char *node, const char *kind, const void *bytes, size_t len);
	/* A relay's event was dropped, or may not be done here; event NULL: it was none. NULL: nobody wants to know. */
	void (*refused)(void *arg, const char *relay, const struct event *event, const char *reason);
	void *arg;
	uint64_t now_ms;                 /* monotonic: of this turn */
	uint64_t wall_ms;                /* likewise; 0: nothing grows too old */
	bool more;                       /* the bus has more than a turn takes */
	bool receipts_due;               /* something was done here */
	bool trim_due;                   /* a relay has done more of what was made here */
	uint64_t said_ms, settled_ms;    /* monotonic: receipts last given, and either */
	struct gap gap[CONF_RELAYS_MAX]; /* by conf's relays */
	struct doubts doubts;            /* what is not genuine, and may turn out to be */
	bool doubled; /* another host has our name on the bus: what is done of its events is a reason to begin anew every ten minutes only */
	uint64_t anew_ms; /* monotonic: the log began anew; 0: never */
	uint64_t duplicates, spoofed, forbidden, coarse, gaps, anew, log_failures;
	uint64_t let_go; /* events that are not kept any more, though some relay did not have them */
	uint64_t told_gone[CONF_RELAYS_MAX]; /* likewise: up to where it was told so */
	struct err log_why;
};

/* After a start: what was not finished before. fresh: the log is new. */
bool exchange_resume(struct exchange *exchange, bool fresh, uint64_t now_ms, struct err *err);
/* What the bus has brought, as much of it as a turn takes, and whatever else was gathered, into the log; then to the work. now_ms:
 * monotonic. */
void exchange_take(struct exchange *exchange, uint64_t now_ms);
/* To the bus, and what others say there; receipts when they are due. When to call again at the latest. */
uint64_t exchange_give(struct exchange *exchange, uint64_t now_ms);
/* Commit what is gathered, and what has ended. */
bool exchange_commit(struct exchange *exchange);

#endif
