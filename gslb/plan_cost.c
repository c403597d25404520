#include "gslb/plan_cost.h"

#include <math.h>

void cost_client_init(struct cost_client *client, struct meter *meter, const struct snapshot *snapshot,
	const struct addr *addr, uint64_t now_s)
{
	*client = (struct cost_client){ .meter = meter, .now_s = now_s };
	client->chain = meter_chain(snapshot, addr, &client->place);
}

struct cost cost_to(const struct cost_client *client, const struct pool *pool)
{
	const struct place *place = &client->place;
	bool located = place->located && pool->located;
	double km = located ? geo_distance_km(place->latitude, place->longitude, pool->latitude, pool->longitude) : -1;
	struct cost cost = { .km = located ? km : NAN, .ms = located ? exp(latency_prior(km)) : NAN };
	struct latency_estimate estimate;
	struct latency_map *map;

	if (client->meter == NULL)
		return cost;
	map = meter_lock(client->meter);
	latency_estimate(map, &client->chain, LATENCY_NETWORK, latency_region_find(map, pool->region), km,
		client->now_s, &estimate);
	meter_unlock(client->meter);
	for (enum latency_level level = LATENCY_NETWORK; level < LATENCY_LEVELS; level++)
		cost.measured = cost.measured || estimate.level_n[level] > 0;
	if (cost.measured)
		cost.ms = exp(estimate.mean);
	return cost;
}
