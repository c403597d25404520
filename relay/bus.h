/* bus - how events and receipts go from region to region. The store is the truth and the bus is transport: what it took may be lost
 * again, and is offered anew until every region's receipt covers it. RELAY 4 and 5.3. One thread's own. */
#ifndef GSLB_RELAY_BUS_H
#define GSLB_RELAY_BUS_H

#include "relay/store.h"

struct bus_ops {
	const char *name;
	/* event_fd is written to when something came in. */
	void *(*open)(struct store *store, const char *region, int event_fd, struct err *err);
	void (*close)(void *bus);
	/* Offer what the outbox has, committed, behind `after`. It is idempotent by id. */
	bool (*publish)(void *bus, uint64_t after, struct err *err);
	/* What came in, at most max of them; take returns false to stop. What was taken is acknowledged by the next fetch or commit, when
	 * the store has committed it. */
	bool (*fetch)(void *bus, size_t max, bool (*take)(void *arg, const char *bytes, size_t len), void *arg,
		struct err *err);
	/* Tell an origin up to where this region has done what it made. */
	bool (*receipt)(void *bus, const struct store_mark *done, bool errors, struct err *err);
};

extern const struct bus_ops bus_local;

#endif
