/* stats: the counters, with what they count. */
#include <string.h>

#include "gslb/ctl_text.h"

static const struct ctl_operand operands[] = {
	{ "FILTER", "filter", CTL_OPTIONAL, NULL, "a part of a counter's name" },
	{ 0 },
};

static const struct ctl_column columns[] = {
	{ "COUNTER", false },
	{ "VALUE", true },
	{ "MEANING", false },
	{ NULL, false },
};

static void sift_stats(json_t *result, const json_t *args)
{
	const char *filter = ctl_string(args, "filter"), *name;
	json_t *counters = json_object_get(result, "counters"), *value;
	void *next;

	json_object_foreach_safe(counters, next, name, value) if (strstr(name, filter) == NULL)
		json_object_del(counters, name);
}

static void print_stats(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *descriptions = json_object_get(result, "descriptions"), *qps = json_object_get(result, "qps");
	json_t *counters = json_object_get(result, "counters"), *value;
	struct ctl_table table;
	const char *name;

	if (json_is_number(qps))
		buf_printf(out, "%.1f queries/s\n\n", json_number_value(qps));
	ctl_table_init(&table, columns);
	json_object_foreach(counters, name, value)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", name);
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)json_integer_value(value));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(descriptions, name));
	}
	ctl_table_print(&table, view, "no counters", out);
}

const struct ctl_command ctl_stats = {
	.name = "stats",
	.summary = "counters since the start, and queries per second",
	.operands = operands,
	.sift = sift_stats,
	.print = print_stats,
};
