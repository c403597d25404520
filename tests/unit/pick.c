#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#include "gslb/pick.h"

START_TEST(the_logarithm_is_right_to_the_17th_bit_and_never_rises)
{
	struct dice dice = { 1 };
	uint64_t last = UINT64_MAX;

	for (int i = 0; i < 200000; i++) {
		uint64_t h = dice_next(&dice) >> dice_below(&dice, 64);
		double is = (double)pick_cost(h) / 4294967296.0, wanted = 64 - log2((double)h + 1);

		/* no assertion where all is well: each one is a message to the parent process */
		if (fabs(is - wanted) >= 1.0 / (1 << 17))
			ck_abort_msg("%llx: %.9f, not %.9f", (unsigned long long)h, is, wanted);
	}
	for (uint64_t h = 0; h < 100000; h++) {
		if (pick_cost(h) > last)
			ck_abort_msg("%llx: it rises", (unsigned long long)h);
		last = pick_cost(h);
	}
	ck_assert_uint_eq(pick_cost(0), (uint64_t)64 << 32);
	ck_assert_uint_eq(pick_cost(UINT64_MAX), 0);
	ck_assert_uint_eq(pick_cost((UINT64_C(1) << 63) - 1), (uint64_t)1 << 32);
}
END_TEST

/* Values that any host must get: a change of these moves every client of every installation. */
START_TEST(scores_are_the_same_on_every_host)
{
	static const struct {
		uint64_t key, identity, weight, score;
	} cases[] = {
		{ 0x0123456789abcdef, 0xfedcba9876543210, 1000, UINT64_C(11655035117109) },
		{ 1, 2, 1, UINT64_C(226251322708459520) },
		{ UINT64_MAX, 0, 65535 * UINT64_C(256000), UINT64_C(694704) },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_uint_eq(
			pick_score(picker_hash(cases[i].key, cases[i].identity), cases[i].weight), cases[i].score);
}
END_TEST

/* The part of n choices that begin with each candidate. */
static void shares(
	unsigned wanted, bool sticky, const uint64_t *weights, unsigned ncandidates, unsigned n, double *part)
{
	struct dice dice = { 42 };

	for (unsigned i = 0; i < ncandidates; i++)
		part[i] = 0;
	for (unsigned round = 0; round < n; round++) {
		struct picker picker;

		picker_init(&picker, wanted, &dice, sticky, hash_mix(round, 7));
		for (unsigned i = 0; i < ncandidates; i++)
			picker_add(&picker, i, hash_mix(i, 99), weights[i]);
		if (picker.npicked != (wanted < ncandidates ? wanted : ncandidates))
			ck_abort_msg("%u picked", picker.npicked);
		for (unsigned i = 0; i < picker.npicked; i++)
			for (unsigned k = 0; k < i; k++)
				if (picker.id[i] == picker.id[k])
					ck_abort_msg("%u twice", picker.id[i]);
		part[picker.id[0]] += 1.0 / n;
	}
}

static const struct share_case {
	uint64_t weights[4];
	unsigned n;
} share_cases[] = {
	{ { 1, 1 }, 2 },
	{ { 5, 3, 2 }, 3 },
	{ { 1, 1000 }, 2 },
	{ { 60, 40, 1, 9 }, 4 },
	{ { 65535 * UINT64_C(256000), 1, 65535 * UINT64_C(256000) }, 3 },
};

START_TEST(each_is_chosen_first_in_proportion_to_its_weight)
{
	const struct share_case *c = &share_cases[_i];
	static const struct {
		unsigned wanted;
		bool sticky;
	} ways[] = { { 1, false }, { 2, false }, { 1, true }, { 3, true } };
	double total = 0;

	for (unsigned i = 0; i < c->n; i++)
		total += (double)c->weights[i];
	for (size_t w = 0; w < COUNT_OF(ways); w++) {
		enum { N = 100000 };
		double part[4];

		shares(ways[w].wanted, ways[w].sticky, c->weights, c->n, N, part);
		for (unsigned i = 0; i < c->n; i++) {
			double p = (double)c->weights[i] / total, sigma = sqrt(p * (1 - p) / N);

			ck_assert_msg(fabs(part[i] - p) <= 4.5 * sigma + 0.0015,
				"way %zu, candidate %u: %.4f, not %.4f", w, i, part[i], p);
		}
	}
}
END_TEST

static uint32_t chosen(uint64_t key, const uint64_t *weights, unsigned n)
{
	struct picker picker;

	picker_init(&picker, 1, NULL, true, key);
	for (unsigned i = 0; i < n; i++)
		if (weights[i] > 0)
			picker_add(&picker, i, hash_mix(i, 5), weights[i]);
	return picker.id[0];
}

static const struct move_case {
	uint64_t before[4], after[4];
	double moved; /* the least that must */
} move_cases[] = {
	{ { 5, 3, 2, 0 }, { 4, 3, 2, 0 }, 5.0 / 10 - 4.0 / 9 },
	{ { 5, 3, 2, 0 }, { 5, 3, 4, 0 }, 4.0 / 12 - 2.0 / 10 },
	{ { 1, 1, 1, 0 }, { 1, 1, 0, 0 }, 1.0 / 3 },
	{ { 1, 1, 1, 0 }, { 1, 1, 1, 1 }, 1.0 / 4 },
};

START_TEST(a_change_of_weight_moves_only_what_it_must)
{
	enum { N = 100000 };
	const struct move_case *c = &move_cases[_i];
	unsigned moved = 0;

	for (unsigned key = 0; key < N; key++) {
		uint32_t was = chosen(hash_mix(key, 3), c->before, 4), is = chosen(hash_mix(key, 3), c->after, 4);

		if (was == is)
			continue;
		moved++;
		/* out of what lost weight, or into what gained it; never between two that did not change */
		if (c->after[was] >= c->before[was] && c->after[is] <= c->before[is])
			ck_abort_msg("key %u moved from %u to %u", key, was, is);
	}
	ck_assert_double_eq_tol((double)moved / N, c->moved, 0.005);
}
END_TEST

START_TEST(more_answers_keep_the_first_ones)
{
	for (unsigned key = 0; key < 1000; key++) {
		struct picker few, many;

		picker_init(&few, 2, NULL, true, hash_mix(key, 1));
		picker_init(&many, 5, NULL, true, hash_mix(key, 1));
		for (unsigned i = 0; i < 8; i++) {
			picker_add(&few, i, hash_mix(i, 2), i + 1);
			picker_add(&many, i, hash_mix(i, 2), i + 1);
		}
		ck_assert_uint_eq(few.id[0], many.id[0]);
		ck_assert_uint_eq(few.id[1], many.id[1]);
	}
}
END_TEST

/* Weights so large that many scores are the same. */
START_TEST(the_order_of_candidates_is_nothing_to_the_choice)
{
	static const uint64_t weight = UINT64_C(1) << 38;
	unsigned ties = 0;

	for (unsigned key = 0; key < 1000000; key++) {
		struct picker one, two;

		picker_init(&one, 3, NULL, true, hash_mix(key, 1));
		picker_init(&two, 3, NULL, true, hash_mix(key, 1));
		for (unsigned i = 0; i < 6; i++) {
			picker_add(&one, i, hash_mix(i, 2), weight);
			picker_add(&two, 5 - i, hash_mix(5 - i, 2), weight);
		}
		ties += one.score[0] == one.score[1] || one.score[1] == one.score[2];
		if (memcmp(one.id, two.id, 3 * sizeof(one.id[0])) != 0)
			ck_abort_msg("key %u: %u %u %u, and %u %u %u", key, one.id[0], one.id[1], one.id[2], two.id[0],
				two.id[1], two.id[2]);
	}
	ck_assert_uint_gt(ties, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pick");
	TCase *tcase = tcase_create("pick");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_logarithm_is_right_to_the_17th_bit_and_never_rises);
	tcase_add_test(tcase, scores_are_the_same_on_every_host);
	tcase_add_loop_test(tcase, each_is_chosen_first_in_proportion_to_its_weight, 0, COUNT_OF(share_cases));
	tcase_add_loop_test(tcase, a_change_of_weight_moves_only_what_it_must, 0, COUNT_OF(move_cases));
	tcase_add_test(tcase, more_answers_keep_the_first_ones);
	tcase_add_test(tcase, the_order_of_candidates_is_nothing_to_the_choice);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
