/* huge - blocks that are looked up all over, side by side on huge pages. A hundred zones of some ten thousand bytes each would lie on so
 * many small pages that most looks miss the translation cache; a block that is large by itself has huge pages from mem.h. Any thread. */
#ifndef GSLB_BASE_HUGE_H
#define GSLB_BASE_HUGE_H

#include <stddef.h>

/* Zeroed, on cache lines of its own; never NULL. */
void *huge_alloc(size_t len);
/* len as it was asked for; NULL is fine. */
void huge_free(void *block, size_t len);

#endif
