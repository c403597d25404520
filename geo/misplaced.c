/* A list that is searched from its front: it is empty as a rule, and short where it is not. Where clients are is asked of it far more
 * often than it changes, and as a rule nothing is moved. */
#include "geo/misplaced.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/geo.h"
#include "geo/latency_map.h"

enum { LOOKED_AT = 32 }; /* metros in a look */

static const double slack_km = 80; /* what a network may be off the middle of its square degree */
static const double moved_least_km = 100;
static const double step_degrees = 4;  /* of the first, coarse grid */
static const double tie_weight = 1e-4; /* what being far from where it was thought to be counts, a 1000 km */

/* What light needs; 0: so little that the clock may be wrong by it. */
static double needed_ms(double km)
{
	double least_ms = latency_floor_ms(km);

	return least_ms > latency_floor_ms(0) ? least_ms : 0;
}

/* ---- the list ---- */

static struct misplaced *find(const struct misplaced_list *list, uint64_t metro)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->keys[i] == metro)
			return &list->metros[i];
	return NULL;
}

const struct misplaced *misplaced_find(const struct misplaced_list *list, uint64_t metro)
{
	return find(list, metro);
}

/* When there are too many, in place of the one that was longest not too soon, of those that are not moved. */
static struct misplaced *add(struct misplaced_list *list, uint64_t key)
{
	struct misplaced *oldest = NULL;
	bool room = list->n < list->most;

	if (room) {
		if (list->n == list->cap) {
			list->cap = list->cap < list->most / 2 ? list->cap * 2 + 1 : list->most;
			list->metros = mem_resize(list->metros, list->cap * sizeof *list->metros);
			list->keys = mem_resize(list->keys, list->cap * sizeof *list->keys);
		}
		oldest = &list->metros[list->n++];
	}
	for (size_t i = 0; i < list->n && !room; i++)
		if (list->metros[i].moved_s == 0 && (oldest == NULL || list->metros[i].seen_s < oldest->seen_s))
			oldest = &list->metros[i];
	if (oldest == NULL)
		return NULL;
	*oldest = (struct misplaced){ .key = key };
	list->keys[oldest - list->metros] = key;
	return oldest;
}

static int net_of(struct misplaced *metro, uint64_t net)
{
	for (uint8_t i = 0; i < metro->nnets; i++)
		if (metro->net[i] == net)
			return i;
	if (metro->nnets == MISPLACED_NETS)
		return -1;
	metro->net[metro->nnets] = net;
	return metro->nnets++;
}

static void take_least(struct misplaced *metro, uint64_t net, unsigned region, float ms)
{
	int at = net_of(metro, net);
	float *least = at >= 0 ? &metro->least_ms[at][region] : NULL;

	if (least == NULL || (*least != 0 && *least <= ms))
		return;
	metro->changed = metro->changed || *least == 0 || ms < *least * 0.95F;
	*least = ms;
}

void misplaced_note(struct misplaced_list *list, const struct latency_sample *sample, uint64_t now_s)
{
	uint64_t key = sample->chain.key[LATENCY_METRO];
	struct misplaced *metro = find(list, key);
	bool too_soon = sample->rtt_ms < needed_ms(sample->said_km);

	if (key == 0 || (metro == NULL && !too_soon))
		return;
	if (metro == NULL)
		metro = add(list, key);
	if (metro == NULL)
		return;
	if (too_soon)
		metro->seen_s = (uint32_t)now_s;
	take_least(metro, sample->chain.key[LATENCY_NETWORK], sample->region, (float)fmax(sample->rtt_ms, 0.01));
}

void misplaced_merge(struct misplaced_list *list, const struct misplaced *other)
{
	struct misplaced *metro = find(list, other->key);

	if (metro == NULL)
		metro = add(list, other->key);
	if (metro == NULL)
		return;
	if (other->seen_s > metro->seen_s)
		metro->seen_s = other->seen_s;
	if (other->moved_s > metro->moved_s) {
		list->nmoved += metro->moved_s == 0;
		metro->moved_s = other->moved_s;
		metro->latitude = other->latitude;
		metro->longitude = other->longitude;
	}
	for (uint8_t i = 0; i < other->nnets; i++)
		for (unsigned region = 0; region < LATENCY_REGIONS_MAX; region++)
			if (other->least_ms[i][region] > 0)
				take_least(metro, other->net[i], region, other->least_ms[i][region]);
}

void misplaced_sweep(struct misplaced_list *list, uint64_t now_s)
{
	size_t kept = 0;

	list->nmoved = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (list->metros[i].seen_s + (uint64_t)MISPLACED_KEPT_S <= now_s)
			continue;
		list->nmoved += list->metros[i].moved_s != 0;
		list->keys[kept] = list->keys[i];
		list->metros[kept++] = list->metros[i];
	}
	list->n = kept;
}

/* ---- what it says ---- */

static int by_ms(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The third soonest of the networks that were measured to a region, or of fewer the last. */
static double third_ms(const struct misplaced *metro, unsigned region)
{
	double ms[MISPLACED_NETS];
	unsigned n = 0;

	for (uint8_t i = 0; i < metro->nnets; i++)
		if (metro->least_ms[i][region] > 0)
			ms[n++] = (double)metro->least_ms[i][region];
	qsort(ms, n, sizeof ms[0], by_ms);
	return n == 0 ? 0 : ms[n < MISPLACED_NETS_MIN ? n - 1 : MISPLACED_NETS_MIN - 1];
}

void misplaced_weigh(const struct misplaced *metro, const struct misplaced_region *regions, unsigned nregions,
	struct misplaced_evidence *evidence)
{
	bool too_soon[MISPLACED_NETS] = { false };
	double most = 0;
	struct latency_cell cell;

	latency_cell_of(metro->key, &cell);
	*evidence = (struct misplaced_evidence){ 0 };
	for (unsigned region = 0; region < nregions; region++) {
		double km, needs_ms, third;

		if (!regions[region].known)
			continue;
		km = geo_distance_km(
			cell.latitude, cell.longitude, regions[region].latitude, regions[region].longitude);
		needs_ms = needed_ms(fmax(km - slack_km, 0));
		third = third_ms(metro, region);
		evidence->least_ms[region] = third;
		for (uint8_t i = 0; i < metro->nnets; i++)
			too_soon[i] |= metro->least_ms[i][region] > 0 && (double)metro->least_ms[i][region] < needs_ms;
		if (third > 0 && needs_ms / third > most) {
			most = needs_ms / third;
			evidence->region = region;
			evidence->needs_ms = needs_ms;
		}
	}
	for (uint8_t i = 0; i < metro->nnets; i++)
		evidence->nnets += too_soon[i];
}

/* ---- where it is ---- */

struct search {
	struct geo_spot spot[LATENCY_REGIONS_MAX], from;
	double ms[LATENCY_REGIONS_MAX], log_ms[LATENCY_REGIONS_MAX];
	unsigned n;
};

/* How badly a place fits: the squares of what is off, in ln(ms), and far more for what is not possible. */
static double misfit(const struct search *search, double latitude, double longitude, bool *possible)
{
	struct geo_spot here = geo_spot(latitude, longitude);
	double sum = tie_weight * geo_spots_km(&here, &search->from) / 1000;

	*possible = true;
	for (unsigned i = 0; i < search->n; i++) {
		double km = geo_spots_km(&here, &search->spot[i]), least_ms = latency_floor_ms(km);
		double off = latency_prior(km) - search->log_ms[i];

		sum += off * off;
		if (search->ms[i] >= least_ms)
			continue;
		*possible = false;
		sum += 100 * (least_ms / search->ms[i]);
	}
	return sum;
}

struct found {
	double latitude, longitude, misfit;
	bool possible;
};

static void try_place(const struct search *search, double latitude, double longitude, struct found *best)
{
	struct found here = { .latitude = latitude, .longitude = longitude };

	if (fabs(latitude) > 90)
		return;
	if (fabs(longitude) > 180) /* across the date line */
		here.longitude -= copysign(360, longitude);
	here.misfit = misfit(search, here.latitude, here.longitude, &here.possible);
	if (here.misfit < best->misfit)
		*best = here;
}

/* Around the best, in ever smaller steps. */
static void refine(const struct search *search, struct found *best)
{
	for (double step = step_degrees / 4; step > 0.02; step /= 4) {
		struct found middle = *best;

		for (int north = -4; north <= 4; north++)
			for (int east = -4; east <= 4; east++)
				try_place(search, middle.latitude + north * step, middle.longitude + east * step, best);
	}
}

bool misplaced_locate(const struct misplaced_region *regions, const double *least_ms, unsigned nregions,
	double *latitude, double *longitude)
{
	struct search search = { .from = geo_spot(*latitude, *longitude) };
	struct found best = { .misfit = INFINITY };

	for (unsigned i = 0; i < nregions; i++) {
		if (!regions[i].known || least_ms[i] <= 0)
			continue;
		search.spot[search.n] = geo_spot(regions[i].latitude, regions[i].longitude);
		search.ms[search.n] = fmax(least_ms[i], latency_floor_ms(0));
		search.log_ms[search.n] = log(search.ms[search.n]);
		search.n++;
	}
	if (search.n == 0)
		return false;
	for (unsigned i = 0; i < nregions; i++) /* the grid may miss who is next to one */
		if (regions[i].known && least_ms[i] > 0)
			try_place(&search, regions[i].latitude, regions[i].longitude, &best);
	for (double north = -88; north <= 88; north += step_degrees)
		for (double east = -180; east < 180; east += step_degrees)
			try_place(&search, north, east, &best);
	refine(&search, &best);
	*latitude = best.latitude;
	*longitude = best.longitude;
	return best.possible;
}

/* ---- of a map ---- */

static void forget(struct latency_map *map, uint64_t key)
{
	ptrdiff_t cell = latency_find(map, key);

	if (cell != LATENCY_NO_CELL)
		memset(map->stats + (size_t)cell * map->stride, 0, map->stride * sizeof *map->stats);
}

/* True when it goes elsewhere. */
static bool settle(struct latency_map *map, struct misplaced *metro, const struct misplaced_evidence *evidence,
	const struct misplaced_region *regions, uint64_t now_s)
{
	double latitude, longitude, from_latitude, from_longitude;
	struct latency_cell cell;

	latency_cell_of(metro->key, &cell);
	latitude = cell.latitude;
	longitude = cell.longitude;
	if (evidence->nnets < MISPLACED_NETS_MIN ||
		!misplaced_locate(regions, evidence->least_ms, map->nregions, &latitude, &longitude))
		return false;
	from_latitude = metro->moved_s != 0 ? (double)metro->latitude : cell.latitude;
	from_longitude = metro->moved_s != 0 ? (double)metro->longitude : cell.longitude;
	if (geo_distance_km(from_latitude, from_longitude, latitude, longitude) < moved_least_km)
		return false;
	metro->latitude = (float)latitude;
	metro->longitude = (float)longitude;
	map->misplaced.nmoved += metro->moved_s == 0;
	metro->moved_s = (uint32_t)now_s;
	forget(map, metro->key);
	for (uint8_t i = 0; i < metro->nnets; i++)
		forget(map, metro->net[i]);
	return true;
}

void misplaced_look(struct latency_map *map, const struct misplaced_region *regions, uint64_t now_s,
	void (*moved)(void *context, const struct misplaced *metro, const struct misplaced_evidence *evidence),
	void *context)
{
	struct misplaced_list *list = &map->misplaced;
	unsigned looked = 0;

	misplaced_sweep(list, now_s);
	for (size_t i = 0; i < list->n && looked < LOOKED_AT; i++) {
		struct misplaced *metro = &list->metros[i];
		struct misplaced_evidence evidence;

		if (!metro->changed)
			continue;
		metro->changed = false;
		looked++;
		misplaced_weigh(metro, regions, map->nregions, &evidence);
		if (settle(map, metro, &evidence, regions, now_s))
			moved(context, metro, &evidence);
	}
}

bool misplaced_place(const struct latency_map *map, uint64_t metro, double *latitude, double *longitude)
{
	const struct misplaced *found = map->misplaced.nmoved > 0 ? misplaced_find(&map->misplaced, metro) : NULL;

	if (found == NULL || found->moved_s == 0)
		return false;
	*latitude = (double)found->latitude;
	*longitude = (double)found->longitude;
	return true;
}

const struct misplaced_list *misplaced_of(const struct latency_map *map)
{
	return &map->misplaced;
}
