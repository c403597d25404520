#include "health/votes.h"

#include <assert.h>

static enum vote_says heard(const struct vote *vote, uint64_t now_ms)
{
	bool fresh = now_ms < vote->at_ms + VOTES_FRESH_MS; /* one from a clock ahead of ours is fresh */

	return fresh && !vote->abstains ? vote->says : VOTE_SILENT;
}

/* The quorum-th of those that say the same, by when they began to. */
static uint64_t quorum_since(
	const struct vote *votes, unsigned assigned, enum vote_says says, unsigned quorum, uint64_t now_ms)
{
	uint64_t since[VOTES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < assigned; i++) {
		unsigned at = n;

		if (heard(&votes[i], now_ms) != says)
			continue;
		for (; at > 0 && since[at - 1] > votes[i].since_ms; at--)
			since[at] = since[at - 1];
		since[at] = votes[i].since_ms;
		n++;
	}
	return since[quorum - 1];
}

void votes_count(const struct vote *votes, unsigned assigned, enum health_state before, uint64_t now_ms,
	struct votes_result *result)
{
	unsigned leaning_down = 0, leaning_up = 0;

	assert(assigned > 0 && assigned <= VOTES_MAX);
	*result = (struct votes_result){ .state = before, .quorum = (uint16_t)(assigned / 2 + 1) };
	for (unsigned i = 0; i < assigned; i++)
		switch (heard(&votes[i], now_ms)) {
		case VOTE_SILENT:
			result->silent++;
			break;
		case VOTE_UP:
			result->up++;
			leaning_down += votes[i].leaning;
			break;
		case VOTE_DOWN:
			result->down++;
			leaning_up += votes[i].leaning;
			break;
		}
	if (result->down >= result->quorum)
		result->state = HEALTH_DOWN;
	else if (result->up >= result->quorum)
		result->state = HEALTH_UP;
	result->decided = result->down >= result->quorum || result->up >= result->quorum;
	if (result->decided)
		result->since_ms = quorum_since(
			votes, assigned, result->state == HEALTH_DOWN ? VOTE_DOWN : VOTE_UP, result->quorum, now_ms);
	if (result->state == HEALTH_DOWN) {
		result->doubt = result->up > 0 || leaning_up >= 2 || (assigned == 1 && leaning_up > 0);
		result->unanimous = result->down >= 2 && result->up == 0;
	} else {
		result->doubt = result->down > 0 || leaning_down >= 2 || (assigned == 1 && leaning_down > 0);
		result->unanimous = result->up >= 2 && result->down == 0;
	}
}
