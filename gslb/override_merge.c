/* What was decided elsewhere. It was judged where it was decided: here it is put in force as it stands, and when that breaks a service's `keep`
 * it is said. A batch is taken in whole or not at all, so that what was not stored is asked for again. */
#include <stdlib.h>
#include <string.h>

#include "gslb/audit.h"
#include "gslb/forecast.h"
#include "gslb/override_list.h"
#include "gslb/target.h"

/* A writ that holds now, and what it replaced. */
struct taken {
	const struct writ *writ; /* the set's */
	struct writ *before;     /* NULL: none */
};

struct merging {
	struct override_list *list;
	struct taken *taken;
	size_t n;
	uint64_t now_ms;
};

static void take(struct merging *m, const struct writ *writ, struct override_merged *merged)
{
	struct writ *copy = writ_copy(writ), *before;
	struct err err;

	switch (writ_set_merge(m->list->set, copy, m->now_ms, &before, &err)) {
	case WRIT_TAKEN:
		m->taken[m->n++] = (struct taken){ copy, before };
		return;
	case WRIT_REFUSED:
		merged->refused++;
		merged->refusal = err;
		break;
	case WRIT_KNOWN:
	case WRIT_OLDER:
		break;
	}
	writ_free(copy);
}

/* In the turned order: one target may be among them twice. */
static void undo(struct merging *m)
{
	for (; m->n > 0; m->n--) {
		const struct taken *taken = &m->taken[m->n - 1];

		writ_free(writ_set_restore(m->list->set, taken->writ->target, taken->before));
	}
}

/* A crash between the audit and the file brings the same again: it is on record already. Only what was made before our start, or before the
 * file could not be written, can be. */
static bool is_on_record(const struct override_list *list, const struct writ *writ)
{
	char id[WRIT_ID_MAX];

	if (writ->made_ms > list->opened_ms + WRIT_SKEW_MS && !list->unwritten)
		return false;
	return audit_holds(list->directory, "writ", writ_id(writ, id));
}

/* What changes nothing that is in force here is remembered, and is no news. */
static bool record(const struct merging *m, const struct taken *taken, struct err *err)
{
	const struct writ *writ = taken->writ;
	size_t at = override_list_index(m->list, writ->target);
	struct override *shown;
	bool good;

	if (writ->action == WRIT_CLEAR)
		return at == m->list->nitems || is_on_record(m->list, writ) ||
		       override_list_audit(m->list, "clear", writ, m->list->items[at], m->now_ms, err);
	if (!writ_in_force(writ, m->now_ms) || is_on_record(m->list, writ))
		return true;
	shown = override_of(writ);
	good = override_list_audit(m->list, "force", writ, shown, m->now_ms, err);
	override_free(shown);
	return good;
}

static bool store(struct merging *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!record(m, &m->taken[i], err))
			return false;
	m->list->unwritten = m->n > 0 && !override_list_write(m->list, err);
	return !m->list->unwritten;
}

/* ---- keep ---- */

static void judge(struct override_list *list, const struct world *world, size_t at, uint64_t now_ms)
{
	struct override *item = list->items[at];
	struct override_list others = { .items = mem_dup(list->items, list->nitems * sizeof(struct override *)),
		.nitems = list->nitems - 1 };
	struct world before = *world, after = *world;
	struct overlay *with, *without;
	struct override_target target;
	json_t *effects;
	struct err err;

	if (item->action == OVERRIDE_UP || !override_target_again(world->snapshot, item->target, item->glob, &target)) {
		free(others.items);
		return;
	}
	others.items[at] = others.items[others.nitems];
	before.overlay = without = overlay_new(&others, world->snapshot);
	after.overlay = with = overlay_new(list, world->snapshot);
	effects = json_array();
	if (!forecast_make(&(struct forecast){ .before = &before,
				   .after = &after,
				   .target = &target,
				   .now_ms = item->from_ms > now_ms ? item->from_ms : now_ms,
				   .said = item->target },
		    effects, &err))
		item->breaks = mem_printf("%s %s by %s of region %s: %.700s", item->target,
			override_action_name(item->action), item->who, item->origin, err.text);
	json_decref(effects);
	overlay_free(with);
	overlay_free(without);
	free(others.items);
}

void override_judge(struct override_list *list, const struct world *world, uint64_t now_ms)
{
	for (size_t i = 0; i < list->nitems; i++)
		if (!override_is_ours(list, list->items[i]) && list->items[i]->breaks == NULL)
			judge(list, world, i, now_ms);
}

void override_judge_again(struct override_list *list, const struct world *world, uint64_t now_ms)
{
	for (size_t i = 0; i < list->nitems; i++) {
		struct override *item = list->items[i];

		if (item->breaks == NULL)
			continue;
		free(item->breaks);
		item->breaks = NULL;
		judge(list, world, i, now_ms);
	}
}

/* ---- all of it ---- */

static void put_in_force(struct merging *m, const struct world *world, struct override_merged *merged)
{
	struct override_list *list = m->list;

	for (size_t i = 0; i < m->n; i++) {
		const struct writ *writ = m->taken[i].writ;
		bool was = override_list_index(list, writ->target) < list->nitems, is;

		override_list_refresh(list, writ->target, m->now_ms);
		is = override_list_index(list, writ->target) < list->nitems;
		merged->changed = merged->changed || was || is;
		if (is)
			judge(list, world, override_list_index(list, writ->target), m->now_ms);
		if (was || is)
			log_notice("override=%s target=\"%s\" who=%s why=\"%s\" origin=%s",
				writ_action_name(writ->action), writ->target, writ->who, writ->why, writ->origin);
	}
}

bool override_merge(struct override_list *list, const struct world *world, const struct writ *const *writs, size_t n,
	uint64_t now_ms, struct override_merged *merged, struct err *err)
{
	struct merging m = { .list = list, .taken = mem_alloc((n + 1) * sizeof(struct taken)), .now_ms = now_ms };
	bool good;

	*merged = (struct override_merged){ 0 };
	for (size_t i = 0; i < n; i++)
		take(&m, writs[i], merged);
	good = store(&m, err);
	if (good)
		put_in_force(&m, world, merged);
	merged->taken = good ? m.n : 0;
	for (size_t i = m.n; good && i-- > 0;)
		writ_free(m.taken[i].before);
	if (!good)
		undo(&m);
	free(m.taken);
	return good;
}
