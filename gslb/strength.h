/* strength - how much of a pool is left, and what follows: which share of its clients it serves, and when its probes are not
 * believed. Pure arithmetic, shared by the glance and the close look. ALGORITHMS 3. */
#ifndef GSLB_STRENGTH_H
#define GSLB_STRENGTH_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* What is left of a pool may carry 1.4 times its usual part: a pool has that much in reserve. */
	STRENGTH_RESERVE_PERMILLE = 1400,
	/* With less than this up the rest would be overrun, and so many failing at once make one doubt the probes. */
	STRENGTH_PANIC_PERMILLE = 300,
	/* One or two targets down are an ordinary failure, whatever their weight. */
	STRENGTH_PANIC_LOST = 3,
};

/* The targets of one tier, as many as have been added. */
struct strength {
	uint64_t up, of; /* weight, by permille */
	uint32_t nup, nof;
	uint32_t zero_up, zero_of; /* what has weight 0 is a tier below its tier */
};

/* permille: what gradual drains leave of it; a target that is drained or forced down is none of the pool for now. */
static inline void strength_add(struct strength *strength, uint16_t weight, uint16_t permille, bool up)
{
	if (permille == 0)
		return;
	if (weight == 0) {
		strength->zero_up += up;
		strength->zero_of++;
		return;
	}
	strength->up += up ? (uint64_t)weight * permille : 0;
	strength->of += (uint64_t)weight * permille;
	strength->nup += up;
	strength->nof++;
}

static inline bool strength_any(const struct strength *strength)
{
	return strength->nup + strength->zero_up > 0;
}

/* What a pool can do with the tier that answers. */
struct vigour {
	uint16_t health; /* permille of the tier's weight that is up */
	uint16_t serves; /* permille of its clients that the pool serves; the others go on to the next rank */
	bool panics;     /* so little is up that, where no other pool can take the clients, probes are ignored */
};

#define VIGOUR_FULL ((struct vigour){ .health = 1000, .serves = 1000 })

/* Something of the tier is up. */
struct vigour strength_vigour(const struct strength *strength);

#endif
