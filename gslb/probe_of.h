/* probe_of - how an endpoint of a pool is probed: zones' words in health's. Pure. */
#ifndef GSLB_PROBE_OF_H
#define GSLB_PROBE_OF_H

#include "health/health.h"
#include "zones/zones.h"

/* Borrows the pool's strings. room: where the names that stand for an empty host or qname are written. */
struct health_probe probe_of(const struct pool *pool, const struct target *target, char room[static NAME_TEXT_MAX]);

#endif
