#include "geo/runs.h"

#include <assert.h>

#include "geo/depth.h"

static const uint64_t *hi_at(const struct runs6 *runs)
{
	return runs->hi.at;
}

static const uint32_t *value_at(const struct runs6 *runs)
{
	return runs->value.at;
}

static const struct runs6_odd *odd_at(const struct runs6 *runs)
{
	return runs->odd.at;
}

void runs6_add(struct runs6 *runs, unsigned __int128 first, uint32_t value)
{
	uint64_t lo = (uint64_t)first;

	assert((first == 0) == (runs->n == 0) && (value & RUNS6_ODD) == 0);
	if (runs->n > 0 && (value_at(runs)[runs->n - 1] & ~(uint32_t)RUNS6_ODD) == value)
		return;
	*(uint64_t *)pages_add(&runs->hi, sizeof(uint64_t)) = (uint64_t)(first >> 64);
	if (lo != 0) {
		*(struct runs6_odd *)pages_add(&runs->odd, sizeof(struct runs6_odd)) =
			(struct runs6_odd){ .hi = (uint64_t)(first >> 64), .lo = lo, .run = runs->n };
		runs->nodd++;
		value |= RUNS6_ODD;
	}
	*(uint32_t *)pages_add(&runs->value, sizeof(uint32_t)) = value;
	runs->n++;
}

void runs6_finish(struct runs6 *runs)
{
	uint32_t nchunks, run = 0, *index;

	runs->index_bits = runs_index_bits(runs->n);
	nchunks = (uint32_t)1 << runs->index_bits;
	index = pages_add(&runs->index, (nchunks + 1) * sizeof *index);
	for (uint32_t chunk = 0; chunk <= nchunks; chunk++) {
		uint64_t first = ((uint64_t)1 << 61) + ((uint64_t)chunk << (61 - runs->index_bits));

		while (run + 1 < runs->n && hi_at(runs)[run + 1] <= first)
			run++;
		index[chunk] = run;
	}
	pages_settle(&runs->hi);
	pages_settle(&runs->value);
	pages_settle(&runs->odd);
	pages_settle(&runs->index);
}

void runs6_free(struct runs6 *runs)
{
	pages_free(&runs->hi);
	pages_free(&runs->value);
	pages_free(&runs->odd);
	pages_free(&runs->index);
}

/* Between which runs to search for an address. */
static void find_chunk(const struct runs6 *runs, uint64_t hi, uint32_t *first, uint32_t *last)
{
	const uint32_t *index = runs->index.at;
	uint32_t nchunks = (uint32_t)1 << runs->index_bits, chunk;

	if (__builtin_expect(hi >> 61 == 1, 1)) {
		chunk = (uint32_t)(hi << 3 >> (64 - runs->index_bits));
		*first = index[chunk];
		*last = index[chunk + 1];
	} else if (hi >> 61 == 0) {
		*first = 0;
		*last = index[0];
	} else {
		*first = index[nchunks];
		*last = runs->n - 1;
	}
}

/* How many of the odd runs begin at or before an address. */
static uint32_t odd_count(const struct runs6 *runs, uint64_t hi, uint64_t lo)
{
	uint32_t low = 0, high = runs->nodd;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		const struct runs6_odd *odd = &odd_at(runs)[middle];

		if (odd->hi < hi || (odd->hi == hi && odd->lo <= lo))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* `run` is the last with the address's upper half: among those of that half find the one that holds the lower. */
static uint32_t find_odd(const struct runs6 *runs, uint32_t run, uint64_t hi, uint64_t lo)
{
	uint32_t n = odd_count(runs, hi, lo);

	if (n > 0 && odd_at(runs)[n - 1].hi == hi)
		return odd_at(runs)[n - 1].run;
	if (n < runs->nodd && odd_at(runs)[n].hi == hi)
		return odd_at(runs)[n].run - 1;
	return run;
}

static uint64_t run_lo(const struct runs6 *runs, uint32_t run)
{
	uint32_t low = 0, high = runs->nodd;

	if ((value_at(runs)[run] & RUNS6_ODD) == 0)
		return 0;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (odd_at(runs)[middle].run <= run)
			low = middle;
		else
			high = middle;
	}
	return odd_at(runs)[low].lo;
}

static unsigned find_depth(const struct runs6 *runs, uint32_t run, uint64_t hi, uint64_t lo)
{
	unsigned before = 0, behind = 0;

	if (run > 0) {
		uint64_t first_lo = run_lo(runs, run);

		before = depth_apart_v6(hi, lo, hi_at(runs)[run] - (first_lo == 0), first_lo - 1);
	}
	if (run + 1 < runs->n)
		behind = depth_apart_v6(hi, lo, hi_at(runs)[run + 1], run_lo(runs, run + 1));
	return depth_larger(before, behind);
}

struct runs_found runs6_find(const struct runs6 *runs, uint64_t hi, uint64_t lo)
{
	const uint64_t *first = hi_at(runs);
	uint32_t run, last;

	find_chunk(runs, hi, &run, &last);
	for (uint32_t n = last - run + 1; n > 1;) {
		uint32_t half = n / 2;

		run += first[run + half] <= hi ? half : 0;
		n -= half;
	}
	if (runs->nodd > 0 && first[run] == hi)
		run = find_odd(runs, run, hi, lo);
	return (struct runs_found){ .value = value_at(runs)[run] & ~(uint32_t)RUNS6_ODD,
		.depth = find_depth(runs, run, hi, lo) };
}

void runs6_prefetch_index(const struct runs6 *runs, uint64_t hi)
{
	if (hi >> 61 == 1)
		__builtin_prefetch((const uint32_t *)runs->index.at + (hi << 3 >> (64 - runs->index_bits)));
}

void runs6_prefetch(const struct runs6 *runs, uint64_t hi)
{
	uint32_t first, last, middle;

	find_chunk(runs, hi, &first, &last);
	middle = first + (last - first + 1) / 2;
	__builtin_prefetch(hi_at(runs) + middle);
	__builtin_prefetch(value_at(runs) + middle);
}
