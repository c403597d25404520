/* target - what an operator points at, found in a snapshot: "eu", "pool:eu", "endpoint:eu/lb1", "region:eu-west",
 * "service:www/eu". Main thread. */
#ifndef GSLB_TARGET_H
#define GSLB_TARGET_H

#include "gslb/override.h"

struct override_target {
	enum override_kind kind;
	uint32_t pool;               /* number; not with OVERRIDE_REGION */
	const struct name *name;     /* OVERRIDE_ENDPOINT: of the SRV target, all addresses of it; NULL: */
	struct addr addr;            /* … this one address */
	const char *region;          /* OVERRIDE_REGION */
	uint32_t service, candidate; /* OVERRIDE_SERVICE_POOL: number, and index in it */
};

/* Find it; what it points into lives as long as the snapshot. False with a sentence: unknown, or more than one. */
bool override_target_find(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err);
/* The canonical text, which names one thing in all zones; the caller frees it. */
char *override_target_text(const struct snapshot *snapshot, const struct override_target *target);

/* Does it cover one of the pools that the service uses? */
bool override_target_touches(
	const struct snapshot *snapshot, const struct override_target *target, const struct service_plan *service);

/* ---- overlays ---- */

/* Lay an effect over a target. replace: in place of what covers it, else the stronger one counts. */
void overlay_cover(struct overlay *overlay, const struct snapshot *snapshot, const struct override_target *target,
	const struct effect *effect, bool replace);
struct overlay *overlay_copy(
	const struct overlay *overlay, const struct snapshot *snapshot); /* of NULL: an empty one */

#endif
