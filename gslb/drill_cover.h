/* drill_cover - what a target covers, as the packet path sees it: an overlay with nothing else in it. Inside the drills; main
 * thread. */
#ifndef GSLB_DRILL_COVER_H
#define GSLB_DRILL_COVER_H

#include "gslb/decide.h"

/* For overlay_free. A target that is unknown here covers nothing. */
struct overlay *drill_cover_new(const struct snapshot *snapshot, const char *target);

static inline bool drill_cover_is_set(const uint16_t pair[2])
{
	return (pair[0] | pair[1]) != 0;
}

/* The pool, or an endpoint of it. */
bool drill_cover_has_pool(const struct overlay *cover, const struct snapshot *snapshot, uint32_t pool);
/* Anything that the service may answer with. */
bool drill_cover_has_service(
	const struct overlay *cover, const struct snapshot *snapshot, const struct service_plan *plan);

#endif
