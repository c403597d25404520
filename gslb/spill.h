/* spill - what a pool that is nearly full gives away, and whom: so that nobody is sent where there is no room, those go who lose least by
 * it, and the load does not swing. Pure integer arithmetic: hosts that are given the same come to the same. No thread, no clock of its
 * own. ALGORITHMS 4.
 *
 * Two halves: how much a pool gives away, from the demand of its own clients; and who goes, classes of clients by pools, by least
 * regret. */
#ifndef GSLB_SPILL_H
#define GSLB_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- how much ---- */

enum {
	SPILL_ONE = 1 << 16,         /* all of a pool's demand */
	SPILL_TARGET_PERMILLE = 800, /* of its capacity is what it is filled to */
	SPILL_STEP_S = 10,           /* between two changes */
};

/* Which part of its demand a pool gives away from now on, that gave away `part`; both of SPILL_ONE. demand: of all clients that are its
 * own, wherever they are; target: what it is filled to. Not moved for little, and more quickly up than down. */
uint32_t spill_part(uint32_t part, uint64_t demand, uint64_t target);

/* ---- who ---- */

enum { SPILL_RANKS = 32, SPILL_SHARES = 256 };

/* Clients of one order of pools. */
struct spill_class {
	uint64_t identity;          /* the same on every host: decides between equals */
	uint64_t demand;            /* in load units, below 2^40 */
	uint8_t npools;             /* 1 to SPILL_RANKS */
	uint32_t pool[SPILL_RANKS]; /* numbers, the best first, each once */
	uint32_t
		score[SPILL_RANKS]; /* never falling; what a client has of it: latency in 0.1 ms, or distance as such */
};

/* shares[c][rank]: of SPILL_SHARES, how much of class c goes to its pool[rank]; they add up. room: of each pool, in load units. What no
 * pool has room for goes to the first two of its class, by their room. The caller owns all. */
void spill_split(const struct spill_class *classes, size_t nclasses, const uint64_t *room, size_t npools,
	uint16_t (*shares)[SPILL_RANKS]);

enum { SPILL_GAIN = 50 /* 5 ms */, SPILL_ERROR_PERMILLE = 30 };

/* Is a split still good enough to stay: no pool more than SPILL_ERROR_PERMILLE over its room where another split has it within, and no more than
 * SPILL_GAIN of score to be gained for the average client? */
bool spill_split_keeps(const struct spill_class *classes, size_t nclasses, const uint64_t *room, size_t npools,
	uint16_t (*present)[SPILL_RANKS], uint16_t (*other)[SPILL_RANKS]);

#endif
