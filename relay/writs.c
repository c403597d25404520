#include "relay/writs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_MS = 1000, FORGET_MS = 3600000 };

/* ---- what is known ---- */

static void add_change(struct writs *writs, char *target)
{
	writs->changes = mem_grow(writs->changes, writs->nchanges, &writs->changes_cap, sizeof *writs->changes);
	writs->changes[writs->nchanges++] = (struct writs_change){ ++writs->version, target };
}

static void forget_changes(struct writs *writs)
{
	while (writs->nchanges > 0)
		free(writs->changes[--writs->nchanges].target);
}

/* The change of a target moves to the end: who has less than its version fetches it. */
static void note_change(struct writs *writs, const char *target)
{
	char *kept = NULL;
	size_t i = 0;

	while (i < writs->nchanges && strcmp(writs->changes[i].target, target) != 0)
		i++;
	if (i < writs->nchanges) {
		kept = writs->changes[i].target;
		memmove(&writs->changes[i], &writs->changes[i + 1], (--writs->nchanges - i) * sizeof *writs->changes);
	}
	add_change(writs, kept != NULL ? kept : mem_strdup(target));
}

static struct writ *read_writ(const char *bytes, size_t len)
{
	json_t *json = json_loadb(bytes, len, 0, NULL);
	struct writ *writ = writ_parse(json, NULL);

	json_decref(json);
	return writ;
}

static void load_one(void *arg, const char *bytes, size_t len)
{
	struct writs *writs = arg;
	struct writ *writ = read_writ(bytes, len);

	if (writ == NULL)
		return;
	add_change(writs, mem_strdup(writ->target));
	writ_free(writ_set_restore(writs->set, writ->target, writ));
}

/* Anew, as the log has it, a row for each target: all of them count as changed. */
static bool load(struct writs *writs, struct err *err)
{
	forget_changes(writs);
	writ_set_free(writs->set);
	writs->set = writ_set_new();
	return store_writs(writs->store, load_one, writs, err);
}

struct writs *writs_new(struct store *store, const char *region, const char *name, uint64_t life,
	void (*told)(void *arg, const struct work_state *state), void *arg, struct err *err)
{
	struct writs *writs = mem_alloc(sizeof *writs);

	*writs = (struct writs){
		.store = store, .region = region, .name = name, .life = life, .told = told, .arg = arg
	};
	if (load(writs, err))
		return writs;
	writs_free(writs);
	return NULL;
}

void writs_free(struct writs *writs)
{
	if (writs == NULL)
		return;
	forget_changes(writs);
	free(writs->changes);
	writ_set_free(writs->set);
	free(writs);
}

void writs_clock(struct writs *writs, uint64_t wall_ms)
{
	writs->wall_ms = wall_ms;
}

const struct writ_set *writs_set(const struct writs *writs)
{
	return writs->set;
}

/* It changes with what is known, and, slowly, with time. */
uint64_t writs_digest(struct writs *writs)
{
	if (writs->digest_ms == 0 || writs->digest_version != writs->version ||
		writs->wall_ms - writs->digest_ms >= DIGEST_MS) {
		writs->digest = writ_set_digest(writs->set, writs->wall_ms);
		writs->digest_version = writs->version;
		writs->digest_ms = writs->wall_ms;
	}
	return writs->digest;
}

/* ---- forgetting ---- */

struct forgetting {
	const struct writ_set *set;
	char **targets;
	size_t n, cap;
};

static void look_for_forgotten(void *arg, const char *bytes, size_t len)
{
	struct forgetting *f = arg;
	struct writ *writ = read_writ(bytes, len);

	if (writ != NULL && writ_set_find(f->set, writ->target) == NULL) {
		f->targets = mem_grow(f->targets, f->n, &f->cap, sizeof *f->targets);
		f->targets[f->n++] = mem_strdup(writ->target);
	}
	writ_free(writ);
}

static void drop_changes(struct writs *writs)
{
	size_t kept = 0;

	for (size_t i = 0; i < writs->nchanges; i++)
		if (writ_set_find(writs->set, writs->changes[i].target) != NULL)
			writs->changes[kept++] = writs->changes[i];
		else
			free(writs->changes[i].target);
	writs->nchanges = kept;
}

void writs_forget(struct writs *writs)
{
	struct forgetting f = { .set = writs->set };
	struct err err;
	bool good;

	if (writs->forgot_ms != 0 && writs->wall_ms - writs->forgot_ms < FORGET_MS)
		return;
	writs->forgot_ms = writs->wall_ms;
	writ_set_forget(writs->set, writs->wall_ms);
	drop_changes(writs);
	good = store_writs(writs->store, look_for_forgotten, &f, &err);
	for (size_t i = 0; i < f.n; i++) {
		good = good && store_writ_drop(writs->store, f.targets[i], &err);
		free(f.targets[i]);
	}
	free(f.targets);
	if (!good)
		log_error("overrides=not-forgotten reason=\"%s\"", err.text);
}

/* ---- coming in ---- */

static bool merge(struct writs *writs, const char *text, bool *refused, struct err *err)
{
	struct writ *writ = read_writ(text, strlen(text)), *before = NULL;
	enum writ_merged merged;
	struct err why;

	if (writ == NULL)
		return true; /* it was read when the event was: an older program's */
	merged = writ_set_merge(writs->set, writ, writs->wall_ms, &before, &why);
	if (merged == WRIT_TAKEN) {
		bool good = store_writ_put(writs->store, writ->target, text, strlen(text), err);

		writs->torn = writs->torn || !good;
		note_change(writs, writ->target);
		writ_free(before);
		return good;
	}
	if (merged == WRIT_REFUSED) {
		*refused = true;
		writs->refused++;
		log_warning("override=refused reason=\"%s\"", why.text);
	}
	writ_free(writ);
	return true;
}

static void hand(struct writs *writs, const struct event *event, bool errors, uint64_t now_ms)
{
	struct writs_handed *handed;

	if (writs->nhanded == WRITS_HANDED_MAX) /* whoever waited for it has given up long ago */
		memmove(writs->handed, writs->handed + 1, --writs->nhanded * sizeof *writs->handed);
	handed = &writs->handed[writs->nhanded++];
	*handed = (struct writs_handed){
		.version = writs->version, .began_ms = now_ms, .errors = errors, .asked = event->confirm
	};
	event_id(event, handed->id);
	snprintf(handed->origin, sizeof handed->origin, "%s", event->origin);
}

bool writs_take(struct writs *writs, const struct event *event, uint64_t now_ms, struct err *err)
{
	bool refused = false;

	if (!event_is_for(event, writs->region, writs->name))
		return true;
	for (size_t i = 0; i < event->nitems; i++)
		if (!merge(writs, event->items[i].text, &refused, err))
			return false;
	writs->changed_ms = now_ms;
	hand(writs, event, refused, now_ms);
	return true;
}

void writs_settle(struct writs *writs, bool committed)
{
	static struct log_limit limit;
	size_t kept = 0;
	unsigned held;
	struct err err;
	bool lost = writs->torn;

	for (size_t i = 0; i < writs->nhanded; i++) {
		struct writs_handed *handed = &writs->handed[i];

		lost = lost || (!handed->committed && !committed);
		handed->committed = handed->committed || committed;
		if (handed->committed)
			writs->handed[kept++] = *handed;
	}
	writs->nhanded = kept;
	writs->torn = lost && !load(writs, &err); /* the event comes again */
	if (writs->torn && log_allowed(&limit, clock_monotonic_ms(), &held))
		log_error("overrides=not-read reason=\"%s\" held=%u", err.text, held);
}

/* ---- going out ---- */

bool writs_pack_end(struct writs_packing *packing, struct err *err)
{
	struct event event = {
		.class = EVENT_OVERRIDE,
		.prio = EVENT_FAILOVER,
		.nitems = packing->n,
		.items = packing->item,
		.nregions = packing->region != NULL ? 1 : 0,
		.regions = &packing->region,
		.relay = packing->relay,
		.actor = packing->actor,
		.confirm = packing->confirm,
		.why = packing->why,
		.trace = "",
	};

	if (packing->n == 0)
		return true;
	packing->n = packing->bytes = 0;
	if (!store_add(packing->writs->store, &event, packing->writs->wall_ms, err))
		return false;
	if (packing->last != NULL)
		*packing->last = event;
	return true;
}

bool writs_pack(struct writs_packing *packing, const struct writ *writ, struct err *err)
{
	json_t *json = writ_json(writ);
	char *text = json_dumps(json, JSON_COMPACT);
	bool good = true;

	json_decref(json);
	if (packing->n == WRITS_BATCH || (packing->n > 0 && packing->bytes + strlen(text) > WRITS_BYTES))
		good = writs_pack_end(packing, err);
	packing->bytes += strlen(text);
	packing->item[packing->n++] = (struct event_item){ .text = arena_strdup(packing->arena, text) };
	free(text);
	return good;
}

static bool is_news(const struct writs *writs, const struct writ *writ)
{
	const struct writ *known = writ_set_find(writs->set, writ->target);

	return writ_is_kept(writ, writs->wall_ms) && (known == NULL || writ_compare(writ, known) > 0);
}

bool writs_offer(struct writs *writs, const json_t *list, const char *actor, bool confirm, size_t *refused,
	struct arena *arena, struct event *last, struct err *err)
{
	struct writs_packing packing = {
		.writs = writs, .actor = actor, .confirm = confirm, .arena = arena, .last = last
	};
	struct err why;
	bool good = true;

	*refused = 0;
	*last = (struct event){ 0 };
	for (size_t i = 0; good && i < json_array_size(list); i++) {
		struct writ *writ = writ_parse(json_array_get(list, i), &why);

		if (writ == NULL || !writ_can_travel(writ, &why) || !writ_is_timely(writ, writs->wall_ms, &why)) {
			(*refused)++;
			writs->refused++;
			err_set(err, "%s", why.text);
			log_warning("override=refused actor=%s reason=\"%s\"", actor, why.text);
		} else if (is_news(writs, writ)) {
			packing.why = packing.n == 0 ? arena_strdup(arena, writ->drill != NULL ? writ->drill : "")
						     : packing.why;
			good = writs_pack(&packing, writ, err);
		}
		writ_free(writ);
	}
	return good && writs_pack_end(&packing, err);
}

bool writs_offer_all(struct writs *writs, const char *region, const char *name, struct err *err)
{
	struct writs_packing packing = { .writs = writs,
		.actor = "gslb-relay",
		.why = "that one has others",
		.region = region,
		.relay = name,
		.arena = arena_new() };
	const struct writ *const *all;
	size_t n = writ_set_get(writs->set, &all);
	bool good = true;

	for (size_t i = 0; good && i < n; i++)
		good = writs_pack(&packing, all[i], err);
	good = good && writs_pack_end(&packing, err);
	arena_free(packing.arena);
	return good;
}
