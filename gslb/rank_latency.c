/* rank=latency: by what round trips are expected to take where they were measured (learned.h). Where they were not, no pool is
 * surely better than another, and the next criterion decides. */
#include "gslb/rank.h"

static double latency_cost(const struct rank_pool *pool, double km, double ms)
{
	(void)pool;
	(void)km;
	return ms;
}

static bool latency_tied(double best, double cost)
{
	return cost <= best * 1.10 || cost <= best + 5;
}

const struct rank_criterion rank_latency = { .by_place = true, .cost = latency_cost, .tied = latency_tied };
