/* Capacity through the whole loop: what resolvers are answered, the load that makes, and what comes of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gslb/explain.h"
#include "tests/unit/crowd.h"
#include "tests/unit/unit.h"

#define HEAD                                          \
	"$TTL 3600\n"                                 \
	"@ SOA ns1 hostmaster 1 3600 600 604800 30\n" \
	"@ NS ns1\n"                                  \
	"ns1 A 192.0.2.53\n"
#define SERVICE(name, tags) "_gslb." name " TXT \"v=gslb1; " tags "\"\n"
#define POOL(label, at, net, tags)                                                                  \
	label "._pool LOC " at " 0m\n" label "._pool TXT \"v=pool1; check=none; " tags "\"\n" label \
	      "._pool SRV 0 1 443 lb1." label "\n"                                                  \
	      "lb1." label " A 192.0.2." net "\n"
#define EU(tags) POOL("eu", "53 20 N 6 15 W", "10", tags)
#define US(tags) POOL("us", "39 2 N 77 29 W", "20", tags)
#define AP(tags) POOL("ap", "35 41 N 139 41 E", "30", tags)
#define LIMIT(n) "load=push; capacity=" #n

enum { IRELAND = 20, URAL = 21, OHIO = 22 };

/* Of the clients of eu those in Ireland are 5400 km from us, the next one; those behind the Ural go 1800 km farther to ap. */
static const char *const places[] = {
	"20.0.0.0/8 53.3 -6.2 IE EU",
	"21.0.0.0/8 56.8 60.6 RU EU",
	"22.0.0.0/8 40.0 -83.0 US NA",
	NULL,
};

static struct crowd_rig rig;

static void run_to(uint64_t second)
{
	while (rig.second < second)
		crowd_tick(&rig);
}

static const char *facts_of(const char *label)
{
	struct capacity_facts facts = capacity_facts(rig.capacity, crowd_pool(&rig, label));
	static char text[256];

	snprintf(text, sizeof text, "%s at %us: load %.0f, demand %.0f, filled to %.0f, gives %.1f %%, takes %.0f",
		label, (unsigned)rig.second, (double)facts.load / 1000, (double)facts.demand / 1000,
		(double)facts.filled / 1000, facts.part * 100.0 / SPILL_ONE, (double)facts.taken / 1000);
	return text;
}

/* ---- a step of demand ---- */

enum { STEP_AT_S = 300, FALL_AT_S = 1200, HOME_AT_S = 1600, END_S = 1900 };

struct outcome {
	unsigned over_s, under_after_s; /* above the capacity in all, and until when, since the step */
	double least, most;             /* of the capacity, while the demand is high, when it has come to rest */
	double home;                    /* after the fall, from HOME_AT_S on: the least part of them in eu */
};

static struct outcome watch(unsigned calm_after_s)
{
	struct outcome outcome = { .least = 9, .home = 1 };

	while (rig.second < END_S) {
		double level;

		rig.level = rig.second >= STEP_AT_S && rig.second < FALL_AT_S ? 1.4 : 0.7;
		crowd_tick(&rig);
		level = crowd_load(&rig, "eu") / 1000;
		if (rig.second >= STEP_AT_S && level > 1) {
			outcome.over_s++;
			outcome.under_after_s = (unsigned)(rig.second + 1 - STEP_AT_S);
		}
		if (rig.second >= STEP_AT_S + calm_after_s && rig.second < FALL_AT_S) {
			outcome.least = level < outcome.least ? level : outcome.least;
			outcome.most = level > outcome.most ? level : outcome.most;
		}
		if (rig.second >= HOME_AT_S && level / rig.level < outcome.home)
			outcome.home = level / rig.level;
	}
	return outcome;
}

/* As long as it is over, all go elsewhere. */
static void bang_bang(struct crowd_rig *of)
{
	const struct snapshot *snapshot = of->sim->snapshot;
	const struct service_plan *www = sim_service(of->sim, "www.svc.example");
	const struct steering *steering = &www->steering[FAMILY_V4];

	if (of->second % SPILL_STEP_S != 0)
		return;
	of->sim->world.split = NULL;
	split_free(of->split);
	of->split = NULL;
	if (of->load[crowd_pool(of, "eu")][(of->second + CROWD_LATE_MOST_S - of->late_s) % CROWD_LATE_MOST_S] <= 1000)
		return;
	of->split = split_new(snapshot);
	for (uint32_t i = 0; i < steering->norders; i++) {
		uint16_t part[SERVICE_POOLS_MAX] = { 0, SPLIT_ONE };

		if (www->list->candidate[steering->orders[i].pool[0]].pool == crowd_pool(of, "eu"))
			split_map(of->split, snapshot, (uint32_t)(www - snapshot->services), FAMILY_V4, i,
				split_add(of->split, &steering->orders[i], part, 1));
	}
	of->sim->world.split = of->split;
}

static const struct step_case {
	const char *name, *tags;
	uint32_t late_s, hold_permille, slow_permille;
	unsigned under_after_s; /* at most */
	unsigned calm_after_s;  /* all but the slow caches have come to rest */
} step_cases[] = {
	{ "TTL 30", "ttl=30", 5, 1000, 80, 60, 240 },
	{ "TTL 30, sticky", "ttl=30; spread=sticky", 5, 1000, 80, 60, 240 },
	{ "TTL 30, no slow caches", "ttl=30", 5, 1000, 0, 60, 240 },
	{ "caches keep it half as long again", "ttl=30", 5, 1500, 80, 100, 240 },
	{ "a fifth of caches keep it five times as long", "ttl=30", 5, 1000, 200, 100, 400 },
	{ "reports that are half a minute late", "ttl=30", 30, 1000, 80, 90, 240 },
	{ "TTL 60", "ttl=60", 5, 1000, 80, 100, 400 },
	{ "TTL 5", "ttl=5", 5, 1000, 80, 60, 240 },
};

static void begin_step(const struct step_case *c)
{
	char zone[2048];

	snprintf(zone, sizeof zone, "%s%s%s\"\n%s", HEAD, "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; ",
		c->tags, EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_init(&rig, zone, places);
	crowd_add(&rig, "www.svc.example", IRELAND, 8400, 700, 0);
	crowd_add(&rig, "www.svc.example", URAL, 3600, 300, 0);
	rig.late_s = c->late_s;
	rig.hold_permille = c->hold_permille;
	for (unsigned i = 0; i < rig.nresolvers; i++)
		rig.resolvers[i].slow = hash_mix(i, 5) % 1000 < c->slow_permille;
}

static void say(const char *what, const char *of, const struct outcome *outcome)
{
	if (getenv("GSLB_CAPACITY_FIGURES") != NULL)
		fprintf(stderr,
			"# %s, %s: above capacity %u s, under it after %u s, then %.3f to %.3f of it; at home %.3f\n",
			what, of, outcome->over_s, outcome->under_after_s, outcome->least, outcome->most,
			outcome->home);
}

START_TEST(a_step_of_demand_is_spilled_without_a_swing)
{
	const struct step_case *c = &step_cases[_i];
	struct outcome by_us, by_bang_bang;

	begin_step(c);
	by_us = watch(c->calm_after_s);
	say(c->name, "ours", &by_us);
	crowd_fini(&rig);
	begin_step(c);
	rig.ruler = bang_bang;
	by_bang_bang = watch(c->calm_after_s);
	say(c->name, "bang-bang", &by_bang_bang);
	crowd_fini(&rig);
	ck_assert_msg(by_us.under_after_s <= c->under_after_s, "%s: %u s", c->name, by_us.under_after_s);
	ck_assert_msg(by_us.most - by_us.least <= 0.05, "%s: %.3f to %.3f", c->name, by_us.least, by_us.most);
	ck_assert_msg(by_us.least > 0.74 && by_us.most < 0.86, "%s: %.3f to %.3f", c->name, by_us.least, by_us.most);
	ck_assert_msg(by_us.home > 0.99, "%s: %.3f", c->name, by_us.home);
	ck_assert_double_gt(by_bang_bang.most - by_bang_bang.least, 0.3);
}
END_TEST

/* ---- who, and where to ---- */

static void begin(const char *zone)
{
	crowd_init(&rig, zone, places);
	rig.late_s = 5;
}

#define PART(service, net, label) crowd_part(&rig, service ".svc.example", net, label)

static void expect_part(const char *what, double part, double least, double most)
{
	ck_assert_msg(part >= least && part <= most, "%s: %.3f, not %.3f to %.3f; %s", what, part, least, most,
		facts_of("eu"));
}

START_TEST(those_who_lose_least_by_it_go_first)
{
	begin(HEAD SERVICE("www", "pools=eu,us,ap; rank=geo; ttl=30") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", IRELAND, 2100, 800, 0);
	crowd_add(&rig, "www.svc.example", URAL, 900, 300, 0);
	run_to(300);
	expect_part("Ireland in eu", PART("www", IRELAND, "eu"), 0.96, 1);
	expect_part("Ural in ap", PART("www", URAL, "ap"), 0.9, 1);
	ck_assert_uint_gt(rig.spilled, 0);
	ck_assert(rig.split->full);
	crowd_fini(&rig);
}
END_TEST

START_TEST(who_takes_is_not_filled_beyond_its_own_room)
{
	begin(HEAD SERVICE("www", "pools=eu,us,ap; rank=geo; ttl=30") EU(LIMIT(1000)) US(LIMIT(500)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", IRELAND, 3000, 1200, 0);
	crowd_add(&rig, "www.svc.example", OHIO, 500, 200, 0);
	run_to(400);
	expect_part("eu", crowd_load(&rig, "eu") / 1000, 0.76, 0.84);
	expect_part("us", crowd_load(&rig, "us") / 500, 0.74, 0.86);
	expect_part("Ohio in us", PART("www", OHIO, "us"), 0.97, 1);
	expect_part("ap, the rest", crowd_load(&rig, "ap"), 150, 250);
	crowd_fini(&rig);
}
END_TEST

START_TEST(where_all_are_full_nobody_is_turned_away)
{
	begin(HEAD SERVICE("www", "pools=eu,us; rank=geo; ttl=30") EU(LIMIT(500)) US(LIMIT(500)));
	crowd_add(&rig, "www.svc.example", IRELAND, 2000, 1600, 0);
	run_to(400);
	expect_part("eu", PART("www", IRELAND, "eu"), 0.4, 0.6);
	expect_part("us", PART("www", IRELAND, "us"), 0.4, 0.6);
	crowd_fini(&rig);
}
END_TEST

START_TEST(services_that_share_a_pool_are_looked_at_as_one)
{
	begin(HEAD SERVICE("www", "pools=eu,us; rank=geo; ttl=30") SERVICE("api", "pools=eu,ap; rank=geo; ttl=30")
			EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", IRELAND, 1500, 700, 0);
	crowd_add(&rig, "api.svc.example", URAL, 1500, 500, 0);
	run_to(300);
	expect_part("eu", crowd_load(&rig, "eu") / 1000, 0.76, 0.84);
	expect_part("www, who would lose more", PART("www", IRELAND, "eu"), 0.97, 1);
	expect_part("api", PART("api", URAL, "ap"), 0.7, 0.9);
	crowd_fini(&rig);
}
END_TEST

START_TEST(a_service_keeps_as_many_pools_as_it_wants)
{
	begin(HEAD SERVICE("www", "pools=eu,us; rank=geo; ttl=30") SERVICE(
		"api", "pools=eu,ap; rank=geo; ttl=30; keep=2") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", IRELAND, 1500, 900, 0);
	crowd_add(&rig, "api.svc.example", URAL, 1500, 300, 0);
	run_to(300);
	expect_part("api in eu", PART("api", URAL, "eu"), 0.04, 0.09); /* one in sixteen; without keep: none */
	crowd_fini(&rig);
}
END_TEST

START_TEST(nobody_is_sent_where_the_load_is_not_known)
{
	begin(HEAD SERVICE("www", "pools=eu,ap,us; rank=geo; ttl=30") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", URAL, 2000, 1200, 0);
	rig.silent[crowd_pool(&rig, "ap")] = true;
	run_to(300);
	expect_part("ap", PART("www", URAL, "ap"), 0, 0);
	expect_part("us", PART("www", URAL, "us"), 0.28, 0.4);
	/* whose own load is not known any more gives away what it did */
	rig.silent[crowd_pool(&rig, "eu")] = true;
	run_to(600);
	expect_part("us", PART("www", URAL, "us"), 0.28, 0.4);
	ck_assert(capacity_facts(rig.capacity, crowd_pool(&rig, "eu")).frozen);
	crowd_fini(&rig);
}
END_TEST

START_TEST(a_pool_that_drains_is_sent_nobody)
{
	const struct override_request request = { .target = "us",
		.action = OVERRIDE_DRAIN,
		.for_ms = 3600000,
		.over_ms = 600000,
		.why = "test",
		.who = "test" };
	struct err err;

	begin(HEAD SERVICE("www", "pools=eu,us,ap; rank=geo; ttl=30") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000)));
	crowd_add(&rig, "www.svc.example", IRELAND, 2000, 1200, 0);
	run_to(200);
	expect_part("us", PART("www", IRELAND, "us"), 0.28, 0.4);
	ck_assert_msg(sim_force(rig.sim, &request, &err), "%s", err.text);
	crowd_publish(&rig);
	run_to(400);
	expect_part("us", PART("www", IRELAND, "us"), 0, 0);
	expect_part("ap", PART("www", IRELAND, "ap"), 0.28, 0.4);
	crowd_fini(&rig);
}
END_TEST

START_TEST(a_reload_changes_nothing_of_it)
{
	const char *zone =
		HEAD SERVICE("www", "pools=eu,us,ap; rank=geo; ttl=30") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000));
	const char *more =
		HEAD SERVICE("aaa", "pools=ap; rank=geo; ttl=30") SERVICE("www", "pools=eu,us,ap; rank=geo; ttl=30")
			POOL("aa", "10 0 N 10 0 E", "40", "load=push") EU(LIMIT(1000)) US(LIMIT(2000)) AP(LIMIT(2000));
	uint64_t spilled;

	begin(zone);
	crowd_add(&rig, "www.svc.example", IRELAND, 3000, 1200, 0);
	run_to(300);
	crowd_reload(&rig, more);
	spilled = rig.spilled;
	run_to(309); /* before there was another step */
	ck_assert_uint_gt(rig.spilled, spilled);
	run_to(600);
	expect_part("eu", PART("www", IRELAND, "eu"), 0.62, 0.72);
	crowd_fini(&rig);
}
END_TEST

START_TEST(a_pool_that_was_moved_is_as_far_as_it_is_now)
{
	const char *zone = HEAD SERVICE("www", "pools=eu,ap; rank=geo; ttl=30") EU("load=push") AP("load=push");
	const char *moved = HEAD SERVICE("www", "pools=eu,ap; rank=geo; ttl=30") EU("load=push")
		POOL("ap", "1 20 N 103 50 E", "30", "load=push");
	struct demand *demand = demand_new();
	uint32_t before;

	begin(zone);
	demand_begin(demand, rig.sim->snapshot);
	crowd_add(&rig, "www.svc.example", IRELAND, 30, 30, 0);
	run_to(60);
	demand_take(demand, rig.recent);
	ck_assert_uint_eq(demand->nflows, 1);
	before = demand->flows[0]->score[1]; /* 9600 km */
	crowd_reload(&rig, moved);
	demand_begin(demand, rig.sim->snapshot);
	ck_assert_uint_eq(demand->nflows, 1);
	ck_assert_uint_ge(demand->flows[0]->score[1], before + 150); /* 11200 km */
	demand_free(demand);
	crowd_fini(&rig);
}
END_TEST

/* ---- what is said of it ---- */

static void begin_full(const char *tags)
{
	char zone[2048];

	snprintf(zone, sizeof zone, "%s_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; ttl=30; %s\"\n%s", HEAD, tags,
		EU(LIMIT(1000)) US(LIMIT(500)) AP(LIMIT(2000)));
	begin(zone);
	crowd_add(&rig, "www.svc.example", IRELAND, 3000, 1200, 0);
	run_to(400);
}

static const json_t *explained(json_t *json, const char *pool)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(json, "pools"), i,
		one) if (strcmp(json_string_value(json_object_get(one, "pool")), pool) == 0) return one;
	ck_abort_msg("%s", pool);
}

static double number(const json_t *json, const char *key)
{
	ck_assert_msg(json_is_number(json_object_get(json, key)), "%s", key);
	return json_number_value(json_object_get(json, key));
}

START_TEST(explain_says_why_and_by_which_numbers)
{
	struct explain_request request = { .name = "www.svc.example", .client = "20.0.0.1", .type = "A" };
	bool spilled = false;
	struct err err;

	begin_full("");
	request.now_ms = rig.sim->now_ms;
	request.capacity = rig.capacity;
	for (request.dice = 0; request.dice < 200 && !spilled; request.dice++) {
		json_t *json = explain(&rig.sim->world, &request, &err);
		const json_t *eu = explained(json, "eu"), *of = json_object_get(eu, "capacity"),
			     *answer = json_object_get(json, "answer");

		spilled = strcmp(json_string_value(json_object_get(answer, "why")), "spill") == 0;
		ck_assert_str_ne(json_string_value(json_object_get(answer, "pool")), spilled ? "eu" : "us");
		ck_assert_str_eq(json_string_value(json_object_get(eu, "fate")), spilled ? "full" : "chosen");
		ck_assert_double_eq_tol(number(of, "demand"), 1200, 60);
		ck_assert_double_eq_tol(number(of, "filled_to"), 800, 0.1);
		ck_assert_double_eq_tol(number(of, "class_percent"), 66.7, 4);
		ck_assert_ptr_nonnull(
			strstr(json_string_value(json_object_get(eu, "reason")), "full: its own clients ask"));
		ck_assert_ptr_nonnull(
			strstr(json_string_value(json_object_get(explained(json, "us"), "reason")), "takes"));
		json_decref(json);
	}
	ck_assert(spilled);
	crowd_fini(&rig);
}
END_TEST

/* Whoever is asked, with the same dice: the glance, the close look, and the one that explains. */
START_TEST(all_ways_to_decide_come_to_the_same)
{
	static const char *const tags[] = { "", "spread=sticky; sticky=24/56" };
	struct trace *trace = mem_alloc(sizeof *trace);
	unsigned shared[3] = { 0 };

	begin_full(tags[_i]);
	for (unsigned i = 0; i < 3000; i++) {
		const struct service_plan *www = sim_service(rig.sim, "www.svc.example");
		struct dice dice = { i }, again = { i };
		struct decision one, other;

		memset(&one, 0, sizeof one);
		memset(&other, 0, sizeof other);
		decide(&rig.sim->world, www, &rig.resolvers[i].client, FAMILY_V4, rig.sim->now_ms, &dice, &one, NULL);
		decide(&rig.sim->world, www, &rig.resolvers[i].client, FAMILY_V4, rig.sim->now_ms, &again, &other,
			trace);
		ck_assert_uint_eq(one.pool, other.pool);
		ck_assert_uint_eq(one.endpoint[0], other.endpoint[0]);
		ck_assert_int_eq(one.why, other.why);
		ck_assert_uint_eq(one.ttl_s, other.ttl_s);
		ck_assert_uint_eq(one.scope, other.scope);
		ck_assert_int_eq(one.why, one.pool == crowd_pool(&rig, "eu") ? WHY_RANKED : WHY_SPILL);
		shared[one.pool]++;
	}
	ck_assert_uint_gt(shared[crowd_pool(&rig, "eu")], 1800);
	ck_assert_uint_gt(shared[crowd_pool(&rig, "us")], 600);
	ck_assert_uint_lt(shared[crowd_pool(&rig, "ap")], 60);
	free(trace);
	crowd_fini(&rig);
}
END_TEST

static const json_t *without(const json_t *report, const char *region)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(report, "regions"), i,
		one) if (strcmp(json_string_value(json_object_get(one, "region")), region) == 0) return one;
	ck_abort_msg("%s", region);
}

static double then(const json_t *report, const char *region, const char *pool)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(without(report, region), "pools"), i,
		one) if (strcmp(json_string_value(json_object_get(one, "pool")), pool) == 0) return number(one, "then");
	ck_abort_msg("%s", pool);
}

START_TEST(the_report_says_what_the_loss_of_each_region_would_do)
{
	json_t *report;

	begin_full("");
	report = capacity_report(rig.capacity, &rig.sim->world, rig.sim->now_ms);
	/* without eu: us is filled, and the rest goes to ap */
	ck_assert_double_eq_tol(then(report, "eu", "us"), 400, 10);
	ck_assert_double_eq_tol(then(report, "eu", "ap"), 800, 60);
	ck_assert(json_is_true(json_object_get(without(report, "eu"), "fits")));
	/* without us: what it takes now goes to ap */
	ck_assert_double_eq_tol(then(report, "us", "eu"), 800, 10);
	ck_assert_double_eq_tol(then(report, "us", "ap"), 400, 60);
	json_decref(report);
	rig.level = 2.5; /* 3000, and eu and us can carry no more than 1500 */
	run_to(600);
	report = capacity_report(rig.capacity, &rig.sim->world, rig.sim->now_ms);
	ck_assert(!json_is_true(json_object_get(without(report, "ap"), "fits")));
	ck_assert_double_eq_tol(number(without(report, "ap"), "over"), 1500, 150);
	json_decref(report);
	crowd_fini(&rig);
}
END_TEST

/* ---- by load ---- */

START_TEST(who_ranks_by_load_fills_pools_evenly)
{
	begin(HEAD SERVICE("www", "pools=eu,us,ap; rank=load; ttl=30") SERVICE("api", "pools=us; rank=order; ttl=30")
			EU(LIMIT(1000)) US(LIMIT(1000)) AP(LIMIT(500)));
	crowd_add(&rig, "www.svc.example", IRELAND, 4000, 800, 0);
	crowd_add(&rig, "api.svc.example", OHIO, 1000, 325, 0);
	run_to(300);
	/* 1125 of 2500 */
	expect_part("eu", crowd_load(&rig, "eu") / 1000, 0.41, 0.49);
	expect_part("us", crowd_load(&rig, "us") / 1000, 0.41, 0.49);
	expect_part("ap", crowd_load(&rig, "ap") / 500, 0.41, 0.49);
	ck_assert_uint_eq(rig.spilled, 0);
	ck_assert(rig.split != NULL && !rig.split->full);
	crowd_fini(&rig);
}
END_TEST

/* Whose clients are gone, is not shared out for ever as it was then; whether others are left or not. */
START_TEST(what_is_forgotten_is_shared_out_no_more)
{
	const struct service_plan *www;

	begin(HEAD SERVICE("www", "pools=eu,us; rank=load; ttl=30") SERVICE("api", "pools=us; rank=order; ttl=30")
			EU(LIMIT(1000)) US(LIMIT(1000)));
	if (_i == 1)
		crowd_add(&rig, "api.svc.example", OHIO, 100, 100, 0);
	crowd_add(&rig, "www.svc.example", IRELAND, 100, 100, 0);
	run_to(300);
	www = sim_service(rig.sim, "www.svc.example");
	ck_assert_ptr_nonnull(split_find(rig.split, (uint32_t)(www - rig.sim->snapshot->services), FAMILY_V4, 0));
	rig.nresolvers -= 100;
	run_to(300 + DEMAND_FORGET_S + 60);
	ck_assert_ptr_null(rig.split);
	crowd_fini(&rig);
}
END_TEST

/* ---- weights in requests ---- */

static const struct skew_case {
	const char *tags;
	double skew;
	double us, ap; /* weights beside eu's 1 */
} skew_cases[] = {
	{ "spread=sticky; sticky=24/56; pools=eu,us,ap", 0.2, 1, 1 },
	{ "spread=sticky; sticky=24/56; pools=eu,us:2,ap", 0.2, 2, 1 },
	{ "spread=sticky; sticky=24/56; pools=eu,us:3,ap:4", 0.1, 3, 4 },
	{ "spread=sticky; sticky=24/56; pools=eu,us,ap", 1, 1, 1 },
	{ "spread=sticky; sticky=24/56; pools=eu,us:2,ap", 1, 2, 1 },
	{ "spread=sticky; sticky=24/56; pools=eu,us:3,ap:4", 1, 3, 4 },
	{ "spread=sticky; sticky=24/56; pools=eu,us:3,ap:4", 0.5, 3, 4 },
	{ "spread=random; pools=eu,us:2,ap", 0.01, 2, 1 },
};

START_TEST(weights_hold_in_requests_though_few_resolvers_ask_for_most)
{
	const struct skew_case *c = &skew_cases[_i];
	double all = 1 + c->us + c->ap, eu = 0, us = 0, ap = 0, off;
	char zone[2048];
	unsigned n = 0;

	snprintf(zone, sizeof zone, "%s_gslb.www TXT \"v=gslb1; rank=weight; ttl=30; %s\"\n%s", HEAD, c->tags,
		EU("load=push") US("load=push") AP("load=push"));
	begin(zone);
	crowd_add(&rig, "www.svc.example", IRELAND, 4000, 1000, c->skew);
	run_to(35); /* all have asked once, and nothing is learned */
	off = fabs(PART("www", IRELAND, "eu") * all - 1) + fabs(PART("www", IRELAND, "us") * all / c->us - 1) +
	      fabs(PART("www", IRELAND, "ap") * all / c->ap - 1);
	ck_assert_double_gt(off, strstr(c->tags, "sticky") != NULL ? 0.15 : 0);
	run_to(600);
	for (; rig.second < 900; n++) {
		crowd_tick(&rig);
		eu += PART("www", IRELAND, "eu");
		us += PART("www", IRELAND, "us");
		ap += PART("www", IRELAND, "ap");
	}
	if (getenv("GSLB_CAPACITY_FIGURES") != NULL)
		fprintf(stderr,
			"# %s, skew %.2f: off by %.3f in sum, then %.3f, %.3f and %.3f of what the weights say\n",
			c->tags, c->skew, off, eu / n * all, us / n * all / c->us, ap / n * all / c->ap);
	expect_part("eu", eu / n * all, 0.95, 1.05);
	expect_part("us", us / n * all / c->us, 0.95, 1.05);
	expect_part("ap", ap / n * all / c->ap, 0.95, 1.05);
	crowd_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("capacity");
	TCase *tcase = tcase_create("capacity");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, a_step_of_demand_is_spilled_without_a_swing, 0, COUNT_OF(step_cases));
	tcase_add_test(tcase, those_who_lose_least_by_it_go_first);
	tcase_add_test(tcase, who_takes_is_not_filled_beyond_its_own_room);
	tcase_add_test(tcase, where_all_are_full_nobody_is_turned_away);
	tcase_add_test(tcase, services_that_share_a_pool_are_looked_at_as_one);
	tcase_add_test(tcase, a_service_keeps_as_many_pools_as_it_wants);
	tcase_add_test(tcase, nobody_is_sent_where_the_load_is_not_known);
	tcase_add_test(tcase, a_pool_that_drains_is_sent_nobody);
	tcase_add_test(tcase, a_reload_changes_nothing_of_it);
	tcase_add_test(tcase, a_pool_that_was_moved_is_as_far_as_it_is_now);
	tcase_add_test(tcase, explain_says_why_and_by_which_numbers);
	tcase_add_loop_test(tcase, all_ways_to_decide_come_to_the_same, 0, 2);
	tcase_add_test(tcase, the_report_says_what_the_loss_of_each_region_would_do);
	tcase_add_test(tcase, who_ranks_by_load_fills_pools_evenly);
	tcase_add_loop_test(tcase, what_is_forgotten_is_shared_out_no_more, 0, 2);
	tcase_add_loop_test(tcase, weights_hold_in_requests_though_few_resolvers_ask_for_most, 0, COUNT_OF(skew_cases));
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
