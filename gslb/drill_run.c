/* A tick takes in what was answered, measures, and lets the state machine go on. What a step covers is found as the packet path finds
 * it: by an overlay of that one override alone. */
#include "gslb/drill_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/drill_cover.h"
#include "gslb/drill_measure.h"
#include "gslb/drill_try.h"
#include "gslb/standing.h"
#include "gslb/target.h"

struct drill_run {
	struct drill_plan *plan;
	const struct drill_host *host;
	char *id, *who;
	struct drill drill;
	struct drill_gauge *gauge[DRILL_STEPS_MAX];
	struct drill_measures *measures;
	struct drill_value values[DRILL_CONDITIONS_MAX];
	uint64_t serial;              /* of the snapshot that gauges and measures know */
	struct drill_answer *history; /* what was answered, for gauges to come: as long as caches may hold it */
	size_t nhistory, history_cap;
	bool over;
};

enum { HISTORY_MAX = 1 << 16, SAID_MAX = 1400 };

static void say(const struct drill_run *run, const char *fmt, const char *a, const char *b)
{
	char text[SAID_MAX];

	if (run->host->say == NULL)
		return;
	snprintf(text, sizeof text, fmt, a, b);
	run->host->say(run->host->context, text);
}

/* ---- answers ---- */

/* The newer half stays when there are too many: what is old expires first. */
static void remember(struct drill_run *run, const struct drill_answer *answer)
{
	if (run->nhistory == HISTORY_MAX) {
		run->nhistory = HISTORY_MAX / 2;
		memmove(run->history, run->history + HISTORY_MAX / 2, run->nhistory * sizeof *run->history);
	}
	run->history = mem_grow(run->history, run->nhistory, &run->history_cap, sizeof *run->history);
	run->history[run->nhistory++] = *answer;
}

/* ---- beginning ---- */

struct drill_run *drill_run_new(struct drill_plan *plan, const struct drill_host *host, const char *id, const char *who,
	const struct drill_traffic *recent, uint64_t now_ms)
{
	struct drill_run *run = mem_alloc(sizeof *run);
	const struct world *world = host->world(host->context);

	run->plan = plan;
	run->host = host;
	run->id = mem_strdup(id);
	run->who = mem_strdup(who);
	run->serial = world->snapshot->serial;
	for (size_t i = 0; i < recent->nanswers; i++)
		remember(run, &recent->answers[i]);
	run->measures = drill_measures_new(plan, world, recent, now_ms);
	drill_begin(&run->drill, plan, now_ms);
	return run;
}

void drill_run_free(struct drill_run *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; i < DRILL_STEPS_MAX; i++)
		drill_gauge_free(run->gauge[i]);
	drill_measures_free(run->measures);
	drill_plan_free(run->plan);
	free(run->history);
	free(run->id);
	free(run->who);
	free(run);
}

static void take_traffic(struct drill_run *run, const struct drill_traffic *traffic, uint64_t now_ms)
{
	for (size_t i = 0; i < traffic->nanswers; i++) {
		for (size_t k = 0; k < run->plan->nsteps; k++)
			if (run->gauge[k] != NULL)
				drill_gauge_answer(run->gauge[k], &traffic->answers[i]);
		remember(run, &traffic->answers[i]);
	}
	drill_measures_take(run->measures, run->host->world(run->host->context), traffic, now_ms);
}

/* ---- a reload in the middle ---- */

static void cover(struct drill_run *run, size_t step)
{
	const struct snapshot *snapshot = run->host->world(run->host->context)->snapshot;

	drill_gauge_cover(run->gauge[step], snapshot, drill_cover_new(snapshot, run->plan->steps[step].target));
}

/* Numbers are others now: what is remembered by them is forgotten, and what steps cover is looked up by name. */
static void take_snapshot(struct drill_run *run, uint64_t now_ms)
{
	const struct world *world = run->host->world(run->host->context);

	if (run->serial == world->snapshot->serial)
		return;
	run->serial = world->snapshot->serial;
	run->nhistory = 0;
	for (size_t i = 0; i < run->plan->nsteps; i++)
		if (run->gauge[i] != NULL)
			cover(run, i);
	drill_measures_reload(run->measures, world, now_ms);
}

/* ---- what the steps do ---- */

/* Answers are counted for the step from the moment it is in force; those before are its history, and end what the step before it is
 * counted for: until_ms, from when on it may have been published. */
static void begin_gauge(struct drill_run *run, bool returns, uint64_t until_ms, uint64_t effective_ms)
{
	size_t at = run->drill.at;

	for (size_t i = 0; i < at; i++)
		if (run->gauge[i] != NULL)
			drill_gauge_close(run->gauge[i], until_ms);
	run->gauge[at] = drill_gauge_new(at, effective_ms, returns);
	cover(run, at);
	for (size_t i = 0; i < run->nhistory; i++)
		drill_gauge_answer(run->gauge[at], &run->history[i]);
	drill_measures_restart(run->measures, effective_ms);
}

/* What was answered within the millisecond that has begun was answered before. */
static uint64_t in_force_ms(const struct drill_run *run)
{
	return run->host->now_ms(run->host->context) + 1;
}

static void do_force(struct drill_run *run, uint64_t now_ms)
{
	const struct drill_step *step = &run->plan->steps[run->drill.at];
	const struct world *world = run->host->world(run->host->context);
	struct override_list *list = run->host->overrides(run->host->context);
	uint64_t lead_ms = drill_lead_ms(step, world->snapshot), effective_ms;
	struct err err;

	if (!drill_force(step, run->plan, list, world, run->id, run->who,
		    &(struct drill_times){ now_ms, lead_ms, run->drill.end_ms, false, NULL }, NULL, &err)) {
		run->drill.step_failed = true;
		drill_stop(&run->drill, DRILL_FAILED, now_ms, "step %zu: refused: %s", run->drill.at + 1, err.text);
		return;
	}
	run->host->publish(run->host->context);
	effective_ms = lead_ms > 0 ? now_ms + lead_ms : in_force_ms(run);
	drill_done(&run->drill, effective_ms);
	begin_gauge(run, step->action == OVERRIDE_UP, lead_ms > 0 ? effective_ms : now_ms, effective_ms);
}

static void do_clear(struct drill_run *run, uint64_t now_ms)
{
	const struct drill_step *step = &run->plan->steps[run->drill.at];
	struct override_list *list = run->host->overrides(run->host->context);
	struct err err;

	if (!drill_clear(step, list, run->host->world(run->host->context), run->id, run->who, now_ms, &err)) {
		drill_stop(&run->drill, DRILL_FAILED, now_ms, "step %zu: %s", run->drill.at + 1, err.text);
		return;
	}
	run->host->publish(run->host->context);
	drill_done(&run->drill, in_force_ms(run));
	begin_gauge(run, true, now_ms, run->drill.stage[run->drill.at].effective_ms);
}

static void put_back(struct drill_run *run, uint64_t now_ms)
{
	size_t n = override_clear_drill(run->host->overrides(run->host->context), run->id, run->who, now_ms);

	if (n > 0)
		run->host->publish(run->host->context);
	for (size_t i = 0; i < run->plan->nsteps; i++)
		if (run->gauge[i] != NULL)
			drill_gauge_close(run->gauge[i], now_ms);
	run->over = true;
	say(run, "state=%s reason=\"%s\"", drill_state_name(run->drill.state), run->drill.reason);
}

static bool perform(struct drill_run *run, enum drill_action action, uint64_t now_ms)
{
	switch (action) {
	case DRILL_DO_NOTHING:
		return false;
	case DRILL_DO_FORCE:
		do_force(run, now_ms);
		break;
	case DRILL_DO_CLEAR:
		do_clear(run, now_ms);
		break;
	case DRILL_DO_NOTE:
		drill_done(&run->drill, now_ms);
		break;
	case DRILL_DO_PUT_BACK:
		put_back(run, now_ms);
		return false;
	}
	if (run->drill.at < run->plan->nsteps && run->drill.state == DRILL_RUNNING)
		say(run, "step=\"%s\"%s", run->plan->steps[run->drill.at].text, "");
	/* after a force or a clear the values are others: the steps behind it look at the next tick's */
	return action == DRILL_DO_NOTE || run->drill.state != DRILL_RUNNING;
}

static uint64_t next_tick_ms(const struct drill_run *run, uint64_t now_ms)
{
	uint64_t next_ms = now_ms + DRILL_TICK_MS, due_ms = 0;

	if (run->drill.at < run->plan->nsteps)
		due_ms = run->drill.stage[run->drill.at].effective_ms;
	return due_ms > now_ms ? (due_ms < next_ms ? due_ms : next_ms) : next_ms;
}

uint64_t drill_run_tick(struct drill_run *run, const struct drill_traffic *traffic, uint64_t now_ms)
{
	if (run->over)
		return 0;
	take_snapshot(run, now_ms);
	take_traffic(run, traffic, now_ms);
	drill_measures_read(run->measures, run->host->world(run->host->context), now_ms, run->values);
	while (perform(run, drill_step(&run->drill, run->values, now_ms), now_ms))
		;
	return run->over ? 0 : next_tick_ms(run, now_ms);
}

void drill_run_stop(struct drill_run *run, const char *why, uint64_t now_ms)
{
	drill_stop(&run->drill, DRILL_ABORTED, now_ms, "%s", why);
}

const struct drill *drill_run_drill(const struct drill_run *run)
{
	return &run->drill;
}

const char *drill_run_id(const struct drill_run *run)
{
	return run->id;
}

const struct drill_gauge *drill_run_gauge(const struct drill_run *run, size_t step)
{
	return step < run->plan->nsteps ? run->gauge[step] : NULL;
}

json_t *drill_run_report(const struct drill_run *run, uint64_t now_ms)
{
	return drill_report(&(struct drill_report_source){
		.id = run->id,
		.who = run->who,
		.drill = &run->drill,
		.gauges = run->gauge,
		.values = run->values,
		.now_ms = now_ms,
	});
}
