/* pages - large growing arrays straight from the kernel, in geo/ only. They grow without copying (mremap) and go back
 * to the kernel when freed, however the heap is fragmented. One thread's own while it grows. Running out of memory is an
 * abort, as for the heap. */
#ifndef GSLB_GEO_PAGES_H
#define GSLB_GEO_PAGES_H

#include <stddef.h>

struct pages {
	void *at;        /* NULL while nothing was added */
	size_t len, cap; /* bytes */
};

/* Room for `more` bytes behind the last; the caller writes them. len counts them already. */
void *pages_add(struct pages *pages, size_t more);
/* Give back what lies past len. */
void pages_trim(struct pages *pages);
/* The same for what will be read all over: it moves to huge pages where it is large. They are there from the first touch only, so
 * that what grew page by page would stay as it is. */
void pages_settle(struct pages *pages);
void pages_free(struct pages *pages); /* empty is fine; it is empty afterwards */

#endif
