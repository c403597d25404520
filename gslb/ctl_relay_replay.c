/* relay replay: what an origin's stream keeps is read, backwards, until all numbers that were asked for are there; what is alike becomes one
 * event, each item once; these are asked for one after the other, each when the one before was done. */
#include "gslb/ctl_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	NUMBERS_MAX = 100000,
	EMPTY_MAX = 20,    /* readings in a row without a number that is missing */
	ITEMS_MAX = 256,   /* of an event, … */
	BYTES_MAX = 24000, /* … and their texts */
	WAIT_MS = 60000,   /* for each event */
	AGAIN_MAX = 50,    /* times, while gslb-relay looks something else up */
};

/* Items of one class and op. */
struct group {
	char *class, *op;
	json_t *seen;  /* by text */
	json_t *items; /* in order */
};

struct replay {
	const struct ctl_line *line;
	const char *socket;
	json_t *asked; /* of gslb-relay: origin, region, from, to, epoch, before */
	uint64_t from, to;
	json_t **row; /* by number - from; NULL: not found */
	size_t n, found, skipped[4];
	struct group group[32];
	size_t ngroups;
	size_t items, events, done;
};

static const char *const skips[] = { "own", "scope", "moot", "policy" };

static void say(const struct replay *replay, const char *fmt, size_t a, size_t b)
{
	struct buf text = { 0 };

	if (replay->line->json)
		return;
	buf_printf(&text, fmt, a, b);
	file_write_all(STDOUT_FILENO, text.text, text.len);
	buf_fini(&text);
}

/* ---- reading ---- */

/* Only one thing is looked up at a time. */
static enum ctl_exit ask(struct replay *replay, json_t **result, struct err *err)
{
	enum ctl_exit code = CTL_FAILED;

	for (unsigned i = 0; i < AGAIN_MAX; i++) {
		code = ctl_put(replay->socket, true, "kept", replay->asked, result, err);
		if (code != CTL_FAILED || strstr(err->text, "another one is under way") == NULL)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 200000000L }, NULL);
	}
	return code;
}

static bool begin_rows(struct replay *replay, const json_t *result, struct err *err)
{
	replay->to = (uint64_t)ctl_integer(result, "to");
	if (replay->to < replay->from || replay->to - replay->from >= NUMBERS_MAX)
		return err_set(err, "%llu events are more than %d: gslbctl relay resync is quicker, and surer",
			(unsigned long long)(replay->to - replay->from + 1), NUMBERS_MAX);
	replay->n = (size_t)(replay->to - replay->from + 1);
	replay->row = mem_alloc(replay->n * sizeof(json_t *));
	json_object_set(replay->asked, "epoch", json_object_get(result, "epoch"));
	json_object_set(replay->asked, "to", json_object_get(result, "to"));
	json_object_set(replay->asked, "region", json_object_get(result, "region"));
	return true;
}

/* How many of them were not here before. */
static size_t take_rows(struct replay *replay, const json_t *rows)
{
	size_t i, before = replay->found;
	json_t *row;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		uint64_t number = (uint64_t)ctl_integer(row, "oseq");

		if (number < replay->from || number > replay->to || replay->row[number - replay->from] != NULL)
			continue;
		replay->row[number - replay->from] = json_incref(row);
		replay->found++;
	}
	return replay->found - before;
}

static enum ctl_exit read_kept(struct replay *replay, struct err *err)
{
	unsigned empty = 0;
	bool more = true;

	while (more) {
		json_t *result = NULL;
		enum ctl_exit code = ask(replay, &result, err);

		if (code == CTL_DONE && replay->row == NULL && !begin_rows(replay, result, err))
			code = CTL_FAILED;
		if (code != CTL_DONE) {
			json_decref(result);
			return code;
		}
		empty = take_rows(replay, json_object_get(result, "rows")) > 0 ? 0 : empty + 1;
		json_object_set(replay->asked, "before", json_object_get(result, "before"));
		more = ctl_integer(result, "before") > 0 && replay->found < replay->n && empty < EMPTY_MAX;
		json_decref(result);
		say(replay, "%zu of %zu events found\n", replay->found, replay->n);
	}
	return CTL_DONE;
}

/* ---- putting together ---- */

static struct group *group_of(struct replay *replay, const char *class, const char *op)
{
	size_t i = 0;

	while (i < replay->ngroups &&
		(strcmp(replay->group[i].class, class) != 0 || strcmp(replay->group[i].op, op) != 0))
		i++;
	if (i == COUNT_OF(replay->group))
		return NULL; /* there are not so many classes and ops */
	if (i == replay->ngroups)
		replay->group[replay->ngroups++] =
			(struct group){ mem_strdup(class), mem_strdup(op), json_object(), json_array() };
	return &replay->group[i];
}

static void add_item(struct replay *replay, struct group *group, json_t *item)
{
	char *text = json_dumps(item, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (json_object_get(group->seen, text) == NULL) {
		json_object_set_new(group->seen, text, json_true());
		json_array_append(group->items, item);
		replay->items++;
	}
	free(text);
}

static void add_row(struct replay *replay, const json_t *row)
{
	const char *skip = json_string_value(json_object_get(row, "skip"));
	json_t *items = json_object_get(row, "items"), *item, *everything = json_null();
	struct group *group;
	size_t i;

	for (i = 0; skip != NULL && i < COUNT_OF(skips); i++)
		replay->skipped[i] += strcmp(skips[i], skip) == 0;
	group = skip == NULL ? group_of(replay, ctl_string(row, "class"), ctl_string(row, "op")) : NULL;
	if (group == NULL)
		return;
	if (json_array_size(items) == 0) /* class all */
		add_item(replay, group, everything);
	json_array_foreach(items, i, item) add_item(replay, group, item);
}

/* ---- asking for it once more ---- */

/* From `at` on, as many as go into one event. */
static json_t *next_items(const struct group *group, size_t *at)
{
	json_t *items = json_array();
	size_t bytes = 0;

	while (*at < json_array_size(group->items) && json_array_size(items) < ITEMS_MAX) {
		json_t *item = json_array_get(group->items, *at);
		char *text = json_dumps(item, JSON_COMPACT | JSON_ENCODE_ANY);

		bytes += strlen(text);
		free(text);
		if (bytes > BYTES_MAX && json_array_size(items) > 0)
			break;
		json_array_append(items, item);
		++*at;
	}
	return items;
}

/* Nothing of it is in haste: it is paced, behind what is new. */
static json_t *request_of(const struct replay *replay, const struct group *group, json_t *items)
{
	bool names = strcmp(group->class, "dns") == 0 || strcmp(group->class, "zone") == 0;
	json_t *event;
	char why[160];

	snprintf(why, sizeof why, "gslbctl relay replay of %.64s from %llu to %llu",
		ctl_string(replay->asked, "origin"), (unsigned long long)replay->from, (unsigned long long)replay->to);
	event = json_pack("{s:s,s:s,s:i,s:[O],s:s}", "class", group->class, "op", group->op, "prio", names ? 1 : 3,
		"scope", json_object_get(replay->asked, "region"), "why", why);
	if (!json_is_null(json_array_get(items, 0)))
		json_object_set(event, "items", items);
	return json_pack("{s:o,s:i}", "event", event, "wait_ms", WAIT_MS);
}

/* False: it was refused, or the region has not said that it was done. */
static bool ask_again_for(struct replay *replay, const struct group *group, struct err *err)
{
	for (size_t at = 0; at < json_array_size(group->items);) {
		json_t *items = next_items(group, &at), *request = request_of(replay, group, items), *result = NULL;
		enum ctl_exit code = ctl_put(replay->socket, true, "invalidate", request, &result, err);
		size_t n = json_array_size(items);

		json_decref(items);
		json_decref(request);
		json_decref(result);
		replay->events += code == CTL_DONE || code == CTL_PART;
		if (code == CTL_PART)
			err_set(err, "%s has not confirmed it, or not without errors (gslbctl relay lag, relay dead)",
				ctl_string(replay->asked, "region"));
		if (code != CTL_DONE)
			return false;
		replay->done += n;
		say(replay, "%zu of %zu items dropped again\n", replay->done, replay->items);
	}
	return true;
}

/* ---- all of it ---- */

static json_t *replay_json(const struct replay *replay)
{
	json_t *skipped = json_object();

	for (size_t i = 0; i < COUNT_OF(skips); i++)
		json_object_set_new(skipped, skips[i], json_integer((json_int_t)replay->skipped[i]));
	return json_pack("{s:{s:O,s:O,s:O,s:I,s:I,s:I,s:o,s:I,s:I,s:I}}", "replay", "origin",
		json_object_get(replay->asked, "origin"), "region", json_object_get(replay->asked, "region"), "epoch",
		json_object_get(replay->asked, "epoch"), "from", (json_int_t)replay->from, "to", (json_int_t)replay->to,
		"found", (json_int_t)replay->found, "skipped", skipped, "items", (json_int_t)replay->items, "done",
		(json_int_t)replay->done, "events", (json_int_t)replay->events);
}

static enum ctl_exit judge(const struct replay *replay, struct err *err)
{
	if (replay->found < replay->n)
		err_set(err,
			"%zu of %zu numbers are not kept any more: gslbctl relay resync %s drops everything instead",
			replay->n - replay->found, replay->n, ctl_string(replay->asked, "region"));
	else if (replay->skipped[3] > 0)
		err_set(err, "%zu events are not allowed here by relay.policy-file", replay->skipped[3]);
	else if (replay->items == 0)
		err_set(err, "nothing of it is for the caches of %s now", ctl_string(replay->asked, "region"));
	if (replay->found < replay->n || replay->skipped[3] > 0)
		return CTL_PART;
	return replay->items == 0 ? CTL_MOOT : CTL_DONE;
}

static enum ctl_exit run(struct replay *replay, struct err *err)
{
	enum ctl_exit code = read_kept(replay, err);

	for (size_t i = 0; code == CTL_DONE && i < replay->n; i++)
		if (replay->row[i] != NULL)
			add_row(replay, replay->row[i]);
	for (size_t i = 0; code == CTL_DONE && i < replay->ngroups; i++)
		if (!ask_again_for(replay, &replay->group[i], err))
			code = replay->events > 0 ? CTL_PART : CTL_FAILED;
	return code == CTL_DONE ? judge(replay, err) : code;
}

static void replay_fini(struct replay *replay)
{
	for (size_t i = 0; i < replay->n; i++)
		json_decref(replay->row[i]);
	for (size_t i = 0; i < replay->ngroups; i++) {
		free(replay->group[i].class);
		free(replay->group[i].op);
		json_decref(replay->group[i].seen);
		json_decref(replay->group[i].items);
	}
	free(replay->row);
	json_decref(replay->asked);
}

enum ctl_exit ctl_relay_replay(const struct ctl_line *line, const char *socket, json_t **result, struct err *err)
{
	const char *origin = json_string_value(json_object_get(line->args, "origin")),
		   *from = json_string_value(json_object_get(line->args, "from"));
	struct replay replay = { .line = line, .socket = socket };
	enum ctl_exit code;

	if (origin == NULL || from == NULL || !number_parse(from, 1, INT64_MAX, &replay.from)) {
		err_set(err, "relay replay: wants --origin REGION and --from NUMBER (the last part of an event's id; "
			     "gslbctl relay tail shows them)");
		return CTL_USAGE;
	}
	replay.asked = json_pack("{s:s,s:I,s:O*}", "origin", origin, "from", (json_int_t)replay.from, "region",
		json_object_get(line->args, "region"));
	code = run(&replay, err);
	if (replay.n > 0)
		*result = replay_json(&replay);
	replay_fini(&replay);
	return code;
}

void ctl_relay_replay_print(const json_t *result, struct buf *out)
{
	static const char *const reasons[] = { "overrides and gslb-relay's own", "for other regions", "moot",
		"not allowed" };
	const json_t *replay = json_object_get(result, "replay"), *skipped = json_object_get(replay, "skipped");

	ctl_add(out, ctl_string(replay, "origin"));
	buf_printf(out, " from %lld to %lld: %lld events found", (long long)ctl_integer(replay, "from"),
		(long long)ctl_integer(replay, "to"), (long long)ctl_integer(replay, "found"));
	for (size_t i = 0; i < COUNT_OF(skips); i++)
		if (ctl_integer(skipped, skips[i]) > 0)
			buf_printf(out, ", %lld %s", (long long)ctl_integer(skipped, skips[i]), reasons[i]);
	buf_printf(out, "; %lld of %lld items dropped again in ", (long long)ctl_integer(replay, "done"),
		(long long)ctl_integer(replay, "items"));
	ctl_add(out, ctl_string(replay, "region"));
	buf_printf(out, ", by %lld events of this region\n", (long long)ctl_integer(replay, "events"));
}
