/* needs - why a pool that another one needs is not in service, in words: for explain, tables and logs. */
#ifndef GSLB_NEEDS_H
#define GSLB_NEEDS_H

#include "gslb/decide.h"

/* "needs db-eu, which is down (connect refused)"; labels are those of the zone of `pool`. */
void needs_text(const struct world *world, uint32_t pool, uint32_t missing, uint64_t now_ms, struct buf *text);

#endif
