/* capacity: what pools carry and give away, and what the loss of each region would do to the others. */
#include <string.h>

#include "gslb/ctl_text.h"

static void number_cell(struct ctl_table *table, enum ctl_colour colour, const json_t *number)
{
	if (json_is_number(number))
		ctl_cell(table, colour, "%.6g", json_number_value(number));
	else
		ctl_blank(table);
}

static void percent_cell(struct ctl_table *table, enum ctl_colour colour, const json_t *of, const json_t *capacity)
{
	if (json_is_number(of) && json_number_value(capacity) > 0)
		ctl_cell(table, colour, "%.0f%%", json_number_value(of) * 100 / json_number_value(capacity));
	else
		ctl_blank(table);
}

/* ---- as it is ---- */

static const struct ctl_column now_columns[] = {
	{ "POOL", false },
	{ "REGION", false },
	{ "LOAD", true },
	{ "CAPACITY", true },
	{ "USED", true },
	{ "DEMAND", true },
	{ "GIVES", true },
	{ "TAKES", true },
	{ NULL, false },
};

static void print_now(const json_t *pools, const struct ctl_view *view, struct buf *out)
{
	struct ctl_table table;
	const json_t *pool;
	size_t i;

	ctl_table_init(&table, now_columns);
	json_array_foreach(pools, i, pool)
	{
		const json_t *load = json_object_get(pool, "load"), *capacity = json_object_get(pool, "capacity");
		double gives = json_number_value(json_object_get(pool, "given_percent"));

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "pool"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "region"));
		number_cell(&table, CTL_PLAIN, load);
		number_cell(&table, CTL_PLAIN, capacity);
		percent_cell(&table, json_number_value(load) > json_number_value(capacity) ? CTL_RED : CTL_PLAIN, load,
			capacity);
		number_cell(&table, CTL_PLAIN, json_object_get(pool, "demand"));
		ctl_cell(&table, gives > 0 ? CTL_YELLOW : CTL_PLAIN, "%.0f%%%s", gives,
			ctl_true(pool, "frozen") ? "?" : "");
		number_cell(&table, CTL_PLAIN, json_object_get(pool, "taken"));
	}
	ctl_table_print(&table, view, "no pool has capacity= or load=", out);
}

/* ---- one region less ---- */

static const struct ctl_column lost_columns[] = {
	{ "  POOL", false },
	{ "REGION", false },
	{ "LOAD", true },
	{ "THEN", true },
	{ "CAPACITY", true },
	{ "USED", true },
	{ "VERDICT", false },
	{ NULL, false },
};

static const struct level {
	const char *word;
	enum ctl_colour colour;
	const char *meaning;
} levels[] = {
	{ "fits", CTL_GREEN, "fits" },
	{ "no-limit", CTL_PLAIN, "no capacity=" },
	{ "over-target", CTL_YELLOW, "over 80 %" },
	{ "overloaded", CTL_RED, "overloaded" },
};

static void level_cell(struct ctl_table *table, const char *word)
{
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (strcmp(levels[i].word, word) == 0) {
			ctl_cell(table, levels[i].colour, "%s", levels[i].meaning);
			return;
		}
	ctl_cell(table, CTL_PLAIN, "%s", word);
}

static void print_region(const json_t *region, const struct ctl_view *view, struct buf *out)
{
	double over = json_number_value(json_object_get(region, "over")),
	       unserved = json_number_value(json_object_get(region, "unserved"));
	struct ctl_table table;
	const json_t *pool;
	size_t i;

	buf_printf(out, "\nWithout ");
	ctl_add(out, ctl_string(region, "region"));
	buf_printf(out, ", which has %.6g: ", json_number_value(json_object_get(region, "lost")));
	if (unserved > 0)
		buf_printf(out, "%.6g could go nowhere else%s", unserved, over > 0 ? ", " : "");
	if (over > 0)
		buf_printf(out, "%.6g more than the others can carry", over);
	if (over <= 0 && unserved <= 0)
		ctl_paint(out, view, ctl_true(region, "fits") ? CTL_GREEN : CTL_YELLOW,
			ctl_true(region, "fits") ? "the others have room" : "the others can carry it, over 80 %");
	buf_printf(out, "\n");
	ctl_table_init(&table, lost_columns);
	json_array_foreach(json_object_get(region, "pools"), i, pool)
	{
		const json_t *then = json_object_get(pool, "then"), *capacity = json_object_get(pool, "capacity");

		ctl_cell(&table, CTL_PLAIN, "  %s", ctl_string(pool, "pool"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(pool, "region"));
		number_cell(&table, CTL_PLAIN, json_object_get(pool, "load"));
		number_cell(&table, CTL_PLAIN, then);
		number_cell(&table, CTL_PLAIN, capacity);
		percent_cell(&table, CTL_PLAIN, then, capacity);
		level_cell(&table, ctl_string(pool, "level"));
	}
	ctl_table_print(&table, view, "  no other region has a pool with capacity= or load=", out);
}

static void print_capacity(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *region;
	size_t i;

	print_now(json_object_get(result, "pools"), view, out);
	json_array_foreach(json_object_get(result, "regions"), i, region) print_region(region, view, out);
}

const struct ctl_command ctl_capacity = {
	.name = "capacity",
	.summary = "what pools carry and give away, and what the loss of each region would do to the others",
	.more = "DEMAND is what a pool's own clients ask for, wherever they are sent now; GIVES is the part of it that "
		"goes "
		"elsewhere, TAKES what comes from others.",
	.print = print_capacity,
};
