/* drill_measure - the values of a drill's conditions, measured in a world and on the answers of the last seconds. Inside the drills;
 * main thread. */
#ifndef GSLB_DRILL_MEASURE_H
#define GSLB_DRILL_MEASURE_H

#include "gslb/drill_run.h"

struct drill_measures;

/* Are the services and pools that conditions name known, and does what must always hold hold now? */
bool drill_measures_check(const struct drill_plan *plan, const struct world *world, uint64_t now_ms, struct err *err);
/* Their state now is what "another pool goes down" compares with. */
struct drill_measures *drill_measures_new(
	const struct drill_plan *plan, const struct world *world, const struct drill_traffic *traffic, uint64_t now_ms);
void drill_measures_free(struct drill_measures *measures); /* NULL is fine */
/* The world has another snapshot. */
void drill_measures_reload(struct drill_measures *measures, const struct world *world, uint64_t now_ms);
/* Answers before this time (wall) count no more: a step changed what is answered. */
void drill_measures_restart(struct drill_measures *measures, uint64_t from_ms);
void drill_measures_take(struct drill_measures *measures, const struct world *world,
	const struct drill_traffic *traffic, uint64_t now_ms);
/* One value for each of the plan's conditions. */
void drill_measures_read(struct drill_measures *measures, const struct world *world, uint64_t now_ms,
	struct drill_value values[DRILL_CONDITIONS_MAX]);

#endif
