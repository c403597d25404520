#include "tests/unit/unit.h"

#include <string.h>

#include "health/health.h"

/* Letters of a run of results. What is not answered takes 2 s, all else no time. */
static struct observation seen_of(char c)
{
	switch (c) {
	case '+':
		return (struct observation){ PROBE_OK, 0 };
	case '-':
		return (struct observation){ PROBE_REFUSED, 0 };
	case 't':
		return (struct observation){ PROBE_TIMEOUT, 2000 };
	case 'u':
		return (struct observation){ PROBE_UNREACHABLE, 0 };
	case 's':
		return (struct observation){ PROBE_STATUS, 0 };
	case '^':
		return (struct observation){ PROBE_PUSHED_UP, 0 };
	case 'v':
		return (struct observation){ PROBE_PUSHED_DOWN, 0 };
	default:
		return (struct observation){ PROBE_LOCAL, 0 };
	}
}

static char letter_of(const struct detector *d)
{
	static const char sure[] = "NUD", doubtful[] = "nud";

	return d->doubt ? doubtful[d->state] : sure[d->state];
}

static bool step(struct detector *d, const struct detector_rule *rule, char result, uint64_t now_ms, uint32_t *next_ms)
{
	const struct observation seen = seen_of(result);

	return detector_step(d, rule, &seen, now_ms, next_ms);
}

/* ---- rise, fall and doubt ---- */

/* A run of results: + success, - refused, s a wrong status, t timeout, u unreachable, L local, ^ and v pushed. After each: U up,
 * D down, N not known; small letters: in doubt. */
static const struct detector_case {
	const char *says;
	unsigned rise, fall;
	enum health_state from;
	const char *results, *states;
} detections[] = {
	{ "the first success brings an unknown one up", 2, 3, HEALTH_UNKNOWN, "++", "UU" },
	{ "fall failures take it down", 2, 3, HEALTH_UP, "---", "uuD" },
	{ "so do as many timeouts on a clean path", 2, 3, HEALTH_UP, "ttt", "uuD" },
	{ "one success starts the count again", 2, 3, HEALTH_UP, "--+--+", "uuUuuU" },
	{ "and the count runs full after it", 2, 3, HEALTH_UP, "--+---", "uuUuuD" },
	{ "rise successes bring it back", 2, 3, HEALTH_DOWN, "++", "dU" },
	{ "one failure starts the recovery again", 2, 3, HEALTH_DOWN, "+-+-++", "dDdDdU" },
	{ "a longer rise counts all of them", 4, 1, HEALTH_DOWN, "++++-", "dddUD" },
	{ "rise 1 and fall 1 turn at once", 1, 1, HEALTH_UP, "-+-", "DUD" },
	{ "but a second comeback waits", 1, 1, HEALTH_UP, "-+-+", "DUDD" },
	{ "fall 100 takes a hundred", 1, 100, HEALTH_UP, "----------", "uuuuuuuuuu" },
	{ "an unknown one needs fall failures, too", 2, 3, HEALTH_UNKNOWN, "---", "nnD" },
	{ "an unknown one comes up after failures", 2, 3, HEALTH_UNKNOWN, "--+", "nnU" },
	{ "down stays down", 2, 3, HEALTH_DOWN, "----", "DDDD" },
	{ "up stays up", 2, 3, HEALTH_UP, "++++", "UUUU" },
	{ "our own fault says nothing of an up one", 2, 3, HEALTH_UP, "LLLL", "UUUU" },
	{ "our own fault neither counts nor clears", 2, 3, HEALTH_UP, "-L-L-", "uuuuD" },
	{ "our own fault leaves a recovery be", 2, 3, HEALTH_DOWN, "+L+", "ddU" },
	{ "our own fault leaves unknown be", 2, 3, HEALTH_UNKNOWN, "LL-", "NNn" },
	{ "what is pushed counts at once, whatever rise and fall are", 2, 3, HEALTH_UNKNOWN, "v^v^v^", "DUDUDU" },
};

START_TEST(a_run_of_results_leads_to_these_states)
{
	const struct detector_case *c = &detections[_i];
	const struct detector_rule rule = { (uint16_t)c->rise, (uint16_t)c->fall, 5000 };
	struct detector d = { .state = c->from, .since_ms = 1 };
	char states[32] = "";

	for (size_t i = 0; c->results[i] != '\0'; i++) {
		enum health_state before = d.state;
		uint32_t next_ms;
		bool changed = step(&d, &rule, c->results[i], 1000 + i, &next_ms);

		ck_assert_msg(changed == (d.state != before), "%s: step %zu", c->says, i);
		ck_assert_msg(!changed || d.since_ms == 1000 + i, "%s: since of step %zu", c->says, i);
		states[i] = letter_of(&d);
	}
	ck_assert_msg(strcmp(states, c->states) == 0, "%s: %s gave %s, not %s", c->says, c->results, states, c->states);
}
END_TEST

static const struct wait_case {
	const char *says;
	unsigned rise, fall, interval_ms;
	enum health_state from;
	const char *results;
	uint32_t waits[8];
} waits[] = {
	{ "a success waits for the interval", 2, 3, 5000, HEALTH_UP, "++", { 5000, 5000 } },
	{ "a failure is looked into at once, then soon", 2, 6, 5000, HEALTH_UP, "------",
		{ 0, 500, 1000, 5000, 5000, 5000 } },
	{ "a timeout took so long that the next probe is due", 2, 6, 5000, HEALTH_UP, "tttt", { 0, 0, 0, 5000 } },
	{ "down waits for the interval again", 2, 3, 5000, HEALTH_UP, "----", { 0, 500, 5000, 5000 } },
	{ "a success ends the hurry", 2, 3, 5000, HEALTH_UP, "-+-", { 0, 5000, 0 } },
	{ "recovery hurries", 3, 3, 5000, HEALTH_DOWN, "++++", { 1000, 1000, 5000, 5000 } },
	{ "nothing is later than the interval", 3, 4, 300, HEALTH_UP, "---", { 0, 300, 300 } },
	{ "a short interval bounds recovery", 3, 4, 300, HEALTH_DOWN, "++", { 300, 300 } },
	{ "an unknown one hurries, too", 2, 3, 5000, HEALTH_UNKNOWN, "---", { 0, 500, 5000 } },
	{ "our own fault is tried again in a second", 2, 3, 5000, HEALTH_UP, "L+", { 1000, 5000 } },
};

START_TEST(the_next_probe_is_due_when_the_state_wants_it)
{
	const struct wait_case *c = &waits[_i];
	const struct detector_rule rule = { (uint16_t)c->rise, (uint16_t)c->fall, c->interval_ms };
	struct detector d = { .state = c->from };

	for (size_t i = 0; c->results[i] != '\0'; i++) {
		uint32_t next_ms;

		step(&d, &rule, c->results[i], 1, &next_ms);
		ck_assert_msg(
			next_ms == c->waits[i], "%s: step %zu waits %u ms, not %u", c->says, i, next_ms, c->waits[i]);
	}
}
END_TEST

START_TEST(only_up_after_down_counts_as_recovered)
{
	const struct detector_rule rule = { 1, 1, 1000 };
	struct detector d = { 0 };
	uint32_t next_ms;

	step(&d, &rule, '+', 1, &next_ms);
	ck_assert(!d.recovered && d.last_ok);
	step(&d, &rule, '-', 2, &next_ms);
	ck_assert(!d.recovered && !d.last_ok);
	step(&d, &rule, '+', 3, &next_ms);
	ck_assert(d.recovered);
	step(&d, &rule, '+', 4, &next_ms);
	ck_assert(d.recovered);
}
END_TEST

/* ---- paths that lose probes ---- */

static const struct detector_rule defaults = { .rise = 2, .fall = 3, .interval_ms = 5000 };

/* One that is up, on a path that lost each n-th of 3000 probes; 0: none. */
static struct detector after_losses(unsigned each)
{
	const struct detector_rule patient = { 2, 100, 5000 }, *rule = &patient;
	struct detector d = { 0 };
	uint32_t next_ms;

	for (unsigned i = 1; i <= 3000; i++)
		step(&d, rule, each > 0 && i % each == 0 ? 't' : '+', i * UINT64_C(5000), &next_ms);
	step(&d, rule, '+', 3001 * UINT64_C(5000), &next_ms);
	step(&d, rule, '+', 3002 * UINT64_C(5000), &next_ms);
	return d;
}

static const struct loss_case {
	const char *says;
	unsigned each, fall;
	const char *results; /* again and again */
	unsigned down_after;
} losses[] = {
	{ "a clean path needs fall timeouts", 0, 3, "t", 3 },
	{ "1 % loss is a clean path", 100, 3, "t", 3 },
	{ "3 % loss needs one more", 33, 3, "t", 4 },
	{ "10 % loss needs six", 10, 3, "t", 6 },
	{ "30 % loss needs eleven", 3, 3, "t", 11 },
	{ "more loss than that counts as 30 %", 2, 3, "t", 11 },
	{ "no route is silence, too", 10, 3, "u", 6 },
	{ "who refuses is heard at once on any path", 10, 3, "-", 3 },
	{ "so is who answers wrong", 3, 3, "s", 3 },
	{ "a refusal among timeouts counts for what it is", 10, 3, "t-", 4 },
	{ "a path of 10 % with fall=1", 10, 1, "t", 2 },
	{ "fall=1 on a clean path", 0, 1, "t", 1 },
	{ "a large fall grows with the loss, too", 10, 20, "t", 36 },
};

START_TEST(so_many_failures_in_a_row_take_it_down)
{
	const struct loss_case *c = &losses[_i];
	const struct detector_rule rule = { 2, (uint16_t)c->fall, 5000 };
	struct detector d = after_losses(c->each);
	size_t len = strlen(c->results);
	unsigned n = 0;

	ck_assert_int_eq(d.state, HEALTH_UP);
	while (d.state == HEALTH_UP && n < 100) {
		uint32_t next_ms;

		step(&d, &rule, c->results[n % len], 20000000, &next_ms);
		n++;
		ck_assert_msg(d.state == HEALTH_DOWN || n < rule.fall + 3u || n >= c->down_after - 1 ||
				      next_ms == (n >= 3 + c->down_after - c->fall ? 5000
							 : c->results[0] == 't'    ? 0
										   : 1000),
			"%s: failure %u waits %u ms", c->says, n, next_ms);
	}
	ck_assert_msg(n == c->down_after, "%s: %u, not %u", c->says, n, c->down_after);
}
END_TEST

START_TEST(an_outage_is_not_learned_as_loss)
{
	struct detector d = after_losses(0);
	uint64_t now_ms = 20000000;
	uint32_t next_ms;

	for (unsigned outage = 0; outage < 50; outage++) {
		for (unsigned i = 0; i < 200; i++)
			step(&d, &defaults, 't', now_ms += 5000, &next_ms);
		for (unsigned i = 0; i < 400; i++)
			step(&d, &defaults, '+', now_ms += 5000, &next_ms);
		ck_assert_int_eq(d.state, HEALTH_UP);
	}
	ck_assert_uint_eq(detector_terms(&d, &defaults, now_ms).needed, 3);
	ck_assert_uint_eq(detector_terms(&d, &defaults, now_ms).loss_permille, 0);
}
END_TEST

START_TEST(a_path_that_heals_is_trusted_again)
{
	struct detector d = after_losses(10);
	uint32_t next_ms;

	ck_assert_uint_eq(detector_terms(&d, &defaults, 0).needed, 6);
	for (unsigned i = 0; i < 2000; i++) /* less than three hours */
		step(&d, &defaults, '+', 20000000, &next_ms);
	ck_assert_uint_eq(detector_terms(&d, &defaults, 0).needed, 3);
}
END_TEST

START_TEST(the_loss_that_is_measured_is_the_loss_there_is)
{
	static const unsigned each[] = { 100, 33, 10, 5 };

	for (size_t i = 0; i < COUNT_OF(each); i++) {
		struct detector d = after_losses(each[i]);
		int loss = detector_terms(&d, &defaults, 0).loss_permille, is = (int)(1000 / each[i]);

		ck_assert_msg(loss >= is - is / 10 - 1 && loss <= is + is / 10 + 1, "%d, not %d", loss, is);
	}
}
END_TEST

/* ---- flapping ---- */

/* It falls and comes back; the clock goes on by the given times. */
static void fall(struct detector *d, uint64_t *now_ms)
{
	uint32_t next_ms;

	for (int i = 0; i < 3; i++)
		step(d, &defaults, '-', *now_ms += 500, &next_ms);
}

/* Seconds of good results until it is up, as the detector wants them; 0: not within an hour. */
static unsigned answer_until_up(struct detector *d, uint64_t *now_ms)
{
	uint64_t from_ms = *now_ms;
	uint32_t next_ms;

	while (*now_ms - from_ms < 3600000) {
		step(d, &defaults, '+', *now_ms, &next_ms);
		if (d->state == HEALTH_UP)
			return (unsigned)((*now_ms - from_ms + 500) / 1000);
		*now_ms += next_ms;
	}
	return 0;
}

START_TEST(the_first_fall_in_a_long_time_costs_nothing)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000;

	for (int i = 0; i < 10; i++) {
		fall(&d, &now_ms);
		ck_assert(d.state == HEALTH_DOWN && !d.damped);
		ck_assert_uint_eq(answer_until_up(&d, &now_ms), 1);
		ck_assert(!d.damped && d.recovered);
		now_ms += 600000;
	}
}
END_TEST

START_TEST(two_comebacks_are_ten_minutes_apart)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000, first_ms;
	uint32_t next_ms;

	fall(&d, &now_ms);
	ck_assert_uint_eq(answer_until_up(&d, &now_ms), 1);
	first_ms = now_ms;
	now_ms += 60000;
	fall(&d, &now_ms);
	ck_assert(!d.damped); /* nothing holds it yet: it does not answer */
	step(&d, &defaults, '+', now_ms += 1000, &next_ms);
	step(&d, &defaults, '+', now_ms += 1000, &next_ms);
	ck_assert(d.damped && d.state == HEALTH_DOWN && !d.doubt); /* held, and no change is near */
	answer_until_up(&d, &now_ms);
	ck_assert_uint_eq((now_ms - first_ms) / 1000, 600);
	ck_assert(d.recovered && !d.damped); /* twice is not flapping: it ramps as ever */
}
END_TEST

START_TEST(one_that_was_down_when_it_was_first_seen_may_fall_and_come_back_once)
{
	struct detector d = { .state = HEALTH_UNKNOWN };
	uint64_t now_ms = 1000000;

	for (int i = 0; i < 2; i++) {
		fall(&d, &now_ms);
		ck_assert(d.state == HEALTH_DOWN);
		ck_assert_uint_eq(answer_until_up(&d, &now_ms), 1);
		now_ms += 10000;
	}
	fall(&d, &now_ms);
	ck_assert_uint_gt(answer_until_up(&d, &now_ms), 500);
}
END_TEST

START_TEST(three_falls_in_short_time_are_flapping_seen_or_not)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000, up_ms;
	uint32_t next_ms;

	fall(&d, &now_ms);
	answer_until_up(&d, &now_ms);
	fall(&d, &now_ms);
	for (int i = 0; i < 3; i++) /* held down from now on, it goes on flapping */
		step(&d, &defaults, '+', now_ms += 1000, &next_ms);
	fall(&d, &now_ms);
	ck_assert(d.damped && d.state == HEALTH_DOWN);
	ck_assert_uint_gt(detector_terms(&d, &defaults, now_ms).penalty, 2500);
	ck_assert_uint_ge(answer_until_up(&d, &now_ms), 500);
	up_ms = now_ms;
	ck_assert(!d.damped); /* ten minutes of answering made up for it */
	for (int i = 0; i < 3; i++) {
		fall(&d, &now_ms);
		for (int k = 0; k < 3; k++)
			step(&d, &defaults, '+', now_ms += 1000, &next_ms);
	}
	now_ms = up_ms + 540000;
	fall(&d, &now_ms); /* shortly before it might come back */
	answer_until_up(&d, &now_ms);
	ck_assert(d.damped && d.recovered); /* up, at a tenth */
	up_ms = now_ms;
	while (d.damped) {
		step(&d, &defaults, '+', now_ms += 5000, &next_ms);
		ck_assert_int_eq(d.state, HEALTH_UP);
	}
	ck_assert_uint_le(now_ms - up_ms, 900000);
	ck_assert(d.recovered && d.since_ms == now_ms); /* and the ramp begins */
}
END_TEST

START_TEST(one_that_is_held_may_lose_a_probe)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000;
	unsigned penalty;
	uint32_t next_ms;

	fall(&d, &now_ms);
	answer_until_up(&d, &now_ms);
	fall(&d, &now_ms);
	penalty = detector_terms(&d, &defaults, now_ms).penalty;
	for (int i = 0; i < 100; i++)
		step(&d, &defaults, "++t"[i % 3], now_ms += 2000, &next_ms);
	ck_assert_uint_lt(detector_terms(&d, &defaults, now_ms).penalty, penalty);
	ck_assert(d.streak > 60);
}
END_TEST

START_TEST(a_flapping_one_is_back_after_a_quarter_of_an_hour_whatever_it_does)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000, down_ms;
	uint32_t next_ms;

	for (int i = 0; d.state == HEALTH_UP || i % 8 != 0 || i < 800; i++)
		step(&d, &defaults, "++++----"[i % 8], now_ms += 3000, &next_ms);
	while (d.state == HEALTH_UP)
		step(&d, &defaults, '-', now_ms += 1000, &next_ms);
	down_ms = d.since_ms;
	for (int i = 0; d.state == HEALTH_DOWN; i++)
		step(&d, &defaults, "++++----"[i % 8], now_ms += 3000, &next_ms);
	ck_assert(d.damped);
	ck_assert_uint_le(now_ms - down_ms, (900 + 30) * 1000);
	ck_assert_uint_ge(now_ms - down_ms, 600 * 1000);
}
END_TEST

START_TEST(a_clock_set_back_holds_it_ten_minutes_at_most)
{
	struct detector d = { .state = HEALTH_UP };
	uint64_t now_ms = 1000000000;

	fall(&d, &now_ms);
	answer_until_up(&d, &now_ms);
	fall(&d, &now_ms);
	now_ms -= 90000000;
	ck_assert_uint_le(answer_until_up(&d, &now_ms), 601);
	ck_assert_int_eq(d.state, HEALTH_UP);
}
END_TEST

/* ---- what tables are told ---- */

START_TEST(terms_pack_and_unpack_to_what_they_say)
{
	const struct detector_terms terms = { 5, 123, 2432, true, 600 };
	const struct detector_terms large = { 255, 60000, 60000, true, 60000 };
	struct detector_terms back = detector_terms_unpack(detector_terms_pack(&terms));
	struct dice dice = { 5 };

	ck_assert(back.needed == 5 && back.loss_permille == 123 && back.penalty == 2432 && back.flaps &&
		  back.hold_s == 600);
	back = detector_terms_unpack(detector_terms_pack(&large));
	ck_assert(back.needed == 255 && back.loss_permille == 1000 && back.penalty == 8064 && back.hold_s == 1016);
	for (int i = 0; i < 100000; i++) {
		back = detector_terms_unpack((uint32_t)dice_next(&dice));
		ck_assert(back.loss_permille <= 1000 && back.penalty <= 8064 && back.hold_s <= 1016);
	}
}
END_TEST

/* A restarted gslb-health finds on the board what the one before wrote there. */
static struct detector restarted(const struct detector *d, uint64_t now_ms)
{
	struct detector_terms terms = detector_terms(d, &defaults, now_ms), read;
	const struct verdict verdict = {
		.state = d->state,
		.doubt = d->doubt,
		.recovered = d->recovered,
		.damped = d->damped,
		.since_s = (uint32_t)(d->since_ms / 1000),
	};

	read = detector_terms_unpack(detector_terms_pack(&terms));
	return detector_restore(&verdict, d->streak, &read, now_ms);
}

START_TEST(a_restart_forgets_neither_loss_nor_flapping)
{
	struct detector d = after_losses(10), again = restarted(&d, 20000000);
	uint64_t now_ms = 20000000, at_ms, again_ms;
	uint32_t next_ms;
	unsigned n = 0;

	for (; again.state == HEALTH_UP; n++)
		step(&again, &defaults, 't', now_ms, &next_ms);
	ck_assert_uint_eq(n, 6);

	d = (struct detector){ .state = HEALTH_UP };
	fall(&d, &now_ms);
	answer_until_up(&d, &now_ms);
	again = restarted(&d, now_ms); /* up, after it came back */
	fall(&again, &now_ms);
	step(&again, &defaults, '+', now_ms += 1000, &next_ms);
	again = restarted(&again, now_ms); /* down, and to be held */
	at_ms = again_ms = now_ms;
	answer_until_up(&again, &again_ms);
	ck_assert_uint_ge(again_ms - at_ms, 580 * 1000);
	ck_assert_uint_le(again_ms - at_ms, 610 * 1000);
}
END_TEST

START_TEST(a_flapping_one_is_at_a_tenth_over_a_restart)
{
	struct detector d = { .state = HEALTH_UP,
		.recovered = true,
		.damped = true,
		.since_ms = 1000000,
		.damping = { .at_ms = 1000000, .came_back_ms = 1000000, .penalty = 3000, .flaps = true } };
	struct detector again = restarted(&d, 1010000);
	uint64_t now_ms = 1010000;
	uint32_t next_ms;

	while (again.damped)
		step(&again, &defaults, '+', now_ms += 1000, &next_ms);
	ck_assert_uint_ge(now_ms - 1000000, 470 * 1000);
	ck_assert_uint_le(now_ms - 1000000, 490 * 1000);
}
END_TEST

START_TEST(a_board_nobody_wrote_is_an_unknown_detector)
{
	const struct verdict none = { 0 };
	const struct detector_terms terms = detector_terms_unpack(0);
	struct detector d = detector_restore(&none, 0, &terms, 0);
	uint64_t now_ms = 5;
	uint32_t next_ms;

	step(&d, &defaults, '+', now_ms, &next_ms);
	ck_assert(d.state == HEALTH_UP && !d.recovered && !d.damped);
	fall(&d, &now_ms);
	ck_assert_int_eq(d.state, HEALTH_DOWN);
	ck_assert_uint_eq(answer_until_up(&d, &now_ms), 1);
}
END_TEST

static const struct sentence_case {
	struct verdict verdict;
	unsigned streak;
	struct detector_terms terms;
	const char *says;
} sentences[] = {
	{ { .state = HEALTH_UP }, 0, { 3, 4, 0, false, 0 }, "" },
	{ { .state = HEALTH_UP, .recovered = true }, 0, { 3, 0, 960, false, 0 }, "" },
	{ { .state = HEALTH_UP, .doubt = true }, 2, { 3, 4, 0, false, 0 }, "in doubt: 2 of 3 failures that it takes" },
	{ { .state = HEALTH_UNKNOWN, .doubt = true }, 1, { 3, 0, 0, false, 0 },
		"in doubt: 1 of 3 failures that it takes" },
	{ { .state = HEALTH_UP, .doubt = true }, 2, { 6, 103, 0, false, 0 },
		"in doubt: 2 of 6 failures that it takes (this path loses 10.3% of its probes)" },
	{ { .state = HEALTH_UP }, 0, { 4, 30, 0, false, 0 },
		"this path loses 3.0% of its probes: 4 failures in a row take it down, not 3" },
	{ { .state = HEALTH_UP, .damped = true }, 0, { 3, 0, 2800, true, 448 },
		"flapping: at most 10% of its weight for 7 min yet" },
	{ { .state = HEALTH_DOWN, .reason = PROBE_REFUSED }, 0, { 2, 0, 960, false, 0 }, "" },
	{ { .state = HEALTH_DOWN, .doubt = true }, 1, { 2, 0, 960, false, 0 },
		"coming back: 1 of 2 successes that it takes" },
	{ { .state = HEALTH_DOWN, .damped = true }, 9, { 2, 0, 1980, true, 80 },
		"held down for flapping: it answers, and comes back in 70 s, at 10% of its weight at first" },
	{ { .state = HEALTH_DOWN, .damped = true }, 9, { 2, 0, 960, false, 400 },
		"held down for flapping: it answers, and comes back in 7 min" },
	{ { .state = HEALTH_DOWN, .reason = PROBE_REFUSED }, 0, { 2, 0, 960, false, 64 },
		"flapping: should it answer, it is held down for 54 s" },
};

START_TEST(each_rule_at_work_has_a_sentence)
{
	const struct sentence_case *c = &sentences[_i];
	char text[DETECTOR_TEXT_MAX];

	ck_assert_str_eq(
		detector_explain(&c->verdict, (uint16_t)c->streak, &c->terms, 3, 1000, 1010000, text), c->says);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("detector");
	TCase *rules = tcase_create("rise and fall"), *loss = tcase_create("loss"),
	      *flapping = tcase_create("flapping");
	TCase *terms = tcase_create("terms");

	tcase_add_loop_test(rules, a_run_of_results_leads_to_these_states, 0, COUNT_OF(detections));
	tcase_add_loop_test(rules, the_next_probe_is_due_when_the_state_wants_it, 0, COUNT_OF(waits));
	tcase_add_test(rules, only_up_after_down_counts_as_recovered);
	suite_add_tcase(suite, rules);

	tcase_add_loop_test(loss, so_many_failures_in_a_row_take_it_down, 0, COUNT_OF(losses));
	tcase_add_test(loss, an_outage_is_not_learned_as_loss);
	tcase_add_test(loss, a_path_that_heals_is_trusted_again);
	tcase_add_test(loss, the_loss_that_is_measured_is_the_loss_there_is);
	suite_add_tcase(suite, loss);

	tcase_add_test(flapping, the_first_fall_in_a_long_time_costs_nothing);
	tcase_add_test(flapping, two_comebacks_are_ten_minutes_apart);
	tcase_add_test(flapping, one_that_was_down_when_it_was_first_seen_may_fall_and_come_back_once);
	tcase_add_test(flapping, three_falls_in_short_time_are_flapping_seen_or_not);
	tcase_add_test(flapping, one_that_is_held_may_lose_a_probe);
	tcase_add_test(flapping, a_flapping_one_is_back_after_a_quarter_of_an_hour_whatever_it_does);
	tcase_add_test(flapping, a_clock_set_back_holds_it_ten_minutes_at_most);
	suite_add_tcase(suite, flapping);

	tcase_add_test(terms, terms_pack_and_unpack_to_what_they_say);
	tcase_add_test(terms, a_restart_forgets_neither_loss_nor_flapping);
	tcase_add_test(terms, a_flapping_one_is_at_a_tenth_over_a_restart);
	tcase_add_test(terms, a_board_nobody_wrote_is_an_unknown_detector);
	tcase_add_loop_test(terms, each_rule_at_work_has_a_sentence, 0, COUNT_OF(sentences));
	suite_add_tcase(suite, terms);
	return unit_run(suite);
}
