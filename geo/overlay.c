#include "geo/overlay.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "geo/embed.h"

enum { DEPTH_MAX = 129 }; /* one prefix of each length, nested */

struct sweep {
	const struct nested *stack[DEPTH_MAX];
	unsigned depth;
	struct segment *segments;
	size_t n, cap;
};

struct nested nested_from(const struct prefix *prefix, uint32_t value)
{
	const uint8_t *bytes = prefix->addr.bytes;
	unsigned __int128 hosts = 0, first;
	unsigned bits = addr_bits(&prefix->addr);

	assert(prefix->len <= bits);
	if (bits == 32)
		first = embed_load32(bytes);
	else
		first = (unsigned __int128)embed_load64(bytes) << 64 | embed_load64(bytes + 8);
	if (prefix->len < bits)
		hosts = ~(unsigned __int128)0 >> (128 - (bits - prefix->len));
	first &= ~hosts;
	return (struct nested){ .first = first, .last = first | hosts, .value = value, .len = prefix->len };
}

/* By address, the shorter first; mergesort is stable, so equal ones keep their order. */
static int compare(const void *a, const void *b)
{
	const struct nested *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (int)x->len - (int)y->len;
}

static void emit(struct sweep *sweep, unsigned __int128 first)
{
	uint32_t value = sweep->depth > 0 ? sweep->stack[sweep->depth - 1]->value : (uint32_t)SEGMENT_NONE;

	if (sweep->n > 0 && sweep->segments[sweep->n - 1].first == first) {
		sweep->segments[sweep->n - 1].value = value;
		return;
	}
	sweep->segments = mem_grow(sweep->segments, sweep->n, &sweep->cap, sizeof *sweep->segments);
	sweep->segments[sweep->n++] = (struct segment){ first, value };
}

/* Prefixes that end before `first` give back to those around them. */
static void close_before(struct sweep *sweep, unsigned __int128 first)
{
	while (sweep->depth > 0 && sweep->stack[sweep->depth - 1]->last < first) {
		unsigned __int128 end = sweep->stack[--sweep->depth]->last + 1;

		emit(sweep, end);
	}
}

struct segment *overlay_flatten(struct nested *prefixes, size_t n, unsigned bits, size_t *nsegments)
{
	unsigned __int128 end =
		bits == 32 ? (unsigned __int128)1 << 32 : 0; /* one past the last address; IPv6's wraps */
	struct sweep sweep = { .depth = 0 };

	qsort(prefixes, n, sizeof *prefixes, compare);
	emit(&sweep, 0);
	for (size_t i = 0; i < n; i++) {
		const struct nested *prefix = &prefixes[i];

		close_before(&sweep, prefix->first);
		if (sweep.depth > 0 && compare(sweep.stack[sweep.depth - 1], prefix) == 0)
			sweep.depth--;
		sweep.stack[sweep.depth++] = prefix;
		emit(&sweep, prefix->first);
	}
	while (sweep.depth > 0 && sweep.stack[sweep.depth - 1]->last + 1 != end)
		close_before(&sweep, sweep.stack[sweep.depth - 1]->last + 1);
	*nsegments = sweep.n;
	return sweep.segments;
}
