/* closely - a decision in all its cases: order → the first tie group with something in service → a pool of it → its endpoints; then
 * the fallback, and what a service does when all is down. Inside the decision core: decide comes here with what a glance does not settle, and
 * with all that is to be explained. */
#ifndef GSLB_CLOSELY_H
#define GSLB_CLOSELY_H

#include "gslb/glance.h"

/* scope and class of the decision are set, and stay but for negative answers. */
void decide_closely(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct glance_choice *choice, struct decision *decision,
	struct trace *trace);

#endif
