#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE_LEN = 2 << 20 };

static void *checked(void *memory)
{
	if (memory == NULL) {
		fputs("gslb: out of memory\n", stderr);
		abort();
	}
	return memory;
}

/* What is large is looked up all over, and with pages of 4 KB most looks would miss the translation cache, too: it takes whole huge pages. A
 * wish: a kernel without them is as right. */
static void *alloc_large(size_t len)
{
	size_t rounded = (len + HUGE_PAGE_LEN - 1) / HUGE_PAGE_LEN * HUGE_PAGE_LEN;
	void *memory = checked(aligned_alloc(HUGE_PAGE_LEN, rounded));

	madvise(memory, rounded, MADV_HUGEPAGE);
	return memset(memory, 0, len);
}

void *mem_alloc(size_t len)
{
	if (len >= HUGE_PAGE_LEN)
		return alloc_large(len);
	return checked(calloc(1, len > 0 ? len : 1));
}

void *mem_lines(size_t len)
{
	size_t whole = (len + 2 * MEM_LINE - 1) / MEM_LINE * MEM_LINE;

	if (whole >= HUGE_PAGE_LEN)
		return alloc_large(whole);
	return memset(checked(aligned_alloc(MEM_LINE, whole)), 0, whole);
}

void *mem_resize(void *old, size_t len)
{
	return checked(realloc(old, len > 0 ? len : 1));
}

void *mem_dup(const void *bytes, size_t len)
{
	void *copy = mem_alloc(len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *mem_strdup(const char *text)
{
	return mem_dup(text, strlen(text) + 1);
}

char *mem_printf(const char *fmt, ...)
{
	va_list args;
	char *text = NULL;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return checked(len < 0 ? NULL : text);
}

void *mem_grow(void *items, size_t nitems, size_t *cap, size_t item_len)
{
	if (nitems < *cap)
		return items;
	*cap = *cap > 0 ? *cap * 2 : 8;
	return checked(reallocarray(items, *cap, item_len));
}
