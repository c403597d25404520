/* forecast - what an override would change, service by service, and whether `keep` forbids it: the pools that stay in service, and
 * where the clients of the last minutes would go, by asking decide() for each with and without it. Main thread. */
#ifndef GSLB_FORECAST_H
#define GSLB_FORECAST_H

#include <jansson.h>

#include "gslb/recent.h"
#include "gslb/target.h"

struct forecast {
	const struct world *before, *after; /* of one snapshot, under two overlays */
	const struct override_target *target;
	const struct recent *recent; /* NULL: clients are not asked for */
	uint64_t now_ms;
	const char *said; /* for the sentence: "drain of eu" */
};

/* Services that the target touches, appended to effects: [{"service":…,"pools_in_service":[before,after],"of":…,"keep":…}], and with
 * recent "clients":{"networks":…,"asked":…,"pools":[{"pool":…,"before_percent":…,"after_percent":…}]}. Percents are of recent
 * answers; networks 0: none is known. False with a sentence when `keep` would be broken. */
bool forecast_make(const struct forecast *forecast, json_t *effects, struct err *err);

#endif
