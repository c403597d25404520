#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/explain.h"
#include "gslb/glance.h"
#include "gslb/order.h"
#include "gslb/target.h"
#include "gslb/ttl.h"
#include "tests/scenario/sim.h"

#define ZONE_HEAD "$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"

/* ---- the TTL ---- */

static const struct ttl_case {
	const char *name;
	struct ttl_input input; /* now is 1000000; max 30, min 5 */
	uint32_t ttl_s;
	enum ttl_why why;
} ttl_cases[] = {
	{ "steady", { 0 }, 30, TTL_STEADY },
	{ "doubt", { .doubt = true }, 5, TTL_DOUBT },
	{ "last resort", { .last_resort = true }, 5, TTL_LAST_RESORT },
	{ "a change in 12 s", { .change_ms = 1012000 }, 12, TTL_DATED },
	{ "a change in 11.001 s is made when it is asked again", { .change_ms = 1011001 }, 12, TTL_DATED },
	{ "a change in a second", { .change_ms = 1001000 }, 5, TTL_DATED },
	{ "a change far away", { .change_ms = 1030000 }, 30, TTL_STEADY },
	{ "a change that was", { .change_ms = 999000 }, 30, TTL_STEADY },
	{ "doubt counts more than a date", { .doubt = true, .change_ms = 1012000 }, 5, TTL_DOUBT },
	{ "an address for 9.9 s", { .expires_ms = 1009900 }, 9, TTL_EXPIRES },
	{ "an address for less than min", { .expires_ms = 1002000 }, 2, TTL_EXPIRES },
	{ "an address that outlives max", { .expires_ms = 1090000 }, 30, TTL_STEADY },
	{ "an address for less than min, in doubt", { .doubt = true, .expires_ms = 1003000 }, 3, TTL_EXPIRES },
};

START_TEST(the_ttl_is_max_when_steady_min_in_doubt_and_the_time_to_a_date)
{
	const struct ttl_case *c = &ttl_cases[_i];
	struct ttl_input input = c->input;
	enum ttl_why why;

	input.max_s = input.steady_s = 30;
	input.min_s = 5;
	input.now_ms = 1000000;
	ck_assert_msg(ttl_decide(&input, &why) == c->ttl_s, "%s", c->name);
	ck_assert_msg(why == c->why, "%s", c->name);
}
END_TEST

static const struct span_case {
	uint32_t max_s, min_s, span_s;
} span_cases[] = {
	{ 30, 5, 3 },
	{ 9, 5, 0 },
	{ 10, 5, 1 },
	{ 0, 0, 0 },
	{ 30, 30, 0 },
	{ 30, 29, 1 },
	{ 86400, 5, 8640 },
};

START_TEST(jitter_takes_at_most_a_tenth_and_never_goes_below_min)
{
	const struct span_case *c = &span_cases[_i];
	bool lowest = false, highest = false;

	ck_assert_uint_eq(ttl_span(c->max_s, c->min_s), c->span_s);
	for (unsigned i = 0; i < 20000; i++) {
		struct addr addr = { .family = ADDR_V4, .bytes = { 10, (uint8_t)(i >> 8), (uint8_t)i } };
		uint32_t ttl_s = ttl_steady(c->max_s, c->span_s, 77, &addr, 24, 1000000);

		if (ttl_s > c->max_s || ttl_s < c->max_s - c->span_s)
			ck_abort_msg("%u of %u/%u", ttl_s, c->max_s, c->min_s);
		lowest |= ttl_s <= c->max_s - c->span_s + c->span_s / 100;
		highest |= ttl_s >= c->max_s - c->span_s / 100;
	}
	ck_assert(lowest && highest);
}
END_TEST

/* Over clients and over minutes each of the possible TTLs is as frequent as the next. */
START_TEST(jitter_is_even_over_clients_minutes_and_services)
{
	enum { N = 40000 };
	unsigned n[4] = { 0 }, same = 0;

	for (unsigned i = 0; i < N; i++) {
		struct addr v4 = { .family = ADDR_V4, .bytes = { 10, (uint8_t)(i >> 8), (uint8_t)i, 9 } };
		struct addr v6 = { .family = ADDR_V6,
			.bytes = { 0x20, 1, 13, 0xb8, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		const struct addr *addr = _i == 1 ? &v6 : &v4;
		uint64_t identity = _i == 3 ? i : 99, now_ms = UINT64_C(1767225600000);

		if (_i >= 2)
			v4.bytes[1] = v4.bytes[2] = 7;
		now_ms += _i == 2 ? i * UINT64_C(60000) : i % 60000;
		n[30 - ttl_steady(30, 3, identity, addr, 0, now_ms)]++;
		same += ttl_steady(30, 3, identity, addr, 0, now_ms) ==
			ttl_steady(30, 3, identity, addr, 0, now_ms + 60000);
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert_msg(abs((int)n[i] - N / 4) < N / 40, "%u less: %u of %d", i, n[i], N);
	/* and the next minute has nothing of this one (a single client goes round in steps of its own) */
	ck_assert_msg(_i == 2 || abs((int)same - N / 4) < N / 40, "%u of %d stay", same, N);
}
END_TEST

START_TEST(all_of_a_prefix_have_one_jitter_for_a_minute)
{
	uint64_t minute_ms = UINT64_C(1767225600000);

	for (unsigned i = 0; i < 1000; i++) {
		struct addr a = { .family = ADDR_V4, .bytes = { 198, (uint8_t)i, (uint8_t)(i >> 2), 0 } }, b = a;
		struct addr c = { .family = ADDR_V6, .bytes = { 0x20, 1, 13, 0xb8, (uint8_t)i, 0, 1 } }, d = c;
		uint32_t ttl_s = ttl_steady(300, 30, i, &a, 24, minute_ms);

		b.bytes[3] = (uint8_t)(i * 7);
		d.bytes[7] = d.bytes[15] = (uint8_t)(i * 7);
		ck_assert_uint_eq(ttl_s, ttl_steady(300, 30, i, &b, 24, minute_ms + 59999));
		ck_assert_uint_eq(ttl_s, ttl_steady(300, 30, i, &b, 0, minute_ms));  /* /24 when nothing is said */
		ck_assert_uint_eq(ttl_s, ttl_steady(300, 30, i, &b, 32, minute_ms)); /* and never more */
		ck_assert_uint_eq(ttl_steady(300, 30, i, &c, 0, minute_ms), ttl_steady(300, 30, i, &d, 128, minute_ms));
		b.bytes[2] ^= 0xf;
		ck_assert_uint_eq(ttl_steady(300, 30, i, &a, 20, minute_ms), ttl_steady(300, 30, i, &b, 20, minute_ms));
	}
}
END_TEST

/* ---- orders ---- */

/* Pools on the equator: a degree is 111.19 km. */
static const struct order_case {
	const char *name;
	enum rank_by ranks[SERVICE_RANKS_MAX];
	uint8_t nranks;
	struct {
		double longitude; /* 999: no LOC */
		int bias;
	} pools[8];
	uint8_t npools, ranked;
	const char *order; /* for a client at 0, 0: groups apart */
} order_cases[] = {
	{ "by distance", { RANK_GEO }, 1, { { 30, 0 }, { 10, 0 }, { 20, 0 } }, 3, 3, "1 2 0" },
	{ "5 % tie", { RANK_GEO }, 1, { { 104.9, 0 }, { 100, 0 }, { 105.1, 0 } }, 3, 3, "01 2" },
	{ "50 km tie", { RANK_GEO }, 1, { { 0.44, 0 }, { 0, 0 }, { 0.46, 0 } }, 3, 3, "01 2" },
	{ "a tie is with the best, not with the neighbour", { RANK_GEO }, 1, { { 100, 0 }, { 104, 0 }, { 108, 0 } }, 3,
		3, "01 2" },
	{ "no LOC is last, in list order", { RANK_GEO }, 1, { { 999, 0 }, { 10, 0 }, { 999, 0 }, { 9, 0 } }, 4, 4,
		"3 1 0 2" },
	{ "a tie goes to the next criterion", { RANK_GEO, RANK_ORDER }, 2,
		{ { 100, 0 }, { 10, 0 }, { 101, 0 }, { 99, 0 } }, 4, 4, "1 0 2 3" },
	{ "latency ties, geo decides", { RANK_LATENCY, RANK_GEO }, 2, { { 20, 0 }, { 10, 0 } }, 2, 2, "1 0" },
	{ "weight ranks nothing", { RANK_WEIGHT }, 1, { { 20, 0 }, { 10, 0 }, { 999, 0 } }, 3, 3, "012" },
	{ "order is the list", { RANK_ORDER }, 1, { { 20, 0 }, { 10, 0 }, { 999, 0 } }, 3, 3, "0 1 2" },
	{ "order before geo leaves it nothing", { RANK_ORDER, RANK_GEO }, 2, { { 20, 0 }, { 10, 0 } }, 2, 2, "0 1" },
	{ "bias 50 halves", { RANK_GEO }, 1, { { 19, 50 }, { 10, 0 } }, 2, 2, "0 1" },
	{ "bias -50 doubles", { RANK_GEO }, 1, { { 10, -50 }, { 19, 0 } }, 2, 2, "1 0" },
	{ "bias 99", { RANK_GEO }, 1, { { 170, 99 }, { 3, 0 } }, 2, 2, "0 1" },
	{ "only two ranked", { RANK_GEO }, 1, { { 50, 0 }, { 40, 0 }, { 30, 0 }, { 20, 0 } }, 4, 2, "3 2 0 1" },
	{ "a group is not cut", { RANK_GEO }, 1, { { 50, 0 }, { 20, 0 }, { 20.1, 0 }, { 40, 0 } }, 4, 1, "12 0 3" },
};

static void order_text(const struct order *order, char text[static 96])
{
	char *at = text;

	for (unsigned i = 0; i < order->npools; i++) {
		if (i > 0 && order->begins & UINT32_C(1) << i)
			*at++ = ' ';
		*at++ = (char)('0' + order->pool[i]);
	}
	*at = '\0';
}

static void spec_of(const struct order_case *c, struct order_spec *spec)
{
	*spec = (struct order_spec){ .nranks = c->nranks, .npools = c->npools, .ranked = c->ranked };
	memcpy(spec->ranks, c->ranks, sizeof(spec->ranks));
	for (uint8_t i = 0; i < c->npools; i++)
		spec->pools[i] = (struct rank_pool){
			.candidate = i,
			.position = i,
			.located = c->pools[i].longitude < 999,
			.longitude = c->pools[i].longitude,
			.bias = c->pools[i].bias,
		};
}

START_TEST(an_order_is_groups_within_the_tolerance_of_the_best)
{
	const struct order_case *c = &order_cases[_i];
	const struct place place = { .located = true };
	struct order_spec spec;
	struct order order;
	char text[96];

	spec_of(c, &spec);
	order_at(&spec, &place, &order);
	order_text(&order, text);
	ck_assert_msg(strcmp(text, c->order) == 0, "%s: %s, not %s", c->name, text, c->order);
	ck_assert(order.begins & 1);
}
END_TEST

START_TEST(who_cannot_be_placed_gets_the_list_where_distance_would_decide)
{
	static const char *const orders[] = { [RANK_LATENCY] = "012",
		[RANK_GEO] = "0 1 2",
		[RANK_ORDER] = "0 1 2",
		[RANK_WEIGHT] = "012",
		[RANK_LOAD] = "012" };

	for (enum rank_by by = RANK_LATENCY; by <= RANK_LOAD; by++) {
		struct order_case c = { .ranks = { by },
			.nranks = 1,
			.pools = { { 3, 0 }, { 2, 0 }, { 1, 0 } },
			.npools = 3,
			.ranked = 3 };
		struct order_spec spec;
		struct order order;
		char text[96];

		spec_of(&c, &spec);
		order_at(&spec, &(struct place){ .country = "IE" }, &order);
		order_text(&order, text);
		ck_assert_str_eq(text, orders[by]);
	}
}
END_TEST

START_TEST(a_set_holds_each_order_once_and_says_when_it_is_full)
{
	struct order_set set = { 0 };
	struct order order = { .npools = 3, .begins = 7 };

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i <= GEO_CLASS_MAX; i++) {
			order.pool[0] = (uint8_t)i;
			order.pool[1] = (uint8_t)(i >> 8);
			if (order_set_add(&set, &order) != i)
				ck_abort_msg("order %u is not the class", i);
		}
	ck_assert(!set.full);
	ck_assert_uint_eq(set.norders, GEO_CLASS_MAX + 1);
	order.begins = 1;
	order_set_add(&set, &order);
	ck_assert(set.full);
	order_set_fini(&set);
}
END_TEST

/* ---- tables ---- */

static struct sim sim;

static void setup(void)
{
	sim_init(&sim);
}

static void teardown(void)
{
	sim_fini(&sim);
}

#define THREE_POOLS                                                                                                  \
	"eu._pool LOC 53 20 N 6 15 W 0m\neu._pool TXT \"v=pool1\"\neu._pool SRV 0 1 443 lb.eu\nlb.eu A 192.0.2.10\n" \
	"us._pool LOC 40 N 75 W 0m\nus._pool TXT \"v=pool1\"\nus._pool SRV 0 1 443 lb.us\nlb.us A 192.0.2.20\n"      \
	"ap._pool LOC 1 20 N 103 50 E 0m\nap._pool TXT \"v=pool1\"\nap._pool SRV 0 1 443 lb.ap\nlb.ap A 192.0.2.30\n"

START_TEST(tables_are_shared_by_services_and_over_reloads_and_dropped_when_flat)
{
	const struct geo_table *table;
	size_t ntables, nshared;

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.a TXT \"v=gslb1; pools=eu,us,ap; rank=geo\"\n"
			  "_gslb.b TXT \"v=gslb1; pools=eu:7,us,ap; rank=geo; ttl=9; answers=3\"\n"
			  "_gslb.c TXT \"v=gslb1; pools=ap,us,eu; rank=order\"\n"
			  "_gslb.d TXT \"v=gslb1; pools=us,eu,ap; rank=order\"\n"
			  "_gslb.e TXT \"v=gslb1; pools=us; rank=geo\"\n"
			  "_gslb.f TXT \"v=gslb1; pools=us; rank=order\"\n"
			  "_map.f TXT \"v=map1; country:IE=us; net:10.0.0.0/8=us\"\n" THREE_POOLS);
	sim_place(&sim, "198.51.100.0/24 53.3 -6.2 IE EU");
	sim_place(&sim, "203.0.113.0/24 40.7 -74.0 US NA");
	sim_load(&sim);
	table = sim_service(&sim, "a.svc.example")->steering[FAMILY_V4].table;
	ck_assert_ptr_nonnull(table);
	ck_assert_ptr_eq(sim_service(&sim, "b.svc.example")->steering[FAMILY_V4].table, table);
	ck_assert_ptr_null(sim_service(&sim, "c.svc.example")->steering[FAMILY_V4].table);
	ck_assert_ptr_eq(sim_service(&sim, "c.svc.example")->steering[FAMILY_V4].orders,
		sim_service(&sim, "d.svc.example")->steering[FAMILY_V4].orders);
	ck_assert_ptr_null(sim_service(&sim, "e.svc.example")->steering[FAMILY_V4].table);
	ck_assert_ptr_null(sim_service(&sim, "f.svc.example")->steering[FAMILY_V4].table);
	snapshot_tables(sim.snapshot, &ntables, &nshared);
	ck_assert_uint_eq(nshared, 0);
	sim_load(&sim);
	snapshot_tables(sim.snapshot, &ntables, &nshared);
	ck_assert_uint_eq(nshared, ntables);
	ck_assert_ptr_eq(sim_service(&sim, "a.svc.example")->steering[FAMILY_V4].table, table);
	ck_assert_uint_gt(snapshot_bytes(sim.snapshot), 0);
}
END_TEST

/* Six pools along the equator, and every list of two of them, by distance and by order. */
START_TEST(each_of_many_services_has_the_order_of_its_own_list)
{
	struct buf zone = { 0 };
	char name[64];

	buf_printf(&zone, ZONE_HEAD);
	for (unsigned i = 0; i < 6; i++)
		buf_printf(&zone,
			"p%u._pool LOC 0 0 0 N %u 0 0 E 0m\np%u._pool TXT \"v=pool1; check=none\"\n"
			"p%u._pool SRV 0 1 443 lb%u\nlb%u A 192.0.2.%u\n",
			i, 10 + 25 * i, i, i, i, i, i + 1);
	for (unsigned i = 0; i < 72; i++)
		if (i / 2 / 6 != i / 2 % 6)
			buf_printf(&zone, "_gslb.s%u TXT \"v=gslb1; pools=p%u,p%u; rank=%s\"\n", i, i / 2 / 6,
				i / 2 % 6, i % 2 == 0 ? "geo" : "order");
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_place(&sim, "198.51.100.0/24 0 10 IE EU"); /* p0 is nearest, p5 farthest */
	sim_load(&sim);
	for (unsigned i = 0; i < 72; i++) {
		unsigned a = i / 2 / 6, b = i / 2 % 6;
		struct decision decision;

		if (a == b)
			continue;
		snprintf(name, sizeof(name), "s%u.svc.example", i);
		sim_ask(&sim, "198.51.100.7", name, FAMILY_V4, &decision, NULL);
		ck_assert_msg(decision.pool == (i % 2 == 0 && b < a ? b : a), "%s: p%u", name, decision.pool);
	}
}
END_TEST

START_TEST(each_of_services_with_the_same_pools_has_its_own_weights)
{
	struct decision decision;

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.a TXT \"v=gslb1; pools=eu:65535,us:1; rank=weight\"\n"
			  "_gslb.b TXT \"v=gslb1; pools=eu:1,us:65535; rank=weight\"\n"
			  "_gslb.c TXT \"v=gslb1; pools=eu:65535,us:1; rank=weight\"\n" THREE_POOLS);
	sim_load(&sim);
	for (char name[] = "a.svc.example"; name[0] <= 'c'; name[0]++) {
		unsigned favoured = 0;

		for (unsigned i = 0; i < 40; i++) {
			sim_ask(&sim, "198.51.100.7", name, FAMILY_V4, &decision, NULL);
			favoured += strcmp(sim.snapshot->pools[decision.pool].pool->label,
					    name[0] == 'b' ? "us" : "eu") == 0;
		}
		ck_assert_uint_ge(favoured, 38);
	}
}
END_TEST

/* Their pools are the same, in the same order, with the same weights. */
static const struct listed_case {
	const char *name;
	uint16_t nlisted;
	const char *fallback;
	const char *like; /* a service that it shares its list with */
} listed[] = {
	{ "a.svc.example", 3, NULL, "e.svc.example" },
	{ "b.svc.example", 2, "ap", NULL },
	{ "c.svc.example", 3, "ap", NULL },
	{ "d.svc.example", 3, "us", NULL },
	{ "e.svc.example", 3, NULL, "a.svc.example" },
};

START_TEST(a_list_of_pools_is_shared_only_by_services_that_say_the_same)
{
	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.a TXT \"v=gslb1; pools=eu,us,ap; rank=order\"\n"
			  "_gslb.b TXT \"v=gslb1; pools=eu,us; fallback=ap; rank=order\"\n"
			  "_gslb.c TXT \"v=gslb1; pools=eu,us,ap; fallback=ap; rank=order\"\n"
			  "_gslb.d TXT \"v=gslb1; pools=eu,us,ap; fallback=us; rank=order\"\n"
			  "_gslb.e TXT \"v=gslb1; pools=eu,us,ap; rank=weight\"\n" THREE_POOLS);
	sim_load(&sim);
	for (size_t i = 0; i < COUNT_OF(listed); i++) {
		const struct candidate_list *list = sim_service(&sim, listed[i].name)->list;

		ck_assert_uint_eq(list->n, 3);
		ck_assert_uint_eq(list->nlisted, listed[i].nlisted);
		if (listed[i].fallback == NULL)
			ck_assert_uint_eq(list->fallback, POOL_NONE);
		else
			ck_assert_str_eq(sim.snapshot->pools[list->fallback].pool->label, listed[i].fallback);
		if (listed[i].fallback != NULL)
			ck_assert_uint_eq(list->candidate[list->fallback_candidate].pool, list->fallback);
		for (size_t k = 0; k < COUNT_OF(listed); k++)
			ck_assert((sim_service(&sim, listed[k].name)->list == list) ==
				  (k == i || (listed[i].like != NULL && strcmp(listed[i].like, listed[k].name) == 0)));
	}
	ck_assert_ptr_ne(sim_service(&sim, "a.svc.example")->steering, sim_service(&sim, "e.svc.example")->steering);
	ck_assert_ptr_eq(sim_service(&sim, "a.svc.example")->steering, sim_service(&sim, "c.svc.example")->steering);
}
END_TEST

START_TEST(new_geo_data_makes_new_tables_and_new_answers)
{
	struct decision decision;
	size_t ntables, nshared;

	sim_zone(&sim, "svc.example", ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo\"\n" THREE_POOLS);
	sim_place(&sim, "198.51.100.0/24 53.3 -6.2 IE EU");
	sim_load(&sim);
	sim_ask(&sim, "198.51.100.7", "www.svc.example", FAMILY_V4, &decision, NULL);
	ck_assert_str_eq(sim.snapshot->pools[decision.pool].pool->label, "eu");
	/* the world before holds on to what it was made from */
	snapshot_geo_unref(sim.geo);
	sim.geo = NULL;
	sim_place(&sim, "198.51.100.0/24 1.3 103.8 SG AS");
	sim_load(&sim);
	snapshot_tables(sim.snapshot, &ntables, &nshared);
	ck_assert_uint_eq(nshared, 0);
	sim_ask(&sim, "198.51.100.7", "www.svc.example", FAMILY_V4, &decision, NULL);
	ck_assert_str_eq(sim.snapshot->pools[decision.pool].pool->label, "ap");
}
END_TEST

/* ---- ECS scopes, against brute force ---- */

enum { WORLD_BITS = 16, POINT_BITS = 26, POINTS = 1 << (POINT_BITS - WORLD_BITS) };

/* A random world inside 10.0.0.0/16, as the zone and the places have it, and as a naive reader understands it. */
struct naive_place {
	struct prefix net;
	double latitude, longitude;
	unsigned country; /* C0 to C3 */
};

struct naive_rule {
	struct prefix net; /* len 0: by country */
	unsigned country, pool[2], npools;
};

struct naive {
	struct naive_place places[24];
	struct naive_rule rules[8];
	struct {
		double latitude, longitude;
		int bias;
	} pools[6];
	unsigned nplaces, nrules, npools;
	bool geo_only; /* rank=geo; else geo,order */
	bool crowded;
};

static const char *const countries[] = { "DE", "FR", "US", "JP" };

static struct prefix random_net(struct dice *dice, unsigned from, unsigned to)
{
	struct prefix net = { .addr = { .family = ADDR_V4, .bytes = { 10, 0 } } };

	net.len = (uint8_t)(from + dice_below(dice, to - from + 1));
	net.addr.bytes[2] = (uint8_t)dice_next(dice);
	net.addr.bytes[3] = (uint8_t)dice_next(dice);
	addr_mask(&net.addr, net.len);
	return net;
}

static bool net_taken(const struct naive *naive, const struct prefix *net)
{
	for (unsigned i = 0; i < naive->nrules; i++)
		if (naive->rules[i].net.len == net->len && addr_equal(&naive->rules[i].net.addr, &net->addr))
			return true;
	return false;
}

static bool country_taken(const struct naive *naive, unsigned country)
{
	for (unsigned i = 0; i < naive->nrules; i++)
		if (naive->rules[i].net.len == 0 && naive->rules[i].country == country)
			return true;
	return false;
}

/* crowded: many services order in other ways, so that this one's table is a lean one; those do without net: rules. */
static void naive_draw(struct naive *naive, struct dice *dice, bool crowded)
{
	*naive = (struct naive){
		.npools = 2 + (unsigned)dice_below(dice, 4), .geo_only = dice_below(dice, 2) == 0, .crowded = crowded
	};
	for (unsigned i = 0; i < naive->npools; i++) {
		naive->pools[i].latitude = (double)dice_below(dice, 120) - 60;
		naive->pools[i].longitude = (double)dice_below(dice, 360) - 180;
		naive->pools[i].bias = dice_below(dice, 3) == 0 ? (int)dice_below(dice, 199) - 99 : 0;
	}
	for (unsigned len = WORLD_BITS + 1; len <= 24; len++) /* shorter ones first, as sim_place wants them */
		for (unsigned i = 0; i < 3; i++) {
			struct naive_place *place = &naive->places[naive->nplaces++];

			place->net = random_net(dice, len, len);
			place->latitude = (double)dice_below(dice, 120) - 60;
			place->longitude = (double)dice_below(dice, 360) - 180;
			place->country = (unsigned)dice_below(dice, COUNT_OF(countries));
		}
	for (unsigned i = 0; i < 6; i++) {
		struct naive_rule rule = { .country = (unsigned)dice_below(dice, COUNT_OF(countries)), .npools = 1 };

		if (dice_below(dice, 2) == 0 && !crowded)
			rule.net = random_net(dice, WORLD_BITS + 1, POINT_BITS);
		if (rule.net.len > 0 ? net_taken(naive, &rule.net) : country_taken(naive, rule.country))
			continue;
		rule.pool[0] = (unsigned)dice_below(dice, naive->npools);
		rule.pool[1] = (unsigned)dice_below(dice, naive->npools);
		rule.npools = rule.pool[0] != rule.pool[1] ? 2 : 1;
		naive->rules[naive->nrules++] = rule;
	}
}

static void naive_load(const struct naive *naive)
{
	struct buf zone = { 0 };
	char text[ADDR_TEXT_MAX], line[160];

	buf_printf(
		&zone, "%s_gslb.www TXT \"v=gslb1; rank=%s; pools=", ZONE_HEAD, naive->geo_only ? "geo" : "geo,order");
	for (unsigned i = 0; i < naive->npools; i++)
		buf_printf(&zone, "%sp%u", i > 0 ? "," : "", i);
	buf_printf(&zone, "\"\n");
	for (unsigned i = 0; i < naive->nrules; i++) {
		const struct naive_rule *rule = &naive->rules[i];

		if (rule->net.len > 0)
			buf_printf(&zone, "_map.www TXT \"v=map1; net:%s=p%u", prefix_format(&rule->net, text),
				rule->pool[0]);
		else
			buf_printf(&zone, "_map.www TXT \"v=map1; country:%s=p%u", countries[rule->country],
				rule->pool[0]);
		if (rule->npools > 1)
			buf_printf(&zone, ",p%u", rule->pool[1]);
		buf_printf(&zone, "\"\n");
	}
	for (unsigned i = 0; i < naive->npools; i++)
		buf_printf(&zone,
			"p%u._pool LOC %.0f 0 0 %c %.0f 0 0 %c 0m\np%u._pool TXT \"v=pool1; bias=%d\"\n"
			"p%u._pool SRV 0 1 443 lb%u\nlb%u A 192.0.2.%u\n",
			i, fabs(naive->pools[i].latitude), naive->pools[i].latitude < 0 ? 'S' : 'N',
			fabs(naive->pools[i].longitude), naive->pools[i].longitude < 0 ? 'W' : 'E', i,
			naive->pools[i].bias, i, i, i, i + 1);
	for (unsigned i = 0; i < 16 && naive->crowded; i++)
		buf_printf(&zone,
			"_gslb.crowd%u TXT \"v=gslb1; rank=geo; pools=p0,p1\"\n"
			"_map.crowd%u TXT \"v=map1; asn:%u=p1\"\n",
			i, i, 64500 + i / 2);
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	for (unsigned i = 0; i < naive->nplaces; i++) {
		const struct naive_place *place = &naive->places[i];

		snprintf(line, sizeof(line), "%s %.0f %.0f %s", prefix_format(&place->net, text), place->latitude,
			place->longitude, countries[place->country]);
		sim_place(&sim, line);
	}
	sim_load(&sim);
}

static double naive_km(const struct naive *naive, unsigned pool, const struct naive_place *place)
{
	double km = geo_distance_km(
		place->latitude, place->longitude, naive->pools[pool].latitude, naive->pools[pool].longitude);
	int bias = naive->pools[pool].bias;

	return bias >= 0 ? km * (1 - bias / 100.0) : km / (1 + bias / 100.0);
}

/* The order as text, worked out from the definitions alone. */
static void naive_order(const struct naive *naive, const struct addr *addr, char text[static 96])
{
	const struct naive_place *place = NULL;
	const struct naive_rule *rule = NULL;
	bool done[6] = { false };
	char *at = text;

	for (unsigned i = 0; i < naive->nplaces; i++)
		if (prefix_contains(&naive->places[i].net,
			    addr)) /* the last one written is the longest, or the last of equals */
			place = &naive->places[i];
	for (unsigned i = 0; i < naive->nrules; i++) {
		const struct naive_rule *r = &naive->rules[i];

		if (r->net.len > 0 ? prefix_contains(&r->net, addr) && (rule == NULL || r->net.len > rule->net.len)
				   : rule == NULL && place != NULL && r->country == place->country)
			rule = r;
	}
	if (rule != NULL) {
		snprintf(text, 96, rule->npools > 1 ? "%u %u" : "%u", rule->pool[0], rule->pool[1]);
		return;
	}
	for (unsigned left = naive->npools; left > 0;) {
		double best = INFINITY;
		bool first = true;

		for (unsigned i = 0; i < naive->npools && place != NULL; i++)
			if (!done[i] && naive_km(naive, i, place) < best)
				best = naive_km(naive, i, place);
		for (unsigned i = 0; i < naive->npools; i++) {
			if (done[i] || (place != NULL && naive_km(naive, i, place) > fmax(best * 1.05, best + 50)))
				continue;
			if (at > text && (first || place == NULL || !naive->geo_only))
				*at++ = ' ';
			*at++ = (char)('0' + i);
			first = false;
			done[i] = true;
			left--;
		}
	}
	*at = '\0';
}

static struct addr point(unsigned i)
{
	uint32_t word = (uint32_t)10 << 24 | i << (32 - POINT_BITS);

	return (struct addr){ .family = ADDR_V4,
		.bytes = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word } };
}

static void asked_order(const struct client *client, struct decision *decision, char text[static 96])
{
	const struct service_plan *service = sim_service(&sim, "www.svc.example");

	decide(&sim.world, service, client, FAMILY_V4, sim.now_ms, &sim.dice, decision, NULL);
	order_text(&service->steering[FAMILY_V4].orders[decision->class], text);
}

/* Is there an address outside the block, but inside the block of one bit less, with another order? */
static bool would_differ(
	char orders[][96], const char *outside, const struct addr *addr, unsigned scope, const char *order)
{
	struct prefix wider = { .addr = *addr, .len = (uint8_t)(scope - 1) };

	addr_mask(&wider.addr, wider.len);
	if (wider.len < WORLD_BITS && strcmp(outside, order) != 0)
		return true; /* half of it, or more, is outside of all places and rules */
	for (unsigned i = 0; i < POINTS; i++) {
		struct addr other = point(i);

		if (prefix_contains(&wider, &other) && strcmp(orders[i], order) != 0)
			return true;
	}
	return false;
}

START_TEST(an_ecs_scope_is_exact_and_minimal)
{
	static char orders[POINTS][96];
	struct addr nowhere = { .family = ADDR_V4, .bytes = { 11 } };
	struct dice dice = { (uint64_t)_i * 7919 + 1 };
	const struct geo_table *table;
	struct naive naive;
	char outside[96];

	naive_draw(&naive, &dice, _i % 3 == 0);
	naive_load(&naive);
	table = sim_service(&sim, "www.svc.example")->steering[FAMILY_V4].table;
	ck_assert(table == NULL || (geo_table_bytes(table) < 4096) == naive.crowded);
	naive_order(&naive, &nowhere, outside);
	for (unsigned i = 0; i < POINTS; i++) {
		struct addr addr = point(i);

		naive_order(&naive, &addr, orders[i]);
	}
	for (unsigned i = 0; i < POINTS; i++) {
		struct client client = { .addr = point(i), .ecs = true, .source_len = POINT_BITS };
		struct decision decision;
		struct prefix block;
		char got[96];

		asked_order(&client, &decision, got);
		ck_assert_msg(strcmp(got, orders[i]) == 0, "world %d, point %u: %s, not %s", _i, i, got, orders[i]);
		block = (struct prefix){ .addr = client.addr, .len = decision.scope };
		addr_mask(&block.addr, block.len);
		for (unsigned k = 0; k < POINTS; k++) {
			struct addr other = point(k);

			/* no assertion where all is well: each one is a message to the parent process */
			if (prefix_contains(&block, &other) && strcmp(orders[k], got) != 0)
				ck_abort_msg("world %d, point %u, scope %u: too short", _i, i, decision.scope);
		}
		if (block.len < WORLD_BITS)
			ck_assert_str_eq(outside, got);
		ck_assert_msg(block.len == 0 || would_differ(orders, outside, &client.addr, block.len, got),
			"world %d, point %u, scope %u: too long", _i, i, decision.scope);
	}
}
END_TEST

START_TEST(all_of_a_sticky_scope_block_is_told_the_same)
{
	struct dice dice = { 3 };

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; spread=sticky; answers=2\"\n"
			  "_gslb.tie TXT \"v=gslb1; pools=eu,us,ap; rank=weight; spread=sticky; sticky=22/44\"\n"
			  "_map.www TXT \"v=map1; net:198.51.100.64/26=ap,us\"\n"
			  "lb2.eu A 192.0.2.11\neu._pool SRV 0 5 443 lb2.eu\n"
			  "lb3.eu A 192.0.2.12\neu._pool SRV 0 5 443 lb3.eu\n" THREE_POOLS);
	sim_place(&sim, "198.51.0.0/16 53.3 -6.2 IE EU");
	sim_load(&sim);
	for (unsigned i = 0; i < 2000; i++) {
		const struct service_plan *service =
			sim_service(&sim, i % 2 == 0 ? "www.svc.example" : "tie.svc.example");
		struct client client = { .addr = { .family = ADDR_V4, .bytes = { 198, 51 } }, .ecs = true };
		struct decision first, other;
		struct verdict verdict = { .state = dice_below(&dice, 2) == 0 ? HEALTH_DOWN : HEALTH_UP };

		if (i >= 500) /* from then on parts of pools are down, and pass clients on */
			sim.slots[dice_below(&dice, sim.nslots)].word = verdict_pack(&verdict);

		client.source_len = (uint8_t)(8 + dice_below(&dice, 25));
		client.addr.bytes[2] = i % 4 < 2 ? 100 : (uint8_t)dice_next(&dice);
		client.addr.bytes[3] = (uint8_t)dice_next(&dice);
		addr_mask(&client.addr, client.source_len);
		decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &first, NULL);
		ck_assert_uint_ge(first.scope, i % 2 == 0 ? 20 : 22);
		for (unsigned k = 0; k < 20; k++) {
			struct client near = client;

			near.source_len = 32;
			for (unsigned bit = first.scope; bit < 32; bit++)
				near.addr.bytes[bit / 8] ^= (uint8_t)(dice_below(&dice, 2) << (7 - bit % 8));
			decide(&sim.world, service, &near, FAMILY_V4, sim.now_ms, &sim.dice, &other, NULL);
			if (other.scope != first.scope || other.nendpoints != first.nendpoints ||
				memcmp(other.endpoint, first.endpoint, first.nendpoints * sizeof(first.endpoint[0])) !=
					0)
				ck_abort_msg("client %u, scope %u: not the same", i, first.scope);
		}
	}
}
END_TEST

/* ---- whatever happens ---- */

static void random_verdicts(struct dice *dice)
{
	for (size_t i = 0; i < sim.nslots; i++) {
		struct verdict verdict = {
			.state = (enum health_state)dice_below(dice, 3),
			.doubt = dice_below(dice, 4) == 0,
			.recovered = dice_below(dice, 2) == 0,
			.damped = dice_below(dice, 5) == 0,
			.since_s = (uint32_t)(sim.now_ms / 1000 - dice_below(dice, 300)),
		};

		sim.slots[i].word = dice_below(dice, 50) == 0 ? dice_next(dice) : verdict_pack(&verdict);
	}
}

static void random_override(struct dice *dice)
{
	static const char *const targets[] = { "eu", "us", "region:ap", "endpoint:eu/lb", "endpoint:us/2001:db8::20",
		"service:www/eu", "service:last/us", "region:eu" };
	const char *target = targets[dice_below(dice, COUNT_OF(targets))];
	struct override_request request = {
		.target = target,
		.action = (enum override_action)(1 + dice_below(dice, 3)),
		.for_ms = 1000 + dice_below(dice, 100000),
		.who = "w",
		.why = "y",
		.force = true,
	};

	if (strncmp(target, "service:", 8) == 0 && request.action == OVERRIDE_UP)
		request.action =
			OVERRIDE_DOWN; /* else the standings, which know no service, would not be the measure */
	if (request.action == OVERRIDE_DRAIN && dice_below(dice, 2) == 0)
		request.over_ms = (uint32_t)dice_below(dice, request.for_ms);
	if (dice_below(dice, 3) == 0)
		sim_clear(&sim, target, NULL);
	else
		ck_assert(sim_force(&sim, &request, NULL));
}

static void check_decision(const struct decision *d, const struct service_plan *service, enum family family)
{
	const struct snapshot *snapshot = sim.snapshot;
	const struct service *rules = service->service;

	ck_assert_uint_le(d->scope, 32);
	if (d->kind == DECIDE_NODATA || d->kind == DECIDE_SERVFAIL) {
		ck_assert(rules->down == DOWN_NODATA || rules->down == DOWN_SERVFAIL);
		ck_assert_int_eq(d->why, WHY_ALL_DOWN);
		ck_assert_uint_eq(d->scope, 0);
		ck_assert_uint_eq(d->ttl_s, rules->negative_ttl_s);
		return;
	}
	ck_assert_int_eq(d->kind, DECIDE_ADDRESSES);
	ck_assert_uint_ge(d->nendpoints, 1);
	ck_assert_uint_le(d->nendpoints, rules->answers);
	ck_assert(d->ttl_s >= rules->ttl_min_s && d->ttl_s <= rules->ttl_max_s);
	ck_assert_uint_eq(service->list->candidate[d->candidate].pool, d->pool);
	for (uint32_t i = 0; i < d->nendpoints; i++) {
		const struct endpoint *endpoint = &snapshot->endpoints[d->endpoint[i]];

		ck_assert_uint_eq(endpoint->pool, d->pool);
		ck_assert_uint_eq(family_of(&endpoint->addr), family);
		ck_assert_uint_eq(endpoint->priority, snapshot->endpoints[d->endpoint[0]].priority);
		for (uint32_t k = 0; k < i; k++)
			ck_assert_uint_ne(d->endpoint[i], d->endpoint[k]);
		if (d->why == WHY_RANKED || d->why == WHY_FALLBACK)
			ck_assert_int_eq(endpoint_standing(&sim.world, d->endpoint[i], sim.now_ms).state, HEALTH_UP);
	}
	if (d->why == WHY_RANKED)
		ck_assert_int_eq(pool_standing(&sim.world, d->pool, family, sim.now_ms).state, HEALTH_UP);
}

START_TEST(no_verdicts_and_overrides_make_a_wrong_or_empty_answer)
{
	static const char *const names[] = { "www", "last", "nodata", "servfail", "sticky", "tie", "needs" };
	struct dice dice = { (uint64_t)_i + 77 };
	struct trace *trace = mem_alloc(sizeof(*trace));

	sim_zone(&sim, "svc.example",
		ZONE_HEAD
		"_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; answers=2\"\n"
		"_map.www TXT \"v=map1; country:JP=us,ap\"\n"
		"_gslb.last TXT \"v=gslb1; pools=eu,us; rank=order; down=last; fallback=ap\"\n"
		"_gslb.nodata TXT \"v=gslb1; pools=eu,us; rank=order; down=nodata\"\n"
		"_gslb.servfail TXT \"v=gslb1; pools=eu; rank=order; down=servfail; answers=16\"\n"
		"_gslb.sticky TXT \"v=gslb1; pools=ap,us; rank=weight; spread=sticky; answers=3\"\n"
		"_gslb.tie TXT \"v=gslb1; pools=eu:2,us:1,ap; rank=weight\"\n"
		"eu._pool LOC 53 20 N 6 15 W 0m\neu._pool TXT \"v=pool1; region=eu; min-up=2\"\n"
		"eu._pool SRV 0 1 443 lb.eu\neu._pool SRV 0 0 443 lb2.eu\neu._pool SRV 1 1 443 lb3.eu\n"
		"lb.eu A 192.0.2.10\nlb.eu A 192.0.2.110\nlb.eu AAAA 2001:db8::10\n"
		"lb2.eu A 192.0.2.11\nlb2.eu AAAA 2001:db8::11\nlb3.eu A 192.0.2.12\nlb3.eu AAAA 2001:db8::12\n"
		"us._pool LOC 40 N 75 W 0m\nus._pool TXT \"v=pool1; ramp=60s\"\nus._pool SRV 0 9 443 lb.us\n"
		"us._pool SRV 0 3 443 lb2.us\nlb.us A 192.0.2.20\nlb.us AAAA 2001:db8::20\n"
		"lb2.us A 192.0.2.21\nlb2.us AAAA 2001:db8::21\n"
		"ap._pool TXT \"v=pool1; region=ap; check=none\"\nap._pool SRV 0 1 443 lb.ap\n"
		"_gslb.needs TXT \"v=gslb1; pools=af,eu; rank=order\"\n"
		"af._pool TXT \"v=pool1; needs=us\"\naf._pool SRV 0 1 443 lb.af\n"
		"lb.af A 192.0.2.40\nlb.af AAAA 2001:db8::40\n"
		"lb.ap A 192.0.2.30\nlb.ap AAAA 2001:db8::30\n");
	sim_place(&sim, "198.51.100.0/24 53.3 -6.2 IE EU");
	sim_place(&sim, "203.0.113.0/24 35.7 139.7 JP AS");
	sim_load(&sim);
	for (unsigned round = 0; round < 120; round++) {
		uint64_t again;

		random_verdicts(&dice);
		random_override(&dice);
		sim_at(&sim, round * 700);
		for (size_t n = 0; n < COUNT_OF(names); n++)
			for (enum family family = 0; family < FAMILIES; family++) {
				struct decision first, second;
				char name[64], client[64];

				snprintf(name, sizeof(name), "%s.svc.example", names[n]);
				snprintf(client, sizeof(client), "%s.%u/32",
					dice_below(&dice, 2) == 0 ? "198.51.100" : "203.0.113",
					(unsigned)dice_below(&dice, 256));
				again = sim.dice.state;
				sim_ask(&sim, client, name, family, &first, NULL);
				check_decision(&first, sim_service(&sim, name), family);
				/* the same inputs, the same decision; and to look does not change it */
				sim.dice.state = again;
				sim_ask(&sim, client, name, family, &second, trace);
				ck_assert_int_eq(first.kind, second.kind);
				ck_assert_int_eq(first.why, second.why);
				ck_assert_uint_eq(first.pool, second.pool);
				ck_assert_uint_eq(first.ttl_s, second.ttl_s);
				ck_assert_uint_eq(first.scope, second.scope);
				ck_assert_uint_eq(first.nendpoints, second.nendpoints);
				ck_assert_mem_eq(
					first.endpoint, second.endpoint, first.nendpoints * sizeof(first.endpoint[0]));
			}
	}
	free(trace);
}
END_TEST

/* ---- at a glance ---- */

/* An overlay that covers every pool with something that is over: nothing changes, but a glance is not enough any more. */
static struct overlay *overlay_of_nothing(void)
{
	struct overlay *overlay = overlay_copy(NULL, sim.snapshot);

	overlay->effects[overlay->neffects++] = (struct effect){ .action = OVERRIDE_UP };
	for (uint32_t i = 0; i < sim.snapshot->npools; i++)
		overlay->pool[i][0] = 1;
	return overlay;
}

#define GLANCE_ZONE                                                                                                   \
	ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order; answers=2; ttl=30/5\"\n"                         \
		  "_gslb.sticky TXT \"v=gslb1; pools=eu,us; rank=weight; spread=sticky; answers=2\"\n"                \
		  "_gslb.tie TXT \"v=gslb1; pools=eu:3,us; rank=weight\"\n"                                           \
		  "_gslb.one TXT \"v=gslb1; pools=eu,us; rank=order; spread=sticky; fallback=us\"\n"                  \
		  "eu._pool TXT \"v=pool1; min-up=2; ramp=100s\"\n"                                                   \
		  "eu._pool SRV 0 10 443 l1.eu\neu._pool SRV 0 5 443 l2.eu\neu._pool SRV 0 0 443 l3.eu\n"             \
		  "eu._pool SRV 1 7 443 l4.eu\neu._pool SRV 2 0 443 l5.eu\neu._pool SRV 2 0 443 l6.eu\n"              \
		  "l1.eu A 192.0.2.1\nl1.eu A 192.0.2.2\nl1.eu A 192.0.2.3\nl1.eu AAAA 2001:db8::1\n"                 \
		  "l2.eu A 192.0.2.4\nl3.eu A 192.0.2.5\nl4.eu A 192.0.2.6\nl5.eu A 192.0.2.7\n"                      \
		  "l2.eu AAAA 2001:db8::4\nl6.eu A 192.0.2.8\n"                                                       \
		  "us._pool TXT \"v=pool1\"\nus._pool SRV 0 3 443 l1.us\nus._pool SRV 0 1 443 l2.us\nus._pool SRV 0 " \
		  "2 443 l.test.\n"                                                                                   \
		  "l1.us A 192.0.2.20\nl2.us A 192.0.2.21\nl1.us AAAA 2001:db8::20\n"

static void ask_number(uint32_t client, const char *name, enum family family, struct decision *decision)
{
	struct client from = { .addr = { .family = ADDR_V4,
				       .bytes = { 198, 51, (uint8_t)(client >> 8), (uint8_t)client } } };

	decide(&sim.world, sim_service(&sim, name), &from, family, sim.now_ms, &sim.dice, decision, NULL);
}

/* How often each endpoint is in one of n random answers, and first in it. */
static void count_answers(enum family family, unsigned n, unsigned part[static 64])
{
	memset(part, 0, 64 * sizeof(part[0]));
	for (unsigned i = 0; i < n; i++) {
		struct decision decision;

		ask_number(i, "www.svc.example", family, &decision);
		for (uint32_t k = 0; k < decision.nendpoints; k++)
			part[decision.endpoint[k]] += k == 0 ? 2 : 1;
	}
}

START_TEST(a_glance_decides_as_a_close_look_does)
{
	static const char *const names[] = { "www.svc.example", "tie.svc.example", "sticky.svc.example",
		"one.svc.example" };
	const struct overlay *none;
	struct overlay *nothing;
	struct dice dice = { (uint64_t)_i + 5 };

	sim_zone(&sim, "svc.example", GLANCE_ZONE);
	sim_resolve(&sim, "l.test", "9.9.9.9", 20000);
	sim_load(&sim);
	none = sim.world.overlay;
	nothing = overlay_of_nothing();
	for (unsigned round = 0; round < 400; round++) {
		const char *name = names[round % COUNT_OF(names)];
		enum family family = round % 5 == 0 ? FAMILY_V6 : FAMILY_V4;
		struct decision glanced, looked;
		unsigned of_glance[64], of_look[64];

		sim_at(&sim, round * 60);
		random_verdicts(&dice);
		for (size_t i = 0; i < sim.nslots && round % 4 > 0; i++) /* most of the time nothing is in doubt */
			sim.slots[i].word &=
				~(uint64_t)(VERDICT_DOUBT | (round % 4 > 1 ? VERDICT_RECOVERED | VERDICT_DAMPED : 0));
		for (uint32_t client = 0; client < 50; client++) {
			struct dice same = sim.dice;

			sim.world.overlay = none;
			ask_number(client, name, family, &glanced);
			sim.world.overlay = nothing;
			sim.dice = same; /* whether a pool passes the client on is the first throw */
			ask_number(client, name, family, &looked);
			ck_assert_int_eq(glanced.kind, looked.kind);
			ck_assert_int_eq(glanced.why, looked.why);
			ck_assert_uint_eq(glanced.pool, looked.pool);
			ck_assert_uint_eq(glanced.nendpoints, looked.nendpoints);
			if (round % COUNT_OF(names) > 1) { /* which hash, and do not draw */
				ck_assert_uint_eq(glanced.ttl_s, looked.ttl_s);
				ck_assert_mem_eq(glanced.endpoint, looked.endpoint,
					looked.nendpoints * sizeof(looked.endpoint[0]));
			}
		}
		if (round % 60 != 0)
			continue;
		sim.world.overlay = none;
		count_answers(family, 10000, of_glance);
		sim.world.overlay = nothing;
		count_answers(family, 10000, of_look);
		for (unsigned i = 0; i < sim.snapshot->nendpoints; i++)
			ck_assert_msg(abs((int)of_glance[i] - (int)of_look[i]) < 500, "round %u: endpoint %u: %u, %u",
				round, i, of_glance[i], of_look[i]);
	}
	sim.world.overlay = none;
	overlay_free(nothing);
}
END_TEST

/* A pool of random tiers, weights and targets with several addresses. */
static void random_pool(struct dice *dice)
{
	struct buf zone = { 0 };
	unsigned ntargets = 1 + (unsigned)dice_below(dice, 8), host = 1;

	buf_printf(&zone, ZONE_HEAD "eu._pool TXT \"v=pool1; ramp=0s\"\n");
	for (unsigned i = 0; i < ntargets; i++) {
		buf_printf(&zone, "eu._pool SRV %u %u 443 l%u\n", (unsigned)dice_below(dice, 3),
			(unsigned)dice_below(dice, 4), i);
		for (uint64_t n = 1 + dice_below(dice, 3); n > 0; n--)
			buf_printf(&zone, "l%u A 192.0.2.%u\n", i, host++);
	}
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_load(&sim);
}

START_TEST(a_glance_finds_a_pool_as_strong_as_a_close_look_does)
{
	struct dice dice = { (uint64_t)_i + 99 };
	unsigned partly = 0;

	for (unsigned round = 0; round < 100; round++) {
		const struct sight sight = { .world = &sim.world, .now_ms = sim.now_ms };
		const struct pool_part *part;

		random_pool(&dice);
		part = &sim.snapshot->pools[0].part[FAMILY_V4];
		for (unsigned k = 0; k < 50; k++) {
			struct pool_view view;
			struct vigour vigour;
			uint64_t up;

			for (size_t i = 0; i < sim.nslots; i++)
				sim.slots[i].word = 1 + dice_below(&dice, 2); /* up or down */
			ck_assert(pool_glance(&sight, 0, FAMILY_V4, NULL, &up));
			pool_look(&sight, 0, FAMILY_V4, NULL, &view);
			ck_assert_int_eq(view.in_service, glance_serves(sim.snapshot, 0, FAMILY_V4, up));
			if (!view.in_service)
				continue;
			vigour = glance_vigour(sim.snapshot, part, up);
			ck_assert_uint_eq(vigour.health, view.vigour.health);
			ck_assert_uint_eq(vigour.serves, view.vigour.serves);
			ck_assert_int_eq(vigour.panics, view.vigour.panics);
			ck_assert(!glance_whole(part, up) || vigour.serves == 1000);
			partly += vigour.serves < 1000;
		}
	}
	ck_assert_uint_gt(partly, 500);
}
END_TEST

static const struct vigour_case {
	const char *what;
	struct {
		uint16_t weight, permille;
		bool up;
	} target[6];
	uint16_t health, serves;
	bool panics;
} vigour_cases[] = {
	{ "all", { { 1, 1000, true }, { 1, 1000, true } }, 1000, 1000, false },
	{ "half", { { 1, 1000, true }, { 1, 1000, false } }, 500, 700, false },
	{ "five of seven by weight", { { 5, 1000, true }, { 2, 1000, false } }, 714, 1000, false },
	{ "a little less", { { 50, 1000, true }, { 21, 1000, false } }, 704, 985, false },
	{ "a hundredth, one down", { { 1, 1000, true }, { 99, 1000, false } }, 10, 14, false },
	{ "a millionth", { { 1, 1, true }, { 60000, 1000, false } }, 0, 1, false },
	{ "30 %, three down", { { 3, 1000, true }, { 3, 1000, false }, { 3, 1000, false }, { 1, 1000, false } }, 300,
		420, false },
	{ "29 %, three down", { { 29, 1000, true }, { 30, 1000, false }, { 30, 1000, false }, { 11, 1000, false } },
		290, 406, true },
	{ "29 %, two down", { { 29, 1000, true }, { 41, 1000, false }, { 30, 1000, false } }, 290, 406, false },
	{ "what is drained is not counted", { { 1, 1000, true }, { 1, 0, false }, { 1, 0, false } }, 1000, 1000,
		false },
	{ "half drained, by half", { { 1, 500, true }, { 1, 500, false }, { 1, 1000, true } }, 750, 1000, false },
	{ "weight 0 beside some", { { 1, 1000, true }, { 0, 1000, false } }, 1000, 1000, false },
	{ "weight 0 alone is a tier", { { 1, 1000, false }, { 0, 1000, true }, { 0, 1000, false } }, 500, 700, false },
};

START_TEST(what_is_up_of_a_tier_says_how_many_clients_it_serves)
{
	const struct vigour_case *c = &vigour_cases[_i];
	struct strength strength = { 0 };
	struct vigour vigour;

	for (size_t i = 0; i < COUNT_OF(c->target); i++)
		strength_add(&strength, c->target[i].weight, c->target[i].permille, c->target[i].up);
	vigour = strength_vigour(&strength);
	ck_assert_msg(vigour.health == c->health && vigour.serves == c->serves && vigour.panics == c->panics,
		"%s: %u %u %d", c->what, vigour.health, vigour.serves, vigour.panics);
}
END_TEST

/* The same dice for both: explain shows what would have been answered. */
static void check_traced(uint32_t client, const char *name, enum family family, struct trace *trace)
{
	struct client from = { .addr = { .family = ADDR_V4, .bytes = { 198, 51, 0, (uint8_t)client } } };
	const struct service_plan *service = sim_service(&sim, name);
	struct dice dice = sim.dice, same = sim.dice;
	struct decision quiet, traced;

	decide(&sim.world, service, &from, family, sim.now_ms, &dice, &quiet, NULL);
	decide(&sim.world, service, &from, family, sim.now_ms, &same, &traced, trace);
	ck_assert_uint_eq(dice.state, same.state);
	ck_assert_int_eq(quiet.kind, traced.kind);
	ck_assert_int_eq(quiet.why, traced.why);
	ck_assert_uint_eq(quiet.pool, traced.pool);
	ck_assert_uint_eq(quiet.candidate, traced.candidate);
	ck_assert_uint_eq(quiet.target, traced.target);
	ck_assert_uint_eq(quiet.ttl_s, traced.ttl_s);
	ck_assert_uint_eq(quiet.scope, traced.scope);
	ck_assert_uint_eq(quiet.class, traced.class);
	ck_assert_uint_eq(quiet.nendpoints, traced.nendpoints);
	ck_assert_mem_eq(quiet.endpoint, traced.endpoint, quiet.nendpoints * sizeof(quiet.endpoint[0]));
	sim.dice = dice;
}

START_TEST(a_traced_decision_is_the_one_that_is_answered)
{
	static const char *const names[] = { "www.svc.example", "sticky.svc.example", "one.svc.example" };
	struct trace *trace = mem_alloc(sizeof(*trace));
	struct dice dice = { (uint64_t)_i + 50 };

	sim_zone(&sim, "svc.example", GLANCE_ZONE);
	sim_resolve(&sim, "l.test", "9.9.9.9", 20000);
	sim_load(&sim);
	for (unsigned round = 0; round < 200; round++) {
		sim_at(&sim, round * 60);
		random_verdicts(&dice);
		for (size_t i = 0; i < sim.nslots && round % 4 > 0; i++)
			sim.slots[i].word &=
				~(uint64_t)(VERDICT_DOUBT | (round % 4 > 1 ? VERDICT_RECOVERED | VERDICT_DAMPED : 0));
		for (uint32_t client = 0; client < 30; client++)
			check_traced(client, names[client % COUNT_OF(names)], client % 5 == 0 ? FAMILY_V6 : FAMILY_V4,
				trace);
	}
	free(trace);
}
END_TEST

START_TEST(a_trace_gives_each_pool_its_place_and_its_fate)
{
	struct trace *trace = mem_alloc(sizeof(*trace));
	struct decision decision;

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; ttl=30/5\"\n"
			  "_map.www TXT \"v=map1; continent:OC=us; country:AU=ap,us\"\n" THREE_POOLS);
	sim_place(&sim, "198.51.100.0/24 53.3 -6.2 IE EU");
	sim_place(&sim, "203.0.113.0/24 -33.9 151.2 AU OC");
	sim_load(&sim);
	sim_probe(&sim, "eu", PROBE_REFUSED);
	sim_probe(&sim, "eu", PROBE_REFUSED);
	sim_probe(&sim, "eu", PROBE_REFUSED);
	sim_ask(&sim, "198.51.100.7", "www.svc.example", FAMILY_V4, &decision, trace);
	ck_assert_uint_eq(trace->npools, 3);
	ck_assert_int_eq(trace->pool[0].fate, FATE_DOWN);
	ck_assert_int_eq(trace->pool[1].fate, FATE_CHOSEN);
	ck_assert_int_eq(trace->pool[2].fate, FATE_LOWER_RANK);
	ck_assert_uint_eq(trace->pool[2].group, 2);
	ck_assert_uint_eq(trace->rule, ORDER_NO_RULE);
	ck_assert_uint_eq(trace->nendpoints, 1);
	ck_assert_int_eq(trace->endpoint[0].fate, FATE_CHOSEN);
	sim_ask(&sim, "203.0.113.7", "www.svc.example", FAMILY_V4, &decision, trace);
	ck_assert_uint_eq(trace->rule, 1);
	ck_assert_uint_eq(trace->npools, 2);
	ck_assert_int_eq(trace->pool[0].fate, FATE_CHOSEN);
	free(trace);
}
END_TEST

/* ---- pools that are not whole, in words ---- */

static const struct told_case {
	unsigned eu_down, us_down; /* of four endpoints each */
	const char *name, *said;   /* in the explanation for one of a hundred clients */
} told_cases[] = {
	{ 1, 0, "www", "3 of 4 up, 75 % by weight: enough for all of its clients" },
	{ 2, 0, "www", "\"fate\":\"chosen\",\"kept\":true,\"up\":2" },
	{ 2, 0, "www", "2 of 4 up, 50 % by weight: serves 70 %, 30 % go on to the next rank" },
	{ 2, 0, "www", "\"fate\":\"spilled\",\"kept\":false,\"up\":2" },
	{ 2, 0, "www", "\"health_permille\":500,\"serves_permille\":700" },
	{ 2, 0, "one", "2 of 4 up, 50 % by weight: keeps all of its clients, since no rank after it is in service" },
	{ 3, 4, "www", "1 of 4 up, 25 % by weight, and no other pool can take its clients: probes are ignored" },
	{ 3, 4, "www", "\"why\":\"panic\"" },
	{ 3, 4, "www", "\"ttl_reason\":\"min: an answer of last resort" },
	{ 0, 2, "www", "2 of 4 up, 50 % by weight: keeps all of its clients" },
};

static void put_down(const char *pool, unsigned n)
{
	char text[64];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(text, sizeof(text), "endpoint:%s/l%u.%s", pool, i, pool);
		for (unsigned k = 0; k < 3; k++)
			sim_probe(&sim, text, PROBE_REFUSED);
	}
}

static void pool_of_four(struct buf *zone, const char *pool, unsigned net)
{
	buf_printf(zone, "%s._pool TXT \"v=pool1; ramp=0s\"\n", pool);
	for (unsigned i = 1; i <= 4; i++)
		buf_printf(zone, "%s._pool SRV 0 1 443 l%u.%s\nl%u.%s A 192.0.%u.%u\n", pool, i, pool, i, pool, net, i);
}

/* Who is passed on by hash has nothing to do with which pool of the tie group is theirs. */
START_TEST(sticky_clients_leave_the_pools_of_a_tie_group_alike)
{
	enum { N = 8000 };
	struct buf zone = { 0 };
	unsigned of[3] = { 0 };

	buf_printf(&zone, ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo,weight; spread=sticky; "
				    "sticky=32/128\"\n"
				    "eu._pool LOC 1 N 1 E 0m\nus._pool LOC 1 N 1 E 0m\nap._pool LOC 1 N 99 E 0m\n");
	pool_of_four(&zone, "eu", 2);
	pool_of_four(&zone, "us", 3);
	pool_of_four(&zone, "ap", 4);
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_place(&sim, "198.51.0.0/16 0 0 IE EU");
	sim_load(&sim);
	put_down("eu", 2);
	put_down("us", 2);
	for (unsigned i = 0; i < N; i++) {
		struct decision decision;

		ask_number(i, "www.svc.example", FAMILY_V4, &decision);
		of[decision.pool]++;
	}
	ck_assert_msg(abs((int)of[0] - N * 35 / 100) < N / 40, "eu: %u of %d", of[0], N);
	ck_assert_msg(abs((int)of[1] - N * 35 / 100) < N / 40, "us: %u of %d", of[1], N);
	ck_assert_msg(abs((int)of[2] - N * 30 / 100) < N / 40, "ap: %u of %d", of[2], N);
}
END_TEST

/* What an ECS answer is kept for has one TTL; resolvers that give no ECS differ by their own networks. */
START_TEST(jitter_goes_by_the_scope_with_ecs_and_by_the_resolver_without)
{
	const struct service_plan *service;
	uint32_t first = 0, lowest[2] = { 300, 300 };

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=geo; ttl=300/5\"\n" THREE_POOLS);
	sim_place(&sim, "198.51.0.0/16 40.7 -74.0 US NA");
	sim_load(&sim);
	service = sim_service(&sim, "www.svc.example");
	for (unsigned ecs = 0; ecs < 2; ecs++)
		for (unsigned i = 0; i < 1000; i++) {
			struct client client = { .addr = { .family = ADDR_V4, .bytes = { 198, 51, (uint8_t)i, 9 } } };
			struct decision decision;

			client.ecs = ecs;
			client.source_len = ecs ? 24 : 0;
			decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
			ck_assert(decision.scope > 0 && decision.scope <= 16);
			if (i == 0)
				first = decision.ttl_s;
			ck_assert(!ecs || decision.ttl_s == first);
			if (decision.ttl_s < lowest[ecs])
				lowest[ecs] = decision.ttl_s;
			ck_assert_uint_ge(decision.ttl_s, 270);
		}
	ck_assert_uint_lt(lowest[0], 275);
}
END_TEST

static const struct told_needs_case {
	const char *probed, *forced; /* what is down; NULL: nothing is */
	const char *said;
} told_needs_cases[] = {
	{ "db", NULL, "\"fate\":\"needs\"" },
	{ "db", NULL, "\"reason\":\"needs db, which is down (connect refused)\"" },
	{ "db", "db=down", "\"reason\":\"needs db, which is forced down\"" },
	{ NULL, "db=drain", "\"reason\":\"needs db, which is drained\"" },
	{ NULL, "endpoint:db/l1.db=down", "\"reason\":\"needs db, which is not in service\"" },
	{ NULL, NULL, "\"fate\":\"chosen\",\"kept\":true,\"up\":1,\"of\":1,\"weight\":1" },
};

START_TEST(what_a_pool_lacks_is_said)
{
	const struct told_needs_case *c = &told_needs_cases[_i];
	const struct explain_request request = {
		.name = "www.svc.example",
		.client = "198.51.100.7",
		.assume = &c->forced,
		.nassume = c->forced != NULL,
		.now_ms = sim.now_ms,
	};
	struct err err;
	json_t *json;
	char *text;

	sim_zone(&sim, "svc.example",
		ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order\"\n"
			  "eu._pool TXT \"v=pool1; needs=db\"\neu._pool SRV 0 1 443 l1.eu\nl1.eu A 192.0.2.1\n"
			  "us._pool TXT \"v=pool1\"\nus._pool SRV 0 1 443 l1.us\nl1.us A 192.0.2.2\n"
			  "db._pool TXT \"v=pool1\"\ndb._pool SRV 0 1 443 l1.db\nl1.db A 192.0.2.3\n");
	sim_load(&sim);
	for (unsigned i = 0; i < 3 && c->probed != NULL; i++)
		sim_probe(&sim, c->probed, PROBE_REFUSED);
	json = explain(&sim.world, &request, &err);
	ck_assert_msg(json != NULL, "%s", err.text);
	text = json_dumps(json, JSON_COMPACT);
	ck_assert_msg(strstr(text, c->said) != NULL, "%s: %s", c->said, text);
	free(text);
	json_decref(json);
}
END_TEST

static json_t *told(const char *name, unsigned client)
{
	char full[64], from[64];
	const struct explain_request request = {
		.name = full,
		.client = from,
		.now_ms = sim.now_ms,
		.dice = client,
	};
	struct err err;

	snprintf(full, sizeof(full), "%s.svc.example", name);
	snprintf(from, sizeof(from), "198.51.%u.0/24", client);
	return explain(&sim.world, &request, &err);
}

START_TEST(what_becomes_of_the_clients_of_half_a_pool_is_said)
{
	const struct told_case *c = &told_cases[_i];
	struct buf zone = { 0 };
	bool found = false;

	buf_printf(&zone, ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order\"\n"
				    "_gslb.one TXT \"v=gslb1; pools=eu; rank=order\"\n");
	pool_of_four(&zone, "eu", 2);
	pool_of_four(&zone, "us", 3);
	sim_zone(&sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_load(&sim);
	put_down("eu", c->eu_down);
	put_down("us", c->us_down);
	for (unsigned client = 0; client < 100 && !found; client++) {
		json_t *json = told(c->name, client);
		char *text = json_dumps(json, JSON_COMPACT);

		found = strstr(text, c->said) != NULL;
		free(text);
		json_decref(json);
	}
	ck_assert_msg(found, "%s: %s", c->name, c->said);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decide");
	TCase *pure = tcase_create("pure"), *worlds = tcase_create("worlds");

	tcase_set_timeout(pure, 60);
	tcase_add_loop_test(
		pure, the_ttl_is_max_when_steady_min_in_doubt_and_the_time_to_a_date, 0, COUNT_OF(ttl_cases));
	tcase_add_loop_test(pure, jitter_takes_at_most_a_tenth_and_never_goes_below_min, 0, COUNT_OF(span_cases));
	tcase_add_loop_test(pure, jitter_is_even_over_clients_minutes_and_services, 0, 4);
	tcase_add_test(pure, all_of_a_prefix_have_one_jitter_for_a_minute);
	tcase_add_loop_test(pure, what_is_up_of_a_tier_says_how_many_clients_it_serves, 0, COUNT_OF(vigour_cases));
	tcase_add_loop_test(pure, an_order_is_groups_within_the_tolerance_of_the_best, 0, COUNT_OF(order_cases));
	tcase_add_test(pure, who_cannot_be_placed_gets_the_list_where_distance_would_decide);
	tcase_add_test(pure, a_set_holds_each_order_once_and_says_when_it_is_full);
	suite_add_tcase(suite, pure);
	tcase_set_timeout(worlds, 120);
	tcase_add_checked_fixture(worlds, setup, teardown);
	tcase_add_test(worlds, tables_are_shared_by_services_and_over_reloads_and_dropped_when_flat);
	tcase_add_test(worlds, each_of_many_services_has_the_order_of_its_own_list);
	tcase_add_test(worlds, each_of_services_with_the_same_pools_has_its_own_weights);
	tcase_add_test(worlds, a_list_of_pools_is_shared_only_by_services_that_say_the_same);
	tcase_add_test(worlds, new_geo_data_makes_new_tables_and_new_answers);
	tcase_add_loop_test(worlds, an_ecs_scope_is_exact_and_minimal, 0, 12);
	tcase_add_test(worlds, all_of_a_sticky_scope_block_is_told_the_same);
	tcase_add_loop_test(worlds, no_verdicts_and_overrides_make_a_wrong_or_empty_answer, 0, 4);
	tcase_add_loop_test(worlds, a_glance_decides_as_a_close_look_does, 0, 4);
	tcase_add_loop_test(worlds, a_glance_finds_a_pool_as_strong_as_a_close_look_does, 0, 4);
	tcase_add_loop_test(worlds, a_traced_decision_is_the_one_that_is_answered, 0, 4);
	tcase_add_test(worlds, a_trace_gives_each_pool_its_place_and_its_fate);
	tcase_add_loop_test(worlds, what_becomes_of_the_clients_of_half_a_pool_is_said, 0, COUNT_OF(told_cases));
	tcase_add_test(worlds, sticky_clients_leave_the_pools_of_a_tie_group_alike);
	tcase_add_test(worlds, jitter_goes_by_the_scope_with_ecs_and_by_the_resolver_without);
	tcase_add_loop_test(worlds, what_a_pool_lacks_is_said, 0, COUNT_OF(told_needs_cases));
	suite_add_tcase(suite, worlds);
	return unit_run(suite);
}
