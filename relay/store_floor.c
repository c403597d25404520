#include "relay/store_floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- origins ---- */

bool floor_recount(struct store *store, struct origin *origin, struct err *err)
{
	bool good;

	sql_text(store, AHEAD_COUNT, 1, origin->floor.origin);
	if (sql_row(store, AHEAD_COUNT, &good, err))
		origin->nahead = sql_get_number(store, AHEAD_COUNT, 0);
	sql_reset(store, AHEAD_COUNT);
	return good;
}

static void read_origin(struct store *store, struct origin *origin)
{
	sql_text(store, FLOOR_GET, 1, origin->floor.origin);
	origin->known = sql_row(store, FLOOR_GET, &(bool){ false }, NULL);
	if (origin->known) {
		origin->floor.epoch = (uint32_t)sql_get_number(store, FLOOR_GET, 0);
		origin->floor.oseq = sql_get_number(store, FLOOR_GET, 1);
		origin->nerrors = sql_get_number(store, FLOOR_GET, 2);
	}
	sql_reset(store, FLOOR_GET);
	floor_recount(store, origin, NULL);
}

struct origin *floor_of(struct store *store, const char *name)
{
	struct origin *origin;

	STAILQ_FOREACH(origin, &store->origins, link)
	if (strcmp(origin->floor.origin, name) == 0)
		return origin;
	origin = mem_alloc(sizeof *origin);
	snprintf(origin->floor.origin, sizeof origin->floor.origin, "%s", name);
	read_origin(store, origin);
	STAILQ_INSERT_TAIL(&store->origins, origin, link);
	return origin;
}

void floor_set(struct origin *origin, const struct store_mark *mark)
{
	origin->floor.epoch = mark->epoch;
	origin->floor.oseq = mark->oseq;
	origin->known = origin->dirty = true;
}

static bool write_origin(struct store *store, struct origin *origin, struct err *err)
{
	sql_text(store, FLOOR_PUT, 1, origin->floor.origin);
	sql_number(store, FLOOR_PUT, 2, origin->floor.epoch);
	sql_number(store, FLOOR_PUT, 3, origin->floor.oseq);
	sql_number(store, FLOOR_PUT, 4, origin->nerrors);
	origin->dirty = !sql_run(store, FLOOR_PUT, err);
	return !origin->dirty;
}

bool floor_write(struct store *store, struct err *err)
{
	struct origin *origin;
	bool good = true;

	STAILQ_FOREACH(origin, &store->origins, link)
	if (origin->dirty && good)
		good = write_origin(store, origin, err);
	return good;
}

/* ---- receipts ---- */

struct receipt *receipt_of(struct store *store, const char *relay)
{
	struct receipt *receipt;

	STAILQ_FOREACH(receipt, &store->receipts, link)
	if (strcmp(receipt->relay, relay) == 0)
		return receipt;
	receipt = mem_alloc(sizeof *receipt);
	snprintf(receipt->relay, sizeof receipt->relay, "%s", relay);
	sql_text(store, RECEIPT_GET, 1, relay);
	if (sql_row(store, RECEIPT_GET, &(bool){ false }, NULL)) {
		receipt->epoch = (uint32_t)sql_get_number(store, RECEIPT_GET, 0);
		receipt->oseq = sql_get_number(store, RECEIPT_GET, 1);
		receipt->errors = sql_get_number(store, RECEIPT_GET, 2) != 0;
	}
	sql_reset(store, RECEIPT_GET);
	STAILQ_INSERT_TAIL(&store->receipts, receipt, link);
	return receipt;
}

/* ---- both ---- */

void floor_forget(struct store *store)
{
	while (!STAILQ_EMPTY(&store->origins)) {
		struct origin *origin = STAILQ_FIRST(&store->origins);

		STAILQ_REMOVE_HEAD(&store->origins, link);
		free(origin);
	}
	while (!STAILQ_EMPTY(&store->receipts)) {
		struct receipt *receipt = STAILQ_FIRST(&store->receipts);

		STAILQ_REMOVE_HEAD(&store->receipts, link);
		free(receipt);
	}
}
