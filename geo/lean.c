/* Exact scope as with runs of one's own: a block is uniform while it reaches neither the address before the first of the runs
 * of one class around x, nor the one behind the last. Those ends are the nearest edges: bits over the layer's runs, and above
 * them a bit for each word that has any, so that even a class that fills half of the Internet is crossed in a few steps. */
#include "geo/lean.h"

#include <assert.h>
#include <stdlib.h>

#include "geo/depth.h"
#include "geo/embed.h"

/* Runs whose class is another than that of the run before. */
struct edges {
	const struct layer *layer;
	size_t nwords;
	uint64_t *bits;
	uint64_t *words; /* a bit for each word of bits that is not 0 */
};

struct lean {
	const struct geo *geo;
	uint16_t *class;
	struct edges v4, v6;
};

static void edges_init(struct edges *edges, const struct layer *layer, const uint16_t *class)
{
	size_t n = layer_count(layer);
	uint16_t before = n > 0 ? class[layer_id(layer, 0)] : 0;

	edges->layer = layer;
	edges->nwords = n / 64 + 1;
	edges->bits = mem_alloc(edges->nwords * sizeof *edges->bits);
	edges->words = mem_alloc((edges->nwords / 64 + 1) * sizeof *edges->words);
	for (size_t word = 0; word < edges->nwords; word++) {
		size_t end = (word + 1) * 64 < n ? (word + 1) * 64 : n;
		uint64_t bits = 0;

		for (size_t run = word * 64; run < end; run++) {
			uint16_t here = class[layer_id(layer, run)];

			bits |= (uint64_t)(here != before) << (run & 63);
			before = here;
		}
		edges->bits[word] = bits;
		edges->words[word / 64] |= (uint64_t)(bits != 0) << (word & 63);
	}
}

static void edges_fini(struct edges *edges)
{
	free(edges->bits);
	free(edges->words);
}

struct lean *lean_new(const struct geo *geo, uint16_t *class)
{
	struct lean *lean = mem_alloc(sizeof *lean);

	lean->geo = geo;
	lean->class = class;
	edges_init(&lean->v4, &geo->v4.places, class);
	edges_init(&lean->v6, &geo->v6.places, class);
	return lean;
}

void lean_free(struct lean *lean)
{
	if (lean == NULL)
		return;
	edges_fini(&lean->v4);
	edges_fini(&lean->v6);
	free(lean->class);
	free(lean);
}

size_t lean_bytes(const struct lean *lean)
{
	size_t words = lean->v4.nwords + lean->v4.nwords / 64 + lean->v6.nwords + lean->v6.nwords / 64 + 2;

	return sizeof *lean + words * sizeof(uint64_t) + lean->geo->places.n * sizeof *lean->class;
}

/* ---- asking ---- */

/* The last set bit at or before `at`, -1 when there is none. */
static ptrdiff_t bit_before(const uint64_t *words, size_t at)
{
	uint64_t word = words[at / 64] & ~UINT64_C(0) >> (63 - at % 64);
	ptrdiff_t i = (ptrdiff_t)(at / 64);

	while (word == 0 && i > 0)
		word = words[--i];
	return word != 0 ? i * 64 + 63 - __builtin_clzll(word) : -1;
}

/* The first set bit from `at` on, n when there is none. */
static size_t bit_behind(const uint64_t *words, size_t at, size_t n)
{
	size_t i = at / 64;
	uint64_t word;

	if (at >= n)
		return n;
	word = words[i] & ~UINT64_C(0) << at % 64;
	while (word == 0 && ++i * 64 < n)
		word = words[i];
	if (word == 0)
		return n;
	return i * 64 + (size_t)__builtin_ctzll(word);
}

static ptrdiff_t edge_before(const struct edges *edges, size_t run)
{
	uint64_t bits = edges->bits[run / 64] & ~UINT64_C(0) >> (63 - run % 64);
	ptrdiff_t word = (ptrdiff_t)(run / 64);

	if (bits == 0) {
		word = word > 0 ? bit_before(edges->words, (size_t)word - 1) : -1;
		if (word < 0)
			return -1;
		bits = edges->bits[word];
	}
	return word * 64 + 63 - __builtin_clzll(bits);
}

static size_t edge_behind(const struct edges *edges, size_t run)
{
	size_t word = (run + 1) / 64;
	uint64_t bits = edges->bits[word] & ~UINT64_C(0) << (run + 1) % 64;

	if (bits == 0) {
		word = bit_behind(edges->words, word + 1, edges->nwords);
		if (word == edges->nwords)
			return SIZE_MAX;
		bits = edges->bits[word];
	}
	return word * 64 + (size_t)__builtin_ctzll(bits);
}

static struct geo_hit ask(const struct lean *lean, const struct edges *edges, uint64_t block)
{
	size_t group, run = layer_run(edges->layer, block, &group), next = edge_behind(edges, run);
	bool empty = layer_count(edges->layer) == 0;
	ptrdiff_t first = edge_before(edges, run);
	unsigned before = 0, behind = 0;

	if (first > 0)
		before = depth_apart(block, layer_first(edges->layer, (size_t)first, group) - 1, edges->layer->bits);
	if (next != SIZE_MAX)
		behind = depth_apart(block, layer_first(edges->layer, next, group), edges->layer->bits);
	return (struct geo_hit){ .class = lean->class[empty ? 0 : layer_id(edges->layer, run)],
		.depth = (uint8_t)depth_larger(before, behind) };
}

struct geo_hit lean_find(const struct lean *lean, const struct addr *addr)
{
	const struct embed_range *range;
	struct geo_hit hit;
	unsigned depth;
	uint64_t hi, lo;
	uint32_t v4;

	if (addr->family == ADDR_V4)
		return ask(lean, &lean->v4, embed_load32(addr->bytes) >> 8);
	hi = embed_load64(addr->bytes);
	lo = embed_load64(addr->bytes + 8);
	range = embed_find(hi, lo, &v4);
	if (range != NULL) {
		hit = ask(lean, &lean->v4, v4 >> 8);
		hit.depth = (uint8_t)(hit.depth + range->at);
		return hit;
	}
	hit = ask(lean, &lean->v6, hi >> 8);
	depth = hit.depth;
	embed_keep_off(hi, lo, &depth);
	hit.depth = (uint8_t)depth;
	return hit;
}

void lean_prefetch_index(const struct lean *lean, const struct addr *addr)
{
	if (addr->family == ADDR_V4)
		layer_prefetch_index(&lean->geo->v4.places, embed_load32(addr->bytes) >> 8);
	else
		layer_prefetch_index(&lean->geo->v6.places, embed_load64(addr->bytes) >> 8);
}

void lean_prefetch(const struct lean *lean, const struct addr *addr)
{
	if (addr->family == ADDR_V4)
		__builtin_prefetch(
			&lean->v4.bits[layer_prefetch(&lean->geo->v4.places, embed_load32(addr->bytes) >> 8) / 64]);
	else
		__builtin_prefetch(
			&lean->v6.bits[layer_prefetch(&lean->geo->v6.places, embed_load64(addr->bytes) >> 8) / 64]);
}
