/* Slabs in units; a block is a run of units, the first that is free. The last slab stays when it is empty: what is made while a zone is read
 * comes and goes. Under AddressSanitizer each block is by itself, so that what is read beyond it is seen. */
#include "base/huge.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"

enum {
	SLAB_LEN = 4 << 20, /* of mem_alloc, which has huge pages for it */
	UNIT_LEN = 8192,
	UNITS = SLAB_LEN / UNIT_LEN,
	BLOCK_MIN = 2 * UNIT_LEN, /* smaller ones would waste too much of a unit */
	BLOCK_MAX = SLAB_LEN / 2, /* larger ones have huge pages by themselves */
};

struct slab {
	uint8_t *memory;
	unsigned nfree;
	uint64_t used[UNITS / 64];
	SLIST_ENTRY(slab) link;
};

static SLIST_HEAD(, slab) slabs = SLIST_HEAD_INITIALIZER(slabs);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#ifdef __SANITIZE_ADDRESS__
enum { ALONE = true };
#else
enum { ALONE = false };
#endif

static bool is_in_slab(size_t len)
{
	return !ALONE && len >= BLOCK_MIN && len <= BLOCK_MAX;
}

static bool is_used(const struct slab *slab, unsigned unit)
{
	return slab->used[unit / 64] >> unit % 64 & 1;
}

static void mark(struct slab *slab, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		slab->used[i / 64] ^= UINT64_C(1) << i % 64;
}

/* The first unit of a run of n free ones; UNITS: there is none. */
static unsigned find_run(const struct slab *slab, unsigned n)
{
	unsigned run = 0;

	for (unsigned i = 0; i < UNITS; i++) {
		run = is_used(slab, i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return UNITS;
}

static struct slab *slab_new(void)
{
	struct slab *slab = mem_alloc(sizeof *slab);

	slab->memory = mem_alloc(SLAB_LEN);
	slab->nfree = UNITS;
	SLIST_INSERT_HEAD(&slabs, slab, link);
	return slab;
}

static void *take(unsigned n)
{
	struct slab *slab;
	unsigned first = UNITS;

	SLIST_FOREACH(slab, &slabs, link)
	if (slab->nfree >= n && (first = find_run(slab, n)) < UNITS)
		break;
	if (slab == NULL) {
		slab = slab_new();
		first = 0;
	}
	mark(slab, first, n);
	slab->nfree -= n;
	return slab->memory + (size_t)first * UNIT_LEN;
}

static unsigned units(size_t len)
{
	return (unsigned)((len + UNIT_LEN - 1) / UNIT_LEN);
}

void *huge_alloc(size_t len)
{
	void *block;

	if (!is_in_slab(len))
		return mem_lines(len);
	pthread_mutex_lock(&lock);
	block = take(units(len));
	pthread_mutex_unlock(&lock);
	return memset(block, 0, len);
}

static void give(const uint8_t *block, unsigned n)
{
	struct slab *slab;

	SLIST_FOREACH(slab, &slabs, link)
	if (block >= slab->memory && block < slab->memory + SLAB_LEN)
		break;
	mark(slab, (unsigned)((size_t)(block - slab->memory) / UNIT_LEN), n);
	slab->nfree += n;
	if (slab->nfree < UNITS || SLIST_NEXT(SLIST_FIRST(&slabs), link) == NULL)
		return;
	SLIST_REMOVE(&slabs, slab, slab, link);
	free(slab->memory);
	free(slab);
}

void huge_free(void *block, size_t len)
{
	if (block == NULL)
		return;
	if (!is_in_slab(len)) {
		free(block);
		return;
	}
	pthread_mutex_lock(&lock);
	give(block, units(len));
	pthread_mutex_unlock(&lock);
}
