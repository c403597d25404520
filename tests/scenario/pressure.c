#include "tests/scenario/pressure.h"

#include <stdlib.h>
#include <string.h>

void pressure_init(struct pressure *pressure, struct sim *sim)
{
	*pressure = (struct pressure){ .sim = sim, .capacity = capacity_new() };
}

void pressure_fini(struct pressure *pressure)
{
	split_free(pressure->split);
	capacity_free(pressure->capacity);
}

static void put_in_force(struct pressure *pressure)
{
	split_free(pressure->split);
	pressure->split = capacity_split(pressure->capacity);
	pressure->sim->world.split = pressure->split;
}

void pressure_apply(struct pressure *pressure)
{
	if (pressure->sim->snapshot == NULL)
		return;
	capacity_begin(pressure->capacity, pressure->sim->snapshot);
	put_in_force(pressure);
}

void pressure_serve(
	struct pressure *pressure, unsigned n, const char *client_text, const char *name, enum family family)
{
	const struct service_plan *service = sim_service(pressure->sim, name);
	struct ledger_entry entry = { .time_ms = pressure->sim->now_ms, .weight = 1, .family = family };
	struct client client;

	sim_client(client_text, &client);
	entry.client = client.addr;
	addr_mask(&entry.client, entry.client.family == ADDR_V6 ? LEDGER_NET_V6 : LEDGER_NET_V4);
	for (unsigned i = 0; i < n; i++) {
		struct decision decision;

		sim_ask(pressure->sim, client_text, name, family, &decision, NULL);
		entry.pair = service->first_override + decision.candidate;
		capacity_note(pressure->capacity, &entry);
	}
}

bool pressure_report(struct pressure *pressure, const char *pool, const char *load)
{
	const struct snapshot *snapshot = pressure->sim->snapshot;

	for (uint32_t i = 0; i < snapshot->npools && i < PRESSURE_POOLS; i++)
		if (strcmp(snapshot->pools[i].pool->label, pool) == 0) {
			pressure->loads[i] = (struct capacity_load){
				.known = strcmp(load, "-") != 0,
				.at_ms = pressure->sim->now_ms,
				.milli = strtoull(load, NULL, 10) * 1000,
			};
			return true;
		}
	return false;
}

void pressure_step(struct pressure *pressure)
{
	capacity_step(pressure->capacity, &pressure->sim->world, pressure->loads, pressure->sim->now_ms);
	put_in_force(pressure);
}
