#include "health/votes.h"

#include <assert.h>

void votes_add_since(uint32_t *since, unsigned *n, uint32_t since_s)
{
	unsigned at = (*n)++;

	for (; at > 0 && since[at - 1] > since_s; at--)
		since[at] = since[at - 1];
	since[at] = since_s;
}

/* When the quorum-th of those that say the same began to. */
static uint32_t quorum_since(const struct vote *votes, unsigned assigned, enum vote_says says, unsigned quorum)
{
	uint32_t since[ASSIGN_VANTAGES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < assigned; i++)
		if (votes[i].says == says)
			votes_add_since(since, &n, votes[i].since_s);
	return since[quorum - 1];
}

void votes_count(const struct vote *votes, unsigned assigned, enum health_state before, struct votes_result *result)
{
	unsigned leaning_down = 0, leaning_up = 0;

	assert(assigned > 0 && assigned <= ASSIGN_VANTAGES_MAX);
	*result = (struct votes_result){ .state = before, .quorum = (uint16_t)(assigned / 2 + 1) };
	for (unsigned i = 0; i < assigned; i++)
		switch (votes[i].says) {
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
		result->since_s = quorum_since(
			votes, assigned, result->state == HEALTH_DOWN ? VOTE_DOWN : VOTE_UP, result->quorum);
	if (result->state == HEALTH_DOWN) {
		result->doubt = result->up > 0 || leaning_up >= 2 || (assigned == 1 && leaning_up > 0);
		result->unanimous = result->down >= 2 && result->up == 0;
	} else {
		result->doubt = result->down > 0 || leaning_down >= 2 || (assigned == 1 && leaning_down > 0);
		result->unanimous = result->up >= 2 && result->down == 0;
	}
}
