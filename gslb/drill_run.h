/* drill_run - a drill in a world: checks it against what is in force, measures its conditions, sets and ends its overrides, and keeps
 * what came of each step. The same in gslbd and, with a clock of its own, in the scenario tests. Main thread. */
#ifndef GSLB_DRILL_RUN_H
#define GSLB_DRILL_RUN_H

#include "gslb/drill.h"
#include "gslb/drill_gauge.h"
#include "gslb/override.h"

enum { DRILL_TICK_MS = 100 };

/* What a drill stands in; all functions are called in the caller's thread. */
struct drill_host {
	void *context;
	const struct world *(*world)(void *context); /* in force now */
	struct override_list *(*overrides)(void *context);
	void (*publish)(void *context);                /* the overrides changed; they are in force when it returns */
	uint64_t (*now_ms)(void *context);             /* wall */
	const struct recent *(*recent)(void *context); /* whom to ask for what a step would change; may be NULL */
	/* One line for the log and for who looks on; may be NULL. */
	void (*say)(void *context, const char *text);
};

/* What was answered since the last tick. The numbers of answers are of the snapshot in force. */
struct drill_traffic {
	const struct drill_answer *answers;
	size_t nanswers;
	uint64_t queries, servfails; /* of all, since gslbd began */
};

struct drill_run;

/* What each step would change, against what is in force: a step after the other, each on what those before it left. Refused when a
 * step would be: what is known, who may be forced, keep. `steps`: a new reference, also when refused. */
bool drill_run_check(
	const struct drill_plan *plan, const struct drill_host *host, uint64_t now_ms, json_t **steps, struct err *err);

/* Begin; the plan is taken over. It must have been checked. id: unique, marks its overrides. recent: what was answered before, as far
 * as it is known. */
struct drill_run *drill_run_new(struct drill_plan *plan, const struct drill_host *host, const char *id, const char *who,
	const struct drill_traffic *recent, uint64_t now_ms);
void drill_run_free(struct drill_run *run); /* NULL is fine; puts nothing back */
/* All that is due. When (wall) to come back at the latest; 0: it is over, and all is put back. */
uint64_t drill_run_tick(struct drill_run *run, const struct drill_traffic *traffic, uint64_t now_ms);
/* End it, as soon as the next tick comes. */
void drill_run_stop(struct drill_run *run, const char *why, uint64_t now_ms);

const struct drill *drill_run_drill(const struct drill_run *run);
const char *drill_run_id(const struct drill_run *run);
/* What one step did; NULL: it does not force or clear, or is not done yet. */
const struct drill_gauge *drill_run_gauge(const struct drill_run *run, size_t step);
/* The report: of what has been so far, or of the whole. A new reference. */
json_t *drill_run_report(const struct drill_run *run, uint64_t now_ms);

/* drill_report.c */
struct drill_report_source {
	const char *id, *who;
	const struct drill *drill;
	struct drill_gauge *const *gauges; /* by step; NULL where there is none */
	const struct drill_value *values;  /* of the conditions, now */
	uint64_t now_ms;
};
json_t *drill_report(const struct drill_report_source *source);

#endif
