/* What is wanted follows from the demand, which giving some of it away does not change: a step of demand is answered by a few
 * steps of the part, and then by none. Small differences are left alone, since everybody who is moved loses what is cached. */
#include "gslb/spill.h"

enum {
	DEAD_BAND = SPILL_ONE * 3 / 100,
	MOST_MORE = SPILL_ONE / 4, /* a step, when the pool is to be relieved */
	MOST_LESS = SPILL_ONE / 20,
};

uint32_t spill_part(uint32_t part, uint64_t demand, uint64_t target)
{
	uint32_t want = demand <= target ? 0 : (uint32_t)(SPILL_ONE - (unsigned __int128)target * SPILL_ONE / demand);

	/* the last bit of it goes, however little it is */
	if (want > part ? want - part <= DEAD_BAND : part - want <= DEAD_BAND && want > 0)
		return part;
	if (want > part)
		return want - part < MOST_MORE ? want : part + MOST_MORE;
	return part - want < MOST_LESS ? want : part - MOST_LESS;
}
