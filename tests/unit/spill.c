/* Who is spilled, how much, and that it does not swing: a pool with a crowd of caches before it, in simulated time. */
#include "gslb/spill.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "tests/unit/unit.h"

/* ---- the split ---- */

enum { CASE_CLASSES = 4, CASE_POOLS = 3 };

static const struct split_case {
	const char *name;
	struct {
		uint64_t demand;
		uint16_t pool[CASE_POOLS];
		uint32_t score[CASE_POOLS];
		uint8_t npools;
	} classes[CASE_CLASSES];
	uint64_t room[CASE_POOLS];
	uint16_t shares[CASE_CLASSES][CASE_POOLS]; /* by rank */
} split_cases[] = {
	{ "there is room for all", { { 100, { 0, 1, 2 }, { 10, 20, 30 }, 3 }, { 50, { 1, 0 }, { 5, 50 }, 2 } },
		{ 100, 100, 100 }, { { 256 }, { 256 } } },
	{ "those go who lose least, not those who are farthest",
		{ { 100, { 0, 1 }, { 10, 100 }, 2 }, { 100, { 0, 1 }, { 400, 410 }, 2 },
			{ 100, { 0, 1 }, { 50, 300 }, 2 } },
		{ 200, 1000, 0 }, { { 256 }, { 0, 256 }, { 256 } } },
	{ "only as much as it takes", { { 100, { 0, 1 }, { 10, 100 }, 2 }, { 100, { 0, 1 }, { 10, 20 }, 2 } },
		{ 150, 1000, 0 }, { { 256 }, { 128, 128 } } },
	{ "who has nowhere else to go stays", { { 100, { 0 }, { 10 }, 1 }, { 100, { 0, 1 }, { 10, 900 }, 2 } },
		{ 100, 1000, 0 }, { { 256 }, { 0, 256 } } },
	{ "who comes may push out another",
		{ { 100, { 0, 1 }, { 10, 20 }, 2 }, { 100, { 0, 1 }, { 10, 500 }, 2 },
			{ 100, { 1, 2 }, { 10, 11 }, 2 } },
		{ 100, 100, 1000 }, { { 0, 256 }, { 256 }, { 0, 256 } } },
	{ "who finds no room is spread over the first two by their room", { { 400, { 0, 1, 2 }, { 1, 2, 3 }, 3 } },
		{ 75, 25, 0 }, { { 192, 64 } } },
	{ "no room at all: they stay", { { 100, { 0, 1 }, { 1, 2 }, 2 } }, { 0, 0, 0 }, { { 256 } } },
	{ "parts add up", { { 3, { 0, 1, 2 }, { 1, 2, 3 }, 3 } }, { 1, 1, 1 }, { { 86, 85, 85 } } },
	{ "a class that asks for nothing", { { 0, { 0, 1 }, { 1, 2 }, 2 }, { 100, { 0 }, { 1 }, 1 } }, { 100, 0, 0 },
		{ { 256 }, { 256 } } },
};

START_TEST(a_split_is_by_least_regret)
{
	const struct split_case *c = &split_cases[_i];
	struct spill_class classes[CASE_CLASSES] = { 0 };
	uint16_t shares[CASE_CLASSES][SPILL_RANKS];
	size_t n = 0;

	for (; n < CASE_CLASSES && c->classes[n].npools > 0; n++) {
		classes[n] = (struct spill_class){
			.identity = n, .demand = c->classes[n].demand, .npools = c->classes[n].npools
		};
		memcpy(classes[n].pool, c->classes[n].pool, sizeof(c->classes[n].pool));
		memcpy(classes[n].score, c->classes[n].score, sizeof(c->classes[n].score));
	}
	spill_split(classes, n, c->room, CASE_POOLS, shares);
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < CASE_POOLS; k++)
			ck_assert_msg(shares[i][k] == c->shares[i][k], "%s: class %zu, rank %u: %u, not %u", c->name, i,
				k, shares[i][k], c->shares[i][k]);
}
END_TEST

/* Pools and classes at random places on a line. */
enum { CLASSES = 300, POOLS = 12 };

static void draw_world(struct dice *dice, struct spill_class *classes, uint64_t *room, unsigned fill_percent)
{
	uint32_t at[POOLS];
	uint64_t demand = 0;

	for (unsigned i = 0; i < POOLS; i++)
		at[i] = (uint32_t)dice_below(dice, 10000);
	for (unsigned i = 0; i < CLASSES; i++) {
		uint32_t here = (uint32_t)dice_below(dice, 10000);
		struct spill_class *class = &classes[i];

		*class = (struct spill_class){ .identity = dice_next(dice), .demand = 1 + dice_below(dice, 100000) };
		demand += class->demand;
		for (uint16_t pool = 0; pool < POOLS; pool++) {
			uint32_t score = (here > at[pool] ? here - at[pool] : at[pool] - here) / 100;
			unsigned k = class->npools++;

			for (; k > 0 && class->score[k - 1] > score; k--) {
				class->score[k] = class->score[k - 1];
				class->pool[k] = class->pool[k - 1];
			}
			class->score[k] = score;
			class->pool[k] = pool;
		}
	}
	for (unsigned i = 0; i < POOLS; i++)
		room[i] = demand * 100 / fill_percent / POOLS * (50 + dice_below(dice, 101)) / 100;
}

static void load_of(const struct spill_class *classes, uint16_t (*shares)[SPILL_RANKS], double load[static POOLS])
{
	memset(load, 0, POOLS * sizeof(*load));
	for (unsigned i = 0; i < CLASSES; i++) {
		unsigned total = 0;

		for (unsigned k = 0; k < SPILL_RANKS; k++) {
			total += shares[i][k];
			if (shares[i][k] > 0)
				load[classes[i].pool[k]] += (double)classes[i].demand * shares[i][k] / SPILL_SHARES;
		}
		ck_assert_uint_eq(total, SPILL_SHARES);
	}
}

/* Stable: no class that would rather be elsewhere could have the place of one who loses less. */
static void check_stable(const struct spill_class *classes, uint16_t (*shares)[SPILL_RANKS])
{
	for (unsigned i = 0; i < CLASSES; i++)
		for (unsigned k = 1; k < classes[i].npools; k++) {
			uint16_t wished = classes[i].pool[k - 1];
			uint32_t regret = classes[i].score[k] - classes[i].score[k - 1];

			if (shares[i][k] < 2)
				continue; /* what rounding left */
			for (unsigned j = 0; j < CLASSES; j++)
				for (unsigned r = 0; r + 1 < classes[j].npools; r++)
					if (classes[j].pool[r] == wished && shares[j][r] > 1 &&
						classes[j].score[r + 1] - classes[j].score[r] < regret)
						ck_abort_msg("class %u would lose less than class %u", j, i);
		}
}

START_TEST(a_split_is_stable_and_no_pool_has_more_than_room)
{
	static struct spill_class classes[CLASSES];
	uint16_t(*shares)[SPILL_RANKS] = mem_alloc(CLASSES * sizeof(*shares));
	struct dice dice = { (uint64_t)_i + 1 };
	double load[POOLS];
	uint64_t room[POOLS];

	draw_world(&dice, classes, room, 60 + (unsigned)_i);
	spill_split(classes, CLASSES, room, POOLS, shares);
	load_of(classes, shares, load);
	for (unsigned i = 0; i < POOLS; i++)
		ck_assert_msg(load[i] <= (double)room[i] * 1.01 + 100000.0 / SPILL_SHARES * 20, "pool %u: %.0f of %llu",
			i, load[i], (unsigned long long)room[i]);
	check_stable(classes, shares);
	free(shares);
}
END_TEST

START_TEST(hosts_with_other_numbers_come_to_the_same_split)
{
	static struct spill_class classes[CLASSES], others[CLASSES];
	uint16_t(*shares)[SPILL_RANKS] = mem_alloc(CLASSES * sizeof(*shares));
	uint16_t(*again)[SPILL_RANKS] = mem_alloc(CLASSES * sizeof(*shares));
	struct dice dice = { (uint64_t)_i + 77 };
	uint64_t room[POOLS], other_room[POOLS];

	draw_world(&dice, classes, room, 70 + (unsigned)_i * 3);
	for (unsigned i = 0; i < CLASSES; i++) {
		others[CLASSES - 1 - i] = classes[i];
		for (unsigned k = 0; k < POOLS; k++)
			others[CLASSES - 1 - i].pool[k] = (uint16_t)(POOLS - 1 - classes[i].pool[k]);
	}
	for (unsigned i = 0; i < POOLS; i++)
		other_room[POOLS - 1 - i] = room[i];
	spill_split(classes, CLASSES, room, POOLS, shares);
	spill_split(others, CLASSES, other_room, POOLS, again);
	for (unsigned i = 0; i < CLASSES; i++)
		ck_assert_mem_eq(shares[i], again[CLASSES - 1 - i], sizeof(shares[i]));
	free(shares);
	free(again);
}
END_TEST

static const struct keep_case {
	const char *name;
	uint64_t room[2];
	uint32_t score[2];
	uint16_t present[2], other[2];
	bool keeps;
} keep_cases[] = {
	{ "the same", { 1000, 1000 }, { 10, 100 }, { 256, 0 }, { 256, 0 }, true },
	{ "much to be gained", { 1000, 1000 }, { 10, 100 }, { 0, 256 }, { 256, 0 }, false },
	{ "little to be gained", { 1000, 1000 }, { 10, 60 }, { 0, 256 }, { 256, 0 }, true },
	{ "2 % too much", { 980, 1000 }, { 10, 100 }, { 256, 0 }, { 250, 6 }, true },
	{ "4 % too much", { 960, 1000 }, { 10, 100 }, { 256, 0 }, { 245, 11 }, false },
	{ "too much, and the other has no less", { 500, 100 }, { 10, 100 }, { 256, 0 }, { 256, 0 }, true },
};

START_TEST(a_split_stays_unless_another_is_clearly_better)
{
	const struct keep_case *c = &keep_cases[_i];
	struct spill_class class = { .demand = 1000, .npools = 2, .pool = { 0, 1 } };
	uint16_t present[1][SPILL_RANKS] = { { c->present[0], c->present[1] } };
	uint16_t other[1][SPILL_RANKS] = { { c->other[0], c->other[1] } };

	memcpy(class.score, c->score, sizeof(c->score));
	ck_assert_msg(spill_split_keeps(&class, 1, c->room, 2, present, other) == c->keeps, "%s", c->name);
}
END_TEST

/* ---- the control ---- */

static const struct control_case {
	const char *name;
	uint64_t load, capacity, age_s;
	double before, after; /* part of the demand; before: long since */
} control_cases[] = {
	{ "all is well", 700, 1000, 10, 0, 0 },
	{ "as much as it is filled to", 800, 1000, 10, 0, 0 },
	{ "a little more is borne", 820, 1000, 10, 0, 0 },
	{ "1.2 of its capacity: a quarter at most is moved at once", 1200, 1000, 10, 0, 0.25 },
	{ "what is needed and no more", 1000, 1000, 10, 0, 0.20 },
	{ "what is elsewhere counts", 800, 1000, 10, 0.25, 0.25 },
	{ "the demand falls: back in small steps", 300, 1000, 10, 0.25, 0.20 },
	{ "the last bit comes back", 700, 1000, 10, 0.02, 0 },
	{ "an old report says nothing", 1400, 1000, 61, 0.1, 0.1 },
	{ "no capacity is no report", 1400, 0, 10, 0.1, 0.1 },
};

START_TEST(a_step_is_what_the_demand_takes)
{
	const struct control_case *c = &control_cases[_i];
	const struct spill_report report = { .at_s = 2000000000 - c->age_s, .load = c->load, .capacity = c->capacity };
	struct spill_control control = { .part = (uint32_t)(c->before * SPILL_ONE + 0.5) };

	for (uint64_t s = 2000000000 - 1000; s < 2000000000; s += 10)
		ck_assert(!spill_control_step(&control, 30, NULL, s));
	spill_control_step(&control, 30, &report, 2000000000);
	ck_assert_msg((double)control.part / SPILL_ONE > c->after - 0.002 &&
			      (double)control.part / SPILL_ONE < c->after + 0.002,
		"%s: %.4f, not %.4f", c->name, (double)control.part / SPILL_ONE, c->after);
	ck_assert(!spill_control_step(&control, 30, &report, 2000000009)); /* not in the same step */
}
END_TEST

START_TEST(what_caches_do_follows_what_was_answered)
{
	struct spill_control control = { 0 };
	uint64_t start_s = 2000000000;

	spill_control_step(&control, 30, NULL, start_s - 10);
	control.part = SPILL_ONE / 2;
	for (uint64_t s = start_s; s < start_s + 300; s += 10)
		spill_control_step(&control, 30, NULL, s);
	ck_assert_uint_eq(spill_control_gone(&control, 30, start_s), SPILL_ONE / 2 * 8 / 100 / 15);
	ck_assert_double_eq_tol(spill_control_gone(&control, 30, start_s + 15) / (double)SPILL_ONE, 0.235, 0.01);
	ck_assert_double_eq_tol(spill_control_gone(&control, 30, start_s + 30) / (double)SPILL_ONE, 0.47, 0.015);
	ck_assert_double_eq_tol(spill_control_gone(&control, 30, start_s + 290) / (double)SPILL_ONE, 0.5, 0.01);
	/* after a long time without a step nothing is left of what was; a step too early is none */
	spill_control_step(&control, 30, NULL, start_s + 100000);
	ck_assert_double_eq_tol(spill_control_gone(&control, 30, start_s + 100000) / (double)SPILL_ONE, 0.5, 0.01);
	ck_assert(!spill_control_step(&control, 30, NULL, start_s));
}
END_TEST

/* ---- a pool with caches before it ---- */

enum {
	CACHES = 20000,
	CAPACITY = CACHES,
	STEP_AT_S = 300,
	LOOK_AT_S = 480,
	FALL_AT_S = 1200,
	CALM_AT_S = 1500,
	RUN_S = 1980
};

struct rig {
	struct dice dice;
	uint32_t ttl_s, lag_s, true_ttl_permille, slow_permille;
	bool sticky;
	bool here[CACHES];
	double expires_s[CACHES];
	double load[RUN_S]; /* of capacity */
	double part;
};

struct outcome {
	unsigned over_s, under_after_s; /* above capacity in all, and until when, since the step */
	double least, most;             /* while the demand is high, from LOOK_AT_S on */
	double calm_least, calm_most;   /* after it fell, from CALM_AT_S on */
};

static double chance(struct dice *dice)
{
	return (double)(dice_next(dice) >> 11) / 9007199254740992.0;
}

/* Each cache that holds nothing asks, and is told the pool or another one. */
static void caches_ask(struct rig *rig, unsigned s)
{
	for (unsigned i = 0; i < CACHES; i++) {
		double hold_s = rig->ttl_s * rig->true_ttl_permille / 1000.0;

		if (rig->expires_s[i] > s)
			continue;
		if (hash_mix(i, 5) % 1000 < rig->slow_permille)
			hold_s *= 5;
		/* between two questions of its clients there is some time, too */
		rig->expires_s[i] = (s > 0 ? rig->expires_s[i] : 0) + hold_s * (s > 0 ? 1 : chance(&rig->dice));
		rig->here[i] = (rig->sticky ? (double)(hash_mix(i, 77) >> 11) / 9007199254740992.0
					    : chance(&rig->dice)) >= rig->part;
	}
}

static double load_now(const struct rig *rig, unsigned s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CACHES; i++)
		n += rig->here[i];
	return (s < STEP_AT_S || s >= FALL_AT_S ? 0.7 : 1.4) * n / CACHES;
}

/* What the part becomes in second s, from what was measured lag_s ago. */
typedef double (*controller)(struct rig *rig, unsigned s, void *state);

static double by_ledger(struct rig *rig, unsigned s, void *state)
{
	struct spill_control *control = state;
	const uint64_t epoch_s = 2000000000;
	const struct spill_report report = {
		.at_s = epoch_s + s - rig->lag_s,
		.load = (uint64_t)(rig->load[s - rig->lag_s] * CAPACITY),
		.capacity = CAPACITY,
	};

	spill_control_step(control, rig->ttl_s, &report, epoch_s + s);
	return (double)control->part / SPILL_ONE;
}

static double by_bang_bang(struct rig *rig, unsigned s, void *state)
{
	(void)state;
	return s % SPILL_STEP_S == 0 ? (rig->load[s - rig->lag_s] > 1) : rig->part;
}

static void widen(double *least, double *most, double load)
{
	*least = load < *least ? load : *least;
	*most = load > *most ? load : *most;
}

static struct outcome run(struct rig *rig, controller control, void *state)
{
	struct outcome outcome = { .least = 9, .calm_least = 9 };

	rig->dice.state = 42;
	rig->part = 0;
	memset(rig->expires_s, 0, sizeof(rig->expires_s));
	for (unsigned s = 0; s < RUN_S; s++) {
		if (s >= rig->lag_s)
			rig->part = control(rig, s, state);
		caches_ask(rig, s);
		rig->load[s] = load_now(rig, s);
		if (s >= STEP_AT_S && rig->load[s] > 1) {
			outcome.over_s++;
			outcome.under_after_s = s + 1 - STEP_AT_S;
		}
		if (s >= LOOK_AT_S && s < FALL_AT_S)
			widen(&outcome.least, &outcome.most, rig->load[s]);
		if (s >= CALM_AT_S)
			widen(&outcome.calm_least, &outcome.calm_most, rig->load[s]);
	}
	return outcome;
}

static const struct rig_case {
	const char *name;
	uint32_t ttl_s, lag_s, true_ttl_permille, slow_permille;
	bool sticky;
	unsigned under_after_s; /* at most */
} rig_cases[] = {
	{ "TTL 30", 30, 10, 1000, 80, false, 60 },
	{ "TTL 30, sticky", 30, 10, 1000, 80, true, 60 },
	{ "caches keep it half as long again", 30, 10, 1500, 80, true, 100 },
	{ "a fifth of caches keep it five times as long", 30, 10, 1000, 200, true, 100 },
	{ "reports that are 30 s late", 30, 30, 1000, 80, true, 90 },
	{ "TTL 60", 60, 10, 1000, 80, true, 100 },
};

START_TEST(a_step_of_demand_is_spilled_without_a_swing)
{
	const struct rig_case *c = &rig_cases[_i];
	static struct rig rig;
	struct spill_control control = { 0 };
	struct outcome ledger, bang;

	rig.ttl_s = c->ttl_s;
	rig.lag_s = c->lag_s;
	rig.true_ttl_permille = c->true_ttl_permille;
	rig.slow_permille = c->slow_permille;
	rig.sticky = c->sticky;
	ledger = run(&rig, by_ledger, &control);
	bang = run(&rig, by_bang_bang, NULL);
	if (getenv("GSLB_SPILL_FIGURES") != NULL)
		fprintf(stderr,
			"# %s: above capacity %u s, under it after %u s, then %.3f to %.3f, after the fall %.3f to "
			"%.3f; "
			"bang-bang: %u s, %u s, %.3f to %.3f\n",
			c->name, ledger.over_s, ledger.under_after_s, ledger.least, ledger.most, ledger.calm_least,
			ledger.calm_most, bang.over_s, bang.under_after_s, bang.least, bang.most);
	ck_assert_msg(ledger.under_after_s <= c->under_after_s, "%s: %u s", c->name, ledger.under_after_s);
	ck_assert_msg(ledger.most - ledger.least <= 0.05, "%s: %.3f to %.3f", c->name, ledger.least, ledger.most);
	ck_assert_msg(
		ledger.least > 0.74 && ledger.most < 0.86, "%s: %.3f to %.3f", c->name, ledger.least, ledger.most);
	ck_assert_msg(ledger.calm_least > 0.66 && ledger.calm_most < 0.701, "%s: %.3f to %.3f", c->name,
		ledger.calm_least, ledger.calm_most);
	ck_assert_double_gt(bang.most - bang.least, 0.5);
	ck_assert_uint_gt(bang.over_s, 200);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spill");
	TCase *tcase = tcase_create("spill");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_split_is_by_least_regret, 0, COUNT_OF(split_cases));
	tcase_add_loop_test(tcase, a_split_is_stable_and_no_pool_has_more_than_room, 0, 20);
	tcase_add_loop_test(tcase, hosts_with_other_numbers_come_to_the_same_split, 0, 10);
	tcase_add_loop_test(tcase, a_split_stays_unless_another_is_clearly_better, 0, COUNT_OF(keep_cases));
	tcase_add_loop_test(tcase, a_step_is_what_the_demand_takes, 0, COUNT_OF(control_cases));
	tcase_add_test(tcase, what_caches_do_follows_what_was_answered);
	tcase_add_loop_test(tcase, a_step_of_demand_is_spilled_without_a_swing, 0, COUNT_OF(rig_cases));
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
