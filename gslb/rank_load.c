/* rank=load: by place all tie; who is the least loaded decides while queries are answered (capacity.h). */
#include "gslb/rank.h"

static double load_cost(const struct rank_pool *pool, double km, double ms)
{
	(void)ms;
	(void)pool;
	(void)km;
	return 0;
}

const struct rank_criterion rank_load = { .cost = load_cost };
