#include "geo/layer.h"

#include <assert.h>

void layer_init(struct layer *layer, unsigned bits)
{
	*layer = (struct layer){ .bits = bits };
}

void layer_fini(struct layer *layer)
{
	pages_free(&layer->groups);
	pages_free(&layer->runs);
	pages_free(&layer->middle);
	pages_free(&layer->index);
}

/* How many bits of a block its group does not say. */
static unsigned tail_bits(const struct layer *layer)
{
	return layer->bits == LAYER_V4_BITS ? 8 : 24;
}

static size_t group_count(const struct layer *layer)
{
	return layer->groups.len / sizeof(struct layer_group);
}

static const struct layer_group *group_at(const struct layer *layer, size_t group)
{
	return (const struct layer_group *)layer->groups.at + group;
}

static uint32_t run_tail(const struct layer *layer, size_t run)
{
	uint32_t tail = ((const uint32_t *)layer->runs.at)[run] >> 24;

	if (layer->bits == LAYER_V6_BITS)
		tail |= (uint32_t)((const uint16_t *)layer->middle.at)[run] << 8;
	return tail;
}

static void group_append(struct layer *layer, uint32_t lead)
{
	size_t ngroups = group_count(layer);
	struct layer_group *group;

	if (ngroups > 0 && group_at(layer, ngroups - 1)->lead == lead)
		return;
	group = pages_add(&layer->groups, sizeof *group);
	*group = (struct layer_group){ .lead = lead, .first = (uint32_t)layer_count(layer) };
}

void layer_append(struct layer *layer, uint64_t block, uint32_t id)
{
	assert(id <= LAYER_ID_MAX && (block == 0) == (layer->runs.len == 0));
	if (block > 0 && id == layer->last_id)
		return;
	group_append(layer, (uint32_t)(block >> tail_bits(layer)));
	*(uint32_t *)pages_add(&layer->runs, sizeof(uint32_t)) = (uint32_t)(block & 0xff) << 24 | id;
	if (layer->bits == LAYER_V6_BITS)
		*(uint16_t *)pages_add(&layer->middle, sizeof(uint16_t)) = (uint16_t)(block >> 8);
	layer->last_id = id;
}

void layer_trim(struct layer *layer)
{
	pages_trim(&layer->groups);
	pages_trim(&layer->runs);
	pages_trim(&layer->middle);
}

void layer_rename(struct layer *layer, const uint32_t *names)
{
	uint32_t *runs = layer->runs.at;

	for (size_t i = 0; i < layer_count(layer); i++)
		runs[i] = (runs[i] & ~(uint32_t)LAYER_ID_MAX) | names[runs[i] & LAYER_ID_MAX];
	layer->last_id = names[layer->last_id];
}

size_t layer_bytes(const struct layer *layer)
{
	return layer->groups.cap + layer->runs.cap + layer->middle.cap + layer->index.cap;
}

static uint64_t run_first(const struct layer *layer, size_t run, size_t group)
{
	return (uint64_t)group_at(layer, group)->lead << tail_bits(layer) | run_tail(layer, run);
}

/* The last block before the next run; that one's group may be the next. */
static void cursor_set_last(struct layer_cursor *cursor)
{
	const struct layer *layer = cursor->layer;
	size_t group = cursor->group;

	if (cursor->run + 1 >= layer_count(layer)) {
		cursor->last = ((uint64_t)1 << layer->bits) - 1;
		return;
	}
	if (group + 1 < group_count(layer) && group_at(layer, group + 1)->first == cursor->run + 1)
		group++;
	cursor->last = run_first(layer, cursor->run + 1, group) - 1;
}

void layer_begin(const struct layer *layer, struct layer_cursor *cursor)
{
	*cursor = (struct layer_cursor){ .layer = layer };
	cursor->id = layer_count(layer) == 0 ? 0 : layer_id(layer, 0);
	cursor_set_last(cursor);
}

bool layer_next(struct layer_cursor *cursor)
{
	const struct layer *layer = cursor->layer;

	if (cursor->run + 1 >= layer_count(layer))
		return false;
	cursor->run++;
	if (cursor->group + 1 < group_count(layer) && group_at(layer, cursor->group + 1)->first == cursor->run)
		cursor->group++;
	cursor->first = cursor->last + 1;
	cursor->id = layer_id(layer, cursor->run);
	cursor_set_last(cursor);
	return true;
}

/* ---- the index: a chunk for each lead of IPv4, for each /19 of 2000::/3 of IPv6 ---- */

enum { CHUNKS = 1 << 16 };

/* CHUNKS for what the index does not cover. */
static uint32_t chunk_of(const struct layer *layer, uint32_t lead)
{
	if (layer->bits == LAYER_V4_BITS)
		return lead;
	return lead >> 29 == 1 ? (lead - (UINT32_C(1) << 29)) >> 13 : CHUNKS;
}

void layer_index(struct layer *layer)
{
	size_t group = 0, ngroups = group_count(layer);
	uint32_t *index;

	if (ngroups == 0)
		return;
	index = pages_add(&layer->index, (CHUNKS + 1) * sizeof *index);
	for (uint32_t chunk = 0; chunk <= CHUNKS; chunk++) {
		uint64_t lead = layer->bits == LAYER_V4_BITS ? chunk : (UINT64_C(1) << 29) + ((uint64_t)chunk << 13);

		while (group < ngroups && group_at(layer, group)->lead < lead)
			group++;
		index[chunk] = (uint32_t)group;
	}
	pages_settle(&layer->groups);
	pages_settle(&layer->runs);
	pages_settle(&layer->middle);
	pages_settle(&layer->index);
}

static bool begins_by(const struct layer *layer, size_t group, uint64_t block)
{
	uint32_t lead = (uint32_t)(block >> tail_bits(layer));
	const struct layer_group *at = group_at(layer, group);

	return at->lead != lead ? at->lead < lead : run_first(layer, at->first, group) <= block;
}

/* The last group that begins at or before a block. */
static size_t find_group(const struct layer *layer, uint64_t block)
{
	uint32_t chunk = layer->index.len > 0 ? chunk_of(layer, (uint32_t)(block >> tail_bits(layer))) : CHUNKS;
	size_t low = 0, high = group_count(layer);

	if (chunk < CHUNKS) {
		const uint32_t *index = layer->index.at;

		low = index[chunk] > 0 ? index[chunk] - 1 : 0;
		high = index[chunk + 1];
	}
	while (high > low + 1) {
		size_t middle = (low + high) / 2;

		if (begins_by(layer, middle, block))
			low = middle;
		else
			high = middle;
	}
	return low;
}

void layer_prefetch_index(const struct layer *layer, uint64_t block)
{
	uint32_t chunk = chunk_of(layer, (uint32_t)(block >> tail_bits(layer)));

	if (layer->index.len > 0 && chunk < CHUNKS)
		__builtin_prefetch((const uint32_t *)layer->index.at + chunk);
}

size_t layer_prefetch(const struct layer *layer, uint64_t block)
{
	uint32_t chunk = chunk_of(layer, (uint32_t)(block >> tail_bits(layer)));
	size_t run, group;

	if (layer->index.len == 0 || chunk == CHUNKS)
		return 0;
	group = ((const uint32_t *)layer->index.at)[chunk];
	run = group_at(layer, group > 0 ? group - 1 : 0)->first;
	__builtin_prefetch((const uint32_t *)layer->runs.at + run);
	return run;
}

/* Runs that are asked for lie near: steps that double find them sooner than a search of all. */
uint64_t layer_first(const struct layer *layer, size_t run, size_t group)
{
	size_t low = group, high = group + 1, ngroups = group_count(layer), step;

	for (step = 1; group_at(layer, low)->first > run; step *= 2) {
		high = low;
		low = low > step ? low - step : 0;
	}
	for (step = 1; high < ngroups && group_at(layer, high)->first <= run; step *= 2) {
		low = high;
		high = ngroups - high > step ? high + step : ngroups;
	}
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (group_at(layer, middle)->first <= run)
			low = middle;
		else
			high = middle;
	}
	return run_first(layer, run, low);
}

/* The last run of n, from low on, whose tail is not behind this one. Without a branch that depends on what is read. */
static size_t find_v4(const uint32_t *runs, size_t low, size_t n, uint32_t tail)
{
	for (size_t half; n > 1; n -= half) {
		half = n / 2;
		low = runs[low + half] >> 24 <= tail ? low + half : low;
	}
	return low;
}

static size_t find_v6(const uint32_t *runs, const uint16_t *middle, size_t low, size_t n, uint32_t tail)
{
	for (size_t half; n > 1; n -= half) {
		half = n / 2;
		low = (runs[low + half] >> 24 | (uint32_t)middle[low + half] << 8) <= tail ? low + half : low;
	}
	return low;
}

size_t layer_run(const struct layer *layer, uint64_t block, size_t *group)
{
	uint32_t tail = (uint32_t)(block & ((UINT64_C(1) << tail_bits(layer)) - 1));
	size_t low, high;

	*group = 0;
	if (layer_count(layer) == 0)
		return 0;
	*group = find_group(layer, block);
	low = group_at(layer, *group)->first;
	high = *group + 1 < group_count(layer) ? group_at(layer, *group + 1)->first : layer_count(layer);
	if ((uint32_t)(block >> tail_bits(layer)) != group_at(layer, *group)->lead)
		return high - 1; /* all of the group begin before it */
	if (layer->bits == LAYER_V4_BITS)
		return find_v4(layer->runs.at, low, high - low, tail);
	return find_v6(layer->runs.at, layer->middle.at, low, high - low, tail);
}

void layer_find(const struct layer *layer, uint64_t block, struct layer_cursor *cursor)
{
	layer_begin(layer, cursor);
	if (layer_count(layer) == 0)
		return;
	cursor->run = layer_run(layer, block, &cursor->group);
	cursor->first = run_first(layer, cursor->run, cursor->group);
	cursor->id = layer_id(layer, cursor->run);
	cursor_set_last(cursor);
}

void layer_put_under(struct layer *upper, struct layer *lower)
{
	struct layer_cursor above, below;
	struct layer merged;
	uint64_t block = 0;
	bool more = true;

	if (layer_count(upper) == 0) {
		layer_fini(upper);
		*upper = *lower;
		layer_init(lower, upper->bits);
		return;
	}
	layer_init(&merged, upper->bits);
	layer_begin(upper, &above);
	layer_begin(lower, &below);
	while (more) {
		uint64_t last = above.last < below.last ? above.last : below.last;

		layer_append(&merged, block, above.id != 0 ? above.id : below.id);
		block = last + 1;
		more = false;
		if (above.last == last)
			more |= layer_next(&above);
		if (below.last == last)
			more |= layer_next(&below);
	}
	layer_fini(upper);
	layer_fini(lower);
	layer_init(lower, merged.bits);
	*upper = merged;
}
