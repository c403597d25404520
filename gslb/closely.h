/* closely - a decision in all its cases: order → the first tie group with something in service → a pool of it → its endpoints; then
 * the fallback, and what a service does when all is down. Inside the decision core: decide comes here with what a glance does not settle, and
 * with all that is to be explained. */
#ifndef GSLB_CLOSELY_H
#define GSLB_CLOSELY_H

#include "gslb/glance.h"
#include "gslb/split.h"
#include "gslb/ttl.h"

/* The TTL while nothing changes: one for the whole block that an ECS answer is kept for, or for the resolver's neighbours. */
static inline uint32_t decide_steady_ttl(
	const struct service_plan *service, const struct client *client, uint8_t scope, uint64_t now_ms)
{
	return ttl_steady(service->ttl_max_s, decide_ttl_span(service), service->identity, &client->addr,
		client->ecs ? scope : 0, now_ms);
}

/* scope and class of the decision are set, and stay but for negative answers. split: the order is that of this row; NULL: it is the
 * class's own. */
void decide_closely(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct split_row *split,
	const struct glance_choice *choice, struct decision *decision, struct trace *trace);

#endif
