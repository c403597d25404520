#include "tests/bench/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/geo.h"

enum { CLIENTS = 1 << 20, DATABASES_MAX = 8 };

static const struct {
	double latitude, longitude;
} centres[] = {
	{ 39.0, -77.5 },
	{ 37.4, -122.1 },
	{ -23.5, -46.6 },
	{ 53.3, -6.3 },
	{ 50.1, 8.7 },
	{ 19.1, 72.9 },
	{ 35.7, 139.7 },
	{ -33.9, 151.2 },
};

static struct geo *geo;
static struct geo_table *table;
static struct addr *clients;
static size_t at;

/* A class for each order of all data centres, as a service has it: the nearest, and the second. */
static uint16_t classify(void *context, const struct place *place)
{
	size_t first = 0, second = 0;
	double first_km = 1e9, second_km = 1e9;

	(void)context;
	for (size_t i = 0; place->located && i < COUNT_OF(centres); i++) {
		double km =
			geo_distance_km(place->latitude, place->longitude, centres[i].latitude, centres[i].longitude);

		if (km < first_km) {
			second = first;
			second_km = first_km;
			first = i;
			first_km = km;
		} else if (km < second_km) {
			second = i;
			second_km = km;
		}
	}
	return (uint16_t)(place->located ? 1 + first * COUNT_OF(centres) + second : 0);
}

bool locate_open(void)
{
	const struct geo_classify ranking = { .classify = classify };
	char *names = getenv("GEO") != NULL ? mem_strdup(getenv("GEO")) : NULL;
	const char *paths[DATABASES_MAX];
	struct dice dice = { 7 };
	struct err err;
	size_t n = 0;

	for (char *name = names != NULL ? strtok(names, ",") : NULL; name != NULL && n < DATABASES_MAX;
		name = strtok(NULL, ","))
		paths[n++] = name;
	if (n > 0) {
		geo = geo_open(paths, n, &err);
		if (geo == NULL) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
		table = geo_table_new(geo, &ranking, NULL, 0);
		clients = mem_alloc(CLIENTS * sizeof *clients);
		for (size_t i = 0; i < CLIENTS; i++) {
			uint64_t drawn = dice_next(&dice);

			clients[i] = (struct addr){ ADDR_V4,
				{ (uint8_t)(1 + drawn % 222), (uint8_t)(drawn >> 8), (uint8_t)(drawn >> 16) } };
		}
	}
	free(names);
	return n > 0;
}

void locate_close(void)
{
	free(clients);
	geo_table_free(table);
	geo_free(geo);
}

uint64_t locate_batch(void)
{
	const struct addr *batch = clients + at;
	uint64_t sum = 0;

	at = (at + LOCATE_BATCH) % CLIENTS;
	for (size_t i = 0; i < LOCATE_BATCH; i++)
		geo_table_prefetch_index(table, &batch[i]);
	for (size_t i = 0; i < LOCATE_BATCH; i++)
		geo_table_prefetch(table, &batch[i]);
	for (size_t i = 0; i < LOCATE_BATCH; i++) {
		struct geo_hit hit = geo_table_find(table, &batch[i]);

		sum += hit.class + hit.depth;
	}
	return sum;
}
