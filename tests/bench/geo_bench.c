/* What reading, compiling and asking cost with real databases. usage: geo_bench [-p NPOOLS] [-a] [-l] DATABASE…
 * -a: classify looks at ASNs, too. -l: lean tables. Prints one figure a line. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "geo/geo.h"

enum { CLIENTS = 1 << 20, BATCH = 32, ROUNDS = 4 };

static const struct pool {
	double latitude, longitude;
} pools[] = {
	{ 53.33, -6.25 },
	{ 39.0, -77.5 },
	{ 1.35, 103.8 },
	{ 45.6, -122.6 },
	{ 50.1, 8.7 },
	{ 35.6, 139.7 },
	{ -23.5, -46.6 },
	{ -33.9, 151.2 },
};

struct ranking {
	size_t npools, nasked;
};

static uint16_t nearest(void *context, const struct place *place)
{
	struct ranking *ranking = context;
	double best_km = 1e9;
	uint16_t best = (uint16_t)ranking->npools;

	ranking->nasked++;
	if (!place->located)
		return best;
	for (size_t i = 0; i < ranking->npools; i++) {
		double km = geo_distance_km(place->latitude, place->longitude, pools[i].latitude, pools[i].longitude);

		if (km < best_km) {
			best_km = km;
			best = (uint16_t)i;
		}
	}
	return best;
}

static double now_s(void)
{
	return (double)clock_monotonic_us() / 1e6;
}

/* "VmRSS:" or "VmHWM:" of this process, in MB. */
static double memory_mb(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kb = atof(line + strlen(key));
	if (file != NULL)
		fclose(file);
	return kb / 1024;
}

static struct addr random_client(struct dice *dice, enum addr_family family)
{
	struct addr addr = { .family = (uint8_t)family };
	uint64_t word = dice_next(dice);

	memcpy(addr.bytes, &word, addr_len(&addr) == 4 ? 4 : 8);
	if (family == ADDR_V6)
		addr.bytes[0] = (uint8_t)(0x20 | (addr.bytes[0] & 0x0f)); /* where addresses are given out: 2000::/4 */
	return addr;
}

static void bench_find(const struct geo_table *table, const char *name, const struct addr *clients, bool batched)
{
	double start = now_s();
	unsigned sum = 0;

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < CLIENTS; i += BATCH) {
			for (size_t j = i; batched && j < i + BATCH; j++)
				geo_table_prefetch(table, &clients[j]);
			for (size_t j = i; j < i + BATCH; j++) {
				struct geo_hit hit = geo_table_find(table, &clients[j]);

				sum += hit.class + hit.depth;
			}
		}
	printf("%s_%s_ns %.1f (sum %u)\n", name, batched ? "batch" : "plain",
		(now_s() - start) * 1e9 / ROUNDS / CLIENTS, sum);
}

/* Each find waits for the one before: what a lone packet sees. */
static void bench_chain(const struct geo_table *table, const char *name, const struct addr *clients)
{
	double start = now_s();
	size_t at = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		struct geo_hit hit = geo_table_find(table, &clients[at]);

		at = (at * 5 + 12345 + hit.depth) % CLIENTS;
	}
	printf("%s_chain_ns %.1f (at %zu)\n", name, (now_s() - start) * 1e9 / CLIENTS, at);
}

static void bench_clients(const struct geo_table *table, enum addr_family family, const char *name)
{
	struct addr *clients = mem_alloc(CLIENTS * sizeof *clients);
	struct dice dice = { 7 };

	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = random_client(&dice, family);
	bench_find(table, name, clients, false);
	bench_find(table, name, clients, true);
	bench_chain(table, name, clients);
	free(clients);
}

static void print_sources(const struct geo *geo)
{
	const struct geo_source *sources;

	for (size_t i = 0, n = geo_sources(geo, &sources); i < n; i++)
		printf("source %s type=\"%s\" schema=%s v4=%zu v6=%zu places=%d asn=%d country_only=%d\n",
			sources[i].path, sources[i].type, sources[i].schema, sources[i].nv4, sources[i].nv6,
			sources[i].has_places, sources[i].has_asn, sources[i].country_only);
}

int main(int argc, char **argv)
{
	struct ranking ranking = { .npools = 3 };
	struct geo_classify classify = { .classify = nearest, .context = &ranking };
	struct geo_table *table, *second;
	struct geo *geo;
	struct err err;
	double start;
	int option;

	while ((option = getopt(argc, argv, "alp:")) != -1) {
		if (option == 'a')
			classify.by_asn = true;
		else if (option == 'l')
			classify.lean = true;
		else if (option == 'p')
			ranking.npools = (size_t)atoi(optarg);
		else
			return 2;
	}
	if (ranking.npools < 1 || ranking.npools > COUNT_OF(pools) || optind == argc) {
		fprintf(stderr, "usage: geo_bench [-p NPOOLS] [-a] [-l] DATABASE...\n");
		return 2;
	}
	start = now_s();
	geo = geo_open((const char *const *)(argv + optind), (size_t)(argc - optind), &err);
	if (geo == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("read_ms %.0f\nrss_mb %.1f\n", (now_s() - start) * 1e3, memory_mb("VmRSS:"));
	print_sources(geo);
	start = now_s();
	table = geo_table_new(geo, &classify, NULL, 0);
	printf("compile_ms %.0f\nclassified %zu\ntable_mb %.2f\nrss_mb %.1f\npeak_mb %.1f\n", (now_s() - start) * 1e3,
		ranking.nasked, (double)geo_table_bytes(table) / 1e6, memory_mb("VmRSS:"), memory_mb("VmHWM:"));
	second = geo_table_new(geo, &classify, NULL, 0);
	printf("second_rss_mb %.1f\n", memory_mb("VmRSS:"));
	bench_clients(table, ADDR_V4, "v4");
	bench_clients(table, ADDR_V6, "v6");
	geo_table_free(second);
	geo_table_free(table);
	geo_free(geo);
	printf("freed_rss_mb %.1f\n", memory_mb("VmRSS:"));
	return 0;
}
