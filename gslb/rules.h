/* rules - what gslb-health needs to judge beyond the probes, made from a snapshot: which endpoints can fail together, and for the
 * mass-failure budget which slots make a pool, and which pools a service. Main thread, or a test's. */
#ifndef GSLB_RULES_H
#define GSLB_RULES_H

#include "gslb/snapshot.h"

/* groups[endpoint number]: its group of kin (kin.h), where it is probed. Returns how many there are. */
uint32_t rules_groups(const struct snapshot *snapshot, uint32_t *groups);
/* Fill in the plan's pools and services, which lie in the arena. For more than one vantage: one has no budget. */
void rules_budget(const struct snapshot *snapshot, struct arena *arena, struct health_plan *plan);
/* Is candidate i one of the service's pools? A fallback that is not listed is the last resort, and none of those to be kept. */
static inline bool rules_counts(const struct service_plan *service, uint32_t i)
{
	return service->list->candidate[i].pool != service->list->fallback || i < service->list->nlisted;
}

#endif
