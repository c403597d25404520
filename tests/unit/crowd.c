#include "tests/unit/crowd.h"

#include <stdlib.h>
#include <string.h>

static const struct addr asker = { ADDR_V4, { 203, 0, 113, 9 } };

static void put_in_force(struct crowd_rig *rig)
{
	split_free(rig->split);
	rig->split = capacity_split(rig->capacity);
	rig->sim->world.split = rig->split;
}

static void begin(struct crowd_rig *rig, struct sim *sim, const char *zone)
{
	sim_init(sim);
	for (const char *const *place = rig->places; *place != NULL; place++)
		sim_place(sim, *place);
	sim_zone(sim, "svc.example", zone);
	sim_load(sim);
	rig->sim = sim;
}

void crowd_init(struct crowd_rig *rig, const char *zone, const char *const *places)
{
	memset(rig, 0, sizeof *rig);
	rig->places = places;
	begin(rig, &rig->sims[0], zone);
	rig->ledger = ledger_new(rig->sim->snapshot, 1);
	rig->recent = recent_new(rig->sim->now_ms);
	rig->capacity = capacity_new();
	capacity_begin(rig->capacity, rig->sim->snapshot);
	rig->level = 1;
	rig->hold_permille = 1000;
}

void crowd_fini(struct crowd_rig *rig)
{
	split_free(rig->split);
	capacity_free(rig->capacity);
	recent_free(rig->recent);
	ledger_free(rig->ledger);
	sim_fini(rig->sim);
}

void crowd_publish(struct crowd_rig *rig)
{
	sim_publish(rig->sim);
	rig->sim->world.split = rig->split;
}

void crowd_reload(struct crowd_rig *rig, const char *zone)
{
	struct sim *before = rig->sim;
	struct ledger *ledger;
	struct ledger_map *map;

	begin(rig, before == &rig->sims[0] ? &rig->sims[1] : &rig->sims[0], zone);
	rig->sim->now_ms = before->now_ms;
	capacity_begin(rig->capacity, rig->sim->snapshot);
	ledger = ledger_new(rig->sim->snapshot, 1);
	map = ledger_carry(ledger, rig->ledger);
	recent_take(rig->recent, rig->ledger, rig->sim->now_ms);
	recent_carry(rig->recent, map);
	ledger_map_free(map);
	ledger_free(rig->ledger);
	rig->ledger = ledger;
	put_in_force(rig);
	sim_fini(before);
}

void crowd_add(struct crowd_rig *rig, const char *service, unsigned net, unsigned n, double asks, double skew)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += skew > 0 ? 1 / (double)(i + 1 / skew) : 1;
	for (unsigned i = 0; i < n; i++) {
		struct crowd_resolver *resolver = &rig->resolvers[rig->nresolvers++];
		struct addr addr = { ADDR_V4, { (uint8_t)net, (uint8_t)(i >> 8), (uint8_t)i, 1 } };

		*resolver = (struct crowd_resolver){ .client.addr = addr,
			.service = service,
			.asks = asks * (skew > 0 ? 1 / (double)(i + 1 / skew) : 1) / sum,
			.expires_s = rig->second + dice_next(&rig->sim->dice) % 30,
			.pool = POOL_NONE };
	}
}

static void ask(struct crowd_rig *rig, struct crowd_resolver *resolver)
{
	const struct service_plan *service = sim_service(rig->sim, resolver->service);
	struct decision decision;
	uint64_t hold_s;

	decide(&rig->sim->world, service, &resolver->client, FAMILY_V4, rig->sim->now_ms, &rig->sim->dice, &decision,
		NULL);
	rig->answers++;
	rig->spilled += decision.why == WHY_SPILL;
	resolver->pool = decision.pool;
	hold_s = (uint64_t)decision.ttl_s * rig->hold_permille / 1000;
	resolver->expires_s = rig->second + (hold_s > 0 ? hold_s : 1) * (resolver->slow ? 5 : 1);
	if (ledger_note(ledger_row(rig->ledger, 0), service, &decision, (uint32_t)(rig->sim->now_ms / 1000)))
		ledger_write(ledger_row(rig->ledger, 0), &(struct ledger_answer){ service, &decision, &resolver->client,
								 &asker, FAMILY_V4, rig->sim->now_ms });
}

static void measure(struct crowd_rig *rig)
{
	for (unsigned i = 0; i < CROWD_POOLS; i++)
		rig->load[i][rig->second % CROWD_LATE_MOST_S] = 0;
	for (unsigned i = 0; i < rig->nresolvers; i++)
		if (rig->resolvers[i].pool < CROWD_POOLS)
			rig->load[rig->resolvers[i].pool][rig->second % CROWD_LATE_MOST_S] +=
				rig->resolvers[i].asks * rig->level;
}

/* Loads are reported every five seconds. */
static void rule(struct crowd_rig *rig)
{
	struct capacity_load loads[CROWD_POOLS] = { 0 };
	uint64_t at_s = rig->second / 5 * 5, measured_s = at_s > rig->late_s ? at_s - rig->late_s : 0;

	for (uint32_t i = 0; i < rig->sim->snapshot->npools && i < CROWD_POOLS; i++)
		loads[i] = (struct capacity_load){
			.known = !rig->silent[i] && rig->sim->snapshot->pools[i].pool->load.source != LOAD_NONE,
			.at_ms = SIM_EPOCH_MS + at_s * 1000,
			.milli = (uint64_t)(rig->load[i][measured_s % CROWD_LATE_MOST_S] * 1000),
		};
	if (capacity_is_due(rig->capacity, rig->sim->now_ms) &&
		capacity_step(rig->capacity, &rig->sim->world, loads, rig->sim->now_ms))
		put_in_force(rig);
}

void crowd_tick(struct crowd_rig *rig)
{
	rig->second++;
	rig->sim->now_ms = SIM_EPOCH_MS + rig->second * 1000;
	for (unsigned i = 0; i < rig->nresolvers; i++)
		if (rig->resolvers[i].expires_s <= rig->second)
			ask(rig, &rig->resolvers[i]);
	measure(rig);
	recent_take(rig->recent, rig->ledger, rig->sim->now_ms);
	capacity_take(rig->capacity, rig->recent);
	if (rig->ruler != NULL)
		rig->ruler(rig);
	else
		rule(rig);
}

uint32_t crowd_pool(const struct crowd_rig *rig, const char *label)
{
	for (uint32_t i = 0; i < rig->sim->snapshot->npools; i++)
		if (strcmp(rig->sim->snapshot->pools[i].pool->label, label) == 0)
			return i;
	abort();
}

double crowd_load(const struct crowd_rig *rig, const char *label)
{
	return rig->load[crowd_pool(rig, label)][rig->second % CROWD_LATE_MOST_S];
}

double crowd_part(const struct crowd_rig *rig, const char *service, unsigned net, const char *label)
{
	uint32_t pool = crowd_pool(rig, label);
	double all = 0, part = 0;

	for (unsigned i = 0; i < rig->nresolvers; i++) {
		const struct crowd_resolver *resolver = &rig->resolvers[i];

		if (resolver->client.addr.bytes[0] != net || strcmp(resolver->service, service) != 0)
			continue;
		all += resolver->asks;
		part += resolver->pool == pool ? resolver->asks : 0;
	}
	return part / all;
}
