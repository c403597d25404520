#include "health/abstain.h"

#include <string.h>

#include "health/crowd.h"
#include "tests/unit/unit.h"

/* ---- the rule ---- */

static const struct abstain_rule rule = { .patience_ms = ABSTAIN_PATIENCE_MS, .calm_ms = ABSTAIN_CALM_MS };

/* One look each; all counts not named are 0. */
static const struct reason_case {
	const char *says;
	struct abstain_counts counts;
	enum abstain_why why;
	bool allows_down;
} reasons[] = {
	{ "nothing known is no reason", { 0 }, ABSTAIN_NOT, true },
	{ "one of three anchors", { .anchors = 3, .anchors_failing = 1 }, ABSTAIN_NOT, true },
	{ "two of three anchors", { .anchors = 3, .anchors_failing = 2 }, ABSTAIN_ANCHORS, false },
	{ "the only anchor", { .anchors = 1, .anchors_failing = 1 }, ABSTAIN_ANCHORS, false },
	{ "two of four anchors", { .anchors = 4, .anchors_failing = 2 }, ABSTAIN_NOT, true },
	{ "three of four anchors", { .anchors = 4, .anchors_failing = 3 }, ABSTAIN_ANCHORS, false },
	{ "two anchors that were asked once take nothing down yet", { .anchors = 3, .anchors_unsure = 2 }, ABSTAIN_NOT,
		false },
	{ "one fails and one was asked once", { .anchors = 3, .anchors_failing = 1, .anchors_unsure = 1 }, ABSTAIN_NOT,
		false },
	{ "two groups, and all there are", { .groups_failing = 2 }, ABSTAIN_NOT, true },
	{ "three groups, and all there are", { .groups_failing = 3 }, ABSTAIN_ENDPOINTS, false },
	{ "three groups of four", { .groups_failing = 3, .groups_seen = 1 }, ABSTAIN_ENDPOINTS, false },
	{ "three groups of five", { .groups_failing = 3, .groups_seen = 2 }, ABSTAIN_NOT, true },
	{ "four groups of six", { .groups_failing = 4, .groups_seen = 2 }, ABSTAIN_ENDPOINTS, false },
	{ "groups fail, and all anchors answer", { .anchors = 3, .groups_failing = 5 }, ABSTAIN_ENDPOINTS, false },
	{ "no overflow", { .groups_failing = UINT32_MAX, .groups_seen = UINT32_MAX }, ABSTAIN_NOT, true },
};

START_TEST(two_thirds_of_the_anchors_or_of_three_groups_are_the_reason)
{
	const struct reason_case *c = &reasons[_i];
	struct abstain abstain = { 0 };
	bool changed = abstain_step(&abstain, &rule, &c->counts, 1000);

	ck_assert_msg(abstain.why == c->why && changed == (c->why != ABSTAIN_NOT), "%s", c->says);
	ck_assert_msg(abstain_allows_down(&abstain) == c->allows_down, "%s: down allowed or not", c->says);
}
END_TEST

/* A story: a letter a second. A: all anchors fail, G: four groups of four fail (and three anchors answer), g: the same, with no
 * anchor at all, -: all is well. Below it what it does: a abstains for the anchors, g for the groups, - not. */
static const struct story_case {
	const char *says, *seen, *done;
	uint32_t patience_ms;
} stories[] = {
	{ "it lasts until all was well for three seconds", "-AA-----", "-aaaaa--", 60000 },
	{ "a moment of calm does not end it", "A--A--A----", "aaaaaaaaaa-", 60000 },
	{ "endpoints not probed yet prolong it", "AAggg----", "aagggggg-", 60000 },
	{ "most groups are believed after a while when anchors answer", "GGGGGGGG-GG", "ggggg----gg", 5000 },
	{ "and never when nothing answers", "ggggggggggg", "ggggggggggg", 5000 },
	{ "patience begins with the abstention", "ggggggGG", "gggggg--", 5000 },
	{ "believing groups does not make up for anchors", "GGGGGGAA", "ggggg-aa", 5000 },
};

START_TEST(abstaining_begins_and_ends)
{
	const struct story_case *c = &stories[_i];
	struct abstain_rule patient = { .patience_ms = c->patience_ms, .calm_ms = ABSTAIN_CALM_MS };
	struct abstain abstain = { 0 };

	for (size_t i = 0; c->seen[i] != '\0'; i++) {
		char seen = c->seen[i], done;
		struct abstain_counts counts = {
			.anchors = seen == 'g' ? 0 : 3,
			.anchors_failing = seen == 'A' ? 3 : 0,
			.groups_failing = seen == 'g' || seen == 'G' ? 4 : 0,
		};
		enum abstain_why before = abstain.why;
		bool changed = abstain_step(&abstain, &patient, &counts, 100000 + i * 1000);

		done = abstain.why == ABSTAIN_NOT ? '-' : abstain.why == ABSTAIN_ANCHORS ? 'a' : 'g';
		ck_assert_msg(done == c->done[i], "%s: second %zu: %c, not %c", c->says, i, done, c->done[i]);
		ck_assert_msg(changed == ((before == ABSTAIN_NOT) != (abstain.why == ABSTAIN_NOT)), "%s: second %zu",
			c->says, i);
	}
}
END_TEST

START_TEST(each_reason_has_its_sentence)
{
	struct abstain abstain = { .why = ABSTAIN_ANCHORS, .counts = { 3, 2, 1, 7, 9 } };
	char text[ABSTAIN_TEXT_MAX];
	uint32_t failing, of;

	abstain_numbers(&abstain, &failing, &of);
	ck_assert_str_eq(abstain_sentence(abstain.why, failing, of, text),
		"2 of 3 anchors fail: no endpoint is taken down until they answer");
	abstain.why = ABSTAIN_ENDPOINTS;
	abstain_numbers(&abstain, &failing, &of);
	ck_assert_str_eq(abstain_sentence(abstain.why, failing, of, text),
		"7 of 16 unrelated groups of endpoints fail at once: no endpoint is taken down for that");
	ck_assert_str_eq(abstain_sentence(ABSTAIN_NOT, 0, 0, text), "");
	abstain_sentence(ABSTAIN_ENDPOINTS, UINT32_MAX, UINT32_MAX, text);
	ck_assert_str_eq(text + strlen(text) - 8, "for that");
}
END_TEST

START_TEST(failures_that_were_perhaps_ours_are_forgotten)
{
	struct detector up = { .state = HEALTH_UP }, down = { .state = HEALTH_DOWN };
	const struct detector_rule slow = { .rise = 2, .fall = 3, .interval_ms = 5000 };
	uint32_t next_ms;

	detector_step(&up, &slow, &(struct observation){ .result = PROBE_REFUSED }, 1000, &next_ms);
	detector_step(&up, &slow, &(struct observation){ .result = PROBE_REFUSED }, 1500, &next_ms);
	detector_forget_failures(&up);
	ck_assert(!up.doubt);
	detector_step(&up, &slow, &(struct observation){ .result = PROBE_REFUSED }, 2000, &next_ms);
	detector_step(&up, &slow, &(struct observation){ .result = PROBE_REFUSED }, 2500, &next_ms);
	ck_assert_int_eq(up.state, HEALTH_UP);
	detector_step(&up, &slow, &(struct observation){ .result = PROBE_REFUSED }, 3000, &next_ms);
	ck_assert_int_eq(up.state, HEALTH_DOWN);
	/* successes of one that is down are not ours to forget */
	detector_step(&down, &slow, &(struct observation){ .result = PROBE_OK }, 1000, &next_ms);
	detector_forget_failures(&down);
	detector_step(&down, &slow, &(struct observation){ .result = PROBE_OK }, 2000, &next_ms);
	ck_assert_int_eq(down.state, HEALTH_UP);
}
END_TEST

/* ---- the crowd ---- */

enum { CROWD_AT = 5000000 };

START_TEST(a_group_fails_when_most_of_it_that_is_up_fails)
{
	struct crowd *crowd = crowd_new(2);
	struct crowd_member a = { 0 }, b = { 0 }, c = { 0 }, lone = { 0 };

	crowd_join(crowd, &a, 0, true);
	crowd_join(crowd, &b, 0, true);
	crowd_join(crowd, &c, 0, true);
	crowd_join(crowd, &lone, CROWD_ALONE, true);
	crowd_result(crowd, &lone, true, false, CROWD_AT);
	crowd_result(crowd, &a, true, false, CROWD_AT);
	ck_assert_uint_eq(crowd_failing(crowd), 0);
	crowd_result(crowd, &b, true, false, CROWD_AT);
	ck_assert_uint_eq(crowd_failing(crowd), 1);
	crowd_result(crowd, &b, true, false, CROWD_AT); /* once is enough */
	ck_assert_uint_eq(crowd_failing(crowd), 1);
	crowd_result(crowd, &c, true, true, CROWD_AT);
	ck_assert_uint_eq(crowd_failing(crowd), 1);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT), 0);
	/* what is down is not counted: then one of two fails */
	crowd_result(crowd, &a, false, false, CROWD_AT);
	ck_assert_uint_eq(crowd_failing(crowd), 0);
	crowd_leave(crowd, &c);
	ck_assert_uint_eq(crowd_failing(crowd), 1);
	crowd_result(crowd, &b, true, true, CROWD_AT);
	ck_assert_uint_eq(crowd_failing(crowd), 0);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT), 1);
	crowd_free(crowd);
}
END_TEST

START_TEST(successes_are_counted_once_a_group_and_by_their_time)
{
	struct crowd *crowd = crowd_new(3);
	struct crowd_member m[3] = { 0 };

	for (uint32_t i = 0; i < 3; i++)
		crowd_join(crowd, &m[i], i, true);
	for (int i = 0; i < 3; i++)
		crowd_result(crowd, &m[0], true, true, CROWD_AT + 40 * i);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT), 1);
	crowd_result(crowd, &m[1], true, true, CROWD_AT + 1000);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT), 2);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT + 500), 1);
	/* a group that fails now does not answer, whatever it did */
	crowd_result(crowd, &m[1], true, false, CROWD_AT + 1100);
	ck_assert_uint_eq(crowd_seen_since(crowd, CROWD_AT), 1);
	ck_assert_uint_eq(crowd_failing(crowd), 1);
	/* what lies further back than the ring reaches is forgotten */
	crowd_result(crowd, &m[2], true, true, CROWD_AT + 100000);
	ck_assert_uint_eq(crowd_seen_since(crowd, 0), 1);
	crowd_free(crowd);
}
END_TEST

START_TEST(a_new_crowd_knows_what_its_members_know)
{
	struct crowd *crowd = crowd_new(4), *next = crowd_new(4);
	struct crowd_member m[5] = { 0 };

	for (uint32_t i = 0; i < 5; i++)
		crowd_join(crowd, &m[i], i < 4 ? i : 3, true);
	crowd_result(crowd, &m[0], true, true, CROWD_AT);
	crowd_result(crowd, &m[1], true, true, CROWD_AT + 1000);
	crowd_result(crowd, &m[2], true, false, CROWD_AT + 2000);
	crowd_result(crowd, &m[3], true, true, CROWD_AT + 3000);
	crowd_result(crowd, &m[4], true, true, CROWD_AT + 500);
	crowd_free(crowd);
	for (uint32_t i = 5; i > 0; i--) /* whichever comes first */
		crowd_join(next, &m[i - 1], i < 5 ? i - 1 : 3, true);
	ck_assert_uint_eq(crowd_failing(next), 1);
	ck_assert_uint_eq(crowd_seen_since(next, CROWD_AT), 3);
	ck_assert_uint_eq(crowd_seen_since(next, CROWD_AT + 900), 2);
	ck_assert_uint_eq(crowd_seen_since(next, CROWD_AT + 2000), 1);
	crowd_free(next);
}
END_TEST

/* Against a slow count: random results, each step compared. */
START_TEST(the_counts_are_those_of_a_plain_recount)
{
	enum { GROUPS = 7, MEMBERS = 23 };
	struct crowd *crowd = crowd_new(GROUPS);
	struct crowd_member m[MEMBERS] = { 0 };
	uint64_t ok_ms[GROUPS] = { 0 }, now_ms = CROWD_AT;
	struct dice dice = { 42 };

	for (uint32_t i = 0; i < MEMBERS; i++)
		crowd_join(crowd, &m[i], i % GROUPS, true);
	for (unsigned step = 0; step < 20000; step++) {
		struct crowd_member *one = &m[dice_below(&dice, MEMBERS)];
		bool ok = dice_below(&dice, 3) > 0, up = ok || dice_below(&dice, 2) > 0;
		uint64_t since_ms;
		unsigned failing = 0, seen = 0, had = 0;

		now_ms += dice_below(&dice, 200);
		crowd_result(crowd, one, up, ok, now_ms);
		if (ok)
			ok_ms[one->group] = now_ms;
		since_ms = now_ms - dice_below(&dice, 5000);
		for (uint32_t g = 0; g < GROUPS; g++) {
			unsigned ups = 0, fails = 0;

			for (unsigned i = 0; i < MEMBERS; i++) {
				ups += m[i].group == g && m[i].up;
				fails += m[i].group == g && m[i].failing;
			}
			failing += fails * 2 > ups;
			if (fails * 2 > ups)
				ok_ms[g] = 0;
			seen += ok_ms[g] / CROWD_SLICE_MS >= since_ms / CROWD_SLICE_MS;
			had += ok_ms[g] != 0;
		}
		ck_assert_uint_eq(crowd_failing(crowd), failing);
		ck_assert_uint_eq(crowd_seen_since(crowd, since_ms), seen);
		ck_assert_uint_le(seen, had);
	}
	crowd_free(crowd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abstain");
	TCase *rules = tcase_create("rule"), *crowds = tcase_create("crowd");

	tcase_add_loop_test(rules, two_thirds_of_the_anchors_or_of_three_groups_are_the_reason, 0, COUNT_OF(reasons));
	tcase_add_loop_test(rules, abstaining_begins_and_ends, 0, COUNT_OF(stories));
	tcase_add_test(rules, each_reason_has_its_sentence);
	tcase_add_test(rules, failures_that_were_perhaps_ours_are_forgotten);
	tcase_add_test(crowds, a_group_fails_when_most_of_it_that_is_up_fails);
	tcase_add_test(crowds, successes_are_counted_once_a_group_and_by_their_time);
	tcase_add_test(crowds, a_new_crowd_knows_what_its_members_know);
	tcase_add_test(crowds, the_counts_are_those_of_a_plain_recount);
	suite_add_tcase(suite, rules);
	suite_add_tcase(suite, crowds);
	return unit_run(suite);
}
