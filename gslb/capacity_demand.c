/* What clients ask for makes the loads that pools report. Caches hold answers that name pools; each answer stands for requests: how many is
 * learned, class by class. */
#include "gslb/capacity_inner.h"

static uint64_t measured_at_s(const struct capacity_pool *pool, uint64_t now_s)
{
	return pool->load.known && pool->load.at_ms / 1000 < now_s ? pool->load.at_ms / 1000 : now_s;
}

/* Answers of each flow that caches held when the load of their pool was measured. */
static void tell_held(struct capacity *capacity, uint64_t now_s)
{
	const struct demand *demand = capacity->demand;

	for (size_t i = 0; i < demand->nflows; i++)
		for (unsigned k = 0; k < demand->flows[i]->order->npools; k++)
			demand->flows[i]->cells[k].held = demand_held(demand->flows[i], k,
				measured_at_s(capacity_pool_of(capacity, demand->flows[i], k), now_s));
}

static bool any_begins(const struct demand *demand)
{
	for (size_t i = 0; i < demand->nflows; i++)
		if (demand->flows[i]->asks <= 0)
			return true;
	return false;
}

/* A flow that is new asks for as much an answer as the others on the average. */
static void begin_asking(struct capacity *capacity)
{
	const struct demand *demand = capacity->demand;
	double load = 0, answers = 0;

	if (!any_begins(demand))
		return;
	for (uint32_t i = 0; i < capacity->npools; i++)
		load += capacity->pools[i].load.known ? (double)capacity->pools[i].load.milli : 0;
	for (size_t i = 0; i < demand->nflows; i++)
		for (unsigned k = 0; k < demand->flows[i]->order->npools; k++)
			if (capacity_pool_of(capacity, demand->flows[i], k)->load.known)
				answers += demand->flows[i]->cells[k].held;
	for (size_t i = 0; i < demand->nflows; i++)
		if (demand->flows[i]->asks <= 0 && answers > 0)
			demand->flows[i]->asks = load / answers;
}

/* By what the load of each pool is off from what is expected, where it is known; elsewhere as on the average. False: nothing is known. */
static bool compare(struct capacity *capacity)
{
	const struct demand *demand = capacity->demand;
	double load = 0, expected = 0;

	for (size_t i = 0; i < demand->nflows; i++)
		for (unsigned k = 0; k < demand->flows[i]->order->npools; k++)
			capacity_pool_of(capacity, demand->flows[i], k)->expected +=
				demand->flows[i]->asks * demand->flows[i]->cells[k].held;
	for (uint32_t i = 0; i < capacity->npools; i++)
		if (capacity->pools[i].load.known && capacity->pools[i].expected > 0) {
			load += (double)capacity->pools[i].load.milli;
			expected += capacity->pools[i].expected;
		}
	for (uint32_t i = 0; i < capacity->npools && expected > 0; i++) {
		struct capacity_pool *pool = &capacity->pools[i];

		pool->off = pool->load.known && pool->expected > 0 ? (double)pool->load.milli / pool->expected
								   : load / expected;
	}
	return expected > 0;
}

static void tell_demand(struct capacity *capacity)
{
	const struct demand *demand = capacity->demand;

	for (size_t i = 0; i < demand->nflows; i++) {
		struct demand_flow *flow = demand->flows[i];

		flow->demand = 0;
		for (unsigned k = 0; k < flow->order->npools; k++) {
			flow->at[k] =
				(uint64_t)(flow->asks * capacity_pool_of(capacity, flow, k)->off * flow->cells[k].held);
			flow->demand += flow->at[k];
		}
	}
}

/* Clients behind one resolver are many, behind another few. Which classes ask for how much an answer is learned from the pools that they
 * are on: who is where the load is more than expected asks for more (expectation maximization, as Richardson 1972 and Lucy
 * 1974: a step of it with each look). */
static void learn(struct capacity *capacity)
{
	const struct demand *demand = capacity->demand;

	for (size_t i = 0; i < demand->nflows; i++) {
		struct demand_flow *flow = demand->flows[i];
		double answers = 0, off = 0;

		for (unsigned k = 0; k < flow->order->npools; k++) {
			const struct capacity_pool *pool = capacity_pool_of(capacity, flow, k);
			double n = pool->load.known ? flow->cells[k].held : 0;

			answers += n;
			off += n * pool->off;
		}
		if (answers > 0)
			flow->asks *= off / answers;
	}
}

bool capacity_tell_demand(struct capacity *capacity, uint64_t now_s)
{
	tell_held(capacity, now_s);
	begin_asking(capacity);
	if (!compare(capacity))
		return false;
	tell_demand(capacity);
	learn(capacity);
	return true;
}
