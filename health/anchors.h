/* anchors - addresses of the operator's choice that are asked without end whether they are there: when they are not, the fault is
 * likely ours. A TCP connection that is accepted or refused is a sign of life. One thread's own. */
#ifndef GSLB_HEALTH_ANCHORS_H
#define GSLB_HEALTH_ANCHORS_H

#include "health/abstain.h"
#include "health/loop.h"
#include "health/probe.h"

struct anchors;

/* changed is called when the counts may have. loop and runner are borrowed. */
struct anchors *anchors_new(struct loop *loop, struct probe_runner *runner, void (*changed)(void *arg), void *arg);
void anchors_free(struct anchors *anchors); /* NULL is fine */
/* Ask these from now on; one that was asked before is known still. */
void anchors_set(struct anchors *anchors, const struct health_anchor *list, size_t n);
/* Something looks wrong: ask all of them now. */
void anchors_hurry(struct anchors *anchors);
/* Fill in the anchors' part. One that was never heard of fails only after two failures, too. */
void anchors_count(const struct anchors *anchors, struct abstain_counts *counts);

#endif
