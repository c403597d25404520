/* stream - DNS messages out of a TCP byte stream (RFC 1035 4.2.2: two bytes of length before each). Knows no sockets. The
 * buffer is small and lies in the struct; it grows, up to one message's length, only as the bytes of a longer one come in,
 * and shrinks again behind it. One thread's own. */
#ifndef GSLB_STREAM_H
#define GSLB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_SMALL = 1024 };

struct stream {
	uint8_t *bytes; /* small, or heap */
	size_t at, len, cap;
	uint8_t small[STREAM_SMALL];
};

enum stream_verdict {
	STREAM_MORE,    /* no whole message yet */
	STREAM_MESSAGE, /* *message of *len bytes, valid until stream_room */
	STREAM_BAD,     /* a length that no message has: nothing behind it can be trusted */
};

void stream_init(struct stream *stream);
void stream_fini(struct stream *stream);
/* Where the next bytes go, and how many may: at least one, when stream_next said STREAM_MORE. */
uint8_t *stream_room(struct stream *stream, size_t *room);
void stream_took(struct stream *stream, size_t len); /* so many were put there */
enum stream_verdict stream_next(struct stream *stream, const uint8_t **message, size_t *len);
/* Bytes that wait to become a message. */
static inline size_t stream_waiting(const struct stream *stream)
{
	return stream->len - stream->at;
}

/* Bytes of heap it holds. */
static inline size_t stream_heap(const struct stream *stream)
{
	return stream->bytes != stream->small ? stream->cap : 0;
}

#endif
