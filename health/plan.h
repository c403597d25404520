/* plan - the bytes of a plan: what a memfd from gslbd to gslb-health holds. */
#ifndef GSLB_HEALTH_PLAN_H
#define GSLB_HEALTH_PLAN_H

#include "health/health.h"

/* Append the plan's bytes. False, with what is wrong, when a text is too long for it. */
bool plan_format(const struct health_plan *plan, struct buf *buf, struct err *err);
/* The reverse; texts and arrays lie in the arena. False on any damage. */
bool plan_parse(const uint8_t *bytes, size_t len, struct arena *arena, struct health_plan *plan, struct err *err);

#endif
