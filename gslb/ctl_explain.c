/* explain: the steps of one answer, numbered as DESIGN 4 takes them, for a reader at three in the morning. */
#include <string.h>

#include "gslb/ctl_text.h"

static const struct ctl_operand operands[] = {
	{ "NAME", "name", CTL_ONE, NULL, "what is asked, for example www.svc.example" },
	{ "CLIENT", "client", CTL_ONE, NULL, "a resolver's address, or a prefix as ECS carries it (198.51.100.0/24)" },
	{ "TYPE", "type", CTL_OPTIONAL, NULL, "A (the default), AAAA, …" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "assume", CTL_LIST, "assume", "TARGET=ACTION", false, "as if it were up, down or drain; may be given again" },
	{ "at", CTL_TEXT, "at", "TIME", false, "as of then: now+10m, or 2026-11-22T10:20:30Z" },
	{ 0 },
};

/* The daemon's word for what became of a pool or an endpoint, and what it means. */
static const struct fate {
	const char *word;
	enum ctl_colour colour;
	const char *meaning;
} fates[] = {
	{ "chosen", CTL_GREEN, "chosen" },
	{ "eligible", CTL_PLAIN, "as good: the draw took another" },
	{ "in-doubt", CTL_YELLOW, "in service, its last probe failed" },
	{ "lower-rank", CTL_PLAIN, "ranked behind one that is in service" },
	{ "lower-tier", CTL_PLAIN, "a higher tier has something up" },
	{ "down", CTL_RED, "down by its probes" },
	{ "needs", CTL_RED, "down" },
	{ "below-min-up", CTL_RED, "fewer up than min-up" },
	{ "forced-down", CTL_RED, "forced down (gslbctl overrides)" },
	{ "drained", CTL_YELLOW, "drained (gslbctl overrides)" },
	{ "draining", CTL_YELLOW, "draining: some clients go elsewhere already" },
	{ "spilled", CTL_YELLOW, "passes this client on" },
	{ "full", CTL_YELLOW, "full: this client goes elsewhere" },
	{ "no-address", CTL_PLAIN, "has no address of this family" },
	{ "unresolved", CTL_RED, "its name is not resolved" },
};

/* more: what is to be said besides; "" for nothing. */
static void fate_cell(struct ctl_table *table, const char *word, const char *more)
{
	const char *between = *more != '\0' ? ": " : "";

	for (size_t i = 0; i < COUNT_OF(fates); i++)
		if (strcmp(fates[i].word, word) == 0) {
			ctl_cell(table, *more != '\0' && fates[i].colour == CTL_PLAIN ? CTL_YELLOW : fates[i].colour,
				"%s%s%s", fates[i].meaning, between, more);
			return;
		}
	ctl_cell(table, CTL_PLAIN, "%s%s%s", word, between, more);
}

static void step(struct buf *out, unsigned *number, const char *title)
{
	buf_printf(out, "%u. %-7s ", ++*number, title);
}

static void add_part(struct buf *out, const char *between, const char *text)
{
	if (*text == '\0')
		return;
	buf_printf(out, "%s", between);
	ctl_add(out, text);
}

static void print_place(const json_t *place, struct buf *out)
{
	json_int_t asn = ctl_integer(place, "asn");
	size_t start = out->len;

	add_part(out, "", ctl_string(place, "country"));
	add_part(out, out->len > start ? ", " : "", ctl_string(place, "region"));
	add_part(out, out->len > start ? ", continent " : "continent ", ctl_string(place, "continent"));
	if (asn > 0)
		buf_printf(out, "%sAS%lld", out->len > start ? ", " : "", (long long)asn);
	if (ctl_true(place, "located"))
		buf_printf(out, "%s%.2f %.2f", out->len > start ? ", at " : "at ",
			json_number_value(json_object_get(place, "latitude")),
			json_number_value(json_object_get(place, "longitude")));
	else
		buf_printf(out, "%snot placed: pools rank by list order", out->len > start ? ", " : "");
	if (ctl_integer(place, "depth") > 0)
		buf_printf(out, " (the database's entry is a /%lld)", (long long)ctl_integer(place, "depth"));
	buf_printf(out, "\n");
}

static void print_who(const json_t *result, unsigned *number, struct buf *out)
{
	const char *rule = ctl_string(result, "map.rule");

	step(out, number, "Client");
	add_part(out, "", ctl_string(result, "client.prefix"));
	add_part(out, ", from ", ctl_string(result, "client.source"));
	buf_printf(out, "\n");
	step(out, number, "Place");
	print_place(json_object_get(result, "place"), out);
	step(out, number, "Class");
	buf_printf(out, "%lld, the same for its whole /%lld\n", (long long)ctl_integer(result, "class.number"),
		(long long)ctl_integer(result, "class.depth"));
	step(out, number, "Map");
	if (*rule != '\0') {
		ctl_add(out, rule);
		buf_printf(out, " (line %lld) names the pools\n", (long long)ctl_integer(result, "map.line"));
	} else {
		buf_printf(out, "no rule matches: the service's own pools\n");
	}
}

static void distance_cell(struct ctl_table *table, const json_t *pool)
{
	const json_t *km = json_object_get(pool, "distance_km");
	json_int_t bias = ctl_integer(pool, "bias");

	if (!json_is_number(km))
		ctl_cell(table, CTL_PLAIN, "-");
	else if (bias == 0)
		ctl_cell(table, CTL_PLAIN, "%.0f km", json_number_value(km));
	else
		ctl_cell(table, CTL_PLAIN, "%.0f km (bias %lld: %.0f)", json_number_value(km), (long long)bias,
			json_number_value(json_object_get(pool, "biased_km")));
}

/* As it is expected to be, by how many samples of the client's own network. */
static void latency_cell(struct ctl_table *table, const json_t *pool)
{
	const json_t *latency = json_object_get(pool, "latency");

	if (!json_is_object(latency))
		ctl_cell(table, CTL_PLAIN, "-");
	else
		ctl_cell(table, CTL_PLAIN, "%.0f ±%.0f ms (n %.0f)", json_number_value(json_object_get(latency, "ms")),
			json_number_value(json_object_get(latency, "plus_minus_ms")),
			json_number_value(json_object_get(latency, "samples")));
}

static void print_pools(const json_t *pools, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column plain[] = {
		{ "   POOL", false },
		{ "GROUP", true },
		{ "DISTANCE", true },
		{ "UP", true },
		{ "WEIGHT", true },
		{ "SHARE", true },
		{ "WHY", false },
		{ NULL, false },
	};
	static const struct ctl_column measured[] = {
		{ "   POOL", false },
		{ "GROUP", true },
		{ "DISTANCE", true },
		{ "LATENCY", true },
		{ "UP", true },
		{ "WEIGHT", true },
		{ "SHARE", true },
		{ "WHY", false },
		{ NULL, false },
	};
	bool has_latency = false;
	struct ctl_table table;
	const json_t *pool;
	size_t i;

	json_array_foreach(pools, i, pool) has_latency = has_latency || json_object_get(pool, "latency") != NULL;
	ctl_table_init(&table, has_latency ? measured : plain);
	json_array_foreach(pools, i, pool)
	{
		const json_t *group = json_object_get(pool, "group");

		ctl_cell(&table, CTL_PLAIN, "   %s", ctl_string(pool, "pool"));
		if (json_is_integer(group))
			ctl_cell(&table, CTL_PLAIN, "%lld", (long long)json_integer_value(group) + 1);
		else
			ctl_cell(&table, CTL_PLAIN, "-");
		distance_cell(&table, pool);
		if (has_latency)
			latency_cell(&table, pool);
		ctl_cell(&table, CTL_PLAIN, "%lld/%lld", (long long)ctl_integer(pool, "up"),
			(long long)ctl_integer(pool, "of"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(pool, "weight"));
		ctl_cell(&table, CTL_PLAIN, "%.1f%%", (double)ctl_integer(pool, "share_permille") / 10);
		fate_cell(&table, ctl_string(pool, "fate"), ctl_string(pool, "reason"));
	}
	ctl_table_print(&table, view, "   none", out);
}

static void print_endpoints(const json_t *endpoints, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "   TARGET", false },
		{ "ADDRESS", false },
		{ "TIER", true },
		{ "WEIGHT", true },
		{ "STATE", false },
		{ "SINCE", true },
		{ "WHY", false },
		{ NULL, false },
	};
	struct ctl_table table;
	const json_t *endpoint;
	char ago[32];
	size_t i;

	ctl_table_init(&table, columns);
	json_array_foreach(endpoints, i, endpoint)
	{
		json_int_t permille = ctl_integer(endpoint, "weight_permille");

		ctl_cell(&table, CTL_PLAIN, "   %s", ctl_string(endpoint, "target"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(endpoint, "address"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(endpoint, "priority"));
		ctl_cell(&table, permille < 1000 ? CTL_YELLOW : CTL_PLAIN, permille < 1000 ? "%lld (%lld%%)" : "%lld",
			(long long)ctl_integer(endpoint, "weight"), (long long)permille / 10);
		if (ctl_true(endpoint, "held") || ctl_true(endpoint, "regional") || ctl_true(endpoint, "frozen"))
			ctl_cell(&table, CTL_YELLOW, "%s%s", ctl_string(endpoint, "state"), ctl_condition(endpoint));
		else
			ctl_state(&table, ctl_string(endpoint, "state"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(endpoint, "since"), ago));
		fate_cell(&table, ctl_string(endpoint, "fate"), ctl_string(endpoint, "detector"));
	}
	ctl_table_print(&table, view, "   none", out);
}

/* Only in a fleet. */
static void print_votes(const json_t *endpoints, struct buf *out)
{
	char text[CTL_VOTES_MAX];
	const json_t *endpoint;
	size_t i;

	json_array_foreach(endpoints, i, endpoint)
	{
		if (*ctl_votes(endpoint, text) == '\0')
			continue;
		add_part(out, "   votes on ", ctl_string(endpoint, "address"));
		add_part(out, ": ", text);
		buf_printf(out, "\n");
	}
}

static void print_pick(const json_t *result, unsigned *number, struct buf *out)
{
	step(out, number, "Pick");
	if (strcmp(ctl_string(result, "pick.by"), "hash") == 0) {
		buf_printf(out, "by rendezvous hash of ");
		ctl_add(out, ctl_string(result, "pick.key"));
	} else {
		json_int_t draw = ctl_integer(result, "pick.draw"); /* 0: there was no choice of pools */

		buf_printf(out,
			draw != 0 ? "by dice, which fell on %lld: another time they may fall otherwise"
				  : "by dice: another time they may fall otherwise",
			(long long)draw);
	}
	buf_printf(out, "\n");
}

static void print_explore(const json_t *explore, unsigned *number, struct buf *out)
{
	double percent = json_number_value(json_object_get(explore, "percent"));

	if (!json_is_object(explore))
		return;
	step(out, number, "Explored");
	buf_printf(out, "%.2g %% of the answers for these clients name ", percent);
	ctl_add(out, ctl_string(explore, "pool"));
	buf_printf(out, ", which may be better for them and is to be measured: ");
	if (ctl_true(explore, "explored"))
		buf_printf(out, "this one does");
	else if (*ctl_string(explore, "barred") != '\0')
		add_part(out, "none does now, since ", ctl_string(explore, "barred"));
	else
		buf_printf(out, "this one does not");
	buf_printf(out, "\n");
}

/* Why this pool answers, where that is not simply its rank. */
static const char *why_sentence(const char *why)
{
	static const char *const sentences[][2] = {
		{ "ranked", "" },
		{ "fallback", ", the fallback: too little of the service's pools is in service" },
		{ "panic", ", as if all of it were up: most of it is down, and no other pool can take its clients" },
		{ "held", ", which flaps, but answers its probes, and nothing else is up" },
		{ "all-down", ", though nothing is up (down=all): probes are ignored" },
		{ "last-up", ", the last that was up (down=last)" },
		{ "no-family", ": no pool of the service has an address of this family" },
		{ "explored", ", the second best, to be measured" },
		{ "spill", ", since a better one is full" },
		{ "unresolved", ": no pool has a resolved address" },
	};

	for (size_t i = 0; i < COUNT_OF(sentences); i++)
		if (strcmp(sentences[i][0], why) == 0)
			return sentences[i][1];
	return why;
}

static void print_answer(const json_t *result, const struct ctl_view *view, unsigned *number, struct buf *out)
{
	const json_t *answer = json_object_get(result, "answer"), *record,
		     *records = json_object_get(answer, "records");
	json_int_t scope = ctl_integer(answer, "scope");
	size_t i;

	step(out, number, "Answer");
	if (json_array_size(records) == 0)
		ctl_paint(out, view, CTL_YELLOW, ctl_string(answer, "kind"));
	json_array_foreach(records, i, record)
	{
		buf_printf(out, "%s", i > 0 ? ", " : "");
		ctl_paint(out, view, CTL_BOLD, json_is_string(record) ? json_string_value(record) : "?");
	}
	add_part(out, " from pool ", ctl_string(answer, "pool"));
	ctl_add(out, why_sentence(ctl_string(answer, "why")));
	buf_printf(out, "\n");
	step(out, number, "TTL");
	buf_printf(out, "%lld s", (long long)ctl_integer(answer, "ttl_s"));
	add_part(out, ": ", ctl_string(answer, "ttl_reason"));
	buf_printf(out, "\n");
	step(out, number, "Scope");
	buf_printf(out,
		scope > 0 ? "/%lld: all clients in it have these candidates\n"
			  : "/%lld: all clients have these candidates\n",
		(long long)scope);
}

static void print_ranks(const json_t *ranks, unsigned *number, struct buf *out)
{
	const json_t *rank;
	size_t i;

	step(out, number, "Pools");
	buf_printf(out, "ranked by ");
	json_array_foreach(ranks, i, rank)
		add_part(out, i > 0 ? ", then " : "", json_is_string(rank) ? json_string_value(rank) : "?");
	buf_printf(out, "; the first group with a pool in service answers\n");
}

static void print_explain(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	unsigned number = 0;

	ctl_add(out, ctl_string(result, "name"));
	add_part(out, " ", ctl_string(result, "type"));
	if (!ctl_true(result, "steered")) {
		add_part(out, ": not steered: ", ctl_string(result, "outcome"));
		buf_printf(out, "\n");
		return;
	}
	add_part(out, ": service ", ctl_string(result, "service"));
	buf_printf(out, "%s\n", ctl_true(result, "wildcard") ? " (a wildcard)" : "");
	add_part(out, "as of ", ctl_string(result, "at"));
	buf_printf(out, *ctl_string(result, "at") != '\0' ? ", by the states of now\n" : "");
	print_who(result, &number, out);
	print_ranks(json_object_get(result, "rank"), &number, out);
	print_pools(json_object_get(result, "pools"), view, out);
	print_pick(result, &number, out);
	print_explore(json_object_get(result, "explore"), &number, out);
	print_endpoints(json_object_get(result, "endpoints"), view, out);
	print_votes(json_object_get(result, "endpoints"), out);
	if (*ctl_string(result, "held") != '\0') {
		add_part(out, "   held by ", ctl_string(result, "held"));
		buf_printf(out, "\n");
	}
	print_answer(result, view, &number, out);
}

const struct ctl_command ctl_explain = {
	.name = "explain",
	.summary = "every step of the answer to one client",
	.operands = operands,
	.options = options,
	.more = "The answer is worked out by the code that answers packets; --assume changes nothing in service.",
	.print = print_explain,
};
