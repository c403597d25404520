/* glance - a pool at a glance: the common case, in which each endpoint is plainly up or plainly down. Then one bit an endpoint says
 * all, and neither views nor a second look are needed. Inside the decision core; standing.h has the whole of it. */
#ifndef GSLB_GLANCE_H
#define GSLB_GLANCE_H

#include "gslb/pick.h"
#include "gslb/standing.h"

enum { GLANCE_MAX = 64 }; /* endpoints of a pool's family */

/* Look at the pool's endpoints of one family, in SIGHT_NORMAL. False when there is more to see: an override that covers it or an
 * endpoint (even one that is not in force), doubt, damping, a ramp, an address that is too old, pools that it needs, or more than GLANCE_MAX. Else *up has a bit for each endpoint that is up, the
 * part's first the lowest; and pool_look would give what glance_serves says, no doubt, no change and no drain. */
bool pool_glance(
	const struct sight *sight, uint32_t pool, enum family family, const uint16_t *service_pair, uint64_t *up);
/* Is a pool with these endpoints up in service? */
bool glance_serves(const struct snapshot *snapshot, uint32_t pool, enum family family, uint64_t up);

/* How strong such a pool is, as pool_look would give it; something of it is up. */
struct vigour glance_vigour(const struct snapshot *snapshot, const struct pool_part *part, uint64_t up);

/* All that has weight in its first tier is up: it serves all of its clients. Nearly always; else glance_vigour knows. */
static inline bool glance_whole(const struct pool_part *part, uint64_t up)
{
	return (up & part->whole) == part->whole;
}

/* How to choose: weighted rendezvous for the key, or by dice. */
struct glance_choice {
	unsigned wanted; /* 1 to PICK_MAX */
	bool sticky;
	uint64_t key;
	struct dice *dice;
};

/* Choose from the endpoints that are up: of the highest tier that has one, in proportion to weight, without repetition. What has
 * weight 0 only when nothing else of its tier does. Returns how many; endpoint[] are their numbers. */
unsigned glance_pick(const struct snapshot *snapshot, const struct pool_part *part, uint64_t up,
	const struct glance_choice *choice, uint32_t endpoint[static PICK_MAX]);

#endif
