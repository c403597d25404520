/* set - the inside of a zone_set, shared by set.c, link.c and find.c. */
#ifndef GSLB_ZONES_SET_H
#define GSLB_ZONES_SET_H

#include <stdalign.h>

#include "zones/inner.h"

/* A zone, and where its parts start in the set. What a question needs of the zone is here, too: one line of the caches where there would be
 * three, each known only from the one before. */
struct zone_place {
	alignas(MEM_LINE) struct zone *zone;
	struct table table; /* the zone's, of its: */
	const struct node *nodes;
	const uint8_t *apex;
	const struct service *services; /* as the zone has them; in the set from here on: */
	uint32_t first_service;
	uint8_t apex_len;
	/* on another line: finding a name has no use for it */
	uint32_t first_pool;
	uint32_t *pools; /* number in the set of each of the zone's pool_names; POOL_NONE: no such pool */
};

struct zone_set_inner {
	struct arena *arena;
	uint64_t seed;       /* of its names' hashes */
	struct table apexes; /* to places */
	uint64_t depths[2];  /* bit n: a zone's apex has n labels */
	struct zone_place *places;
	size_t nplaces;
	struct service *services; /* writable, while it is linked */
	struct pool *pools;
};

/* The checks of what crosses zones; each fills its part of the set's copies (link.c, needs.c, targets.c). */
void link_needs(struct zone_set *set, struct report *report);
void link_services(struct zone_set *set, struct report *report);
void link_targets(struct zone_set *set, struct report *report);
void link_delegations(const struct zone_set *set, struct report *report);

#endif
