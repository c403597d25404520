/* What operators ask for: setting and ending overrides, and their end by time. */
#include "gslb/override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/forecast.h"
#include "gslb/override_list.h"
#include "gslb/standing.h"
#include "gslb/target.h"

/* A glob as typed: "eu-*" is listed as "pool:eu-*". It need not match anything any more. */
static size_t list_index_glob(const struct override_list *list, const struct snapshot *snapshot, const char *target)
{
	struct override_target glob;
	size_t at;
	char *text;

	if (strpbrk(target, "*?") == NULL || !override_target_again(snapshot, target, true, &glob))
		return list->nitems;
	text = override_target_text(snapshot, &glob);
	at = override_list_index(list, text);
	free(text);
	return at;
}

/* ---- setting one ---- */

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool good = string != NULL;

	json_decref(string);
	return good;
}

static bool request_check(const struct override_request *request, struct err *err)
{
	if (request->action == OVERRIDE_NONE)
		return err_set(err, "%s: an override is up, down or drain", request->target);
	if (request->why == NULL || request->why[0] == '\0')
		return err_set(err, "%s: say why (--why TEXT), it is kept with the override", request->target);
	if (!is_utf8(request->why))
		return err_set(err, "%s: the reason is not UTF-8 text", request->target);
	if (request->for_ms == 0)
		return err_set(err, "%s: say for how long (--for 30m), an override always ends", request->target);
	if (request->over_ms > 0 && request->action != OVERRIDE_DRAIN)
		return err_set(err, "%s: --over goes with drain only", request->target);
	if (request->over_ms > request->for_ms)
		return err_set(err, "%s: a drain over %us does not fit into %us (make --for longer)", request->target,
			(unsigned)(request->over_ms / 1000), (unsigned)(request->for_ms / 1000));
	return true;
}

/* The world as it would be: the override in place of an older one for the same target, gradual drains counted as whole. */
static struct overlay *overlay_with(const struct override_list *list, const struct world *world,
	const struct override_target *target, const struct writ *added, size_t replaced)
{
	struct override_list others = { .items = mem_alloc((list->nitems + 1) * sizeof(struct override *)) };
	struct overlay *base, *overlay;

	for (size_t i = 0; i < list->nitems; i++)
		if (i != replaced)
			others.items[others.nitems++] = list->items[i];
	base = overlay_new(&others, world->snapshot);
	overlay = overlay_copy(base, world->snapshot);
	overlay_cover(overlay, world->snapshot, target,
		&(struct effect){ .action = (enum override_action)added->action,
			.from_ms = added->from_ms,
			.until_ms = added->until_ms },
		false);
	overlay_free(base);
	free(others.items);
	return overlay;
}

static struct writ *writ_of(const struct override_list *list, const struct world *world,
	const struct override_request *request, const struct override_target *target, uint64_t now_ms)
{
	struct writ *writ = mem_alloc(sizeof(*writ));
	uint64_t from_ms = now_ms + request->lead_ms;

	*writ = (struct writ){
		.target = override_target_text(world->snapshot, target),
		.glob = target->glob,
		.action = (enum writ_action)request->action,
		.who = mem_strdup(request->who != NULL ? request->who : ""),
		.why = mem_strdup(request->why),
		.from_ms = from_ms,
		.until_ms = request->for_ms < UINT64_MAX / 2 - from_ms ? from_ms + request->for_ms : UINT64_MAX / 2,
		.over_ms = request->over_ms,
		.drill = request->drill != NULL ? mem_strdup(request->drill) : NULL,
		.origin = mem_strdup(list->origin),
		.host = mem_strdup(list->host),
	};
	writ->made_ms = writ_set_stamp(list->set, writ->target, now_ms);
	return writ;
}

static bool commit(struct override_list *list, struct writ *writ, uint64_t now_ms, struct err *err)
{
	struct override *shown = override_of(writ);
	bool good = override_list_commit(list, writ, "force", shown, now_ms, err);

	override_free(shown);
	return good;
}

bool override_set(struct override_list *list, const struct world *world, const struct override_request *request,
	uint64_t now_ms, json_t **effects, struct err *err)
{
	struct override_target target;
	struct writ *added;
	struct world after = *world;
	struct overlay *overlay;
	char said[256];
	json_t *weighed;
	size_t at;
	bool good;

	if (effects != NULL)
		*effects = NULL;
	if (!request_check(request, err) || !override_target_find(world->snapshot, request->target, &target, err))
		return false;
	added = writ_of(list, world, request, &target, now_ms);
	if (list->origin[0] != '\0' && !writ_can_travel(added, err)) {
		writ_free(added);
		return false;
	}
	at = override_list_index(list, added->target);
	if (at == list->nitems && list->nitems == OVERRIDES_MAX) {
		writ_free(added);
		return err_set(err, "%s: %d overrides are in force, clear some first", request->target, OVERRIDES_MAX);
	}
	overlay = overlay_with(list, world, &target, added, at);
	after.overlay = overlay;
	weighed = json_array();
	snprintf(said, sizeof said, "%s of %s", override_action_name(request->action), request->target);
	good = forecast_make(&(struct forecast){ .before = world,
				     .after = &after,
				     .target = &target,
				     .recent = request->dry_run ? request->recent : NULL,
				     .now_ms = added->from_ms, /* as it will be once it is in force */
				     .said = said },
		       weighed, request->force ? NULL : err) ||
	       request->force;
	overlay_free(overlay);
	if (good && !request->dry_run) {
		good = commit(list, added, now_ms, err);
		added = NULL;
	}
	writ_free(added);
	if (effects != NULL)
		*effects = weighed;
	else
		json_decref(weighed);
	return good;
}

/* ---- ending one ---- */

static bool clear_item(
	struct override_list *list, const struct override *item, const char *who, uint64_t now_ms, struct err *err)
{
	struct override *shown = override_of(writ_set_find(list->set, item->target));
	bool good = override_list_commit(
		list, override_list_clearing(list, item, who, now_ms), "clear", shown, now_ms, err);

	override_free(shown);
	return good;
}

enum override_cleared override_clear(struct override_list *list, const struct world *world, const char *target,
	const char *who, uint64_t now_ms, struct err *err)
{
	struct override_target found;
	char *text;
	size_t at;

	/* what a zone has lost can still be named as it is listed */
	at = override_list_index(list, target);
	if (at == list->nitems)
		at = list_index_glob(list, world->snapshot, target);
	if (at == list->nitems) {
		if (!override_target_find(world->snapshot, target, &found, err))
			return OVERRIDE_CLEAR_FAILED;
		text = override_target_text(world->snapshot, &found);
		at = override_list_index(list, text);
		if (at == list->nitems)
			err_set(err, "%s: no override is in force for it", text);
		free(text);
		if (at == list->nitems)
			return OVERRIDE_CLEAR_MOOT;
	}
	return clear_item(list, list->items[at], who, now_ms, err) ? OVERRIDE_CLEARED : OVERRIDE_CLEAR_FAILED;
}

/* drill NULL: any of ours; those of other hosts are theirs to end. */
static bool is_of_drill(const struct override_list *list, const struct override *item, const char *drill)
{
	if (item->drill == NULL)
		return false;
	return drill != NULL ? strcmp(item->drill, drill) == 0 : override_is_ours(list, item);
}

size_t override_clear_drill(struct override_list *list, const char *drill, const char *who, uint64_t now_ms)
{
	size_t cleared = 0, at = 0;
	struct err err;

	while (at < list->nitems) {
		const struct override *item = list->items[at];
		struct writ *writ;

		if (!is_of_drill(list, item, drill)) {
			at++;
			continue;
		}
		writ = override_list_clearing(list, item, who, now_ms);
		override_list_audit(list, "clear", writ, item, now_ms, &err);
		writ_free(writ_set_restore(list->set, writ->target, writ));
		override_list_refresh(list, writ->target, now_ms); /* it is gone, and the next one is here */
		cleared++;
	}
	if (cleared > 0 && !override_list_write(list, &err))
		log_error("overrides=not-written reason=\"%s\"", err.text);
	return cleared;
}

/* When an override next changes what is answered. */
static uint64_t next_change_ms(const struct override *override, uint64_t now_ms)
{
	uint64_t elapsed_ms, step;

	if (now_ms < override->from_ms)
		return override->from_ms;
	elapsed_ms = now_ms - override->from_ms;
	if (override->action != OVERRIDE_DRAIN || elapsed_ms >= override->over_ms)
		return override->until_ms;
	step = elapsed_ms * 10 / override->over_ms + 1;
	return sooner(override->until_ms, override->from_ms + (step * override->over_ms + 9) / 10);
}

bool override_expire(struct override_list *list, uint64_t now_ms, uint64_t *next_ms)
{
	size_t kept = 0, n = list->nitems;
	struct err err;

	*next_ms = 0;
	for (size_t i = 0; i < n; i++) {
		struct override *override = list->items[i];

		if (override->until_ms <= now_ms) {
			override_list_audit(list, "end", NULL, override, now_ms, &err);
			override_free(override);
			continue;
		}
		*next_ms = sooner(*next_ms, next_change_ms(override, now_ms));
		list->items[kept++] = override;
	}
	list->nitems = kept;
	/* not written is no harm: what has ended is not in force when the file is read */
	if (kept < n && writ_set_forget(list->set, now_ms) > 0 && !override_list_write(list, &err))
		log_error("overrides=not-written reason=\"%s\"", err.text);
	return kept < n;
}
