#include "relay/expiry.h"

enum expiry_word expiry_is(const struct expiry *expiry, uint64_t wall_ms)
{
	if (expiry->ends_ms == 0 || wall_ms + EXPIRY_SOON_MS < expiry->ends_ms)
		return EXPIRY_NOTHING;
	return wall_ms < expiry->ends_ms ? EXPIRY_SOON : EXPIRY_OVER;
}

enum expiry_word expiry_say(struct expiry *expiry, uint64_t wall_ms)
{
	enum expiry_word word = expiry_is(expiry, wall_ms);
	bool over = word == EXPIRY_OVER;

	if (word == EXPIRY_NOTHING)
		return word;
	if (expiry->said_ms != 0 && over == expiry->over && wall_ms < expiry->said_ms + EXPIRY_AGAIN_MS)
		return EXPIRY_NOTHING;
	expiry->said_ms = wall_ms;
	expiry->over = over;
	return word;
}
