/* status: what runs, since when, and from what. What is wrong comes first. */
#include <string.h>

#include "gslb/ctl_text.h"

static const struct ctl_column zone_columns[] = {
	{ "ZONE", false },
	{ "SERIAL", true },
	{ "STATE", false },
	{ "LOADED", true },
	{ "FILE", false },
	{ NULL, false },
};

void ctl_print_zones(const json_t *zones, const struct ctl_view *view, struct buf *out)
{
	const json_t *zone, *mistake;
	struct ctl_table table;
	char ago[32];
	size_t i, k;

	ctl_table_init(&table, zone_columns);
	json_array_foreach(zones, i, zone)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(zone, "name"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(zone, "serial"));
		ctl_state(&table, ctl_string(zone, "state"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(zone, "loaded"), ago));
		ctl_cell(&table, CTL_PLAIN, "%s%s", ctl_string(zone, "file"),
			ctl_true(zone, "file_gone") ? " (gone)" : "");
	}
	ctl_table_print(&table, view, "no zones", out);
	json_array_foreach(zones, i, zone) json_array_foreach(ctl_at(zone, "mistakes"), k, mistake)
	{
		ctl_paint(out, view, CTL_RED, json_is_string(mistake) ? json_string_value(mistake) : "?");
		buf_printf(out, "\n");
	}
}

static void print_geo(const json_t *geo, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "GEO", false },
		{ "SCHEMA", false },
		{ "AGE", true },
		{ "PREFIXES", true },
		{ "FILE", false },
		{ NULL, false },
	};
	struct ctl_table table;
	const json_t *database;
	char age[32];
	size_t i;

	ctl_table_init(&table, columns);
	json_array_foreach(geo, i, database)
	{
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(database, "type"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(database, "schema"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_duration((uint64_t)ctl_integer(database, "age_s") * 1000, age));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(database, "prefixes"));
		ctl_cell(&table, CTL_PLAIN, "%s%s", ctl_string(database, "path"),
			ctl_true(database, "country_only") ? " (countries only)" : "");
	}
	ctl_table_print(&table, view, "no geo databases: all clients are unplaced", out);
}

static void add_word(struct buf *out, const char *label, const char *word)
{
	if (*word == '\0')
		return;
	buf_printf(out, ", %s ", label);
	ctl_add(out, word);
}

static void print_head(const json_t *status, const struct ctl_view *view, struct buf *out)
{
	char uptime[32], ago[32], bytes[32];
	const json_t *address;
	size_t i;

	buf_printf(out, "gslbd      ");
	ctl_add(out, ctl_string(status, "version"));
	buf_printf(out, ", up %s, pid %lld, workers %lld",
		ctl_duration((uint64_t)ctl_integer(status, "uptime_s") * 1000, uptime),
		(long long)ctl_integer(status, "pid"), (long long)ctl_integer(status, "workers"));
	add_word(out, "identity", ctl_string(status, "identity"));
	add_word(out, "region", ctl_string(status, "region"));
	buf_printf(out, "\nlisten     ");
	json_array_foreach(ctl_at(status, "listen"), i, address)
	{
		buf_printf(out, "%s", i > 0 ? ", " : "");
		ctl_add(out, json_is_string(address) ? json_string_value(address) : "?");
	}
	buf_printf(out, "%s\nsnapshot   %lld, made %s ago, %s: %lld services, %lld pools, %lld endpoints\n",
		i == 0 ? "-" : "", (long long)ctl_integer(status, "snapshot.serial"),
		ctl_ago(view, ctl_string(status, "snapshot.made"), ago),
		ctl_bytes(ctl_integer(status, "snapshot.bytes"), bytes),
		(long long)ctl_integer(status, "snapshot.services"), (long long)ctl_integer(status, "snapshot.pools"),
		(long long)ctl_integer(status, "snapshot.endpoints"));
}

/* Nothing when nothing is to be told. */
static void print_drills(const json_t *drills, struct buf *out)
{
	const char *running = ctl_string(drills, "running");

	if (*running != '\0') {
		buf_printf(out, "drill      under way: ");
		ctl_add(out, running);
		buf_printf(out, "\n");
	}
	if (ctl_integer(drills, "scheduled") > 0) {
		buf_printf(out, "drills     %lld by themselves, next ", (long long)ctl_integer(drills, "scheduled"));
		ctl_add(out, ctl_string(drills, "next_name"));
		buf_printf(out, " at %s\n", ctl_string(drills, "next"));
	}
}

/* Nothing on a host that is alone. */
static void print_fleet(const json_t *fleet, const struct ctl_view *view, struct buf *out)
{
	if (!json_is_object(fleet))
		return;
	buf_printf(out, "fleet      digest ");
	ctl_add(out, ctl_string(fleet, "digest"));
	buf_printf(out, ", %lld of %lld other hosts heard, %lld agree\n", (long long)ctl_integer(fleet, "alive"),
		(long long)ctl_integer(fleet, "hosts"), (long long)ctl_integer(fleet, "agree"));
	buf_printf(out, "           %lld endpoints, %lld probed from this region, ",
		(long long)ctl_integer(fleet, "endpoints"), (long long)ctl_integer(fleet, "assigned"));
	ctl_paint(out, view, ctl_integer(fleet, "frozen") > 0 ? CTL_YELLOW : CTL_PLAIN, "kept without a majority:");
	buf_printf(out, " %lld, held by the budget: %lld, seen otherwise here: %lld\n",
		(long long)ctl_integer(fleet, "frozen"), (long long)ctl_integer(fleet, "held"),
		(long long)ctl_integer(fleet, "regional"));
}

static void print_parts(const json_t *status, const struct ctl_view *view, struct buf *out)
{
	const char *health = ctl_string(status, "health.state"), *since = ctl_string(status, "health.since");
	const char *result = ctl_string(status, "last_reload.result"), *at = ctl_string(status, "last_reload.at");
	const char *bus = ctl_string(status, "bus");
	char ago[32];

	buf_printf(out, "health     ");
	ctl_paint(out, view, ctl_colour_of(health), *health != '\0' ? health : "-");
	buf_printf(out, " for %s, pid %lld, restarts %lld: %lld up, %lld down, %lld unknown of %lld targets\n",
		ctl_ago(view, since, ago), (long long)ctl_integer(status, "health.pid"),
		(long long)ctl_integer(status, "health.restarts"), (long long)ctl_integer(status, "health.up"),
		(long long)ctl_integer(status, "health.down"), (long long)ctl_integer(status, "health.unknown"),
		(long long)ctl_integer(status, "health.targets"));
	if (json_is_object(ctl_at(status, "health.abstaining"))) {
		buf_printf(out, "           ");
		ctl_paint(out, view, CTL_YELLOW, "abstaining");
		buf_printf(out, " for %s: ", ctl_ago(view, ctl_string(status, "health.abstaining.since"), ago));
		ctl_add(out, ctl_string(status, "health.abstaining.reason"));
		buf_printf(out, " (%lld verdicts held)\n", (long long)ctl_integer(status, "health.held"));
	}
	buf_printf(out, "overrides  %lld\n", (long long)ctl_integer(status, "overrides"));
	print_drills(ctl_at(status, "drills"), out);
	buf_printf(out, "reloads    %lld", (long long)ctl_integer(status, "reloads"));
	if (*at != '\0') {
		buf_printf(out, ", the last %s ago: ", ctl_ago(view, at, ago));
		ctl_add(out, result);
	}
	buf_printf(out, "\nbus        ");
	ctl_add(out, *bus != '\0' ? bus : "-");
	buf_printf(out, "\n");
	print_fleet(ctl_at(status, "fleet"), view, out);
}

static void print_status(const json_t *status, const struct ctl_view *view, struct buf *out)
{
	const json_t *alarm;
	size_t i;

	json_array_foreach(ctl_at(status, "alarms"), i, alarm)
	{
		ctl_paint(out, view, CTL_RED, "ALARM");
		buf_printf(out, "      ");
		ctl_add(out, json_is_string(alarm) ? json_string_value(alarm) : "?");
		buf_printf(out, "\n");
	}
	print_head(status, view, out);
	print_parts(status, view, out);
	buf_printf(out, "\n");
	ctl_print_zones(ctl_at(status, "zones"), view, out);
	buf_printf(out, "\n");
	print_geo(ctl_at(status, "geo"), view, out);
}

const struct ctl_command ctl_status = {
	.name = "status",
	.summary = "version, uptime, snapshot, zones, geo age, health, alarms",
	.print = print_status,
};
