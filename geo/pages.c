#include "geo/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, FIRST = 1 << 16, HUGE = 2 << 20 };

static void *map(size_t cap)
{
	return mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer does not see mremap: it takes an address that one thread left and another got for shared memory. */
static void *move(void *old, size_t len, size_t cap)
{
	void *at = map(cap);

	if (at != MAP_FAILED) {
		memcpy(at, old, len < cap ? len : cap);
		munmap(old, len);
	}
	return at;
}
#else
static void *move(void *old, size_t len, size_t cap)
{
	return mremap(old, len, cap, MREMAP_MAYMOVE);
}
#endif

static void resize(struct pages *pages, size_t cap)
{
	void *at = pages->at == NULL ? map(cap) : move(pages->at, pages->cap, cap);

	if (at == MAP_FAILED)
		abort();
	pages->at = at;
	pages->cap = cap;
}

void *pages_add(struct pages *pages, size_t more)
{
	size_t len = pages->len;

	if (pages->cap - len < more) {
		size_t cap = pages->cap == 0 ? FIRST : pages->cap + pages->cap / 2;

		while (cap - len < more)
			cap *= 2;
		resize(pages, (cap + PAGE - 1) / PAGE * PAGE);
	}
	pages->len += more;
	return (char *)pages->at + len;
}

void pages_trim(struct pages *pages)
{
	size_t cap = (pages->len + PAGE - 1) / PAGE * PAGE;

	if (cap == 0) {
		pages_free(pages);
		return;
	}
	if (cap < pages->cap)
		resize(pages, cap);
}

/* At a multiple of a huge page: the kernel backs nothing else with one. */
static void *map_aligned(size_t cap)
{
	char *at = map(cap + HUGE), *aligned;

	if (at == MAP_FAILED)
		abort();
	aligned = (char *)(((uintptr_t)at + HUGE - 1) / HUGE * HUGE);
	if (aligned > at)
		munmap(at, (size_t)(aligned - at));
	munmap(aligned + cap, (size_t)(at + HUGE - aligned));
	return aligned;
}

void pages_settle(struct pages *pages)
{
	size_t cap = (pages->len + PAGE - 1) / PAGE * PAGE;
	void *at;

	if (cap % HUGE >= HUGE / 2)
		cap = (cap + HUGE - 1) / HUGE * HUGE; /* the rest is worth a huge page, too */
	if (cap < HUGE) {
		pages_trim(pages);
		return;
	}
	at = map_aligned(cap);
	madvise(at, cap, MADV_HUGEPAGE); /* only a wish: a kernel without them is as right */
	memcpy(at, pages->at, pages->len);
	munmap(pages->at, pages->cap);
	pages->at = at;
	pages->cap = cap;
}

void pages_free(struct pages *pages)
{
	if (pages->at != NULL)
		munmap(pages->at, pages->cap);
	*pages = (struct pages){ 0 };
}
