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

void runs4_finish(struct runs4 *runs)
{
	unsigned bits = runs_index_bits(runs->n);
	uint32_t nchunks = (uint32_t)1 << bits, run = 0;
	uint32_t *index = pages_add(&runs->index, (nchunks + 1) * sizeof *index);

	pages_settle(&runs->run);
	runs->shift = 32 - bits;
	for (uint32_t chunk = 0; chunk < nchunks; chunk++) {
		while (run + 1 < runs->n && run_at(runs)[run + 1] >> 32 <= (uint64_t)chunk << runs->shift)
			run++;
		index[chunk] = run;
	}
	index[nchunks] = runs->n - 1;
	pages_settle(&runs->index);
}

void runs4_free(struct runs4 *runs)
{
	pages_free(&runs->run);
	pages_free(&runs->index);
}

static unsigned common_bits(uint32_t a, uint32_t b)
{
	return a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
}

struct runs_found runs4_find(const struct runs4 *runs, uint32_t address)
{
	const uint32_t *chunk = (const uint32_t *)runs->index.at + (address >> runs->shift);
	const uint64_t *run = run_at(runs) + chunk[0];
	uint64_t key = (uint64_t)address << 32 | UINT32_MAX;
	unsigned before = 0, behind = 0;

	/* the last run that begins at or before the address; a multiply-free select, not a branch, moves on */
	for (uint32_t n = chunk[1] - chunk[0] + 1; n > 1;) {
		uint32_t half = n / 2;

		run += run[half] <= key ? half : 0;
		n -= half;
	}
	if (run > run_at(runs))
		before = 1 + common_bits(address, (uint32_t)(*run >> 32) - 1);
	if (run + 1 < run_at(runs) + runs->n)
		behind = 1 + common_bits(address, (uint32_t)(run[1] >> 32));
	return (struct runs_found){ .value = (uint32_t)*run, .depth = before > behind ? before : behind };
}

void runs4_prefetch_index(const struct runs4 *runs, uint32_t address)
{
	__builtin_prefetch((const uint32_t *)runs->index.at + (address >> runs->shift));
}

void runs4_prefetch(const struct runs4 *runs, uint32_t address)
{
	uint32_t first = ((const uint32_t *)runs->index.at)[address >> runs->shift];

	__builtin_prefetch(run_at(runs) + first);
}
