#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gslb/meter.h"
#include "tests/scenario/sim.h"

/* Dublin, Philadelphia, Singapore; clients that the database has near Dublin. */
#define POOL(name, place, n)                                                                                 \
	name "._pool LOC " place " 0m\n" name "._pool TXT \"v=pool1; check=none; region=r-" name "\"\n" name \
	     "._pool SRV 0 1 443 lb." name "\nlb." name " A 192.0.2." n "\n"
#define ZONE                                                                                       \
	"$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n"       \
	"_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=latency,geo\"\n"                            \
	"_gslb.ruled TXT \"v=gslb1; pools=eu,us,ap\"\n_map.ruled TXT \"v=map1; country:IE=us\"\n"  \
	"_gslb.geo TXT \"v=gslb1; pools=eu,us,ap; rank=geo\"\n" POOL("eu", "53 20 N 6 15 W", "10") \
		POOL("us", "40 N 75 W", "20") POOL("ap", "1 20 N 103 50 E", "30")
#define WWW "www.svc.example"
#define CLIENT "198.51.77.7"

static struct sim sim;

static void setup(void)
{
	sim_init(&sim);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
	sim_zone(&sim, "svc.example", ZONE);
	sim_place(&sim, "198.51.0.0/16 53.3 -6.2 IE EU 64500");
	sim_place(&sim, "203.0.113.0/24 53.3 -6.2 IE EU 64501");
	sim_load(&sim);
}

static void teardown(void)
{
	meter_free(sim.meter);
	sim_fini(&sim);
}

/* One handshake of 198.51.net.host. */
static void measure(unsigned net, unsigned host, const char *region, double rtt_ms)
{
	struct prefix client = { .len = 32 };

	client.addr = (struct addr){ .family = ADDR_V4, .bytes = { 198, 51, (uint8_t)net, (uint8_t)host } };
	ck_assert(meter_take(sim.meter, sim.snapshot, &client, region, rtt_ms, 1, false, sim.now_ms / 1000));
}

/* True when something was moved. */
static bool look(unsigned minutes)
{
	const struct misplaced_list *list;
	bool moved = false;

	sim.now_ms += minutes * UINT64_C(60000);
	meter_look_for_moved(sim.meter, sim.snapshot, sim.now_ms / 1000);
	list = misplaced_of(meter_lock(sim.meter));
	for (size_t i = 0; i < list->n; i++)
		moved |= list->metros[i].moved_s == sim.now_ms / 1000;
	meter_unlock(sim.meter);
	sim_load(&sim);
	return moved;
}

static const char *pool_of(const char *client, const char *name)
{
	struct decision decision;

	sim_ask(&sim, client, name, FAMILY_V4, &decision, NULL);
	return sim.snapshot->pools[decision.pool].pool->label;
}

/* Where the metro of a client was moved to. */
static bool moved_to(double *latitude, double *longitude)
{
	struct place place;
	struct prefix client;
	struct latency_chain chain;
	bool moved;

	ck_assert(prefix_parse(CLIENT, &client));
	chain = meter_chain(sim.snapshot, &client.addr, &place);
	moved = misplaced_place(meter_lock(sim.meter), chain.key[LATENCY_METRO], latitude, longitude);
	meter_unlock(sim.meter);
	return moved;
}

/* ---- where it is ---- */

static const struct misplaced_region regions[] = { { true, 53.3, -6.2 }, { true, 40, -75 }, { true, 1.3, 103.8 },
	{ true, -33.9, 151.2 }, { false, 0, 0 } };

static const struct {
	const char *name;
	double latitude, longitude;
} truths[] = { { "Dublin", 53.3, -6.2 }, { "Berlin", 52.5, 13.4 }, { "Tokyo", 35.7, 139.7 }, { "Suva", -18.1, 178.4 },
	{ "Santiago", -33.4, -70.7 }, { "Cairo", 30, 31.2 }, { "Honolulu", 21.3, -157.9 },
	{ "Longyearbyen", 78.2, 15.6 } };

START_TEST(a_place_is_found_from_how_far_it_is_to_four_regions)
{
	double ms[COUNT_OF(regions)] = { 0 }, latitude = 10, longitude = 10;

	for (size_t i = 0; i < 4; i++)
		ms[i] = exp(latency_prior(geo_distance_km(
			truths[_i].latitude, truths[_i].longitude, regions[i].latitude, regions[i].longitude)));
	ck_assert(misplaced_locate(regions, ms, COUNT_OF(regions), &latitude, &longitude));
	ck_assert_msg(geo_distance_km(latitude, longitude, truths[_i].latitude, truths[_i].longitude) < 50,
		"%s: %.2f %.2f", truths[_i].name, latitude, longitude);
}
END_TEST

START_TEST(no_place_is_next_to_two_regions)
{
	const double ms[COUNT_OF(regions)] = { 3, 0, 3, 0, 0 };
	double latitude = 10, longitude = 10;

	ck_assert(!misplaced_locate(regions, ms, COUNT_OF(regions), &latitude, &longitude));
}
END_TEST

START_TEST(of_a_ring_the_place_that_is_nearest_to_the_first_guess_counts)
{
	const double ms[COUNT_OF(regions)] = { 47, 0, 0, 0, 0 }; /* 2000 km from Dublin */
	double latitude = 40, longitude = -75, km;

	ck_assert(misplaced_locate(regions, ms, COUNT_OF(regions), &latitude, &longitude));
	km = geo_distance_km(latitude, longitude, 53.3, -6.2);
	ck_assert_msg(km > 1900 && km < 2100, "%.0f km", km);
	ck_assert_msg(geo_distance_km(latitude, longitude, 40, -75) < 3250, "%.2f %.2f", latitude, longitude);
}
END_TEST

/* ---- what it takes ---- */

START_TEST(three_networks_that_are_sooner_than_light_move_their_metro)
{
	double latitude, longitude;

	measure(1, 1, "r-ap", 4);
	measure(2, 1, "r-ap", 3);
	ck_assert(!look(10));
	ck_assert_str_eq(pool_of(CLIENT, WWW), "eu");
	measure(3, 1, "r-ap", 5);
	ck_assert(look(10));
	ck_assert(moved_to(&latitude, &longitude));
	ck_assert(geo_distance_km(latitude, longitude, 1.3, 103.8) < 100);
	ck_assert_str_eq(pool_of(CLIENT, WWW), "ap");
	ck_assert_str_eq(pool_of("203.0.113.9", WWW), "eu"); /* of another ASN */
	ck_assert_str_eq(pool_of(CLIENT, "geo.svc.example"), "eu");
	ck_assert_str_eq(pool_of(CLIENT, "ruled.svc.example"), "us");
	ck_assert(!look(10));
}
END_TEST

START_TEST(one_network_is_not_enough_however_often_it_is_measured)
{
	double latitude, longitude;

	for (unsigned host = 1; host < 200; host++)
		measure(1, host, "r-ap", 4);
	measure(2, 1, "r-ap", 150); /* which is possible */
	measure(3, 1, "r-ap", 150);
	ck_assert(!look(10));
	ck_assert(!moved_to(&latitude, &longitude));
}
END_TEST

START_TEST(what_no_place_explains_moves_nothing)
{
	for (unsigned net = 1; net <= 3; net++) {
		measure(net, 1, "r-ap", 4);
		measure(net + 3, 1, "r-eu", 4); /* others of them are where they are said to be */
	}
	ck_assert(!look(10));
	ck_assert_str_eq(pool_of(CLIENT, WWW), "eu");
}
END_TEST

START_TEST(what_was_held_for_impossible_is_forgotten_and_what_follows_counts_as_it_is)
{
	struct prefix client;
	json_t *json;

	for (unsigned net = 1; net <= 3; net++)
		for (unsigned host = 1; host <= 9; host++)
			measure(net, host, "r-ap", 4);
	ck_assert(prefix_parse("198.51.1.1", &client));
	json = meter_pool(
		sim.meter, sim.snapshot, &client.addr, meter_region_pool(sim.snapshot, "r-ap"), sim.now_ms / 1000);
	ck_assert_double_gt(json_number_value(json_object_get(json, "ms")), 90);
	json_decref(json);
	ck_assert(look(10));
	for (unsigned host = 1; host <= 9; host++)
		measure(1, host, "r-ap", 4);
	json = meter_pool(
		sim.meter, sim.snapshot, &client.addr, meter_region_pool(sim.snapshot, "r-ap"), sim.now_ms / 1000);
	ck_assert_double_lt(json_number_value(json_object_get(json, "ms")), 10);
	json_decref(json);
	ck_assert_uint_eq(meter_counts(sim.meter).impossible, 27); /* none of the later ones */
}
END_TEST

START_TEST(what_is_better_by_measurement_leads_in_a_moved_metro_too)
{
	for (unsigned net = 1; net <= 3; net++)
		measure(net, 1, "r-ap", 5);
	ck_assert(look(10));
	for (unsigned host = 1; host <= 30; host++) { /* a detour to the near one since */
		measure(1, host, "r-ap", 500);
		measure(1, host, "r-us", 240);
	}
	look(40);
	ck_assert_str_eq(pool_of("198.51.1.7", WWW), "us");
	ck_assert_str_eq(pool_of("198.51.9.7", WWW), "ap");
}
END_TEST

START_TEST(it_ends_when_nothing_was_too_soon_for_twenty_days)
{
	double latitude, longitude;

	for (unsigned net = 1; net <= 3; net++)
		measure(net, 1, "r-ap", 5);
	ck_assert(look(10));
	look(19 * 24 * 60);
	measure(1, 1, "r-ap", 5); /* still */
	look(19 * 24 * 60);
	ck_assert(moved_to(&latitude, &longitude));
	ck_assert_str_eq(pool_of(CLIENT, WWW), "ap");
	look(2 * 24 * 60);
	ck_assert(!moved_to(&latitude, &longitude));
	ck_assert_str_eq(pool_of(CLIENT, WWW), "eu");
}
END_TEST

START_TEST(one_that_ends_leaves_those_behind_it_where_they_are)
{
	struct misplaced_list list = { .most = 4 };

	misplaced_merge(&list, &(struct misplaced){ .key = 1, .seen_s = 1000, .moved_s = 1000 });
	misplaced_merge(&list, &(struct misplaced){ .key = 2, .seen_s = 2000, .moved_s = 2000 });
	ck_assert_uint_eq(list.nmoved, 2);
	misplaced_sweep(&list, 1000 + MISPLACED_KEPT_S);
	ck_assert_ptr_null(misplaced_find(&list, 1));
	ck_assert_ptr_nonnull(misplaced_find(&list, 2));
	ck_assert_uint_eq(list.nmoved, 1);
	free(list.metros);
	free(list.keys);
}
END_TEST

/* ---- kept ---- */

/* By a restart, from the file of another host, or as its region tells the others. */
enum way { RESTART, PEER, BUS, WAYS };

static void restore(enum way way)
{
	struct buf bytes = { 0 };
	struct latency_map *map = meter_lock(sim.meter);
	uint64_t now_s = sim.now_ms / 1000;
	bool good = false;
	struct err err;

	if (way == BUS)
		latency_save_some(map, (unsigned)latency_region_find(map, "r-ap"), 0, 60000, now_s, &bytes);
	else
		latency_save(map, now_s, &bytes);
	meter_unlock(sim.meter);
	meter_free(sim.meter);
	sim.meter = meter_new(LATENCY_BYTES_MAX);
	map = meter_lock(sim.meter);
	latency_region_add(map, "another"); /* numbers are others there */
	switch (way) {
	case RESTART:
		good = latency_restore(map, bytes.text, bytes.len, now_s, &err);
		break;
	case PEER:
		good = latency_merge(map, bytes.text, bytes.len, "r-us", now_s, &err);
		break;
	case BUS:
		good = latency_merge_one(map, bytes.text, bytes.len, "r-ap", now_s, &err);
		break;
	case WAYS:
		break;
	}
	ck_assert_msg(good, "%s", err.text);
	meter_unlock(sim.meter);
	buf_fini(&bytes);
}

START_TEST(moves_and_what_speaks_for_them_are_kept_and_told_to_others)
{
	double latitude, longitude;

	measure(1, 1, "r-ap", 4);
	measure(2, 1, "r-ap", 3);
	restore((enum way)_i);
	measure(3, 1, "r-ap", 5);
	ck_assert(look(10));
	restore((enum way)_i);
	ck_assert(!look(10) && moved_to(&latitude, &longitude));
	ck_assert_str_eq(pool_of(CLIENT, WWW), "ap");
}
END_TEST

START_TEST(the_list_says_what_was_moved_where_and_why)
{
	json_t *json, *metro;

	measure(1, 1, "r-ap", 4);
	json = meter_moved(sim.meter, sim.snapshot);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "moved")), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "suspected")), 1);
	json_decref(json);
	measure(2, 1, "r-ap", 5);
	measure(3, 1, "r-ap", 6);
	look(10);
	json = meter_moved(sim.meter, sim.snapshot);
	metro = json_array_get(json_object_get(json, "moved"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(metro, "asn")), 64500);
	ck_assert_int_eq(json_integer_value(json_object_get(metro, "networks")), 3);
	ck_assert_double_eq(
		json_number_value(json_object_get(json_array_get(json_object_get(metro, "measured"), 0), "rtt_ms")), 6);
	json_decref(json);
}
END_TEST

START_TEST(many_suspects_make_room_for_new_ones_but_moved_ones_stay)
{
	struct misplaced_list list = { .most = MISPLACED_MAX };
	struct latency_sample sample = { .rtt_ms = 1, .said_km = 9000, .weight = 1 };

	for (unsigned i = 0; i < MISPLACED_MAX + 100; i++) {
		sample.chain.key[LATENCY_METRO] = (UINT64_C(3) << 61) + i;
		sample.chain.key[LATENCY_NETWORK] = (UINT64_C(1) << 61) + i;
		misplaced_note(&list, &sample, 1000 + i);
		if (i == 0)
			list.metros[0].moved_s = 1000;
	}
	ck_assert_uint_eq(list.n, MISPLACED_MAX);
	ck_assert_ptr_nonnull(misplaced_find(&list, UINT64_C(3) << 61));
	ck_assert_ptr_null(misplaced_find(&list, (UINT64_C(3) << 61) + 1));
	ck_assert_ptr_nonnull(misplaced_find(&list, (UINT64_C(3) << 61) + MISPLACED_MAX + 99));
	free(list.metros);
	free(list.keys);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("misplaced");
	TCase *all = tcase_create("misplaced");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, a_place_is_found_from_how_far_it_is_to_four_regions, 0, COUNT_OF(truths));
	tcase_add_test(all, no_place_is_next_to_two_regions);
	tcase_add_test(all, of_a_ring_the_place_that_is_nearest_to_the_first_guess_counts);
	tcase_add_test(all, three_networks_that_are_sooner_than_light_move_their_metro);
	tcase_add_test(all, one_network_is_not_enough_however_often_it_is_measured);
	tcase_add_test(all, what_no_place_explains_moves_nothing);
	tcase_add_test(all, what_was_held_for_impossible_is_forgotten_and_what_follows_counts_as_it_is);
	tcase_add_test(all, what_is_better_by_measurement_leads_in_a_moved_metro_too);
	tcase_add_test(all, it_ends_when_nothing_was_too_soon_for_twenty_days);
	tcase_add_test(all, one_that_ends_leaves_those_behind_it_where_they_are);
	tcase_add_loop_test(all, moves_and_what_speaks_for_them_are_kept_and_told_to_others, 0, WAYS);
	tcase_add_test(all, the_list_says_what_was_moved_where_and_why);
	tcase_add_test(all, many_suspects_make_room_for_new_ones_but_moved_ones_stay);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
