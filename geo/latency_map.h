/* latency_map - what a map is made of, for the files of geo/latency*.c only. */
#ifndef GSLB_GEO_LATENCY_MAP_H
#define GSLB_GEO_LATENCY_MAP_H

#include "geo/latency_cell.h"
#include "geo/misplaced.h"

enum { LATENCY_RECENT = 1 << 16 };

/* An address that counted: a hash of it, and when, in seconds; the newcomer of its slot takes its place. */
struct latency_recent {
	uint32_t tag, at_s;
};

struct latency_map {
	size_t bytes_max;
	unsigned nregions, stride; /* words of a cell: nregions, or more */
	char region[LATENCY_REGIONS_MAX][LATENCY_REGION_LEN];
	size_t n, cap, most; /* cells: in use, room for, and all that bytes_max lets */
	uint64_t *key;       /* by cell */
	uint16_t *used;      /* by cell: the tick of its last sample */
	uint64_t *stats;     /* by cell, a word for each region */
	uint32_t *slots;     /* hash table of cell + 1; 0: free */
	size_t nslots;
	size_t hand; /* where the search for who makes room goes on */
	struct latency_recent *recent;
	uint64_t vouched_s[LATENCY_REGIONS_MAX]; /* when the last measurement was imported; 0: none */
	struct misplaced_list misplaced;
};

enum { LATENCY_NO_CELL = -1 };

ptrdiff_t latency_find(const struct latency_map *map, uint64_t key);      /* LATENCY_NO_CELL: there is none */
size_t latency_put(struct latency_map *map, uint64_t key, unsigned tick); /* found, or made */
void latency_drop(struct latency_map *map, size_t cell);                  /* the last one takes its number */
void latency_empty(struct latency_map *map);

#endif
