/* A plan as text: first what was edited, then who moves, service by service, what that adds, and the worst. */
#include <stdio.h>
#include <string.h>

#include "gslb/ctl_plan.h"

static double number_at(const json_t *json, const char *path)
{
	return json_number_value(ctl_at(json, path));
}

/* Clients, of which a part may move. */
static const char *count(double n, char text[static 32])
{
	snprintf(text, 32, n > 0 && n < 10 && n != (double)(int)n ? "%.1f" : "%.0f", n);
	return text;
}

/* ---- what was edited ---- */

static void print_names(const char *title, const json_t *listed, struct buf *out)
{
	json_int_t n = ctl_integer(listed, "n");
	const json_t *name;
	size_t i;

	if (n == 0)
		return;
	buf_printf(out, "%s: ", title);
	json_array_foreach(ctl_at(listed, "names"), i, name)
	{
		if (i == 20)
			break;
		buf_printf(out, i > 0 ? ", " : "");
		ctl_add(out, json_is_string(name) ? json_string_value(name) : "?");
	}
	if (n > 20)
		buf_printf(out, " and %lld more", (long long)n - 20);
	buf_printf(out, "\n");
}

static void print_zone(const json_t *zone, struct buf *out)
{
	const json_t *serial = ctl_at(zone, "serial");
	json_int_t was = json_integer_value(json_array_get(serial, 0)),
		   is = json_integer_value(json_array_get(serial, 1));

	ctl_add(out, ctl_string(zone, "zone"));
	if (was == is)
		buf_printf(out, ": edited, and still of serial %lld\n", (long long)is);
	else
		buf_printf(out, ": serial %lld (in force: %lld)\n", (long long)is, (long long)was);
	print_names("  records changed", ctl_at(zone, "changed"), out);
}

static void print_edits(const json_t *result, struct buf *out)
{
	const json_t *zone, *edited = ctl_at(result, "zones.edited");
	size_t start = out->len, i;

	json_array_foreach(edited, i, zone)
	{
		print_zone(zone, out);
	}
	print_names("zones added", ctl_at(result, "zones.added"), out);
	print_names("zones removed", ctl_at(result, "zones.removed"), out);
	print_names("services added", ctl_at(result, "services_edited.added"), out);
	print_names("services removed", ctl_at(result, "services_edited.removed"), out);
	print_names("pools added", ctl_at(result, "pools_edited.added"), out);
	print_names("pools removed", ctl_at(result, "pools_edited.removed"), out);
	print_names("pools changed", ctl_at(result, "pools_edited.changed"), out);
	if (out->len == start)
		buf_printf(out, "the zones are those in force\n");
}

/* ---- who moves ---- */

static void print_added(const char *indent, const json_t *json, struct buf *out)
{
	const json_t *ms = ctl_at(json, "added_ms"), *km = ctl_at(json, "added_km");

	if (json_is_object(ms))
		buf_printf(out, "%sthey get %+.1f ms on average (half of them at most %+.1f, 95 %% at most %+.1f)\n",
			indent, number_at(ms, "mean"), number_at(ms, "p50"), number_at(ms, "p95"));
	if (json_is_object(km))
		buf_printf(out, "%sthey get %+.0f km on average (half of them at most %+.0f, 95 %% at most %+.0f)\n",
			indent, number_at(km, "mean"), number_at(km, "p50"), number_at(km, "p95"));
}

static const char *pool_of(const json_t *json, const char *key)
{
	const char *pool = ctl_string(json, key);

	return *pool != '\0' ? pool : "no pool";
}

static void print_shares(const json_t *pools, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "  POOL", false },
		{ "NOW", true },
		{ "THEN", true },
		{ "CHANGE", true },
		{ NULL, false },
	};
	struct ctl_table table;
	const json_t *pool;
	size_t i;

	ctl_table_init(&table, columns);
	json_array_foreach(pools, i, pool)
	{
		double before = number_at(pool, "before_percent"), after = number_at(pool, "after_percent");
		bool same = before - after < 0.05 && after - before < 0.05;

		ctl_cell(&table, CTL_PLAIN, "  %s", pool_of(pool, "pool"));
		ctl_cell(&table, CTL_PLAIN, "%.1f%%", before);
		ctl_cell(&table, CTL_PLAIN, "%.1f%%", after);
		ctl_cell(&table, same ? CTL_PLAIN : CTL_YELLOW, same ? "=" : "%+.1f", after - before);
	}
	ctl_table_print(&table, view, "  none", out);
}

/* What it reports now, and what that comes to. */
static void load_cell(struct ctl_table *table, const json_t *pool)
{
	const json_t *then = ctl_at(pool, "load_then");
	json_int_t capacity = ctl_integer(pool, "capacity");
	char of[32] = "";

	if (capacity > 0)
		snprintf(of, sizeof of, " of %lld", (long long)capacity);
	if (json_is_number(then))
		ctl_cell(table, ctl_true(pool, "too_much") ? CTL_RED : CTL_PLAIN, "%.0f, then %.0f%s",
			number_at(pool, "load"), json_number_value(then), of);
	else
		ctl_cell(table, CTL_PLAIN, "-");
}

/* All services together: what each pool has to carry. */
static void print_pools(const json_t *pools, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "  POOL", false },
		{ "NOW", true },
		{ "THEN", true },
		{ "CHANGE", true },
		{ "LOAD", true },
		{ NULL, false },
	};
	struct ctl_table table;
	const json_t *pool;
	size_t i;

	buf_printf(out, "\nload of the pools, in parts of all answers:\n");
	ctl_table_init(&table, columns);
	json_array_foreach(pools, i, pool)
	{
		const json_t *change = ctl_at(pool, "load_change_percent");
		double percent = json_number_value(change);
		bool same = json_is_number(change) && percent > -0.05 && percent < 0.05;

		ctl_cell(&table, CTL_PLAIN, "  %s", pool_of(pool, "pool"));
		ctl_cell(&table, CTL_PLAIN, "%.1f%%", number_at(pool, "before_percent"));
		ctl_cell(&table, CTL_PLAIN, "%.1f%%", number_at(pool, "after_percent"));
		if (json_is_number(change))
			ctl_cell(&table, same ? CTL_PLAIN : CTL_YELLOW, same ? "=" : "%+.1f %%", percent);
		else
			ctl_cell(&table, CTL_YELLOW, *ctl_string(pool, "pool") != '\0' ? "new" : "-");
		load_cell(&table, pool);
	}
	ctl_table_print(&table, view, "  none", out);
}

static bool is_changed(const json_t *service)
{
	const json_t *pool;
	size_t i;

	json_array_foreach(ctl_at(service, "pools"), i, pool)
	{
		double differ = number_at(pool, "before_percent") - number_at(pool, "after_percent");

		if (differ > 0.05 || differ < -0.05)
			return true;
	}
	return number_at(service, "moved_networks") > 0 || number_at(service, "other_address_networks") > 0;
}

static void print_service(const json_t *service, const struct ctl_view *view, struct buf *out)
{
	double within = number_at(service, "other_address_networks");
	char moved[32];

	buf_printf(out, "\n");
	ctl_paint(out, view, CTL_BOLD, ctl_string(service, "service"));
	buf_printf(out, "%s: %.1f %% of all answers; %s of %lld clients move, %.1f %% of its answers\n",
		ctl_true(service, "removed") ? " (removed)" : "", number_at(service, "answers_percent"),
		count(number_at(service, "moved_networks"), moved), (long long)ctl_integer(service, "networks"),
		number_at(service, "moved_percent"));
	if (within > 0)
		buf_printf(out, "  %.0f more stay in their pool, and get another address of it\n", within);
	print_shares(ctl_at(service, "pools"), view, out);
	print_added("  ", service, out);
}

static void print_services(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *service;
	size_t i, nsame = 0, nshown = 0;

	json_array_foreach(ctl_at(result, "services"), i, service)
	{
		if (!is_changed(service))
			nsame++;
		else if (nshown++ < 50)
			print_service(service, view, out);
	}
	if (nshown > 50)
		buf_printf(out, "\n%zu more services change (--json has them all)\n", nshown - 50);
	if (nsame > 0)
		buf_printf(out, "\n%zu %sservice%s that clients asked: nothing changes\n", nsame,
			nshown > 0 ? "other " : "", nsame == 1 ? "" : "s");
}

static void print_worst(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "NETWORK", false },
		{ "SERVICE", false },
		{ "FROM", false },
		{ "TO", false },
		{ "ADDED", true },
		{ "DISTANCE", true },
		{ "ANSWERS", true },
		{ NULL, false },
	};
	const json_t *mover, *movers = ctl_at(result, "worst");
	struct ctl_table table;
	char answers[32];
	size_t i;

	if (json_array_size(movers) == 0)
		return;
	buf_printf(out, "\nwho is worst off:\n");
	ctl_table_init(&table, columns);
	json_array_foreach(movers, i, mover)
	{
		const json_t *ms = ctl_at(mover, "added_ms"), *km = ctl_at(mover, "added_km");

		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(mover, "network"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(mover, "service"));
		ctl_cell(&table, CTL_PLAIN, "%s", pool_of(mover, "from"));
		ctl_cell(&table, CTL_PLAIN, "%s", pool_of(mover, "to"));
		if (json_is_number(ms))
			ctl_cell(&table, CTL_PLAIN, "%+.1f ms%s", json_number_value(ms),
				ctl_true(mover, "measured") ? "" : " by distance");
		else
			ctl_cell(&table, CTL_PLAIN, "-");
		if (json_is_number(km))
			ctl_cell(&table, CTL_PLAIN, "%+.0f km", json_number_value(km));
		else
			ctl_cell(&table, CTL_PLAIN, "-");
		ctl_cell(&table, CTL_PLAIN, "%s", count(number_at(mover, "answers"), answers));
	}
	ctl_table_print(&table, view, "none", out);
}

/* ---- the whole ---- */

static void print_sum(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	char moved[160], n[32];

	if (ctl_integer(result, "networks") == 0) {
		buf_printf(out, "no client of these services is known yet: nothing to replay\n");
		return;
	}
	snprintf(moved, sizeof moved, "%.1f %% of the clients (%s of %lld), %.1f %% of their answers",
		number_at(result, "moved.networks_percent"), count(number_at(result, "moved.networks"), n),
		(long long)ctl_integer(result, "networks"), number_at(result, "moved.answers_percent"));
	buf_printf(out, "\nto another pool move: ");
	ctl_paint(out, view, number_at(result, "moved.networks") > 0 ? CTL_YELLOW : CTL_GREEN, moved);
	buf_printf(out, "\n");
	print_added("  ", result, out);
}

void ctl_plan_print(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *name;
	size_t i;

	ctl_zones_print(result, out);
	if (ctl_at(result, "moved") != NULL) {
		print_edits(result, out);
		json_array_foreach(ctl_at(result, "unresolved"), i, name)
		{
			ctl_add(out, json_is_string(name) ? json_string_value(name) : "?");
			buf_printf(out, ": a name in it was not resolved yet: counted without\n");
		}
		print_sum(result, view, out);
		if (ctl_integer(result, "networks") > 0)
			print_pools(ctl_at(result, "pools"), view, out);
		print_services(result, view, out);
		print_worst(result, view, out);
	}
	if (ctl_at(result, "saved") != NULL) {
		ctl_add(out, ctl_string(result, "saved.file"));
		buf_printf(out, ": %lld clients written down\n", (long long)ctl_integer(result, "saved.networks"));
	}
}
