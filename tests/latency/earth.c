#include "tests/latency/earth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/meter.h"
#include "tests/geo/mmdb_write.h"

struct sim sim;
struct dice dice;
struct net *nets;
size_t nnets;

static const struct region {
	const char *name;
	double latitude, longitude;
} regions[REGIONS] = {
	{ "dublin", 53.3, -6.3 },
	{ "frankfurt", 50.1, 8.7 },
	{ "virginia", 39.0, -77.5 },
	{ "oregon", 45.8, -119.7 },
	{ "singapore", 1.3, 103.8 },
	{ "tokyo", 35.7, 139.7 },
	{ "saopaulo", -23.5, -46.6 },
	{ "sydney", -33.9, 151.2 },
};

double uniform(double from, double to)
{
	return from + (to - from) * (double)(dice_next(&dice) >> 11) * 0x1p-53;
}

double normal(void)
{
	return sqrt(-2 * log(uniform(1e-12, 1))) * cos(uniform(0, 6.283185307179586));
}

const char *region_name(unsigned region)
{
	return regions[region].name;
}

/* ---- the places ---- */

/* Cities in clumps where people live, each a country's; two in five in Europe and North America. */
static void write_cities(struct mmdb_write *w, size_t nblocks)
{
	static const struct {
		const char *country;
		double latitude, longitude, spread;
	} lands[] = { { "DE", 51, 10, 3 }, { "FR", 47, 2, 3 }, { "GB", 52, -1, 2 }, { "PL", 52, 20, 3 },
		{ "ES", 40, -4, 3 }, { "US", 40, -83, 8 }, { "US", 37, -115, 7 }, { "CA", 46, -75, 5 },
		{ "BR", -18, -46, 8 }, { "AR", -34, -60, 4 }, { "IN", 21, 78, 6 }, { "ID", -5, 110, 5 },
		{ "JP", 36, 137, 3 }, { "CN", 32, 113, 7 }, { "AU", -30, 147, 6 }, { "ZA", -28, 27, 4 },
		{ "NG", 8, 6, 3 }, { "EG", 29, 31, 2 }, { "RU", 56, 50, 12 }, { "TR", 39, 33, 4 } };
	char net[ADDR_TEXT_MAX], record[CITIES][160];

	for (size_t i = 0; i < CITIES; i++) {
		size_t land = (size_t)dice_below(&dice, COUNT_OF(lands));

		snprintf(record[i], sizeof record[i],
			"{'location':{'latitude':%f 'longitude':%f} 'country':{'iso_code':'%s'}}",
			lands[land].latitude + normal() * lands[land].spread / 2,
			lands[land].longitude + normal() * lands[land].spread, lands[land].country);
	}
	for (size_t i = 0; i < nblocks; i++) {
		snprintf(net, sizeof net, "%zu.%zu.%zu.0/20", 20 + (i >> 12), i >> 4 & 255, (i & 15) << 4);
		mmdb_write_put(w, net, record[dice_below(&dice, CITIES)]);
	}
}

/* A /20 in which there are networks: one of ours, or any that the database knows. */
static struct addr draw_block(const struct geo *cities, bool ours, size_t i)
{
	struct addr addr = { .family = ADDR_V4,
		.bytes = { (uint8_t)(20 + (i >> 12)), (uint8_t)(i >> 4), (uint8_t)((i & 15) << 4) } };
	struct place place = { 0 };

	for (unsigned depth; !ours && !place.located;) {
		uint32_t word = (uint32_t)dice_below(&dice, 223u << 24) & 0xfffff000;

		addr = (struct addr){ .family = ADDR_V4,
			.bytes = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8) } };
		geo_locate(cities, &addr, &place, &depth);
	}
	return addr;
}

/* One of the few ASNs of a country: neighbours have the same one. */
static unsigned asn_of(const struct place *place, const struct addr *block)
{
	unsigned country = (unsigned)(place->country[0] * 26 + place->country[1]);

	return 100000 + country * ASNS_PER_COUNTRY + (unsigned)(hash_bytes(7, block->bytes, 3) % ASNS_PER_COUNTRY);
}

static void draw_nets(const struct geo *cities, bool ours, struct mmdb_write *asns)
{
	char text[ADDR_TEXT_MAX], record[64];

	for (size_t i = 0; i < nnets / BLOCK_NETS; i++) {
		struct addr block = draw_block(cities, ours, i);
		struct prefix prefix = { .addr = block, .len = 20 };
		struct place place;
		unsigned depth, asn;

		geo_locate(cities, &block, &place, &depth);
		asn = asn_of(&place, &block);
		snprintf(record, sizeof record, "{'autonomous_system_number':%u}", asn);
		mmdb_write_put(asns, prefix_format(&prefix, text), record);
		for (unsigned k = 0; k < BLOCK_NETS; k++) {
			struct net *net = &nets[i * BLOCK_NETS + k];

			net->addr = block;
			net->addr.bytes[2] = (uint8_t)(net->addr.bytes[2] + 2 * k);
			net->asn = asn;
			net->naddrs = 1 + (unsigned)dice_below(&dice, 12);
			net->per_hour = exp(uniform(log(2), log(60)));
		}
	}
}

static void open_places(const char *databases)
{
	const char *paths[17];
	char asn_path[64], city_path[64], *list = mem_strdup(databases != NULL ? databases : ""), *save = NULL;
	struct mmdb_write asns, cities;
	int asn_fd, city_fd = -1;
	struct geo *only_cities;
	struct err err;
	size_t n = 0;

	for (char *at = strtok_r(list, " ", &save); at != NULL && n < 16; at = strtok_r(NULL, " ", &save))
		paths[n++] = at;
	if (n == 0) {
		mmdb_write_init(&cities, 6, 28, "City");
		write_cities(&cities, nnets / BLOCK_NETS);
		paths[n++] = mmdb_write_file(&cities, &city_fd, city_path);
		mmdb_write_fini(&cities);
	}
	only_cities = geo_open(paths, n, &err);
	if (only_cities == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	mmdb_write_init(&asns, 6, 28, "ASN");
	draw_nets(only_cities, databases == NULL, &asns);
	geo_free(only_cities);
	paths[n++] = mmdb_write_file(&asns, &asn_fd, asn_path);
	mmdb_write_fini(&asns);
	sim.geo = snapshot_geo_ref(geo_open(paths, n, &err));
	close(asn_fd);
	if (city_fd >= 0)
		close(city_fd);
	free(list);
}

/* ---- the truth ---- */

/* To most regions an ASN goes nearly straight; to three in ten it makes a detour. */
static double detour(unsigned asn, unsigned region)
{
	struct dice own = { hash_mix(asn, region + 1) };
	double which = (double)(dice_next(&own) >> 11) * 0x1p-53, size = (double)(dice_next(&own) >> 11) * 0x1p-53;

	return which < 0.3 ? 1.3 + 1.7 * size : 1 + 0.3 * size;
}

static void draw_truth(struct net *net)
{
	double last_mile_ms = uniform(1, 12);
	struct place place;
	unsigned depth;

	snapshot_place(sim.snapshot, &net->addr, &place, &depth);
	for (unsigned i = 0; i < REGIONS; i++) {
		double km = place.located ? geo_distance_km(place.latitude, place.longitude, regions[i].latitude,
						    regions[i].longitude)
					  : 5000;

		net->rtt_ms[i] = last_mile_ms + (2 + 1.5 * km / 100) * detour(net->asn, i) * uniform(0.97, 1.03);
		if (net->rtt_ms[i] < net->rtt_ms[net->best])
			net->best = i;
	}
}

static void write_zone(void)
{
	struct buf zone = { 0 };

	buf_printf(&zone, "$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"
			  "_gslb.www TXT \"v=gslb1; rank=latency,geo; "
			  "pools=dublin,frankfurt,virginia,oregon,singapore,tokyo,saopaulo,sydney\"\n"
			  "_gslb.geo TXT \"v=gslb1; rank=geo; "
			  "pools=dublin,frankfurt,virginia,oregon,singapore,tokyo,saopaulo,sydney\"\n");
	for (unsigned i = 0; i < REGIONS; i++) {
		double latitude = fabs(regions[i].latitude), longitude = fabs(regions[i].longitude);

		buf_printf(&zone,
			"%s._pool LOC %.0f %.0f %c %.0f %.0f %c 0m\n%s._pool TXT \"v=pool1; check=none\"\n%s._pool SRV "
			"0 1 443 "
			"lb%u\nlb%u A "
			"192.0.2.%u\n",
			regions[i].name, trunc(latitude), 60 * (latitude - trunc(latitude)),
			regions[i].latitude < 0 ? 'S' : 'N', trunc(longitude), 60 * (longitude - trunc(longitude)),
			regions[i].longitude < 0 ? 'W' : 'E', regions[i].name, regions[i].name, i, i, i + 1);
	}
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
}

void earth_make(size_t networks, uint64_t seed, const char *databases)
{
	nnets = networks / BLOCK_NETS * BLOCK_NETS;
	dice.state = seed;
	nets = mem_alloc(nnets * sizeof *nets);
	sim_init(&sim);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
	open_places(databases);
	write_zone();
	sim_load(&sim);
	for (size_t i = 0; i < nnets; i++)
		draw_truth(&nets[i]);
}

void earth_end(void)
{
	meter_free(sim.meter);
	sim_fini(&sim);
	free(nets);
}
