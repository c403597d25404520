#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void reserve(struct buf *buf, size_t more)
{
	if (buf->len + more + 1 <= buf->cap)
		return;
	buf->cap = (buf->len + more + 1) * 2;
	buf->text = mem_resize(buf->text, buf->cap);
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	reserve(buf, len);
	if (len > 0)
		memcpy(buf->text + buf->len, bytes, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args, again;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len > 0) {
		reserve(buf, (size_t)len);
		vsnprintf(buf->text + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void buf_drop(struct buf *buf, size_t len)
{
	if (buf->text == NULL)
		return;
	memmove(buf->text, buf->text + len, buf->len - len + 1);
	buf->len -= len;
}

void buf_fini(struct buf *buf)
{
	free(buf->text);
	*buf = (struct buf){ 0 };
}
