/* Capacity in the running server: what pools say of their load goes in, what comes out is published and said in the log. */
#include <stdlib.h>

#include "gslb/daemon.h"

static struct capacity_load *read_loads(const struct daemon *daemon, uint64_t now_ms)
{
	const struct snapshot *snapshot = daemon->published->snapshot;
	struct capacity_load *loads = mem_alloc((snapshot->npools + 1) * sizeof *loads);

	for (uint32_t i = 0; i < snapshot->npools; i++) {
		struct load load;

		if (snapshot->pools[i].pool->load.source == LOAD_NONE)
			continue;
		load = loads_of(daemon->loads, snapshot->pools[i].pool, now_ms);
		loads[i] = (struct capacity_load){ .known = load.known, .at_ms = load.at_ms, .milli = load.milli };
	}
	return loads;
}

static unsigned percent(uint32_t part)
{
	return (part * 100 + SPILL_ONE / 2) / SPILL_ONE;
}

static void say(const struct daemon *daemon, const uint32_t *before)
{
	const struct snapshot *snapshot = daemon->published->snapshot;

	for (uint32_t i = 0; i < snapshot->npools; i++) {
		struct capacity_facts facts = capacity_facts(daemon->capacity, i);

		if (facts.part != before[i])
			log_notice("pool=%s spill_percent=%u was=%u load=%llu demand=%llu filled_to=%llu",
				snapshot->pools[i].pool->label, percent(facts.part), percent(before[i]),
				(unsigned long long)facts.load / 1000, (unsigned long long)facts.demand / 1000,
				(unsigned long long)facts.filled / 1000);
	}
}

void daemon_look_at_capacity(struct daemon *daemon, uint64_t now_ms)
{
	const struct snapshot *snapshot = daemon->published->snapshot;
	struct capacity_load *loads;
	uint32_t *before;
	bool changed;

	capacity_take(daemon->capacity, daemon->recent);
	if (!capacity_is_due(daemon->capacity, now_ms))
		return;
	loads = read_loads(daemon, now_ms);
	before = mem_alloc((snapshot->npools + 1) * sizeof *before);
	for (uint32_t i = 0; i < snapshot->npools; i++)
		before[i] = capacity_facts(daemon->capacity, i).part;
	changed = capacity_step(daemon->capacity, &daemon->published->world, loads, now_ms);
	say(daemon, before);
	if (changed)
		daemon_publish_overlay(daemon);
	free(loads);
	free(before);
}
