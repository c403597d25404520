#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gslb/explore.h"
#include "gslb/meter.h"
#include "tests/scenario/sim.h"

#define ZONE_HEAD "$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"
#define POOL(name, latitude, longitude, n)                                                                        \
	name "._pool LOC " latitude " " longitude " 0m\n" name "._pool TXT \"v=pool1; check=none; region=r-" name \
	     "\"\n" name "._pool SRV 0 1 443 lb." name "\nlb." name " A 192.0.2." n "\n"
/* Dublin, Philadelphia, Singapore */
#define THREE_POOLS \
	POOL("eu", "53 20 N", "6 15 W", "10") POOL("us", "40 N", "75 W", "20") POOL("ap", "1 20 N", "103 50 E", "30")

static struct sim sim;

static void setup(void)
{
	sim_init(&sim);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
}

static void teardown(void)
{
	meter_free(sim.meter);
	sim_fini(&sim);
}

static void measure(const char *client, const char *region, double rtt_ms, double weight, bool vouched)
{
	struct prefix prefix;

	ck_assert(prefix_parse(client, &prefix));
	ck_assert(meter_take(sim.meter, sim.snapshot, &prefix, region, rtt_ms, weight, vouched, sim.now_ms / 1000));
}

/* n samples, of as many addresses of the /24. */
static void handshakes(const char *net, unsigned n, const char *region, double rtt_ms)
{
	char client[ADDR_TEXT_MAX];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(client, sizeof(client), "%s.%u", net, i);
		measure(client, region, rtt_ms, 1, false);
	}
}

static const char *pool_of(const char *client, const char *name)
{
	struct decision decision;

	sim_ask(&sim, client, name, FAMILY_V4, &decision, NULL);
	return sim.snapshot->pools[decision.pool].pool->label;
}

static void later(unsigned minutes)
{
	sim.now_ms += minutes * UINT64_C(60000);
	sim_load(&sim);
}

#define WWW "www.svc.example"

/* Clients near Dublin, of two ASNs. */
static void world(const char *rank, const char *more)
{
	char zone[4096];

	snprintf(zone, sizeof(zone), "%s_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=%s\"\n%s%s", ZONE_HEAD, rank,
		more, THREE_POOLS);
	sim_zone(&sim, "svc.example", zone);
	sim_place(&sim, "198.51.0.0/16 53.3 -6.2 IE EU 64500");
	sim_place(&sim, "203.0.113.0/24 53.3 -6.2 IE EU 64501");
	sim_load(&sim);
}

/* ---- a decision ---- */

static const struct case_ {
	const char *name, *rank;
	struct {
		unsigned net, n; /* 198.51.net.0/24, and how many addresses of it */
		const char *region;
		double rtt_ms;
	} samples[8];
	const char *pool, *neighbour; /* of 198.51.1.0/24, and of one that nobody measured */
} cases[] = {
	{ "nothing measured", "latency,geo", { { 0 } }, "eu", "eu" },
	{ "the near one is slow, another is known to be better", "latency,geo",
		{ { 1, 20, "r-eu", 300 }, { 1, 20, "r-us", 100 }, { 2, 1, "r-us", 100 }, { 3, 1, "r-us", 100 } }, "us",
		"eu" },
	{ "the near one is slow, of the others nothing is known", "latency,geo", { { 1, 60, "r-eu", 300 } }, "eu",
		"eu" },
	{ "seven samples are too few", "latency,geo",
		{ { 1, 20, "r-eu", 300 }, { 1, 7, "r-us", 100 }, { 2, 1, "r-us", 100 }, { 3, 1, "r-us", 100 } }, "eu",
		"eu" },
	{ "two addresses are too few sources", "latency,geo", { { 1, 20, "r-eu", 300 }, { 1, 2, "r-us", 100 } }, "eu",
		"eu" },
	{ "by geo alone nothing is learned", "geo", { { 1, 20, "r-eu", 300 }, { 1, 20, "r-us", 100 } }, "eu", "eu" },
	{ "geo first leaves it nothing", "geo,latency", { { 1, 20, "r-eu", 300 }, { 1, 20, "r-us", 100 } }, "eu",
		"eu" },
};

START_TEST(a_measured_pool_leads_only_when_it_is_surely_better)
{
	const struct case_ *c = &cases[_i];
	char net[32];

	world(c->rank, "");
	for (size_t i = 0; i < COUNT_OF(c->samples) && c->samples[i].n > 0; i++) {
		snprintf(net, sizeof(net), "198.51.%u", c->samples[i].net);
		handshakes(net, c->samples[i].n, c->samples[i].region, c->samples[i].rtt_ms);
	}
	sim_load(&sim);
	ck_assert_msg(strcmp(pool_of("198.51.1.7", WWW), c->pool) == 0, "%s: %s", c->name, pool_of("198.51.1.7", WWW));
	ck_assert_msg(
		strcmp(pool_of("198.51.77.7", WWW), c->neighbour) == 0, "%s: %s", c->name, pool_of("198.51.77.7", WWW));
	ck_assert_str_eq(pool_of("203.0.113.7", WWW), "eu"); /* another ASN */
	ck_assert_str_eq(pool_of("9.9.9.9", WWW), "eu");
}
END_TEST

START_TEST(many_networks_speak_for_their_neighbours)
{
	char net[32];

	world("latency,geo", "");
	for (unsigned i = 2; i < 14; i++) {
		snprintf(net, sizeof(net), "198.51.%u", i);
		handshakes(net, 9, "r-eu", 300);
		handshakes(net, 9, "r-us", 90);
		sim_load(&sim);
		if (i == 3) /* each for itself, but two networks do not speak for all */
			ck_assert_str_eq(pool_of("198.51.3.7", WWW), "us");
		if (i == 3)
			ck_assert_str_eq(pool_of("198.51.77.7", WWW), "eu");
	}
	ck_assert_str_eq(pool_of("198.51.77.7", WWW), "us");
	ck_assert_str_eq(pool_of("203.0.113.7", WWW), "eu"); /* another ASN */
}
END_TEST

/* What an operator imports for a network needs no others to confirm it. */
START_TEST(an_import_speaks_for_its_network)
{
	struct decision decision;

	world("latency,geo", "");
	measure("198.51.9.0/24", "r-eu", 300, 50, true);
	measure("198.51.9.0/24", "r-ap", 180, 50, true);
	sim_load(&sim);
	ck_assert_str_eq(pool_of("198.51.9.200", WWW), "ap");
	ck_assert_str_eq(pool_of("198.51.8.200", WWW), "eu");
	sim_ask(&sim, "198.51.9.0/24", WWW, FAMILY_V4, &decision, NULL);
	ck_assert_uint_eq(decision.scope, 24);
	sim_ask(&sim, "198.51.8.0/24", WWW, FAMILY_V4, &decision, NULL);
	ck_assert_uint_eq(decision.scope, 24);
	sim_ask(&sim, "198.51.10.0/24", WWW, FAMILY_V4, &decision, NULL);
	ck_assert_uint_eq(decision.scope, 23);
}
END_TEST

static const char *pool6_of(const char *client)
{
	struct decision decision;

	sim_ask(&sim, client, WWW, FAMILY_V6, &decision, NULL);
	return sim.snapshot->pools[decision.pool].pool->label;
}

/* A /48 whose parts lie in several places has no order of its own: it has no place to be ranked from. */
START_TEST(networks_of_ipv6_are_48s_of_one_place)
{
	struct decision decision;

	sim_place(&sim, "2001:db8::/32 53.3 -6.2 IE EU 64500");
	sim_place(&sim, "2001:db8:2::/49 53.3 -6.2 IE EU 64500 IE-L");
	world("latency,geo", "lb.eu AAAA 2001:db8:f::1\nlb.us AAAA 2001:db8:f::2\nlb.ap AAAA 2001:db8:f::3\n");
	for (unsigned net = 1; net <= 2; net++) {
		measure(net == 1 ? "2001:db8:1::/48" : "2001:db8:2::/48", "r-eu", 300, 50, true);
		measure(net == 1 ? "2001:db8:1::/48" : "2001:db8:2::/48", "r-ap", 180, 50, true);
	}
	sim_load(&sim);
	ck_assert_str_eq(pool6_of("2001:db8:1:ffff::1"), "ap");
	ck_assert_str_eq(pool6_of("2001:db8:3::1"), "eu");
	ck_assert_str_eq(pool6_of("2001:db8:2::1"), "eu");
	sim_ask(&sim, "2001:db8:1::/56", WWW, FAMILY_V6, &decision, NULL);
	ck_assert_uint_eq(decision.scope, 48);
	/* an address that carries IPv4 is of the IPv4 network */
	measure("198.51.9.0/24", "r-eu", 300, 50, true);
	measure("::ffff:198.51.9.0/120", "r-ap", 180, 50, true);
	later(10);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "ap");
	ck_assert_str_eq(pool6_of("::ffff:198.51.9.1"), "ap");
}
END_TEST

START_TEST(map_rules_come_before_what_was_learned)
{
	world("latency,geo", "_map.www TXT \"v=map1; net:198.51.9.128/25=eu; net:198.51.16.0/20=eu,us; asn:64501=eu; "
			     "country:FR=us\"\n");
	for (unsigned i = 0; i < 2; i++) {
		static const char *const nets[] = { "198.51.9.0/24", "198.51.17.0/24", "203.0.113.0/24",
			"198.51.10.0/24" };

		for (size_t k = 0; k < COUNT_OF(nets); k++)
			measure(nets[k], i == 0 ? "r-eu" : "r-ap", i == 0 ? 300 : 180, 60, true);
	}
	sim_load(&sim);
	ck_assert_str_eq(pool_of("198.51.9.100", WWW), "ap");
	ck_assert_str_eq(pool_of("198.51.9.200", WWW), "eu");
	ck_assert_str_eq(pool_of("198.51.17.1", WWW), "eu");
	ck_assert_str_eq(pool_of("203.0.113.1", WWW), "eu");
	ck_assert_str_eq(pool_of("198.51.10.1", WWW), "ap");
}
END_TEST

START_TEST(health_overrides_what_was_learned_at_once)
{
	const struct override_request down = {
		.target = "ap", .action = OVERRIDE_DOWN, .for_ms = 60000, .why = "test"
	};
	struct err err;

	world("latency,geo", "");
	measure("198.51.9.0/24", "r-eu", 700, 50, true);
	measure("198.51.9.0/24", "r-us", 250, 50, true);
	measure("198.51.9.0/24", "r-ap", 180, 50, true);
	sim_load(&sim);
	ck_assert_str_eq(pool_of("198.51.9.200", WWW), "ap");
	ck_assert(sim_force(&sim, &down, &err));
	ck_assert_str_eq(pool_of("198.51.9.200", WWW), "us"); /* the next by latency, not by distance */
}
END_TEST

/* ---- time ---- */

START_TEST(a_decision_rests_for_half_an_hour)
{
	world("latency,geo", "");
	measure("198.51.9.0/24", "r-eu", 300, 20, true);
	measure("198.51.9.0/24", "r-us", 100, 20, true);
	sim_load(&sim);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "us");
	/* the opposite is measured, again and again */
	for (unsigned i = 0; i < 8; i++) {
		measure("198.51.9.0/24", "r-eu", 20, 60, true);
		measure("198.51.9.0/24", "r-us", 300, 60, true);
	}
	later(29);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "us");
	later(1);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "eu");
	later(60);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "eu");
}
END_TEST

START_TEST(small_differences_change_nothing)
{
	world("latency,geo", "");
	for (unsigned day = 0; day < 20; day++) {
		measure("198.51.9.0/24", "r-eu", day % 2 == 0 ? 110 : 104, 60, true);
		measure("198.51.9.0/24", "r-us", day % 2 == 0 ? 104 : 110, 60, true);
		later(24 * 60);
		ck_assert_str_eq(pool_of("198.51.9.1", WWW), "eu");
	}
}
END_TEST

START_TEST(what_is_not_measured_any_more_fades_and_distance_decides_again)
{
	world("latency,geo", "");
	measure("198.51.9.0/24", "r-eu", 300, 50, true);
	measure("198.51.9.0/24", "r-us", 100, 50, true);
	later(10);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "us");
	later(48 * 60);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "us");
	later(36 * 60);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "eu");
}
END_TEST

START_TEST(tables_change_only_with_what_was_learned)
{
	const struct geo_table *table;

	world("latency,geo", "");
	table = sim_service(&sim, WWW)->steering[FAMILY_V4].table;
	measure("198.51.9.0/24", "r-eu", 30, 50, true);
	later(10);
	ck_assert_ptr_eq(sim_service(&sim, WWW)->steering[FAMILY_V4].table, table);
	for (unsigned i = 0; i < 12; i++) /* a change is believed when it lasts */
		measure("198.51.9.0/24", "r-eu", 300, 60, true);
	measure("198.51.9.0/24", "r-us", 100, 50, true);
	later(10);
	ck_assert_str_eq(pool_of("198.51.9.1", WWW), "us");
	ck_assert_ptr_ne(sim_service(&sim, WWW)->steering[FAMILY_V4].table, table);
	table = sim_service(&sim, WWW)->steering[FAMILY_V4].table;
	later(10);
	ck_assert_ptr_eq(sim_service(&sim, WWW)->steering[FAMILY_V4].table, table);
}
END_TEST

/* Who is measured worse leaves a group that shares the traffic, and comes back when it is as good as before. */
START_TEST(a_group_is_left_and_joined)
{
	const struct steering *steering;
	struct decision decision;

	world("latency", "");
	steering = &sim_service(&sim, WWW)->steering[FAMILY_V4];
	ck_assert_ptr_null(steering->table);
	ck_assert_uint_eq(steering->orders[0].begins, 1);
	/* as the estimates see it, which distance draws: 65, 63 and some 290 ms */
	measure("198.51.9.0/24", "r-eu", 75, 50, true);
	measure("198.51.9.0/24", "r-us", 60, 50, true);
	measure("198.51.9.0/24", "r-ap", 300, 50, true);
	later(10);
	sim_ask(&sim, "198.51.9.1", WWW, FAMILY_V4, &decision, NULL);
	steering = &sim_service(&sim, WWW)->steering[FAMILY_V4];
	ck_assert_uint_eq(steering->orders[decision.class].begins, 5); /* eu and us; ap */
	for (unsigned i = 0; i < 40; i++) {
		measure("198.51.9.0/24", "r-eu", 230, 60, true);
		measure("198.51.9.0/24", "r-us", 195, 60, true);
		measure("198.51.9.0/24", "r-ap", 182, 60, true);
	}
	later(30);
	sim_ask(&sim, "198.51.9.1", WWW, FAMILY_V4, &decision, NULL);
	steering = &sim_service(&sim, WWW)->steering[FAMILY_V4];
	ck_assert_uint_eq(steering->orders[decision.class].begins, 1);
}
END_TEST

/* ---- scopes ---- */

enum { WORLD_BITS = 16, POINT_BITS = 25, POINTS = 1 << (POINT_BITS - WORLD_BITS), NETS = 256, POOLS = 4 };

static struct addr point(unsigned i)
{
	uint32_t word = (uint32_t)10 << 24 | i << (32 - POINT_BITS);

	return (struct addr){ .family = ADDR_V4,
		.bytes = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word } };
}

/* One draw a statement: in which order arguments are worked out is the compiler's. */
static void random_world(struct dice *dice)
{
	static const char *const countries[] = { "DE", "FR", "US", "JP" };
	struct buf zone = { 0 };
	char line[160];

	buf_printf(&zone,
		"%s_gslb.www TXT \"v=gslb1; rank=%s; pools=p0,p1,p2,p3\"\n_map.www TXT \"v=map1; country:JP=p1,p0\"\n",
		ZONE_HEAD, dice_below(dice, 2) == 0 ? "latency" : "latency,geo");
	if (dice_below(dice, 2) == 0) {
		unsigned wide = (unsigned)dice_below(dice, 64) * 4;
		unsigned narrow = (unsigned)dice_below(dice, 256);

		buf_printf(
			&zone, "_map.www TXT \"v=map1; net:10.0.%u.0/22=p2; net:10.0.%u.128/25=p3\"\n", wide, narrow);
	}
	for (unsigned i = 0; i < POOLS; i++) {
		unsigned north = (unsigned)dice_below(dice, 60);
		unsigned east = (unsigned)dice_below(dice, 180);

		buf_printf(&zone,
			"p%u._pool LOC %u N %u E 0m\np%u._pool TXT \"v=pool1; check=none\"\np%u._pool SRV 0 1 443 "
			"lb%u\nlb%u A 192.0.2.%u\n",
			i, north, east, i, i, i, i, i + 1);
	}
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	for (unsigned len = WORLD_BITS; len <= 24; len++)
		for (unsigned i = 0; i < 2; i++) {
			unsigned net = (unsigned)(dice_below(dice, 256) & 0xff << (24 - len) & 0xff);
			unsigned north = (unsigned)dice_below(dice, 60);
			unsigned east = (unsigned)dice_below(dice, 180);
			const char *country = countries[dice_below(dice, COUNT_OF(countries))];

			snprintf(line, sizeof(line), "10.0.%u.0/%u %u %u %s - %u", net, len, north, east, country,
				64500 + (unsigned)dice_below(dice, 2));
			sim_place(&sim, line);
		}
	sim_load(&sim);
}

/* Some networks are each surely best with some pool, however far it is: best[net], or POOLS. open: and another might be better. */
static void random_samples(struct dice *dice, bool open, unsigned best[NETS])
{
	char net[ADDR_TEXT_MAX], region[8];

	for (unsigned i = 0; i < NETS; i++) {
		best[i] = dice_below(dice, 6) == 0 ? (unsigned)dice_below(dice, POOLS) : POOLS;
		if (i > 0 && best[i] < POOLS && best[i - 1] < POOLS && dice_below(dice, 2) == 0)
			best[i] = best[i - 1];
		snprintf(net, sizeof(net), "10.0.%u.0/24", i);
		for (unsigned pool = 0; pool < POOLS && best[i] < POOLS; pool++) {
			snprintf(region, sizeof(region), "p%u", pool);
			if (open && pool == (best[i] + 1) % POOLS)
				measure(net, region, 230, 5, true);
			else
				measure(net, region, pool == best[i] ? 220 : 700, 60, true);
		}
	}
	sim_load(&sim);
}

START_TEST(an_ecs_scope_is_exact_and_minimal_with_what_was_learned)
{
	static struct order orders[POINTS];
	struct dice dice = { (uint64_t)_i * 7919 + 2 };
	const struct service_plan *service;
	struct order outside;
	struct decision decision;
	struct client client;
	unsigned best[NETS];

	random_world(&dice);
	meter_explore(sim.meter, _i % 2 != 0 ? EXPLORE_MOST : 0);
	random_samples(&dice, _i % 2 != 0, best);
	if (_i < 14) /* nearly all of the odd worlds have something to explore, these have */
		ck_assert_uint_eq(meter_explored(sim.meter) > 0, _i % 2 != 0);
	service = sim_service(&sim, WWW);
	sim_client("11.0.0.0/24", &client);
	decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
	outside = service->steering[FAMILY_V4].orders[decision.class];
	for (unsigned i = 0; i < POINTS; i++) {
		struct place place;
		unsigned depth;
		bool ruled;

		client = (struct client){ .addr = point(i), .ecs = true, .source_len = POINT_BITS };
		decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
		orders[i] = service->steering[FAMILY_V4].orders[decision.class];
		snapshot_place(sim.snapshot, &client.addr, &place, &depth);
		ruled = snapshot_rule(sim.snapshot, service, FAMILY_V4, &client.addr, &place) != ORDER_NO_RULE;
		if (best[i / 2] < POOLS && !ruled && _i % 2 == 0)
			ck_assert_msg(orders[i].pool[0] == best[i / 2], "world %d, net %u: p%u, not p%u", _i, i / 2,
				orders[i].pool[0], best[i / 2]);
	}
	for (unsigned i = 0; i < POINTS; i++) {
		struct prefix block = { .addr = point(i) };
		bool differs = false;

		client = (struct client){ .addr = point(i), .ecs = true, .source_len = POINT_BITS };
		decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
		block.len = decision.scope;
		for (unsigned k = 0; k < POINTS; k++) {
			struct addr other = point(k);
			bool same = memcmp(&orders[k], &orders[i], sizeof(orders[i])) == 0;

			block.addr = point(i);
			addr_mask(&block.addr, block.len);
			if (prefix_contains(&block, &other) && !same)
				ck_abort_msg("world %d, point %u, scope %u: too short", _i, i, decision.scope);
			if (block.len == 0)
				continue;
			block.len--;
			addr_mask(&block.addr, block.len);
			differs = differs || (prefix_contains(&block, &other) && !same) ||
				  (block.len < WORLD_BITS && memcmp(&outside, &orders[i], sizeof(outside)) != 0);
			block.len++;
		}
		ck_assert_msg(
			block.len == 0 || differs, "world %d, point %u, scope %u: too long", _i, i, decision.scope);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("learned");
	TCase *all = tcase_create("learned");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, a_measured_pool_leads_only_when_it_is_surely_better, 0, COUNT_OF(cases));
	tcase_add_test(all, many_networks_speak_for_their_neighbours);
	tcase_add_test(all, an_import_speaks_for_its_network);
	tcase_add_test(all, networks_of_ipv6_are_48s_of_one_place);
	tcase_add_test(all, map_rules_come_before_what_was_learned);
	tcase_add_test(all, health_overrides_what_was_learned_at_once);
	tcase_add_test(all, a_decision_rests_for_half_an_hour);
	tcase_add_test(all, small_differences_change_nothing);
	tcase_add_test(all, what_is_not_measured_any_more_fades_and_distance_decides_again);
	tcase_add_test(all, tables_change_only_with_what_was_learned);
	tcase_add_test(all, a_group_is_left_and_joined);
	tcase_add_loop_test(all, an_ecs_scope_is_exact_and_minimal_with_what_was_learned, 0, 24);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
