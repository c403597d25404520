/* What a split is made of: for each class of clients and each pool of its best tie group that is in service, the part of the class that
 * is that pool's own, and the pools that it can go on to, the best first. Pools that drain are gone from the lists: nobody is to be
 * sent there. */
#include <stdlib.h>
#include <string.h>

#include "gslb/capacity_inner.h"
#include "gslb/standing.h"

enum { EVEN_PERMILLE = 50 };

/* A flow and what there is for it. */
struct at {
	struct capacity *capacity;
	const struct world *world;
	const struct service_plan *service;
	const struct demand_flow *flow;
	uint64_t now_ms;
	unsigned nlist;
	uint8_t list[SERVICE_POOLS_MAX];  /* places of pools that can take clients, in order */
	double weight[SERVICE_POOLS_MAX]; /* by place */
	unsigned nhome;                   /* the first ones of the list */
};

static struct capacity_pool *pool_at(const struct at *at, unsigned place)
{
	return &at->capacity->pools[at->service->list->candidate[at->flow->order->pool[place]].pool];
}

static bool can_take(struct at *at, unsigned place, const bool *gone)
{
	const struct sight sight = { .world = at->world, .now_ms = at->now_ms, .names = at->service->via_cname };
	uint32_t candidate = at->flow->order->pool[place];
	const struct overlay *overlay = at->world->overlay;
	struct pool_view view;

	if (gone != NULL && gone[at->service->list->candidate[candidate].pool])
		return false;
	pool_look(&sight, at->service->list->candidate[candidate].pool,
		at->service->via_cname ? FAMILY_ANY : (unsigned)at->flow->family,
		overlay != NULL ? overlay->service_pool[at->service->first_override + candidate] : NULL, &view);
	at->weight[place] = (double)at->service->list->candidate[candidate].weight * view.vigour.serves;
	return view.in_service && view.drain == 1000;
}

static unsigned group_end(const struct order *order, unsigned place)
{
	do
		place++;
	while (place < order->npools && (order->begins >> place & 1) == 0);
	return place;
}

/* The first tie group that has any is home. */
static void look(struct at *at, const bool *gone)
{
	const struct order *order = at->flow->order;
	unsigned end;

	at->nlist = at->nhome = 0;
	for (unsigned first = 0; first < order->npools; first = end) {
		end = group_end(order, first);
		for (unsigned i = first; i < end; i++)
			if (can_take(at, i, gone))
				at->list[at->nlist++] = (uint8_t)i;
		if (at->nhome == 0)
			at->nhome = at->nlist;
	}
}

/* ---- whose the clients are ---- */

static bool is_by_load(const struct service *service)
{
	return service->nranks > 0 && service->ranks[service->nranks - 1] == RANK_LOAD;
}

static void by_weight(struct at *at, double *part)
{
	double total = 0;

	for (unsigned i = 0; i < at->nhome; i++)
		total += part[i] = at->weight[at->list[i]] * (double)at->flow->lean[at->list[i]];
	for (unsigned i = 0; i < at->nhome; i++)
		part[i] = total > 0 ? part[i] / total : 1.0 / at->nhome;
}

/* A pool's units for comparing loads: its capacity, where all have one. */
static double width(const struct at *at, unsigned i)
{
	for (unsigned k = 0; k < at->nhome; k++)
		if (pool_at(at, at->list[k])->capacity == 0)
			return 1;
	return (double)pool_at(at, at->list[i])->capacity;
}

/* What the pool has of others than this flow. */
static double others(const struct at *at, unsigned i)
{
	double load = (double)pool_at(at, at->list[i])->load.milli - (double)at->flow->at[at->list[i]];

	return load > 0 ? load : 0;
}

/* Is the least loaded one no more than a little below the most loaded one? Then all stays. */
static bool is_even(const struct at *at)
{
	double least = 0, most = 0;

	for (unsigned i = 0; i < at->nhome; i++) {
		double level = (double)pool_at(at, at->list[i])->load.milli / width(at, i);

		least = i == 0 || level < least ? level : least;
		most = level > most ? level : most;
	}
	return (most - least) * 1000 <= most * EVEN_PERMILLE;
}

/* Water is poured in where the level is lowest. */
static void by_load(struct at *at, double *part)
{
	double level = 0, left = (double)at->flow->demand;
	bool filled[SERVICE_POOLS_MAX] = { 0 };

	for (unsigned round = 0; round < at->nhome && left > 0; round++) {
		double sum = left, widths = 0;
		unsigned lowest = at->nhome;

		for (unsigned i = 0; i < at->nhome; i++)
			if (!filled[i] && (lowest == at->nhome || others(at, i) / width(at, i) <
									  others(at, lowest) / width(at, lowest)))
				lowest = i;
		if (round > 0 && others(at, lowest) / width(at, lowest) >= level)
			break;
		filled[lowest] = true;
		for (unsigned i = 0; i < at->nhome; i++) {
			sum += filled[i] ? others(at, i) : 0;
			widths += filled[i] ? width(at, i) : 0;
		}
		level = sum / widths;
	}
	for (unsigned i = 0; i < at->nhome; i++)
		part[i] = filled[i] ? (level * width(at, i) - others(at, i)) / (double)at->flow->demand : 0;
}

/* As caches have it now. */
static void by_caches(struct at *at, double *part)
{
	double total = 0;

	for (unsigned i = 0; i < at->nhome; i++)
		total += part[i] = (double)at->flow->at[at->list[i]];
	if (total <= 0) {
		by_weight(at, part);
		return;
	}
	for (unsigned i = 0; i < at->nhome; i++)
		part[i] /= total;
}

static void share_home(struct at *at, double *part)
{
	bool known = at->flow->demand > 0;

	for (unsigned i = 0; i < at->nhome; i++)
		known = known && pool_at(at, at->list[i])->load.known;
	if (!is_by_load(at->service->service) || !known) {
		by_weight(at, part);
		return;
	}
	if (!is_even(at)) {
		by_load(at, part);
		return;
	}
	by_caches(at, part);
}

/* ---- lists ---- */

/* This member first, then the others of its group, then the groups behind it. */
static void add_member(struct capacity_lists *lists, const struct at *at, uint32_t flow, unsigned which, double part)
{
	struct capacity_member *member;
	struct spill_class *class;
	unsigned n = 0;

	lists->members = mem_grow(lists->members, lists->n, &lists->members_cap, sizeof *lists->members);
	lists->classes = mem_grow(lists->classes, lists->n, &lists->cap, sizeof *lists->classes);
	member = &lists->members[lists->n];
	class = &lists->classes[lists->n++];
	*member = (struct capacity_member){ .flow = flow, .place = at->list[which], .part = part };
	*class = (struct spill_class){ .identity = at->flow->identity + which,
		.demand = (uint64_t)((double)at->flow->demand * part) };
	for (unsigned i = 0; i < at->nlist; i++) {
		unsigned k = i == 0 ? which : i <= which ? i - 1 : i;
		uint32_t score = at->flow->score[at->list[k < at->nhome ? 0 : k]];

		member->rank[n] = at->list[k];
		class->pool[n] = (uint32_t)(pool_at(at, at->list[k]) - at->capacity->pools);
		class->score[n] = n > 0 && score < class->score[n - 1] ? class->score[n - 1] : score;
		n++;
	}
	class->npools = (uint8_t)n;
}

void capacity_lists_make(struct capacity_lists *lists, struct capacity *capacity, const struct world *world,
	const bool *gone, uint64_t now_ms)
{
	const struct demand *demand = capacity->demand;

	*lists = (struct capacity_lists){ 0 };
	for (uint32_t i = 0; i < demand->nflows; i++) {
		const struct demand_flow *flow = demand->flows[i];
		double part[SERVICE_POOLS_MAX];
		struct at at = { .capacity = capacity,
			.world = world,
			.service = &capacity->snapshot->services[flow->service],
			.flow = flow,
			.now_ms = now_ms };

		look(&at, gone);
		if (at.nlist == 0)
			continue;
		share_home(&at, part);
		for (unsigned k = 0; k < at.nhome; k++)
			add_member(lists, &at, i, k, part[k]);
	}
}

void capacity_lists_free(struct capacity_lists *lists)
{
	free(lists->classes);
	free(lists->members);
	*lists = (struct capacity_lists){ 0 };
}

size_t capacity_lists_end(const struct capacity_lists *lists, size_t first)
{
	size_t end = first;

	while (end < lists->n && lists->members[end].flow == lists->members[first].flow)
		end++;
	return end;
}

uint64_t capacity_lists_hash(const struct capacity_lists *lists, size_t first, size_t end)
{
	uint64_t hash = end - first;

	for (size_t i = first; i < end; i++)
		hash = hash_bytes(hash, lists->members[i].rank, lists->classes[i].npools);
	return hash | 1;
}
