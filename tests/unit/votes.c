#include "health/votes.h"

#include <string.h>

#include "health/gate.h"
#include "tests/unit/unit.h"

enum { NOW_MS = 10000000 };

/* ---- votes ---- */

/* A letter a vantage: U up, D down, u and d the same with its last results against it, - nothing. */
static void read_votes(const char *letters, struct vote *votes)
{
	for (size_t i = 0; letters[i] != '\0'; i++) {
		char c = letters[i];

		votes[i] = (struct vote){
			.says = c == '-'               ? VOTE_SILENT
				: c == 'U' || c == 'u' ? VOTE_UP
						       : VOTE_DOWN,
			.leaning = c == 'u' || c == 'd',
		};
	}
}

static const struct votes_case {
	const char *says, *votes;
	enum health_state before, after;
	bool doubt, unanimous;
} cases[] = {
	{ "a lone vantage's vote is the verdict", "D", HEALTH_UP, HEALTH_DOWN, false, false },
	{ "also for the better", "U", HEALTH_DOWN, HEALTH_UP, false, false },
	{ "a lone vantage that is silent changes nothing", "-", HEALTH_UP, HEALTH_UP, false, false },
	{ "a lone vantage's doubt is doubt", "u", HEALTH_UP, HEALTH_UP, true, false },
	{ "one of three takes nothing down", "DUU", HEALTH_UP, HEALTH_UP, true, false },
	{ "two of three do", "DDU", HEALTH_UP, HEALTH_DOWN, true, false },
	{ "all three do, as one", "DDD", HEALTH_UP, HEALTH_DOWN, false, true },
	{ "two of three that are alone are unanimous", "DD-", HEALTH_UP, HEALTH_DOWN, false, true },
	{ "one that reports of three is no majority", "D--", HEALTH_UP, HEALTH_UP, true, false },
	{ "two of five are no majority of the assigned, though all that speak", "DD---", HEALTH_UP, HEALTH_UP, true,
		false },
	{ "three of five are", "DDD--", HEALTH_UP, HEALTH_DOWN, false, true },
	{ "three of four", "DDDU", HEALTH_UP, HEALTH_DOWN, true, false },
	{ "half of four change nothing", "DDUU", HEALTH_UP, HEALTH_UP, true, false },
	{ "nor bring back", "DDUU", HEALTH_DOWN, HEALTH_DOWN, true, false },
	{ "a majority brings back", "DUU", HEALTH_DOWN, HEALTH_UP, true, false },
	{ "two that lean are doubt", "uuU", HEALTH_UP, HEALTH_UP, true, true },
	{ "one that leans is none", "uUU", HEALTH_UP, HEALTH_UP, false, true },
	{ "down is in doubt when two lean up", "ddD", HEALTH_DOWN, HEALTH_DOWN, true, true },
	{ "nobody leaves what is unknown", "---", HEALTH_UNKNOWN, HEALTH_UNKNOWN, false, false },
};

START_TEST(a_majority_of_the_assigned_decides)
{
	const struct votes_case *c = &cases[_i];
	struct vote votes[ASSIGN_VANTAGES_MAX];
	struct votes_result result;

	read_votes(c->votes, votes);
	votes_count(votes, (unsigned)strlen(c->votes), c->before, &result);
	ck_assert_msg(result.state == c->after, "%s: state %d", c->says, result.state);
	ck_assert_msg(result.doubt == c->doubt, "%s: doubt", c->says);
	ck_assert_msg(result.unanimous == c->unanimous, "%s: unanimous", c->says);
	ck_assert_uint_eq(result.up + result.down + result.silent, strlen(c->votes));
}
END_TEST

/* ---- the budget ---- */

/* A letter a pool: S in service, x fell a minute ago, o eleven minutes ago, or as long before the o after it. The first S falls now. */
static const struct budget_case {
	const char *says, *pools;
	uint32_t keep;
	enum budget_says answer;
} budgets[] = {
	{ "the first of four", "SSSS", 1, BUDGET_ALLOWS },
	{ "the second of four", "SSSx", 1, BUDGET_SPENT },
	{ "the second of eight", "SSSSSSSx", 1, BUDGET_ALLOWS },
	{ "the third of eight", "SSSSSSxx", 1, BUDGET_SPENT },
	{ "the second of seven", "SSSSSSx", 1, BUDGET_SPENT },
	{ "one that went long ago does not count", "SSSo", 1, BUDGET_ALLOWS },
	{ "the last one stays", "Sooo", 1, BUDGET_KEEP },
	{ "unless nothing is to be kept", "Sooo", 0, BUDGET_ALLOWS },
	{ "keep binds", "SSoo", 2, BUDGET_KEEP },
	{ "the only one", "S", 1, BUDGET_KEEP },
	{ "one of two", "SS", 1, BUDGET_ALLOWS },
};

START_TEST(a_quarter_or_one_in_ten_minutes)
{
	const struct budget_case *c = &budgets[_i];
	struct budget_pool fallen[16];
	uint32_t npools = (uint32_t)strlen(c->pools), n = 1, old = 0, recent;

	fallen[0] = (struct budget_pool){ .since_ms = NOW_MS, .number = 0 };
	for (uint32_t i = npools; i-- > 1;)
		if (c->pools[i] != 'S')
			fallen[n++] = (struct budget_pool){
				.since_ms = NOW_MS - (c->pools[i] == 'x' ? 60000 : ++old * 660000), .number = i
			};
	ck_assert_msg(budget_ask(fallen, n, npools, c->keep, 0, NOW_MS, &recent) == c->answer, "%s", c->says);
}
END_TEST

START_TEST(what_is_unanimous_goes_and_takes_its_part_of_the_budget)
{
	struct budget_pool fallen[3] = { { .since_ms = NOW_MS - 3, .number = 0 },
		{ .since_ms = NOW_MS - 2, .number = 1, .unanimous = true }, { .since_ms = NOW_MS - 1, .number = 2 } };
	uint32_t recent;

	ck_assert(budget_ask(fallen, 3, 4, 1, 0, NOW_MS, &recent) == BUDGET_ALLOWS);
	ck_assert(budget_ask(fallen, 3, 4, 1, 1, NOW_MS, &recent) == BUDGET_ALLOWS);
	ck_assert(budget_ask(fallen, 3, 4, 1, 2, NOW_MS, &recent) == BUDGET_SPENT);
	ck_assert_uint_eq(recent, 2);
}
END_TEST

/* Whoever asks, in whatever order: no more than the budget are out at once, and of two that fell the earlier is the one. */
START_TEST(the_order_of_the_question_changes_nothing)
{
	uint32_t recent;

	for (int turn = 0; turn < 6; turn++) {
		struct budget_pool fallen[3], sorted[3] = { { .since_ms = NOW_MS - 9, .number = 0 },
			{ .since_ms = NOW_MS - 9, .number = 1, .identity = 1 },
			{ .since_ms = NOW_MS - 1, .number = 2 } };

		for (int i = 0; i < 3; i++)
			fallen[(i * (turn < 3 ? 1 : 2) + turn) % 3] = sorted[i];
		for (uint32_t number = 0; number < 3; number++) {
			struct budget_pool asked[3]; /* it is sorted in place */

			memcpy(asked, fallen, sizeof asked);
			ck_assert_msg(budget_ask(asked, 3, 4, 1, number, NOW_MS, &recent) ==
					      (number == 0 ? BUDGET_ALLOWS : BUDGET_SPENT),
				"pool %u in turn %d", number, turn);
		}
	}
}
END_TEST

/* ---- the gate ---- */

static const uint32_t slots[] = { 0, 1, 2, 3, 4, 5 };
/* Pool 0 has two endpoints of IPv4 and one of IPv6, the others one each; service a has all, b the first two. */
static const struct health_pool pools[] = { { slots, 3, 2, 1, "eu" }, { slots + 3, 1, 1, 1, "us" },
	{ slots + 4, 1, 1, 1, "ap" }, { slots + 5, 1, 1, 1, "sa" } };
static const uint32_t all[] = { 0, 1, 2, 3 };
static const struct health_service services[] = { { all, 4, 1, "a" }, { all, 2, 1, "b" } };
static const struct health_plan plan = { .pools = pools, .npools = 4, .services = services, .nservices = 2 };

/* Three vantages' letters, as above, from since_ms on. */
static void put(struct gate *gate, uint32_t slot, const char *letters, uint64_t since_ms)
{
	struct votes_result result;
	struct vote votes[ASSIGN_VANTAGES_MAX];

	read_votes(letters, votes);
	votes_count(votes, 3, HEALTH_UP, &result);
	gate_put(gate, slot, result.state == HEALTH_DOWN, result.unanimous, since_ms);
}

static bool held(const struct gate *gate, uint32_t slot, uint64_t now_ms)
{
	struct gate_hold hold;

	return gate_holds(gate, slot, now_ms, &hold);
}

START_TEST(the_second_pool_in_ten_minutes_is_held)
{
	struct gate *gate = gate_new(&plan, 6);
	struct votes_result votes = { .down = 2, .up = 1 };
	struct gate_hold hold;
	char text[GATE_TEXT_MAX];

	put(gate, 3, "DDU", NOW_MS);
	ck_assert(!held(gate, 3, NOW_MS));
	put(gate, 4, "DDU", NOW_MS + 1000);
	ck_assert(gate_holds(gate, 4, NOW_MS + 1000, &hold) && !held(gate, 3, NOW_MS + 1000));
	ck_assert_str_eq(gate_sentence(gate, &hold, &votes, text),
		"ap stays in service for a: 1 of its 4 pools was taken out "
		"within ten minutes, and more than 1 takes two "
		"unanimous vantages (2 say down, 1 up)");
	ck_assert(held(gate, 4, NOW_MS + 599999));
	ck_assert(!held(gate, 4, NOW_MS + 600000));
	/* and the next one waits for that one */
	put(gate, 5, "DDU", NOW_MS + 700000);
	ck_assert(held(gate, 5, NOW_MS + 700000));
	ck_assert(held(gate, 5, NOW_MS + 1199999));
	put(gate, 5, "DDD", NOW_MS + 700000);
	ck_assert(!held(gate, 5, NOW_MS + 700000));
	gate_free(gate);
}
END_TEST

START_TEST(a_pool_that_is_back_frees_the_budget)
{
	struct gate *gate = gate_new(&plan, 6);

	put(gate, 3, "DDU", NOW_MS);
	put(gate, 4, "DDU", NOW_MS + 1);
	ck_assert(held(gate, 4, NOW_MS + 1));
	put(gate, 3, "DUU", NOW_MS + 2);
	ck_assert(!held(gate, 3, NOW_MS + 2) && !held(gate, 4, NOW_MS + 2));
	gate_free(gate);
}
END_TEST

START_TEST(endpoints_may_go_while_their_pool_stays)
{
	struct gate *gate = gate_new(&plan, 6);
	struct votes_result votes = { .down = 2, .up = 1 };
	struct gate_hold hold;
	char text[GATE_TEXT_MAX];

	put(gate, 3, "DDU", NOW_MS);
	put(gate, 0, "DDU", NOW_MS + 1);
	put(gate, 1, "DDU", NOW_MS + 2);
	ck_assert(!held(gate, 0, NOW_MS + 2) && !held(gate, 1, NOW_MS + 2)); /* IPv6 serves it still */
	put(gate, 2, "DDU", NOW_MS + 3);
	ck_assert(gate_holds(gate, 2, NOW_MS + 3, &hold) && hold.says == BUDGET_SPENT);
	ck_assert(
		!held(gate, 0, NOW_MS + 3) && !held(gate, 1, NOW_MS + 3)); /* the last one stays, not the first ones */
	/* long after, service b would lose its last pool */
	ck_assert(gate_holds(gate, 2, NOW_MS + 10000000, &hold));
	ck_assert(hold.says == BUDGET_KEEP && hold.service == 1);
	ck_assert_str_eq(gate_sentence(gate, &hold, &votes, text),
		"eu stays in service for b: keep=1, and less takes two unanimous vantages (2 say down, 1 up)");
	put(gate, 2, "DD-", NOW_MS + 10000000);
	ck_assert(held(gate, 2, NOW_MS + 10000000)); /* IPv4 went without unanimity */
	put(gate, 0, "DD-", NOW_MS + 1);
	put(gate, 1, "DD-", NOW_MS + 2);
	ck_assert(!held(gate, 2, NOW_MS + 10000000));
	gate_free(gate);
}
END_TEST

/* Four bits a slot: how often. */
static void note(void *arg, uint32_t slot)
{
	*(unsigned *)arg += 1u << 4 * slot;
}

START_TEST(a_change_names_those_whom_it_may_concern)
{
	struct gate *gate = gate_new(&plan, 6);
	unsigned kin = 0;

	ck_assert(gate_put(gate, 3, true, false, NOW_MS));
	ck_assert(!gate_put(gate, 3, true, false, NOW_MS));
	ck_assert(!gate_put(gate, 0, true, false, NOW_MS)); /* its pool is there still */
	gate_put(gate, 4, true, false, NOW_MS + 1);
	gate_kin(gate, 3, note, &kin);
	ck_assert_uint_eq(kin, 0x11001); /* once each, though services share the pools */
	gate_put(gate, 0, false, false, 0);
	kin = 0;
	gate_kin(gate, 3, note, &kin);
	ck_assert_uint_eq(kin, 0x11000);
	gate_free(gate);
}
END_TEST

START_TEST(strange_numbers_are_harmless)
{
	struct gate *gate = gate_new(&plan, 4); /* the plan speaks of slots beyond */
	struct gate_hold hold;

	ck_assert(!gate_put(gate, 4, true, true, NOW_MS));
	ck_assert(!gate_put(gate, 99, true, true, NOW_MS));
	ck_assert(!gate_holds(gate, 99, NOW_MS, &hold));
	gate_free(gate);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("votes");
	TCase *votes = tcase_create("votes"), *gate = tcase_create("gate");

	tcase_add_loop_test(votes, a_majority_of_the_assigned_decides, 0, COUNT_OF(cases));
	tcase_add_loop_test(gate, a_quarter_or_one_in_ten_minutes, 0, COUNT_OF(budgets));
	tcase_add_test(gate, the_second_pool_in_ten_minutes_is_held);
	tcase_add_test(gate, a_pool_that_is_back_frees_the_budget);
	tcase_add_test(gate, endpoints_may_go_while_their_pool_stays);
	tcase_add_test(gate, a_change_names_those_whom_it_may_concern);
	tcase_add_test(gate, what_is_unanimous_goes_and_takes_its_part_of_the_budget);
	tcase_add_test(gate, the_order_of_the_question_changes_nothing);
	tcase_add_test(gate, strange_numbers_are_harmless);
	suite_add_tcase(suite, votes);
	suite_add_tcase(suite, gate);
	return unit_run(suite);
}
