#include "tests/fleet/world.h"

#include <stdio.h>
#include <string.h>

struct world world;

void world_reset(unsigned nhosts, unsigned nregions, unsigned nendpoints)
{
	memset(&world, 0, sizeof world);
	world.nhosts = nhosts;
	world.nregions = nregions;
	world.nendpoints = nendpoints;
}

unsigned world_region(unsigned host)
{
	return host % world.nregions;
}

bool world_links(unsigned from, unsigned to)
{
	unsigned a = world_region(from), b = world_region(to);

	if (world.unbused[from] > 0 || world.unbused[to] > 0)
		return false;
	if (a == b)
		return true;
	return world.link_cut[a][b] == 0 && world.region[a].apart == 0 && world.region[b].apart == 0;
}

/* 1 ms within a region; 10 to 90 ms between two, the same all the while. */
static uint64_t distance_ms(unsigned from, unsigned to)
{
	unsigned a = world_region(from), b = world_region(to);

	return a == b ? 1 : 10 + hash_mix(a < b ? a : b, a < b ? b : a) % 80;
}

uint64_t world_delay_ms(unsigned from, unsigned to)
{
	uint64_t ms = distance_ms(from, to) + engine_dice(3);

	if (world.slow_ms > 0)
		ms += engine_dice(world.slow_ms);
	if (engine_chance(world.shuffle))
		ms += engine_dice(2000);
	return ms;
}

/* ---- probes ---- */

enum { NET_ENDPOINTS = 1, NET_ANCHORS = 2, TIMEOUT_MS = 1000 };

void world_endpoint_addr(unsigned endpoint, char text[static 32])
{
	snprintf(text, 32, "192.0.%d.%u", NET_ENDPOINTS, endpoint + 1);
}

void world_anchor_addr(unsigned anchor, struct addr *addr)
{
	char text[32];

	snprintf(text, sizeof text, "192.0.%d.%u", NET_ANCHORS, anchor + 1);
	addr_parse(text, addr);
}

static enum probe_result ask(unsigned endpoint, const struct region_view *view, uint32_t *took_ms)
{
	bool silent = world.down[endpoint] > 0 && world.how[endpoint] == PROBE_TIMEOUT;

	if (silent || view->cut[endpoint] > 0 || engine_chance(view->lossy[endpoint]))
		return PROBE_TIMEOUT;
	*took_ms = 10 + (uint32_t)engine_dice(30);
	return world.down[endpoint] > 0 ? world.how[endpoint] : PROBE_OK;
}

enum probe_result world_probe(unsigned host, const struct addr *addr, uint32_t *took_ms)
{
	const struct region_view *view = &world.region[world_region(host)];

	*took_ms = TIMEOUT_MS;
	if (view->blind > 0)
		return PROBE_TIMEOUT;
	if (addr->bytes[2] == NET_ENDPOINTS) {
		unsigned endpoint = addr->bytes[3] - 1u;
		enum probe_result result = ask(endpoint, view, took_ms);

		if (result != PROBE_OK)
			world.vain_ms[host][endpoint] = engine_now_ms() + 1;
		return result;
	}
	*took_ms = 10;
	return PROBE_OK;
}
