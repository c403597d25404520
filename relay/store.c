/* An origin's floor rises over what lies ahead of it without a gap; what is to be done is what the inbox holds. Changes are one transaction
 * until store_commit, so that a burst of events costs one fsync. */
#include "relay/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store_floor.h"

bool store_is_dirty(const struct store *store)
{
	return store->dirty;
}

/* What every event changes is written once. */
static bool write_heads(struct store *store, struct err *err)
{
	return (store->last_oseq == store->committed_oseq || sql_meta_put(store, "oseq", store->last_oseq, err)) &&
	       floor_write(store, err);
}

bool store_commit(struct store *store, struct err *err)
{
	bool good;

	if (!store->dirty)
		return true;
	good = store->failed ? err_set(err, "%s", store->why.text)
			     : write_heads(store, err) && sql_run(store, COMMIT, err);
	store->dirty = store->failed = false;
	if (good) {
		store->committed_oseq = store->last_oseq;
		return true;
	}
	if (sql_in_transaction(store))
		sql_run(store, ROLLBACK, NULL);
	store->last_oseq = store->committed_oseq;
	store->gone_known = false;
	store->rollbacks++;
	floor_forget(store);
	return false;
}

uint64_t store_rollbacks(const struct store *store)
{
	return store->rollbacks;
}

/* ---- opening ---- */

/* Who it belongs to, and which life of the outbox this is. */
static bool read_identity(struct store *store, uint64_t now_ms, bool *fresh, struct err *err)
{
	store->epoch = (uint32_t)sql_meta_get(store, "epoch");
	store->last_oseq = store->committed_oseq = sql_meta_get(store, "oseq");
	if (store->epoch != 0)
		return true;
	*fresh = true;
	store->epoch = (uint32_t)(now_ms / 1000);
	return sql_begin(store, err) && sql_meta_put(store, "epoch", store->epoch, err) &&
	       sql_meta_put(store, "coarse", 1, err) && store_commit(store, err);
}

bool store_probe(struct store *store, uint64_t number, struct err *err)
{
	bool good = sql_begin(store, err) && sql_meta_put(store, "probe", number, err);

	return store_commit(store, good ? err : NULL) && good;
}

bool store_coarse_due(struct store *store)
{
	return sql_meta_get(store, "coarse") != 0;
}

bool store_coarse_done(struct store *store, struct err *err)
{
	return sql_begin(store, err) && sql_meta_put(store, "coarse", 0, err);
}

struct store *store_open(const char *path, const char *name, uint64_t now_ms, bool *fresh, struct err *err)
{
	struct store *store = mem_alloc(sizeof *store);

	STAILQ_INIT(&store->origins);
	STAILQ_INIT(&store->receipts);
	store->path = mem_strdup(path);
	snprintf(store->name, sizeof store->name, "%s", name);
	*fresh = false;
	if (sql_open(store, err) && read_identity(store, now_ms, fresh, err) && anew_if_renamed(store, err))
		return store;
	store_close(store);
	return NULL;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->db != NULL)
		store_commit(store, NULL);
	floor_forget(store);
	sql_shut(store);
	free(store->path);
	free(store);
}

uint32_t store_epoch(const struct store *store)
{
	return store->epoch;
}

/* ---- outbox ---- */

bool store_add(struct store *store, struct event *event, uint64_t now_ms, struct err *err)
{
	struct buf body = { 0 };
	bool good;

	if (!sql_begin(store, err))
		return false;
	snprintf(event->origin, sizeof event->origin, "%s", store->name);
	event->epoch = store->epoch;
	event->oseq = store->last_oseq + 1;
	event->made_ms = now_ms;
	event_print(event, &body);
	sql_number(store, OUTBOX_ADD, 1, event->oseq);
	sql_number(store, OUTBOX_ADD, 2, now_ms);
	sql_blob(store, OUTBOX_ADD, 3, body.text, body.len);
	good = body.len <= EVENT_BYTES_MAX ? sql_run(store, OUTBOX_ADD, err)
					   : err_set(err, "an event has at most %d bytes, this one %zu: split it",
						     EVENT_BYTES_MAX, body.len);
	buf_fini(&body);
	if (good)
		store->last_oseq = event->oseq;
	return good;
}

bool store_outbox(struct store *store, uint64_t after, size_t max,
	bool (*take)(void *arg, uint64_t oseq, const char *bytes, size_t len), void *arg, struct err *err)
{
	bool good = true;

	sql_number(store, OUTBOX_AFTER, 1, after);
	sql_number(store, OUTBOX_AFTER, 2, max);
	while (sql_row(store, OUTBOX_AFTER, &good, err)) {
		size_t len;
		const char *bytes = sql_get_blob(store, OUTBOX_AFTER, 1, &len);

		if (!take(arg, sql_get_number(store, OUTBOX_AFTER, 0), bytes, len))
			break;
	}
	sql_reset(store, OUTBOX_AFTER);
	return good;
}

uint64_t store_last(const struct store *store)
{
	return store->last_oseq;
}

uint64_t store_committed(const struct store *store)
{
	return store->committed_oseq;
}

bool store_trim(struct store *store, const char *const *relays, size_t nrelays, struct err *err)
{
	uint64_t floor = store_least_receipt(store);

	for (size_t i = 0; i < nrelays; i++) {
		uint64_t receipt = store_receipt_of(store, relays[i], NULL);

		floor = receipt < floor ? receipt : floor;
	}
	if (floor == UINT64_MAX || floor == 0)
		return true;
	if (!sql_begin(store, err))
		return false;
	sql_number(store, OUTBOX_TRIM, 1, floor);
	return sql_run(store, OUTBOX_TRIM, err);
}

bool store_outbox_left(struct store *store, uint64_t *rows, uint64_t *oldest_ms, uint64_t *last_oseq)
{
	bool good = sql_row(store, OUTBOX_LEFT, &(bool){ false }, NULL);

	*rows = good ? sql_get_number(store, OUTBOX_LEFT, 0) : 0;
	*oldest_ms = good ? sql_get_number(store, OUTBOX_LEFT, 1) : 0;
	*last_oseq = store->last_oseq;
	sql_reset(store, OUTBOX_LEFT);
	return good;
}

/* ---- inbox ---- */

static void bind_mark(struct store *store, enum statement which, const char *origin, uint64_t oseq)
{
	sql_text(store, which, 1, origin);
	sql_number(store, which, 2, oseq);
}

static bool is_ahead(struct store *store, const char *origin, uint64_t oseq)
{
	bind_mark(store, AHEAD_HAS, origin, oseq);
	return sql_one(store, AHEAD_HAS) != 0;
}

/* The floor rises over what lies ahead of it without a gap. */
static bool raise_floor(struct store *store, struct origin *origin, struct store_mark floor, struct err *err)
{
	while (origin->nahead > 0 && is_ahead(store, floor.origin, floor.oseq + 1)) {
		floor.oseq++;
		bind_mark(store, AHEAD_TAKE, floor.origin, floor.oseq);
		if (!sql_run(store, AHEAD_TAKE, err))
			return false;
		origin->nahead--;
	}
	floor_set(origin, &floor);
	return true;
}

static bool inbox_add(struct store *store, const struct event *event, const char *bytes, size_t len, struct err *err)
{
	sql_text(store, INBOX_ADD, 1, event->origin);
	sql_number(store, INBOX_ADD, 2, event->epoch);
	sql_number(store, INBOX_ADD, 3, event->oseq);
	sql_blob(store, INBOX_ADD, 4, bytes, len);
	return sql_run(store, INBOX_ADD, err);
}

static bool forget_ahead(struct store *store, struct origin *origin, uint64_t oseq, struct err *err)
{
	if (origin->nahead == 0)
		return true;
	bind_mark(store, AHEAD_DROP, origin->floor.origin, oseq);
	return sql_run(store, AHEAD_DROP, err) && floor_recount(store, origin, err);
}

static bool add_ahead(
	struct store *store, struct origin *origin, const struct store_mark *floor, uint64_t oseq, struct err *err)
{
	bind_mark(store, AHEAD_ADD, origin->floor.origin, oseq);
	if (!sql_run(store, AHEAD_ADD, err))
		return false;
	origin->nahead++;
	floor_set(origin, floor);
	return true;
}

/* Where it is kept that an epoch of an origin was the first one here, and began with its first event: there seemed to be nothing before. */
enum { FIRST_KEY_MAX = EVENT_LABEL_MAX + 8 };

static const char *first_key(const struct origin *origin, char key[static FIRST_KEY_MAX])
{
	snprintf(key, FIRST_KEY_MAX, "first:%s", origin->floor.origin);
	return key;
}

/* Of a life that has ended: the coarse flush covered it. There was none when nothing had come of that life before this one began; now we know
 * better, once for all of it. */
static enum store_taken take_of_old(struct store *store, const struct origin *origin, struct err *err)
{
	char key[FIRST_KEY_MAX];

	if (sql_meta_get(store, first_key(origin, key)) != origin->floor.epoch)
		return STORE_DUPLICATE;
	if (!sql_begin(store, err) || !sql_meta_put(store, key, 0, err))
		return STORE_FAILED;
	return sql_meta_put(store, "coarse", 1, err) ? STORE_EPOCH : STORE_FAILED;
}

enum store_taken store_take(
	struct store *store, const struct event *event, const char *bytes, size_t len, struct err *err)
{
	struct origin *origin = floor_of(store, event->origin);
	struct store_mark floor = origin->floor;
	bool known = origin->known, began;
	char key[FIRST_KEY_MAX];

	if (known && event->epoch < floor.epoch)
		return take_of_old(store, origin, err);
	began = !known || event->epoch > floor.epoch;
	if (began) { /* of what was before nothing is known: it counts as had, and is made good by a coarse flush */
		floor.epoch = event->epoch;
		floor.oseq = event->oseq - 1;
	}
	if (event->oseq <= floor.oseq || (!began && origin->nahead > 0 && is_ahead(store, event->origin, event->oseq)))
		return STORE_DUPLICATE;
	if (!sql_begin(store, err))
		return STORE_FAILED;
	if (began && !forget_ahead(store, origin, INT64_MAX, err))
		return STORE_FAILED;
	if (!inbox_add(store, event, bytes, len, err))
		return STORE_FAILED;
	if (event->oseq != floor.oseq + 1) {
		if (!add_ahead(store, origin, &floor, event->oseq, err))
			return STORE_FAILED;
	} else {
		floor.oseq++;
		if (!raise_floor(store, origin, floor, err))
			return STORE_FAILED;
	}
	if (!began)
		return STORE_NEW;
	if (!known && event->oseq == 1)
		return sql_meta_put(store, first_key(origin, key), event->epoch, err) ? STORE_NEW : STORE_FAILED;
	return sql_meta_put(store, "coarse", 1, err) ? STORE_EPOCH : STORE_FAILED;
}

bool store_inbox(
	struct store *store, bool (*take)(void *arg, const char *bytes, size_t len), void *arg, struct err *err)
{
	bool good = true;

	while (sql_row(store, INBOX_ALL, &good, err)) {
		size_t len;
		const char *bytes = sql_get_blob(store, INBOX_ALL, 0, &len);

		if (!take(arg, bytes, len))
			break;
	}
	sql_reset(store, INBOX_ALL);
	return good;
}

bool store_done(struct store *store, const struct store_mark *mark, bool errors, struct err *err)
{
	if (!sql_begin(store, err))
		return false;
	sql_text(store, INBOX_DROP, 1, mark->origin);
	sql_number(store, INBOX_DROP, 2, mark->epoch);
	sql_number(store, INBOX_DROP, 3, mark->oseq);
	if (!sql_run(store, INBOX_DROP, err))
		return false;
	if (errors) {
		struct origin *origin = floor_of(store, mark->origin);

		origin->nerrors++;
		origin->dirty = origin->known;
	}
	return true;
}

void store_received(struct store *store, const char *origin, struct store_mark *received)
{
	*received = floor_of(store, origin)->floor;
}

void store_floors(
	struct store *store, const char *origin, struct store_mark *received, struct store_mark *done, bool *errors)
{
	const struct origin *known = floor_of(store, origin);
	uint64_t first;

	*errors = known->nerrors > 0;
	*done = *received = known->floor;
	sql_text(store, INBOX_FIRST, 1, origin);
	sql_number(store, INBOX_FIRST, 2, received->epoch);
	first = sql_one(store, INBOX_FIRST);
	if (first != 0 && first <= received->oseq)
		done->oseq = first - 1;
}

bool store_gap(struct store *store, const char *name, struct store_mark *upto)
{
	const struct origin *origin = floor_of(store, name);
	uint64_t first;

	if (origin->nahead == 0)
		return false;
	*upto = origin->floor;
	sql_text(store, AHEAD_FIRST, 1, name);
	first = sql_one(store, AHEAD_FIRST);
	if (first != 0)
		upto->oseq = first - 1;
	return first != 0;
}

bool store_jump(struct store *store, const struct store_mark *mark, struct err *err)
{
	struct origin *origin = floor_of(store, mark->origin);

	if (!sql_begin(store, err) || !sql_meta_put(store, "coarse", 1, err))
		return false;
	sql_text(store, INBOX_DROP_ORIGIN, 1, mark->origin);
	sql_number(store, INBOX_DROP_ORIGIN, 2, mark->epoch);
	sql_number(store, INBOX_DROP_ORIGIN, 3, mark->oseq);
	if (!sql_run(store, INBOX_DROP_ORIGIN, err) || !forget_ahead(store, origin, mark->oseq, err))
		return false;
	return raise_floor(store, origin, *mark, err);
}

/* ---- receipts ---- */

bool store_is_ahead(const struct store *store, uint32_t epoch, uint64_t oseq)
{
	return epoch > store->epoch || (epoch == store->epoch && oseq > store->last_oseq);
}

bool store_receipt(struct store *store, const char *relay, uint32_t epoch, uint64_t oseq, bool errors, struct err *err)
{
	struct receipt *was = receipt_of(store, relay);

	if (store_is_ahead(store, epoch, oseq))
		return err_set(err, "%s has a receipt for %u:%llu, which was never made here", relay, epoch,
			(unsigned long long)oseq);
	if (epoch < was->epoch ||
		(epoch == was->epoch && (oseq < was->oseq || (oseq == was->oseq && errors <= was->errors))))
		return true; /* said again, or older */
	if (!sql_begin(store, err))
		return false;
	sql_text(store, RECEIPT_PUT, 1, relay);
	sql_number(store, RECEIPT_PUT, 2, epoch);
	sql_number(store, RECEIPT_PUT, 3, oseq);
	sql_number(store, RECEIPT_PUT, 4, errors);
	if (!sql_run(store, RECEIPT_PUT, err))
		return false;
	was->epoch = epoch;
	was->oseq = oseq;
	was->errors = errors;
	return true;
}

uint64_t store_receipt_of(struct store *store, const char *relay, bool *errors)
{
	const struct receipt *receipt = receipt_of(store, relay);
	bool ours = receipt->epoch == store->epoch;

	if (errors != NULL)
		*errors = ours && receipt->errors;
	return ours ? receipt->oseq : 0;
}

/* ---- what could not be done ---- */

bool store_bury(struct store *store, const struct store_dead *dead, struct err *err)
{
	if (!sql_begin(store, err))
		return false;
	sql_text(store, DEAD_ADD, 1, dead->target);
	sql_text(store, DEAD_ADD, 2, dead->event);
	sql_text(store, DEAD_ADD, 3, dead->item);
	sql_text(store, DEAD_ADD, 4, dead->reason);
	sql_number(store, DEAD_ADD, 5, dead->at_ms);
	sql_number(store, DEAD_TRIM, 1, STORE_DEAD_MAX);
	return sql_run(store, DEAD_ADD, err) && sql_run(store, DEAD_TRIM, err);
}

bool store_dead(struct store *store, bool (*take)(void *arg, const struct store_dead *dead), void *arg, struct err *err)
{
	bool good = true;

	while (sql_row(store, DEAD_ALL, &good, err)) {
		const struct store_dead dead = {
			.id = (int64_t)sql_get_number(store, DEAD_ALL, 0),
			.target = sql_get_text(store, DEAD_ALL, 1),
			.event = sql_get_text(store, DEAD_ALL, 2),
			.item = sql_get_text(store, DEAD_ALL, 3),
			.reason = sql_get_text(store, DEAD_ALL, 4),
			.at_ms = sql_get_number(store, DEAD_ALL, 5),
		};

		if (!take(arg, &dead))
			break;
	}
	sql_reset(store, DEAD_ALL);
	return good;
}

bool store_dead_drop(struct store *store, int64_t id, struct err *err)
{
	if (!sql_begin(store, err))
		return false;
	if (id == 0)
		return sql_run(store, DEAD_CLEAR, err);
	sql_number(store, DEAD_DROP, 1, (uint64_t)id);
	return sql_run(store, DEAD_DROP, err);
}

uint64_t store_dead_count(struct store *store)
{
	return sql_one(store, DEAD_COUNT);
}
