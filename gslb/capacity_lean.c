/* Weights in requests. Where clients keep their pool, a few resolvers behind which many clients are make a pool's part of the requests another
 * one than its part of the answers: its weight is leaned against that, until it comes out right. Where each answer is drawn
 * anew it does so by itself. */
#include <math.h>

#include "gslb/capacity_inner.h"

#define LEAN_LEAST 0.05F
#define LEAN_MOST 20.0F
#define LEAN_STEP 0.3
#define OFF 0.03              /* what is no farther off is left as it is */
#define LEAN_ANSWERS_LEAST 50 /* of fewer the shares are chance */

static bool lean(struct capacity *capacity, struct demand_flow *flow, const struct capacity_lists *lists, size_t first,
	size_t end, uint64_t now_s)
{
	const struct service_plan *service = &capacity->snapshot->services[flow->service];
	double total = 0, weights = 0, held = 0, off = 0, of[SERVICE_POOLS_MAX];

	if (end - first < 2 || service->service->spread != SPREAD_STICKY ||
		service->service->ranks[service->service->nranks - 1] == RANK_LOAD ||
		now_s < flow->leaned_s + flow->ttl_s + SPILL_STEP_S)
		return false;
	for (size_t i = first; i < end; i++) {
		const struct capacity_pool *pool = &capacity->pools[lists->classes[i].pool[0]];
		unsigned place = lists->members[i].place;

		if (!pool->load.known || pool->part > 0)
			return false;
		total += (double)flow->at[place];
		weights += lists->members[i].part / (double)flow->lean[place];
		held += demand_held(flow, place, now_s);
	}
	if (held < LEAN_ANSWERS_LEAST || total <= 0)
		return false;
	for (size_t i = first; i < end; i++) {
		unsigned place = lists->members[i].place;
		double wanted = lists->members[i].part / (double)flow->lean[place] / weights;

		of[place] = ((double)flow->at[place] / total + 1e-6) / (wanted + 1e-6);
		off = of[place] - 1 > off ? of[place] - 1 : 1 - of[place] > off ? 1 - of[place] : off;
	}
	if (off < OFF)
		return false;
	for (size_t i = first; i < end; i++) {
		unsigned place = lists->members[i].place;
		double by = sqrt(of[place]);
		float to = (float)((double)flow->lean[place] / (by > 1 + LEAN_STEP          ? 1 + LEAN_STEP
								       : by < 1 - LEAN_STEP ? 1 - LEAN_STEP
											    : by));

		flow->lean[place] = to < LEAN_LEAST ? LEAN_LEAST : to > LEAN_MOST ? LEAN_MOST : to;
	}
	flow->leaned_s = now_s;
	return true;
}

bool capacity_lean(struct capacity *capacity, const struct capacity_lists *lists, uint64_t now_s)
{
	bool leaned = false;

	for (size_t first = 0, end; first < lists->n; first = end) {
		end = capacity_lists_end(lists, first);
		leaned |= lean(capacity, capacity->demand->flows[lists->members[first].flow], lists, first, end, now_s);
	}
	return leaned;
}
