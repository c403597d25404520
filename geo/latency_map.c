/* Cells lie side by side, so that a walk over all is one over memory; a hash table of their numbers finds one. Nothing is freed
 * but by who makes room: of the sixteen behind the hand, whoever has least to tell. */
#include "geo/latency_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT = 16, CELLS_FIRST = 256, METRO_BYTES = sizeof(struct misplaced) + sizeof(uint64_t) };

static size_t cell_bytes(const struct latency_map *map)
{
	return sizeof *map->key + sizeof *map->used + map->stride * sizeof *map->stats;
}

/* With 4 bytes for each slot, of which there are at least 4/3 a cell and up to 8/3. */
static size_t most_cells(const struct latency_map *map)
{
	size_t fixed = LATENCY_RECENT * sizeof *map->recent + sizeof *map + map->misplaced.most * METRO_BYTES;
	size_t left = map->bytes_max > fixed ? map->bytes_max - fixed : 0;
	size_t most = left / (cell_bytes(map) + 11);

	return most > LOOKED_AT ? most : LOOKED_AT;
}

struct latency_map *latency_map_new(size_t bytes_max)
{
	struct latency_map *map = mem_alloc(sizeof *map);

	map->bytes_max = bytes_max;
	map->stride = 2;
	map->misplaced.most = bytes_max / MISPLACED_PART / METRO_BYTES;
	if (map->misplaced.most > MISPLACED_MAX)
		map->misplaced.most = MISPLACED_MAX;
	map->recent = mem_alloc(LATENCY_RECENT * sizeof *map->recent);
	map->most = most_cells(map);
	return map;
}

void latency_empty(struct latency_map *map)
{
	free(map->key);
	free(map->used);
	free(map->stats);
	free(map->slots);
	map->key = NULL;
	map->used = NULL;
	map->stats = NULL;
	map->slots = NULL;
	map->n = map->cap = map->nslots = map->hand = 0;
}

void latency_map_free(struct latency_map *map)
{
	if (map == NULL)
		return;
	latency_empty(map);
	free(map->misplaced.metros);
	free(map->misplaced.keys);
	free(map->recent);
	free(map);
}

size_t latency_bytes(const struct latency_map *map)
{
	return sizeof *map + LATENCY_RECENT * sizeof *map->recent + map->cap * cell_bytes(map) +
	       map->misplaced.cap * METRO_BYTES + map->nslots * sizeof *map->slots;
}

size_t latency_cells(const struct latency_map *map)
{
	return map->n;
}

uint64_t latency_key(const struct latency_map *map, size_t cell)
{
	return map->key[cell];
}

/* ---- finding ---- */

static size_t slot_at(const struct latency_map *map, uint64_t key)
{
	return hash_mix(key, 0x6c617465) & (map->nslots - 1);
}

static size_t slot_of(const struct latency_map *map, uint64_t key)
{
	size_t at = slot_at(map, key);

	while (map->slots[at] != 0 && map->key[map->slots[at] - 1] != key)
		at = (at + 1) & (map->nslots - 1);
	return at;
}

ptrdiff_t latency_find(const struct latency_map *map, uint64_t key)
{
	if (map->nslots == 0 || key == 0)
		return LATENCY_NO_CELL;
	return (ptrdiff_t)map->slots[slot_of(map, key)] - 1;
}

static void slots_renew(struct latency_map *map)
{
	size_t nslots = CELLS_FIRST;

	while (nslots * 3 < map->cap * 4)
		nslots *= 2;
	free(map->slots);
	map->nslots = nslots;
	map->slots = mem_alloc(nslots * sizeof *map->slots);
	for (size_t cell = 0; cell < map->n; cell++)
		map->slots[slot_of(map, map->key[cell])] = (uint32_t)cell + 1;
}

/* Empty a slot, and let those behind it move up to where a search looks for them. */
static void slot_free(struct latency_map *map, size_t hole)
{
	size_t mask = map->nslots - 1;

	for (size_t at = (hole + 1) & mask; map->slots[at] != 0; at = (at + 1) & mask) {
		size_t home = slot_at(map, map->key[map->slots[at] - 1]);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		map->slots[hole] = map->slots[at];
		hole = at;
	}
	map->slots[hole] = 0;
}

void latency_drop(struct latency_map *map, size_t cell)
{
	size_t last = map->n - 1;

	slot_free(map, slot_of(map, map->key[cell]));
	if (cell != last) {
		map->slots[slot_of(map, map->key[last])] = (uint32_t)cell + 1;
		map->key[cell] = map->key[last];
		map->used[cell] = map->used[last];
		memcpy(map->stats + cell * map->stride, map->stats + last * map->stride,
			map->stride * sizeof *map->stats);
	}
	map->n = last;
}

/* ---- making room ---- */

static double worth(const struct latency_map *map, size_t cell, unsigned tick)
{
	double worth = 0;

	for (unsigned region = 0; region < map->nregions; region++)
		worth += latency_decayed(map->stats[cell * map->stride + region], tick).n;
	return worth;
}

static void evict(struct latency_map *map, unsigned tick)
{
	size_t least = 0;
	double least_worth = INFINITY;

	for (unsigned i = 0; i < LOOKED_AT; i++) {
		size_t cell = map->hand++ % map->n;
		double here = worth(map, cell, tick);

		if (here < least_worth) {
			least = cell;
			least_worth = here;
		}
	}
	latency_drop(map, least);
}

static void resize(struct latency_map *map, size_t cap)
{
	map->cap = cap;
	map->key = mem_resize(map->key, cap * sizeof *map->key);
	map->used = mem_resize(map->used, cap * sizeof *map->used);
	map->stats = mem_resize(map->stats, cap * map->stride * sizeof *map->stats);
	slots_renew(map);
}

static void grow(struct latency_map *map)
{
	size_t cap = map->cap + map->cap / 2;

	cap = cap < CELLS_FIRST ? CELLS_FIRST : cap;
	resize(map, cap < map->most ? cap : map->most);
}

size_t latency_put(struct latency_map *map, uint64_t key, unsigned tick)
{
	ptrdiff_t found = latency_find(map, key);
	size_t cell = (size_t)found;

	if (found == LATENCY_NO_CELL) {
		while (map->n >= map->most)
			evict(map, tick);
		if (map->n == map->cap)
			grow(map);
		cell = map->n++;
		map->key[cell] = key;
		memset(map->stats + cell * map->stride, 0, map->stride * sizeof *map->stats);
		map->slots[slot_of(map, key)] = (uint32_t)cell + 1;
	}
	map->used[cell] = (uint16_t)tick;
	return cell;
}

void latency_sweep(struct latency_map *map, uint64_t now_s)
{
	unsigned tick = latency_tick(now_s);

	misplaced_sweep(&map->misplaced, now_s);
	for (size_t cell = map->n; cell-- > 0;) {
		uint64_t *stats = map->stats + cell * map->stride;

		if (latency_age(map->used[cell], tick) > TICKS_FORGOTTEN) {
			latency_drop(map, cell);
			continue;
		}
		for (unsigned region = 0; region < map->nregions; region++)
			if (stats[region] != 0 &&
				latency_age(latency_unpack(stats[region]).tick, tick) > TICKS_FORGOTTEN)
				stats[region] = 0;
	}
}

/* ---- regions ---- */

unsigned latency_regions(const struct latency_map *map)
{
	return map->nregions;
}

const char *latency_region_name(const struct latency_map *map, unsigned region)
{
	return map->region[region];
}

uint64_t latency_vouched_s(const struct latency_map *map, unsigned region)
{
	return map->vouched_s[region];
}

int latency_region_find(const struct latency_map *map, const char *name)
{
	for (unsigned i = 0; i < map->nregions; i++)
		if (strcmp(map->region[i], name) == 0)
			return (int)i;
	return -1;
}

/* More words a cell: fewer cells. */
static void widen(struct latency_map *map, unsigned stride)
{
	uint64_t *stats = mem_alloc(map->cap * stride * sizeof *stats);

	for (size_t cell = 0; cell < map->n; cell++)
		memcpy(stats + cell * stride, map->stats + cell * map->stride, map->nregions * sizeof *stats);
	free(map->stats);
	map->stats = stats;
	map->stride = stride;
	map->most = most_cells(map);
	while (map->n > map->most)
		latency_drop(map, map->n - 1);
	if (map->cap > map->most)
		resize(map, map->most);
}

int latency_region_add(struct latency_map *map, const char *name)
{
	int found = latency_region_find(map, name);

	if (found >= 0)
		return found;
	if (map->nregions == LATENCY_REGIONS_MAX || strlen(name) >= LATENCY_REGION_LEN || name[0] == '\0')
		return -1;
	if (map->nregions == map->stride)
		widen(map, map->stride * 2);
	strcpy(map->region[map->nregions], name);
	return (int)map->nregions++;
}
