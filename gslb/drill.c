/* The rules are looked at before the steps, and the end before the rules: whatever a step waits for, a broken rule or the drill's end
 * comes first. A value that is not known breaks no rule, and fulfils no expectation. */
#include "gslb/drill.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *drill_state_name(enum drill_state state)
{
	switch (state) {
	case DRILL_RUNNING:
		return "RUNNING";
	case DRILL_SUCCEEDED:
		return "SUCCEEDED";
	case DRILL_FAILED:
		return "FAILED";
	case DRILL_ABORTED:
		return "ABORTED";
	}
	abort();
}

const char *drill_value_format(const struct drill_condition *condition, struct drill_value value, char text[static 48])
{
	bool one = value.value == 1;

	if (!value.known) {
		snprintf(text, 48, "too few answers");
		return text;
	}
	switch (condition->measure) {
	case DRILL_SHARE:
	case DRILL_SERVFAIL:
		snprintf(text, 48, "%.2f %%", value.value);
		break;
	case DRILL_POOLS_UP:
	case DRILL_OTHERS_DOWN:
		snprintf(text, 48, "%.0f pool%s", value.value, one ? "" : "s");
		break;
	case DRILL_EMPTY:
		snprintf(text, 48, "%.0f service%s without a pool in service", value.value, one ? "" : "s");
		break;
	}
	return text;
}

void drill_begin(struct drill *drill, const struct drill_plan *plan, uint64_t now_ms)
{
	*drill = (struct drill){ .plan = plan, .begun_ms = now_ms, .end_ms = now_ms + plan->end_ms };
}

void drill_stop(struct drill *drill, enum drill_state state, uint64_t now_ms, const char *fmt, ...)
{
	va_list args;

	if (drill->state != DRILL_RUNNING)
		return; /* the first reason stands */
	drill->state = state;
	drill->ended_ms = now_ms;
	va_start(args, fmt);
	vsnprintf(drill->reason, sizeof drill->reason, fmt, args);
	va_end(args);
}

/* ---- rules ---- */

/* Is a worse for the condition than b? */
static bool worse(const struct drill_condition *condition, double a, double b)
{
	bool low_is_worse = condition->compare != DRILL_UNDER;

	if (condition->role == DRILL_ABORT_WHEN) /* it is good when it does not hold */
		low_is_worse = !low_is_worse;
	return low_is_worse ? a < b : a > b;
}

static void note_extremes(struct drill *drill, const struct drill_value *values, uint64_t now_ms)
{
	for (size_t i = 0; i < drill->plan->nconditions; i++) {
		struct drill_extreme *extreme = &drill->extreme[i];

		if (!values[i].known || drill->plan->conditions[i].role == DRILL_EXPECTED)
			continue;
		if (extreme->worst.known && !worse(&drill->plan->conditions[i], values[i].value, extreme->worst.value))
			continue;
		*extreme = (struct drill_extreme){ values[i], now_ms };
	}
}

static void look_at_rules(struct drill *drill, const struct drill_value *values, uint64_t now_ms)
{
	char text[48], end[32];

	for (size_t i = 0; i < drill->plan->nconditions; i++) {
		const struct drill_condition *condition = &drill->plan->conditions[i];
		bool holds = values[i].known && drill_condition_holds(condition, values[i].value);

		if (condition->role == DRILL_ALWAYS && values[i].known && !holds)
			drill_stop(drill, DRILL_FAILED, now_ms, "%s: no longer so, measured %s", condition->text,
				drill_value_format(condition, values[i], text));
		if (condition->role == DRILL_ABORT_WHEN && holds)
			drill_stop(drill, DRILL_ABORTED, now_ms, "%s: it is so, measured %s", condition->text,
				drill_value_format(condition, values[i], text));
	}
	if (now_ms >= drill->end_ms)
		drill_stop(drill, DRILL_ABORTED, now_ms, "its end came after %s, before all steps were done",
			duration_format(drill->plan->end_ms, end));
}

/* ---- steps ---- */

static enum drill_action action_of(enum drill_verb verb)
{
	switch (verb) {
	case DRILL_FORCE:
		return DRILL_DO_FORCE;
	case DRILL_CLEAR:
		return DRILL_DO_CLEAR;
	case DRILL_NOTE:
		return DRILL_DO_NOTE;
	case DRILL_WAIT:
	case DRILL_EXPECT:
		return DRILL_DO_NOTHING;
	}
	abort();
}

static bool is_over(struct drill *drill, const struct drill_step *step, struct drill_stage *stage,
	const struct drill_value *values, uint64_t now_ms)
{
	const struct drill_condition *condition = &drill->plan->conditions[step->condition];
	char text[48], within[32];

	switch (step->verb) {
	case DRILL_FORCE:
	case DRILL_CLEAR:
	case DRILL_NOTE:
		return stage->effective_ms != 0 && now_ms >= stage->effective_ms;
	case DRILL_WAIT:
		return now_ms >= stage->begun_ms + step->wait_ms;
	case DRILL_EXPECT:
		stage->value = values[step->condition];
		if (stage->value.known && drill_condition_holds(condition, stage->value.value))
			return true;
		if (now_ms < stage->begun_ms + step->wait_ms)
			return false;
		drill->step_failed = true;
		drill_stop(drill, DRILL_FAILED, now_ms, "step %zu: %s: not so within %s, measured %s", drill->at + 1,
			condition->text, duration_format(step->wait_ms, within),
			drill_value_format(condition, stage->value, text));
		return false;
	}
	abort();
}

/* Go along the steps until one has to be waited for, or done. */
static enum drill_action look_at_steps(struct drill *drill, const struct drill_value *values, uint64_t now_ms)
{
	while (drill->at < drill->plan->nsteps) {
		const struct drill_step *step = &drill->plan->steps[drill->at];
		struct drill_stage *stage = &drill->stage[drill->at];

		if (stage->begun_ms == 0)
			stage->begun_ms = now_ms;
		if (stage->effective_ms == 0 && action_of(step->verb) != DRILL_DO_NOTHING)
			return action_of(step->verb);
		if (!is_over(drill, step, stage, values, now_ms))
			return DRILL_DO_NOTHING;
		stage->ended_ms = now_ms;
		drill->at++;
	}
	drill_stop(drill, DRILL_SUCCEEDED, now_ms, "all %zu steps done, and all that was to hold held",
		drill->plan->nsteps);
	return DRILL_DO_NOTHING;
}

enum drill_action drill_step(struct drill *drill, const struct drill_value *values, uint64_t now_ms)
{
	enum drill_action action = DRILL_DO_NOTHING;

	if (drill->state == DRILL_RUNNING) {
		note_extremes(drill, values, now_ms);
		look_at_rules(drill, values, now_ms);
	}
	if (drill->state == DRILL_RUNNING)
		action = look_at_steps(drill, values, now_ms);
	if (drill->state == DRILL_RUNNING || drill->put_back)
		return action;
	drill->put_back = true;
	return DRILL_DO_PUT_BACK;
}

void drill_done(struct drill *drill, uint64_t effective_ms)
{
	drill->stage[drill->at].effective_ms = effective_ms;
}
