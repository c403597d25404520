/* The draw comes first, so that the rest is paid by one answer in a hundred at most, and only where the class is open. */
#include "gslb/explore.h"

#include "gslb/closely.h"

/* Is all of the pool plainly there? What a glance does not settle is no time to explore. */
static bool is_steady(
	const struct sight *sight, const struct service_plan *service, uint32_t candidate, enum family family)
{
	const struct snapshot *snapshot = sight->world->snapshot;
	const struct overlay *overlay = sight->world->overlay;
	uint32_t pool = service->list->candidate[candidate].pool;
	const struct pool_part *part = &snapshot->pools[pool].part[family];
	uint64_t up;

	if (part->n == 0)
		return true;
	return !part->dated &&
	       pool_glance(sight, pool, family,
		       overlay != NULL ? overlay->service_pool[service->first_override + candidate] : NULL, &up) &&
	       glance_serves(snapshot, pool, family, up) && glance_whole(part, up);
}

/* Is the class of this order shared out otherwise? */
static bool is_shared(
	const struct sight *sight, const struct service_plan *service, enum family family, const struct order *order)
{
	return split_find(sight->world->split, (uint32_t)(service - sight->world->snapshot->services), family,
		       (uint32_t)(order - service->steering[family].orders)) != NULL;
}

enum explore_bar explore_barred(
	const struct sight *sight, const struct service_plan *service, enum family family, const struct order *order)
{
	const struct split *split = sight->world->split;

	if (service->sticky)
		return EXPLORE_STICKY;
	if (service->via_cname)
		return EXPLORE_CNAME;
	if (split != NULL && split->full)
		return EXPLORE_FULL;
	if (split != NULL && is_shared(sight, service, family, order))
		return EXPLORE_SHARED;
	for (uint32_t i = 0; i < service->list->n; i++)
		if (!is_steady(sight, service, i, family))
			return EXPLORE_UNSTEADY;
	return EXPLORE_FREE;
}

bool explore_try(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct glance_choice *choice, struct decision *decision)
{
	const struct snapshot *snapshot = sight->world->snapshot;
	const struct overlay *overlay = sight->world->overlay;
	uint32_t candidate = order->pool[order->explore], pool = service->list->candidate[candidate].pool;
	const struct pool_part *part = &snapshot->pools[pool].part[family];
	uint64_t up;

	if (!client->explore || dice_below(choice->dice, EXPLORE_ALL) >= order->explore_rate ||
		explore_barred(sight, service, family, order) != EXPLORE_FREE)
		return false;
	/* the board may have changed since */
	if (!pool_glance(sight, pool, family,
		    overlay != NULL ? overlay->service_pool[service->first_override + candidate] : NULL, &up) ||
		!glance_serves(snapshot, pool, family, up))
		return false;
	decision->kind = DECIDE_ADDRESSES;
	decision->why = WHY_EXPLORED;
	decision->candidate = candidate;
	decision->pool = pool;
	decision->target = POOL_NONE;
	decision->ttl_s = service->ttl_min_s;
	decision->nendpoints = glance_pick(snapshot, part, up, choice, decision->endpoint);
	return true;
}
