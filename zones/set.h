/* set - the inside of a zone_set, shared by set.c, link.c and find.c. */
#ifndef GSLB_ZONES_SET_H
#define GSLB_ZONES_SET_H

#include <stdalign.h>

#include "zones/inner.h"

/* A zone, and where its parts start in the set. What a question needs of the zone is here, too: a line of the caches for one about a
 * service and two for others, where there would be three, each known only from the one before. */
struct zone_place {
	alignas(MEM_LINE) struct zone *zone;
	const uint8_t *apex; /* here if there is room for it, else the zone's */
	uint8_t apex_len;
	uint8_t near_apex[47];
	struct table table; /* the zone's, of its: */
	const struct node *nodes;
	const struct service *services; /* as the zone has them; in the set from here on: */
	uint32_t first_service;
	uint32_t first_pool;
	uint32_t *pools; /* number in the set of each of the zone's pool_names; POOL_NONE: no such pool */
};
_Static_assert(offsetof(struct zone_place, table) == MEM_LINE, "of what a service's question reads");

struct zone_set_inner {
	struct arena *arena;
	uint64_t seed;       /* of its names' hashes */
	struct table apexes; /* to places */
	struct table owners; /* to the services that their names find */
	uint64_t depths[2];  /* bit n: a zone's apex has n labels */
	struct zone_place *places;
	size_t nplaces;
	struct service *services; /* writable, while it is linked */
	struct pool *pools;
};

/* The deepest zone at or above the name, from label *i on; what is found has *i at its apex (find.c). */
const struct zone_place *set_deepest_zone(const struct zone_set_inner *inner, const struct name *name, unsigned *i);

/* The checks of what crosses zones; each fills its part of the set's copies (link.c, needs.c, targets.c). */
void link_needs(struct zone_set *set, struct report *report);
void link_services(struct zone_set *set, struct report *report);
void link_targets(struct zone_set *set, struct report *report);
void link_delegations(const struct zone_set *set, struct report *report);

#endif
