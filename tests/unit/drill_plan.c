/* Drill files: what they mean, each mistake with its place and what would be right; and when a drill runs by itself. */
#include "gslb/drill_plan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

#define HEAD "name: evacuate\nwhy: to see that eu can be left\n"
#define STEPS "steps:\n  - force pool:eu drain\n"

static const struct mistake_case {
	const char *yaml, *lines; /* "" for none */
} mistakes[] = {
	{ HEAD STEPS, "" },
	{ HEAD "steps: [ force pool:eu drain over 60s for 5m lead auto, wait 30s, note all is well, clear pool:eu ]",
		"" },
	{ HEAD "end: 5m\nalways: [ at least 2 pools of www up, share of us in www under 60%, servfail under 0.5 %, "
	       "answers never "
	       "empty ]\nabort: [ fewer than 1 pool of www up, another pool goes down, servfail over 1 % ]\n" STEPS,
		"" },
	{ HEAD STEPS
		"schedule: { every: mon 10:00, blocked: [ sat, \"22:00 - 06:00\", fri 12:00 - mon 08:00, 2026-12-20 - "
		"2027-01-06 ] }",
		"" },
	{ "", "d.yaml: name: missing (a drill has a name, a why and steps)\nd.yaml: why: missing (a drill has a name, "
	      "a why and "
	      "steps)\nd.yaml: steps: missing (a drill has a name, a why and steps)\n" },
	{ "- a", "d.yaml:1:1: keys belong here (try \"name:\")\n" },
	{ "name: a b\nwhy: w\n" STEPS,
		"d.yaml:1:7: name: a b: not a name (try letters, digits, - _ and ., at most 64, no . first)\n" },
	{ "name: ../x\nwhy: w\n" STEPS,
		"d.yaml:1:7: name: ../x: not a name (try letters, digits, - _ and ., at most 64, no . first)\n" },
	{ HEAD STEPS "step: x",
		"d.yaml:5:1: step: no such key (the file has name, why, end, steps, always, abort, schedule)\n" },
	{ HEAD STEPS "end: 2d", "d.yaml:5:6: end: 2d: not a duration from 1s to 1d (try 10m; the default is 1h)\n" },
	{ HEAD "steps:\n  - jump", "d.yaml:4:5: steps: jump: not a step (try force, clear, wait, expect or note)\n" },
	{ HEAD "steps:\n  - note", "d.yaml:4:5: steps: note: not a step (try force, clear, wait, expect or note)\n" },
	{ HEAD "steps:\n  - force", "d.yaml:4:5: steps: force: a target is missing (try force pool:eu drain, behind "
				    "it: over 60s, for 5m, lead auto)\n" },
	{ HEAD "steps:\n  - force eu gone",
		"d.yaml:4:5: steps: force eu gone: gone: neither up, down nor drain (try force pool:eu "
		"drain, behind it: over 60s, for 5m, lead auto)\n" },
	{ HEAD "steps:\n  - force eu down over 5s",
		"d.yaml:4:5: steps: force eu down over 5s: over goes with drain only\n" },
	{ HEAD "steps:\n  - force eu drain over 9s for 5s",
		"d.yaml:4:5: steps: force eu drain over 9s for 5s: a drain over so long does not fit into its for\n" },
	{ HEAD "steps:\n  - force eu drain at once", "d.yaml:4:5: steps: force eu drain at once: \"at\" is one word "
						     "too many (try force pool:eu drain, behind it: over "
						     "60s, for 5m, lead auto)\n" },
	{ HEAD STEPS "  - wait", "d.yaml:5:5: steps: wait: a duration is missing (try wait 30s)\n" },
	{ HEAD STEPS "  - wait 5x", "d.yaml:5:5: steps: wait 5x: 5x: not a duration from 1ms to 1d (try wait 30s)\n" },
	{ HEAD STEPS "  - wait 0s", "d.yaml:5:5: steps: wait 0s: 0s: not a duration from 1ms to 1d (try wait 30s)\n" },
	{ HEAD STEPS "  - wait 5s 6s", "d.yaml:5:5: steps: wait 5s 6s: \"6s\" is one word too many (try wait 30s)\n" },
	{ HEAD STEPS "  - clear pool:us",
		"d.yaml:5:5: steps: clears what no step before it forces (a drill ends its own overrides "
		"only, named as they were forced)\n" },
	{ HEAD STEPS "  - expect share of eu under 1 %", "d.yaml:5:5: steps: expect share of eu under 1 %: \"within\" "
							 "and a duration are missing (try expect share of eu under "
							 "1 % within 60s)\n" },
	{ HEAD STEPS "  - expect share of eu under 101 % within 5s",
		"d.yaml:5:5: steps: expect share of eu under 101 % within 5s: 101: not a share from 0 to 100 % (try "
		"share of eu under "
		"1 %, or share of eu in www under 1 %)\n" },
	{ HEAD STEPS "  - expect share of eu under 1 within 5s",
		"d.yaml:5:5: steps: expect share of eu under 1 within 5s: a share ends with % (try share of eu under 1 "
		"%, or share of "
		"eu in www under 1 %)\n" },
	{ HEAD STEPS "always: [ at least 0 pools of www up ]",
		"d.yaml:5:11: always: at least 0 pools of www up: not a number from 1 to 32 (try at least 2 pools of "
		"www up)\n" },
	{ HEAD STEPS "always: [ at least 2 pools up ]",
		"d.yaml:5:11: always: at least 2 pools up: whose pools? (try at least 2 pools of www up)\n" },
	{ HEAD STEPS "always: [ share of eu under 1 % within 5s ]",
		"d.yaml:5:11: always: share of eu under 1 % within 5s: \"within\" is one word too many (a time limit "
		"belongs to a "
		"step: expect … within 30s)\n" },
	{ HEAD STEPS "always: at least 2 pools of www up",
		"d.yaml:5:9: always: not a list (write [one, two], also for a single one)\n" },
	{ HEAD "steps: [ wait 5s ]", "d.yaml:3:8: steps: none of them forces anything (try force pool:eu drain)\n" },
	{ HEAD "end: 1m\n" STEPS "  - wait 2m", "d.yaml:5:3: steps: may take 2m, and the drill ends after 1m (make end "
						"longer, or the waits shorter)\n" },
	{ HEAD STEPS "schedule: { blocked: [ sat ] }",
		"d.yaml:5:22: schedule.blocked: goes with schedule.every, which is missing\n" },
	{ HEAD STEPS "schedule: { every: soon }",
		"d.yaml:5:20: schedule.every: soon: neither a duration nor a day and a time in UTC "
		"(try 7d, day 10:00 or mon 10:00)\n" },
	{ HEAD STEPS "schedule: { every: 5m }", "d.yaml:5:20: schedule.every: 5m: out of bounds (try 1h to 365d)\n" },
	{ HEAD STEPS "schedule: { every: mon 25:00 }",
		"d.yaml:5:20: schedule.every: mon 25:00: not a day and a time in UTC (try mon 10:00, or day 10:00)\n" },
	{ HEAD STEPS "schedule: { every: mon 10:00, blocked: [ mon ] }",
		"d.yaml:5:20: schedule.every: never, since each time is in or runs into a blocked window\n" },
	{ HEAD STEPS
		"schedule: { every: 7d, blocked: [ 2026-02-30, \"10:00\", sat - 10:00, 2026-12-20 - 2026-12-01 ] }",
		"d.yaml:5:35: schedule.blocked: 2026-02-30: not a window in UTC (try sat, fri 12:00 - mon 08:00, 22:00 "
		"- 06:00, or "
		"2026-12-20 - 2027-01-06)\n"
		"d.yaml:5:47: schedule.blocked: 10:00: its two ends are of different kinds (try 22:00 - 06:00, or fri "
		"22:00 - mon "
		"06:00)\n"
		"d.yaml:5:56: schedule.blocked: sat - 10:00: its two ends are of different kinds (try 22:00 - 06:00, "
		"or fri 22:00 - "
		"mon 06:00)\n"
		"d.yaml:5:69: schedule.blocked: 2026-12-20 - 2026-12-01: ends before it begins\n" },
};

START_TEST(each_mistake_is_told_with_its_place_and_what_would_be_right)
{
	const struct mistake_case *c = &mistakes[_i];
	struct report report = { 0 };
	struct buf got = { 0 };
	struct drill_plan *plan = drill_plan_parse("d.yaml", c->yaml, strlen(c->yaml), &report);

	for (size_t i = 0; i < report.nlines; i++) {
		char line[2048];

		report_format(&report.lines[i], line, sizeof line);
		buf_printf(&got, "%s\n", line);
	}
	ck_assert_str_eq(got.text != NULL ? got.text : "", c->lines);
	ck_assert_int_eq(plan != NULL, *c->lines == '\0');
	drill_plan_free(plan);
	report_fini(&report);
	buf_fini(&got);
}
END_TEST

START_TEST(steps_and_conditions_are_what_they_say)
{
	static const char yaml[] =
		HEAD "end: 10m\nalways: [ at least 2 pools of www up ]\nsteps:\n  - force pool:eu drain over 1m "
		     "lead 20s for 3m\n  - expect share of eu in www under 0.5 % within 90s\n";
	struct report report = { 0 };
	struct drill_plan *plan = drill_plan_parse("d.yaml", yaml, strlen(yaml), &report);
	const struct drill_condition *share;

	ck_assert_ptr_nonnull(plan);
	ck_assert_str_eq(plan->name, "evacuate");
	ck_assert_uint_eq(plan->end_ms, 600000);
	ck_assert_str_eq(plan->conditions[0].text, "answers never empty");
	ck_assert_uint_eq(plan->steps[0].over_ms, 60000);
	ck_assert_uint_eq(plan->steps[0].lead_ms, 20000);
	ck_assert_uint_eq(plan->steps[0].for_ms, 180000);
	ck_assert_uint_eq(drill_plan_longest_ms(plan), 110000);
	share = &plan->conditions[plan->steps[1].condition];
	ck_assert_str_eq(share->text, "share of eu in www under 0.5 %");
	ck_assert_str_eq(share->pool, "eu");
	ck_assert_str_eq(share->service, "www");
	ck_assert(drill_condition_holds(share, 0.4) && !drill_condition_holds(share, 0.5));
	drill_plan_free(plan);
}
END_TEST

/* ---- when ---- */

static uint64_t wall(const char *text)
{
	struct tm tm = { 0 };

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return (uint64_t)timegm(&tm) * 1000;
}

/* 2026-11-25 is a Wednesday. */
static const struct next_case {
	const char *every, *blocked[4], *since, *after, *next; /* next "": never */
} nexts[] = {
	{ "mon 10:00", { 0 }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-11-30 10:00" },
	{ "wed 18:00", { 0 }, "2026-11-01 00:00", "2026-11-25 17:59", "2026-11-25 18:00" },
	{ "wed 18:00", { 0 }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-12-02 18:00" },
	{ "day 03:30", { 0 }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-11-26 03:30" },
	{ "7d", { 0 }, "2026-11-20 12:00", "2026-11-25 18:00", "2026-11-27 12:00" },
	{ "7d", { 0 }, "2026-10-20 12:00", "2026-11-25 18:00", "2026-12-01 12:00" },
	/* a blocked time is skipped, not put off */
	{ "day 03:30", { "sat", "sun" }, "2026-11-01 00:00", "2026-11-27 18:00", "2026-11-30 03:30" },
	{ "day 03:30", { "sat - sun" }, "2026-11-01 00:00", "2026-11-27 18:00", "2026-11-30 03:30" },
	{ "mon 10:00", { "fri 12:00 - mon 10:01" }, "2026-11-01 00:00", "2026-11-25 18:00", "" },
	{ "mon 10:00", { "fri 12:00 - mon 10:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-11-30 10:00" },
	{ "mon 10:00", { "2026-11-30 - 2026-12-06", "2026-12-14" }, "2026-11-01 00:00", "2026-11-25 18:00",
		"2026-12-07 10:00" },
	{ "mon 10:00", { "2026-11-20 - 2027-01-06" }, "2026-11-01 00:00", "2026-11-25 18:00", "2027-01-11 10:00" },
	{ "day 23:00", { "22:00 - 06:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "" },
	{ "day 06:00", { "22:00 - 06:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-11-26 06:00" },
	/* it takes an hour, which must not run into a window */
	{ "day 21:30", { "22:00 - 06:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "" },
	{ "day 21:00", { "22:00 - 06:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "2026-11-25 21:00" },
	{ "sun 23:30", { "mon 00:00 - mon 06:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "" },
	{ "day 10:00", { "00:00 - 24:00" }, "2026-11-01 00:00", "2026-11-25 18:00", "" },
	{ "6h", { "mon", "tue", "wed", "fri - sun" }, "2026-11-25 17:00", "2026-11-25 18:00", "2026-11-26 05:00" },
	{ "day 12:00", { "2028-02-28" }, "2026-11-01 00:00", "2028-02-27 13:00", "2028-02-29 12:00" },
};

START_TEST(the_next_run_is_the_first_time_that_is_not_blocked)
{
	const struct next_case *c = &nexts[_i];
	struct drill_schedule schedule = { 0 };
	char got[CLOCK_TEXT_MAX], want[CLOCK_TEXT_MAX];
	struct err err;
	uint64_t next;

	ck_assert_msg(drill_every_parse(&schedule, c->every, &err), "%s", err.text);
	for (size_t i = 0; i < 4 && c->blocked[i] != NULL; i++)
		ck_assert_msg(drill_blocked_parse(&schedule, c->blocked[i], &err), "%s", err.text);
	next = drill_schedule_next(&schedule, wall(c->since), wall(c->after), 3600000);
	ck_assert_str_eq(clock_format(next, got), clock_format(*c->next != '\0' ? wall(c->next) : 0, want));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drill_plan");
	TCase *tcase = tcase_create("drill_plan");

	tcase_add_loop_test(tcase, each_mistake_is_told_with_its_place_and_what_would_be_right, 0, COUNT_OF(mistakes));
	tcase_add_test(tcase, steps_and_conditions_are_what_they_say);
	tcase_add_loop_test(tcase, the_next_run_is_the_first_time_that_is_not_blocked, 0, COUNT_OF(nexts));
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
