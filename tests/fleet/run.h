/* run - one run of the fleet: the faults of a seed, and whatever is checked. */
#ifndef GSLB_TESTS_FLEET_RUN_H
#define GSLB_TESTS_FLEET_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct run_size {
	unsigned hosts, regions;
};

/* True when all held; else oracle_verdict() says what did not. */
bool run_seed(uint64_t seed, const struct run_size *size);
/* After a run that failed: the fewest faults with which it fails so. They are printed, and it is run once more with those, traced if `tracing`. */
void run_shrink(uint64_t seed, const struct run_size *size, bool tracing);
/* A line of figures of the last run. */
void run_print_figures(void);

#endif
