/* What is served: the snapshot, the zones, the geo databases. */
#include "gslb/drills.h"
#include "gslb/fleet.h"
#include "gslb/fleet_document.h"
#include "gslb/metrics.h"

static void write_serial(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->snapshot->serial);
}

static void write_made(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put_ms(out, name, NULL, metrics->snapshot->made_ms);
}

static void write_bytes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, snapshot_bytes(metrics->snapshot));
}

static void write_reloads(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->daemon->reloads);
}

static void write_last_reload(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	if (metrics->daemon->last_reload_ms > 0)
		metrics_put_ms(out, name, NULL, metrics->daemon->last_reload_ms);
}

static void write_alarms(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct daemon *daemon = metrics->daemon;
	json_t *drills = json_array(), *fleet = json_array();

	(void)thing;
	drills_alarms(daemon->drills, drills);
	fleet_document_alarms(fleet, prober_board(daemon->prober));
	fleet_alarms(daemon, fleet);
	metrics_put(out, name, METRICS_LABELS("of", "geo"), daemon->geo_alarm[0] != '\0');
	metrics_put(out, name, METRICS_LABELS("of", "health"), daemon->health_alarm[0] != '\0');
	metrics_put(
		out, name, METRICS_LABELS("of", "state"), daemon->state_alarm[0] != '\0' || metrics->prober.unsaved);
	metrics_put(out, name, METRICS_LABELS("of", "drills"), json_array_size(drills) > 0);
	metrics_put(out, name, METRICS_LABELS("of", "fleet"), json_array_size(fleet) > 0);
	json_decref(drills);
	json_decref(fleet);
}

/* ---- zones: few enough for one piece; a reload may replace the list between two ---- */

static void write_zones(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	static const char *const names[] = {
		[ZONE_LOADED] = "loaded", [ZONE_LAST_GOOD] = "last-good", [ZONE_REFUSED] = "refused"
	};
	const struct zones_view *zones = metrics->daemon->zones;
	uint64_t counts[COUNT_OF(names)] = { 0 };

	(void)thing;
	for (size_t i = 0; i < zones->nzones; i++)
		counts[zones->zones[i].standing]++;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		metrics_put(out, name, METRICS_LABELS("state", names[i]), counts[i]);
}

static const char *file_of(const struct loaded_zone *zone)
{
	const char *slash = strrchr(zone->file, '/');

	return slash != NULL ? slash + 1 : zone->file;
}

static void write_zone_mistakes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct zones_view *zones = metrics->daemon->zones;

	(void)thing;
	for (size_t i = 0; i < zones->nzones; i++)
		metrics_put(out, name, METRICS_LABELS("file", file_of(&zones->zones[i])),
			zones->zones[i].mistakes.nmistakes);
}

static void write_zone_serials(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct zones_view *zones = metrics->daemon->zones;
	char zone[NAME_TEXT_MAX];

	(void)thing;
	for (size_t i = 0; i < zones->nzones; i++)
		if (zones->zones[i].zone != NULL)
			metrics_put(out, name, METRICS_LABELS("zone", name_format(&zones->zones[i].zone->apex, zone)),
				zones->zones[i].zone->serial);
}

/* ---- geo ---- */

static void write_geo_built(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct geo_source *sources;
	size_t n = geo_sources(metrics->snapshot->geo, &sources);

	(void)thing;
	for (size_t i = 0; i < n; i++)
		metrics_put(out, name, METRICS_LABELS("database", sources[i].path), sources[i].build_epoch_s);
}

static void write_geo_age(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct geo_source *sources;
	size_t n = geo_sources(metrics->snapshot->geo, &sources);

	(void)thing;
	for (size_t i = 0; i < n; i++)
		metrics_put(out, name, METRICS_LABELS("database", sources[i].path),
			metrics->now_ms / 1000 > sources[i].build_epoch_s
				? metrics->now_ms / 1000 - sources[i].build_epoch_s
				: 0);
}

const struct metrics_family metrics_zones[] = {
	{ "gslb_snapshot_serial", METRICS_GAUGE, "rises with each snapshot that is put in force", NULL, write_serial },
	{ "gslb_snapshot_made_timestamp_seconds", METRICS_GAUGE, "when it was made, Unix time", NULL, write_made },
	{ "gslb_snapshot_bytes", METRICS_GAUGE, "its size", NULL, write_bytes },
	{ "gslb_reloads_total", METRICS_COUNTER, "reloads that were asked for and are done", NULL, write_reloads },
	{ "gslb_last_reload_timestamp_seconds", METRICS_GAUGE, "when the last one was done, Unix time", NULL,
		write_last_reload },
	{ "gslb_alarm", METRICS_GAUGE,
		"1: there is one of geo, health, state, drills or fleet (gslbctl status says which)", NULL,
		write_alarms },
	{ "gslb_zones", METRICS_GAUGE, "zones by state: loaded, last-good (an older state is served), refused", NULL,
		write_zones },
	{ "gslb_zone_mistakes", METRICS_GAUGE, "mistakes in a zone file as it is now", NULL, write_zone_mistakes },
	{ "gslb_zone_serial", METRICS_GAUGE, "serial of the zone as it is served", NULL, write_zone_serials },
	{ "gslb_geo_database_built_timestamp_seconds", METRICS_GAUGE, "when a geo database was built, Unix time", NULL,
		write_geo_built },
	{ "gslb_geo_database_age_seconds", METRICS_GAUGE, "how long ago that was", NULL, write_geo_age },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
