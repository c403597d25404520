/* relay: what gslb-relay has done and has to do. */
#include <string.h>

#include "gslb/ctl_relay.h"

enum { RESYNC_WAIT_MS = 10000 };

static const struct ctl_operand operands[] = {
	{ "WHAT", "what", CTL_ONE,
		"status|targets|lag|state|overrides|hot|tail|pending|test|dead|drop|retry|pause|resume|resync|verify|"
		"lint|drain|bench|replay",
		"its state, its caches, the other regions, the hosts it hears, the overrides it has for gslbd, what is "
		"asked for most, the last events, what waits for a cache, whether a cache gives a sign of life, what "
		"it could not do; drop or retry one of these; hold a cache's work; drop all that the caches have of "
		"our zones; ask the resolvers for a name; look their settings over; take in nothing new, and finish "
		"what is here; measure with events for keys that no cache has; do again what a region made, from a "
		"number on" },
	{ "WHICH", "which", CTL_OPTIONAL, NULL,
		"hot: how many (100); tail: a region; drop, retry: the number, or all; pending, test, pause, resume: "
		"the cache's name; resync: a region; verify: the name" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "wait", CTL_DURATION, "wait_ms", "TIME", false,
		"drain: until nothing is left, at most so long (60s); bench: for each event (10s)" },
	{ "off", CTL_FLAG, "off", NULL, false, "drain: take in events again" },
	{ "n", CTL_TEXT, "n", "N", false, "bench: how many events (1000)" },
	{ "rate", CTL_TEXT, "rate", "R", false,
		"bench: so many a second; default: as fast as they are done, 64 at a time" },
	{ "force", CTL_FLAG, "force", NULL, false, "bench: also while gslb-relay has something to do" },
	{ "origin", CTL_TEXT, "origin", "REGION", false,
		"replay: whose events: a region, or a host of it by its name on the bus" },
	{ "from", CTL_TEXT, "from", "NUMBER", false, "replay: from which one on, to the last that came here" },
	{ "region", CTL_TEXT, "region", "REGION", false, "replay: where they are done again (this one)" },
	{ 0 },
};

/* Which of WHAT an option is of; one is no part of another. */
static const struct {
	const char *option, *key, *what;
} option_of[] = {
	{ "wait", "wait_ms", "drain and bench" },
	{ "off", "off", "drain" },
	{ "n", "n", "bench" },
	{ "rate", "rate", "bench" },
	{ "force", "force", "bench" },
	{ "origin", "origin", "replay" },
	{ "from", "from", "replay" },
	{ "region", "region", "replay" },
};

static bool are_options_right(const json_t *args, const char *what, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(option_of); i++)
		if (json_object_get(args, option_of[i].key) != NULL && strstr(option_of[i].what, what) == NULL)
			return err_set(err, "relay %s: --%s is for %s", what, option_of[i].option, option_of[i].what);
	return true;
}

static const char *prepare(const json_t *args, json_t **request, struct err *err)
{
	const char *what = ctl_string(args, "what"), *which = json_string_value(json_object_get(args, "which"));
	uint64_t id = 0;

	if (strcmp(what, "drop") == 0 || strcmp(what, "retry") == 0) {
		if (which == NULL || (strcmp(which, "all") != 0 && !number_parse(which, 1, INT64_MAX, &id))) {
			err_set(err, "relay %s: wants a number of relay dead, or all", what);
			return NULL;
		}
		*request = json_pack("{s:I}", "id", (json_int_t)id);
		return what[0] == 'd' ? "dead-drop" : "dead-retry";
	}
	if (strcmp(what, "resync") == 0) {
		*request = json_pack("{s:{s:s,s:s},s:i}", "event", "class", "all", "why", "gslbctl relay resync",
			"wait_ms", RESYNC_WAIT_MS);
		if (which != NULL)
			json_object_set_new(json_object_get(*request, "event"), "scope", json_pack("[s]", which));
		return "invalidate";
	}
	if (strcmp(what, "tail") == 0) {
		*request = which != NULL ? json_pack("{s:s}", "origin", which) : json_object();
		return what;
	}
	if (strcmp(what, "hot") == 0) {
		if (which != NULL && !number_parse(which, 1, 1000, &id)) {
			err_set(err, "relay hot: %.20s: wants a number from 1 to 1000, or nothing", which);
			return NULL;
		}
		*request = json_pack("{s:I}", "n", (json_int_t)(which != NULL ? id : 100));
		return what;
	}
	if (strcmp(what, "verify") == 0) {
		if (which == NULL) {
			err_set(err, "relay verify: wants a name, such as www.example.com");
			return NULL;
		}
		*request = json_pack("{s:s}", "name", which);
		return what;
	}
	if ((strcmp(what, "pause") == 0 || strcmp(what, "resume") == 0 || strcmp(what, "pending") == 0) &&
		which == NULL) {
		err_set(err, "relay %s: wants a cache's name (gslbctl relay targets lists them)", what);
		return NULL;
	}
	if (strcmp(what, "overrides") == 0)
		what = "writs"; /* "overrides" is what gslbd asks */
	*request = which != NULL ? json_pack("{s:s}", "target", which) : json_object();
	return what;
}

/* Empty where it is not known. */
static void integer_cell(struct ctl_table *table, const json_t *item, const char *key)
{
	if (json_object_get(item, key) != NULL)
		ctl_cell(table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, key));
	else
		ctl_cell(table, CTL_PLAIN, "%s", "");
}

static void print_targets(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "CACHE", false }, { "TYPE", false }, { "STATE", false },
		{ "PENDING", true }, { "DONE", true }, { "RETRIED", true }, { "REFUSED", true }, { "TROUBLE", false },
		{ NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "name"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "type"));
		ctl_state(&table, ctl_string(item, "state"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "pending"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "done"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "retried"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "refused"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "trouble"));
	}
	ctl_table_print(&table, view, "no caches (gslb.yaml has none in caches)", out);
}

static void print_lag(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "REGION", false }, { "HAS OF OURS", true }, { "BEHIND", true },
		{ "FOR S", true }, { "HERE OF THEIRS", true }, { "DONE", true }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s%s", ctl_string(item, "region"),
			ctl_true(item, "unlisted") ? " (not in section bus)" : "");
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "receipt"));
		ctl_cell(&table, ctl_integer(item, "behind") > 0 ? CTL_YELLOW : CTL_PLAIN, "%lld",
			(long long)ctl_integer(item, "behind"));
		ctl_cell(&table, CTL_PLAIN, "%.1f", json_real_value(json_object_get(item, "behind_s")));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "received"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "done"));
	}
	ctl_table_print(&table, view, "no regions", out);
}

static void print_origins(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "REGION", false }, { "HOST", false }, { "SAYS", false },
		{ "SECONDS AGO", true }, { "BYTES", true }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "region"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "node"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "kind"));
		ctl_cell(&table, CTL_PLAIN, "%.1f", json_real_value(json_object_get(item, "age_s")));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "bytes"));
	}
	ctl_table_print(&table, view, "no other host was heard within a minute", out);
}

static void print_writs(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "GSLBD", false }, { "CHANGES BEHIND", true },
		{ "HEARD SECONDS AGO", true }, { NULL, false } };
	const json_t *host;
	struct ctl_table table;
	size_t i;

	buf_printf(out, "%lld target%s or had one; digest ", (long long)ctl_integer(result, "writs"),
		ctl_integer(result, "writs") == 1 ? " has an override," : "s have an override,");
	ctl_add(out, ctl_string(result, "digest"));
	buf_printf(out, "; sent whole to another region %lld times, %lld refused\n",
		(long long)ctl_integer(result, "repairs"), (long long)ctl_integer(result, "refused"));
	ctl_table_init(&table, columns);
	json_array_foreach(json_object_get(result, "hosts"), i, host)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(host, "host"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(host, "behind"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(host, "heard_s"));
	}
	ctl_table_print(&table, view, "no gslbd has asked since gslb-relay began", out);
}

static void print_dead(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "NUMBER", true }, { "AT", false }, { "CACHE", false },
		{ "WHAT", false }, { "ITEM", false }, { "REASON", false }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "id"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "at"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "target"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "class"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "item"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "reason"));
	}
	ctl_table_print(&table, view, "nothing: all that was asked for was done", out);
}

static void print_verify(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "CACHE", false }, { "TYPE", false }, { "ANSWER", false },
		{ "REASON", false }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		bool fresh = strcmp(ctl_string(item, "result"), "fresh") == 0;

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "cache"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "type"));
		ctl_cell(&table, fresh ? CTL_PLAIN : CTL_YELLOW, "%s", ctl_string(item, "result"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "reason"));
	}
	ctl_table_print(&table, view, "no cache has an address for it (verify in gslb.yaml)", out);
}

/* Of lint and of bus check. */
static void print_findings(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "OF", false }, { "LEVEL", false }, { "FINDING", false },
		{ NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		bool good = strcmp(ctl_string(item, "level"), "ok") == 0;

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "cache"));
		ctl_cell(&table, good ? CTL_PLAIN : CTL_YELLOW, "%s", ctl_string(item, "level"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "text"));
	}
	ctl_table_print(&table, view, "nothing to say", out);
}

static void print_hot(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "A SECOND", true }, { "WHAT", false }, { "VALUE", false },
		{ NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%.2f", json_real_value(json_object_get(item, "rate")));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "class"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "value"));
	}
	ctl_table_print(&table, view, "nobody has told yet what is asked for (hit-logs in gslb.yaml, or gslbd)", out);
}

static void print_events(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "CAME", false }, { "EVENT", false }, { "WHAT", false },
		{ "FIRST OF", false }, { "ITEMS", true }, { "BY", false }, { "STATE", false }, { "TOLD IN MS", true },
		{ "DONE IN MS", true }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "came"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "id"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "class"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "first"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "items"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "actor"));
		ctl_state(&table, ctl_string(item, "state"));
		integer_cell(&table, item, "flushed_ms");
		integer_cell(&table, item, "done_ms");
	}
	ctl_table_print(&table, view, "no event since gslb-relay began", out);
}

static void print_pending(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "WHAT", false }, { "VALUE", false }, { "PRIO", true },
		{ "A SECOND", true }, { "DUE IN MS", true }, { "TIMES BEFORE", true }, { NULL, false } };
	const json_t *list = json_object_get(result, "pending");
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "class"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "value"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "prio"));
		ctl_cell(&table, CTL_PLAIN, "%.2f", json_real_value(json_object_get(item, "rate")));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "in_ms"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(item, "round"));
	}
	ctl_table_print(&table, view, "nothing waits for it", out);
	if ((size_t)ctl_integer(result, "waiting") > json_array_size(list))
		buf_printf(out, "and %lld more\n",
			(long long)ctl_integer(result, "waiting") - (long long)json_array_size(list));
}

static void print_signs(const json_t *list, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = { { "CACHE", false }, { "TYPE", false }, { "STATE", false },
		{ "UP FOR S", true }, { "REASON", false }, { NULL, false } };
	struct ctl_table table;

	ctl_table_init(&table, columns);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "cache"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "type"));
		ctl_state(&table, ctl_string(item, "state"));
		integer_cell(&table, item, "lived_s");
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(item, "reason"));
	}
	ctl_table_print(&table, view, "no cache of that name (gslbctl relay targets lists them)", out);
}

static void print_status(const json_t *result, struct buf *out)
{
	buf_printf(out, "gslb-relay ");
	ctl_add(out, ctl_string(result, "version"));
	buf_printf(out, ", region ");
	ctl_add(out, ctl_string(result, "region"));
	if (ctl_string(result, "name")[0] != '\0' &&
		strcmp(ctl_string(result, "name"), ctl_string(result, "region")) != 0) {
		buf_printf(out, ", ");
		ctl_add(out, ctl_string(result, "name"));
		buf_printf(out, " on the bus");
	}
	buf_printf(out, ", bus ");
	ctl_add(out, ctl_string(result, "bus"));
	buf_printf(out,
		json_is_true(json_object_get(result, "connected")) ? "" : " (NOT CONNECTED: events wait in the log)");
	buf_printf(out, ", running since ");
	ctl_add(out, ctl_string(result, "since"));
	if (ctl_string(result, "bus_trouble")[0] != '\0') {
		buf_printf(out, "\nTROUBLE with the bus: ");
		ctl_add(out, ctl_string(result, "bus_trouble"));
	}
	if (json_object_get(result, "drained_by") != NULL) {
		buf_printf(out, "\nDRAINED by ");
		ctl_add(out, ctl_string(result, "drained_by"));
		buf_printf(out, ": nothing new is taken in (gslbctl relay drain --off ends that)");
	}
	buf_printf(out, "\nmade %lld events, %lld of them in the outbox, the oldest for %.1f s\n",
		(long long)ctl_integer(result, "made"), (long long)ctl_integer(result, "outbox"),
		json_real_value(json_object_get(result, "oldest_s")));
	buf_printf(out,
		"worked on %lld events since then: %lld under way, %lld moot, %lld with errors; caches told in %.1f ms "
		"(half of them), %.1f ms (99 %%)\n",
		(long long)ctl_integer(result, "events"), (long long)ctl_integer(result, "active"),
		(long long)ctl_integer(result, "moot"), (long long)ctl_integer(result, "failed"),
		json_real_value(json_object_get(result, "flush_p50_ms")),
		json_real_value(json_object_get(result, "flush_p99_ms")));
	buf_printf(out, "%lld things could not be done (gslbctl relay dead), %lld requests were refused\n",
		(long long)ctl_integer(result, "dead"), (long long)ctl_integer(result, "refused"));
}

static void print_relay(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	if (json_object_get(result, "draining") != NULL) {
		ctl_relay_drain_print(result, out);
	} else if (json_object_get(result, "bench") != NULL) {
		ctl_relay_bench_print(result, view, out);
	} else if (json_object_get(result, "replay") != NULL) {
		ctl_relay_replay_print(result, out);
	} else if (json_object_get(result, "targets") != NULL) {
		print_targets(json_object_get(result, "targets"), view, out);
	} else if (json_object_get(result, "lag") != NULL) {
		print_lag(json_object_get(result, "lag"), view, out);
	} else if (json_object_get(result, "hot") != NULL) {
		print_hot(json_object_get(result, "hot"), view, out);
	} else if (json_object_get(result, "events") != NULL && json_is_array(json_object_get(result, "events"))) {
		print_events(json_object_get(result, "events"), view, out);
	} else if (json_object_get(result, "signs") != NULL) {
		print_signs(json_object_get(result, "signs"), view, out);
	} else if (json_is_array(json_object_get(result, "pending"))) {
		print_pending(result, view, out);
	} else if (json_object_get(result, "retried") != NULL) {
		buf_printf(out, "%lld asked for once more\n", (long long)ctl_integer(result, "retried"));
	} else if (json_object_get(result, "origins") != NULL) {
		print_origins(json_object_get(result, "origins"), view, out);
	} else if (json_object_get(result, "digest") != NULL) {
		print_writs(result, view, out);
	} else if (json_object_get(result, "findings") != NULL) {
		print_findings(json_object_get(result, "findings"), view, out);
	} else if (json_object_get(result, "caches") != NULL && json_object_get(result, "name") != NULL) {
		print_verify(json_object_get(result, "caches"), view, out);
	} else if (json_is_array(json_object_get(result, "dead"))) {
		print_dead(json_object_get(result, "dead"), view, out);
	} else if (json_object_get(result, "bus") != NULL) {
		print_status(result, out);
	} else if (json_object_get(result, "target") != NULL) {
		ctl_add(out, ctl_string(result, "target"));
		buf_printf(out, json_is_true(json_object_get(result, "paused")) ? ": paused, its work waits\n"
										: ": works again\n");
	} else if (json_object_get(result, "id") != NULL) {
		buf_printf(out, "every cache was told to drop all that it has of our zones\n");
	} else {
		buf_printf(out, "dropped\n");
	}
}

static enum ctl_exit talk(
	const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **result, struct err *err)
{
	const char *what = ctl_string(line->args, "what"), *command;
	bool drain = strcmp(what, "drain") == 0, bench = strcmp(what, "bench") == 0,
	     replay = strcmp(what, "replay") == 0;
	json_t *request = NULL;
	enum ctl_exit code;

	(void)view;
	if (!are_options_right(line->args, what, err))
		return CTL_USAGE;
	if ((drain || bench || replay) && json_object_get(line->args, "which") != NULL) {
		err_set(err, "relay %s: takes no word behind it%s", what,
			drain ? " (relay pause holds one cache)" : "");
		return CTL_USAGE;
	}
	if (drain)
		return ctl_relay_drain(line, socket, result, err);
	if (bench)
		return ctl_relay_bench(line, socket, result, err);
	if (replay)
		return ctl_relay_replay(line, socket, result, err);
	command = prepare(line->args, &request, err);
	if (command == NULL)
		return CTL_USAGE;
	code = ctl_put(socket, true, command, request, result, err);
	json_decref(request);
	return code;
}

const struct ctl_command ctl_relay = {
	.name = "relay",
	.summary = "gslb-relay: its state, its caches, and what could not be done",
	.operands = operands,
	.options = options,
	.more = "Exit status: 3 when not all is done. Of drain: regions or caches have something to do yet; of bench: "
		"not\n"
		"every region confirmed every event; of replay: some numbers are not kept any more, not allowed, or "
		"not\n"
		"confirmed. 4: of drain --off, it was not drained; of replay, nothing is for the caches now.",
	.relay = true,
	.talk = talk,
	.print = print_relay,
};

/* ---- bus check ---- */

static const struct ctl_operand bus_operands[] = {
	{ "WHAT", "what", CTL_ONE, "check", "the server, our stream, the other regions, and who else listens" },
	{ 0 },
};

static const char *prepare_bus(const json_t *args, json_t **request, struct err *err)
{
	(void)args;
	(void)err;
	*request = json_object();
	return "bus-check";
}

const struct ctl_command ctl_bus = {
	.name = "bus",
	.summary = "what connects the regions: is it as it must be?",
	.operands = bus_operands,
	.more = "Exit status: 1 when something is wrong.",
	.relay = true,
	.prepare = prepare_bus,
	.print = print_relay,
};
