/* A log that goes on as another life: what is in its outbox has that one's epoch then, and its origin's name. */
#include <stdio.h>
#include <string.h>

#include "relay/store_floor.h"

struct rewriting {
	struct arena *arena;
	uint64_t oseq;
	struct event event;
};

static bool read_row(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct rewriting *r = arg;
	bool parked;

	r->oseq = event_parse(bytes, len, true, r->arena, &r->event, &parked, NULL) ? oseq : 0;
	return true;
}

/* The first row behind `after`, which becomes its number; false at the end, or with good unset. */
static bool rewrite_row(struct store *store, uint32_t epoch, uint64_t *after, bool *good, struct err *err)
{
	struct rewriting r = { .arena = arena_new() };
	struct buf body = { 0 };

	*good = store_outbox(store, *after, 1, read_row, &r, err);
	if (*good && r.oseq != 0) {
		r.event.epoch = epoch;
		snprintf(r.event.origin, sizeof r.event.origin, "%s", store->name);
		event_print(&r.event, &body);
		sql_number(store, OUTBOX_PUT, 1, r.oseq);
		sql_blob(store, OUTBOX_PUT, 2, body.text, body.len);
		*good = sql_run(store, OUTBOX_PUT, err);
		*after = r.oseq;
	}
	buf_fini(&body);
	arena_free(r.arena);
	return *good && r.oseq != 0;
}

bool store_begin_anew(struct store *store, uint32_t above, struct err *err)
{
	uint32_t epoch = above > store->epoch ? above + 1 : store->epoch + 1;
	uint64_t after = 0;
	bool good = store_commit(store, err) && sql_begin(store, err) && sql_meta_put(store, "epoch", epoch, err);

	while (good && rewrite_row(store, epoch, &after, &good, err))
		;
	if (!store_commit(store, good ? err : NULL) || !good)
		return false;
	store->epoch = epoch;
	return true;
}

/* The table of numbers has one for the name; never 0. */
static uint64_t number_of(const char *name)
{
	static const uint8_t key[16] = { 0 };

	return (hash_sip(key, name, strlen(name)) >> 1) + 1;
}

/* What is in its outbox has another name. */
static bool is_of_another(struct store *store)
{
	struct rewriting r = { .arena = arena_new() };
	bool other = store_outbox(store, 0, 1, read_row, &r, NULL) && r.oseq != 0 &&
		     strcmp(r.event.origin, store->name) != 0;

	arena_free(r.arena);
	return other;
}

/* A log of an older version does not say whose it is: its region's. */
bool anew_if_renamed(struct store *store, struct err *err)
{
	uint64_t was = sql_meta_get(store, "named"), is = number_of(store->name);

	if (was == is)
		return true;
	if ((was != 0 || is_of_another(store)) && !store_begin_anew(store, 0, err))
		return false;
	return sql_begin(store, err) && sql_meta_put(store, "named", is, err) && store_commit(store, err);
}
