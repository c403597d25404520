/* A family that had no address has nothing to lose, and a first answer nothing to be compared with: both are believed. A set that
 * is exchanged for another one is usual (it is what clouds do all day): its endpoints are probed like all others. */
#include "health/lookup_doubt.h"

static enum lookup_change change_of(unsigned had, unsigned has)
{
	if (had == 0)
		return LOOKUP_USUAL;
	if (has == 0)
		return LOOKUP_VANISHES;
	return has > LOOKUP_EXPLODES_FROM && has > LOOKUP_EXPLODES_TIMES * had ? LOOKUP_EXPLODES : LOOKUP_USUAL;
}

enum lookup_belief lookup_doubt_step(struct lookup_doubt *doubt, unsigned had, unsigned has, uint64_t now_ms)
{
	enum lookup_change change = change_of(had, has);
	uint64_t wait_ms = change == LOOKUP_VANISHES ? LOOKUP_VANISHES_MS : LOOKUP_EXPLODES_MS;

	if (change == LOOKUP_USUAL) {
		*doubt = (struct lookup_doubt){ 0 };
		return LOOKUP_TAKE;
	}
	if (doubt->change != change) {
		*doubt = (struct lookup_doubt){ .change = change, .seen = 1, .since_ms = now_ms };
		return LOOKUP_DOUBTED;
	}
	doubt->seen++;
	if (doubt->seen < LOOKUP_SEEN || now_ms < doubt->since_ms + wait_ms)
		return LOOKUP_STILL_DOUBTED;
	*doubt = (struct lookup_doubt){ 0 };
	return LOOKUP_TAKE;
}
