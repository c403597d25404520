#include "gslb/rules.h"

#include <stdlib.h>

#include "gslb/kin.h"

uint32_t rules_groups(const struct snapshot *snapshot, uint32_t *groups)
{
	struct kin_member *members = mem_alloc((snapshot->nendpoints + 1) * sizeof *members);
	uint32_t *group = mem_alloc((snapshot->nendpoints + 1) * sizeof *group), ngroups;
	size_t n = 0;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		if (snapshot->endpoints[i].slot != SLOT_NONE)
			members[n++] = (struct kin_member){ snapshot->endpoints[i].pool, snapshot->endpoints[i].addr };
	ngroups = kin_groups(members, n, snapshot->npools, group);
	n = 0;
	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		if (snapshot->endpoints[i].slot != SLOT_NONE)
			groups[i] = group[n++];
	free(group);
	free(members);
	return ngroups;
}

/* An endpoint that is not probed is always up: no slot of it, and a pool of such ones never goes. */
static void pool_slots(
	const struct snapshot *snapshot, const struct pool_plan *plan, struct arena *arena, struct health_pool *pool)
{
	uint32_t *slots = arena_alloc(arena, (plan->part[FAMILY_V4].n + plan->part[FAMILY_V6].n) * sizeof *slots);

	for (enum family family = 0; family < FAMILIES; family++) {
		for (uint32_t i = 0; i < plan->part[family].n; i++) {
			uint32_t slot = snapshot->endpoints[plan->part[family].first + i].slot;

			if (slot != SLOT_NONE)
				slots[pool->nslots++] = slot;
		}
		if (family == FAMILY_V4)
			pool->nv4 = pool->nslots;
	}
	pool->slots = slots;
}

static const char *label(struct arena *arena, const struct name *name)
{
	char text[NAME_TEXT_MAX];

	return arena_strdup(arena, name_format(name, text));
}

void rules_budget(const struct snapshot *snapshot, struct arena *arena, struct health_plan *plan)
{
	struct health_pool *pools = arena_alloc(arena, snapshot->npools * sizeof *pools);
	struct health_service *services = arena_alloc(arena, snapshot->nservices * sizeof *services);

	for (uint32_t i = 0; i < snapshot->npools; i++) {
		const struct pool_plan *from = &snapshot->pools[i];

		pools[i] = (struct health_pool){ .min_up = from->min_up, .label = label(arena, &from->pool->name) };
		pool_slots(snapshot, from, arena, &pools[i]);
	}
	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *from = &snapshot->services[i];
		uint32_t *numbers = arena_alloc(arena, from->list->n * sizeof *numbers);

		services[i] = (struct health_service){
			.pools = numbers, .keep = from->service->keep, .label = label(arena, &from->service->owner)
		};
		for (uint32_t k = 0; k < from->list->n; k++)
			if (rules_counts(from, k))
				numbers[services[i].npools++] = from->list->candidate[k].pool;
	}
	plan->pools = pools;
	plan->npools = snapshot->npools;
	plan->services = services;
	plan->nservices = snapshot->nservices;
}
