/* mem - heap that never returns NULL: out of memory is an abort (STYLE, errors). */
#ifndef GSLB_BASE_MEM_H
#define GSLB_BASE_MEM_H

#include <stddef.h>

enum { MEM_LINE = 64 }; /* bytes of a cache line */

void *mem_alloc(size_t len);             /* zeroed */
void *mem_lines(size_t len);             /* the same, on cache lines of its own */
void *mem_resize(void *old, size_t len); /* new bytes are not zeroed */
void *mem_dup(const void *bytes, size_t len);
char *mem_strdup(const char *text);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Room for one more item in a growing array: returns the array, perhaps moved; *cap counts items. */
void *mem_grow(void *items, size_t nitems, size_t *cap, size_t item_len);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
