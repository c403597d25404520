#include "gslb/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/scenario/sim.h"
#include "tests/unit/unit.h"

/* Services are put before it. */
static const char pools_text[] = "eu._pool LOC 50 0 0 N 10 0 0 E 0m\n"
				 "eu._pool TXT \"v=pool1; check=none\"\n"
				 "eu._pool SRV 0 1 443 lb.eu\n"
				 "us._pool LOC 40 0 0 N 75 0 0 W 0m\n"
				 "us._pool TXT \"v=pool1; check=none\"\n"
				 "us._pool SRV 0 1 443 lb.us\n"
				 "ap._pool LOC 1 0 0 N 103 0 0 E 0m\n"
				 "ap._pool TXT \"v=pool1; check=none\"\n"
				 "ap._pool SRV 0 1 443 lb.ap\n"
				 "lb.eu A 192.0.2.10\n"
				 "lb.us A 192.0.2.20\n"
				 "lb.ap A 192.0.2.30\n";

static struct sim now, then;
static struct audience *audience;
static struct plan *plan;
static _Atomic bool stop;

static void load(struct sim *sim, const char *services)
{
	struct buf text = { 0 };

	buf_printf(&text, "$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n%s%s",
		services, pools_text);
	sim_place(sim, "10.0.0.0/8 50 10 DE EU");
	sim_place(sim, "20.0.0.0/8 40 -75 US NA");
	sim_place(sim, "30.0.0.0/8 -15 -47 BR SA");
	sim_place(sim, "40.0.0.0/8 20 77 IN AS");
	sim_zone(sim, "svc.example", text.text);
	sim_load(sim);
	buf_fini(&text);
}

static void setup(void)
{
	sim_init(&now);
	sim_init(&then);
	audience = audience_new(AUDIENCE_MAX);
	plan = NULL;
	stop = false;
}

static void teardown(void)
{
	plan_free(plan);
	audience_free(audience);
	sim_fini(&then);
	sim_fini(&now);
}

static void visit(unsigned a, unsigned c, float weight)
{
	struct visit visit = { .net = { { ADDR_V4, { (uint8_t)a, 1, (uint8_t)c } }, 24 },
		.family = FAMILY_V4,
		.last_s = 1,
		.weight = weight };

	audience_add(audience, &visit, "www.svc.example");
}

static void make(const char *services_now, const char *services_then)
{
	struct plan_question question;

	load(&now, services_now);
	load(&then, services_then);
	question = (struct plan_question){
		.before = &now.world, .after = &then.world, .audience = audience, .now_ms = SIM_EPOCH_MS, .stop = &stop
	};
	plan = plan_make(&question);
}

static double share_of(const char *label, bool after)
{
	for (size_t i = 0; i < plan->services[0].nshares; i++) {
		const struct plan_share *share = &plan->services[0].shares[i];
		const struct pool *pool = plan->pools[share->pool].after;

		if (share->pool != 0 && strcmp(pool->label, label) == 0)
			return (after ? share->after : share->before) / plan->services[0].answers;
	}
	return 0;
}

/* A mover's way, from where it is. */
static double longer_km(const struct plan_mover *mover, double latitude, double longitude)
{
	const struct pool *from = plan->pools[mover->from].after, *to = plan->pools[mover->to].after;

	return geo_distance_km(latitude, longitude, to->latitude, to->longitude) -
	       geo_distance_km(latitude, longitude, from->latitude, from->longitude);
}

START_TEST(a_service_that_is_as_it_was_moves_nobody)
{
	for (unsigned i = 0; i < 200; i++)
		visit(10 * (1 + i % 4), i, (float)(1 + i));
	make("_gslb.www TXT \"v=gslb1; pools=eu:3,us:1; rank=weight\"\n",
		"_gslb.www TXT \"v=gslb1; pools=eu:3,us:1; rank=weight\"\n");
	ck_assert_uint_eq(plan->networks, 200);
	ck_assert(plan->moved_networks == 0 && plan->moved_answers == 0);
	ck_assert_uint_eq(plan->nmovers, 0);
}
END_TEST

START_TEST(who_has_a_nearer_pool_then_moves_and_gains_what_it_is_nearer)
{
	for (unsigned i = 0; i < 40; i++)
		visit(10 * (1 + i % 4), i, 1);
	make("_gslb.www TXT \"v=gslb1; pools=eu,us; rank=geo\"\n",
		"_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo\"\n");
	ck_assert(plan->moved_networks == 10); /* those of India */
	ck_assert(fabs(plan->km.mean - longer_km(&plan->movers[0], 20, 77)) < 1);
	ck_assert(plan->km.mean < -1000 && plan->ms.mean < 0);
	ck_assert(fabs(share_of("ap", true) - 0.25) < 1e-9 && share_of("ap", false) == 0);
}
END_TEST

/* Draws of one network are few: their luck is not its way. */
START_TEST(no_random_draw_makes_a_way_longer_than_it_is)
{
	for (unsigned i = 0; i < 250; i++)
		visit(10, i, 1);
	make("_gslb.www TXT \"v=gslb1; pools=eu:10,us:1; rank=weight\"\n",
		"_gslb.www TXT \"v=gslb1; pools=eu:8,us:1; rank=weight\"\n");
	ck_assert_uint_eq(plan->nmovers, PLAN_MOVERS);
	for (size_t i = 0; i < plan->nmovers; i++) {
		const struct plan_mover *mover = &plan->movers[i];
		double km = longer_km(mover, 50, 10);

		ck_assert_msg(fabs(mover->km - km) < 1, "%.0f km of %.0f", mover->km, km);
	}
	ck_assert(fabs(plan->moved_answers / plan->answers - (1.0 / 9 - 1.0 / 11)) < 0.01);
}
END_TEST

START_TEST(a_network_that_asks_more_than_all_others_does_not_bend_the_shares)
{
	visit(10, 255, 5000);
	for (unsigned i = 0; i < 250; i++)
		visit(20, i, 1);
	make("_gslb.www TXT \"v=gslb1; pools=eu:3,us:1; rank=weight\"\n",
		"_gslb.www TXT \"v=gslb1; pools=eu:1,us:1; rank=weight\"\n");
	ck_assert(fabs(share_of("eu", false) - 0.75) < 0.03);
	ck_assert(fabs(share_of("eu", true) - 0.5) < 0.03);
	ck_assert(fabs(plan->moved_answers / plan->answers - 0.25) < 0.03);
}
END_TEST

START_TEST(who_is_sticky_moves_whole_or_not_at_all)
{
	for (unsigned i = 0; i < 240; i++)
		visit(10 * (1 + i % 4), i, 1);
	make("_gslb.www TXT \"v=gslb1; pools=eu:5,us:5; rank=weight; spread=sticky; sticky=24/56\"\n",
		"_gslb.www TXT \"v=gslb1; pools=eu:5,us:4; rank=weight; spread=sticky; sticky=24/56\"\n");
	ck_assert(plan->moved_networks == floor(plan->moved_networks));
	/* of us, a fifth less one half of it: 1/2 - 4/9 = 5.6 % of all */
	ck_assert_msg(plan->moved_networks >= 3 && plan->moved_networks <= 28, "%.0f", plan->moved_networks);
	for (size_t i = 0; i < plan->nmovers; i++)
		ck_assert_str_eq(plan->pools[plan->movers[i].to].after->label, "eu");
}
END_TEST

START_TEST(a_service_that_is_gone_and_one_that_nobody_has)
{
	struct visit stranger = { .net = { { ADDR_V4, { 10 } }, 24 }, .last_s = 1, .weight = 1 };

	visit(10, 1, 2);
	audience_add(audience, &stranger, "never.svc.example");
	make("_gslb.www TXT \"v=gslb1; pools=eu\"\n", "_gslb.web TXT \"v=gslb1; pools=eu\"\n");
	ck_assert_uint_eq(plan->strangers, 1);
	ck_assert_uint_eq(plan->networks, 1);
	ck_assert_ptr_null(plan->services[0].after);
	ck_assert(plan->moved_networks == 1 && plan->moved_answers == 2);
	ck_assert(isnan(plan->movers[0].km) && plan->km.answers == 0);
	ck_assert_uint_eq(plan->movers[0].to, 0);
}
END_TEST

START_TEST(a_plan_that_nobody_wants_any_more_is_not_made_to_its_end)
{
	for (unsigned i = 0; i < 200; i++)
		visit(10 * (1 + i % 4), i, 1);
	stop = true;
	make("_gslb.www TXT \"v=gslb1; pools=eu:3,us:1; rank=weight\"\n",
		"_gslb.www TXT \"v=gslb1; pools=us; rank=weight\"\n");
	ck_assert(plan->answers == 0 && plan->moved_networks == 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("plan");
	TCase *cases = tcase_create("replayed");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_service_that_is_as_it_was_moves_nobody);
	tcase_add_test(cases, who_has_a_nearer_pool_then_moves_and_gains_what_it_is_nearer);
	tcase_add_test(cases, no_random_draw_makes_a_way_longer_than_it_is);
	tcase_add_test(cases, a_network_that_asks_more_than_all_others_does_not_bend_the_shares);
	tcase_add_test(cases, who_is_sticky_moves_whole_or_not_at_all);
	tcase_add_test(cases, a_service_that_is_gone_and_one_that_nobody_has);
	tcase_add_test(cases, a_plan_that_nobody_wants_any_more_is_not_made_to_its_end);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	return unit_run(suite());
}
