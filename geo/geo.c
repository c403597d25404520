/* Reading: all databases are opened, then one thread a family walks them in their order, each filling the layers of its
 * family and naming places for itself; at the end IPv6's names are exchanged for IPv4's. Nothing is shared meanwhile. */
#include "geo/geo.h"

#include <assert.h>
#include <stdlib.h>

#include "geo/depth.h"
#include "geo/embed.h"
#include "geo/inside.h"
#include "geo/read.h"

/* ---- open ---- */

/* Call IPv6's places and ASNs by IPv4's names. */
static bool join_names(struct family *v4, struct family *v6, struct err *err)
{
	uint32_t *names = mem_alloc(v6->dictionary.n * sizeof *names);

	for (uint32_t id = 0; id < v6->dictionary.n; id++)
		names[id] = places_intern(&v4->dictionary, &v6->dictionary.place[id]);
	if (v4->dictionary.n <= LAYER_ID_MAX + 1u && layer_count(&v6->places) > 0)
		layer_rename(&v6->places, names);
	free(names);
	names = mem_alloc(v6->asn_numbers.n * sizeof *names);
	for (uint32_t id = 0; id < v6->asn_numbers.n; id++)
		names[id] = numbers_intern(&v4->asn_numbers, v6->asn_numbers.number[id]);
	if (v4->asn_numbers.n <= LAYER_ID_MAX + 1u && layer_count(&v6->asns) > 0)
		layer_rename(&v6->asns, names);
	free(names);
	if (v4->dictionary.n > LAYER_ID_MAX + 1u || v4->asn_numbers.n > LAYER_ID_MAX + 1u)
		return err_set(err, "%s: the databases hold more than %d distinct places or ASNs together",
			mmdb_path(v4->dbs[0]), LAYER_ID_MAX);
	return true;
}

static bool take_source(
	struct geo *geo, const struct mmdb *db, const struct finding *v4, const struct finding *v6, struct err *err)
{
	struct geo_source *source = &geo->sources[geo->nsources++];
	bool coordinates = v4->coordinates || v6->coordinates;

	*source = (struct geo_source){ .path = arena_strdup(geo->arena, mmdb_path(db)),
		.type = arena_strdup(geo->arena, mmdb_type(db)),
		.schema = v4->nested || v6->nested ? "nested" : "flat",
		.build_epoch_s = mmdb_build_epoch_s(db),
		.nv4 = v4->nprefixes,
		.nv6 = v6->nprefixes,
		.has_places = v4->has_places || v6->has_places,
		.has_asn = v4->has_asn || v6->has_asn,
		.country_only = (v4->has_places || v6->has_places) && !coordinates };
	if (source->has_places || source->has_asn)
		return true;
	return err_set(err,
		"%s: a database of type \"%s\" that holds neither places nor ASNs in a schema known here "
		"(give a City, Country or ASN "
		"database)",
		source->path, source->type);
}

static struct geo_spot *spots_of(const struct places *places)
{
	struct geo_spot *spots = mem_alloc(places->n * sizeof *spots);

	for (uint32_t id = 0; id < places->n; id++)
		if (places->place[id].located)
			spots[id] = geo_spot(places->place[id].latitude, places->place[id].longitude);
	return spots;
}

static struct geo *join_families(struct family *v4, struct family *v6, struct err *err)
{
	struct geo *geo;
	bool ok = true;

	if (!v4->ok || !v6->ok) {
		err_set(err, "%s", v4->ok ? v6->err.text : v4->err.text);
		return NULL;
	}
	if (v4->ndbs > 0 && !join_names(v4, v6, err))
		return NULL;
	geo = mem_alloc(sizeof *geo);
	geo->arena = arena_new();
	geo->sources = arena_alloc(geo->arena, (v4->ndbs + 1) * sizeof *geo->sources);
	for (size_t i = 0; i < v4->ndbs && ok; i++)
		ok = take_source(geo, v4->dbs[i], &v4->findings[i], &v6->findings[i], err);
	geo->v4 = (struct geo_layers){ v4->places, v4->asns };
	geo->v6 = (struct geo_layers){ v6->places, v6->asns };
	geo->places = v4->dictionary;
	geo->asns = v4->asn_numbers;
	layer_index(&geo->v4.places);
	layer_index(&geo->v6.places);
	places_trim(&geo->places);
	geo->spots = spots_of(&geo->places);
	numbers_trim(&geo->asns);
	/* they moved */
	layer_init(&v4->places, LAYER_V4_BITS);
	layer_init(&v4->asns, LAYER_V4_BITS);
	layer_init(&v6->places, LAYER_V6_BITS);
	layer_init(&v6->asns, LAYER_V6_BITS);
	v4->dictionary = (struct places){ 0 };
	v4->asn_numbers = (struct numbers){ 0 };
	if (!ok) {
		geo_free(geo);
		return NULL;
	}
	return geo;
}

struct geo *geo_open(const char *const *paths, size_t npaths, struct err *err)
{
	struct mmdb **dbs = mem_alloc((npaths + 1) * sizeof *dbs);
	struct geo *geo = NULL;
	struct family v4, v6;
	size_t ndbs = 0;

	while (ndbs < npaths && (dbs[ndbs] = mmdb_open(paths[ndbs], err)) != NULL)
		ndbs++;
	if (ndbs == npaths) {
		family_init(&v4, ADDR_V4, dbs, ndbs);
		family_init(&v6, ADDR_V6, dbs, ndbs);
		read_families(&v4, &v6);
		geo = join_families(&v4, &v6, err);
		family_fini(&v4);
		family_fini(&v6);
	}
	for (size_t i = 0; i < ndbs; i++)
		mmdb_close(dbs[i]);
	free(dbs);
	return geo;
}

void geo_free(struct geo *geo)
{
	if (geo == NULL)
		return;
	layer_fini(&geo->v4.places);
	layer_fini(&geo->v4.asns);
	layer_fini(&geo->v6.places);
	layer_fini(&geo->v6.asns);
	places_fini(&geo->places);
	numbers_fini(&geo->asns);
	arena_free(geo->arena);
	free(geo->spots);
	free(geo);
}

size_t geo_sources(const struct geo *geo, const struct geo_source **sources)
{
	*sources = geo->sources;
	return geo->nsources;
}

/* ---- asking ---- */

/* The id at a block, and into *depth, if that is less, how long a prefix around the block has to be to have no other. */
static uint32_t ask_layer(const struct layer *layer, uint64_t block, unsigned *depth)
{
	struct layer_cursor run;
	unsigned before = 0, behind = 0;

	layer_find(layer, block, &run);
	if (run.first > 0)
		before = depth_apart(block, run.first - 1, layer->bits);
	if (run.last < ((uint64_t)1 << layer->bits) - 1)
		behind = depth_apart(block, run.last + 1, layer->bits);
	*depth = depth_larger(*depth, depth_larger(before, behind));
	return run.id;
}

static void ask_layers(
	const struct geo *geo, const struct geo_layers *layers, uint64_t block, struct place *place, unsigned *depth)
{
	uint32_t id = ask_layer(&layers->places, block, depth);

	*place = geo->places.place[id];
	id = ask_layer(&layers->asns, block, depth);
	place->asn = (uint32_t)geo->asns.number[id];
}

void geo_locate(const struct geo *geo, const struct addr *addr, struct place *place, unsigned *depth)
{
	const struct embed_range *range;
	uint64_t hi, lo;
	uint32_t v4;

	assert(addr->family != ADDR_NONE);
	*depth = 0;
	if (addr->family == ADDR_V4) {
		ask_layers(geo, &geo->v4, embed_load32(addr->bytes) >> 8, place, depth);
		return;
	}
	hi = embed_load64(addr->bytes);
	lo = embed_load64(addr->bytes + 8);
	range = embed_find(hi, lo, &v4);
	if (range != NULL) {
		ask_layers(geo, &geo->v4, v4 >> 8, place, depth);
		*depth += range->at;
		return;
	}
	ask_layers(geo, &geo->v6, hi >> 8, place, depth);
	embed_keep_off(hi, lo, depth);
}
