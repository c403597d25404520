/* The list is a file first and memory second: a change is written and synced before it is in force, so that a crash right
 * after the operator's "done" loses nothing, and when the disk is full nothing changes. */
#include "gslb/override.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/audit.h"
#include "gslb/forecast.h"
#include "gslb/standing.h"
#include "gslb/target.h"

enum { FILE_MAX_BYTES = 16 * 1024 * 1024 };

struct override_list {
	char *directory, *path;
	struct override **items;
	size_t nitems, cap;
};

static const char *const action_names[] = {
	[OVERRIDE_NONE] = "none",
	[OVERRIDE_UP] = "up",
	[OVERRIDE_DRAIN] = "drain",
	[OVERRIDE_DOWN] = "down",
};

const char *override_action_name(enum override_action action)
{
	return action_names[action];
}

bool override_action_parse(const char *text, enum override_action *action)
{
	for (enum override_action a = OVERRIDE_UP; a <= OVERRIDE_DOWN; a++)
		if (strcmp(text, action_names[a]) == 0) {
			*action = a;
			return true;
		}
	return false;
}

static const char *const kind_names[] = {
	[OVERRIDE_ENDPOINT] = "endpoint",
	[OVERRIDE_POOL] = "pool",
	[OVERRIDE_REGION] = "region",
	[OVERRIDE_SERVICE_POOL] = "service",
};

static void override_free(struct override *override)
{
	if (override == NULL)
		return;
	free(override->target);
	free(override->who);
	free(override->why);
	free(override->drill);
	free(override);
}

/* ---- as JSON ---- */

json_t *override_json(const struct override *override)
{
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];

	return json_pack("{s:s s:s s:s s:s s:s s:s s:I s:s*}", "target", override->target, "action",
		override_action_name(override->action), "who", override->who, "why", override->why, "from",
		clock_format(override->from_ms, from), "until", clock_format(override->until_ms, until), "over_ms",
		(json_int_t) override->over_ms, "drill", override->drill);
}

/* What the file holds: exact times, to be read again. */
static json_t *stored(const struct override *override)
{
	return json_pack("{s:s s:s s:b s:s s:s s:s s:I s:I s:I s:s*}", "kind", kind_names[override->kind], "target",
		override->target, "glob", override->glob, "action", override_action_name(override->action), "who",
		override->who, "why", override->why, "from_ms", (json_int_t) override->from_ms, "until_ms",
		(json_int_t) override->until_ms, "over_ms", (json_int_t) override->over_ms, "drill", override->drill);
}

static struct override *restore(const json_t *from)
{
	const char *kind, *target, *action, *who, *why, *drill = NULL;
	json_int_t from_ms, until_ms, over_ms;
	struct override *override;
	enum override_action what;
	unsigned at = 0;
	int glob = 0; /* older files have none */

	if (json_unpack((json_t *)(uintptr_t)from, "{s:s s:s s?b s:s s:s s:s s:I s:I s:I s?s}", "kind", &kind, "target",
		    &target, "glob", &glob, "action", &action, "who", &who, "why", &why, "from_ms", &from_ms,
		    "until_ms", &until_ms, "over_ms", &over_ms, "drill", &drill) != 0)
		return NULL;
	while (at < COUNT_OF(kind_names) && strcmp(kind, kind_names[at]) != 0)
		at++;
	if (at == COUNT_OF(kind_names) || !override_action_parse(action, &what) || from_ms < 0 || until_ms < 0 ||
		over_ms < 0 || over_ms > UINT32_MAX)
		return NULL;
	override = mem_alloc(sizeof(*override));
	*override = (struct override){
		.kind = (enum override_kind)at,
		.target = mem_strdup(target),
		.glob = glob != 0,
		.action = what,
		.who = mem_strdup(who),
		.why = mem_strdup(why),
		.from_ms = (uint64_t)from_ms,
		.until_ms = (uint64_t)until_ms,
		.over_ms = (uint32_t)over_ms,
		.drill = drill != NULL ? mem_strdup(drill) : NULL,
	};
	return override;
}

/* ---- the list and its file ---- */

static void list_add(struct override_list *list, struct override *override)
{
	list->items = mem_grow(list->items, list->nitems, &list->cap, sizeof(struct override *));
	list->items[list->nitems++] = override;
}

static void list_clear(struct override_list *list)
{
	for (size_t i = 0; i < list->nitems; i++)
		override_free(list->items[i]);
	list->nitems = 0;
}

/* Takes in what a text holds; false when it is damaged. */
static bool list_parse(struct override_list *list, const char *text, size_t len, uint64_t now_ms)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *array, *item;
	bool good;
	size_t i;

	array = json_object_get(root, "overrides");
	good = json_is_array(array) && json_array_size(array) <= OVERRIDES_MAX;
	json_array_foreach(array, i, item)
	{
		struct override *override = good ? restore(item) : NULL;

		good = override != NULL;
		if (good && override->until_ms > now_ms)
			list_add(list, override);
		else
			override_free(override);
	}
	json_decref(root);
	return good;
}

static void list_read(struct override_list *list, uint64_t now_ms, struct err *err)
{
	char *text, *aside;
	size_t len;

	if (access(list->path, F_OK) != 0 && errno == ENOENT)
		return;
	if (file_read(list->path, FILE_MAX_BYTES, &text, &len, err)) {
		bool good = list_parse(list, text, len, now_ms);

		free(text);
		if (good)
			return;
		err_set(err, "%s: damaged, kept as %s.bad, no override is in force", list->path, list->path);
	}
	list_clear(list);
	aside = mem_printf("%s.bad", list->path);
	if (rename(list->path, aside) != 0)
		err_set(err, "%s: damaged, and cannot be renamed to %s: %s", list->path, aside, strerror(errno));
	free(aside);
}

struct override_list *override_list_open(const char *state_directory, uint64_t now_ms, struct err *err)
{
	struct override_list *list = mem_alloc(sizeof(*list));

	if (err != NULL)
		err->text[0] = '\0';
	list->directory = mem_strdup(state_directory);
	list->path = mem_printf("%s/overrides.json", state_directory);
	list_read(list, now_ms, err);
	return list;
}

static struct override *override_copy(const struct override *from)
{
	struct override *override = mem_dup(from, sizeof(*from));

	override->target = mem_strdup(from->target);
	override->who = mem_strdup(from->who);
	override->why = mem_strdup(from->why);
	override->drill = from->drill != NULL ? mem_strdup(from->drill) : NULL;
	return override;
}

struct override_list *override_list_scratch(const struct override_list *list)
{
	struct override_list *scratch = mem_alloc(sizeof(*scratch));

	for (size_t i = 0; list != NULL && i < list->nitems; i++)
		list_add(scratch, override_copy(list->items[i]));
	return scratch;
}

void override_list_free(struct override_list *list)
{
	if (list == NULL)
		return;
	list_clear(list);
	free(list->items);
	free(list->path);
	free(list->directory);
	free(list);
}

size_t override_list_get(const struct override_list *list, const struct override *const **overrides)
{
	*overrides = (const struct override *const *)list->items;
	return list->nitems;
}

static bool list_write(const struct override_list *list, struct err *err)
{
	json_t *array = json_array(), *root = json_pack("{s:i s:o}", "version", 1, "overrides", array);
	char *text;
	bool good;

	if (list->path == NULL) { /* a scratch */
		json_decref(root);
		return true;
	}
	for (size_t i = 0; i < list->nitems; i++)
		json_array_append_new(array, stored(list->items[i]));
	text = json_dumps(root, JSON_INDENT(2));
	good = file_replace(list->path, text, strlen(text), 0640, err);
	free(text);
	json_decref(root);
	return good;
}

static bool audit(const struct override_list *list, const char *event, const char *who, const struct override *override,
	uint64_t now_ms, struct err *err)
{
	char now[CLOCK_TEXT_MAX];
	json_t *line;
	bool good;

	if (list->directory == NULL) /* a scratch */
		return true;
	line = json_pack("{s:s s:s s:s s:o}", "time", clock_format(now_ms, now), "event", event, "who", who, "override",
		override_json(override));
	good = line != NULL ? audit_append(list->directory, line, err) : err_set(err, "not UTF-8");
	if (!good)
		log_error("audit=not-written event=%s target=%s reason=\"%s\"", event, override->target, err->text);
	json_decref(line);
	return good;
}

static bool not_done(struct err *err, const char *target, const struct err *why)
{
	return err_set(err, "%s: not done, since it cannot be stored: %.*s", target, 700, why->text);
}

/* What cannot be put on record does not happen: first the audit, then the list. */
static bool record(const struct override_list *list, const char *event, const char *who,
	const struct override *override, uint64_t now_ms, struct err *err)
{
	struct err why, again;

	if (!audit(list, event, who, override, now_ms, &why))
		return not_done(err, override->target, &why);
	if (list_write(list, &why))
		return true;
	audit(list, "not-done", who, override, now_ms, &again);
	return not_done(err, override->target, &why);
}

static size_t list_index(const struct override_list *list, const char *target)
{
	size_t i = 0;

	while (i < list->nitems && strcmp(list->items[i]->target, target) != 0)
		i++;
	return i;
}

/* A glob as typed: "eu-*" is listed as "pool:eu-*". It need not match anything any more. */
static size_t list_index_glob(const struct override_list *list, const struct snapshot *snapshot, const char *target)
{
	struct override_target glob;
	size_t at;
	char *text;

	if (strpbrk(target, "*?") == NULL || !override_target_again(snapshot, target, true, &glob))
		return list->nitems;
	text = override_target_text(snapshot, &glob);
	at = list_index(list, text);
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
	const struct override_target *target, const struct override *added, size_t replaced)
{
	struct override_list others = { .items = mem_alloc((list->nitems + 1) * sizeof(struct override *)) };
	struct overlay *base, *overlay;

	for (size_t i = 0; i < list->nitems; i++)
		if (i != replaced)
			others.items[others.nitems++] = list->items[i];
	base = overlay_new(&others, world->snapshot);
	overlay = overlay_copy(base, world->snapshot);
	overlay_cover(overlay, world->snapshot, target,
		&(struct effect){ .action = added->action, .from_ms = added->from_ms, .until_ms = added->until_ms },
		false);
	overlay_free(base);
	free(others.items);
	return overlay;
}

static struct override *override_of(const struct world *world, const struct override_request *request,
	const struct override_target *target, uint64_t now_ms)
{
	struct override *override = mem_alloc(sizeof(*override));

	*override = (struct override){
		.kind = target->kind,
		.target = override_target_text(world->snapshot, target),
		.glob = target->glob,
		.action = request->action,
		.who = mem_strdup(request->who != NULL ? request->who : ""),
		.why = mem_strdup(request->why),
		.from_ms = now_ms + request->lead_ms,
		.until_ms = request->for_ms < UINT64_MAX / 2 - now_ms - request->lead_ms
				    ? now_ms + request->lead_ms + request->for_ms
				    : UINT64_MAX / 2,
		.over_ms = request->over_ms,
		.drill = request->drill != NULL ? mem_strdup(request->drill) : NULL,
	};
	return override;
}

/* Write the list with it; the old list stays when that fails. */
static bool commit(struct override_list *list, struct override *added, size_t at, uint64_t now_ms, struct err *err)
{
	struct override *old = NULL;

	if (at < list->nitems) {
		old = list->items[at];
		list->items[at] = added;
	} else {
		list_add(list, added);
	}
	if (record(list, "force", added->who, added, now_ms, err)) {
		override_free(old);
		return true;
	}
	if (old != NULL)
		list->items[at] = old;
	else
		list->nitems--;
	return false;
}

bool override_set(struct override_list *list, const struct world *world, const struct override_request *request,
	uint64_t now_ms, json_t **effects, struct err *err)
{
	struct override_target target;
	struct override *added;
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
	added = override_of(world, request, &target, now_ms);
	at = list_index(list, added->target);
	if (at == list->nitems && list->nitems == OVERRIDES_MAX) {
		override_free(added);
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
		good = commit(list, added, at, now_ms, err);
		if (good)
			added = NULL;
	}
	override_free(added);
	if (effects != NULL)
		*effects = weighed;
	else
		json_decref(weighed);
	return good;
}

/* ---- ending one ---- */

enum override_cleared override_clear(struct override_list *list, const struct world *world, const char *target,
	const char *who, uint64_t now_ms, struct err *err)
{
	struct override_target found;
	struct override *gone;
	char *text;
	size_t at;

	/* what a zone has lost can still be named as it is listed */
	at = list_index(list, target);
	if (at == list->nitems)
		at = list_index_glob(list, world->snapshot, target);
	if (at == list->nitems) {
		if (!override_target_find(world->snapshot, target, &found, err))
			return OVERRIDE_CLEAR_FAILED;
		text = override_target_text(world->snapshot, &found);
		at = list_index(list, text);
		if (at == list->nitems)
			err_set(err, "%s: no override is in force for it", text);
		free(text);
		if (at == list->nitems)
			return OVERRIDE_CLEAR_MOOT;
	}
	gone = list->items[at];
	memmove(&list->items[at], &list->items[at + 1], (list->nitems - at - 1) * sizeof(struct override *));
	list->nitems--;
	if (!record(list, "clear", who, gone, now_ms, err)) {
		list_add(list, gone);
		return OVERRIDE_CLEAR_FAILED;
	}
	override_free(gone);
	return OVERRIDE_CLEARED;
}

size_t override_clear_drill(struct override_list *list, const char *drill, const char *who, uint64_t now_ms)
{
	size_t kept = 0, n = list->nitems;
	struct err err;

	for (size_t i = 0; i < n; i++) {
		struct override *override = list->items[i];

		if (override->drill == NULL || (drill != NULL && strcmp(override->drill, drill) != 0)) {
			list->items[kept++] = override;
			continue;
		}
		audit(list, "clear", who, override, now_ms, &err);
		override_free(override);
	}
	list->nitems = kept;
	if (kept < n && !list_write(list, &err))
		log_error("overrides=not-written reason=\"%s\"", err.text);
	return n - kept;
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
			audit(list, "end", override->who, override, now_ms, &err);
			override_free(override);
			continue;
		}
		*next_ms = sooner(*next_ms, next_change_ms(override, now_ms));
		list->items[kept++] = override;
	}
	list->nitems = kept;
	/* not written is no harm: what has ended is dropped when the file is read */
	if (kept < n && !list_write(list, &err))
		log_error("overrides=not-written reason=\"%s\"", err.text);
	return kept < n;
}
