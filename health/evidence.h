/* evidence - how much a run of failed probes says, on this path. A path that loses every tenth packet fails every tenth probe
 * of an endpoint that is well: there, three failures are no proof. So each failure counts by its likelihood ratio, and the loss
 * of the path is measured while the endpoint is up. All zero is a good start. One thread's own; no clock. */
#ifndef GSLB_HEALTH_EVIDENCE_H
#define GSLB_HEALTH_EVIDENCE_H

#include "health/health.h"

/* A result that may be the path's fault; any other failure is the endpoint's own word, which no loss forges. */
static inline bool result_is_silence(enum probe_result result)
{
	return result == PROBE_TIMEOUT || result == PROBE_UNREACHABLE;
}

/* A success of an endpoint that is not down: the failures before it, if any, were the path's, and are learned as its loss. */
void evidence_success(struct evidence *evidence);
void evidence_failure(struct evidence *evidence, enum probe_result result);
/* It is down: what failed in this doubt was no loss. */
void evidence_forget(struct evidence *evidence);
/* Enough to call it down, were it for `fall` failures on a clean path? */
bool evidence_convicts(const struct evidence *evidence, unsigned fall);
/* How many more failures like `result` would be enough; at least 1 unless it convicts. */
unsigned evidence_missing(const struct evidence *evidence, unsigned fall, enum probe_result result);
unsigned evidence_loss_permille(const struct evidence *evidence); /* 0: as good as none, or not known yet */
void evidence_set_loss(struct evidence *evidence, unsigned permille);

#endif
