/* drill - a drill's course as a pure state machine: what is measured and the time come in, what is to be done comes out. It sets no
 * override, reads no clock and knows no world; drill_run.h joins it to one. One thread's own. */
#ifndef GSLB_DRILL_H
#define GSLB_DRILL_H

#include "gslb/drill_plan.h"

enum drill_state { DRILL_RUNNING, DRILL_SUCCEEDED, DRILL_FAILED, DRILL_ABORTED };
const char *drill_state_name(enum drill_state state); /* "SUCCEEDED" */

/* What a condition measures now; not known: too few answers were given to say. */
struct drill_value {
	bool known;
	double value;
};

/* A step's course; times are wall, 0: not yet. */
struct drill_stage {
	uint64_t begun_ms, effective_ms /* force: when it is in force */, ended_ms;
	struct drill_value value; /* expect: the last one measured */
};

/* Of a condition over the whole drill, the value that was worst for it. */
struct drill_extreme {
	struct drill_value worst;
	uint64_t at_ms;
};

struct drill {
	const struct drill_plan *plan;
	enum drill_state state;
	char reason[1200]; /* a sentence, once it has ended */
	uint64_t begun_ms, end_ms, ended_ms;
	size_t at; /* the step under way; plan->nsteps: none */
	struct drill_stage stage[DRILL_STEPS_MAX];
	struct drill_extreme extreme[DRILL_CONDITIONS_MAX];
	bool put_back, step_failed; /* step_failed: it is the step drill->at that ended it */
};

/* What is to be done. */
enum drill_action {
	DRILL_DO_NOTHING,  /* look again later */
	DRILL_DO_FORCE,    /* the step drill->at: set its override, then drill_done or drill_stop */
	DRILL_DO_CLEAR,    /* … end it, the same */
	DRILL_DO_NOTE,     /* … say it, the same */
	DRILL_DO_PUT_BACK, /* end all overrides of the drill; it has ended */
};

/* The plan must outlive it. */
void drill_begin(struct drill *drill, const struct drill_plan *plan, uint64_t now_ms);
/* Look at the values, one for each of the plan's conditions, and say what is next; until it says DRILL_DO_NOTHING. */
enum drill_action drill_step(struct drill *drill, const struct drill_value *values, uint64_t now_ms);
/* What the last action asked for is done, and is in force from effective_ms on. */
void drill_done(struct drill *drill, uint64_t effective_ms);
/* End it for a reason from outside. */
void drill_stop(struct drill *drill, enum drill_state state, uint64_t now_ms, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* "42.30 %": a value with its unit. */
const char *drill_value_format(const struct drill_condition *condition, struct drill_value value, char text[static 48]);

#endif
