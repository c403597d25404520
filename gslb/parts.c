#include "gslb/parts.h"

#include <stdlib.h>

static bool names_pool_of(const struct override_target *target)
{
	return target->kind == OVERRIDE_POOL || target->kind == OVERRIDE_REGION;
}

static void mark_endpoints(struct parts *parts, bool *pool_has)
{
	const struct snapshot *snapshot = parts->snapshot;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++) {
		uint32_t pool = snapshot->endpoints[i].pool;

		parts->endpoint[i] = names_pool_of(&parts->target)
					     ? pool_has[pool]
					     : override_target_has_endpoint(snapshot, &parts->target, i);
		parts->nendpoints += parts->endpoint[i];
		pool_has[pool] = pool_has[pool] || parts->endpoint[i];
	}
}

void parts_init(struct parts *parts, const struct snapshot *snapshot, const struct override_target *target)
{
	bool *pool_has = mem_alloc((snapshot->npools + 1) * sizeof *pool_has);

	parts->pool = pool_has;
	parts->snapshot = snapshot;
	parts->target = *target;
	parts->pair = mem_alloc((snapshot->nservice_pools + 1) * sizeof *parts->pair);
	parts->endpoint = mem_alloc((snapshot->nendpoints + 1) * sizeof *parts->endpoint);
	parts->npairs = parts->nendpoints = 0;
	for (uint32_t i = 0; i < snapshot->npools; i++)
		pool_has[i] = override_target_has_pool(snapshot, &parts->target, i);
	mark_endpoints(parts, pool_has);
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++) {
			const struct service_plan *service = &snapshot->services[i];
			bool mine = pool_has[service->list->candidate[k].pool] ||
				    override_target_has_pair(snapshot, &parts->target, service, k);

			parts->pair[service->first_override + k] = mine;
			parts->npairs += mine;
		}
}

void parts_fini(struct parts *parts)
{
	free(parts->pair);
	free(parts->endpoint);
	free(parts->pool);
}

bool parts_meet(const struct parts *a, const struct parts *b)
{
	bool endpoints = a->target.kind != OVERRIDE_SERVICE_POOL && b->target.kind != OVERRIDE_SERVICE_POOL;

	for (uint32_t i = 0; endpoints && i < a->snapshot->nendpoints; i++)
		if (a->endpoint[i] && b->endpoint[i])
			return true;
	for (uint32_t i = 0; !endpoints && i < a->snapshot->nservice_pools; i++)
		if (a->pair[i] && b->pair[i])
			return true;
	return false;
}
