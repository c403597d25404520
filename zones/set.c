/* The set: all zones under one table of apexes, their services and pools copied and numbered through. */
#include "zones/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void set_depth(struct zone_set_inner *inner, unsigned depth)
{
	inner->depths[depth / 64] |= (uint64_t)1 << depth % 64;
}

/* The place of the zone with this apex, NONE when there is none. */
static uint32_t find_apex(const struct zone_set_inner *inner, const struct name *apex, uint64_t hash)
{
	uint64_t at = hash;
	uint32_t i;

	while ((i = table_next(&inner->apexes, hash, &at)) != NONE)
		if (name_equal(&inner->places[i].zone->apex, apex))
			break;
	return i;
}

/* Beside what is read before it. */
static void copy_apex(struct zone_place *place)
{
	if (place->apex_len > sizeof place->near_apex)
		return;
	memcpy(place->near_apex, place->apex, place->apex_len);
	place->apex = place->near_apex;
}

static void add_zones(struct zone_set *set, struct zone *const *zones, size_t nzones, struct report *report)
{
	struct zone_set_inner *inner = set->inner;
	char text[NAME_TEXT_MAX];

	for (size_t i = 0; i < nzones; i++) {
		struct zone *zone = zones[i];
		uint64_t hash = zone->apex_node->hash;
		uint32_t twin = find_apex(inner, &zone->apex, hash);

		assert(zone->inner->seed == inner->seed);
		if (twin != NONE) {
			report_add(report, REPORT_MISTAKE, zone->file, 0,
				"@: the zone %s is that of %s, too (load one of them)", name_format(&zone->apex, text),
				inner->places[twin].zone->file);
			continue;
		}
		inner->places[inner->nplaces] = (struct zone_place){
			.zone = zone_ref(zone),
			.table = zone->inner->table,
			.nodes = zone->inner->nodes,
			.apex = zone->apex.wire,
			.apex_len = zone->apex.len,
			.services = zone->services,
			.first_service = (uint32_t)set->nservices,
			.first_pool = (uint32_t)set->npools,
		};
		copy_apex(&inner->places[inner->nplaces]);
		table_put(&inner->apexes, hash, (uint32_t)inner->nplaces++);
		set_depth(inner, zone->apex.nlabels);
		set->nservices += zone->nservices;
		set->npools += zone->npools;
		for (size_t k = 0; k < zone->npools; k++)
			set->ntargets += zone->pools[k].ntargets;
	}
}

static struct zone *const *zones_of(const struct zone_set *set)
{
	struct zone **zones = arena_alloc(set->inner->arena, set->inner->nplaces * sizeof(struct zone *));

	for (size_t i = 0; i < set->inner->nplaces; i++)
		zones[i] = set->inner->places[i].zone;
	return zones;
}

static void copy_pools(struct zone_set *set)
{
	struct zone_set_inner *inner = set->inner;
	const struct target **targets = arena_alloc(inner->arena, set->ntargets * sizeof(struct target *));
	uint32_t npools = 0, ntargets = 0;

	inner->pools = arena_alloc(inner->arena, set->npools * sizeof *inner->pools);
	for (size_t i = 0; i < inner->nplaces; i++) {
		const struct zone *zone = inner->places[i].zone;

		for (size_t k = 0; k < zone->npools; k++) {
			struct pool *pool = &inner->pools[npools];

			*pool = zone->pools[k];
			pool->number = npools++;
			pool->targets = arena_dup(inner->arena, pool->targets, pool->ntargets * sizeof *pool->targets);
			for (size_t t = 0; t < pool->ntargets; t++) {
				pool->targets[t].number = ntargets;
				targets[ntargets++] = &pool->targets[t];
			}
		}
	}
	set->pools = inner->pools;
	set->targets = targets;
}

static void copy_services(struct zone_set *set)
{
	struct zone_set_inner *inner = set->inner;
	uint32_t n = 0;

	inner->services = arena_alloc(inner->arena, set->nservices * sizeof *inner->services);
	for (size_t i = 0; i < inner->nplaces; i++) {
		const struct zone *zone = inner->places[i].zone;

		for (size_t k = 0; k < zone->nservices; k++) {
			inner->services[n] = zone->services[k];
			inner->services[n].number = n;
			inner->services[n].zone_number = (uint32_t)i;
			n++;
		}
	}
	set->services = inner->services;
}

/* The names that find a service by themselves: those of all services, but where a zone below is loaded, too, and hides them. A delegation
 * never does (shape.c). */
static void hash_owners(struct zone_set *set)
{
	struct zone_set_inner *inner = set->inner;

	table_init(&inner->owners, set->nservices);
	for (size_t i = 0; i < set->nservices; i++) {
		const struct service *service = &inner->services[i];
		unsigned at = 0;

		if (set_deepest_zone(inner, &service->owner, &at) == &inner->places[service->zone_number])
			table_put(&inner->owners, name_hash(&service->owner, 0, inner->seed), service->number);
	}
}

/* Each name of a pool that a zone's services use, looked up once. */
static void resolve_names(struct zone_set *set)
{
	struct zone_set_inner *inner = set->inner;
	struct table table;

	table_init(&table, set->npools);
	for (size_t i = 0; i < set->npools; i++)
		table_put(&table, hash_bytes(set->inner->seed, set->pools[i].name.wire, set->pools[i].name.len),
			(uint32_t)i);
	for (size_t i = 0; i < inner->nplaces; i++) {
		struct zone_place *place = &inner->places[i];
		const struct zone_inner *names = place->zone->inner;

		place->pools = arena_alloc(inner->arena, names->npool_names * sizeof *place->pools);
		for (size_t k = 0; k < names->npool_names; k++) {
			const struct pool_name *name = names->pool_names[k];
			uint64_t at = name->hash;
			uint32_t found;

			while ((found = table_next(&table, name->hash, &at)) != NONE)
				if (name_equal(&set->pools[found].name, &name->name))
					break;
			place->pools[k] = found == NONE ? POOL_NONE : found;
		}
	}
	table_fini(&table);
}

struct zone_set *zone_set_link(struct zone *const *zones, size_t nzones, uint64_t seed, struct report *report)
{
	struct zone_set *set = mem_alloc(sizeof *set);
	struct report own = { 0 };
	bool whole;

	set->inner = mem_alloc(sizeof *set->inner);
	set->inner->arena = arena_new();
	set->inner->seed = seed;
	set->inner->places = mem_lines(nzones * sizeof *set->inner->places);
	table_init(&set->inner->apexes, nzones);
	add_zones(set, zones, nzones, &own);
	set->nzones = set->inner->nplaces;
	set->zones = zones_of(set);
	copy_pools(set);
	copy_services(set);
	hash_owners(set);
	resolve_names(set);
	link_needs(set, &own);
	link_services(set, &own);
	link_targets(set, &own);
	link_delegations(set, &own);
	whole = own.nmistakes == 0;
	report_sort(&own);
	report_move(report, &own);
	if (whole)
		return set;
	zone_set_free(set);
	return NULL;
}

void zone_set_free(struct zone_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->inner->nplaces; i++)
		zone_unref(set->inner->places[i].zone);
	free(set->inner->places);
	table_fini(&set->inner->apexes);
	table_fini(&set->inner->owners);
	arena_free(set->inner->arena);
	free(set->inner);
	free(set);
}
