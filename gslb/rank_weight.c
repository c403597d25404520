/* rank=weight: ranks nothing, so all share the traffic by weight. */
#include "gslb/rank.h"

static double weight_cost(const struct rank_pool *pool, double km, double ms)
{
	(void)ms;
	(void)pool;
	(void)km;
	return 0;
}

const struct rank_criterion rank_weight = { .cost = weight_cost };
