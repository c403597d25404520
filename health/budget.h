/* budget - how much of a service automation may take away at once: at most max(1, a quarter) of its pools within ten minutes, and
 * never so that fewer than `keep` are left; unless at least two vantages say the same and none says otherwise. What is over it
 * stays in service until it is within it, or somebody comes and looks. A single vantage has no budget. Pure. */
#ifndef GSLB_HEALTH_BUDGET_H
#define GSLB_HEALTH_BUDGET_H

#include "health/health.h"

enum { BUDGET_WINDOW_MS = 600000, BUDGET_POOLS_MAX = 255 }; /* a service has no more candidates */

/* A pool of a service: in service, or out since then. */
struct budget_pool {
	bool in_service;
	uint64_t since_ms;
};

enum budget_says { BUDGET_ALLOWS, BUDGET_SPENT, BUDGET_KEEP };

/* May one more of the pools, which is in service, be taken out without unanimity? *recent: how many were within ten minutes. */
enum budget_says budget_ask(
	const struct budget_pool *pools, uint32_t npools, uint32_t keep, uint64_t now_ms, uint32_t *recent);

#endif
