#include "relay/doubt.h"

static struct doubt *find(struct doubts *doubts, uint64_t hash)
{
	for (size_t i = 0; i < doubts->n; i++)
		if (doubts->doubt[i].hash == hash)
			return &doubts->doubt[i];
	return NULL;
}

static void drop(struct doubts *doubts, struct doubt *doubt)
{
	*doubt = doubts->doubt[--doubts->n];
}

/* Those that became genuine, or that the bus lost: they do not come any more. */
static void drop_old(struct doubts *doubts, uint64_t now_ms)
{
	for (size_t i = doubts->n; i-- > 0;)
		if (now_ms >= doubts->doubt[i].since_ms + 2 * (uint64_t)DOUBT_MS)
			drop(doubts, &doubts->doubt[i]);
}

bool doubts_leave(struct doubts *doubts, const char *bytes, size_t len, uint64_t now_ms, bool *first)
{
	static const uint8_t key[16] = { 0 };
	uint64_t hash = hash_sip(key, bytes, len);
	struct doubt *doubt;

	drop_old(doubts, now_ms);
	doubt = find(doubts, hash);
	*first = doubt == NULL;
	if (doubt != NULL && now_ms >= doubt->since_ms + DOUBT_MS) {
		drop(doubts, doubt);
		return false;
	}
	if (doubt == NULL && doubts->n == DOUBTS_MAX)
		return false;
	if (doubt == NULL)
		doubts->doubt[doubts->n++] = (struct doubt){ hash, now_ms };
	return true;
}
