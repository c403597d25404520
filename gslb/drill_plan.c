/* The keys are read by conf_yaml, as those of gslb.yaml are: strict, with file, line and column for every mistake. Steps and conditions
 * are sentences (drill_words.c), so that a drill reads as what will be done. */
#include "gslb/drill_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/conf_yaml.h"

enum key { KEY_NAME, KEY_WHY, KEY_END, KEY_STEPS, KEY_ALWAYS, KEY_ABORT, KEY_EVERY, KEY_BLOCKED, KEYS };

static const struct conf_yaml_key keys[KEYS] = {
	[KEY_NAME] = { "name", false },
	[KEY_WHY] = { "why", false },
	[KEY_END] = { "end", false },
	[KEY_STEPS] = { "steps", true },
	[KEY_ALWAYS] = { "always", true },
	[KEY_ABORT] = { "abort", true },
	[KEY_EVERY] = { "schedule.every", false },
	[KEY_BLOCKED] = { "schedule.blocked", true },
};

struct reading {
	const char *file;
	struct drill_plan *plan;
	struct report *report;
};

/* ---- values ---- */

static bool read_name(struct drill_plan *plan, const char *text, struct err *err)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	plan->name = mem_strdup(text);
	/* it becomes part of a file's name */
	return (text[len] == '\0' && len <= DRILL_NAME_MAX && text[0] != '.') ||
	       err_set(err, "not a name (try letters, digits, - _ and ., at most %d, no . first)", DRILL_NAME_MAX);
}

static bool read_why(struct drill_plan *plan, const char *text, struct err *err)
{
	plan->why = mem_strdup(text);
	return strlen(text) <= 500 || err_set(err, "longer than 500 bytes (say it shorter)");
}

static bool read_end(struct drill_plan *plan, const char *text, struct err *err)
{
	return (duration_parse(text, &plan->end_ms) && plan->end_ms >= 1000 && plan->end_ms <= DRILL_END_MAX_MS) ||
	       err_set(err, "not a duration from 1s to 1d (try 10m; the default is 1h)");
}

static bool read_always(struct drill_plan *plan, const char *text, struct err *err)
{
	return drill_condition_parse(plan, DRILL_ALWAYS, text, err);
}

static bool read_abort(struct drill_plan *plan, const char *text, struct err *err)
{
	return drill_condition_parse(plan, DRILL_ABORT_WHEN, text, err);
}

static bool read_every(struct drill_plan *plan, const char *text, struct err *err)
{
	return drill_every_parse(&plan->schedule, text, err);
}

static bool read_blocked(struct drill_plan *plan, const char *text, struct err *err)
{
	return drill_blocked_parse(&plan->schedule, text, err);
}

static bool (*const readers[KEYS])(struct drill_plan *plan, const char *text, struct err *err) = {
	[KEY_NAME] = read_name,
	[KEY_WHY] = read_why,
	[KEY_END] = read_end,
	[KEY_STEPS] = drill_step_parse,
	[KEY_ALWAYS] = read_always,
	[KEY_ABORT] = read_abort,
	[KEY_EVERY] = read_every,
	[KEY_BLOCKED] = read_blocked,
};

static void mistake(const struct reading *r, const struct conf_yaml_value *at, const char *path, const char *text)
{
	report_add_at(r->report, REPORT_MISTAKE, r->file, at->line, at->column, "%s: %s", path, text);
}

static void read_values(const struct reading *r, const struct conf_yaml_value *values)
{
	for (size_t key = 0; key < KEYS; key++)
		for (size_t i = 0; i < values[key].nitems; i++) {
			const struct conf_yaml_item *item = &values[key].items[i];
			struct err err;

			if (!readers[key](r->plan, item->text, &err))
				report_add_at(r->report, REPORT_MISTAKE, r->file, item->line, item->column,
					"%s: %s: %s", keys[key].path, item->text, err.text);
		}
}

/* ---- the plan as a whole ---- */

uint64_t drill_plan_longest_ms(const struct drill_plan *plan)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < plan->nsteps; i++)
		ms += plan->steps[i].wait_ms + plan->steps[i].lead_ms;
	return ms;
}

/* Something that the drill forces itself, before step i? */
static bool forced_before(const struct drill_plan *plan, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (plan->steps[k].verb == DRILL_FORCE && strcmp(plan->steps[k].target, plan->steps[i].target) == 0)
			return true;
	return false;
}

static void check_steps(const struct reading *r, const struct conf_yaml_value *values)
{
	const struct drill_plan *plan = r->plan;
	bool forces = false;

	for (size_t i = 0; i < plan->nsteps; i++) {
		struct conf_yaml_value at = { .line = values[KEY_STEPS].items[i].line,
			.column = values[KEY_STEPS].items[i].column };

		forces = forces || plan->steps[i].verb == DRILL_FORCE;
		if (plan->steps[i].verb == DRILL_CLEAR && !forced_before(plan, i))
			mistake(r, &at, "steps",
				"clears what no step before it forces (a drill ends its own overrides only, "
				"named as they were forced)");
	}
	if (!forces)
		mistake(r, &values[KEY_STEPS], "steps", "none of them forces anything (try force pool:eu drain)");
	if (drill_plan_longest_ms(plan) > plan->end_ms) {
		char longest[32], end[32], text[160];

		snprintf(text, sizeof text,
			"may take %s, and the drill ends after %s (make end longer, or the waits shorter)",
			duration_format(drill_plan_longest_ms(plan), longest), duration_format(plan->end_ms, end));
		mistake(r, &values[KEY_STEPS], "steps", text);
	}
}

static void check_schedule(const struct reading *r, const struct conf_yaml_value *values)
{
	const struct drill_schedule *schedule = &r->plan->schedule;

	if (schedule->every == DRILL_NEVER && schedule->nblocked > 0)
		mistake(r, &values[KEY_BLOCKED], "schedule.blocked", "goes with schedule.every, which is missing");
	/* from an arbitrary Monday on; what is blocked by date is over some time */
	if (schedule->every != DRILL_NEVER &&
		drill_schedule_next(schedule, UINT64_C(1767571200000), UINT64_C(1767571200000), r->plan->end_ms) == 0)
		mistake(r, &values[KEY_EVERY], "schedule.every",
			"never, since each time is in or runs into a blocked window");
}

static void check_required(const struct reading *r, const struct conf_yaml_value *values)
{
	static const enum key required[] = { KEY_NAME, KEY_WHY, KEY_STEPS };

	for (size_t i = 0; i < COUNT_OF(required); i++)
		if (values[required[i]].nitems == 0)
			report_add(r->report, REPORT_MISTAKE, r->file, 0,
				"%s: missing (a drill has a name, a why and steps)", keys[required[i]].path);
}

struct drill_plan *drill_plan_parse(const char *file, const char *text, size_t len, struct report *report)
{
	struct conf_yaml_value values[KEYS];
	struct drill_plan *plan = mem_alloc(sizeof *plan);
	struct report found = { 0 };
	struct reading reading = { file, plan, &found };
	struct err err;
	bool good;

	plan->end_ms = DRILL_END_DEFAULT_MS;
	if (!drill_condition_parse(plan, DRILL_ALWAYS, "answers never empty", &err))
		abort();
	if (len > DRILL_FILE_MAX)
		report_add(&found, REPORT_MISTAKE, file, 0, "larger than %d bytes", DRILL_FILE_MAX);
	else if (conf_yaml_read(file, text, len, keys, KEYS, NULL, 0, values, &found)) {
		read_values(&reading, values);
		check_required(&reading, values);
		if (found.nmistakes == 0) {
			check_steps(&reading, values);
			check_schedule(&reading, values);
		}
	}
	if (len <= DRILL_FILE_MAX)
		conf_yaml_free(values, KEYS);
	good = found.nmistakes == 0;
	report_sort(&found);
	report_move(report, &found);
	if (!good) {
		drill_plan_free(plan);
		return NULL;
	}
	plan->text = mem_alloc(len + 1);
	memcpy(plan->text, text, len);
	return plan;
}

void drill_plan_free(struct drill_plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->nsteps; i++) {
		free(plan->steps[i].text);
		free(plan->steps[i].target);
	}
	for (size_t i = 0; i < plan->nconditions; i++) {
		free(plan->conditions[i].service);
		free(plan->conditions[i].pool);
		free(plan->conditions[i].text);
	}
	free(plan->steps);
	free(plan->conditions);
	free(plan->name);
	free(plan->why);
	free(plan->text);
	free(plan);
}

bool drill_condition_holds(const struct drill_condition *condition, double value)
{
	switch (condition->compare) {
	case DRILL_AT_LEAST:
		return value >= condition->bound;
	case DRILL_OVER:
		return value > condition->bound;
	case DRILL_UNDER:
		return value < condition->bound;
	}
	abort();
}
