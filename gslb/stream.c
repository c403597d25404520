#include "gslb/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LENGTH_LEN = 2, MESSAGE_MIN = 12 };

void stream_init(struct stream *stream)
{
	stream->bytes = stream->small;
	stream->at = stream->len = 0;
	stream->cap = sizeof stream->small;
}

void stream_fini(struct stream *stream)
{
	if (stream->bytes != stream->small)
		free(stream->bytes);
	stream_init(stream);
}

static size_t announced(const struct stream *stream)
{
	const uint8_t *at = stream->bytes + stream->at;

	return (size_t)(at[0] << 8 | at[1]);
}

/* Into a buffer of cap bytes: the small one when it will do. */
static void move_to(struct stream *stream, size_t cap)
{
	size_t waiting = stream_waiting(stream);
	uint8_t *bytes = cap <= sizeof stream->small ? stream->small : mem_alloc(cap);

	memmove(bytes, stream->bytes + stream->at, waiting);
	if (stream->bytes != stream->small && stream->bytes != bytes)
		free(stream->bytes);
	stream->bytes = bytes;
	stream->at = 0;
	stream->len = waiting;
	stream->cap = cap <= sizeof stream->small ? sizeof stream->small : cap;
}

uint8_t *stream_room(struct stream *stream, size_t *room)
{
	size_t waiting = stream_waiting(stream);

	if (waiting == stream->cap) {
		/* an announced length is only a promise: memory follows what in fact came */
		size_t need = LENGTH_LEN + announced(stream);

		move_to(stream, need > waiting && need < 2 * waiting ? need : 2 * waiting);
	} else if (stream->at > 0) {
		move_to(stream, waiting < sizeof stream->small ? sizeof stream->small : stream->cap);
	}
	*room = stream->cap - stream->len;
	return stream->bytes + stream->len;
}

void stream_took(struct stream *stream, size_t len)
{
	assert(len <= stream->cap - stream->len);
	stream->len += len;
}

enum stream_verdict stream_next(struct stream *stream, const uint8_t **message, size_t *len)
{
	size_t waiting = stream_waiting(stream);

	if (waiting < LENGTH_LEN)
		return STREAM_MORE;
	*len = announced(stream);
	if (*len < MESSAGE_MIN)
		return STREAM_BAD;
	if (waiting - LENGTH_LEN < *len)
		return STREAM_MORE;
	*message = stream->bytes + stream->at + LENGTH_LEN;
	stream->at += LENGTH_LEN + *len;
	return STREAM_MESSAGE;
}
