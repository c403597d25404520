/* The latency map at its full size: 500,000 networks × 8 regions, as much memory as that takes, and what its steps cost. */
#include <stdio.h>
#include <stdlib.h>

#include "geo/geo.h"

enum { NETWORKS = 500000, REGIONS = 8, ROUNDS = 3 };

static struct dice dice = { 1 };

/* Networks in neighbourhoods of sixteen, of sixty thousand ASNs in the cities of fifty countries. */
static struct latency_chain chain_of(unsigned i, struct addr *addr)
{
	struct dice own = { i / 16 };
	struct place place = { .located = true };

	*addr = (struct addr){ .family = ADDR_V4,
		.bytes = { (uint8_t)(1 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 1 } };
	place.latitude = (double)dice_below(&own, 120) - 50;
	place.longitude = (double)dice_below(&own, 300) - 150;
	place.asn = 1 + (uint32_t)dice_below(&own, 60000);
	place.country[0] = (char)('A' + dice_below(&own, 10));
	place.country[1] = (char)('A' + dice_below(&own, 5));
	return latency_chain_of(addr, &place);
}

int main(void)
{
	struct latency_map *map = latency_map_new(LATENCY_BYTES_MAX);
	uint64_t start_us, now_s = 1767225600;
	struct buf bytes = { 0 };
	size_t networks = 0;
	double sum = 0;
	char name[8];

	for (unsigned region = 0; region < REGIONS; region++) {
		snprintf(name, sizeof name, "r%u", region);
		latency_region_add(map, name);
	}
	start_us = clock_monotonic_us();
	for (unsigned i = 0; i < NETWORKS * ROUNDS; i++) {
		unsigned net = i % NETWORKS;
		struct latency_sample sample = { .km = 2000, .weight = 1 };

		sample.chain = chain_of(net, &sample.source);
		for (sample.region = 0; sample.region < REGIONS; sample.region++) {
			sample.rtt_ms = 30 + (double)dice_below(&dice, 50);
			latency_add(map, &sample, now_s + 600 * (i / NETWORKS));
		}
	}
	printf("a sample taken           %7.0f ns\n",
		(double)(clock_monotonic_us() - start_us) * 1000 / ((double)NETWORKS * ROUNDS * REGIONS));
	start_us = clock_monotonic_us();
	for (unsigned i = 0; i < NETWORKS; i++) {
		struct latency_estimate estimate;
		struct addr addr;
		struct latency_chain chain = chain_of(i, &addr);

		latency_estimate(map, &chain, LATENCY_NETWORK, (int)(i % REGIONS), 2000, now_s + 1800, &estimate);
		sum += estimate.mean;
		networks += estimate.n > 0;
	}
	printf("an estimate              %7.0f ns\n", (double)(clock_monotonic_us() - start_us) * 1000 / NETWORKS);
	start_us = clock_monotonic_us();
	latency_save(map, now_s + 1800, &bytes);
	printf("the file                 %7.1f MB, made in %.0f ms\n", (double)bytes.len / 1e6,
		(double)(clock_monotonic_us() - start_us) / 1000);
	printf("cells                    %7zu, of which networks %zu of %d\n", latency_cells(map), networks, NETWORKS);
	printf("memory                   %7.1f MB (limit %.1f)\n", (double)latency_bytes(map) / 1e6,
		LATENCY_BYTES_MAX / 1e6);
	buf_fini(&bytes);
	latency_map_free(map);
	return sum > 0 ? 0 : 1;
}
