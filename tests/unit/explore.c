#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "gslb/explore.h"
#include "gslb/meter.h"
#include "gslb/openings.h"
#include "gslb/split.h"
#include "gslb/standing.h"
#include "tests/scenario/sim.h"

/* Dublin, Philadelphia, Singapore; clients near Dublin, and some of another ASN, by whom regions tell that they measure. */
#define POOL(name, place, n)                                                                     \
	name "._pool LOC " place " 0m\n" name "._pool TXT \"v=pool1; region=r-" name "\"\n" name \
	     "._pool SRV 0 1 443 lb." name "\nlb." name " A 192.0.2." n "\n"
#define ZONE                                                                                            \
	"$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"            \
	"_gslb.www TXT \"v=gslb1; pools=eu,us,ap; ttl=30/5\"\n"                                         \
	"_gslb.stick TXT \"v=gslb1; pools=eu,us,ap; spread=sticky\"\n"                                  \
	"_gslb.backed TXT \"v=gslb1; pools=eu,us; fallback=ap\"\n"                                      \
	"_gslb.ruled TXT \"v=gslb1; pools=eu,us,ap\"\n_map.ruled TXT \"v=map1; country:IE=eu\"\n" POOL( \
		"eu", "53 20 N 6 15 W", "10") POOL("us", "40 N 75 W", "20") POOL("ap", "1 20 N 103 50 E", "30")
#define WWW "www.svc.example"
#define CLIENT "198.51.77.7"

enum { ASKED = 100000 };

static struct sim sim;

static void setup(void)
{
	sim_init(&sim);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
	sim_zone(&sim, "svc.example", ZONE);
	sim_place(&sim, "198.51.0.0/16 53.3 -6.2 IE EU 64500");
	sim_place(&sim, "203.0.113.0/24 53.3 -6.2 IE EU 64501");
	sim_load(&sim);
	sim_probe(&sim, "eu", PROBE_OK);
	sim_probe(&sim, "us", PROBE_OK);
	sim_probe(&sim, "ap", PROBE_OK);
}

static void teardown(void)
{
	meter_free(sim.meter);
	sim_fini(&sim);
}

static void import(const char *net, const char *region, double rtt_ms, double n)
{
	struct prefix prefix;

	ck_assert(prefix_parse(net, &prefix));
	ck_assert(meter_take(sim.meter, sim.snapshot, &prefix, region, rtt_ms, n, true, sim.now_ms / 1000));
}

/* Of twelve networks, by which the ASN is known. */
static void import_all(const char *region, double rtt_ms, double n)
{
	char net[ADDR_TEXT_MAX];

	for (unsigned i = 1; i <= 12 && n > 0; i++) {
		snprintf(net, sizeof(net), "198.51.%u.0/24", i);
		import(net, region, rtt_ms, n);
	}
}

static void later(unsigned minutes)
{
	sim.now_ms += minutes * UINT64_C(60000);
	sim_load(&sim);
}

static const struct order *order_of(const char *client, const char *name)
{
	struct decision decision;

	sim_ask(&sim, client, name, FAMILY_V4, &decision, NULL);
	return &sim_service(&sim, name)->steering[FAMILY_V4].orders[decision.class];
}

static const char *label(const char *name, uint32_t candidate)
{
	return sim.snapshot->pools[sim_service(&sim, name)->list->candidate[candidate].pool].pool->label;
}

/* How many answers of so many explore; each is checked. */
static unsigned explored(const char *client, const char *name, unsigned asked)
{
	unsigned n = 0;

	for (unsigned i = 0; i < asked; i++) {
		struct decision decision;

		sim_ask(&sim, client, name, FAMILY_V4, &decision, NULL);
		if (decision.why != WHY_EXPLORED)
			continue;
		n++;
		ck_assert_int_eq(decision.kind, DECIDE_ADDRESSES);
		ck_assert_str_eq(sim.snapshot->pools[decision.pool].pool->label, "us");
		ck_assert_str_eq(label(name, decision.candidate), "us");
		ck_assert_uint_eq(decision.nendpoints, 1);
		ck_assert_uint_eq(sim.snapshot->endpoints[decision.endpoint[0]].addr.bytes[3], 20);
		ck_assert_uint_eq(decision.ttl_s, 5);
	}
	return n;
}

/* ---- what is open ---- */

static const struct case_ {
	const char *name;
	uint16_t rate;
	double eu_ms, us_ms, us_n; /* samples of each network; us_n 0: none */
	bool us_tells, ap_tells;
	unsigned open; /* of 65536 answers, to us */
} cases[] = {
	{ "off", 0, 110, 0, 0, true, true, 0 },
	{ "us may be better, and tells", EXPLORE_MOST, 110, 0, 0, true, true, 655 },
	{ "as configured", 100, 110, 0, 0, true, false, 100 },
	{ "us may be better, and does not tell", EXPLORE_MOST, 110, 0, 0, false, true, 0 },
	{ "eu is too quick for that", EXPLORE_MOST, 85, 0, 0, true, true, 0 },
	{ "a few samples say that us is far worse", EXPLORE_MOST, 110, 170, 0.5, true, true, 0 },
	{ "some samples, and seldomer", EXPLORE_MOST, 110, 100, 0.7, true, true, 231 },
	{ "eu is known to be better", EXPLORE_MOST, 110, 128, 30, true, true, 0 },
	{ "us is known to be better, and leads", EXPLORE_MOST, 110, 60, 30, true, true, 0 },
	{ "they are known to be alike", EXPLORE_MOST, 110, 110, 64, true, true, 0 },
	{ "ap may be better, and costs 35 ms if it is not", EXPLORE_MOST, 228, 400, 30, true, true, 0 },
	{ "ap may never be, at the end of the world", EXPLORE_MOST, 180, 300, 30, true, true, 0 },
};

START_TEST(a_cell_is_explored_while_its_decision_is_open)
{
	const struct case_ *c = &cases[_i];
	const struct order *order;

	meter_explore(sim.meter, c->rate);
	import_all("r-eu", c->eu_ms, 30);
	import_all("r-us", c->us_ms, c->us_n);
	if (c->us_tells)
		import("203.0.113.0/24", "r-us", 100, 1);
	if (c->ap_tells)
		import("203.0.113.0/24", "r-ap", 300, 1);
	sim_load(&sim);
	order = order_of(CLIENT, WWW);
	ck_assert_msg(order->explore_rate == c->open, "%s: %u", c->name, order->explore_rate);
	ck_assert_uint_eq(order->explore > 0, c->open > 0);
	if (c->open > 0)
		ck_assert_str_eq(label(WWW, order->pool[order->explore]), "us");
	/* of another ASN, of which one sample is known, and of nobody */
	ck_assert_uint_eq(order_of("203.0.113.9", WWW)->explore, 0);
	ck_assert_uint_eq(order_of("9.9.9.9", WWW)->explore, 0);
	ck_assert_uint_eq(order_of(CLIENT, "ruled.svc.example")->explore, 0);
}
END_TEST

/* Dublin is measured, Philadelphia might be better. */
static void open_us(void)
{
	meter_explore(sim.meter, EXPLORE_MOST);
	import_all("r-eu", 110, 30);
	import("203.0.113.0/24", "r-us", 100, 1);
	sim_load(&sim);
	ck_assert_uint_eq(order_of(CLIENT, WWW)->explore_rate, EXPLORE_MOST);
}

/* A network that has an order of its own is explored by itself. */
START_TEST(a_network_with_an_order_of_its_own_is_explored_too)
{
	meter_explore(sim.meter, EXPLORE_MOST);
	import("203.0.113.0/24", "r-us", 100, 1);
	import("198.51.9.0/24", "r-eu", 230, 60);
	import("198.51.9.0/24", "r-us", 130, 60);
	import("198.51.8.0/24", "r-eu", 110, 60);
	import("203.0.113.0/24", "r-ap", 100, 1);
	import("198.51.9.0/24", "r-ap", 140, 0.5);
	sim_load(&sim);
	ck_assert_str_eq(label(WWW, order_of("198.51.9.9", WWW)->pool[0]), "us");
	ck_assert_uint_eq(order_of("198.51.9.9", WWW)->explore, 0); /* ap is 200 ms by what is known */
	import("198.51.9.0/24", "r-ap", 120, 7);
	later(10);
	ck_assert_uint_gt(order_of("198.51.9.9", WWW)->explore, 0);
	ck_assert_str_eq(label(WWW, order_of("198.51.9.9", WWW)->pool[order_of("198.51.9.9", WWW)->explore]), "ap");
	ck_assert_uint_eq(order_of("198.51.8.9", WWW)->explore, 0); /* it has none: its ASN's counts */
}
END_TEST

/* ---- answers ---- */

START_TEST(one_answer_in_a_hundred_explores_at_most_and_is_kept_shortest)
{
	unsigned n;

	open_us();
	n = explored(CLIENT, WWW, ASKED);
	ck_assert_msg(n > ASKED / 120 && n < ASKED / 90, "%u of %u", n, ASKED);
	ck_assert_uint_eq(explored("203.0.113.9", WWW, 10000), 0);
	ck_assert_uint_eq(explored(CLIENT, "stick.svc.example", 10000), 0);
	ck_assert_uint_eq(explored(CLIENT, "ruled.svc.example", 10000), 0);
	ck_assert_uint_gt(explored(CLIENT, "backed.svc.example", 10000), 0);
}
END_TEST

START_TEST(who_may_not_explore_does_not)
{
	struct client client;
	struct decision decision;

	open_us();
	sim_client(CLIENT, &client);
	client.explore = false;
	for (unsigned i = 0; i < 10000; i++) {
		decide(&sim.world, sim_service(&sim, WWW), &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
		ck_assert_int_eq(decision.why, WHY_RANKED);
	}
}
END_TEST

static void force(const char *target, enum override_action action)
{
	const struct override_request request = { .target = target, .action = action, .for_ms = 60000, .why = "test" };
	struct err err;

	ck_assert_msg(sim_force(&sim, &request, &err), "%s", err.text);
}

/* Whichever pool it is, even one that these clients never see, or the fallback. */
START_TEST(nothing_is_explored_while_a_pool_fails_over)
{
	static const char *const pools[] = { "eu", "us", "ap" };
	struct err err;

	open_us();
	for (size_t i = 0; i < COUNT_OF(pools); i++) {
		sim_probe(&sim, pools[i], PROBE_REFUSED); /* in doubt */
		ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
		ck_assert_uint_eq(explored(CLIENT, "backed.svc.example", 10000), 0);
		for (unsigned k = 0; k < 3; k++)
			sim_probe(&sim, pools[i], PROBE_REFUSED); /* down */
		ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
		sim_wait(&sim, 10000);
		for (unsigned k = 0; k < 2; k++)
			sim_probe(&sim, pools[i], PROBE_OK); /* ramping */
		ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
		sim_wait(&sim, 300000);
		sim_probe(&sim, pools[i], PROBE_OK);
		ck_assert_uint_gt(explored(CLIENT, WWW, 10000), 0);
		force(pools[i], OVERRIDE_DRAIN);
		ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
		ck_assert(sim_clear(&sim, pools[i], &err));
		ck_assert_uint_gt(explored(CLIENT, WWW, 10000), 0);
	}
}
END_TEST

START_TEST(nothing_is_explored_while_a_pool_is_full)
{
	struct split *split;

	open_us();
	split = split_new(sim.snapshot);
	split->full = true;
	sim.world.split = split;
	ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
	sim.world.split = NULL;
	ck_assert_uint_gt(explored(CLIENT, WWW, 10000), 0);
	split_free(split);
}
END_TEST

static void share_out(struct split *split, const char *client, const char *name)
{
	const struct service_plan *service = sim_service(&sim, name);
	const uint16_t part[SERVICE_POOLS_MAX] = { SPLIT_ONE / 2, SPLIT_ONE / 2 };
	const struct order *order = order_of(client, name);

	split_map(split, sim.snapshot, (uint32_t)(service - sim.snapshot->services), FAMILY_V4,
		(uint32_t)(order - service->steering[FAMILY_V4].orders), split_add(split, order, part, 3));
}

static enum explore_bar bar(void)
{
	const struct sight sight = { .world = &sim.world, .now_ms = sim.now_ms };

	return explore_barred(&sight, sim_service(&sim, WWW), FAMILY_V4, order_of(CLIENT, WWW));
}

START_TEST(what_is_shared_out_by_load_bars_nobody_but_its_own_clients)
{
	struct split *split;

	open_us();
	split = split_new(sim.snapshot);
	share_out(split, CLIENT, "backed.svc.example");
	share_out(split, "203.0.113.9", WWW);
	sim.world.split = split;
	ck_assert_int_eq(bar(), EXPLORE_FREE);
	ck_assert_uint_gt(explored(CLIENT, WWW, 10000), 0);
	ck_assert_uint_eq(explored(CLIENT, "backed.svc.example", 10000), 0);
	share_out(split, CLIENT, WWW);
	ck_assert_int_eq(bar(), EXPLORE_SHARED);
	ck_assert_uint_eq(explored(CLIENT, WWW, 10000), 0);
	sim.world.split = NULL;
	split_free(split);
}
END_TEST

/* A /16 of one ASN, and the network next to it of which nothing is known. */
START_TEST(an_explored_class_has_an_exact_scope)
{
	struct decision ranked, other;

	open_us();
	sim_ask(&sim, "198.51.77.0/24", WWW, FAMILY_V4, &ranked, NULL);
	sim_ask(&sim, "198.50.77.0/24", WWW, FAMILY_V4, &other, NULL);
	ck_assert_uint_eq(ranked.scope, 16);
	ck_assert_uint_eq(other.scope, 16);
	ck_assert_uint_ne(ranked.class, other.class);
	for (unsigned i = 0; i < 10000; i++) {
		struct decision decision;

		sim_ask(&sim, "198.51.77.0/24", WWW, FAMILY_V4, &decision, NULL);
		ck_assert_uint_eq(decision.scope, 16);
	}
}
END_TEST

/* ---- time ---- */

START_TEST(what_was_explored_in_vain_is_left_alone_for_a_week)
{
	open_us();
	for (unsigned hour = 1; hour < 24 * 16; hour++) {
		unsigned day = hour / 24;

		import_all("r-eu", 110, 5);
		import("203.0.113.0/24", "r-us", 100, 1);
		later(60);
		ck_assert_msg((order_of(CLIENT, WWW)->explore_rate > 0) == (day == 0 || day == 8), "hour %u", hour);
	}
}
END_TEST

START_TEST(what_exploring_brings_keeps_it_open_and_makes_it_seldomer_until_it_is_decided)
{
	unsigned before = EXPLORE_MOST, rate = 0;

	open_us();
	for (unsigned hour = 0; hour < 72; hour++) {
		char net[ADDR_TEXT_MAX];

		import_all("r-eu", 110, 5);
		snprintf(net, sizeof(net), "198.51.%u.0/24", hour % 12 + 1);
		import(net, "r-us", 70, 1);
		later(60);
		rate = order_of(CLIENT, WWW)->explore_rate;
		ck_assert_uint_le(rate, before);
		before = rate;
	}
	ck_assert_uint_eq(rate, 0);
	ck_assert_str_eq(label(WWW, order_of(CLIENT, WWW)->pool[0]), "us");
}
END_TEST

START_TEST(a_region_that_tells_no_more_is_not_explored)
{
	unsigned hour = 0;

	open_us();
	do {
		struct prefix client;
		char text[ADDR_TEXT_MAX];

		import_all("r-eu", 110, 30);
		snprintf(text, sizeof(text), "198.51.%u.9", hour % 12 + 1);
		ck_assert(prefix_parse(text, &client)); /* a handshake is none of what was answered */
		meter_take(sim.meter, sim.snapshot, &client, "r-us", 100, 1, false, sim.now_ms / 1000);
		later(60);
		hour++;
	} while (order_of(CLIENT, WWW)->explore_rate > 0);
	ck_assert_uint_eq(hour, OPENINGS_TELLS_S / 3600 + 1);
}
END_TEST

START_TEST(a_worker_saves_for_four_at_most)
{
	struct exploring exploring = { 0 };

	exploring_earn(&exploring, 99);
	ck_assert_uint_lt(exploring.credit, EXPLORE_EACH);
	for (unsigned i = 0; i < 1000; i++)
		exploring_earn(&exploring, 64);
	ck_assert_uint_eq(exploring.credit, EXPLORE_SAVED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explore");
	TCase *all = tcase_create("explore");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, a_cell_is_explored_while_its_decision_is_open, 0, COUNT_OF(cases));
	tcase_add_test(all, a_network_with_an_order_of_its_own_is_explored_too);
	tcase_add_test(all, one_answer_in_a_hundred_explores_at_most_and_is_kept_shortest);
	tcase_add_test(all, who_may_not_explore_does_not);
	tcase_add_test(all, nothing_is_explored_while_a_pool_fails_over);
	tcase_add_test(all, nothing_is_explored_while_a_pool_is_full);
	tcase_add_test(all, what_is_shared_out_by_load_bars_nobody_but_its_own_clients);
	tcase_add_test(all, an_explored_class_has_an_exact_scope);
	tcase_add_test(all, what_was_explored_in_vain_is_left_alone_for_a_week);
	tcase_add_test(all, what_exploring_brings_keeps_it_open_and_makes_it_seldomer_until_it_is_decided);
	tcase_add_test(all, a_region_that_tells_no_more_is_not_explored);
	tcase_add_test(all, a_worker_saves_for_four_at_most);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
