/* bus - how events and receipts go from one gslb-relay to the others. The store is the truth and the bus is transport: what it took may be lost
 * again, and is offered anew until every one's receipt covers it. On the bus each has a name of its own (conf.h). RELAY 4 and 5.3. One thread's own. */
#ifndef GSLB_RELAY_BUS_H
#define GSLB_RELAY_BUS_H

#include "base/state.h"
#include "relay/conf.h"
#include "relay/spread.h"
#include "relay/store.h"
#include "relay/work.h"

/* What other relays say of what this one made. */
struct bus_ear {
	void *arg;
	void (*receipt)(void *arg, const char *relay, uint32_t epoch, uint64_t oseq, bool errors);
	void (*state)(void *arg, const char *relay, const struct work_state *state);
	/* The bus has had a number before this log gave it away: it keeps what it had, and not what is meant now. */
	void (*known)(void *arg);
	/* Periodic state (state.h), on the subject of that region, node and kind; the bytes are as somebody sent them. */
	void (*said)(void *arg, const char *region, const char *node, const char *kind, const void *bytes, size_t len);
};

struct bus_status {
	bool connected;
	bool ended;       /* it does not come back by itself: another one has to be opened */
	uint64_t offered; /* of the outbox: what the bus has taken, whether it keeps it or not */
	uint64_t resent;
	uint64_t regressions;    /* times that the bus turned out to have lost what it had taken */
	struct spread published; /* from an event being sent to the bus having taken it */
	char trouble[512];       /* "" when there is none */
};

enum bus_taken {
	BUS_TAKEN, /* it is dealt with, once the store has committed */
	BUS_LEFT,  /* not now: it is to come again, later */
	BUS_STOP   /* likewise, and so are those behind it */
};

struct bus_ops {
	const char *name;
	/* In any thread; may block for some seconds. event_fd is written to when something came in. */
	void *(*open)(const struct relay_conf *conf, int event_fd, struct err *err);
	/* It is in service from now on, and all that follows is for the main thread. from: another one of its kind, which is closed next: what came
	 * in there, how far that was, and what was counted is taken over; NULL: there was none. */
	void (*begin)(void *bus, struct store *store, void *from);
	/* Could it be opened now, and would it be connected? In any thread; blocks for 2 s a server at most. NULL: always. */
	bool (*reach)(const struct relay_conf *conf, struct err *err);
	/* What was fetched and not taken comes again, to the next one that is opened. */
	void (*close)(void *bus);
	/* At the end of the program, when all that were opened are closed. NULL: nothing to do. */
	void (*end)(void);
	/* Offer what the outbox has, committed, and nobody has a receipt for; what was offered long ago, too. Idempotent by id. Returns
	 * when to call again at the latest. */
	uint64_t (*publish)(void *bus, uint64_t now_ms);
	/* Events that came in, at most max of them, with the relay on whose stream they came: only of that one may they speak. False with a sentence: they could not be read. */
	bool (*fetch)(void *bus, size_t max,
		enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg,
		struct err *err);
	/* The store has committed what was fetched, or has not: then it comes again. */
	void (*acknowledge)(void *bus, bool committed);
	/* Tell an origin up to where this relay has done what it made; and how far one event of it is. */
	bool (*receipt)(void *bus, const struct store_mark *done, bool errors, struct err *err);
	void (*state)(void *bus, const char *origin, const struct work_state *state);
	/* Periodic state of this node: once, to whoever hears it; lost when there is no connection. */
	void (*say)(void *bus, const char *node, enum state_kind kind, const void *bytes, size_t len);
	/* What others said since the last call. */
	void (*listen)(void *bus, const struct bus_ear *ear);
	void (*status)(void *bus, struct bus_status *status);
};

extern const struct bus_ops bus_local, bus_nats;

/* For a bus's fetch: what this relay made, and its own inbox does not have yet. */
bool bus_own(struct store *store, const char *name, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err);

#endif
