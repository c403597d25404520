/* ctl_plan - the parts of `gslbctl plan`. */
#ifndef GSLB_CTL_PLAN_H
#define GSLB_CTL_PLAN_H

#include "gslb/ctl_zones.h"

/* Without gslbd: the clients of a file (args.clients), between the zones of args.before and those linked; all that is probed is up. Takes over
 * the set. NULL with a sentence, or with mistakes in *result. */
json_t *ctl_plan_local(
	const json_t *args, struct ctl_zones *zones, struct zone_set *set, json_t **mistakes, struct err *err);
void ctl_plan_print(const json_t *result, const struct ctl_view *view, struct buf *out);

#endif
