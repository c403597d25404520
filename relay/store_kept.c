/* What the outbox keeps for relays that have not said that they have it, and for how long. One that was away for longer cannot be told event by
 * event any more: it is told to drop everything, and that the numbers before that do not come (RELAY 5.3). */
#include <stdio.h>

#include "relay/store_sql.h"

uint64_t store_gone(struct store *store)
{
	if (!store->gone_known)
		store->gone = sql_meta_get(store, "gone");
	store->gone_known = true;
	return store->gone;
}

/* The last number of those that are too many, or were made before then_ms; 0: none. */
static uint64_t last_to_go(struct store *store, uint64_t then_ms, uint64_t most)
{
	uint64_t first = 0, made_ms = UINT64_MAX, last = 0;

	if (sql_row(store, OUTBOX_FIRST, &(bool){ false }, NULL)) {
		first = sql_get_number(store, OUTBOX_FIRST, 0);
		made_ms = sql_get_number(store, OUTBOX_FIRST, 1);
	}
	sql_reset(store, OUTBOX_FIRST);
	if (made_ms < then_ms) {
		sql_number(store, OUTBOX_OLD, 1, then_ms);
		last = sql_one(store, OUTBOX_OLD);
	}
	if (first > 0 && store->last_oseq - first + 1 > most && store->last_oseq - most > last)
		last = store->last_oseq - most;
	return last;
}

bool store_let_go(struct store *store, uint64_t then_ms, uint64_t most, uint64_t *rows, struct err *err)
{
	struct store_mark received, done;
	uint64_t last = last_to_go(store, then_ms, most);
	bool errors;

	*rows = 0;
	store_floors(store, store->name, &received, &done, &errors);
	if (last > received.oseq) /* this relay has it from the outbox, too */
		last = received.oseq;
	if (last == 0 || last <= store_gone(store) || received.epoch != store->epoch)
		return true;
	if (!sql_begin(store, err))
		return false;
	sql_number(store, OUTBOX_COUNT, 1, last);
	*rows = sql_one(store, OUTBOX_COUNT);
	sql_number(store, OUTBOX_TRIM, 1, last);
	store->gone_known = false;
	return sql_run(store, OUTBOX_TRIM, err) && sql_meta_put(store, "gone", last, err);
}

uint64_t store_made_after(struct store *store, uint64_t oseq)
{
	sql_number(store, OUTBOX_MADE, 1, oseq);
	return sql_one(store, OUTBOX_MADE);
}

uint64_t store_least_receipt(struct store *store)
{
	uint64_t least = UINT64_MAX;

	sql_number(store, RECEIPT_LEAST, 1, store->epoch);
	if (sql_row(store, RECEIPT_LEAST, &(bool){ false }, NULL) && !sql_is_null(store, RECEIPT_LEAST, 0))
		least = sql_get_number(store, RECEIPT_LEAST, 0);
	sql_reset(store, RECEIPT_LEAST);
	return least;
}

void store_receipts(struct store *store, void (*take)(void *arg, const char *relay, uint64_t oseq), void *arg)
{
	sql_number(store, RECEIPT_ALL, 1, store->epoch);
	while (sql_row(store, RECEIPT_ALL, &(bool){ false }, NULL))
		take(arg, sql_get_text(store, RECEIPT_ALL, 0), sql_get_number(store, RECEIPT_ALL, 1));
	sql_reset(store, RECEIPT_ALL);
}

bool store_say_gone(struct store *store, const char *region, const char *relay, uint64_t now_ms, struct err *err)
{
	const char *const regions[] = { region };
	struct event event = {
		.class = EVENT_ALL,
		.prio = EVENT_FAILOVER,
		.jump = store_gone(store),
		.nregions = 1,
		.regions = regions,
		.relay = relay,
		.why = "what was made while it was away is not kept any more",
		.actor = "gslb-relay",
		.trace = "",
	};

	return store_add(store, &event, now_ms, err);
}
