#include "geo/runs.h"

#include <assert.h>

static const uint64_t *run_at(const struct runs4 *runs)
{
	return runs->run.at;
}

void runs4_add(struct runs4 *runs, uint32_t first, uint32_t value)
{
	assert((first == 0) == (runs->n == 0));
	if (runs->n > 0 && (uint32_t)run_at(runs)[runs->n - 1] == value)
		return;
	*(uint64_t *)pages_add(&runs->run, sizeof(uint64_t)) = (uint64_t)first << 32 | value;
	runs->n++;
}

static unsigned common_bits(uint32_t a, uint32_t b)
{
	return a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
}

/* How long the prefix of an address is that no other run than this one touches. */
static unsigned depth_in(const struct runs4 *runs, const uint64_t *run, uint32_t address)
{
	unsigned before = 0, behind = 0;

	if (run > run_at(runs))
		before = 1 + common_bits(address, (uint32_t)(*run >> 32) - 1);
	if (run + 1 < run_at(runs) + runs->n)
		behind = 1 + common_bits(address, (uint32_t)(run[1] >> 32));
	return before > behind ? before : behind;
}

/* ---- the index ---- */

/* A chunk within one run needs no run: what is outside of it parts from all of the chunk's addresses at the same bit, so that
 * value and depth are the same for all. Of any other chunk, where to search: (how many runs more) << 32 | the first. */
static const uint64_t WITHIN_ONE = (uint64_t)1 << 63;

static uint64_t chunk_entry(const struct runs4 *runs, uint32_t run, uint32_t next, uint32_t first)
{
	uint64_t last = first + (((uint64_t)1 << runs->shift) - 1);
	const uint64_t *at = run_at(runs) + run;

	if (run + 1 < runs->n && at[1] >> 32 <= last)
		return (uint64_t)(next - run) << 32 | run;
	return WITHIN_ONE | (uint64_t)depth_in(runs, at, first) << 32 | (uint32_t)*at;
}

void runs4_finish(struct runs4 *runs)
{
	unsigned bits = runs_index_bits(runs->n);
	uint32_t nchunks = (uint32_t)1 << bits, run = 0;
	uint64_t *index = pages_add(&runs->index, nchunks * sizeof *index);

	pages_settle(&runs->run);
	runs->shift = 32 - bits;
	for (uint32_t chunk = 0; chunk < nchunks; chunk++) {
		uint64_t behind = (uint64_t)(chunk + 1) << runs->shift;
		uint32_t next = run;

		while (next + 1 < runs->n && run_at(runs)[next + 1] >> 32 <= behind)
			next++;
		index[chunk] = chunk_entry(runs, run, next, chunk << runs->shift);
		run = next;
	}
	pages_settle(&runs->index);
}

static uint64_t index_at(const struct runs4 *runs, uint32_t address)
{
	return ((const uint64_t *)runs->index.at)[address >> runs->shift];
}

void runs4_free(struct runs4 *runs)
{
	pages_free(&runs->run);
	pages_free(&runs->index);
}

struct runs_found runs4_find(const struct runs4 *runs, uint32_t address)
{
	uint64_t entry = index_at(runs, address), key = (uint64_t)address << 32 | UINT32_MAX;
	const uint64_t *run;

	if ((entry & WITHIN_ONE) != 0)
		return (struct runs_found){ .value = (uint32_t)entry, .depth = (uint8_t)(entry >> 32) };
	run = run_at(runs) + (uint32_t)entry;
	/* the last run that begins at or before the address; a multiply-free select, not a branch, moves on */
	for (uint32_t n = (uint32_t)(entry >> 32) + 1; n > 1;) {
		uint32_t half = n / 2;

		run += run[half] <= key ? half : 0;
		n -= half;
	}
	return (struct runs_found){ .value = (uint32_t)*run, .depth = depth_in(runs, run, address) };
}

void runs4_prefetch_index(const struct runs4 *runs, uint32_t address)
{
	__builtin_prefetch((const uint64_t *)runs->index.at + (address >> runs->shift));
}

void runs4_prefetch(const struct runs4 *runs, uint32_t address)
{
	uint64_t entry = index_at(runs, address);

	if ((entry & WITHIN_ONE) == 0)
		__builtin_prefetch(run_at(runs) + (uint32_t)entry);
}
