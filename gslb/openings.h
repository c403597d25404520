/* openings - where a decision about latency is open, and a few answers shall name another pool so that it is measured there.
 *
 * Open is the decision of a cell whose leader is known, while another pool has one chance in ten at least to be better by what
 * would count, is expected to be slower by 25 ms and 25 % at most, and its region tells what it measures: an answer teaches
 * nothing by itself, only what the pool's own log or beacon then reports does. What was explored for a day and brought no sample is left
 * alone for a week. The builder's thread, under the meter's lock; who else looks does so under it. */
#ifndef GSLB_OPENINGS_H
#define GSLB_OPENINGS_H

#include "geo/geo.h"

enum {
	OPENINGS_VAIN_S = 24 * 3600,     /* explored without a sample, and then */
	OPENINGS_REST_S = 7 * 24 * 3600, /* left alone */
	OPENINGS_TELLS_S = 24 * 3600,    /* a region that imported nothing for so long does not tell */
	OPENINGS_MAX = 1 << 16
};

/* How much another pool may cost, and whether it may be better by what counts. */
bool openings_worth(const struct latency_estimate *leader, const struct latency_estimate *other);

/* One cell that is open, or was explored in vain. */
struct opening {
	uint64_t key;
	uint32_t since_s; /* of the last sample, or of when it was opened */
	uint32_t until_s; /* left alone until then; 0: explored */
	uint16_t rate;    /* of 65536 answers */
	uint16_t pass;    /* that confirmed it */
	float n;          /* samples of the candidate */
	uint8_t candidate;
};

/* Init with { 0 }. */
struct openings {
	struct opening *openings;
	size_t n, cap;
	uint32_t *slots; /* hash table of opening + 1; 0: free */
	size_t nslots;
	size_t nexplored; /* not left alone */
};

/* The cell is open for a candidate with n samples. rate: for who has none. True when what is explored changed. */
bool openings_confirm(struct openings *openings, uint64_t key, uint8_t candidate, double n, uint16_t rate,
	uint16_t pass, uint64_t now_s);
/* Forget those that the pass did not confirm, but for what is left alone. True when what is explored changed. */
bool openings_close(struct openings *openings, uint16_t pass, uint64_t now_s);
/* The cell, if it is explored; else NULL. */
const struct opening *openings_find(const struct openings *openings, uint64_t key);
void openings_fini(struct openings *openings);

#endif
