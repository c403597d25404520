/* arena - memory that is freed all at once. One thread builds; afterwards any thread may read what lies in it. */
#ifndef GSLB_BASE_ARENA_H
#define GSLB_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);               /* NULL is fine */
void *arena_alloc(struct arena *arena, size_t len); /* zeroed, aligned for any type; never NULL */
void *arena_dup(struct arena *arena, const void *bytes, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
size_t arena_used(const struct arena *arena); /* bytes taken from the system */

#endif
