/* spill - what a pool that is nearly full gives away, and whom: so that nobody is sent where there is no room, those go who lose least by
 * it, and the load does not swing. Pure integer arithmetic: hosts that are given the same come to the same. No thread, no clock of its
 * own. ALGORITHMS 4.
 *
 * Two halves. A control says how much: from load reports, which are late, and from what it has let be answered, which caches go on
 * using until its TTL is over. A split says who: classes of clients by pools, by least regret. */
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
	SPILL_STEPS = 64,            /* that are remembered: a longer TTL counts as so long */
	SPILL_STALE_S = 60,          /* a report that is older says nothing: what is spilled stays as it is */
};

/* A pool's, or a service's in it. Zeroed, it has not begun. */
struct spill_control {
	uint64_t step; /* the last one that was made: seconds since 1970 / SPILL_STEP_S; 0: none */
	uint32_t part; /* of SPILL_ONE: what answers send elsewhere now */
	uint32_t slow; /* the same, over five TTLs: what caches do that keep answers too long */
	uint32_t parts[SPILL_STEPS], slows[SPILL_STEPS]; /* in the steps that were, by step % SPILL_STEPS */
};

/* What a pool says of itself. */
struct spill_report {
	uint64_t at_s;           /* since 1970: when it was measured, not when it came */
	uint64_t load, capacity; /* in its own units, below 2^40 */
};

/* Once a second, or as often as it is liked: a change is made where a step begins. ttl_s: the longest that what is answered may be kept. The
 * report may be NULL. True when the part changed. */
bool spill_control_step(
	struct spill_control *control, uint32_t ttl_s, const struct spill_report *report, uint64_t now_s);
/* Of SPILL_ONE: the part of the demand that goes elsewhere at a time that was, caches counted. */
uint32_t spill_control_gone(const struct spill_control *control, uint32_t ttl_s, uint64_t at_s);

/* ---- who ---- */

enum { SPILL_RANKS = 32, SPILL_SHARES = 256 };

/* Clients of one order of pools. */
struct spill_class {
	uint64_t identity;          /* the same on every host: decides between equals */
	uint64_t demand;            /* in load units, below 2^40 */
	uint8_t npools;             /* 1 to SPILL_RANKS */
	uint16_t pool[SPILL_RANKS]; /* numbers, the best first, each once */
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
