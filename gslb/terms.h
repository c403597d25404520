/* terms - what the detector thinks of an endpoint, for tables and explanations: read from its slot of the board, which another
 * process writes. Main thread. */
#ifndef GSLB_TERMS_H
#define GSLB_TERMS_H

#include <jansson.h>

#include "gslb/standing.h"

/* Adds loss_percent, needed, streak, penalty, damped, and "detector": a sentence on the rule that is at work, or null. Nothing
 * for one that is not probed. */
void terms_add(json_t *json, const struct world *world, const struct endpoint *endpoint, const struct verdict *verdict,
	uint64_t now_ms);

#endif
