/* Reading: all databases are opened, then one thread a family walks them in their order, each filling the layers of its
 * family and naming places for itself; at the end IPv6's names are exchanged for IPv4's. Nothing is shared meanwhile. */
#include "geo/geo.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "geo/embed.h"
#include "geo/inside.h"
#include "geo/mmdb.h"

/* What one family's walk of one database found. */
struct finding {
	size_t nprefixes;
	bool has_places, has_asn, nested, flat, coordinates;
};

/* A record of the database that is being walked, once decoded. */
struct known_record {
	uint32_t offset, place, asn;
};

struct family {
	enum addr_family family;
	struct mmdb *const *dbs;
	size_t ndbs;
	struct finding *findings; /* one a database */
	struct layer places, asns;
	struct places dictionary;
	struct numbers asn_numbers;
	struct err err;
	bool ok;
	/* of the database that is being walked */
	struct mmdb_reader reader;
	struct finding *finding;
	struct layer new_places, new_asns;
	struct known_record *slots; /* open addressing by offset */
	size_t nslots, nknown;      /* nslots is a power of two */
	struct known_record last;
};

/* ---- records, each decoded once ---- */

static struct known_record *find_slot(const struct family *family, uint32_t offset)
{
	size_t at = (size_t)hash_mix(offset, 0);

	for (;; at++) {
		struct known_record *slot = &family->slots[at & (family->nslots - 1)];

		if (slot->offset == MMDB_NOTHING || slot->offset == offset)
			return slot;
	}
}

static void new_slots(struct family *family, size_t nslots)
{
	free(family->slots);
	family->nslots = nslots;
	family->nknown = 0;
	family->slots = mem_alloc(nslots * sizeof *family->slots);
	memset(family->slots, 0xff, nslots * sizeof *family->slots); /* MMDB_NOTHING */
}

static void grow_slots(struct family *family)
{
	struct known_record *old = family->slots;
	size_t nold = family->nslots, nknown = family->nknown;

	family->slots = NULL;
	new_slots(family, nold * 2);
	family->nknown = nknown;
	for (size_t i = 0; i < nold; i++)
		if (old[i].offset != MMDB_NOTHING)
			*find_slot(family, old[i].offset) = old[i];
	free(old);
}

static bool read_record(struct family *family, uint32_t offset, struct known_record *known, struct err *err)
{
	struct mmdb_record record;

	if (!mmdb_read(&family->reader, offset, &record, err))
		return false;
	*known = (struct known_record){ .offset = offset, .place = places_intern(&family->dictionary, &record.place),
		.asn = numbers_intern(&family->asn_numbers, record.place.asn) };
	if (known->place > LAYER_ID_MAX || known->asn > LAYER_ID_MAX)
		return err_set(err, "%s: holds more than %d distinct places, which is more than the Earth has cities",
			mmdb_path(family->reader.db), LAYER_ID_MAX);
	family->finding->has_places |= known->place != 0;
	family->finding->has_asn |= known->asn != 0;
	family->finding->nested |= record.nested;
	family->finding->flat |= record.flat;
	family->finding->coordinates |= record.coordinates;
	return true;
}

static bool know_record(struct family *family, uint32_t offset, struct known_record *known, struct err *err)
{
	struct known_record *slot;

	*known = (struct known_record){ .offset = MMDB_NOTHING };
	if (offset == MMDB_NOTHING)
		return true;
	slot = find_slot(family, offset);
	if (slot->offset == MMDB_NOTHING) {
		if (!read_record(family, offset, slot, err))
			return false;
		*known = *slot;
		if (++family->nknown > family->nslots / 2)
			grow_slots(family);
		return true;
	}
	*known = *slot;
	return true;
}

static bool take_leaf(void *context, uint64_t block, uint32_t offset, struct err *err)
{
	struct family *family = context;

	if (offset != family->last.offset && !know_record(family, offset, &family->last, err))
		return false;
	layer_append(&family->new_places, block, family->last.place);
	layer_append(&family->new_asns, block, family->last.asn);
	family->finding->nprefixes += offset != MMDB_NOTHING;
	return true;
}

/* ---- one family ---- */

static bool read_database(struct family *family, size_t i)
{
	const struct mmdb_visitor visitor = { take_leaf, family };
	unsigned bits = family->family == ADDR_V4 ? LAYER_V4_BITS : LAYER_V6_BITS;

	family->finding = &family->findings[i];
	family->last = (struct known_record){ .offset = MMDB_NOTHING };
	mmdb_reader_init(&family->reader, family->dbs[i]);
	layer_init(&family->new_places, bits);
	layer_init(&family->new_asns, bits);
	new_slots(family, 1 << 12);
	if (!mmdb_walk(family->dbs[i], family->family, &visitor, &family->err))
		return false;
	if (family->finding->has_places)
		layer_put_under(&family->places, &family->new_places);
	if (family->finding->has_asn)
		layer_put_under(&family->asns, &family->new_asns);
	layer_fini(&family->new_places);
	layer_fini(&family->new_asns);
	return true;
}

static void *read_family(void *context)
{
	struct family *family = context;

	family->ok = true;
	for (size_t i = 0; i < family->ndbs && family->ok; i++)
		family->ok = read_database(family, i);
	free(family->slots);
	family->slots = NULL;
	layer_fini(&family->new_places);
	layer_fini(&family->new_asns);
	layer_trim(&family->places);
	layer_trim(&family->asns);
	return NULL;
}

static void family_init(struct family *family, enum addr_family which, struct mmdb *const *dbs, size_t ndbs)
{
	unsigned bits = which == ADDR_V4 ? LAYER_V4_BITS : LAYER_V6_BITS;

	*family = (struct family){ .family = which, .dbs = dbs, .ndbs = ndbs };
	family->findings = mem_alloc((ndbs + 1) * sizeof *family->findings);
	layer_init(&family->places, bits);
	layer_init(&family->asns, bits);
	places_init(&family->dictionary);
	numbers_init(&family->asn_numbers);
}

static void family_fini(struct family *family)
{
	layer_fini(&family->places);
	layer_fini(&family->asns);
	places_fini(&family->dictionary);
	numbers_fini(&family->asn_numbers);
	free(family->findings);
}

static void read_families(struct family *v4, struct family *v6)
{
	pthread_t thread;
	bool threaded = pthread_create(&thread, NULL, read_family, v6) == 0;

	read_family(v4);
	if (threaded)
		pthread_join(thread, NULL);
	else
		read_family(v6);
}

/* ---- the whole ---- */

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
		return err_set(err, "%s: the databases hold more than %d distinct places or ASNs together", mmdb_path(v4->dbs[0]),
			LAYER_ID_MAX);
	return true;
}

static bool take_source(struct geo *geo, const struct mmdb *db, const struct finding *v4, const struct finding *v6,
	struct err *err)
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
		"%s: a database of type \"%s\" that holds neither places nor ASNs in a schema known here (give a City, Country or ASN "
		"database)",
		source->path, source->type);
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
	places_trim(&geo->places);
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
	free(geo);
}

size_t geo_sources(const struct geo *geo, const struct geo_source **sources)
{
	*sources = geo->sources;
	return geo->nsources;
}

/* ---- asking ---- */

static unsigned common_bits(uint64_t a, uint64_t b, unsigned bits)
{
	return a == b ? bits : (unsigned)__builtin_clzll(a ^ b) - (64 - bits);
}

/* The id at a block, and into *depth, if that is less, how long a prefix around the block has to be to have no other. */
static uint32_t ask_layer(const struct layer *layer, uint64_t block, unsigned *depth)
{
	struct layer_cursor run;
	unsigned before = 0, behind = 0;

	layer_find(layer, block, &run);
	if (run.first > 0)
		before = 1 + common_bits(block, run.first - 1, layer->bits);
	if (run.last < ((uint64_t)1 << layer->bits) - 1)
		behind = 1 + common_bits(block, run.last + 1, layer->bits);
	if (before > *depth)
		*depth = before;
	if (behind > *depth)
		*depth = behind;
	return run.id;
}

static void ask_layers(const struct geo *geo, const struct geo_layers *layers, uint64_t block, struct place *place,
	unsigned *depth)
{
	uint32_t id = ask_layer(&layers->places, block, depth);

	*place = geo->places.place[id];
	id = ask_layer(&layers->asns, block, depth);
	place->asn = (uint32_t)geo->asns.number[id];
}

/* What embeds IPv4 is another matter than what lies around it. */
static void keep_off_embedded(uint64_t hi, uint64_t lo, unsigned *depth)
{
	for (size_t i = 0; i < EMBED_RANGES; i++) {
		const struct embed_range *range = &embed_ranges[i];
		unsigned common = hi == range->hi ? 64 + common_bits(lo, range->lo, 64) : common_bits(hi, range->hi, 64);

		if (common + 1 > *depth)
			*depth = common + 1;
	}
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
	keep_off_embedded(hi, lo, depth);
}
