/* latency - how long a round trip takes between client networks and regions, learned from what was measured.
 *
 * A sample counts in four cells, finest first: its network (/24, /48), that one's neighbourhood (/20, /40), its ASN within a
 * square degree, its ASN within a country. A cell has 8 bytes for each region. An estimate begins with what the distance lets
 * expect and is drawn by each level in turn, from the country down, as far as that level has samples. All is done in ln(ms),
 * since what disturbs a round trip multiplies it.
 *
 * The map is one thread's own, or its owner's lock's; it never asks a clock, and takes no more memory than it was given: whoever
 * was used least makes room. Regions are told apart by name, up to LATENCY_REGIONS_MAX. */
#ifndef GSLB_GEO_LATENCY_H
#define GSLB_GEO_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct place;
struct latency_map;

enum latency_level { LATENCY_NETWORK, LATENCY_AGGREGATE, LATENCY_METRO, LATENCY_COUNTRY, LATENCY_LEVELS };

enum {
	LATENCY_REGIONS_MAX = 32,
	LATENCY_REGION_LEN = 64,        /* of a region's name, with its NUL */
	LATENCY_BYTES_MAX = 64 << 20,   /* what a map may take unless it is told otherwise */
	LATENCY_AGAIN_S = 600,          /* an address counts once in this time for a region */
	LATENCY_REST_S = 1800,          /* between two changes of a decision */
	LATENCY_SAMPLES_MIN = 8,        /* what a decision stands on, */
	LATENCY_SOURCES_MIN = 3,        /* from so many networks */
	LATENCY_HALF_LIFE_S = 12 * 3600 /* of a sample */
};

/* The cells that an address counts in, finest first; 0: none (a country or a network that is not known). */
struct latency_chain {
	uint64_t key[LATENCY_LEVELS];
};

struct latency_chain latency_chain_of(const struct addr *addr, const struct place *place);

/* What a key says; place has what it knows: of a metro the middle of its square degree, the ASN and the country. */
struct latency_cell {
	enum latency_level level;
	struct prefix net; /* of a network or an aggregate */
	uint32_t asn;
	bool located;
	double latitude, longitude;
	char country[3];
};

void latency_cell_of(uint64_t key, struct latency_cell *cell);
/* The cells above a metro's, for an estimate that begins there. */
struct latency_chain latency_chain_of_metro(uint64_t key);

/* ---- the map ---- */

struct latency_map *latency_map_new(size_t bytes_max);
void latency_map_free(struct latency_map *map); /* NULL is fine */
/* A region's number, which stays; -1 when it is not known, or, for add, when there are too many. */
int latency_region_find(const struct latency_map *map, const char *name);
int latency_region_add(struct latency_map *map, const char *name);
unsigned latency_regions(const struct latency_map *map);
const char *latency_region_name(const struct latency_map *map, unsigned region);
/* When a measurement of the region was imported last (vouched), here or on a host whose map was taken over; 0: never. */
uint64_t latency_vouched_s(const struct latency_map *map, unsigned region);

struct latency_sample {
	struct addr source; /* who was measured: counts once in LATENCY_AGAIN_S */
	struct latency_chain chain;
	unsigned region;
	double rtt_ms;
	double km; /* from the client's place to the region; below 0: not known */
	double said_km; /* the same from where the geo database has it, which differs when its metro was moved (misplaced.h) */
	double weight; /* samples that it stands for, at most 64 count */
	bool vouched;  /* the operator's: counts again at once, and as if it came from LATENCY_SOURCES_MIN sources */
};

enum latency_taken {
	LATENCY_TAKEN,
	LATENCY_IMPOSSIBLE, /* taken as the least that light needs: the place must be wrong */
	LATENCY_TOO_SOON,   /* not taken: the address counted just now */
};

enum latency_taken latency_add(struct latency_map *map, const struct latency_sample *sample, uint64_t now_s);

/* What is known of a client and a region, by one level of its chain and those above. */
struct latency_estimate {
	double mean;     /* ln(ms) */
	double variance; /* of it */
	double n;        /* samples of that level that still count */
	unsigned sources;
	double prior;                   /* ln(ms), from distance alone */
	double level_n[LATENCY_LEVELS]; /* as found, for who shows them */
	double level_ms[LATENCY_LEVELS];
};

double latency_prior(double km); /* ln(ms); km below 0: not known */
/* The least that light in fibre needs, and 0.5 ms: a place may be off by a tenth. */
double latency_floor_ms(double km);
/* region below 0: nobody measured it. */
void latency_estimate(const struct latency_map *map, const struct latency_chain *chain, enum latency_level level,
	int region, double km, uint64_t now_s, struct latency_estimate *estimate);

/* ---- when a measured region takes the place of another ---- */

enum latency_lack {
	LATENCY_LACKS_GAIN = 1,
	LATENCY_LACKS_CERTAINTY = 2,
	LATENCY_LACKS_SAMPLES = 4,
	LATENCY_LACKS_SOURCES = 8
};

/* At which a better one would gain enough. */
double latency_enough_ms(const struct latency_estimate *present);
/* What the better one lacks to be surely better; 0: it is. */
unsigned latency_lacks(const struct latency_estimate *present, const struct latency_estimate *better);
double latency_gain_ms(const struct latency_estimate *present, const struct latency_estimate *better);
double latency_certainty(
	const struct latency_estimate *present, const struct latency_estimate *better); /* standard deviations */

/* ---- all cells ---- */

size_t latency_cells(const struct latency_map *map);
uint64_t latency_key(const struct latency_map *map, size_t cell); /* cells are numbered anew when one goes */
/* Do samples of this cell alone suffice for a decision about any region? */
bool latency_is_known(const struct latency_map *map, size_t cell, uint64_t now_s);
/* Do they for this region? */
bool latency_is_measured(const struct latency_map *map, size_t cell, unsigned region, uint64_t now_s);
size_t latency_bytes(const struct latency_map *map);
/* Forget what is older than 20 days: before times wrap, and what nobody asks for. */
void latency_sweep(struct latency_map *map, uint64_t now_s);

/* ---- kept over restarts ---- */

/* As bytes of a versioned file; and back, in place of what the map has. False with a sentence, and the map as it was, when the
 * bytes are damaged, another version's, or too old. */
void latency_save(const struct latency_map *map, uint64_t now_s, struct buf *bytes);
/* Some of what one region measured, likewise: a file of its own with the cells from `from` on, as many of them as fit into bytes_max. Where to go
 * on; 0: from the beginning, all were said. */
size_t latency_save_some(const struct latency_map *map, unsigned region, size_t from, size_t bytes_max, uint64_t now_s,
	struct buf *bytes);
bool latency_restore(struct latency_map *map, const void *bytes, size_t len, uint64_t now_s, struct err *err);
/* Take over what another host measured, as it saved it: of each cell and region what was measured last. but: a region of which
 * nothing is taken, or NULL: one's own. */
bool latency_merge(
	struct latency_map *map, const void *bytes, size_t len, const char *but, uint64_t now_s, struct err *err);
/* Likewise of one region alone; what is said of others is passed over. */
bool latency_merge_one(
	struct latency_map *map, const void *bytes, size_t len, const char *region, uint64_t now_s, struct err *err);

#endif
