/* A drill's course by the clock of the test, and what a gauge makes of answers. */
#include "gslb/drill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gslb/drill_gauge.h"
#include "tests/unit/unit.h"

#define HEAD "name: d\nwhy: w\nend: 1m\n"

enum { TICKS_MAX = 12, BEGIN_MS = 1000000 };

/* What is measured at a second: of condition 1, and 2. NAN: nothing. */
struct tick {
	unsigned at_s;
	double one, two;
};

static const struct course_case {
	const char *what, *yaml;
	struct tick ticks[TICKS_MAX]; /* from 0 on; the last one stands for 200 s */
	const char *course;
} courses[] = {
	{ "steps one after the other, then all is put back", "steps: [ force eu drain, wait 5s, clear eu ]",
		{ { 0, 0, 0 } }, "0 force 5 clear 5 put-back SUCCEEDED" },
	{ "without a clear it is put back all the same", "steps: [ force eu down, wait 5s ]", { { 0, 0, 0 } },
		"0 force 5 put-back SUCCEEDED" },
	{ "the steps behind an announced one wait until it is in force", "steps: [ force eu drain lead 8s, wait 5s ]",
		{ { 0, 0, 0 } }, "0 force 13 put-back SUCCEEDED" },
	{ "a note takes no time", "steps: [ note look, force eu down, note so ]", { { 0, 0, 0 } },
		"0 note 0 force 0 note 0 put-back SUCCEEDED" },
	{ "what is expected and comes lets it go on",
		"steps: [ force eu down, expect share of eu under 1 % within 9s, wait 1s ]",
		{ { 0, 33, 0 }, { 6, 0.5, 0 } }, "0 force 7 put-back SUCCEEDED" },
	{ "what is expected and comes not in time fails it",
		"steps: [ force eu down, expect share of eu under 1 % within 9s ]", { { 0, 33, 0 }, { 10, 0, 0 } },
		"0 force 9 put-back FAILED" },
	{ "what is not known is not what was expected",
		"steps: [ force eu down, expect share of eu under 1 % within 9s ]", { { 0, NAN, 0 } },
		"0 force 9 put-back FAILED" },
	{ "what comes at the last moment comes in time",
		"steps: [ force eu down, expect share of eu under 1 % within 9s ]", { { 0, 33, 0 }, { 9, 0, 0 } },
		"0 force 9 put-back SUCCEEDED" },
	{ "a rule that is broken fails it at once",
		"always: [ at least 2 pools of www up ]\nsteps: [ force eu down, wait 50s ]",
		{ { 0, 2, 0 }, { 7, 1, 0 }, { 8, 2, 0 } }, "0 force 7 put-back FAILED" },
	{ "a rule that is not known is not broken",
		"always: [ share of us under 50 % ]\nsteps: [ force eu down, wait 5s ]", { { 0, NAN, 0 } },
		"0 force 5 put-back SUCCEEDED" },
	{ "what aborts and happens aborts it at once",
		"abort: [ servfail over 1 % ]\nsteps: [ force eu down, wait 50s ]",
		{ { 0, NAN, 0 }, { 3, 1, 0 }, { 4, 1.1, 0 } }, "0 force 4 put-back ABORTED" },
	{ "a rule that is broken at the beginning changes nothing",
		"always: [ at least 2 pools of www up ]\nsteps: [ force eu down ]", { { 0, 1, 0 } },
		"0 put-back FAILED" },
	{ "a rule comes before an expectation",
		"always: [ at least 2 pools of www up ]\nsteps: [ force eu down, expect share of eu under 1 % within "
		"9s ]",
		{ { 0, 2, 50 }, { 4, 1, 0 } }, "0 force 4 put-back FAILED" },
	{ "its end comes whatever it waits for", "steps: [ force eu down lead 60s ]", { { 0, 0, 0 } },
		"0 force 60 put-back ABORTED" },
};

static const char *word_of(enum drill_action action)
{
	static const char *const words[] = {
		[DRILL_DO_NOTHING] = "",
		[DRILL_DO_FORCE] = "force",
		[DRILL_DO_CLEAR] = "clear",
		[DRILL_DO_NOTE] = "note",
		[DRILL_DO_PUT_BACK] = "put-back",
	};

	return words[action];
}

static struct drill_plan *parse(const char *rest)
{
	char *yaml = mem_printf("%s%s", HEAD, rest), line[1024];
	struct report report = { 0 };
	struct drill_plan *plan = drill_plan_parse("d.yaml", yaml, strlen(yaml), &report);

	for (size_t i = 0; i < report.nlines; i++) {
		report_format(&report.lines[i], line, sizeof line);
		ck_abort_msg("%s", line);
	}
	free(yaml);
	return plan;
}

/* What the drill asks for at a moment, done at once. */
static void step_through(struct drill *drill, const struct drill_value *values, uint64_t now_ms, struct buf *course)
{
	enum drill_action action;

	while ((action = drill_step(drill, values, now_ms)) != DRILL_DO_NOTHING) {
		buf_printf(course, "%llu %s ", (unsigned long long)(now_ms - BEGIN_MS) / 1000, word_of(action));
		if (action != DRILL_DO_PUT_BACK)
			drill_done(drill, now_ms + drill->plan->steps[drill->at].lead_ms);
	}
}

START_TEST(a_drill_takes_its_course)
{
	const struct course_case *c = &courses[_i];
	struct drill_plan *plan = parse(c->yaml);
	struct drill *drill = mem_alloc(sizeof *drill);
	struct buf course = { 0 };
	size_t at = 0;

	drill_begin(drill, plan, BEGIN_MS);
	for (unsigned s = 0; s < 200; s++) {
		const struct drill_value none = { true, 0 };
		struct drill_value values[DRILL_CONDITIONS_MAX] = { none };

		while (at + 1 < TICKS_MAX && c->ticks[at + 1].at_s > 0 && c->ticks[at + 1].at_s <= s)
			at++;
		values[1] = (struct drill_value){ !isnan(c->ticks[at].one), c->ticks[at].one };
		values[2] = (struct drill_value){ !isnan(c->ticks[at].two), c->ticks[at].two };
		step_through(drill, values, BEGIN_MS + s * 1000, &course);
	}
	buf_printf(&course, "%s", drill_state_name(drill->state));
	ck_assert_msg(strcmp(course.text, c->course) == 0, "%s: %s, not %s (%s)", c->what, course.text, c->course,
		drill->reason);
	ck_assert(drill->reason[0] != '\0');
	buf_fini(&course);
	drill_plan_free(plan);
	free(drill);
}
END_TEST

START_TEST(an_end_from_outside_stands)
{
	struct drill_plan *plan = parse("steps: [ force eu down, wait 5s ]");
	struct drill *drill = mem_alloc(sizeof *drill);
	const struct drill_value values[DRILL_CONDITIONS_MAX] = { { true, 0 } };

	drill_begin(drill, plan, BEGIN_MS);
	ck_assert_int_eq(drill_step(drill, values, BEGIN_MS), DRILL_DO_FORCE);
	drill_done(drill, BEGIN_MS);
	drill_stop(drill, DRILL_ABORTED, BEGIN_MS + 1, "%s aborted it", "ann");
	drill_stop(drill, DRILL_FAILED, BEGIN_MS + 2, "too late");
	ck_assert_int_eq(drill_step(drill, values, BEGIN_MS + 3), DRILL_DO_PUT_BACK);
	ck_assert_int_eq(drill_step(drill, values, BEGIN_MS + 4), DRILL_DO_NOTHING);
	ck_assert_str_eq(drill->reason, "ann aborted it");
	ck_assert_int_eq(drill->state, DRILL_ABORTED);
	ck_assert_uint_eq(drill->ended_ms, BEGIN_MS + 1);
	drill_plan_free(plan);
	free(drill);
}
END_TEST

/* ---- a gauge: one service of two pools, of which the first is covered ---- */

static struct zone zone;
static struct service service;
static struct service_plan plans[1];
static struct pool_plan pools[2];
static const struct candidate_list candidates = { .n = 2, .candidate = { { 0, 1 }, { 1, 1 } } };
static struct snapshot snapshot = {
	.npools = 2, .nservices = 1, .nservice_pools = 2, .pools = pools, .services = plans
};

static struct drill_gauge *gauge_new(uint64_t effective_ms, bool returns)
{
	struct drill_gauge *gauge = drill_gauge_new(0, effective_ms, returns);
	struct overlay *covers = mem_alloc(sizeof *covers);

	service.zone = &zone;
	name_from_text(&service.owner, "www.svc.example");
	plans[0] = (struct service_plan){
		.service = &service, .list = &candidates, .ttl_max_s = 20, .ttl_min_s = 2, .identity = 7
	};
	covers->pool = mem_alloc(2 * sizeof *covers->pool);
	covers->service_pool = mem_alloc(2 * sizeof *covers->service_pool);
	covers->pool[0][1] = 1;
	drill_gauge_cover(gauge, &snapshot, covers);
	return gauge;
}

static void answer(
	struct drill_gauge *gauge, uint64_t at_ms, unsigned client, bool old, uint32_t ttl_s, uint32_t weight)
{
	struct drill_answer given = {
		.at_ms = at_ms, .candidate = old ? 0 : 1, .endpoint = CANDIDATE_NONE, .ttl_s = ttl_s, .weight = weight
	};

	ck_assert(addr_parse("192.0.2.1", &given.resolver));
	given.client = given.resolver;
	given.client.bytes[3] = (uint8_t)client;
	drill_gauge_answer(gauge, &given);
}

/* A client of the old pool, and two that it does not concern, ten times a second. */
START_TEST(a_drain_at_once_moves_all_at_the_first_answer)
{
	struct drill_gauge *gauge = gauge_new(100000, false);
	struct drill_moved moved;

	answer(gauge, 30000, 1, true, 70, 5); /* expired as it began, and older than what the share is of */
	for (uint64_t t = 90000; t < 110000; t += 100) {
		answer(gauge, t, 1, t < 100000, t < 100000 ? 20 : 2, 1);
		answer(gauge, t + 10, 2, false, 20, 2);
	}
	ck_assert(drill_gauge_moved(gauge, "www.svc.example", &moved));
	ck_assert_int_eq(moved.first_ms, 0);
	for (unsigned i = 0; i < DRILL_QUANTILES; i++)
		ck_assert_int_eq(moved.answers_ms[i], 0);
	ck_assert(fabs(moved.share_before - 100.0 / 3) < 0.01);
	ck_assert_uint_eq(moved.old_after, 0);
	ck_assert_uint_eq(moved.all_after, 300);
	/* a hundred were told so before; their caches run out from 110 s to 119.9 s */
	ck_assert_uint_eq(moved.held, 100);
	ck_assert_int_eq(moved.clients_ms[0], 14900);
	ck_assert_int_eq(moved.clients_ms[2], 19800);
	ck_assert_uint_eq(moved.held_until_ms, 119900);
	ck_assert(!drill_gauge_moved(gauge, "other.svc.example", &moved));
	drill_gauge_free(gauge);
}
END_TEST

START_TEST(a_gradual_drain_moves_by_and_by)
{
	struct drill_gauge *gauge = gauge_new(100000, false);
	struct drill_moved moved;

	/* a second's answers: 100 of which in each second ten less are the old pool's */
	for (unsigned s = 90; s < 130; s++)
		for (unsigned i = 0; i < 100; i++)
			answer(gauge, s * 1000 + i * 10, i, s < 100 || i >= (s - 100) * 10, 2, 1);
	drill_gauge_close(gauge, 130000);
	answer(gauge, 130000, 1, true, 2, 1);
	ck_assert(drill_gauge_moved(gauge, NULL, &moved));
	/* the first ten of a hundred move with the second that begins at 101 s */
	ck_assert_int_eq(moved.first_ms, 1000);
	ck_assert_int_eq(moved.answers_ms[0], 5000);
	ck_assert_int_eq(moved.answers_ms[1], 9000);
	ck_assert_int_eq(moved.answers_ms[2], 10000);
	ck_assert_uint_eq(moved.old_after, 550);
	drill_gauge_free(gauge);
}
END_TEST

START_TEST(what_never_moved_is_said_so)
{
	struct drill_gauge *gauge = gauge_new(100000, false);
	struct drill_moved moved;

	for (uint64_t t = 90000; t < 110000; t += 100)
		answer(gauge, t, 1, true, 2, 1);
	ck_assert(drill_gauge_moved(gauge, NULL, &moved));
	ck_assert_int_eq(moved.first_ms, -1);
	for (unsigned i = 0; i < DRILL_QUANTILES; i++)
		ck_assert_int_eq(moved.answers_ms[i], -1);
	ck_assert_uint_eq(moved.old_after, 100);
	drill_gauge_free(gauge);
}
END_TEST

/* After the drain has held for a while one answer is the old pool's again: 99 % is reached behind it, not before. */
START_TEST(a_quantile_is_never_said_too_early)
{
	struct drill_gauge *gauge = gauge_new(100000, false);
	struct drill_moved moved;

	for (uint64_t t = 90000; t < 120000; t += 100)
		answer(gauge, t, 1, t < 100000 || t == 112000, 2, 1);
	ck_assert(drill_gauge_moved(gauge, NULL, &moved));
	ck_assert_int_eq(moved.first_ms, 0);
	ck_assert_int_eq(moved.answers_ms[0], 0);
	ck_assert_int_ge(moved.answers_ms[2], 12000);
	ck_assert_int_le(moved.answers_ms[2], 13100);
	drill_gauge_free(gauge);
}
END_TEST

START_TEST(a_return_begins_with_the_first_answer_that_comes_back)
{
	struct drill_gauge *gauge = gauge_new(100000, true);
	struct drill_moved moved;

	for (uint64_t t = 90000; t < 110000; t += 100)
		answer(gauge, t, 1, t >= 100500, 2, 1);
	ck_assert(drill_gauge_moved(gauge, NULL, &moved));
	ck_assert_int_eq(moved.first_ms, 500);
	ck_assert(moved.share_before == 0 && moved.share_after > 90);
	drill_gauge_free(gauge);
}
END_TEST

START_TEST(a_report_names_who_was_told_late)
{
	struct drill_gauge *gauge = gauge_new(100000, false);
	json_t *json, *resolver;

	answer(gauge, 99000, 1, true, 20, 1);
	answer(gauge, 101000, 1, true, 5, 3);
	json = drill_gauge_json(gauge);
	resolver = json_array_get(json_object_get(json, "resolvers"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(resolver, "resolver")), "192.0.2.1");
	ck_assert_int_eq(json_integer_value(json_object_get(resolver, "old_answers")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(resolver, "ttl_min_s")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(resolver, "ttl_max_s")), 20);
	ck_assert_str_eq(json_string_value(json_object_get(resolver, "held_until")), "1970-01-01T00:01:59Z");
	json_decref(json);
	drill_gauge_free(gauge);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drill");
	TCase *tcase = tcase_create("drill");

	tcase_add_loop_test(tcase, a_drill_takes_its_course, 0, COUNT_OF(courses));
	tcase_add_test(tcase, an_end_from_outside_stands);
	tcase_add_test(tcase, a_drain_at_once_moves_all_at_the_first_answer);
	tcase_add_test(tcase, a_gradual_drain_moves_by_and_by);
	tcase_add_test(tcase, what_never_moved_is_said_so);
	tcase_add_test(tcase, a_quantile_is_never_said_too_early);
	tcase_add_test(tcase, a_return_begins_with_the_first_answer_that_comes_back);
	tcase_add_test(tcase, a_report_names_who_was_told_late);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
