/* lookup - endpoints that are names: resolve them, and again before their TTL ends. One thread's own. */
#ifndef GSLB_HEALTH_LOOKUP_H
#define GSLB_HEALTH_LOOKUP_H

#include "health/health.h"
#include "health/loop.h"

struct lookups;

/* take is called with a HEALTH_RESOLVED message for each answer, changed or only renewed, and for each failure. */
struct lookups *lookups_new(
	struct loop *loop, void (*take)(void *arg, const struct health_message *message), void *arg, struct err *err);
void lookups_free(struct lookups *lookups);
/* These, and no others: what was there before goes on undisturbed. The list is borrowed until the call returns. */
void lookups_replace(struct lookups *lookups, const struct health_lookup *list, size_t n);

#endif
