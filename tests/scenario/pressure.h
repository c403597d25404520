/* pressure - capacity in a simulated world: what was answered so far, what pools report, and the steps of the control. */
#ifndef GSLB_TESTS_PRESSURE_H
#define GSLB_TESTS_PRESSURE_H

#include "gslb/capacity.h"
#include "tests/scenario/sim.h"

enum { PRESSURE_POOLS = 16 };

struct pressure {
	struct sim *sim;
	struct capacity *capacity;
	struct split *split;
	struct capacity_load loads[PRESSURE_POOLS]; /* by pool number */
};

void pressure_init(struct pressure *pressure, struct sim *sim);
void pressure_fini(struct pressure *pressure);
/* A snapshot, or overrides, are in force anew. */
void pressure_apply(struct pressure *pressure);
/* Answer a client so many times now. */
void pressure_serve(struct pressure *pressure, unsigned n, const char *client, const char *name, enum family family);
/* False: there is no such pool. load "-": nothing is known of it any more. */
bool pressure_report(struct pressure *pressure, const char *pool, const char *load);
void pressure_step(struct pressure *pressure);

#endif
