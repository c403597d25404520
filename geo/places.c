#include "geo/places.h"

#include <stdlib.h>
#include <string.h>

static const struct place unknown;

void places_init(struct places *places)
{
	*places = (struct places){ .nslots = 1024 };
	places->slots = mem_alloc(places->nslots * sizeof *places->slots);
	places_intern(places, &unknown);
}

void places_fini(struct places *places)
{
	free(places->place);
	free(places->slots);
	*places = (struct places){ 0 };
}

/* Field by field into zeroed memory, so that equal places have equal bytes. */
static void copy_plain(struct place *to, const struct place *from)
{
	memset(to, 0, sizeof *to);
	to->located = from->located;
	if (from->located) {
		to->latitude = from->latitude;
		to->longitude = from->longitude;
	}
	memcpy(to->country, from->country, strnlen(from->country, sizeof to->country - 1));
	memcpy(to->continent, from->continent, strnlen(from->continent, sizeof to->continent - 1));
	memcpy(to->region, from->region, strnlen(from->region, sizeof to->region - 1));
}

static uint32_t *find_slot(const struct places *places, const struct place *place)
{
	uint64_t hash = hash_bytes(0, place, sizeof *place);

	for (;; hash++) {
		uint32_t *slot = &places->slots[hash & (places->nslots - 1)];

		if (*slot == 0 || memcmp(&places->place[*slot - 1], place, sizeof *place) == 0)
			return slot;
	}
}

static void grow(struct places *places)
{
	free(places->slots);
	places->nslots *= 2;
	places->slots = mem_alloc(places->nslots * sizeof *places->slots);
	for (uint32_t id = 0; id < places->n; id++)
		*find_slot(places, &places->place[id]) = id + 1;
}

uint32_t places_intern(struct places *places, const struct place *place)
{
	struct place plain;
	uint32_t *slot;

	copy_plain(&plain, place);
	slot = find_slot(places, &plain);
	if (*slot != 0)
		return *slot - 1;
	*slot = places->n + 1;
	if (places->n == places->cap) {
		places->cap = places->cap == 0 ? 256 : places->cap * 2;
		places->place = mem_resize(places->place, places->cap * sizeof *places->place);
	}
	places->place[places->n++] = plain;
	if (places->n > places->nslots / 2)
		grow(places);
	return places->n - 1;
}

void places_trim(struct places *places)
{
	free(places->slots);
	places->slots = NULL;
	places->nslots = 0;
	places->cap = places->n;
	places->place = mem_resize(places->place, places->n * sizeof *places->place);
}
