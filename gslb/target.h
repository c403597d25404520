/* target - what an operator points at, found in a snapshot: "eu", "pool:eu", "endpoint:eu/lb1", "region:eu-west",
 * "service:www/eu"; or a glob: "pool:eu-*", "endpoint:eu/lb?", "region:eu-*", "service:www?/eu". Main thread.
 *
 * A glob stands for whatever has a matching name in the snapshot that is in force: each snapshot looks anew. It matches a whole name,
 * of any case, absolute or relative to its zone, in any zone; '*' stands for any text, dots too, and '?' for one character. */
#ifndef GSLB_TARGET_H
#define GSLB_TARGET_H

#include "gslb/override.h"

enum { TARGET_PART_MAX = 256, TARGET_STARS_MAX = 8 };

struct override_target {
	enum override_kind kind;
	bool glob; /* then there is no more than the two parts, as typed: */
	char first[TARGET_PART_MAX], second[TARGET_PART_MAX];
	uint32_t pool;               /* number; not with OVERRIDE_REGION */
	const struct name *name;     /* OVERRIDE_ENDPOINT: of the SRV target, all addresses of it; NULL: */
	struct addr addr;            /* … this one address */
	const char *region;          /* OVERRIDE_REGION */
	uint32_t service, candidate; /* OVERRIDE_SERVICE_POOL: number, and index in it */
};

/* Find it; what it points into lives as long as the snapshot. False with a sentence: unknown, more than one, or a glob that matches
 * nothing. What has exactly this name comes before a glob: a service's owner may begin with "*". */
bool override_target_find(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err);
/* The same for a text that override_target_text gave; a glob may match nothing. */
bool override_target_again(
	const struct snapshot *snapshot, const char *text, bool glob, struct override_target *target);
/* The canonical text, which names one thing in all zones; a glob as typed; the caller frees it. */
char *override_target_text(const struct snapshot *snapshot, const struct override_target *target);

/* Does it cover this? A region covers its pools; a pool's endpoints and pairs are not covered by what covers the pool. */
bool override_target_has_pool(const struct snapshot *snapshot, const struct override_target *target, uint32_t pool);
bool override_target_has_endpoint(
	const struct snapshot *snapshot, const struct override_target *target, uint32_t endpoint);
bool override_target_has_pair(const struct snapshot *snapshot, const struct override_target *target,
	const struct service_plan *service, uint32_t candidate);
/* How many pools, endpoints or pairs it covers. */
uint32_t override_target_covers(const struct snapshot *snapshot, const struct override_target *target);
/* ---- overlays ---- */

/* Lay an effect over a target. replace: in place of what covers it, else the stronger one counts. */
void overlay_cover(struct overlay *overlay, const struct snapshot *snapshot, const struct override_target *target,
	const struct effect *effect, bool replace);
struct overlay *overlay_copy(
	const struct overlay *overlay, const struct snapshot *snapshot); /* of NULL: an empty one */

#endif
