/* purge: an invalidation for the caches, through gslb-relay. */
#include <string.h>

#include "gslb/ctl_text.h"

static const struct ctl_operand operands[] = {
	{ "WHAT", "what", CTL_ONE, "name|key|tag|url|prefix|zone|receipts|explain",
		"what the values are; or how far an event is, in each region or here" },
	{ "VALUE", "values", CTL_MANY, NULL, "www.example.com, product:42, https://www.example.com/a, …" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "wait", CTL_DURATION, "wait_ms", "TIME", false, "until the caches were told, at most so long (2s)" },
	{ "soft", CTL_FLAG, "soft", NULL, false, "mark stale where the cache can, and let it be served meanwhile" },
	{ "refresh", CTL_FLAG, "refresh", NULL, false, "fetch anew where the cache can (urls)" },
	{ "types", CTL_TEXT, "types", "LIST", false, "of names: A,AAAA,HTTPS; default: all that is published there" },
	{ "regions", CTL_TEXT, "regions", "LIST", false, "only in these regions" },
	{ "why", CTL_TEXT, "why", "TEXT", false, "for the log" },
	{ "dry-run", CTL_FLAG, "dry_run", NULL, false, "only check it, and say how many caches it concerns" },
	{ 0 },
};

/* What an event calls it, and the member that holds an item. */
static const struct {
	const char *what, *class, *member;
} kinds[] = {
	{ "name", "dns", "n" },
	{ "key", "key", "k" },
	{ "tag", "tag", "g" },
	{ "url", "url", "u" },
	{ "prefix", "prefix", "u" },
	{ "zone", "zone", "n" },
};

/* "a,b" as a list; NULL when the option was not given. */
static json_t *split(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));
	json_t *list = text != NULL ? json_array() : NULL;

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == ',');
	}
	return list;
}

static json_t *make_items(const json_t *args, const char *member)
{
	const json_t *values = json_object_get(args, "values");
	json_t *list = json_array(), *types = split(args, "types");

	for (size_t i = 0; i < json_array_size(values); i++) {
		json_t *item = json_pack("{s:O}", member, json_array_get(values, i));

		if (types != NULL)
			json_object_set(item, "t", types);
		json_array_append_new(list, item);
	}
	json_decref(types);
	return list;
}

static const char *prepare(const json_t *args, json_t **request, struct err *err)
{
	const char *what = ctl_string(args, "what"), *why = json_string_value(json_object_get(args, "why"));
	bool soft = json_is_true(json_object_get(args, "soft"));
	json_t *event = json_object(), *regions = split(args, "regions");
	unsigned kind = 0;

	if (strcmp(what, "receipts") == 0 || strcmp(what, "explain") == 0) {
		json_decref(event);
		json_decref(regions);
		if (json_array_size(json_object_get(args, "values")) != 1) {
			err_set(err, "purge %s: wants one event's id, as purge prints it", what);
			return NULL;
		}
		*request = json_pack("{s:O}", "id", json_array_get(json_object_get(args, "values"), 0));
		return "event";
	}
	while (strcmp(kinds[kind].what, what) != 0)
		kind++;
	json_object_set_new(event, "class", json_string(kinds[kind].class));
	json_object_set_new(event, "items", make_items(args, kinds[kind].member));
	if (soft || json_is_true(json_object_get(args, "refresh")))
		json_object_set_new(event, "op", json_string(soft ? "soft" : "refresh"));
	if (regions != NULL)
		json_object_set_new(event, "scope", regions);
	if (why != NULL)
		json_object_set_new(event, "why", json_string(why));
	*request = json_pack("{s:o,s:I,s:b}", "event", event, "wait_ms", ctl_integer(args, "wait_ms"), "dry_run",
		json_is_true(json_object_get(args, "dry_run")));
	return "invalidate";
}

static enum ctl_exit judge(const json_t *result, struct err *err)
{
	if (json_object_get(result, "caches") == NULL || ctl_integer(result, "caches") > 0)
		return CTL_DONE;
	err_set(err, "no cache of this region takes that (gslbctl relay targets lists them)");
	return CTL_MOOT;
}

static void print_region(const char *name, const json_t *region, struct buf *out)
{
	buf_printf(out, "  ");
	ctl_add(out, name);
	if (ctl_string(region, "region")[0] != '\0') {
		buf_printf(out, " in ");
		ctl_add(out, ctl_string(region, "region"));
	}
	buf_printf(out, ": ");
	ctl_add(out, ctl_string(region, "state"));
	if (json_object_get(region, "took_ms") != NULL)
		buf_printf(out, ", %lld caches in %lld ms", (long long)ctl_integer(region, "caches"),
			(long long)ctl_integer(region, "took_ms"));
	buf_printf(out, "\n");
}

/* What became of it here. */
static void print_event(const json_t *event, struct buf *out)
{
	buf_printf(out, "  made ");
	ctl_add(out, ctl_string(event, "made"));
	if (ctl_string(event, "actor")[0] != '\0') {
		buf_printf(out, " by ");
		ctl_add(out, ctl_string(event, "actor"));
	}
	buf_printf(out, ": %s of %lld %s, the first ", ctl_string(event, "op"), (long long)ctl_integer(event, "items"),
		ctl_string(event, "class"));
	ctl_add(out, ctl_string(event, "first"));
	buf_printf(out, "\n  came here ");
	ctl_add(out, ctl_string(event, "came"));
	if (json_object_get(event, "flushed_ms") != NULL)
		buf_printf(out, "; %lld caches were told %lld ms later", (long long)ctl_integer(event, "caches"),
			(long long)ctl_integer(event, "flushed_ms"));
	if (json_object_get(event, "done_ms") != NULL)
		buf_printf(out, "; %s %lld ms later", ctl_string(event, "state"),
			(long long)ctl_integer(event, "done_ms"));
	buf_printf(out, "\n");
}

static void print_purge(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *regions = json_object_get(result, "regions"), *event = json_object_get(result, "event");

	(void)view;
	if (json_is_true(json_object_get(result, "dry_run"))) {
		buf_printf(out, "would be told to %lld caches\n", (long long)ctl_integer(result, "caches"));
		return;
	}
	ctl_add(out, ctl_string(result, "id"));
	buf_printf(out, regions == NULL && event == NULL ? ": taken in\n" : "\n");
	if (event != NULL)
		print_event(event, out);
	for (void *at = json_object_iter((json_t *)(uintptr_t)regions); at != NULL;
		at = json_object_iter_next((json_t *)(uintptr_t)regions, at))
		print_region(json_object_iter_key(at), json_object_iter_value(at), out);
	if (ctl_string(result, "trouble")[0] != '\0') {
		buf_printf(out, "  ");
		ctl_add(out, ctl_string(result, "trouble"));
		buf_printf(out, "\n");
	}
}

const struct ctl_command ctl_purge = {
	.name = "purge",
	.summary = "drop something from the caches, through gslb-relay",
	.operands = operands,
	.options = options,
	.more = "Exit status: 0 done (with --wait: every cache was told), 3 not everywhere yet or not without errors, "
		"4 no cache takes that.",
	.relay = true,
	.prepare = prepare,
	.judge = judge,
	.print = print_purge,
};
