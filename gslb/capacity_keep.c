/* keep=: a pool is taken away from a service when all of the service's clients that are its own are sent elsewhere. That is for the
 * other services' good; where it would leave too few, some are left to it. */
#include <stdlib.h>
#include <string.h>

#include "gslb/capacity_inner.h"
#include "gslb/standing.h"

enum { LEFT = SPILL_SHARES / 16, CANDIDATES_MOST = 256 };

/* Of one service, by candidate. */
struct kept {
	bool own[CANDIDATES_MOST], gets[CANDIDATES_MOST];
};

static uint32_t candidate_of(const struct capacity *capacity, const struct capacity_member *member, unsigned rank)
{
	return capacity->demand->flows[member->flow]->order->pool[member->rank[rank]];
}

static bool is_of(const struct capacity *capacity, const struct capacity_member *member, uint32_t service)
{
	return capacity->demand->flows[member->flow]->service == service;
}

static void look(const struct capacity *capacity, const struct capacity_lists *lists, uint32_t service,
	uint16_t (*shares)[SPILL_RANKS], struct kept *kept)
{
	memset(kept, 0, sizeof *kept);
	for (size_t i = 0; i < lists->n; i++) {
		if (!is_of(capacity, &lists->members[i], service) || lists->classes[i].demand == 0)
			continue;
		kept->own[candidate_of(capacity, &lists->members[i], 0)] = true;
		for (unsigned k = 0; k < lists->classes[i].npools; k++)
			if (shares[i][k] > 0)
				kept->gets[candidate_of(capacity, &lists->members[i], k)] = true;
	}
}

/* Some of each class of its own come back, from where most of it went. */
static void give_back(const struct capacity *capacity, const struct capacity_lists *lists, uint32_t service,
	uint32_t candidate, uint16_t (*shares)[SPILL_RANKS])
{
	for (size_t i = 0; i < lists->n; i++) {
		unsigned most = 0, left;

		if (!is_of(capacity, &lists->members[i], service) ||
			candidate_of(capacity, &lists->members[i], 0) != candidate)
			continue;
		for (unsigned k = 1; k < lists->classes[i].npools; k++)
			if (shares[i][k] > shares[i][most])
				most = k;
		left = shares[i][most] < LEFT ? shares[i][most] : LEFT;
		shares[i][most] = (uint16_t)(shares[i][most] - left);
		shares[i][0] = (uint16_t)(shares[i][0] + left);
	}
}

static void keep_service(const struct capacity *capacity, const struct capacity_lists *lists, const struct world *world,
	uint32_t service, uint64_t now_ms, uint16_t (*shares)[SPILL_RANKS])
{
	const struct service_plan *plan = &capacity->snapshot->services[service];
	uint32_t in_service = service_pools_in_service(world, plan, now_ms, true, &(uint32_t){ 0 }), taken = 0;
	struct kept kept;

	look(capacity, lists, service, shares, &kept);
	for (uint32_t i = 0; i < plan->list->n; i++)
		taken += kept.own[i] && !kept.gets[i];
	for (uint32_t i = 0; i < plan->list->n && taken > 0 && in_service < plan->service->keep + taken; i++)
		if (kept.own[i] && !kept.gets[i]) {
			give_back(capacity, lists, service, i, shares);
			taken--;
		}
}

void capacity_keep(const struct capacity *capacity, const struct capacity_lists *lists, const struct world *world,
	uint64_t now_ms, uint16_t (*shares)[SPILL_RANKS])
{
	bool *seen = mem_alloc(capacity->snapshot->nservices + 1u);

	for (size_t i = 0; i < lists->n; i++) {
		uint32_t service = capacity->demand->flows[lists->members[i].flow]->service;

		/* somebody always answers: one pool is kept in any case */
		if (!seen[service] && capacity->snapshot->services[service].service->keep > 1)
			keep_service(capacity, lists, world, service, now_ms, shares);
		seen[service] = true;
	}
	free(seen);
}
