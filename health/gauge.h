/* gauge - the loads of pools, read from the URLs that give them. A poll is a probe like any other, of an address that is no
 * endpoint. One thread's own. */
#ifndef GSLB_HEALTH_GAUGE_H
#define GSLB_HEALTH_GAUGE_H

#include "health/probe.h"

struct gauges;

/* say is called with a HEALTH_LOAD message for each poll. */
struct gauges *gauges_new(struct loop *loop, struct probe_runner *runner,
	void (*say)(void *arg, const struct health_message *message), void *arg, struct err *err);
void gauges_free(struct gauges *gauges); /* before the runner; NULL is fine */
/* These, and no others: what was there before goes on undisturbed. The list is borrowed until the call returns. */
void gauges_replace(struct gauges *gauges, const struct health_gauge *list, size_t n);

#endif
