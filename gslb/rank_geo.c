/* rank=geo: great-circle distance, stretched or shrunk by the pool's bias. Without a place, on either side, there is no
 * distance: then the list's order decides, behind all that has one. */
#include "gslb/rank.h"

static double geo_cost(const struct rank_pool *pool, double km, double ms)
{
	(void)ms;
	if (km < 0)
		return RANK_GEO_UNPLACED + pool->position;
	return pool->bias >= 0 ? km * (100 - pool->bias) / 100 : km * 100 / (100 + pool->bias);
}

static bool geo_tied(double best, double cost)
{
	if (cost >= RANK_GEO_UNPLACED)
		return false;
	return cost <= best * 1.05 || cost <= best + 50;
}

const struct rank_criterion rank_geo = { .by_place = true, .cost = geo_cost, .tied = geo_tied };
