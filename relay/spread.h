/* spread - how long things took: counts by bounds, as Prometheus has a histogram. { 0 } at first; one thread's own. */
#ifndef GSLB_RELAY_SPREAD_H
#define GSLB_RELAY_SPREAD_H

#include <stdint.h>

#include "base/base.h"

enum { SPREAD_BOUNDS = 14 };

struct spread {
	uint64_t count[SPREAD_BOUNDS + 1]; /* the last: above all bounds */
	uint64_t sum_us;
};

void spread_add(struct spread *spread, uint64_t took_us);
/* Lines of NAME_bucket, NAME_sum and NAME_count in seconds; labels: `region="eu"`, or "". Nothing when nothing was added. */
void spread_print(const struct spread *spread, const char *name, const char *labels, struct buf *text);

#endif
