/* The list is a file first and memory second: a change is written and synced before it is in force, so that a crash right
 * after the operator's "done" loses nothing, and when the disk is full nothing changes. */
#include "gslb/override_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/audit.h"

enum { FILE_MAX_BYTES = 16 * 1024 * 1024 };

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

_Static_assert(OVERRIDE_NONE == (int)WRIT_CLEAR && OVERRIDE_UP == (int)WRIT_UP && OVERRIDE_DRAIN == (int)WRIT_DRAIN &&
		       OVERRIDE_DOWN == (int)WRIT_DOWN,
	"one numbering");

static const char *const kind_names[] = {
	[OVERRIDE_ENDPOINT] = "endpoint:",
	[OVERRIDE_POOL] = "pool:",
	[OVERRIDE_REGION] = "region:",
	[OVERRIDE_SERVICE_POOL] = "service:",
};

/* ---- an item ---- */

static enum override_kind kind_of(const char *target)
{
	unsigned at = 0;

	while (strncmp(target, kind_names[at], strlen(kind_names[at])) != 0)
		at++; /* a writ's target begins with one of them */
	return (enum override_kind)at;
}

struct override *override_of(const struct writ *writ)
{
	struct override *override = mem_alloc(sizeof(*override));

	*override = (struct override){
		.kind = kind_of(writ->target),
		.target = mem_strdup(writ->target),
		.glob = writ->glob,
		.action = (enum override_action)writ->action,
		.who = mem_strdup(writ->who),
		.why = mem_strdup(writ->why),
		.from_ms = writ->from_ms,
		.until_ms = writ->until_ms,
		.over_ms = writ->over_ms,
		.drill = writ->drill != NULL ? mem_strdup(writ->drill) : NULL,
		.made_ms = writ->made_ms,
		.origin = mem_strdup(writ->origin),
		.host = mem_strdup(writ->host),
	};
	return override;
}

void override_free(struct override *override)
{
	if (override == NULL)
		return;
	free(override->target);
	free(override->who);
	free(override->why);
	free(override->drill);
	free(override->origin);
	free(override->host);
	free(override->breaks);
	free(override);
}

json_t *override_json(const struct override *override)
{
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];

	return json_pack("{s:s s:s s:s s:s s:s s:s s:I s:s* s:s*}", "target", override->target, "action",
		override_action_name(override->action), "who", override->who, "why", override->why, "from",
		clock_format(override->from_ms, from), "until", clock_format(override->until_ms, until), "over_ms",
		(json_int_t) override->over_ms, "drill", override->drill, "origin",
		override->origin != NULL && override->origin[0] != '\0' ? override->origin : NULL);
}

/* ---- the list ---- */

size_t override_list_index(const struct override_list *list, const char *target)
{
	size_t i = 0;

	while (i < list->nitems && strcmp(list->items[i]->target, target) != 0)
		i++;
	return i;
}

static void add(struct override_list *list, struct override *override)
{
	list->items = mem_grow(list->items, list->nitems, &list->cap, sizeof(struct override *));
	list->items[list->nitems++] = override;
}

void override_list_refresh(struct override_list *list, const char *target, uint64_t now_ms)
{
	const struct writ *writ = writ_set_find(list->set, target);
	size_t at = override_list_index(list, target);
	struct override *old = at < list->nitems ? list->items[at] : NULL;

	if (writ != NULL && writ_in_force(writ, now_ms)) {
		if (old != NULL)
			list->items[at] = override_of(writ);
		else
			add(list, override_of(writ));
	} else if (old != NULL) {
		memmove(&list->items[at], &list->items[at + 1], (list->nitems - at - 1) * sizeof(struct override *));
		list->nitems--;
	}
	override_free(old);
}

size_t override_list_get(const struct override_list *list, const struct override *const **overrides)
{
	*overrides = (const struct override *const *)list->items;
	return list->nitems;
}

static struct override_list *list_new(void)
{
	struct override_list *list = mem_alloc(sizeof(*list));

	list->set = writ_set_new();
	list->origin = mem_strdup("");
	list->host = mem_strdup("");
	return list;
}

struct override_list *override_list_scratch(const struct override_list *from)
{
	struct override_list *list = list_new();

	for (size_t i = 0; from != NULL && i < from->nitems; i++) {
		const struct writ *writ = writ_set_find(from->set, from->items[i]->target);

		writ_set_restore(list->set, writ->target, writ_copy(writ));
		add(list, override_of(writ));
	}
	return list;
}

void override_list_free(struct override_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->nitems; i++)
		override_free(list->items[i]);
	free(list->items);
	writ_set_free(list->set);
	free(list->path);
	free(list->directory);
	free(list->origin);
	free(list->host);
	free(list->last);
	free(list);
}

void override_list_name(struct override_list *list, const char *origin, const char *host)
{
	free(list->origin);
	free(list->host);
	list->origin = mem_strdup(origin);
	list->host = mem_strdup(host);
}

const struct writ_set *override_list_writs(const struct override_list *list)
{
	return list->set;
}

const struct writ *override_list_last(const struct override_list *list)
{
	return list->last != NULL ? writ_set_find(list->set, list->last) : NULL;
}

bool override_is_ours(const struct override_list *list, const struct override *override)
{
	return strcmp(list->origin, override->origin) == 0 && strcmp(list->host, override->host) == 0;
}

/* ---- the file ---- */

/* Takes in what a list of the file holds; false when it is damaged. */
static bool take_array(struct override_list *list, const json_t *array, uint64_t now_ms)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > WRIT_SET_MAX)
		return false;
	json_array_foreach(array, i, item)
	{
		struct writ *writ = writ_parse(item, NULL);

		if (writ == NULL)
			return false;
		writ_free(writ_set_restore(list->set, writ->target, writ));
		override_list_refresh(list, writ->target, now_ms);
	}
	return true;
}

/* "cleared", which older files do not have: what is remembered so that nothing older takes its place. */
static bool list_parse(struct override_list *list, const char *text, size_t len, uint64_t now_ms)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *cleared = json_object_get(root, "cleared");
	bool good = take_array(list, json_object_get(root, "overrides"), now_ms) &&
		    (cleared == NULL || take_array(list, cleared, now_ms));

	json_decref(root);
	return good;
}

static void forget_all(struct override_list *list)
{
	for (size_t i = 0; i < list->nitems; i++)
		override_free(list->items[i]);
	list->nitems = 0;
	writ_set_free(list->set);
	list->set = writ_set_new();
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
	forget_all(list);
	aside = mem_printf("%s.bad", list->path);
	if (rename(list->path, aside) != 0)
		err_set(err, "%s: damaged, and cannot be renamed to %s: %s", list->path, aside, strerror(errno));
	free(aside);
}

struct override_list *override_list_open(const char *state_directory, uint64_t now_ms, struct err *err)
{
	struct override_list *list = list_new();

	if (err != NULL)
		err->text[0] = '\0';
	list->opened_ms = now_ms;
	list->directory = mem_strdup(state_directory);
	list->path = mem_printf("%s/overrides.json", state_directory);
	list_read(list, now_ms, err);
	return list;
}

bool override_list_write(const struct override_list *list, struct err *err)
{
	json_t *standing = json_array(), *cleared = json_array(),
	       *root = json_pack("{s:i s:o s:o}", "version", 1, "overrides", standing, "cleared", cleared);
	const struct writ *const *writs;
	size_t n = writ_set_get(list->set, &writs);
	char *text;
	bool good;

	if (list->path == NULL) { /* a scratch */
		json_decref(root);
		return true;
	}
	for (size_t i = 0; i < list->nitems; i++) { /* in the order that people know */
		const struct writ *writ = writ_set_find(list->set, list->items[i]->target);

		if (writ->action != WRIT_CLEAR)
			json_array_append_new(standing, writ_json(writ));
	}
	for (size_t i = 0; i < n; i++)
		if (writs[i]->action == WRIT_CLEAR)
			json_array_append_new(cleared, writ_json(writs[i]));
		else if (override_list_index(list, writs[i]->target) == list->nitems)
			json_array_append_new(standing, writ_json(writs[i]));
	text = json_dumps(root, JSON_INDENT(2));
	good = file_replace(list->path, text, strlen(text), 0640, err);
	free(text);
	json_decref(root);
	return good;
}

/* ---- the audit ---- */

bool override_list_audit(const struct override_list *list, const char *event, const struct writ *by,
	const struct override *override, uint64_t now_ms, struct err *err)
{
	char now[CLOCK_TEXT_MAX], id[WRIT_ID_MAX];
	bool fleet = by != NULL && by->origin[0] != '\0', good;
	json_t *line;

	if (list->directory == NULL) /* a scratch */
		return true;
	line = json_pack("{s:s s:s s:s s:o s:s* s:s*}", "time", clock_format(now_ms, now), "event", event, "who",
		by != NULL ? by->who : override->who, "override", override_json(override), "region",
		fleet ? by->origin : NULL, "writ", fleet ? writ_id(by, id) : NULL);
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

/* A clock that was set back does not keep an operator out of his own host: what he decides is not asked whether it is timely. */
bool override_list_commit(struct override_list *list, struct writ *writ, const char *event,
	const struct override *shown, uint64_t now_ms, struct err *err)
{
	struct writ *before;
	struct err why, again;

	if (!override_list_audit(list, event, writ, shown, now_ms, &why)) {
		not_done(err, writ->target, &why);
		writ_free(writ);
		return false;
	}
	before = writ_set_restore(list->set, writ->target, writ);
	override_list_refresh(list, writ->target, now_ms);
	if (override_list_write(list, &why)) {
		writ_free(before);
		free(list->last);
		list->last = mem_strdup(writ->target);
		return true;
	}
	override_list_audit(list, "not-done", writ, shown, now_ms, &again);
	not_done(err, shown->target, &why);
	writ_free(writ_set_restore(list->set, shown->target, before));
	override_list_refresh(list, shown->target, now_ms);
	return false;
}

struct writ *override_list_clearing(
	const struct override_list *list, const struct override *item, const char *who, uint64_t now_ms)
{
	struct writ *writ = writ_copy(writ_set_find(list->set, item->target));

	writ->action = WRIT_CLEAR;
	writ->made_ms = writ_set_stamp(list->set, item->target, now_ms);
	writ->over_ms = 0;
	free(writ->who);
	free(writ->origin);
	free(writ->host);
	writ->who = mem_strdup(who);
	writ->origin = mem_strdup(list->origin);
	writ->host = mem_strdup(list->host);
	return writ;
}
