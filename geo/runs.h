/* runs - the compiled tables of the two families, and the search in them. Inside geo/ only.
 *
 * Runs cover all addresses, neighbours differ in value. A direct index on the leading bits (IPv4), or on those under
 * 2000::/3 (IPv6), leaves a few steps of binary search. Exact scope needs no tree: a block around x is uniform while it
 * reaches neither the address before x's run nor the one behind it. */
#ifndef GSLB_GEO_RUNS_H
#define GSLB_GEO_RUNS_H

#include <stdbool.h>

#include "geo/pages.h"

#include <stdint.h>

/* ---- IPv4 ---- */

struct runs4 {
	struct pages run;   /* uint64_t: first address << 32 | value; until runs4_finish */
	struct pages index; /* uint32_t: what a chunk is of, or where its pieces are: see runs4.c */
	struct pages piece; /* uint32_t or uint64_t */
	uint32_t n, nwords; /* runs; words of pieces */
	unsigned shift;     /* an address's bits below its chunk */
};

struct runs_found {
	uint32_t value;
	unsigned depth;
};

/* In order, the first at 0; equal neighbours merge. A value has 16 bits. */
void runs4_add(struct runs4 *runs, uint32_t first, uint32_t value);
void runs4_finish(struct runs4 *runs);
void runs4_free(struct runs4 *runs);
struct runs_found runs4_find(const struct runs4 *runs, uint32_t address);
void runs4_prefetch_index(const struct runs4 *runs, uint32_t address);
void runs4_prefetch(const struct runs4 *runs, uint32_t address);

/* ---- IPv6 ---- */

enum { RUNS6_ODD = 1 << 30 }; /* in a stored value: the run's first address is longer than 64 bits */

struct runs6_odd {
	uint64_t hi, lo; /* first address */
	uint32_t run;
};

struct runs6 {
	struct pages hi;    /* uint64_t: the upper half of the first address */
	struct pages value; /* uint32_t */
	struct pages odd;   /* struct runs6_odd: the few that begin inside a /64, in order */
	struct pages index; /* uint32_t, as for IPv4, of 2000::/3 */
	uint32_t n, nodd;
	unsigned index_bits;
};

void runs6_add(struct runs6 *runs, unsigned __int128 first, uint32_t value);
void runs6_finish(struct runs6 *runs);
void runs6_free(struct runs6 *runs);
struct runs_found runs6_find(const struct runs6 *runs, uint64_t hi, uint64_t lo);
void runs6_prefetch_index(const struct runs6 *runs, uint64_t hi);
void runs6_prefetch(const struct runs6 *runs, uint64_t hi);

/* How many bits an index over n runs is worth: a run or so in a chunk. */
static inline unsigned runs_index_bits(uint32_t n)
{
	unsigned bits = n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;

	return bits < 8 ? 8 : bits > 20 ? 20 : bits;
}

#endif
