#include "geo/read.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
	*known = (struct known_record){ .offset = offset,
		.place = places_intern(&family->dictionary, &record.place),
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

void family_init(struct family *family, enum addr_family which, struct mmdb *const *dbs, size_t ndbs)
{
	unsigned bits = which == ADDR_V4 ? LAYER_V4_BITS : LAYER_V6_BITS;

	*family = (struct family){ .family = which, .dbs = dbs, .ndbs = ndbs };
	family->findings = mem_alloc((ndbs + 1) * sizeof *family->findings);
	layer_init(&family->places, bits);
	layer_init(&family->asns, bits);
	places_init(&family->dictionary);
	numbers_init(&family->asn_numbers);
}

void family_fini(struct family *family)
{
	layer_fini(&family->places);
	layer_fini(&family->asns);
	places_fini(&family->dictionary);
	numbers_fini(&family->asn_numbers);
	free(family->findings);
}

void read_families(struct family *v4, struct family *v6)
{
	pthread_t thread;
	bool threaded = pthread_create(&thread, NULL, read_family, v6) == 0;

	read_family(v4);
	if (threaded)
		pthread_join(thread, NULL);
	else
		read_family(v6);
}
