/* Tables from few runs to very many, thin and thick, against a search from the start: each size of index and of pieces. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/base.h"
#include "geo/runs.h"

enum { QUESTIONS = 20000, VALUES = 60000 };

/* Of IPv4 all of it, of IPv6 the upper halves of 2000::/3. */
static const struct shape {
	const char *what;
	uint32_t n;
	unsigned thick; /* bits: that many addresses lie within so many */
} shapes[] = {
	{ "one run", 1, 32 },
	{ "a few runs", 20, 32 },
	{ "an index of /10s", 900, 32 },
	{ "chunks of 17 bits", 32768, 32 },
	{ "chunks of 16 bits", 32769, 32 },
	{ "a large database", 300000, 32 },
	{ "more runs than chunks", 1500000, 32 },
	{ "all runs in a few chunks", 60000, 17 },
	{ "a run for each address", 40000, 16 },
};

struct edges {
	uint64_t *first;
	uint32_t *value;
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Neighbours differ. base, bits: where they lie. */
static void draw(struct edges *edges, struct dice *dice, uint32_t n, uint64_t base, unsigned bits)
{
	size_t kept = 1;

	edges->first = mem_alloc(n * sizeof *edges->first);
	edges->value = mem_alloc(n * sizeof *edges->value);
	for (uint32_t i = 1; i < n; i++)
		edges->first[i] = base + dice_below(dice, UINT64_C(1) << bits);
	qsort(edges->first, n, sizeof *edges->first, by_number);
	for (uint32_t i = 1; i < n; i++)
		if (edges->first[i] != edges->first[kept - 1])
			edges->first[kept++] = edges->first[i];
	for (size_t i = 0; i < kept; i++)
		do
			edges->value[i] = (uint32_t)dice_below(dice, VALUES);
		while (i > 0 && edges->value[i] == edges->value[i - 1]);
	edges->n = kept;
}

static void edges_fini(struct edges *edges)
{
	free(edges->first);
	free(edges->value);
}

/* Near an edge more often than anywhere. */
static uint64_t question(const struct edges *edges, struct dice *dice, unsigned bits)
{
	uint64_t mask = ~UINT64_C(0) >> (64 - bits);

	if (dice_below(dice, 3) == 0)
		return dice_next(dice) & mask;
	return (edges->first[dice_below(dice, edges->n)] + dice_below(dice, 5) - 2) & mask;
}

static size_t run_of(const struct edges *edges, uint64_t at)
{
	size_t run = 0, n = edges->n;

	while (n - run > 1)
		if (edges->first[run + (n - run) / 2] <= at)
			run += (n - run) / 2;
		else
			n = run + (n - run) / 2;
	return run;
}

/* The shortest prefix of the address all of which is in the run. */
static unsigned depth_of(const struct edges *edges, size_t run, uint64_t at, unsigned bits)
{
	uint64_t all = ~UINT64_C(0) >> (64 - bits), last = run + 1 < edges->n ? edges->first[run + 1] - 1 : all;
	unsigned depth = 0;

	for (; depth < bits; depth++) {
		uint64_t rest = all >> depth;

		if ((at & ~rest) >= edges->first[run] && (at | rest) <= last)
			break;
	}
	return depth;
}

START_TEST(an_address_has_the_value_and_the_depth_of_its_run)
{
	const struct shape *shape = &shapes[_i];
	struct dice dice = { (uint64_t)_i };
	struct runs4 runs = { 0 };
	struct edges edges;

	draw(&edges, &dice, shape->n, shape->thick < 32 ? 0xc0fe0000 : 0, shape->thick);
	for (size_t i = 0; i < edges.n; i++) {
		runs4_add(&runs, (uint32_t)edges.first[i], edges.value[i]);
		runs4_add(&runs, (uint32_t)edges.first[i] + 1, edges.value[i]); /* it merges */
	}
	runs4_finish(&runs);
	for (int i = 0; i < QUESTIONS; i++) {
		uint64_t at = question(&edges, &dice, 32);
		size_t run = run_of(&edges, at);
		struct runs_found found;

		runs4_prefetch_index(&runs, (uint32_t)at);
		runs4_prefetch(&runs, (uint32_t)at);
		found = runs4_find(&runs, (uint32_t)at);
		ck_assert_msg(found.value == edges.value[run], "%s: %08x is in %u, found %u", shape->what, (unsigned)at,
			edges.value[run], found.value);
		ck_assert_msg(found.depth == depth_of(&edges, run, at, 32), "%s: %08x is of depth %u, found %u",
			shape->what, (unsigned)at, depth_of(&edges, run, at, 32), found.depth);
	}
	runs4_free(&runs);
	edges_fini(&edges);
}
END_TEST

START_TEST(so_has_one_of_ipv6)
{
	const struct shape *shape = &shapes[_i];
	struct dice dice = { (uint64_t)_i };
	struct runs6 runs = { 0 };
	struct edges edges;

	draw(&edges, &dice, shape->n, shape->thick < 32 ? UINT64_C(0x2a00c0fe) << 32 : UINT64_C(1) << 61,
		shape->thick < 32 ? shape->thick : 61);
	for (size_t i = 0; i < edges.n; i++)
		runs6_add(&runs, (unsigned __int128)edges.first[i] << 64, edges.value[i]);
	runs6_finish(&runs);
	for (int i = 0; i < QUESTIONS; i++) {
		uint64_t at = question(&edges, &dice, 64);
		size_t run = run_of(&edges, at);
		struct runs_found found = runs6_find(&runs, at, dice_next(&dice));

		ck_assert_msg(found.value == edges.value[run], "%s: %016llx is in %u, found %u", shape->what,
			(unsigned long long)at, edges.value[run], found.value);
		ck_assert_msg(found.depth == depth_of(&edges, run, at, 64), "%s: %016llx is of depth %u, found %u",
			shape->what, (unsigned long long)at, depth_of(&edges, run, at, 64), found.depth);
	}
	runs6_free(&runs);
	edges_fini(&edges);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runs");
	TCase *tcase = tcase_create("runs");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, an_address_has_the_value_and_the_depth_of_its_run, 0, COUNT_OF(shapes));
	tcase_add_loop_test(tcase, so_has_one_of_ipv6, 0, COUNT_OF(shapes));
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
