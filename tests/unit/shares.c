/* Which part of the traffic each pool of a tie group and each endpoint of a pool gets. */
#include "tests/unit/herd.h"

enum { FEW = 20000 };

static const unsigned share_weights[][POOLS] = {
	{ 1, 1 },
	{ 5, 3, 2 },
	{ 60, 30, 9, 1 },
	{ 1, 1000 },
	{ 5, 5, 5, 5, 4 },
	{ 65535, 1, 65535, 40000, 3 },
};

static const struct spread_case {
	const char *name, *tags;
	const struct herd_way *way;
	double tolerance;
	bool closely; /* something covers the pools: no glance is enough */
} spread_cases[] = {
	{ "random", "spread=random", &herd_ways[0], 0.005, false },
	{ "random, IPv6", "spread=random", &herd_ways[1], 0.005, false },
	{ "random, closely", "spread=random", &herd_ways[0], 0.005, true },
	{ "sticky", "spread=sticky", &herd_ways[0], 0.01, false },
	{ "sticky, IPv6", "spread=sticky; sticky=24/56", &herd_ways[3], 0.01, false },
	{ "sticky, closely", "spread=sticky; sticky=24/56", &herd_ways[2], 0.01, true },
};

/* All for one set of weights. */
static unsigned crowd_for(const struct spread_case *c, unsigned weights)
{
	return weights == 2 && !c->closely ? CROWD : herd_size(FEW);
}

START_TEST(pools_of_a_tie_group_share_by_weight)
{
	const struct spread_case *c = &spread_cases[_i];

	for (unsigned w = 0; w < COUNT_OF(share_weights); w++) {
		const unsigned *weights = share_weights[w];
		const unsigned n = crowd_for(c, w);
		double count[POOLS] = { 0 };
		char tags[64];
		struct told *told;

		snprintf(tags, sizeof(tags), "%s; rank=weight", c->tags);
		herd_pools(weights, tags);
		if (c->closely)
			herd_force("p0", OVERRIDE_UP, 0);
		told = herd_told(&herd_sim, c->way, n);
		for (unsigned i = 0; i < n; i++)
			count[told[i].pool] += 1.0 / n;
		free(told);
		for (unsigned i = 0; i < POOLS; i++)
			herd_check_part(c->name, i, n, count[i], herd_likely(weights, 0, 1, i), c->tolerance);
		if (c->closely)
			herd_clear("p0");
	}
}
END_TEST

/* With several answers the first one is each endpoint's in proportion to its weight, and it is among them as often as if they were drawn
 * one after the other: more even than the weights, since none is named twice. */
START_TEST(endpoints_of_a_pool_share_by_weight)
{
	const struct spread_case *c = &spread_cases[_i / 3];
	const unsigned answers = (unsigned)_i % 3 + 1;

	for (unsigned w = 0; w < COUNT_OF(share_weights); w++) {
		const unsigned *weights = share_weights[w];
		const unsigned n = answers != 2 ? crowd_for(c, w) : herd_size(FEW);
		double first[POOLS] = { 0 }, any[POOLS] = { 0 };
		char tags[64];
		struct told *told;

		snprintf(tags, sizeof(tags), "%s; answers=%u", c->tags, answers);
		herd_endpoints(weights, tags);
		if (c->closely)
			herd_force("p0", OVERRIDE_UP, 0);
		told = herd_told(&herd_sim, c->way, n);
		for (unsigned i = 0; i < n; i++) {
			first[(told[i].endpoint[0] & 255) - 1] += 1.0 / n;
			for (unsigned k = 0; k < told[i].n; k++)
				any[(told[i].endpoint[k] & 255) - 1] += 1.0 / n;
		}
		free(told);
		for (unsigned i = 0; i < POOLS; i++) {
			herd_check_part(c->name, i, n, first[i], herd_likely(weights, 0, 1, i), c->tolerance);
			herd_check_part("any answer", i, n, any[i], herd_likely(weights, 0, answers, i), c->tolerance);
		}
		if (c->closely)
			herd_clear("p0");
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("shares");
	TCase *tcase = tcase_create("shares");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, herd_setup, herd_teardown);
	tcase_add_loop_test(tcase, pools_of_a_tie_group_share_by_weight, 0, COUNT_OF(spread_cases));
	tcase_add_loop_test(tcase, endpoints_of_a_pool_share_by_weight, 0, 3 * COUNT_OF(spread_cases));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return herd_run(suite);
}
