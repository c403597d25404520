/* A simulated world: two days of DNS over TCP between client networks and eight regions, the real estimator, the real ranking, and
 * the real decision. Round trips are a distance model × a detour of each ASN to each region × the network's last mile × noise. After the
 * first day it counts the clients that are answered with their truly best region, or within 5 ms of it, by latency and by geography
 * alone; over the second, how often a network's pool changes.
 *
 * Networks lie in cities of a database made here, or of the ones that GSLB_BENCH_DATABASES names (City; separated by spaces).
 * usage: world [NETWORKS [SEED]]; prints TAP. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gslb/meter.h"
#include "tests/geo/mmdb_write.h"
#include "tests/scenario/sim.h"

enum { REGIONS = 8, BLOCK_NETS = 8, ASNS_PER_COUNTRY = 6, STEP_S = 600, DAY_STEPS = 86400 / STEP_S, CITIES = 300 };

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

/* A client network, as it truly is. */
struct net {
	struct addr addr; /* its first */
	unsigned asn, naddrs;
	double per_hour; /* handshakes; and its clients count by it */
	double rtt_ms[REGIONS];
	unsigned best, pool, changes;
};

static struct sim sim;
static struct dice dice;
static struct net *nets;
static size_t nnets;
static int failures, tests;
static double look_ms; /* the last look's processor time, with the tables */

static double uniform(double from, double to)
{
	return from + (to - from) * (double)(dice_next(&dice) >> 11) * 0x1p-53;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform(1e-12, 1))) * cos(uniform(0, 6.283185307179586));
}

static void ok(bool good, const char *sentence)
{
	failures += !good;
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tests, sentence);
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

/* ---- the days ---- */

/* Resolvers mostly ask the quickest name server, and the others now and then (sidnlabs, IMC 2017). */
static unsigned draw_region(const struct net *net)
{
	return dice_below(&dice, 10) < 5 ? net->best : (unsigned)dice_below(&dice, REGIONS);
}

static void handshake(const struct net *net)
{
	struct prefix client = { .addr = net->addr, .len = 32 };
	unsigned region = draw_region(net);
	double rtt_ms = net->rtt_ms[region] * exp(0.2 * fabs(normal()));

	if (dice_below(&dice, 20) == 0) /* a buffer that is full */
		rtt_ms *= uniform(2, 6);
	client.addr.bytes[3] = (uint8_t)(1 + dice_below(&dice, net->naddrs));
	meter_take(sim.meter, sim.snapshot, &client, regions[region].name, rtt_ms, 1, false, sim.now_ms / 1000);
}

static unsigned poisson(double mean)
{
	double left = exp(-mean), product = uniform(0, 1);
	unsigned n = 0;

	for (; product > left; n++)
		product *= uniform(0, 1);
	return n;
}

static unsigned pool_of(const struct net *net, const char *name)
{
	char client[ADDR_TEXT_MAX];
	struct decision decision;

	sim_ask(&sim, addr_format(&net->addr, client), name, FAMILY_V4, &decision, NULL);
	for (unsigned i = 0; i < REGIONS; i++)
		if (strcmp(sim.snapshot->pools[decision.pool].pool->region, regions[i].name) == 0)
			return i;
	abort();
}

/* Which pool leads: where two tie, each answer draws one of them, and that is no change. */
static unsigned leader_of(const struct net *net, const char *name)
{
	const struct steering *steering = &sim_service(&sim, name)->steering[FAMILY_V4];

	return steering->orders[geo_table_find(steering->table, &net->addr).class].pool[0];
}

static void look(void)
{
	clock_t began = clock();

	sim_load(&sim);
	look_ms = 1000.0 * (double)(clock() - began) / CLOCKS_PER_SEC;
	for (size_t i = 0; i < nnets; i++) {
		unsigned pool = leader_of(&nets[i], "www.svc.example");

		nets[i].changes += pool != nets[i].pool;
		nets[i].pool = pool;
	}
}

static void pass_day(unsigned steps_a_look)
{
	for (unsigned step = 1; step <= DAY_STEPS; step++) {
		sim.now_ms += STEP_S * 1000;
		for (size_t i = 0; i < nnets; i++)
			for (unsigned n = poisson(nets[i].per_hour * STEP_S / 3600); n > 0; n--)
				handshake(&nets[i]);
		if (step % steps_a_look == 0)
			look();
	}
}

/* ---- the counts ---- */

struct share {
	double clients, networks; /* parts of all that are well served */
	double excess_ms;         /* what a client waits longer than it must, on average */
};

static struct share count(const char *name)
{
	struct share share = { 0 };
	double all = 0;

	for (size_t i = 0; i < nnets; i++) {
		const struct net *net = &nets[i];
		double excess_ms = net->rtt_ms[pool_of(net, name)] - net->rtt_ms[net->best];

		all += net->per_hour;
		share.excess_ms += net->per_hour * excess_ms;
		if (excess_ms > 5)
			continue;
		share.clients += net->per_hour;
		share.networks += 1;
	}
	share.clients /= all;
	share.excess_ms /= all;
	share.networks /= (double)nnets;
	return share;
}

static void print_share(const char *what, const struct share *share)
{
	printf("# %-8s %5.1f %% of clients (%5.1f %% of networks) at their best region or within 5 ms; %.1f ms over "
	       "the best on average\n",
		what, 100 * share->clients, 100 * share->networks, share->excess_ms);
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

int main(int argc, char **argv)
{
	const char *databases = getenv("GSLB_BENCH_DATABASES");
	unsigned steps_a_look = databases != NULL ? 6 : 1, most = 0, over = 0;
	struct share latency, geo;

	nnets = argc > 1 ? (size_t)atol(argv[1]) / BLOCK_NETS * BLOCK_NETS : 1600;
	dice.state = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
	nets = mem_alloc(nnets * sizeof *nets);
	log_setup("world", LOG_ERROR);
	sim_init(&sim);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
	open_places(databases);
	write_zone();
	sim_load(&sim);
	for (size_t i = 0; i < nnets; i++)
		draw_truth(&nets[i]);
	pass_day(steps_a_look);
	latency = count("www.svc.example");
	geo = count("geo.svc.example");
	printf("1..3\n# %zu networks in %s, %d regions, after one day\n", nnets,
		databases != NULL ? databases : "made-up cities", REGIONS);
	print_share("geography", &geo);
	print_share("latency", &latency);
	ok(latency.clients >= 0.95, "at least 95 % of clients are at their truly best region or within 5 ms of it");
	ok(latency.clients > geo.clients && latency.excess_ms < geo.excess_ms, "which geography alone does not reach");
	for (size_t i = 0; i < nnets; i++)
		nets[i].changes = 0;
	pass_day(steps_a_look);
	for (size_t i = 0; i < nnets; i++) {
		most = nets[i].changes > most ? nets[i].changes : most;
		over += nets[i].changes > 0;
	}
	latency = count("www.svc.example");
	print_share("day two", &latency);
	printf("# %u networks of %zu changed their pool on the second day, the most restless %u times; no answer was "
	       "spent on "
	       "exploring\n",
		over, nnets, most);
	ok(most <= 2, "no network changes its pool more than twice a day");
	{
		const struct latency_map *map = meter_lock(sim.meter);

		printf("# the map: %zu cells, %.1f MB; the last look took %.0f ms of a processor\n", latency_cells(map),
			(double)latency_bytes(map) / 1e6, look_ms);
		meter_unlock(sim.meter);
	}
	meter_free(sim.meter);
	sim_fini(&sim);
	free(nets);
	return failures > 0;
}
