/* latency_cell - the eight bytes of one cell and one region. Inside geo/ only. Pure. */
#ifndef GSLB_GEO_LATENCY_CELL_H
#define GSLB_GEO_LATENCY_CELL_H

#include "geo/latency.h"

enum {
	TICK_S = 960, /* times are kept in these: 45 make a half-life, 2^12 of them 45 days */
	TICKS = 1 << 12,
	TICKS_HALF_LIFE = LATENCY_HALF_LIFE_S / TICK_S,
	TICKS_FORGOTTEN = 20 * 86400 / TICK_S,
};

/* What the bytes say. 0 bytes: nothing was measured. */
struct latency_stats {
	double n;        /* samples that still count, at most LATENCY_N_MAX */
	double mean;     /* ln(ms); of a country beyond the prior, since a country is wide */
	double variance; /* of the samples */
	unsigned tick;   /* of the last sample, modulo TICKS */
	uint8_t sources; /* a bit for each eighth of all sources that had a sample */
};

#define LATENCY_N_MAX (4095 / 64.0)

static inline unsigned latency_tick(uint64_t now_s)
{
	return (unsigned)(now_s / TICK_S % TICKS);
}

struct latency_stats latency_unpack(uint64_t bytes);
uint64_t latency_pack(const struct latency_stats *stats);
/* The same, with what time has taken of n. */
struct latency_stats latency_decayed(uint64_t bytes, unsigned tick);
/* One more: y is clipped to three standard deviations of what was there. */
void latency_stats_add(struct latency_stats *stats, double y, double weight, uint8_t sources, unsigned tick);
unsigned latency_age(unsigned then, unsigned now); /* ticks */

#endif
