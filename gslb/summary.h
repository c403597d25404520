/* summary - what this gslbd measured and was told, said to those of other regions as periodic state (base/state.h), and what they say taken in: the
 * round trips to clients (meter.h), some of them every ten seconds in turn, and the loads of pools (load.h), at once. Without gslb-relay each
 * goes on with what it has. Main thread. */
#ifndef GSLB_SUMMARY_H
#define GSLB_SUMMARY_H

#include "gslb/daemon.h"

struct summary;

struct summary *summary_new(struct daemon *daemon);
void summary_free(struct summary *summary);    /* NULL is fine */
int summary_fd(const struct summary *summary); /* readable: call summary_run; it changes; -1: not connected */
/* When to call again at the latest (monotonic). */
uint64_t summary_run(struct summary *summary, uint64_t now_ms, uint64_t wall_ms);

#endif
