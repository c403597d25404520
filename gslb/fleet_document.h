/* fleet_document - the fleet in what gslbd tells of itself: what the regions say of an endpoint, and how gslb-health stands with the other
 * hosts. Any thread; all of it is read from the board. */
#ifndef GSLB_FLEET_DOCUMENT_H
#define GSLB_FLEET_DOCUMENT_H

#include <jansson.h>

#include "gslb/snapshot.h"

/* Adds "votes": [{"region", "says": "up", "leaning"}], "regional" and "frozen" to the endpoint's object; nothing outside of a fleet. */
void fleet_document_votes(
	json_t *json, const struct world *world, const struct endpoint *endpoint, const struct verdict *verdict);
/* {"regions", "relay", "bus", "digest", …}; null outside of a fleet. */
json_t *fleet_document(const struct board *board);
void fleet_document_alarms(json_t *alarms, const struct board *board);

#endif
