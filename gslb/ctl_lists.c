/* services, pools, endpoints: the tables of what is steered. A filter is a part of a name or a pattern; it is applied here,
 * to the table and to --json alike. */
#include <fnmatch.h>
#include <string.h>

#include "gslb/ctl_text.h"

static const struct ctl_operand filter_operand[] = {
	{ "FILTER", "filter", CTL_OPTIONAL, NULL, "a part of a name, or a pattern with * and ?" },
	{ 0 },
};

static bool matches(const char *filter, const char *text)
{
	if (strpbrk(filter, "*?[") != NULL)
		return fnmatch(filter, text, 0) == 0;
	return strstr(text, filter) != NULL;
}

/* Drop the items of which no field named matches. */
static void sift_by(json_t *result, const json_t *args, const char *array, const char *const *fields)
{
	const char *filter = ctl_string(args, "filter");
	json_t *items = json_object_get(result, array);

	for (size_t i = json_array_size(items); *filter != '\0' && i > 0; i--) {
		const json_t *item = json_array_get(items, i - 1);
		bool kept = false;

		for (size_t f = 0; fields[f] != NULL; f++)
			kept = kept || matches(filter, ctl_string(item, fields[f]));
		if (!kept)
			json_array_remove(items, i - 1);
	}
}

static void share_cell(struct ctl_table *table, const json_t *item)
{
	const json_t *share = json_object_get(item, "share_percent");

	if (json_is_number(share))
		ctl_cell(table, CTL_PLAIN, "%.1f%%", json_number_value(share));
	else
		ctl_cell(table, CTL_PLAIN, "-");
}

static void up_of_cell(struct ctl_table *table, const json_t *part)
{
	if (ctl_integer(part, "of") > 0)
		ctl_cell(table, CTL_PLAIN, "%lld/%lld", (long long)ctl_integer(part, "up"),
			(long long)ctl_integer(part, "of"));
	else
		ctl_cell(table, CTL_PLAIN, "-");
}

/* ---- services: a row for each of its pools ---- */

static const struct ctl_column service_columns[] = {
	{ "SERVICE", false },
	{ "RANK", false },
	{ "SPREAD", false },
	{ "TTL", true },
	{ "ANSWERS", true },
	{ "DOWN", false },
	{ "IN SERVICE", true },
	{ "POOL", false },
	{ "STATE", false },
	{ "UP", true },
	{ "SHARE", true },
	{ "OVERRIDE", false },
	{ NULL, false },
};

static void service_cells(struct ctl_table *table, const json_t *service)
{
	json_int_t in = ctl_integer(service, "in_service"), keep = ctl_integer(service, "keep");
	const char *fallback = ctl_string(service, "fallback");

	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(service, "name"));
	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(service, "rank"));
	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(service, "spread"));
	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(service, "ttl"));
	ctl_cell(table, CTL_PLAIN, "%lld", (long long)ctl_integer(service, "answers"));
	ctl_cell(table, CTL_PLAIN, *fallback != '\0' ? "%s, %s" : "%s%s", fallback, ctl_string(service, "down"));
	ctl_cell(table,
		in == 0      ? CTL_RED
		: in <= keep ? CTL_YELLOW
			     : CTL_PLAIN,
		"%lld (keep %lld)", (long long)in, (long long)keep);
}

static void print_services(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *service, *pool;
	struct ctl_table table;
	size_t i, k;

	ctl_table_init(&table, service_columns);
	json_array_foreach(json_object_get(result, "services"), i, service)
	{
		json_array_foreach(json_object_get(service, "pools"), k, pool)
		{
			if (k == 0)
				service_cells(&table, service);
			for (unsigned blank = 0; k > 0 && blank < 7; blank++)
				ctl_blank(&table);
			ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "name"));
			ctl_state(&table, ctl_string(pool, "state"));
			up_of_cell(&table, pool);
			share_cell(&table, pool);
			ctl_state(&table, ctl_string(pool, "override"));
		}
	}
	ctl_table_print(&table, view, "no services", out);
}

static void sift_services(json_t *result, const json_t *args)
{
	static const char *const fields[] = { "name", NULL };

	sift_by(result, args, "services", fields);
}

const struct ctl_command ctl_services = {
	.name = "services",
	.summary = "table of services: ranking, TTL, and each pool's state and share of answers",
	.operands = filter_operand,
	.sift = sift_services,
	.print = print_services,
};

/* ---- pools ---- */

static const struct ctl_column pool_columns[] = {
	{ "POOL", false },
	{ "ZONE", false },
	{ "REGION", false },
	{ "STATE", false },
	{ "SINCE", true },
	{ "IPV4", true },
	{ "IPV6", true },
	{ "CHECK", false },
	{ "SERVICES", true },
	{ "SHARE", true },
	{ "LOAD", true },
	{ "CAPACITY", true },
	{ "HEADROOM", true },
	{ "OVERRIDE", false },
	{ "REASON", false },
	{ NULL, false },
};

/* Why it is down or in doubt; else what it would be down without. */
static void pool_reason_cell(struct ctl_table *table, const json_t *pool)
{
	const json_t *name, *needs = json_object_get(pool, "needs");
	struct buf text = { 0 };
	size_t i;

	if (*ctl_string(pool, "reason") != '\0') {
		ctl_cell(table, CTL_RED, "%s", ctl_string(pool, "reason"));
		return;
	}
	json_array_foreach(needs, i, name)
		buf_printf(&text, "%s%s", i > 0 ? "," : "needs ", json_is_string(name) ? json_string_value(name) : "?");
	ctl_cell(table, CTL_PLAIN, "%s", text.len > 0 ? text.text : "-");
	buf_fini(&text);
}

static void number_cell(struct ctl_table *table, enum ctl_colour colour, const json_t *number)
{
	if (json_is_number(number))
		ctl_cell(table, colour, "%.6g", json_number_value(number));
	else
		ctl_cell(table, CTL_PLAIN, "-");
}

/* A load that is stale is followed by a question mark; headroom is what is left to the capacity, red below a fifth of it. */
static void load_cells(struct ctl_table *table, const json_t *load)
{
	const json_t *now = json_object_get(load, "load"), *headroom = json_object_get(load, "headroom");
	double capacity = json_number_value(json_object_get(load, "capacity"));

	if (json_is_number(now) && !json_is_true(json_object_get(load, "fresh")))
		ctl_cell(table, CTL_YELLOW, "%.6g?", json_number_value(now));
	else
		number_cell(table, CTL_PLAIN, now);
	number_cell(table, CTL_PLAIN, json_object_get(load, "capacity"));
	number_cell(table, json_number_value(headroom) < capacity / 5 ? CTL_RED : CTL_PLAIN, headroom);
}

static void print_pools(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	struct ctl_table table;
	const json_t *pool;
	char ago[32];
	size_t i;

	ctl_table_init(&table, pool_columns);
	json_array_foreach(json_object_get(result, "pools"), i, pool)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "name"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "zone"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "region"));
		ctl_state(&table, ctl_string(pool, "state"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(pool, "since"), ago));
		up_of_cell(&table, json_object_get(pool, "v4"));
		up_of_cell(&table, json_object_get(pool, "v6"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "check"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(pool, "services"));
		share_cell(&table, pool);
		load_cells(&table, json_object_get(pool, "load"));
		ctl_state(&table, ctl_string(pool, "override"));
		pool_reason_cell(&table, pool);
	}
	ctl_table_print(&table, view, "no pools", out);
}

static void sift_pools(json_t *result, const json_t *args)
{
	static const char *const fields[] = { "name", "zone", "region", NULL };

	sift_by(result, args, "pools", fields);
}

const struct ctl_command ctl_pools = {
	.name = "pools",
	.summary = "table of pools: region, state, endpoints up, share of answers, load, override",
	.operands = filter_operand,
	.sift = sift_pools,
	.print = print_pools,
};

/* ---- endpoints ---- */

static const struct ctl_column endpoint_columns[] = {
	{ "POOL", false },
	{ "TARGET", false },
	{ "ADDRESS", false },
	{ "TIER", true },
	{ "WEIGHT", true },
	{ "STATE", false },
	{ "SINCE", true },
	{ "CHECK", false },
	{ "RTT", true },
	{ "LAST", true },
	{ "OVERRIDE", false },
	{ "REASON", false },
	{ NULL, false },
};

/* The last probe's result, the detector's rule that is at work, if any, and what the regions say where they differ. */
static void reason_cell(struct ctl_table *table, const json_t *endpoint)
{
	const char *detector = ctl_string(endpoint, "detector");
	char votes[CTL_VOTES_MAX] = "";

	if (ctl_votes_differ(endpoint))
		ctl_votes(endpoint, votes);
	ctl_cell(table, CTL_PLAIN, "%s%s%s%s%s", ctl_string(endpoint, "reason"), *detector != '\0' ? "; " : "",
		detector, *votes != '\0' ? "; " : "", votes);
}

static void probe_cells(struct ctl_table *table, const json_t *endpoint, const struct ctl_view *view)
{
	const json_t *rtt = json_object_get(endpoint, "rtt_ms");
	char ago[32];

	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(endpoint, "check"));
	if (json_is_number(rtt))
		ctl_cell(table, CTL_PLAIN, "%.1fms", json_number_value(rtt));
	else
		ctl_cell(table, CTL_PLAIN, "-");
	ctl_cell(table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(endpoint, "last_probe"), ago));
	ctl_state(table, ctl_string(endpoint, "override"));
	reason_cell(table, endpoint);
}

static void weight_cell(struct ctl_table *table, const json_t *endpoint)
{
	const json_t *percent = json_object_get(endpoint, "weight_percent");
	long long weight = (long long)ctl_integer(endpoint, "weight");

	if (json_is_number(percent) && json_number_value(percent) < 100)
		ctl_cell(table, CTL_YELLOW, "%lld (%.0f%%)", weight, json_number_value(percent));
	else
		ctl_cell(table, CTL_PLAIN, "%lld", weight);
}

static void print_endpoints(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	struct ctl_table table;
	const json_t *endpoint;
	char ago[32];
	size_t i;

	ctl_table_init(&table, endpoint_columns);
	json_array_foreach(json_object_get(result, "endpoints"), i, endpoint)
	{
		const char *state = ctl_string(endpoint, "state"), *condition = ctl_condition(endpoint);

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(endpoint, "pool"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(endpoint, "target"));
		ctl_cell(&table, CTL_PLAIN, "%s@%lld", ctl_string(endpoint, "address"),
			(long long)ctl_integer(endpoint, "port"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(endpoint, "priority"));
		weight_cell(&table, endpoint);
		ctl_cell(&table, *condition != '\0' ? CTL_YELLOW : ctl_colour_of(state), "%s%s", state, condition);
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(endpoint, "since"), ago));
		probe_cells(&table, endpoint, view);
	}
	ctl_table_print(&table, view, "no endpoints", out);
}

static void sift_endpoints(json_t *result, const json_t *args)
{
	static const char *const fields[] = { "pool", "target", "address", "zone", NULL };

	sift_by(result, args, "endpoints", fields);
}

const struct ctl_command ctl_endpoints = {
	.name = "endpoints",
	.summary = "table of endpoints: state, since, probe, rtt, weight, override",
	.operands = filter_operand,
	.sift = sift_endpoints,
	.print = print_endpoints,
};
