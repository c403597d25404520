/* drill_plan - what a drill file says: its steps, what must hold, when to stop, when to run by itself. Plain values made from
 * text; no world is asked. The language is gslb.drill(5). Any thread. */
#ifndef GSLB_DRILL_PLAN_H
#define GSLB_DRILL_PLAN_H

#include "base/base.h"
#include "gslb/drill_schedule.h"
#include "gslb/snapshot.h"

enum {
	DRILL_FILE_MAX = 64 * 1024, /* bytes */
	DRILL_NAME_MAX = 64,
	DRILL_STEPS_MAX = 100,
	DRILL_CONDITIONS_MAX = 64,
	DRILL_END_DEFAULT_MS = 3600000,
	DRILL_END_MAX_MS = 86400000,
};

/* What a condition looks at. */
enum drill_measure {
	DRILL_POOLS_UP,    /* pools of a service in service */
	DRILL_SHARE,       /* percent of the answers that a pool gives, of one service or of all that use it */
	DRILL_SERVFAIL,    /* percent of all queries */
	DRILL_EMPTY,       /* answers without an address or SERVFAIL, of all queries, since the drill began */
	DRILL_OTHERS_DOWN, /* pools that the drill does not name and that went down since it began */
};

enum drill_compare { DRILL_AT_LEAST, DRILL_OVER, DRILL_UNDER };
enum drill_role { DRILL_EXPECTED /* by a step */, DRILL_ALWAYS, DRILL_ABORT_WHEN };

struct drill_condition {
	enum drill_role role;
	enum drill_measure measure;
	enum drill_compare compare;
	double bound;
	char *service, *pool; /* as written; NULL: none */
	char *text;           /* as written */
};

enum drill_verb { DRILL_FORCE, DRILL_CLEAR, DRILL_WAIT, DRILL_NOTE, DRILL_EXPECT };

struct drill_step {
	enum drill_verb verb;
	char *text;   /* as written */
	char *target; /* force, clear */
	enum override_action action;
	bool lead_auto;   /* announce it by the longest TTL that the target's services give */
	uint64_t lead_ms; /* … or by so much */
	uint64_t over_ms; /* drain gradually */
	uint64_t for_ms;  /* it ends by itself; 0: with the drill */
	uint64_t wait_ms; /* wait: how long; expect: at most */
	size_t condition; /* expect: which of the plan's */
};

struct drill_plan {
	char *name, *why;
	uint64_t end_ms; /* all is put back after so long, whatever happens */
	struct drill_step *steps;
	size_t nsteps;
	struct drill_condition *conditions; /* conditions[0] is always there: answers never empty */
	size_t nconditions;
	struct drill_schedule schedule;
	char *text; /* the file */
};

/* NULL with every mistake in the report ("evacuate.yaml:7:5: steps: wait 5x: not a duration (try wait 30s)"). */
struct drill_plan *drill_plan_parse(const char *file, const char *text, size_t len, struct report *report);
void drill_plan_free(struct drill_plan *plan); /* NULL is fine */

bool drill_condition_holds(const struct drill_condition *condition, double value);
/* What of the drill's time the steps may take at most, without a lead that the world decides. */
uint64_t drill_plan_longest_ms(const struct drill_plan *plan);

/* drill_words.c: one step or one condition of a role; false with a sentence. What they hold is the plan's. */
bool drill_step_parse(struct drill_plan *plan, const char *text, struct err *err);
bool drill_condition_parse(struct drill_plan *plan, enum drill_role role, const char *text, struct err *err);

#endif
