/* The limiter under a simulated clock: no sockets, no sleeping. Figures are held to within a few percent, as the loads are kept
 * in steps of 1/64 of their logarithm. */
#include "gslb/rrl.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/unit/unit.h"

enum { RATE = 200, BURST = 500 };
static const uint64_t start_ms = 1000000;

static struct rrl *rrl;
static struct dice dice;

static void setup(void)
{
	dice.state = 1;
	rrl = rrl_new(RATE, BURST, RRL_TABLE_LEN, &dice);
}

static void teardown(void)
{
	rrl_free(rrl);
}

static bool take_from(const struct addr *source, enum rrl_weight weight, uint64_t now_ms)
{
	struct rrl_keys keys;

	rrl_look(rrl, source, &keys);
	return rrl_take(rrl, &keys, weight, now_ms);
}

static bool take(const char *address, enum rrl_weight weight, uint64_t now_ms)
{
	struct addr source;

	ck_assert(addr_parse(address, &source));
	return take_from(&source, weight, now_ms);
}

/* How many of `persec` queries a second pass, over so many ms from `from_ms` on. */
static unsigned passed(const char *address, unsigned persec, uint64_t from_ms, uint64_t ms)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < persec * ms / 1000; i++)
		n += take(address, RRL_ANSWER, from_ms + i * 1000 / persec);
	return n;
}

static void near(const char *what, double got, double wanted, double tolerance)
{
	ck_assert_msg(fabs(got - wanted) <= tolerance * wanted, "%s: %g, not %g within %g %%", what, got, wanted,
		100 * tolerance);
}

START_TEST(who_stays_under_the_rate_is_never_limited)
{
	ck_assert_uint_eq(passed("192.0.2.1", 100, start_ms, 60000), 6000);
	ck_assert_uint_eq(passed("2001:db8::1", 190, start_ms, 60000), 11400);
}
END_TEST

START_TEST(who_sends_too_much_gets_the_burst_and_then_the_rate)
{
	unsigned first = passed("192.0.2.1", 1000, start_ms, 10000);

	/* the load climbs to its limit in ln(1/(1 - 200/1000)) decay times of 2.5 s, in which all pass */
	near("in the first ten seconds", first, 1000 * 2.5 * log(1 / (1 - 0.2)) + 200 * (10 - 2.5 * log(1 / (1 - 0.2))),
		0.03);
	near("in the second ten", passed("192.0.2.1", 1000, start_ms + 10000, 10000), 2000, 0.02);
	near("at a hundred times the rate", passed("192.0.2.1", 20000, start_ms + 20000, 10000), 2000, 0.02);
}
END_TEST

START_TEST(the_burst_is_what_passes_at_one_moment)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	for (size_t a = 0; a < COUNT_OF(addresses); a++) {
		unsigned n = 0;

		for (int i = 0; i < 2000; i++)
			n += take(addresses[a], RRL_ANSWER, start_ms);
		near(addresses[a], n, BURST, 0.02);
	}
}
END_TEST

START_TEST(a_load_decays)
{
	unsigned n = 0;

	for (int i = 0; i < 2000; i++)
		take("192.0.2.1", RRL_ANSWER, start_ms);
	for (int i = 0; i < 2000; i++) /* in a decay time of 2.5 s it falls to 1/e */
		n += take("192.0.2.1", RRL_ANSWER, start_ms + 2500);
	near("after a decay time", n, BURST * (1 - exp(-1)), 0.03);
	n = 0;
	for (int i = 0; i < 2000; i++)
		n += take("192.0.2.1", RRL_ANSWER, start_ms + 2500 + 60000);
	near("after a minute", n, BURST, 0.02);
}
END_TEST

START_TEST(an_error_weighs_as_much_as_ten_answers)
{
	unsigned n = 0;

	for (int i = 0; i < 2000; i++)
		n += take("192.0.2.1", RRL_ERROR, start_ms);
	near("at once", n, BURST / 10, 0.04);
	ck_assert(!take("192.0.2.1", RRL_ANSWER, start_ms));
	for (n = 0; n < 190; n++)
		ck_assert(take("198.51.100.1", RRL_ERROR, start_ms + n * 1000 / 19));
}
END_TEST

/* Networks: how many addresses' worth each gets at one moment, from so many of its addresses in turn. */
static const struct ladder_case {
	const char *first;
	unsigned byte, naddresses; /* which byte is counted up, by 1 each, over two bytes if need be */
	unsigned times;
} ladder_cases[] = {
	{ "192.0.2.0", 3, 256, 32 }, { "192.0.0.0", 2, 16, 16 }, /* one of each of 16 /24s: each its own 500 */
	{ "2001:db8:1:1::", 15, 64, 2 },                         /* one /64 */
	{ "2001:db8:1:1::", 7, 64, 3 },                          /* one /56 */
	{ "2001:db8:1::", 6, 64, 4 },                            /* one /48 */
	{ "2001:db8::", 5, 200, 64 },                            /* one /32 */
};

START_TEST(a_network_gets_so_many_times_what_an_address_gets)
{
	const struct ladder_case *c = &ladder_cases[_i];
	struct addr source;
	unsigned n = 0;

	ck_assert(addr_parse(c->first, &source));
	for (int round = 0; round < BURST; round++)
		for (unsigned i = 0; i < c->naddresses; i++) {
			source.bytes[c->byte] = (uint8_t)i;
			n += take_from(&source, RRL_ANSWER, start_ms);
		}
	near(c->first, n, (double)BURST * c->times, 0.03);
}
END_TEST

START_TEST(the_wide_networks_of_ipv4_have_their_limits_too)
{
	struct addr source = { ADDR_V4, { 10, 0, 0, 0 } };
	unsigned n = 0;

	/* 4096 addresses of a /20, each 100: 409600 in all, and 6.25 times 500 for each /24 */
	for (int round = 0; round < 100; round++)
		for (unsigned i = 0; i < 4096; i++) {
			source.bytes[2] = (uint8_t)(i >> 8);
			source.bytes[3] = (uint8_t)i;
			n += take_from(&source, RRL_ANSWER, start_ms);
		}
	near("a /20", n, BURST * 256, 0.03);
	for (int round = 0; round < 100; round++)
		for (unsigned i = 4096; i < 16384; i++) {
			source.bytes[2] = (uint8_t)(i >> 8);
			source.bytes[3] = (uint8_t)i;
			n += take_from(&source, RRL_ANSWER, start_ms);
		}
	near("its /18", n, BURST * 768, 0.03);
}
END_TEST

START_TEST(a_loud_host_leaves_its_network_alone)
{
	struct addr neighbour = { ADDR_V4, { 192, 0, 2, 0 } };

	passed("192.0.2.1", 50000, start_ms, 5000);
	for (unsigned i = 2; i < 12; i++) {
		neighbour.bytes[3] = (uint8_t)i;
		for (int k = 0; k < 400; k++)
			ck_assert(take_from(&neighbour, RRL_ANSWER, start_ms + 5000));
	}
}
END_TEST

/* Sources that are forged, each sends once; among them some that are real. */
START_TEST(a_flood_of_forged_sources_does_not_starve_real_ones)
{
	struct addr forged = { .family = ADDR_V4 }, real = { ADDR_V4, { 198, 51, 100, 7 } };
	unsigned real_passed = 0, loud_passed = 0, real_sent = 0;

	for (uint64_t ms = 0; ms < 2000; ms++) { /* 500,000 a second */
		for (int i = 0; i < 500; i++) {
			uint64_t drawn = dice_next(&dice);

			memcpy(forged.bytes, &drawn, 4);
			take_from(&forged, RRL_ANSWER, start_ms + ms);
		}
		if (ms % 10 == 0) { /* 100 a second */
			real_sent++;
			real_passed += take_from(&real, RRL_ANSWER, start_ms + ms);
		}
		for (int i = 0; i < 5; i++) /* 5,000 a second */
			loud_passed += take("203.0.113.9", RRL_ANSWER, start_ms + ms);
	}
	ck_assert_uint_eq(real_passed, real_sent);
	ck_assert_uint_lt(loud_passed, BURST + 2 * RATE + 50); /* nor does it wash out who is loud */
	ck_assert_uint_gt(loud_passed, BURST + 2 * RATE - 250);
}
END_TEST

/* As many busy resolvers as a large server has, each at half of its rate: none is limited by what another does. */
START_TEST(keys_that_collide_do_not_starve_each_other_at_a_real_load)
{
	enum { SOURCES = 20000 };
	static struct addr source[SOURCES];
	unsigned limited = 0;

	for (unsigned i = 0; i < SOURCES; i++) {
		uint64_t drawn = dice_next(&dice);

		source[i].family = i % 2 == 0 ? ADDR_V4 : ADDR_V6;
		memcpy(source[i].bytes, &drawn, i % 2 == 0 ? 4 : 8);
	}
	for (uint64_t ms = 0; ms < 1500; ms += 10)
		for (unsigned i = 0; i < SOURCES; i++)
			limited += !take_from(&source[i], RRL_ANSWER, start_ms + ms);
	ck_assert_uint_eq(limited, 0);
}
END_TEST

START_TEST(a_table_that_is_far_too_small_still_limits_the_loud)
{
	unsigned n = 0;

	rrl_free(rrl);
	rrl = rrl_new(RATE, BURST, 128, &dice); /* sixteen items */
	for (int i = 0; i < 2000; i++) {
		struct addr other = { ADDR_V4, { (uint8_t)(i % 200), 1, 2, 3 } };

		n += take("192.0.2.1", RRL_ANSWER, start_ms);
		take_from(&other, RRL_ANSWER, start_ms);
	}
	ck_assert_uint_le(n, BURST + 10);
}
END_TEST

START_TEST(time_that_wraps_and_clocks_that_stand_still_do_no_harm)
{
	uint64_t late_ms = (uint64_t)1 << 40; /* 34 years: the 48 bits of the end have wrapped often */

	for (int i = 0; i < 2000; i++)
		take("192.0.2.1", RRL_ANSWER, start_ms);
	ck_assert_uint_eq(passed("192.0.2.1", 100, late_ms, 10000), 1000);
	near("at the end", passed("192.0.2.1", 5000, late_ms + 60000, 20000), BURST + 20 * RATE, 0.05);
	ck_assert(take("198.51.100.1", RRL_ANSWER, 0));
}
END_TEST

static const struct size_case {
	uint32_t rate, burst;
} sizes[] = { { 1, 1 }, { 1, RRL_BURST_MAX }, { 20, 20 }, { 50, 125 }, { 1000, 100 }, { 100000, 300000 },
	{ RRL_RATE_MAX, RRL_BURST_MAX }, { RRL_RATE_MAX, 10000 } };

START_TEST(each_rate_and_burst_holds)
{
	const struct size_case *c = &sizes[_i];
	unsigned n = 0, sent = c->burst < 1000000 ? 2 * c->burst + 10 : 1000000, more = 0;

	rrl_free(rrl);
	rrl = rrl_new(c->rate, c->burst, RRL_TABLE_LEN, &dice);
	for (unsigned i = 0; i < sent; i++)
		n += take("192.0.2.1", RRL_ANSWER, start_ms);
	if (sent <= c->burst)
		ck_assert_uint_eq(n, sent);
	else
		near("the burst", n, c->burst, 0.03);
	if (c->rate > 10000 || c->burst > 1000000)
		return;
	for (uint64_t ms = 0; ms < 20000; ms++)
		for (unsigned i = 0; i < 2 * c->rate / 1000 + 1; i++)
			more += take("192.0.2.1", RRL_ANSWER, start_ms + ms);
	/* one that comes just under the limit goes over it by one: a burst of 1 is really 1.4 times the rate */
	near("the rate", more, 20.0 * c->rate / (c->burst * log1p(1.0 / c->burst)), 0.05);
}
END_TEST

static pthread_barrier_t tick;

static void *run_worker(void *argument)
{
	unsigned *n = argument;

	for (uint64_t ms = 0; ms < 5000; ms++) {
		for (int i = 0; i < 4; i++)
			*n += take("192.0.2.1", RRL_ANSWER, start_ms + ms);
		pthread_barrier_wait(&tick);
	}
	return NULL;
}

START_TEST(workers_share_one_limit)
{
	enum { WORKERS = 4 };
	unsigned n[WORKERS] = { 0 }, all = 0;
	pthread_t thread[WORKERS];

	pthread_barrier_init(&tick, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, run_worker, &n[i]), 0);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		all += n[i];
	}
	pthread_barrier_destroy(&tick);
	/* a count is lost when two write at once; with a limit each they would have had four times as much */
	ck_assert_uint_ge(all, BURST + 5 * RATE - 60);
	ck_assert_uint_le(all, (BURST + 5 * RATE) * 3 / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rrl");
	TCase *cases = tcase_create("rrl");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, who_stays_under_the_rate_is_never_limited);
	tcase_add_test(cases, who_sends_too_much_gets_the_burst_and_then_the_rate);
	tcase_add_test(cases, the_burst_is_what_passes_at_one_moment);
	tcase_add_test(cases, a_load_decays);
	tcase_add_test(cases, an_error_weighs_as_much_as_ten_answers);
	tcase_add_loop_test(cases, a_network_gets_so_many_times_what_an_address_gets, 0, COUNT_OF(ladder_cases));
	tcase_add_test(cases, the_wide_networks_of_ipv4_have_their_limits_too);
	tcase_add_test(cases, a_loud_host_leaves_its_network_alone);
	tcase_add_test(cases, a_flood_of_forged_sources_does_not_starve_real_ones);
	tcase_add_test(cases, keys_that_collide_do_not_starve_each_other_at_a_real_load);
	tcase_add_test(cases, a_table_that_is_far_too_small_still_limits_the_loud);
	tcase_add_test(cases, time_that_wraps_and_clocks_that_stand_still_do_no_harm);
	tcase_add_loop_test(cases, each_rate_and_burst_holds, 0, COUNT_OF(sizes));
	tcase_add_test(cases, workers_share_one_limit);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
