/* misplaced - ASNs within a square degree (metros) that cannot be where the geo database has them, and where they are instead.
 *
 * Answers that came sooner than light in fibre could bring them from there, for three networks at least, prove the database wrong. How
 * soon they came to each region bounds how far the clients are from it: the place where all of that is possible, and which fits best, is
 * where they are taken to be from then on. Inside geo/ and for who owns a latency map; one thread's own, as the map. ALGORITHMS 2. */
#ifndef GSLB_GEO_MISPLACED_H
#define GSLB_GEO_MISPLACED_H

#include "geo/latency.h"

enum {
	MISPLACED_MAX = 1024, /* metros under suspicion, */
	MISPLACED_PART = 50,  /* and of a map's memory one part in so many */
	MISPLACED_NETS = 8,   /* of each the first ones that were measured */
	MISPLACED_NETS_MIN = 3,
	MISPLACED_KEPT_S = 20 * 86400 /* after the last sample that was too soon */
};

/* A metro of which samples came too soon for where the database has it. */
struct misplaced {
	uint64_t key;              /* of the metro, by the database */
	uint32_t seen_s;           /* the last of these samples */
	uint32_t moved_s;          /* when it was moved; 0: it is where the database has it */
	float latitude, longitude; /* where it was moved to */
	bool changed;              /* there is new evidence since the last look */
	uint8_t nnets;
	uint64_t net[MISPLACED_NETS];                        /* keys of networks */
	float least_ms[MISPLACED_NETS][LATENCY_REGIONS_MAX]; /* the soonest answer; 0: none */
};

/* Init with { .most }: how many there may be, up to MISPLACED_MAX. */
struct misplaced_list {
	struct misplaced *metros;
	uint64_t *keys; /* theirs, beside each other: what is searched */
	size_t n, cap, most;
	size_t nmoved; /* of them */
};

/* Where a region is. known: its pools say so. */
struct misplaced_region {
	bool known;
	double latitude, longitude;
};

/* What a metro's samples say together. */
struct misplaced_evidence {
	unsigned nnets;  /* networks of which one came too soon */
	unsigned region; /* to which the soonest came, against what it needs */
	double least_ms
		[LATENCY_REGIONS_MAX]; /* the third soonest network's, so that two that lie do not count; 0: none */
	double needs_ms;               /* of that region, by the database's place */
};

void misplaced_weigh(const struct misplaced *metro, const struct misplaced_region *regions, unsigned nregions,
	struct misplaced_evidence *evidence);
/* The place that fits best what was measured to each region; *latitude and *longitude are where to look first, which decides when all
 * places of a ring fit. False: no place is near enough to all of them. */
bool misplaced_locate(const struct misplaced_region *regions, const double *least_ms, unsigned nregions,
	double *latitude, double *longitude);

/* ---- of a map ---- */

/* Look at what is new, a part of it at a time. Calls moved for each metro that goes elsewhere, by 100 km or more; what the map knows of it
 * is forgotten, since it was held for impossible. regions by the map's numbers. */
void misplaced_look(struct latency_map *map, const struct misplaced_region *regions, uint64_t now_s,
	void (*moved)(void *context, const struct misplaced *metro, const struct misplaced_evidence *evidence),
	void *context);
/* Where a metro was moved to. False: nowhere. */
bool misplaced_place(const struct latency_map *map, uint64_t metro, double *latitude, double *longitude);
const struct misplaced_list *misplaced_of(const struct latency_map *map);

/* ---- for the files of geo/latency*.c ---- */

/* A sample; its said_km counts. Does nothing for who was never too soon. */
void misplaced_note(struct misplaced_list *list, const struct latency_sample *sample, uint64_t now_s);
/* What another list says of a metro. */
void misplaced_merge(struct misplaced_list *list, const struct misplaced *other);
void misplaced_sweep(struct misplaced_list *list, uint64_t now_s);
const struct misplaced *misplaced_find(const struct misplaced_list *list, uint64_t metro);

#endif
