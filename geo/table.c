/* Compiling: two merges, one a family. Addresses that embed IPv4 belong to IPv4: where all of IPv4 is of one class they are
 * ordinary runs of IPv6, else special ones that send the search on to IPv4's table. That keeps depths exact: each such
 * range is an aligned block with two classes or more in it, so no uniform block reaches across its edge.
 * net: rules of IPv6 that lie within such a range are not asked; rules of IPv4 hold there. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "geo/embed.h"
#include "geo/lean.h"
#include "geo/merge.h"
#include "geo/runs.h"

enum { EMBEDDED = GEO_CLASS_MAX + 1 }; /* the value of a special run */

struct geo_table {
	struct runs4 v4;
	struct runs6 v6;
	struct lean *lean; /* in place of runs; NULL: there are runs */
};

/* What one family is made from. */
struct source {
	struct geo_table *table;
	const struct geo_layers *layers;
	struct classes *classes;
	struct segment *segments;
	size_t nsegments;
};

static bool embed_covers(const struct prefix *net)
{
	uint32_t v4;
	const struct embed_range *range;

	if (net->addr.family != ADDR_V6)
		return false;
	range = embed_find(embed_load64(net->addr.bytes), embed_load64(net->addr.bytes + 8), &v4);
	return range != NULL && net->len >= range->len;
}

static void source_init(struct source *source, enum addr_family family, const struct geo_overlay *overlays,
	size_t noverlays, uint32_t embedded)
{
	struct nested *nested = mem_alloc((noverlays + EMBED_RANGES) * sizeof *nested);
	size_t n = 0;

	for (size_t i = 0; i < noverlays; i++)
		if (overlays[i].net.addr.family == family && !embed_covers(&overlays[i].net))
			nested[n++] = nested_from(&overlays[i].net, overlays[i].class);
	for (size_t i = 0; i < EMBED_RANGES && family == ADDR_V6; i++) {
		const struct embed_range *range = &embed_ranges[i];
		unsigned __int128 first = (unsigned __int128)range->hi << 64 | range->lo;

		nested[n++] = (struct nested){ .first = first,
			.last = first | (~(unsigned __int128)0 >> range->len),
			.len = range->len,
			.value = embedded };
	}
	source->segments = overlay_flatten(nested, n, family == ADDR_V4 ? 32 : 128, &source->nsegments);
	free(nested);
}

static bool is_uniform(const struct source *source, uint32_t *value)
{
	struct merge merge;

	merge_begin(&merge, source->classes, source->layers, source->segments, source->nsegments);
	*value = merge.value;
	while (merge_next(&merge))
		if (merge.value != *value)
			return false;
	return true;
}

static void *compile4(void *context)
{
	struct source *source = context;
	struct merge merge;

	merge_begin(&merge, source->classes, source->layers, source->segments, source->nsegments);
	do
		runs4_add(&source->table->v4, (uint32_t)merge.first, merge.value);
	while (merge_next(&merge));
	runs4_finish(&source->table->v4);
	return NULL;
}

static void *compile6(void *context)
{
	struct source *source = context;
	struct merge merge;

	merge_begin(&merge, source->classes, source->layers, source->segments, source->nsegments);
	do
		runs6_add(&source->table->v6, merge.first, merge.value);
	while (merge_next(&merge));
	runs6_finish(&source->table->v6);
	return NULL;
}

/* Both at once, unless they share the caller's classify. */
static void compile(struct source *v4, struct source *v6, bool threaded)
{
	pthread_t thread;

	threaded = threaded && pthread_create(&thread, NULL, compile6, v6) == 0;
	compile4(v4);
	if (threaded)
		pthread_join(thread, NULL);
	else
		compile6(v6);
}

struct geo_table *geo_table_new(const struct geo *geo, const struct geo_classify *classify,
	const struct geo_overlay *overlays, size_t noverlays)
{
	struct geo_table *table = mem_alloc(sizeof *table);
	struct classes classes;
	struct source v4 = { .table = table, .layers = &geo->v4, .classes = &classes };
	struct source v6 = { .table = table, .layers = &geo->v6, .classes = &classes };
	uint32_t embedded;

	classes_init(&classes, geo, classify);
	source_init(&v4, ADDR_V4, overlays, noverlays, EMBEDDED);
	if (!is_uniform(&v4, &embedded)) {
		if (classify->lean && !classify->by_asn && noverlays == 0) {
			free(v4.segments);
			table->lean = lean_new(geo, classes.class);
			return table;
		}
		embedded = EMBEDDED;
	}
	source_init(&v6, ADDR_V6, overlays, noverlays, embedded);
	compile(&v4, &v6, !classify->by_asn);
	free(v4.segments);
	free(v6.segments);
	classes_fini(&classes);
	return table;
}

void geo_table_free(struct geo_table *table)
{
	if (table == NULL)
		return;
	lean_free(table->lean);
	runs4_free(&table->v4);
	runs6_free(&table->v6);
	free(table);
}

size_t geo_table_bytes(const struct geo_table *table)
{
	if (table->lean != NULL)
		return sizeof *table + lean_bytes(table->lean);
	return sizeof *table + table->v4.piece.cap + table->v4.index.cap + table->v6.hi.cap + table->v6.value.cap +
	       table->v6.odd.cap + table->v6.index.cap;
}

static struct geo_hit find_embedded(const struct geo_table *table, uint64_t hi, uint64_t lo)
{
	const struct embed_range *range;
	struct runs_found found;
	uint32_t v4;

	range = embed_find(hi, lo, &v4);
	assert(range != NULL);
	found = runs4_find(&table->v4, v4);
	return (struct geo_hit){ .class = (uint16_t)found.value, .depth = (uint8_t)(range->at + found.depth) };
}

struct geo_hit geo_table_find(const struct geo_table *table, const struct addr *addr)
{
	struct runs_found found;
	uint64_t hi, lo;

	assert(addr->family != ADDR_NONE);
	if (UNLIKELY(table->lean != NULL))
		return lean_find(table->lean, addr);
	if (LIKELY(addr->family == ADDR_V4)) {
		found = runs4_find(&table->v4, embed_load32(addr->bytes));
		return (struct geo_hit){ .class = (uint16_t)found.value, .depth = (uint8_t)found.depth };
	}
	hi = embed_load64(addr->bytes);
	lo = embed_load64(addr->bytes + 8);
	found = runs6_find(&table->v6, hi, lo);
	if (UNLIKELY(found.value == EMBEDDED))
		return find_embedded(table, hi, lo);
	return (struct geo_hit){ .class = (uint16_t)found.value, .depth = (uint8_t)found.depth };
}

void geo_table_prefetch_index(const struct geo_table *table, const struct addr *addr)
{
	if (UNLIKELY(table->lean != NULL))
		lean_prefetch_index(table->lean, addr);
	else if (LIKELY(addr->family == ADDR_V4))
		runs4_prefetch_index(&table->v4, embed_load32(addr->bytes));
	else
		runs6_prefetch_index(&table->v6, embed_load64(addr->bytes));
}

void geo_table_prefetch(const struct geo_table *table, const struct addr *addr)
{
	if (UNLIKELY(table->lean != NULL))
		lean_prefetch(table->lean, addr);
	else if (LIKELY(addr->family == ADDR_V4))
		runs4_prefetch(&table->v4, embed_load32(addr->bytes));
	else
		runs6_prefetch(&table->v6, embed_load64(addr->bytes));
}
