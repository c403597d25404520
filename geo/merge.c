#include "geo/merge.h"

#include <stdlib.h>

static uint16_t ask(const struct classes *classes, uint32_t place_id, uint32_t asn_id)
{
	struct place place = classes->geo->places.place[place_id];

	place.asn = (uint32_t)classes->geo->asns.number[asn_id];
	return classes->classify->classify(classes->classify->context, &place);
}

void classes_init(struct classes *classes, const struct geo *geo, const struct geo_classify *classify)
{
	*classes = (struct classes){ .geo = geo, .classify = classify };
	if (classify->by_asn) {
		numbers_init(&classes->pairs);
		classes->class = mem_grow(NULL, 0, &classes->cap, sizeof *classes->class);
		classes->class[0] = ask(classes, 0, 0);
		return;
	}
	classes->class = mem_alloc(geo->places.n * sizeof *classes->class);
	if (classify->classify_all != NULL) {
		classify->classify_all(classify->context, geo->places.place, geo->spots, geo->places.n, classes->class);
		return;
	}
	for (uint32_t id = 0; id < geo->places.n; id++)
		classes->class[id] = ask(classes, id, 0);
}

void classes_fini(struct classes *classes)
{
	free(classes->class);
	numbers_fini(&classes->pairs);
}

static uint16_t classes_of(struct classes *classes, uint32_t place_id, uint32_t asn_id)
{
	uint32_t known, pair;

	if (!classes->classify->by_asn)
		return classes->class[place_id];
	known = classes->pairs.n;
	pair = numbers_intern(&classes->pairs, (uint64_t)place_id << 24 | asn_id);
	if (pair == known) {
		classes->class = mem_grow(classes->class, known, &classes->cap, sizeof *classes->class);
		classes->class[pair] = ask(classes, place_id, asn_id);
	}
	return classes->class[pair];
}

static unsigned __int128 run_last(const struct merge *merge, const struct layer_cursor *run)
{
	return ((unsigned __int128)run->last << merge->shift) | (((unsigned __int128)1 << merge->shift) - 1);
}

static unsigned __int128 segment_last(const struct merge *merge)
{
	if (merge->nsegments > 1)
		return merge->segment[1].first - 1;
	return merge->shift == 32 - LAYER_V4_BITS ? UINT32_MAX : ~(unsigned __int128)0;
}

static void set_stretch(struct merge *merge)
{
	unsigned __int128 place_last = run_last(merge, &merge->place), asn_last = run_last(merge, &merge->asn);

	merge->last = segment_last(merge);
	if (merge->segment->value != SEGMENT_NONE) {
		merge->value = merge->segment->value;
		return; /* whatever lies below */
	}
	if (place_last < merge->last)
		merge->last = place_last;
	if (asn_last < merge->last)
		merge->last = asn_last;
	merge->value = classes_of(merge->classes, merge->place.id, merge->asn.id);
}

void merge_begin(struct merge *merge, struct classes *classes, const struct geo_layers *layers,
	const struct segment *segments, size_t nsegments)
{
	static const struct layer no_asn_v4 = { .bits = LAYER_V4_BITS }, no_asn_v6 = { .bits = LAYER_V6_BITS };
	bool v4 = layers->places.bits == LAYER_V4_BITS;
	const struct layer *asns = &layers->asns;

	if (!classes->classify->by_asn)
		asns = v4 ? &no_asn_v4 : &no_asn_v6;
	*merge = (struct merge){ .classes = classes,
		.segment = segments,
		.nsegments = nsegments,
		.shift = v4 ? 32 - LAYER_V4_BITS : 128 - LAYER_V6_BITS };
	layer_begin(&layers->places, &merge->place);
	layer_begin(asns, &merge->asn);
	set_stretch(merge);
}

/* Bring a layer to the run that holds the block at which the stretch begins. */
static void catch_up(const struct merge *merge, struct layer_cursor *run)
{
	uint64_t block = (uint64_t)(merge->first >> merge->shift);

	while (run->last < block && layer_next(run))
		;
}

bool merge_next(struct merge *merge)
{
	if (merge->nsegments <= 1 && merge->last == segment_last(merge))
		return false;
	if (merge->last == segment_last(merge)) {
		merge->segment++;
		merge->nsegments--;
	}
	merge->first = merge->last + 1;
	catch_up(merge, &merge->place);
	catch_up(merge, &merge->asn);
	set_stretch(merge);
	return true;
}
