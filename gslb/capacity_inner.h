/* capacity_inner - what the files of capacity share: its state, and the lists that a split is made of. */
#ifndef GSLB_CAPACITY_INNER_H
#define GSLB_CAPACITY_INNER_H

#include "gslb/capacity.h"

struct capacity_pool {
	uint64_t identity;
	uint32_t part; /* of SPILL_ONE, of its own clients that it gives away */
	float trim;    /* what its room is multiplied by, for its load to come out as it was meant */
	double calm;   /* the mean load of the last steps */
	uint64_t moved_s, trimmed_s;
	uint32_t ttl_s; /* the longest of the services that use it */
	/* of this step: */
	struct capacity_load load;
	double expected; /* its load, by what caches held when it was measured; and that times `off` is what it was: */
	double off;
	uint64_t capacity; /* of what is up, thousandths; 0: no limit */
	uint64_t demand;   /* of its own clients */
	uint64_t room;     /* for a split */
	uint64_t gets;     /* by the split in force */
	uint64_t own;      /* of that, of its own clients */
};

struct capacity {
	struct demand *demand;
	const struct snapshot *snapshot;
	struct capacity_pool *pools; /* by pool number */
	uint32_t npools;
	uint64_t step; /* the last one: seconds since 1970 / SPILL_STEP_S */
};

/* A member of a flow's home group: the part of the flow that is its own, and where that goes on to. */
struct capacity_member {
	uint32_t flow;
	uint8_t place;             /* in the flow's order */
	uint8_t rank[SPILL_RANKS]; /* places, by rank of the list */
	double part;               /* of the flow */
};

struct capacity_lists {
	size_t n, cap, members_cap;
	struct spill_class *classes;     /* by member */
	struct capacity_member *members; /* those of a flow are neighbours */
};

#define CAPACITY_NO_LIMIT (UINT64_C(1) << 50)

/* The lists of all flows, of the pools that are in service. gone: by pool number, as if they were not; may be NULL. */
void capacity_lists_make(struct capacity_lists *lists, struct capacity *capacity, const struct world *world,
	const bool *gone, uint64_t now_ms);
void capacity_lists_free(struct capacity_lists *lists);
/* A hash of the lists of the members from first to end: what shares hang on. */
uint64_t capacity_lists_hash(const struct capacity_lists *lists, size_t first, size_t end);
/* Where the members of the flow that begins at first end. */
size_t capacity_lists_end(const struct capacity_lists *lists, size_t first);

/* The pool at a place of a flow's order. */
static inline struct capacity_pool *capacity_pool_of(
	const struct capacity *capacity, const struct demand_flow *flow, unsigned place)
{
	const struct service_plan *service = &capacity->snapshot->services[flow->service];

	return &capacity->pools[service->list->candidate[flow->order->pool[place]].pool];
}

/* capacity_demand.c: what each flow asks for, and how much of it each pool has; of the loads that pools have. False: none is known. */
bool capacity_tell_demand(struct capacity *capacity, uint64_t now_s);
/* capacity_lean.c: weights in requests. True when there are other ones: the lists are to be made anew. */
bool capacity_lean(struct capacity *capacity, const struct capacity_lists *lists, uint64_t now_s);

/* keep=: capacity never takes so many pools away from a service that fewer are left. capacity_keep.c */
void capacity_keep(const struct capacity *capacity, const struct capacity_lists *lists, const struct world *world,
	uint64_t now_ms, uint16_t (*shares)[SPILL_RANKS]);

/* What a pool is filled to, when so much of it is up. */
static inline uint64_t capacity_target(const struct capacity_pool *pool)
{
	return pool->capacity > 0 ? pool->capacity * SPILL_TARGET_PERMILLE / 1000 : CAPACITY_NO_LIMIT;
}

#endif
