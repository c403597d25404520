/* An index of chunks of one length, and below it only what cuts a chunk in pieces: half of what the runs themselves would take, since in
 * memory that is asked at random each line counts. */
#include "geo/runs.h"

#include <assert.h>

#include "base/likely.h"
#include "geo/depth.h"

/* ---- the runs as they come: first address << 32 | value ---- */

static const uint64_t *run_at(const struct runs4 *runs)
{
	return runs->run.at;
}

void runs4_add(struct runs4 *runs, uint32_t first, uint32_t value)
{
	assert((first == 0) == (runs->n == 0) && value <= UINT16_MAX);
	if (runs->n > 0 && (uint32_t)run_at(runs)[runs->n - 1] == value)
		return;
	*(uint64_t *)pages_add(&runs->run, sizeof(uint64_t)) = (uint64_t)first << 32 | value;
	runs->n++;
}

/* How long the prefix of an address is that no other run than this one touches. */
static unsigned depth_in(const struct runs4 *runs, uint32_t run, uint32_t address)
{
	const uint64_t *at = run_at(runs) + run;
	unsigned before = run > 0 ? depth_apart(address, (*at >> 32) - 1, 32) : 0;
	unsigned behind = run + 1 < runs->n ? depth_apart(address, at[1] >> 32, 32) : 0;

	return depth_larger(before, behind);
}

/* ---- chunks ---- */

/* A chunk within one run needs no run: what is outside of it parts from all of the chunk's addresses at the same bit, so that
 * value and depth are the same for all: WITHIN_ONE | depth << 16 | value. Of any other chunk, where its pieces are. */
static const uint32_t WITHIN_ONE = UINT32_C(1) << 31;

/* Pieces of a chunk: how many, then of each where it begins in the chunk << 16 | its value. Where that is not enough for 32 bits, since few
 * runs have large chunks, they are of 64. */
static bool is_wide(const struct runs4 *runs)
{
	return runs->shift > 16;
}

static size_t word_size(bool wide)
{
	return wide ? sizeof(uint64_t) : sizeof(uint32_t);
}

static void add_word(struct runs4 *runs, uint64_t word)
{
	void *at = pages_add(&runs->piece, word_size(is_wide(runs)));

	if (is_wide(runs))
		*(uint64_t *)at = word;
	else
		*(uint32_t *)at = (uint32_t)word;
	runs->nwords++;
}

/* The runs from `run` on, before `end`, are those of the chunk at `first`. */
static uint32_t chunk_entry(struct runs4 *runs, uint32_t run, uint32_t end, uint32_t first)
{
	uint32_t at = runs->nwords;

	if (end == run + 1)
		return WITHIN_ONE | depth_in(runs, run, first) << 16 | (uint16_t)run_at(runs)[run];
	add_word(runs, end - run);
	add_word(runs, (uint16_t)run_at(runs)[run]);
	while (++run < end)
		add_word(runs, ((run_at(runs)[run] >> 32) - first) << 16 | (uint16_t)run_at(runs)[run]);
	return at;
}

void runs4_finish(struct runs4 *runs)
{
	unsigned bits = runs_index_bits(runs->n);
	uint32_t nchunks = (uint32_t)1 << bits, run = 0;
	uint32_t *index = pages_add(&runs->index, nchunks * sizeof *index);

	runs->shift = 32 - bits;
	for (uint32_t chunk = 0; chunk < nchunks; chunk++) {
		uint64_t first = (uint64_t)chunk << runs->shift, behind = first + ((uint64_t)1 << runs->shift);
		uint32_t end;

		while (run + 1 < runs->n && run_at(runs)[run + 1] >> 32 <= first)
			run++;
		for (end = run + 1; end < runs->n && run_at(runs)[end] >> 32 < behind;)
			end++;
		index[chunk] = chunk_entry(runs, run, end, (uint32_t)first);
		run = end - 1;
	}
	pages_free(&runs->run);
	pages_settle(&runs->piece);
	pages_settle(&runs->index);
}

void runs4_free(struct runs4 *runs)
{
	pages_free(&runs->run);
	pages_free(&runs->piece);
	pages_free(&runs->index);
}

/* ---- asking ---- */

static inline uint64_t word_at(const void *words, bool wide, size_t i)
{
	return wide ? ((const uint64_t *)words)[i] : ((const uint32_t *)words)[i];
}

/* Of a chunk in pieces the nearer of both edges is within it, and so is deeper than any outside. wide is a constant to each caller. */
static inline struct runs_found find_piece(const struct runs4 *runs, uint32_t entry, uint32_t low, bool wide)
{
	const char *words = (const char *)runs->piece.at + entry * word_size(wide);
	uint32_t n = (uint32_t)word_at(words, wide, 0), at = 1;
	uint64_t key = (uint64_t)low << 16 | 0xffff;
	unsigned before, behind;

	/* the last that begins at or before it; a select, not a branch, moves on */
	for (uint32_t left = n, half; left > 1; left -= half) {
		half = left / 2;
		at += word_at(words, wide, at + half) <= key ? half : 0;
	}
	before = at > 1 ? depth_apart(low, (word_at(words, wide, at) >> 16) - 1, 32) : 0;
	behind = at < n ? depth_apart(low, word_at(words, wide, at + 1) >> 16, 32) : 0;
	return (struct runs_found){ .value = (uint16_t)word_at(words, wide, at),
		.depth = depth_larger(before, behind) };
}

static uint32_t index_at(const struct runs4 *runs, uint32_t address)
{
	return ((const uint32_t *)runs->index.at)[address >> runs->shift];
}

struct runs_found runs4_find(const struct runs4 *runs, uint32_t address)
{
	uint32_t entry = index_at(runs, address), low = address & (uint32_t)((UINT64_C(1) << runs->shift) - 1);

	if ((entry & WITHIN_ONE) != 0)
		return (struct runs_found){ .value = (uint16_t)entry, .depth = entry >> 16 & 0x3f };
	return UNLIKELY(is_wide(runs)) ? find_piece(runs, entry, low, true) : find_piece(runs, entry, low, false);
}

void runs4_prefetch_index(const struct runs4 *runs, uint32_t address)
{
	__builtin_prefetch((const uint32_t *)runs->index.at + (address >> runs->shift));
}

void runs4_prefetch(const struct runs4 *runs, uint32_t address)
{
	uint32_t entry = index_at(runs, address);

	if ((entry & WITHIN_ONE) == 0)
		__builtin_prefetch((const char *)runs->piece.at + entry * word_size(is_wide(runs)));
}
