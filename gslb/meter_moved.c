/* Metros that the geo database has in the wrong place (geo/misplaced.h): looked for, logged and listed. */
#include <math.h>
#include <stdio.h>

#include "gslb/meter.h"

/* By the map's numbers of regions. */
static void locate_regions(const struct latency_map *map, const struct snapshot *snapshot,
	struct misplaced_region regions[static LATENCY_REGIONS_MAX])
{
	for (unsigned i = 0; i < latency_regions(map); i++) {
		const struct pool *pool = meter_region_pool(snapshot, latency_region_name(map, i));

		regions[i] = (struct misplaced_region){ 0 };
		if (pool != NULL)
			regions[i] = (struct misplaced_region){ true, pool->latitude, pool->longitude };
	}
}

static void log_moved(void *context, const struct misplaced *metro, const struct misplaced_evidence *evidence)
{
	const struct latency_map *map = context;
	struct latency_cell cell;

	latency_cell_of(metro->key, &cell);
	log_notice("latency_place=moved asn=%u country=%s from=\"%.1f %.1f\" to=\"%.1f %.1f\" networks=%u region=%s "
		   "rtt_ms=%.1f "
		   "needs_ms=%.1f reason=\"sooner than light could be there and back: the geo database has them in the "
		   "wrong "
		   "place\"",
		cell.asn, cell.country, cell.latitude, cell.longitude, (double)metro->latitude,
		(double)metro->longitude, evidence->nnets, latency_region_name(map, evidence->region),
		evidence->least_ms[evidence->region], evidence->needs_ms);
}

void meter_look_for_moved(struct meter *meter, const struct snapshot *snapshot, uint64_t now_s)
{
	struct misplaced_region regions[LATENCY_REGIONS_MAX];
	struct latency_map *map = meter_lock(meter);

	locate_regions(map, snapshot, regions);
	misplaced_look(map, regions, now_s, log_moved, map);
	meter_unlock(meter);
}

/* ---- the list ---- */

static json_t *spot_json(double latitude, double longitude)
{
	return json_pack("{s:f,s:f}", "latitude", round(latitude * 10) / 10, "longitude", round(longitude * 10) / 10);
}

static json_t *samples_json(const struct latency_map *map, const struct misplaced_evidence *evidence)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < latency_regions(map); i++)
		if (evidence->least_ms[i] > 0)
			json_array_append_new(list, json_pack("{s:s,s:f}", "region", latency_region_name(map, i),
							    "rtt_ms", round(evidence->least_ms[i] * 10) / 10));
	return list;
}

static json_t *metro_json(
	const struct latency_map *map, const struct misplaced_region *regions, const struct misplaced *metro)
{
	struct misplaced_evidence evidence;
	char moved[CLOCK_TEXT_MAX], seen[CLOCK_TEXT_MAX];
	struct latency_cell cell;

	latency_cell_of(metro->key, &cell);
	misplaced_weigh(metro, regions, latency_regions(map), &evidence);
	return json_pack("{s:I,s:s,s:o,s:o,s:s,s:s,s:i,s:o}", "asn", (json_int_t)cell.asn, "country", cell.country,
		"from", spot_json(cell.latitude, cell.longitude), "to",
		spot_json((double)metro->latitude, (double)metro->longitude), "moved",
		clock_format((uint64_t)metro->moved_s * 1000, moved), "seen",
		clock_format((uint64_t)metro->seen_s * 1000, seen), "networks", (int)evidence.nnets, "measured",
		samples_json(map, &evidence));
}

json_t *meter_moved(struct meter *meter, const struct snapshot *snapshot)
{
	struct misplaced_region regions[LATENCY_REGIONS_MAX];
	const struct latency_map *map = meter_lock(meter);
	const struct misplaced_list *list = misplaced_of(map);
	json_t *moved = json_array();
	json_int_t suspected = 0;

	locate_regions(map, snapshot, regions);
	for (size_t i = 0; i < list->n; i++) {
		if (list->metros[i].moved_s != 0)
			json_array_append_new(moved, metro_json(map, regions, &list->metros[i]));
		else
			suspected++;
	}
	meter_unlock(meter);
	return json_pack("{s:o,s:I}", "moved", moved, "suspected", suspected);
}
