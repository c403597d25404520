/* eyes - what this vantage knows of its own sight: its anchors, the crowd of its endpoints, and whether it abstains for them. One
 * line goes to the log when abstaining begins, and one when it ends. One thread's own. */
#ifndef GSLB_HEALTH_EYES_H
#define GSLB_HEALTH_EYES_H

#include "health/abstain.h"
#include "health/crowd.h"
#include "health/loop.h"
#include "health/probe.h"

struct eyes;

/* news is called when abstaining began, changed or ended, with the message that says so. */
struct eyes *eyes_new(struct loop *loop, struct probe_runner *runner,
	void (*news)(void *arg, const struct health_message *message), void *arg);
void eyes_free(struct eyes *eyes);
/* A plan: its anchors and groups. Whoever was in the crowd must join anew. */
void eyes_set(struct eyes *eyes, const struct health_plan *plan);
struct crowd *eyes_crowd(struct eyes *eyes);

bool eyes_abstain(const struct eyes *eyes);
/* How often abstaining has ended: who counts failures in a row begins anew after each. */
uint32_t eyes_epoch(const struct eyes *eyes);
/* May an endpoint be taken down that has failed since since_ms (monotonic), while others were seen to answer or not? */
bool eyes_allow_down(struct eyes *eyes, uint64_t since_ms);
/* An endpoint that is up begins to fail: is it alone? Asks the anchors; true when some of the crowd should be probed now, too:
 * there are enough groups, and it is not so soon after the last time. */
bool eyes_call_witnesses(struct eyes *eyes);
/* Call once a second. */
void eyes_tick(struct eyes *eyes);

#endif
