/* Any bytes as a TCP stream: cut into pieces in any way, it gives the same messages as read at one go. The first byte seeds the
 * cuts. */
#include <stdlib.h>
#include <string.h>

#include "gslb/stream.h"

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The next message of the whole, by the rule itself; NULL: none is whole, or *bad. */
static const uint8_t *next_plainly(const uint8_t *data, size_t len, size_t *at, size_t *message_len, bool *bad)
{
	size_t left = len - *at;

	if (left < 2)
		return NULL;
	*message_len = (size_t)(data[*at] << 8 | data[*at + 1]);
	*bad = *message_len < 12;
	if (*bad || left - 2 < *message_len)
		return NULL;
	*at += 2 + *message_len;
	return data + *at - *message_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum stream_verdict verdict = STREAM_MORE;
	struct dice dice = { len > 0 ? data[0] : 0 };
	struct stream stream;
	const uint8_t *message, *expected;
	size_t at = 0, taken = 0, message_len, expected_len;
	bool bad = false;

	stream_init(&stream);
	while (at < len && verdict != STREAM_BAD) {
		size_t room, take = 1 + dice_below(&dice, dice_below(&dice, 3) == 0 ? 4000 : 20);
		uint8_t *to = stream_room(&stream, &room);

		if (room == 0 || stream.cap > 2 * (stream_waiting(&stream) + STREAM_SMALL))
			abort();
		take = take < room ? take : room;
		take = take < len - at ? take : len - at;
		memcpy(to, data + at, take);
		stream_took(&stream, take);
		at += take;
		while ((verdict = stream_next(&stream, &message, &message_len)) == STREAM_MESSAGE) {
			expected = next_plainly(data, at, &taken, &expected_len, &bad);
			if (expected == NULL || expected_len != message_len ||
				memcmp(expected, message, message_len) != 0)
				abort();
		}
		if (next_plainly(data, at, &taken, &expected_len, &bad) != NULL || bad != (verdict == STREAM_BAD))
			abort();
	}
	stream_fini(&stream);
	return 0;
}
