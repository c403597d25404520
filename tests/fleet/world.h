/* world - what is true outside the hosts: who is in which region, which links are cut, which endpoints are alive, and from where they
 * can be seen. Faults count up, so that two of the same kind may overlap. One thread's own. */
#ifndef GSLB_TESTS_FLEET_WORLD_H
#define GSLB_TESTS_FLEET_WORLD_H

#include "health/health.h"
#include "tests/fleet/engine.h"

enum { REGIONS_MAX = 8, ENDPOINTS_MAX = 32, ANCHORS = 3 };

struct region_view {
	uint8_t cut[ENDPOINTS_MAX];    /* its path to an endpoint */
	uint16_t lossy[ENDPOINTS_MAX]; /* permille that the path loses */
	uint8_t blind;                 /* it reaches nothing outside: no endpoint, no anchor */
	uint64_t sees_ms;              /* engine's time: since then it does again; 0: it always did */
	uint8_t apart;                 /* from the other regions' bus */
};

struct world {
	unsigned nhosts, nregions, nendpoints;
	struct region_view region[REGIONS_MAX];
	uint8_t link_cut[REGIONS_MAX][REGIONS_MAX];
	uint8_t unbused[ENGINE_HOSTS_MAX]; /* the host does not reach its own region's server */
	uint8_t down[ENDPOINTS_MAX];
	enum probe_result how[ENDPOINTS_MAX]; /* it fails */
	/* engine's time when a host last probed it in vain, although it was not blind */
	uint64_t vain_ms[ENGINE_HOSTS_MAX][ENDPOINTS_MAX];
	/* of messages: permille lost where that is allowed, delivered twice, and out of order; more delay */
	uint16_t loss, twice, shuffle;
	uint32_t slow_ms;
};

extern struct world world;

void world_reset(unsigned nhosts, unsigned nregions, unsigned nendpoints);
unsigned world_region(unsigned host);
/* Can a message go from one host's region to another's? */
bool world_links(unsigned from, unsigned to);
/* How long it takes now. */
uint64_t world_delay_ms(unsigned from, unsigned to);

/* The address of an endpoint, and of an anchor; and what becomes of a probe from a host. */
void world_endpoint_addr(unsigned endpoint, char text[static 32]);
void world_anchor_addr(unsigned anchor, struct addr *addr);
enum probe_result world_probe(unsigned host, const struct addr *addr, uint32_t *took_ms);

#endif
