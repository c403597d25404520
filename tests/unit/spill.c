/* Who is spilled, and how much. */
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
		uint32_t pool[CASE_POOLS];
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
			uint32_t wished = classes[i].pool[k - 1];
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

/* ---- how much ---- */

static const struct part_case {
	const char *name;
	uint64_t demand, target;
	double before, after; /* part of the demand */
} part_cases[] = {
	{ "all is well", 700, 800, 0, 0 },
	{ "as much as it is filled to", 800, 800, 0, 0 },
	{ "a little more is borne", 820, 800, 0, 0 },
	{ "a quarter at most is moved at once", 1400, 800, 0, 0.25 },
	{ "what is needed and no more", 1000, 800, 0, 0.20 },
	{ "what is given already counts", 1067, 800, 0.25, 0.25 },
	{ "the demand falls: back in small steps", 300, 800, 0.25, 0.20 },
	{ "the last bit comes back", 700, 800, 0.02, 0 },
	{ "nothing has room in it", 700, 0, 0.9, 1 },
	{ "no demand at all", 0, 800, 0.04, 0 },
	{ "large numbers", UINT64_C(1) << 40, UINT64_C(1) << 39, 0.3, 0.5 },
};

START_TEST(a_step_is_what_the_demand_takes)
{
	const struct part_case *c = &part_cases[_i];
	double part = spill_part((uint32_t)(c->before * SPILL_ONE + 0.5), c->demand, c->target) / (double)SPILL_ONE;

	ck_assert_msg(
		part > c->after - 0.002 && part < c->after + 0.002, "%s: %.4f, not %.4f", c->name, part, c->after);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spill");
	TCase *tcase = tcase_create("spill");

	tcase_add_loop_test(tcase, a_split_is_by_least_regret, 0, COUNT_OF(split_cases));
	tcase_add_loop_test(tcase, a_split_is_stable_and_no_pool_has_more_than_room, 0, 20);
	tcase_add_loop_test(tcase, hosts_with_other_numbers_come_to_the_same_split, 0, 10);
	tcase_add_loop_test(tcase, a_split_stays_unless_another_is_clearly_better, 0, COUNT_OF(keep_cases));
	tcase_add_loop_test(tcase, a_step_is_what_the_demand_takes, 0, COUNT_OF(part_cases));
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
