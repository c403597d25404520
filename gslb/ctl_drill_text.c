#include "gslb/ctl_drill_text.h"

#include <stdio.h>
#include <string.h>

enum { SERVICES_SHOWN = 10, TEXT_MAX = 96 };

static const char *time_text(json_int_t ms, char text[static 32])
{
	if (ms > 0 && ms < 1000)
		snprintf(text, 32, "%lldms", (long long)ms);
	else if (ms > 0 && ms < 10000)
		snprintf(text, 32, "%.1fs", (double)ms / 1000);
	else
		ctl_duration((uint64_t)(ms > 0 ? ms : 0), text);
	return text;
}

/* ---- mistakes ---- */

static void print_mistakes(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *mistake;
	size_t i;

	json_array_foreach(json_object_get(result, "mistakes"), i, mistake)
	{
		ctl_paint(out, view, CTL_RED, json_is_string(mistake) ? json_string_value(mistake) : "?");
		buf_printf(out, "\n");
	}
}

/* ---- what it would do ---- */

/* Where those who asked in the last minutes would go. */
static void print_clients(const json_t *clients, struct buf *out)
{
	const json_t *pool;
	size_t i;

	if (ctl_integer(clients, "networks") == 0)
		return;
	buf_printf(out, "           the answers to the %lld networks that asked lately:",
		(long long)ctl_integer(clients, "networks"));
	json_array_foreach(json_object_get(clients, "pools"), i, pool)
	{
		const char *name = json_string_value(json_object_get(pool, "pool"));

		buf_printf(out, i > 0 ? ", " : " ");
		ctl_add(out, name != NULL ? name : "none");
		buf_printf(out, " %.1f %% -> %.1f %%", json_number_value(json_object_get(pool, "before_percent")),
			json_number_value(json_object_get(pool, "after_percent")));
	}
	buf_printf(out, "\n");
}

static void print_effects(const json_t *effects, const struct ctl_view *view, struct buf *out)
{
	const json_t *effect;
	size_t i;

	json_array_foreach(effects, i, effect)
	{
		const json_t *counts = json_object_get(effect, "pools_in_service");
		json_int_t before = json_integer_value(json_array_get(counts, 0)),
			   after = json_integer_value(json_array_get(counts, 1));
		char text[TEXT_MAX];

		if (i == SERVICES_SHOWN) {
			buf_printf(out, "           and %zu more services\n", json_array_size(effects) - i);
			return;
		}
		buf_printf(out, "           ");
		ctl_add(out, ctl_string(effect, "service"));
		snprintf(text, sizeof text, ": %lld of %lld pools in service, then %lld", (long long)before,
			(long long)ctl_integer(effect, "of"), (long long)after);
		ctl_paint(out, view, after < before ? CTL_YELLOW : CTL_PLAIN, text);
		buf_printf(out, " (keep=%lld)\n", (long long)ctl_integer(effect, "keep"));
		print_clients(json_object_get(effect, "clients"), out);
	}
}

static void print_check(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *step;
	char one[32], other[32];
	size_t i;

	ctl_paint(out, view, CTL_BOLD, ctl_string(result, "name"));
	buf_printf(out, ": ");
	ctl_add(out, ctl_string(result, "why"));
	buf_printf(out, "\nIts waits take at most %s; whatever happens, all is put back after %s.\n",
		ctl_duration((uint64_t)ctl_integer(result, "longest_ms"), one),
		ctl_duration((uint64_t)ctl_integer(result, "end_ms"), other));
	if (*ctl_string(result, "next") != '\0')
		buf_printf(out, "By its schedule it would run at %s.\n", ctl_string(result, "next"));
	json_array_foreach(json_object_get(result, "steps"), i, step)
	{
		json_int_t lead_ms = ctl_integer(step, "lead_ms");

		buf_printf(out, "%4lld  %6s ", (long long)ctl_integer(step, "step"),
			time_text(ctl_integer(step, "at_ms"), one));
		ctl_paint(out, view, ctl_true(step, "refused") ? CTL_RED : CTL_PLAIN, ctl_string(step, "text"));
		if (lead_ms > 0)
			buf_printf(
				out, " (announced: in force %s later, TTLs count down to it)", time_text(lead_ms, one));
		buf_printf(out, ctl_true(step, "refused") ? " is refused\n" : "\n");
		print_effects(json_object_get(step, "effects"), view, out);
	}
}

/* ---- the report ---- */

static enum ctl_colour result_colour(const char *result)
{
	if (strcmp(result, "SUCCEEDED") == 0)
		return CTL_GREEN;
	return strcmp(result, "RUNNING") == 0 ? CTL_YELLOW : CTL_RED;
}

static const struct ctl_column step_columns[] = {
	{ "STEP", true },
	{ "AFTER", true },
	{ "STATE", false },
	{ "WHAT", false },
	{ NULL, false },
};

static void print_steps(const json_t *report, const struct ctl_view *view, struct buf *out)
{
	struct ctl_table table;
	const json_t *step;
	char after[32];
	size_t i;

	ctl_table_init(&table, step_columns);
	json_array_foreach(json_object_get(report, "steps"), i, step)
	{
		const json_t *measured = json_object_get(step, "measured"),
			     *begun = json_object_get(step, "begun_after_ms");
		const char *state = ctl_string(step, "state");

		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(step, "step"));
		ctl_cell(&table, CTL_PLAIN, "%s", begun != NULL ? time_text(json_integer_value(begun), after) : "");
		ctl_cell(&table, strcmp(state, "failed") == 0 ? CTL_RED : CTL_PLAIN, "%s", state);
		if (json_is_real(measured))
			ctl_cell(&table, CTL_PLAIN, "%s (measured %.2f)", ctl_string(step, "text"),
				json_real_value(measured));
		else
			ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(step, "text"));
	}
	ctl_table_print(&table, view, "no steps", out);
}

static void print_rules(const json_t *report, const struct ctl_view *view, struct buf *out)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(report, "rules"), i, rule)
	{
		bool kept = ctl_true(rule, "kept"), always = strcmp(ctl_string(rule, "rule"), "always") == 0;

		buf_printf(out, "%s ", always ? "always" : "abort when");
		ctl_add(out, ctl_string(rule, "text"));
		buf_printf(out, ": ");
		ctl_paint(out, view, kept ? CTL_GREEN : CTL_RED,
			always ? (kept ? "held" : "broken") : (kept ? "did not happen" : "happened"));
		if (json_is_real(json_object_get(rule, "worst")))
			buf_printf(out, ", at worst %s", ctl_string(rule, "worst_text"));
		buf_printf(out, "\n");
	}
}

static const struct ctl_column moved_columns[] = {
	{ "SERVICE", false },
	{ "SHARE BEFORE", true },
	{ "SINCE", true },
	{ "FIRST CHANGED", true },
	{ "ANSWERS 50/90/99 %", true },
	{ "CLIENTS 50/90/99 %", true },
	{ "OLD ANSWERS", true },
	{ "HELD UNTIL", false },
	{ NULL, false },
};

static void percent_cell(struct ctl_table *table, const json_t *percent)
{
	if (json_is_real(percent))
		ctl_cell(table, CTL_PLAIN, "%.1f %%", json_real_value(percent));
	else
		ctl_blank(table);
}

static const char *moved_text(const json_t *ms, char text[static 32])
{
	return json_is_integer(ms) ? time_text(json_integer_value(ms), text) : "-";
}

static void quantiles_cell(struct ctl_table *table, const json_t *quantiles)
{
	char a[32], b[32], c[32];

	ctl_cell(table, CTL_PLAIN, "%s / %s / %s", moved_text(json_object_get(quantiles, "50"), a),
		moved_text(json_object_get(quantiles, "90"), b), moved_text(json_object_get(quantiles, "99"), c));
}

static void moved_row(struct ctl_table *table, const json_t *track, const char *name)
{
	char text[32];

	ctl_cell(table, CTL_PLAIN, "%s", name);
	percent_cell(table, json_object_get(track, "share_before"));
	percent_cell(table, json_object_get(track, "share_after"));
	ctl_cell(table, CTL_PLAIN, "%s", moved_text(json_object_get(track, "first_changed_ms"), text));
	quantiles_cell(table, json_object_get(track, "answers_moved_ms"));
	quantiles_cell(table, json_object_get(track, "clients_moved_ms"));
	ctl_cell(table, CTL_PLAIN, "%lld of %lld", (long long)ctl_integer(track, "old_answers"),
		(long long)ctl_integer(track, "answers"));
	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(track, "held_until"));
}

static void print_resolvers(const json_t *measured, struct buf *out)
{
	const json_t *resolver;
	size_t i, shown = 0;

	json_array_foreach(json_object_get(measured, "resolvers"), i, resolver)
	{
		if (ctl_integer(resolver, "old_answers") == 0 || shown++ == SERVICES_SHOWN)
			break;
		buf_printf(out,
			"  %s was told it %lld times afterwards, with TTLs of %lld to %lld s: may hold it until %s\n",
			ctl_string(resolver, "resolver"), (long long)ctl_integer(resolver, "old_answers"),
			(long long)ctl_integer(resolver, "ttl_min_s"), (long long)ctl_integer(resolver, "ttl_max_s"),
			ctl_string(resolver, "held_until"));
	}
}

static void print_measured(const json_t *report, const json_t *measured, const struct ctl_view *view, struct buf *out)
{
	json_int_t number = ctl_integer(measured, "step");
	const json_t *step = json_array_get(json_object_get(report, "steps"), (size_t)(number > 0 ? number - 1 : 0)),
		     *track, *services = json_object_get(measured, "services");
	struct ctl_table table;
	size_t i;

	buf_printf(out, "\nstep %lld: ", (long long)number);
	ctl_add(out, ctl_string(step, "text"));
	buf_printf(out, ": in force at %s\n", ctl_string(measured, "in_force"));
	ctl_table_init(&table, moved_columns);
	json_array_foreach(services, i, track) moved_row(&table, track, ctl_string(track, "service"));
	if (json_array_size(services) != 1)
		moved_row(&table, json_object_get(measured, "all"), "all");
	ctl_table_print(&table, view, "nothing was answered", out);
	print_resolvers(measured, out);
}

static void print_report(const json_t *report, const struct ctl_view *view, struct buf *out)
{
	const char *result = ctl_string(report, "result"), *reason = ctl_string(report, "reason");
	const json_t *measured;
	char took[32];
	size_t i;

	ctl_paint(out, view, CTL_BOLD, ctl_string(report, "name"));
	buf_printf(out, " (");
	ctl_add(out, ctl_string(report, "why"));
	buf_printf(out, "), run by ");
	ctl_add(out, ctl_string(report, "who"));
	buf_printf(out, ", begun %s\n", ctl_string(report, "begun"));
	ctl_paint(out, view, result_colour(result), result);
	buf_printf(out, " after %s%s", time_text(ctl_integer(report, "took_ms"), took), *reason != '\0' ? ": " : "");
	ctl_add(out, reason);
	buf_printf(out, "\n\n");
	print_steps(report, view, out);
	print_rules(report, view, out);
	json_array_foreach(json_object_get(report, "measured"), i, measured)
		print_measured(report, measured, view, out);
	buf_printf(out, "\nreport: %s\n", ctl_string(report, "id"));
}

/* ---- the list ---- */

static const struct ctl_column scheduled_columns[] = {
	{ "FILE", false },
	{ "NAME", false },
	{ "NEXT", false },
	{ "LAST", false },
	{ "WHY", false },
	{ NULL, false },
};

static const struct ctl_column kept_columns[] = {
	{ "REPORT", false },
	{ "WHO", false },
	{ "RESULT", false },
	{ "REASON", false },
	{ NULL, false },
};

static void print_list(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *line;
	struct ctl_table table;
	size_t i;

	if (*ctl_string(result, "running") != '\0')
		buf_printf(out, "under way: %s\n", ctl_string(result, "running"));
	ctl_table_init(&table, scheduled_columns);
	json_array_foreach(json_object_get(result, "scheduled"), i, line)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "file"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "name"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "next"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "last"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "why"));
	}
	ctl_table_print(&table, view, "no drills run by themselves (drills.directory in gslb.yaml)", out);
	json_array_foreach(json_object_get(result, "scheduled"), i, line) print_mistakes(line, view, out);
	buf_printf(out, "\n");
	ctl_table_init(&table, kept_columns);
	json_array_foreach(json_object_get(result, "reports"), i, line)
	{
		const char *kind = ctl_string(line, "result");

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "id"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "who"));
		ctl_cell(&table, result_colour(kind), "%s", kind);
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(line, "reason"));
	}
	ctl_table_print(&table, view, "no reports yet", out);
}

void ctl_drill_print(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	if (json_object_get(result, "scheduled") != NULL)
		print_list(result, view, out);
	else if (json_object_get(result, "rules") != NULL)
		print_report(result, view, out);
	else if (json_object_get(result, "steps") != NULL)
		print_check(result, view, out);
	else if (json_object_get(result, "aborted") != NULL)
		buf_printf(out, "%s is aborted, and all is put back (gslbctl drill report shows its report)\n",
			ctl_string(result, "aborted"));
	else if (json_object_get(result, "detached") != NULL)
		buf_printf(out, "%s runs by itself now (gslbctl drill status shows it, drill abort ends it)\n",
			ctl_string(result, "detached"));
	else
		print_mistakes(result, view, out);
}

/* ---- live ---- */

void ctl_drill_news(const json_t *before, const json_t *now, const struct ctl_view *view, struct buf *out)
{
	const json_t *steps = json_object_get(before, "steps"), *step;
	char after[32];
	size_t i;

	(void)view;
	json_array_foreach(json_object_get(now, "steps"), i, step)
	{
		const char *state = ctl_string(step, "state"), *was = ctl_string(json_array_get(steps, i), "state");

		if (strcmp(state, *was != '\0' ? was : "not begun") == 0)
			continue;
		buf_printf(out, "%8s  step %zu %s: ", time_text(ctl_integer(now, "took_ms"), after), i + 1, state);
		ctl_add(out, ctl_string(step, "text"));
		if (json_is_real(json_object_get(step, "measured")))
			buf_printf(out, " (measured %.2f)", json_real_value(json_object_get(step, "measured")));
		buf_printf(out, "\n");
	}
}
