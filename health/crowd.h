/* crowd - what the endpoints look like together, counted by groups that have nothing in common: no pool, no /24, no /48. A group
 * fails when most of its endpoints that are up fail; so one dead pool, or one dead host with many names, is one failing group.
 *
 * A result costs a few additions; how many groups answered since a moment is known to some milliseconds, and for some seconds
 * back. Knows no clock. One thread's own. */
#ifndef GSLB_HEALTH_CROWD_H
#define GSLB_HEALTH_CROWD_H

#include "base/base.h"

enum { CROWD_SLICE_MS = 20, CROWD_SLICES = 320, CROWD_ALONE = 0xffffffff };

struct crowd;

/* An endpoint's part in it; lies in the endpoint. */
struct crowd_member {
	uint32_t group;
	bool up, failing; /* as counted */
	uint64_t ok_ms;   /* of its last success */
};

struct crowd *crowd_new(uint32_t ngroups);
void crowd_free(struct crowd *crowd); /* NULL is fine */

/* Comes in, with what is known of it from another crowd (failing, ok_ms), or goes; a member that is in no group (CROWD_ALONE, or beyond ngroups) is not counted. */
void crowd_join(struct crowd *crowd, struct crowd_member *member, uint32_t group, bool up);
void crowd_leave(struct crowd *crowd, struct crowd_member *member);
/* A result came, and the endpoint is now up, or not. now_ms (monotonic) never goes back. */
void crowd_result(struct crowd *crowd, struct crowd_member *member, bool up, bool ok, uint64_t now_ms);

uint32_t crowd_failing(const struct crowd *crowd);
/* Groups that do not fail and had a success since that moment. */
uint32_t crowd_seen_since(const struct crowd *crowd, uint64_t since_ms);

#endif
