/* drill_try - the overrides of a drill's steps: set, ended, or only tried. Inside the drills. */
#ifndef GSLB_DRILL_TRY_H
#define GSLB_DRILL_TRY_H

#include "gslb/drill_plan.h"
#include "gslb/override.h"

/* How long ahead the step's override is announced: `lead auto` is the longest TTL of the services that it touches. */
uint64_t drill_lead_ms(const struct drill_step *step, const struct snapshot *snapshot);

struct drill_times {
	uint64_t now_ms, lead_ms;
	uint64_t end_ms; /* of the drill: no override of it lasts longer */
	bool dry_run;
	const struct recent *recent; /* for a dry run: the clients to ask for; may be NULL */
};

/* Set the step's override; refused also where an operator's override of the same target stands. effects: as override_set's. */
bool drill_force(const struct drill_step *step, const struct drill_plan *plan, struct override_list *list,
	const struct world *world, const char *id, const char *who, const struct drill_times *times, json_t **effects,
	struct err *err);
/* End it; one that has ended by itself, or that an operator has put another in place of, is not touched, and that is good. */
bool drill_clear(const struct drill_step *step, struct override_list *list, const struct world *world, const char *id,
	const char *who, uint64_t now_ms, struct err *err);

#endif
