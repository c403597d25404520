/* buf - text that grows. Init with { 0 }; one thread's own. */
#ifndef GSLB_BASE_BUF_H
#define GSLB_BASE_BUF_H

#include <stddef.h>

struct buf {
	char *text; /* always ends with NUL once something was added; NULL before */
	size_t len, cap;
};

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *buf, size_t len); /* forget the first len bytes */
void buf_fini(struct buf *buf);

#endif
