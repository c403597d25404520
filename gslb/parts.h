/* parts - what of a snapshot a target takes in: the pairs by which it is answered, and the endpoints that answers then name. A region
 * takes in its pools, a pool its endpoints; an endpoint takes in the pairs of its pool. Main thread. */
#ifndef GSLB_PARTS_H
#define GSLB_PARTS_H

#include "gslb/target.h"

struct parts {
	const struct snapshot *snapshot; /* must live as long */
	struct override_target target;
	bool *pair, *endpoint, *pool; /* by number; a pool of which an endpoint is taken in is, too */
	uint32_t npairs, nendpoints;
};

void parts_init(struct parts *parts, const struct snapshot *snapshot, const struct override_target *target);
void parts_fini(struct parts *parts);
/* Do two targets of one snapshot have something in common? Endpoints must be the same, not only of one pool. */
bool parts_meet(const struct parts *a, const struct parts *b);

#endif
