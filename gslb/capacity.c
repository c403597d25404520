/* The control. What caches hold was answered by us, and who uses it makes the load that pools report: so what each class of clients
 * asks for is known whatever pools it is on at the moment, and sending some of it elsewhere does not change it. What is wanted
 * follows from that and not from the load itself: nothing swings. What the sum cannot know (few clients that ask for much, caches
 * that keep answers too long) is trimmed off slowly, when all has come to rest. */
#include "gslb/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/capacity_inner.h"
#include "gslb/standing.h"

enum { TRIM_AFTER_S = 30, TRIM_MEAN = 4 /* steps */ };
#define TRIM_LEAST 0.5F
#define TRIM_MOST 1.2F
#define TRIM_STEP 0.07
#define OFF 0.03 /* what is no farther off is left as it is */

struct capacity *capacity_new(void)
{
	struct capacity *capacity = mem_alloc(sizeof *capacity);

	capacity->demand = demand_new();
	return capacity;
}

void capacity_free(struct capacity *capacity)
{
	if (capacity == NULL)
		return;
	demand_free(capacity->demand);
	free(capacity->pools);
	free(capacity);
}

/* ---- over reloads ---- */

/* Few pools have something that is to go on; most reloads leave each where it was. */
static void inherit(struct capacity_pool *pool, uint32_t number, const struct capacity_pool *before, uint32_t nbefore)
{
	if (number < nbefore && before[number].identity == pool->identity) {
		*pool = before[number];
		return;
	}
	for (uint32_t i = 0; i < nbefore; i++)
		if (before[i].part > 0 && before[i].identity == pool->identity)
			*pool = before[i];
}

static void note_ttls(struct capacity *capacity, const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++) {
			struct capacity_pool *pool = &capacity->pools[snapshot->services[i].list->candidate[k].pool];

			if (pool->ttl_s < snapshot->services[i].ttl_max_s)
				pool->ttl_s = snapshot->services[i].ttl_max_s;
		}
}

void capacity_begin(struct capacity *capacity, const struct snapshot *snapshot)
{
	struct capacity_pool *before = capacity->pools;
	uint32_t nbefore = capacity->npools;

	demand_begin(capacity->demand, snapshot);
	capacity->snapshot = snapshot;
	capacity->npools = snapshot->npools;
	capacity->pools = mem_alloc((snapshot->npools + 1) * sizeof *capacity->pools);
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		capacity->pools[i] = (struct capacity_pool){ .identity = snapshot->pools[i].identity, .trim = 1 };
		inherit(&capacity->pools[i], i, before, nbefore);
		capacity->pools[i].ttl_s = 0;
	}
	note_ttls(capacity, snapshot);
	free(before);
}

void capacity_take(struct capacity *capacity, const struct recent *recent)
{
	demand_take(capacity->demand, recent);
}

void capacity_note(struct capacity *capacity, const struct ledger_entry *entry)
{
	demand_note(capacity->demand, entry);
}

bool capacity_is_due(const struct capacity *capacity, uint64_t now_ms)
{
	return now_ms / 1000 / SPILL_STEP_S != capacity->step;
}

/* ---- how much is given away ---- */

/* A pool's capacity is that of what of it is up, by weight. */
static uint64_t capacity_now(
	const struct snapshot *snapshot, const struct world *world, uint32_t number, uint64_t now_ms)
{
	const struct pool_plan *plan = &snapshot->pools[number];
	const struct sight sight = { .world = world, .now_ms = now_ms };
	struct pool_view view;

	if (plan->pool->capacity == 0 || plan->pool->load.source == LOAD_NONE)
		return 0;
	pool_look(&sight, number, plan->part[FAMILY_V4].n > 0 ? FAMILY_V4 : FAMILY_V6, NULL, &view);
	return (uint64_t)plan->pool->capacity * (view.vigour.health > 0 ? view.vigour.health : 1000);
}

static void look_at_pools(
	struct capacity *capacity, const struct world *world, const struct capacity_load *loads, uint64_t now_ms)
{
	for (uint32_t i = 0; i < capacity->npools; i++) {
		struct capacity_pool *pool = &capacity->pools[i];

		pool->load = loads[i];
		pool->capacity = capacity_now(capacity->snapshot, world, i, now_ms);
		pool->expected = 0;
	}
}

static void note_demand(struct capacity *capacity, const struct capacity_lists *lists)
{
	for (uint32_t i = 0; i < capacity->npools; i++)
		capacity->pools[i].demand = capacity->pools[i].gets = capacity->pools[i].own = 0;
	for (size_t i = 0; i < lists->n; i++)
		capacity->pools[lists->classes[i].pool[0]].demand += lists->classes[i].demand;
}

/* When what was changed has long reached nearly all caches, and the load is still not what it was to be. */
static void trim(struct capacity_pool *pool, uint64_t now_s)
{
	uint64_t measured_s = pool->load.at_ms / 1000;
	uint64_t rest_s = (pool->moved_s > pool->trimmed_s ? pool->moved_s : pool->trimmed_s) + pool->ttl_s;
	double off;

	if (measured_s < rest_s) {
		pool->calm = (double)pool->load.milli;
		return;
	}
	pool->calm += ((double)pool->load.milli - pool->calm) / TRIM_MEAN;
	off = sqrt((double)capacity_target(pool) / (pool->calm + 1));
	if (measured_s < rest_s + TRIM_AFTER_S || (off > 1 - OFF / 2 && off < 1 + OFF / 2))
		return;
	off = off < 1 - TRIM_STEP ? 1 - TRIM_STEP : off > 1 + TRIM_STEP ? 1 + TRIM_STEP : off;
	pool->trim *= (float)off;
	pool->trim = pool->trim < TRIM_LEAST ? TRIM_LEAST : pool->trim > TRIM_MOST ? TRIM_MOST : pool->trim;
	pool->trimmed_s = now_s;
}

/* True when the pool gives away more or less than it did. */
static bool look_at_room(struct capacity_pool *pool, uint64_t now_s)
{
	uint64_t target = capacity_target(pool);
	uint32_t part = pool->part;

	if (pool->capacity == 0)
		pool->part = 0;
	else if (pool->load.known)
		pool->part = spill_part(pool->part, pool->demand, target);
	if (pool->part != part) {
		pool->moved_s = now_s;
		pool->trim = pool->part == 0 ? 1 : pool->trim;
	}
	/* what it gives away now; nobody is sent to where the load is not known */
	pool->room = (uint64_t)((double)pool->demand * (SPILL_ONE - pool->part) / SPILL_ONE * (double)pool->trim);
	if (pool->part == 0 && (pool->capacity == 0 || pool->load.known) && target > pool->room)
		pool->room = target;
	return pool->part != part;
}

static bool look_at_rooms(struct capacity *capacity, uint64_t now_s)
{
	bool moved = false;

	for (uint32_t i = 0; i < capacity->npools; i++) {
		struct capacity_pool *pool = &capacity->pools[i];
		float before = pool->trim;

		if (pool->part > 0 && pool->load.known && pool->capacity > 0)
			trim(pool, now_s);
		moved |= pool->trim < before || pool->trim > before;
		moved |= look_at_room(pool, now_s);
	}
	return moved;
}

/* ---- who ---- */

/* The shares in force of the members from first on; who has none is where it would be without a split. */
static void present_of(const struct demand_flow *flow, const struct capacity_lists *lists, size_t first, size_t end,
	uint16_t (*present)[SPILL_RANKS])
{
	bool same = flow->shares != NULL && flow->lists == capacity_lists_hash(lists, first, end);

	for (size_t i = first; i < end; i++) {
		memset(present[i], 0, sizeof present[i]);
		if (same)
			memcpy(present[i], flow->shares[i - first], sizeof present[i]);
		else
			present[i][0] = SPILL_SHARES;
	}
}

static void present_all(
	const struct capacity *capacity, const struct capacity_lists *lists, uint16_t (*present)[SPILL_RANKS])
{
	for (size_t first = 0, end; first < lists->n; first = end) {
		end = capacity_lists_end(lists, first);
		present_of(capacity->demand->flows[lists->members[first].flow], lists, first, end, present);
	}
}

/* The split by rooms; or the one in force, while that is as good. */
static void choose(
	struct capacity *capacity, const struct capacity_lists *lists, bool moved, uint16_t (*shares)[SPILL_RANKS])
{
	uint64_t *room = mem_alloc((capacity->npools + 1) * sizeof *room);
	uint16_t(*other)[SPILL_RANKS] = mem_alloc((lists->n + 1) * sizeof *other);

	for (uint32_t i = 0; i < capacity->npools; i++)
		room[i] = capacity->pools[i].room;
	spill_split(lists->classes, lists->n, room, capacity->npools, other);
	present_all(capacity, lists, shares);
	if (moved || !spill_split_keeps(lists->classes, lists->n, room, capacity->npools, shares, other))
		memcpy(shares, other, lists->n * sizeof *other);
	free(room);
	free(other);
}

/* What a flow has of its pools, by place, of SPLIT_ONE; rounded so that it adds up. */
static void add_up(
	const struct capacity_lists *lists, size_t first, size_t end, uint16_t (*shares)[SPILL_RANKS], uint16_t *part)
{
	double of[SERVICE_POOLS_MAX] = { 0 };
	unsigned total = 0, most = 0;

	for (size_t i = first; i < end; i++)
		for (unsigned k = 0; k < lists->classes[i].npools; k++)
			of[lists->members[i].rank[k]] += lists->members[i].part * shares[i][k] / SPILL_SHARES;
	for (unsigned i = 0; i < SERVICE_POOLS_MAX; i++) {
		part[i] = (uint16_t)(of[i] * SPLIT_ONE + 0.5);
		total += part[i];
		most = part[i] > part[most] ? i : most;
	}
	part[most] = (uint16_t)(part[most] + SPLIT_ONE - total);
}

/* Is that what it would be without a split? */
static bool is_natural(const struct capacity *capacity, const struct demand_flow *flow,
	const struct capacity_lists *lists, size_t first, size_t end, uint16_t (*shares)[SPILL_RANKS])
{
	const struct service *service = capacity->snapshot->services[flow->service].service;

	for (size_t i = first; i < end; i++) {
		float off = flow->lean[lists->members[i].place] - 1;

		if (shares[i][0] < SPILL_SHARES || off > 0.001F || off < -0.001F)
			return false;
	}
	return end - first == 1 || service->ranks[service->nranks - 1] != RANK_LOAD;
}

static bool put(struct capacity *capacity, struct demand_flow *flow, const struct capacity_lists *lists, size_t first,
	size_t end, uint16_t (*shares)[SPILL_RANKS])
{
	uint16_t before[SERVICE_POOLS_MAX];
	bool split = flow->split, gives = flow->gives;

	memcpy(before, flow->part, sizeof before);
	free(flow->shares);
	flow->shares = mem_dup(&shares[first], (end - first) * sizeof *shares);
	flow->lists = capacity_lists_hash(lists, first, end);
	flow->split = !is_natural(capacity, flow, lists, first, end, shares);
	flow->gives = false;
	flow->home = 0;
	for (size_t i = first; i < end; i++) {
		flow->gives |= shares[i][0] < SPILL_SHARES;
		flow->home |= UINT32_C(1) << lists->members[i].place;
	}
	add_up(lists, first, end, shares, flow->part);
	return flow->split != split || flow->gives != gives ||
	       (split && memcmp(before, flow->part, sizeof before) != 0);
}

static void note_gets(struct capacity *capacity, const struct capacity_lists *lists, uint16_t (*shares)[SPILL_RANKS])
{
	for (size_t i = 0; i < lists->n; i++)
		for (unsigned k = 0; k < lists->classes[i].npools; k++) {
			struct capacity_pool *pool = &capacity->pools[lists->classes[i].pool[k]];
			uint64_t gets = lists->classes[i].demand * shares[i][k] / SPILL_SHARES;

			pool->gets += gets;
			pool->own += k == 0 ? gets : 0;
		}
}

static bool put_all(struct capacity *capacity, const struct capacity_lists *lists, uint16_t (*shares)[SPILL_RANKS])
{
	bool changed = false;

	for (size_t first = 0, end; first < lists->n; first = end) {
		end = capacity_lists_end(lists, first);
		changed |=
			put(capacity, capacity->demand->flows[lists->members[first].flow], lists, first, end, shares);
	}
	return changed;
}

/* ---- the step ---- */

bool capacity_step(
	struct capacity *capacity, const struct world *world, const struct capacity_load *loads, uint64_t now_ms)
{
	uint64_t now_s = now_ms / 1000;
	struct capacity_lists lists;
	uint16_t(*shares)[SPILL_RANKS];
	bool changed, moved;

	capacity->step = now_s / SPILL_STEP_S;
	changed = demand_step(capacity->demand, now_s);
	look_at_pools(capacity, world, loads, now_ms);
	if (!capacity_tell_demand(capacity, now_s)) /* nothing is known: what is in force stays */
		return changed;
	capacity_lists_make(&lists, capacity, world, NULL, now_ms);
	if (capacity_lean(capacity, &lists, now_s)) {
		capacity_lists_free(&lists);
		capacity_lists_make(&lists, capacity, world, NULL, now_ms);
	}
	note_demand(capacity, &lists);
	moved = look_at_rooms(capacity, now_s);
	shares = mem_alloc((lists.n + 1) * sizeof *shares);
	choose(capacity, &lists, moved, shares);
	capacity_keep(capacity, &lists, world, now_ms, shares);
	note_gets(capacity, &lists, shares);
	changed |= put_all(capacity, &lists, shares);
	capacity_lists_free(&lists);
	free(shares);
	return changed;
}

/* All classes of one service and family that have the order of a flow that is split. */
static void map_service(const struct capacity *capacity, struct split *split, uint32_t service, enum family family)
{
	const struct steering *steering = &capacity->snapshot->services[service].steering[family];

	for (uint32_t class = 0; class < steering->norders; class ++) {
		const struct demand_flow *flow =
			demand_find(capacity->demand, service, family, &steering->orders[class]);

		if (flow != NULL && flow->split)
			split_map(split, capacity->snapshot, service, family, class, flow->row);
	}
}

struct split *capacity_split(const struct capacity *capacity)
{
	const struct demand *demand = capacity->demand;
	struct split *split = NULL;

	for (size_t i = 0; i < demand->nflows; i++) {
		struct demand_flow *flow = demand->flows[i];

		if (!flow->split)
			continue;
		if (split == NULL)
			split = split_new(capacity->snapshot);
		flow->row = split_add(split, flow->order, flow->part, flow->home);
		split->full |= flow->gives;
	}
	for (size_t i = 0; i < demand->nflows && split != NULL; i++) {
		const struct demand_flow *flow = demand->flows[i];

		if (flow->split && split->row[flow->service * FAMILIES + flow->family] == NULL)
			map_service(capacity, split, flow->service, flow->family);
	}
	return split;
}

struct capacity_facts capacity_facts(const struct capacity *capacity, uint32_t number)
{
	const struct capacity_pool *pool = &capacity->pools[number];

	return (struct capacity_facts){
		.limited = pool->capacity > 0,
		.known = pool->load.known,
		.frozen = pool->part > 0 && !pool->load.known,
		.load = pool->load.milli,
		.demand = pool->demand,
		.filled = pool->capacity > 0 ? capacity_target(pool) : 0,
		.part = pool->part,
		.taken = pool->gets - pool->own,
	};
}
