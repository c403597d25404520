/* What if a region were lost? What its clients ask for is shared out anew among the pools that are left, as the control would do it in the
 * end: by least regret, each filled to 80 % of what it can carry; what then has no place is over. */
#include <stdlib.h>
#include <string.h>

#include "gslb/capacity_inner.h"

static json_t *units(uint64_t milli)
{
	return json_real((double)milli / 1000);
}

static json_t *units_if(bool known, uint64_t milli)
{
	return known ? units(milli) : json_null();
}

static bool is_told(const struct capacity *capacity, uint32_t number)
{
	return capacity->pools[number].load.known || capacity->pools[number].capacity > 0;
}

/* What each pool would have. Returns what nobody is left for. */
static uint64_t share_out(
	struct capacity *capacity, const struct world *world, const bool *gone, uint64_t now_ms, uint64_t *gets)
{
	uint64_t *room = mem_alloc((capacity->npools + 1) * sizeof *room), all = 0, left = 0;
	uint16_t(*shares)[SPILL_RANKS];
	struct capacity_lists lists;

	capacity_lists_make(&lists, capacity, world, gone, now_ms);
	shares = mem_alloc((lists.n + 1) * sizeof *shares);
	for (uint32_t i = 0; i < capacity->npools; i++)
		room[i] = capacity_target(&capacity->pools[i]);
	spill_split(lists.classes, lists.n, room, capacity->npools, shares);
	for (size_t i = 0; i < lists.n; i++) {
		left += lists.classes[i].demand;
		for (unsigned k = 0; k < lists.classes[i].npools; k++)
			gets[lists.classes[i].pool[k]] += lists.classes[i].demand * shares[i][k] / SPILL_SHARES;
	}
	for (size_t i = 0; i < capacity->demand->nflows; i++)
		all += capacity->demand->flows[i]->demand;
	capacity_lists_free(&lists);
	free(shares);
	free(room);
	return all > left + left / 1000 ? all - left : 0;
}

static const char *level(const struct capacity_pool *pool, uint64_t gets)
{
	if (pool->capacity == 0)
		return "no-limit";
	if (gets > pool->capacity)
		return "overloaded";
	return gets > capacity_target(pool) + pool->capacity / 100 ? "over-target" : "fits";
}

static json_t *pool_then(const struct capacity *capacity, uint32_t number, uint64_t gets)
{
	const struct capacity_pool *pool = &capacity->pools[number];
	const struct pool *of = capacity->snapshot->pools[number].pool;

	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s}", "pool", of->label, "region", of->region, "load",
		units_if(pool->load.known, pool->load.milli), "then", units(gets), "capacity",
		units_if(pool->capacity > 0, pool->capacity), "level", level(pool, gets));
}

static json_t *region_json(struct capacity *capacity, const struct world *world, const char *region, uint64_t now_ms)
{
	bool *gone = mem_alloc(capacity->npools + 1u), fits = true;
	uint64_t *gets = mem_alloc((capacity->npools + 1) * sizeof *gets), lost = 0, unserved, over = 0;
	json_t *pools = json_array();

	for (uint32_t i = 0; i < capacity->npools; i++) {
		gone[i] = strcmp(capacity->snapshot->pools[i].pool->region, region) == 0;
		lost += !gone[i]                        ? 0
			: capacity->pools[i].load.known ? capacity->pools[i].load.milli
							: capacity->pools[i].gets;
	}
	unserved = share_out(capacity, world, gone, now_ms, gets);
	for (uint32_t i = 0; i < capacity->npools; i++) {
		const struct capacity_pool *pool = &capacity->pools[i];

		if (gone[i] || !is_told(capacity, i))
			continue;
		json_array_append_new(pools, pool_then(capacity, i, gets[i]));
		over += pool->capacity > 0 && gets[i] > pool->capacity ? gets[i] - pool->capacity : 0;
		fits = fits && (pool->capacity == 0 || gets[i] <= capacity_target(pool) + pool->capacity / 100);
	}
	free(gone);
	free(gets);
	return json_pack("{s:s,s:o,s:b,s:o,s:o,s:o}", "region", region, "lost", units(lost), "fits",
		fits && unserved == 0, "over", units(over), "unserved", units(unserved), "pools", pools);
}

static bool is_first_of_region(const struct capacity *capacity, uint32_t number)
{
	const struct snapshot *snapshot = capacity->snapshot;

	for (uint32_t i = 0; i < number; i++)
		if (is_told(capacity, i) &&
			strcmp(snapshot->pools[i].pool->region, snapshot->pools[number].pool->region) == 0)
			return false;
	return true;
}

static json_t *pool_now(const struct capacity *capacity, uint32_t number)
{
	const struct pool *pool = capacity->snapshot->pools[number].pool;
	struct capacity_facts facts = capacity_facts(capacity, number);

	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:f,s:o,s:b}", "pool", pool->label, "region", pool->region, "load",
		units_if(facts.known, facts.load), "demand", units(facts.demand), "capacity",
		units_if(facts.limited, capacity->pools[number].capacity), "filled_to",
		units_if(facts.limited, facts.filled), "given_percent", facts.part * 100.0 / SPILL_ONE, "taken",
		units(facts.taken), "frozen", facts.frozen);
}

json_t *capacity_report(struct capacity *capacity, const struct world *world, uint64_t now_ms)
{
	json_t *pools = json_array(), *regions = json_array();

	for (uint32_t i = 0; i < capacity->npools; i++) {
		if (!is_told(capacity, i))
			continue;
		json_array_append_new(pools, pool_now(capacity, i));
		if (is_first_of_region(capacity, i))
			json_array_append_new(regions,
				region_json(capacity, world, capacity->snapshot->pools[i].pool->region, now_ms));
	}
	return json_pack("{s:o,s:o}", "pools", pools, "regions", regions);
}

/* ---- for explain ---- */

static void reason(const struct capacity_facts *facts, bool home, double percent, struct buf *text)
{
	if (!home) {
		buf_printf(text, "takes %.1f %% of these clients, since a better pool is full", percent);
		return;
	}
	if (facts->part == 0) {
		buf_printf(text, "has %.1f %% of these clients, by load", percent);
		return;
	}
	buf_printf(text, "full: its own clients ask for %.6g, and it is filled to %.6g", (double)facts->demand / 1000,
		(double)facts->filled / 1000);
	if (facts->known)
		buf_printf(text, " (it has %.6g now)", (double)facts->load / 1000);
	else
		buf_printf(text, " (its load is not known now)");
	buf_printf(text, "; it keeps %.1f %% of these", percent);
}

json_t *capacity_explain(const struct capacity *capacity, uint32_t number, bool home, uint32_t part)
{
	struct capacity_facts facts = capacity_facts(capacity, number);
	double percent = part * 100.0 / SPLIT_ONE;
	struct buf text = { 0 };
	json_t *json;

	reason(&facts, home, percent, &text);
	json = json_pack("{s:b,s:f,s:o,s:o,s:o,s:f,s:s}", "home", home, "class_percent", percent, "load",
		units_if(facts.known, facts.load), "demand", units(facts.demand), "filled_to",
		units_if(facts.limited, facts.filled), "given_percent", facts.part * 100.0 / SPILL_ONE, "reason",
		text.text);
	buf_fini(&text);
	return json;
}
