/* budget - how much of a service automation may take away at once: at most max(1, a quarter) of its pools within ten minutes, and
 * never so that fewer than `keep` are left; unless at least two vantages say the same and none says otherwise. What is over it
 * stays in service until it is within it, or somebody comes and looks. A single vantage has no budget. Pure. */
#ifndef GSLB_HEALTH_BUDGET_H
#define GSLB_HEALTH_BUDGET_H

#include "health/health.h"

enum { BUDGET_WINDOW_MS = 600000, BUDGET_POOLS_MAX = 255 }; /* a service has no more candidates */

/* A pool of a service that the votes call out. */
struct budget_pool {
	uint64_t since_ms; /* when it fell, by the votes */
	uint64_t identity; /* which of two that fell at once is first */
	uint32_t number;
	bool unanimous; /* out whatever the budget says */
};

enum budget_says { BUDGET_ALLOWS, BUDGET_SPENT, BUDGET_KEEP };

/* May the pool of that number, which is among the n that fell of the service's npools, be out now? Sorts them. *recent: how many others were
 * taken out within ten minutes. */
enum budget_says budget_ask(struct budget_pool *fallen, uint32_t n, uint32_t npools, uint32_t keep, uint32_t number,
	uint64_t now_ms, uint32_t *recent);

#endif
