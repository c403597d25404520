/* pool_pick - endpoints of the pool that answers: the highest tier with something available, by weight. Inside the decision
 * core. */
#ifndef GSLB_POOL_PICK_H
#define GSLB_POOL_PICK_H

#include "gslb/glance.h"

struct pool_pick {
	const struct sight *sight;
	const struct service_plan *service;
	unsigned family; /* or FAMILY_ANY */
	struct dice *dice;
	bool sticky;
	uint64_t key;
};

/* Fill in the endpoints, or the target, of decision->pool. False when nothing of it is available. *expires_ms: sooner, when an
 * address that was picked may not be answered for so long. */
bool pool_pick(
	const struct pool_pick *pick, const uint16_t *service_pair, struct decision *decision, uint64_t *expires_ms);
/* The same, when a glance at the pool was enough: with these endpoints up. */
void pool_pick_plain(const struct pool_pick *pick, uint64_t up, struct decision *decision, uint64_t *expires_ms);

#endif
