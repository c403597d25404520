/* Who moves when a pool or an endpoint goes, changes its weight, drains or ramps: with spread=sticky those whom it concerns, and no one
 * else. */
#include "tests/unit/herd.h"

enum { FEW = 50000, STEP_S = 5, OVER_S = 100 };

/* ---- what is gone ---- */

/* All that were told `gone` are told something else, and no one else is. */
static unsigned check_gone(const struct told *before, const struct told *after, unsigned n, unsigned gone)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < n; i++) {
		moved += before[i].pool == gone;
		if (after[i].pool == gone)
			ck_abort_msg("client %u has p%u, which is gone", i, gone);
		if (before[i].pool != gone && !told_same(&before[i], &after[i]))
			ck_abort_msg("client %u had p%u and has p%u", i, before[i].pool, after[i].pool);
	}
	return moved;
}

static void check_same(const struct told *before, const struct told *after, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!told_same(&before[i], &after[i]))
			ck_abort_msg("client %u moved", i);
}

enum removal { FORCED, PROBED, DELETED, REMOVALS };

static void take_away(enum removal by, unsigned pool, const unsigned weights[POOLS], const char *tags)
{
	unsigned left[POOLS];
	char target[8];

	snprintf(target, sizeof(target), "p%u", pool);
	switch (by) {
	case FORCED:
		herd_force(target, OVERRIDE_DOWN, 0);
		return;
	case PROBED:
		herd_probe(target, PROBE_REFUSED);
		return;
	case DELETED:
		memcpy(left, weights, sizeof(left));
		left[pool] = 0;
		herd_pools(left, tags);
		return;
	case REMOVALS:
		return;
	}
}

static void bring_back(enum removal by, unsigned pool, const unsigned weights[POOLS], const char *tags)
{
	char target[8];

	snprintf(target, sizeof(target), "p%u", pool);
	switch (by) {
	case FORCED:
		herd_clear(target);
		return;
	case PROBED:
		herd_probe(target, PROBE_OK);
		sim_wait(&herd_sim, 200000); /* with its ramp */
		return;
	case DELETED:
		herd_pools(weights, tags);
		return;
	case REMOVALS:
		return;
	}
}

START_TEST(a_pool_that_goes_moves_exactly_its_clients_and_they_return)
{
	const unsigned n = herd_size(20000);
	static const unsigned weights[POOLS] = { 1, 2, 3, 4, 5 };
	const struct herd_way *way = &herd_ways[_i];
	const char *tags = herd_tags(way, "rank=weight; answers=2");
	struct told *before, *after;

	herd_pools(weights, tags);
	before = herd_told(&herd_sim, way, n);
	for (unsigned pool = 0; pool < POOLS; pool++)
		for (enum removal by = 0; by < REMOVALS; by++) {
			unsigned moved;

			take_away(by, pool, weights, tags);
			after = herd_told(&herd_sim, way, n);
			moved = check_gone(before, after, n, pool);
			ck_assert_double_eq_tol((double)moved / n, weights[pool] / 15.0, 0.01);
			free(after);
			bring_back(by, pool, weights, tags);
			after = herd_told(&herd_sim, way, n);
			check_same(before, after, n);
			free(after);
		}
	free(before);
}
END_TEST

/* Four pools at one place, and p4 far away; of weight 0: there is no such pool. */
static void load_near(const unsigned weights[POOLS], const char *tags)
{
	static const unsigned endpoints[] = { 1, 1, 1, 1 };
	struct buf zone = { 0 };

	buf_printf(&zone, "%s_gslb.www TXT \"v=gslb1; %s; rank=geo,weight; pools=p4", herd_zone_head, tags);
	for (unsigned i = 0; i < 4; i++)
		if (weights[i] > 0)
			buf_printf(&zone, ",p%u:%u", i, weights[i]);
	buf_printf(&zone, "\"\n");
	for (unsigned i = 0; i < POOLS; i++) {
		if (weights[i] == 0)
			continue;
		buf_printf(&zone, "p%u._pool LOC 1 N %u E 0m\n", i, i == 4 ? 90 : 1);
		herd_add_pool(&zone, i, endpoints, COUNT_OF(endpoints));
	}
	sim_zone(&herd_sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_load(&herd_sim);
}

/* Half of each is down, so that they pass 30 % of their clients on to p4: the same ones, whoever of the others is there. */
START_TEST(a_pool_that_goes_moves_no_one_else_when_parts_are_down)
{
	const unsigned n = herd_size(20000);
	static const unsigned weights[POOLS] = { 1, 2, 3, 4, 1 };
	const struct herd_way *way = &herd_ways[_i];
	unsigned passed_on = 0, pools = 0;
	struct told *before;

	sim_place(&herd_sim, "0.0.0.0/1 1 2 IE EU");
	sim_place(&herd_sim, "128.0.0.0/1 1 2 IE EU");
	sim_place(&herd_sim, "2000::/3 1 2 IE EU");
	load_near(weights, way->sticky);
	for (unsigned pool = 0; pool < 4; pool++)
		for (unsigned i = 1; i <= 2; i++) {
			char target[32];

			snprintf(target, sizeof(target), "endpoint:p%u/l%u.p%u", pool, i, pool);
			herd_probe(target, PROBE_REFUSED);
		}
	before = herd_told(&herd_sim, way, n);
	for (unsigned i = 0; i < n; i++) {
		passed_on += before[i].pool == 4;
		pools |= 1u << before[i].pool;
	}
	ck_assert_uint_eq(pools, 31);
	ck_assert_double_eq_tol((double)passed_on / n, 0.3, 0.02);
	for (unsigned pool = 0; pool < 4; pool++) {
		unsigned left[POOLS], moved = 0;
		struct told *after;

		memcpy(left, weights, sizeof(left));
		left[pool] = 0;
		load_near(left, way->sticky);
		after = herd_told(&herd_sim, way, n);
		for (unsigned i = 0; i < n; i++)
			moved += before[i].pool != pool && !told_same(&before[i], &after[i]);
		/* of those whom it passed on, the others pass on 30 %; those who have another one stay */
		ck_assert_msg(moved <= n * weights[pool] / 10 * 0.3 * 0.7 * 1.1 + 20, "without p%u: %u of %u moved",
			pool, moved, n);
		for (unsigned i = 0; i < n; i++)
			if (before[i].pool < 4 && before[i].pool != pool && !told_same(&before[i], &after[i]))
				ck_abort_msg("client %u had p%u", i, before[i].pool);
		free(after);
		load_near(weights, way->sticky);
	}
	free(before);
}
END_TEST

/* Those before the one that is gone keep their places, and those behind it move up. */
static bool is_without(const struct told *before, const struct told *after, unsigned endpoint)
{
	unsigned k = 0;

	for (unsigned i = 0; i < before->n; i++)
		if ((before->endpoint[i] & 255u) != endpoint && before->endpoint[i] != after->endpoint[k++])
			return false;
	return !told_names(after, endpoint);
}

START_TEST(an_endpoint_that_goes_moves_exactly_its_clients)
{
	const unsigned n = herd_size(20000);
	static const unsigned weights[POOLS] = { 1, 2, 3, 4, 5 };
	const struct herd_way *way = &herd_ways[_i % WAYS];
	const char *tags = herd_tags(way, _i < (int)WAYS ? "rank=order; answers=1" : "rank=order; answers=3");
	struct told *before, *after;

	herd_endpoints(weights, tags);
	before = herd_told(&herd_sim, way, n);
	for (unsigned endpoint = 1; endpoint <= POOLS; endpoint++)
		for (unsigned deleted = 0; deleted < 2; deleted++) {
			unsigned left[POOLS];
			char target[32];

			snprintf(target, sizeof(target), "endpoint:p0/l%u.p0", endpoint);
			memcpy(left, weights, sizeof(left));
			left[endpoint - 1] = 0;
			if (deleted)
				herd_endpoints(left, tags);
			else
				herd_force(target, OVERRIDE_DOWN, 0);
			after = herd_told(&herd_sim, way, n);
			for (unsigned i = 0; i < n; i++)
				if (!is_without(&before[i], &after[i], endpoint))
					ck_abort_msg("client %u, without endpoint %u", i, endpoint);
			free(after);
			if (deleted)
				herd_endpoints(weights, tags);
			else
				herd_clear(target);
		}
	after = herd_told(&herd_sim, way, n);
	check_same(before, after, n);
	free(before);
	free(after);
}
END_TEST

/* ---- what changes its weight ---- */

static const struct weight_case {
	unsigned before[POOLS], after[POOLS];
} weight_cases[] = {
	{ { 5, 5, 5, 5 }, { 4, 5, 5, 5 } },
	{ { 5, 3, 2 }, { 4, 3, 2 } },
	{ { 5, 5 }, { 4, 5 } },
	{ { 5, 1, 1, 1, 1 }, { 4, 1, 1, 1, 1 } },
};

/* Out of the one that lost weight, and no more than it must. */
static void check_lighter(const struct weight_case *c, const struct told *before, const struct told *after, bool pools)
{
	const unsigned n = herd_size(FEW);
	double must = herd_likely(c->before, 0, 1, 0) - herd_likely(c->after, 0, 1, 0), moved = 0;

	for (unsigned i = 0; i < n; i++) {
		if (told_same(&before[i], &after[i]))
			continue;
		moved += 1.0 / n;
		if (pools ? before[i].pool != 0 || after[i].pool == 0 : (before[i].endpoint[0] & 255) != 1)
			ck_abort_msg("client %u moved, but not out of what lost weight", i);
	}
	if (moved > 1 / 20.0 + 0.01)
		ck_abort_msg("%.4f moved", moved);
	herd_check_part("moved", 0, n, moved, must, 0.01);
}

START_TEST(a_weight_of_4_instead_of_5_moves_a_twentieth)
{
	const struct herd_way *way = &herd_ways[_i];
	const char *tags = herd_tags(way, "rank=weight");

	for (size_t w = 0; w < COUNT_OF(weight_cases) * 2; w++) {
		const struct weight_case *c = &weight_cases[w / 2];
		struct told *before, *after;
		bool pools = w % 2 == 0;

		if (pools)
			herd_pools(c->before, tags);
		else
			herd_endpoints(c->before, tags);
		before = herd_told(&herd_sim, way, herd_size(FEW));
		if (pools)
			herd_pools(c->after, tags);
		else
			herd_endpoints(c->after, tags);
		after = herd_told(&herd_sim, way, herd_size(FEW));
		check_lighter(c, before, after, pools);
		free(before);
		free(after);
	}
}
END_TEST

/* From now on for as long as a gradual change takes: who moves, moves once, and out of `from` or into it. */
static void check_moves(
	const struct herd_way *way, unsigned over_s, bool (*concerns)(const struct told *told), bool into)
{
	const unsigned n = herd_size(10000);
	struct told *last = herd_told(&herd_sim, way, n);
	uint8_t *moves = mem_alloc(n);
	unsigned steps = 0;

	for (unsigned at_s = 0; at_s <= over_s; at_s += STEP_S) {
		struct told *now;
		unsigned moved = 0;

		sim_wait(&herd_sim, STEP_S * 1000);
		now = herd_told(&herd_sim, way, n);
		for (unsigned i = 0; i < n; i++) {
			if (told_same(&last[i], &now[i]))
				continue;
			moved++;
			if (++moves[i] > 1)
				ck_abort_msg("client %u moved twice", i);
			if (concerns(&last[i]) == into || concerns(&now[i]) != into)
				ck_abort_msg("client %u moved, which is none of this one's", i);
		}
		steps += moved > 0;
		if (moved > n / 5)
			ck_abort_msg("%u moved at once", moved);
		free(last);
		last = now;
	}
	ck_assert_uint_ge(steps, 3); /* it was gradual */
	for (unsigned i = 0; i < n && !into; i++)
		if (concerns(&last[i]))
			ck_abort_msg("client %u is still there", i);
	free(moves);
	free(last);
}

static bool of_pool_2(const struct told *told)
{
	return told->pool == 2;
}

static bool of_endpoint_2(const struct told *told)
{
	return told_names(told, 2);
}

static const struct drain_case {
	const char *name, *tags, *target;
	bool endpoint;
} drain_cases[] = {
	{ "a pool of a tie group", "rank=weight; answers=2", "p2", false },
	{ "a region", "rank=weight", "region:p2", false },
	{ "a service's pool", "rank=weight", "service:www/p2", false },
	{ "the best pool", "rank=order", "p2", false },
	{ "an endpoint", "rank=weight", "endpoint:p0/l2.p0", true },
};

START_TEST(a_gradual_drain_moves_only_its_clients_and_each_once)
{
	static const unsigned weights[POOLS] = { 1, 2, 2, 2, 1 }, best[POOLS] = { 0, 0, 3, 2, 1 };
	const struct drain_case *c = &drain_cases[_i / (int)WAYS];
	const struct herd_way *way = &herd_ways[_i % (int)WAYS];

	if (c->endpoint)
		herd_endpoints(weights, herd_tags(way, c->tags));
	else
		herd_pools(strstr(c->tags, "order") != NULL ? best : weights, herd_tags(way, c->tags));
	herd_force(c->target, OVERRIDE_DRAIN, OVER_S);
	check_moves(way, OVER_S, c->endpoint ? of_endpoint_2 : of_pool_2, false);
}
END_TEST

/* While its first step is a tenth of its weight, those who are not concerned are where they were before it went. */
START_TEST(a_ramp_moves_each_client_once_and_only_into_it)
{
	const unsigned n = herd_size(10000);
	static const unsigned weights[POOLS] = { 1, 2, 2, 2, 1 };
	const struct herd_way *way = &herd_ways[_i];
	const char *tags = herd_tags(way, "ttl=9/5");
	struct told *before, *after;

	herd_endpoints(weights, tags);
	sim_wait(&herd_sim, 1000);
	before = herd_told(&herd_sim, way, n);
	herd_probe("endpoint:p0/l2.p0", PROBE_REFUSED);
	sim_wait(&herd_sim, 10000);
	herd_probe("endpoint:p0/l2.p0", PROBE_OK);
	check_moves(way, OVER_S, of_endpoint_2, true);
	after = herd_told(&herd_sim, way, n);
	check_same(before, after, n);
	free(before);
	free(after);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("moves");
	TCase *tcase = tcase_create("moves");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, herd_setup, herd_teardown);
	tcase_add_loop_test(tcase, a_pool_that_goes_moves_exactly_its_clients_and_they_return, 0, WAYS);
	tcase_add_loop_test(tcase, a_pool_that_goes_moves_no_one_else_when_parts_are_down, 0, WAYS);
	tcase_add_loop_test(tcase, an_endpoint_that_goes_moves_exactly_its_clients, 0, 2 * WAYS);
	tcase_add_loop_test(tcase, a_weight_of_4_instead_of_5_moves_a_twentieth, 0, WAYS);
	tcase_add_loop_test(
		tcase, a_gradual_drain_moves_only_its_clients_and_each_once, 0, (int)(WAYS * COUNT_OF(drain_cases)));
	tcase_add_loop_test(tcase, a_ramp_moves_each_client_once_and_only_into_it, 0, WAYS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return herd_run(suite);
}
