#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geo/geo.h"

/* A clock of its own, and one client: 1000 km from `near`, 4000 from `far`. */
#define NOW_S UINT64_C(1767225600)
enum { NEAR, FAR };

static const double km[] = { 1000, 4000, 1000 };
static const struct place berlin = {
	.located = true, .latitude = 52.5, .longitude = 13.4, .country = "DE", .asn = 64500
};

static struct latency_map *map;

static void setup(void)
{
	map = latency_map_new(LATENCY_BYTES_MAX);
	ck_assert_int_eq(latency_region_add(map, "near"), NEAR);
	ck_assert_int_eq(latency_region_add(map, "far"), FAR);
}

static void teardown(void)
{
	latency_map_free(map);
}

static struct addr address(const char *text)
{
	struct addr addr;

	ck_assert(addr_parse(text, &addr));
	return addr;
}

/* One handshake of the third network's host, and so on. */
static enum latency_taken measure(unsigned net, unsigned host, unsigned region, double rtt_ms, uint64_t now_s)
{
	struct latency_sample sample = { .region = region, .rtt_ms = rtt_ms, .km = km[region], .weight = 1 };

	sample.source = (struct addr){ .family = ADDR_V4, .bytes = { 198, 51, (uint8_t)net, (uint8_t)host } };
	sample.chain = latency_chain_of(&sample.source, &berlin);
	return latency_add(map, &sample, now_s);
}

static struct latency_estimate estimate(const char *of, enum latency_level level, int region, uint64_t now_s)
{
	struct addr addr = address(of);
	struct latency_chain chain = latency_chain_of(&addr, &berlin);
	struct latency_estimate at;

	latency_estimate(map, &chain, level, region, km[region < 0 ? 0 : region], now_s, &at);
	return at;
}

/* ---- keys ---- */

static const struct key_case {
	const char *addr;
	struct place place;
	const char *network, *aggregate; /* as prefixes */
	double latitude, longitude;      /* the metro's; 999: there is no metro */
	const char *country;             /* NULL: there is none */
} key_cases[] = {
	{ "198.51.100.77", { .located = true, .latitude = 52.5, .longitude = 13.4, .country = "DE", .asn = 64500 },
		"198.51.100.0/24", "198.51.96.0/20", 52.5, 13.5, "DE" },
	{ "2001:db8:1234:5678::1", { .located = true, .latitude = -33.9, .longitude = 151.2, .country = "AU" },
		"2001:db8:1234::/48", "2001:db8:1200::/40", -33.5, 151.5, "AU" },
	{ "::ffff:198.51.100.77", { .country = "ZZ", .asn = 4200000000 }, "198.51.100.0/24", "198.51.96.0/20", 0, 0,
		"ZZ" },
	{ "255.255.255.255", { .located = true, .latitude = 90, .longitude = 180, .asn = 1 }, "255.255.255.0/24",
		"255.255.240.0/20", 89.5, -179.5, NULL },
	{ "0.0.0.0", { .located = false }, "0.0.0.0/24", "0.0.0.0/20", 999, 0, NULL },
};

START_TEST(a_key_says_what_its_cell_is)
{
	const struct key_case *c = &key_cases[_i];
	struct addr addr = address(c->addr);
	struct latency_chain chain = latency_chain_of(&addr, &c->place), above;
	struct latency_cell cell;
	char text[ADDR_TEXT_MAX];

	latency_cell_of(chain.key[LATENCY_NETWORK], &cell);
	ck_assert_int_eq(cell.level, LATENCY_NETWORK);
	ck_assert_str_eq(prefix_format(&cell.net, text), c->network);
	latency_cell_of(chain.key[LATENCY_AGGREGATE], &cell);
	ck_assert_int_eq(cell.level, LATENCY_AGGREGATE);
	ck_assert_str_eq(prefix_format(&cell.net, text), c->aggregate);
	ck_assert_int_eq(chain.key[LATENCY_COUNTRY] != 0, c->country != NULL);
	ck_assert_int_eq(chain.key[LATENCY_METRO] != 0, c->latitude != 999);
	if (c->latitude == 999)
		return;
	latency_cell_of(chain.key[LATENCY_METRO], &cell);
	ck_assert_int_eq(cell.level, LATENCY_METRO);
	ck_assert_uint_eq(cell.asn, c->place.asn);
	ck_assert(cell.located == c->place.located && cell.latitude == c->latitude && cell.longitude == c->longitude);
	ck_assert_str_eq(cell.country, c->place.country);
	above = latency_chain_of_metro(chain.key[LATENCY_METRO]);
	ck_assert(above.key[LATENCY_COUNTRY] == chain.key[LATENCY_COUNTRY]);
}
END_TEST

/* ---- the estimator ---- */

START_TEST(without_samples_distance_is_all_that_is_known)
{
	struct latency_estimate at = estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S);

	ck_assert_double_eq_tol(exp(at.mean), 26, 0.001); /* 5 + 2.1 × 1000 / 100 */
	ck_assert_double_eq(at.mean, at.prior);
	ck_assert_double_eq_tol(at.variance, 0.09 / 6 + 0.0625, 1e-9);
	ck_assert_double_eq(at.n, 0);
	at = estimate("198.51.1.1", LATENCY_NETWORK, -1, NOW_S);
	ck_assert_double_eq_tol(exp(at.mean), 26, 0.001);
}
END_TEST

/* One sample of 52 ms against a prior of 26: each level is drawn by n / (kappa + n) of what is left. */
START_TEST(each_level_draws_the_estimate_by_its_samples)
{
	double left = log(2);
	struct latency_estimate at;

	measure(1, 1, NEAR, 52, NOW_S);
	left *= 20 / 21.0 * 12 / 13.0 * 6 / 7.0 * 6 / 7.0;
	at = estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S);
	ck_assert_double_eq_tol(at.mean, log(52) - left, 0.002);
	ck_assert_double_eq_tol(at.variance, 0.09 / 7 + 0.0625 / 1.25, 0.0001);
	at = estimate("198.51.1.1", LATENCY_METRO, NEAR, NOW_S);
	ck_assert_double_eq_tol(at.mean, log(52) - log(2) * 20 / 21 * 12 / 13, 0.002);
	/* a neighbour has all but the network's own; another region nothing */
	at = estimate("198.51.2.1", LATENCY_NETWORK, NEAR, NOW_S);
	ck_assert_double_eq_tol(at.mean, log(52) - log(2) * 20 / 21 * 12 / 13 * 6 / 7, 0.002);
	ck_assert_double_eq(estimate("198.51.1.1", LATENCY_NETWORK, FAR, NOW_S).n, 0);
}
END_TEST

/* Clients of one country are drawn by what its samples are beyond the prior, however far each one is. */
START_TEST(a_country_keeps_what_its_samples_are_beyond_their_priors)
{
	struct place west = berlin;
	struct addr addr = address("203.0.113.1");
	struct latency_chain chain;
	struct latency_estimate at;

	for (unsigned i = 0; i < 40; i++)
		measure(i, 1, NEAR, 52, NOW_S);
	west.longitude = 7;
	chain = latency_chain_of(&addr, &west);
	latency_estimate(map, &chain, LATENCY_NETWORK, NEAR, 500, NOW_S, &at);
	ck_assert_double_eq_tol(at.mean - at.prior, log(2) * 40 / 60, 0.01);
}
END_TEST

static const struct clip_case {
	const char *name;
	double rtt_ms, km, taken_ms;
	enum latency_taken taken;
} clip_cases[] = {
	{ "as it is", 30, 1000, 30, LATENCY_TAKEN },
	{ "sooner than light", 3, 1000, 9, LATENCY_IMPOSSIBLE },
	{ "next door", 0.1, 0, 0.5, LATENCY_TAKEN },
	{ "no distance known", 0.6, -1, 0.6, LATENCY_TAKEN },
	{ "over a second", 30000, 1000, 1000, LATENCY_TAKEN },
};

START_TEST(a_sample_lies_between_what_light_needs_and_a_second)
{
	const struct clip_case *c = &clip_cases[_i];
	struct latency_sample sample = {
		.source = address("198.51.1.1"), .rtt_ms = c->rtt_ms, .km = c->km, .weight = 1
	};
	struct latency_estimate at;

	sample.chain = latency_chain_of(&sample.source, &berlin);
	ck_assert_msg(latency_add(map, &sample, NOW_S) == c->taken, "%s", c->name);
	latency_estimate(map, &sample.chain, LATENCY_NETWORK, 0, c->km, NOW_S, &at);
	ck_assert_msg(fabs(at.level_ms[LATENCY_NETWORK] / c->taken_ms - 1) < 0.001, "%s: %f", c->name,
		at.level_ms[LATENCY_NETWORK]);
}
END_TEST

START_TEST(an_estimate_is_not_below_what_light_needs)
{
	struct addr addr = address("198.51.1.1");
	struct latency_chain chain = latency_chain_of(&addr, &berlin);
	struct latency_estimate at;

	for (unsigned i = 0; i < 60; i++)
		measure(1, i, NEAR, 10, NOW_S);
	latency_estimate(map, &chain, LATENCY_NETWORK, NEAR, 3000, NOW_S, &at);
	ck_assert_double_ge(at.mean, log(27) - 1e-9);
}
END_TEST

START_TEST(samples_fade_by_half_in_twelve_hours)
{
	for (unsigned i = 0; i < 16; i++)
		measure(1, i, NEAR, 50, NOW_S);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S).n, 16, 0.1);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S + 12 * 3600).n, 8, 0.1);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S + 36 * 3600).n, 2, 0.1);
	/* and are gone before times wrap, */
	latency_sweep(map, NOW_S + 21 * 86400);
	ck_assert_uint_eq(latency_cells(map), 0);
	/* while a clock that is set back changes nothing */
	measure(1, 99, NEAR, 50, NOW_S);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S - 3600).n, 1, 0.1);
}
END_TEST

START_TEST(an_address_counts_once_in_ten_minutes)
{
	ck_assert_int_eq(measure(1, 1, NEAR, 50, NOW_S), LATENCY_TAKEN);
	ck_assert_int_eq(measure(1, 1, NEAR, 50, NOW_S + 599), LATENCY_TOO_SOON);
	ck_assert_int_eq(measure(1, 2, NEAR, 50, NOW_S + 599), LATENCY_TAKEN);
	ck_assert_int_eq(measure(1, 1, NEAR, 50, NOW_S + 600), LATENCY_TAKEN);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S + 600).n, 3, 0.1);
}
END_TEST

START_TEST(an_outlier_is_clipped_and_a_change_that_lasts_is_followed)
{
	uint64_t now_s = NOW_S;

	for (unsigned i = 0; i < 20; i++)
		measure(1, i, NEAR, 50, now_s);
	measure(1, 100, NEAR, 1000, now_s);
	/* three times the least deviation, a twenty-first part of it */
	ck_assert_double_le(
		estimate("198.51.1.1", LATENCY_NETWORK, NEAR, now_s).level_ms[LATENCY_NETWORK], 50 * exp(0.3 / 20));
	for (unsigned hour = 0; hour < 48; hour++)
		for (unsigned i = 0; i < 6; i++)
			measure(1, i, NEAR, 150, now_s += LATENCY_AGAIN_S);
	ck_assert_double_eq_tol(
		estimate("198.51.1.1", LATENCY_NETWORK, NEAR, now_s).level_ms[LATENCY_NETWORK], 150, 10);
}
END_TEST

/* However many addresses a network has: above it, eight samples take three networks. */
START_TEST(one_network_does_not_speak_for_its_neighbours)
{
	for (unsigned net = 1; net <= 3; net++) {
		for (unsigned i = 0; i < 200; i++)
			measure(net, i, NEAR, 50, NOW_S);
		ck_assert_double_ge(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S).n, 60);
		ck_assert((estimate("198.51.9.1", LATENCY_METRO, NEAR, NOW_S).n >= LATENCY_SAMPLES_MIN) == (net >= 3));
	}
	/* a hundred networks of one ASN say nothing of another one */
	struct place other = berlin;
	struct addr addr = address("203.0.113.1");
	struct latency_chain chain;
	struct latency_estimate at;

	other.asn = 64501;
	chain = latency_chain_of(&addr, &other);
	latency_estimate(map, &chain, LATENCY_NETWORK, NEAR, 1000, NOW_S, &at);
	ck_assert_double_eq(at.mean, at.prior);
}
END_TEST

/* ---- the rule ---- */

static const struct rule_case {
	const char *name;
	double present_ms, better_ms, deviation; /* of both, of ln(ms) */
	double n;
	unsigned sources, lacks;
} rule_cases[] = {
	{ "surely better", 40, 30, 0.1, 20, 3, 0 },
	{ "better by less than 5 ms", 20, 15.1, 0.02, 20, 3, LATENCY_LACKS_GAIN },
	{ "by 5 ms", 20, 14.9, 0.02, 20, 3, 0 },
	{ "by less than a tenth", 100, 91, 0.01, 20, 3, LATENCY_LACKS_GAIN },
	{ "by a tenth", 100, 89.9, 0.01, 20, 3, 0 },
	{ "perhaps better", 40, 30, 0.17, 20, 3, LATENCY_LACKS_CERTAINTY },
	{ "by too few samples", 40, 30, 0.1, 7.9, 3, LATENCY_LACKS_SAMPLES },
	{ "by too few sources", 40, 30, 0.1, 20, 2, LATENCY_LACKS_SOURCES },
	{ "worse", 30, 40, 0.1, 0, 0, 15 },
};

START_TEST(another_region_must_be_surely_better)
{
	const struct rule_case *c = &rule_cases[_i];
	struct latency_estimate present = { .mean = log(c->present_ms), .variance = c->deviation * c->deviation };
	struct latency_estimate better = {
		.mean = log(c->better_ms), .variance = c->deviation * c->deviation, .n = c->n, .sources = c->sources
	};

	ck_assert_msg(
		latency_lacks(&present, &better) == c->lacks, "%s: %u", c->name, latency_lacks(&present, &better));
	/* and what would be enough is where the gain is no more what it lacks */
	better.mean = log(latency_enough_ms(&present) - 0.01);
	ck_assert((latency_lacks(&present, &better) & LATENCY_LACKS_GAIN) == 0);
	better.mean = log(latency_enough_ms(&present) + 0.01);
	ck_assert((latency_lacks(&present, &better) & LATENCY_LACKS_GAIN) != 0);
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_is_bounded_and_who_was_used_least_makes_room)
{
	struct latency_map *small = latency_map_new(1 << 20);
	struct latency_sample sample = { .rtt_ms = 20, .km = 1000, .weight = 10, .vouched = true };
	struct latency_estimate at;
	size_t cells = 0;

	latency_region_add(small, "near");
	for (uint32_t i = 0; i < 20000; i++) {
		/* a network that is heard of again and again, among strangers */
		uint32_t net = i % 200 == 0 ? 0 : i;

		sample.source = (struct addr){ .family = ADDR_V4,
			.bytes = { (uint8_t)(20 + (net >> 16)), (uint8_t)(net >> 8), (uint8_t)net } };
		sample.weight = net == 0 ? 10 : 1;
		sample.chain = latency_chain_of(&sample.source, &berlin);
		latency_add(small, &sample, NOW_S + i);
		ck_assert_uint_le(latency_bytes(small), 1 << 20);
		cells = latency_cells(small) > cells ? latency_cells(small) : cells;
	}
	ck_assert_uint_gt(cells, 5000);
	sample.source = address("20.0.0.0");
	sample.chain = latency_chain_of(&sample.source, &berlin);
	latency_estimate(small, &sample.chain, LATENCY_NETWORK, 0, 1000, NOW_S + 20000, &at);
	ck_assert_double_gt(at.n, 60);
	ck_assert_double_gt(at.level_n[LATENCY_METRO], 8);
	latency_map_free(small);
}
END_TEST

START_TEST(regions_come_later_too)
{
	char name[16];

	measure(1, 1, NEAR, 50, NOW_S);
	for (int i = 2; i < LATENCY_REGIONS_MAX; i++) {
		snprintf(name, sizeof name, "r%d", i);
		ck_assert_int_eq(latency_region_add(map, name), i);
	}
	ck_assert_int_eq(latency_region_add(map, "one-more"), -1);
	ck_assert_int_eq(latency_region_find(map, "far"), FAR);
	ck_assert_str_eq(latency_region_name(map, 7), "r7");
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S).n, 1, 0.1);
	measure(1, 2, NEAR, 50, NOW_S);
	ck_assert_double_eq_tol(estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S).n, 2, 0.1);
}
END_TEST

/* ---- the file ---- */

START_TEST(what_was_saved_comes_back)
{
	struct latency_map *again = latency_map_new(LATENCY_BYTES_MAX);
	struct latency_map *first = map;
	struct buf bytes = { 0 };
	struct err err = { 0 };

	for (unsigned i = 0; i < 2000; i++)
		measure(i / 20, i % 20, i % 3 == 0, 30 + i % 7, NOW_S + i);
	latency_save(map, NOW_S + 2000, &bytes);
	ck_assert_msg(latency_restore(again, bytes.text, bytes.len, NOW_S + 2000, &err), "%s", err.text);
	ck_assert_uint_eq(latency_cells(again), latency_cells(map));
	for (enum latency_level level = LATENCY_NETWORK; level < LATENCY_LEVELS; level++)
		for (int region = 0; region < 2; region++) {
			struct latency_estimate was, is;

			map = first;
			was = estimate("198.51.7.1", level, region, NOW_S + 9999);
			map = again;
			is = estimate("198.51.7.1", level, region, NOW_S + 9999);
			ck_assert(was.mean == is.mean && was.n == is.n && was.sources == is.sources);
		}
	map = first;
	latency_map_free(again);
	buf_fini(&bytes);
}
END_TEST

START_TEST(a_damaged_file_is_refused_and_changes_nothing)
{
	struct buf bytes = { 0 };
	struct err err;

	for (unsigned i = 0; i < 30; i++)
		measure(i, 1, NEAR, 30, NOW_S);
	latency_save(map, NOW_S, &bytes);
	for (size_t at = 0; at < bytes.len; at++) {
		bytes.text[at] ^= 4;
		err.text[0] = '\0';
		ck_assert(!latency_restore(map, bytes.text, bytes.len, NOW_S, &err));
		ck_assert_str_ne(err.text, "");
		bytes.text[at] ^= 4;
	}
	for (size_t len = 0; len < bytes.len; len++)
		ck_assert(!latency_restore(map, bytes.text, len, NOW_S, &err));
	ck_assert(!latency_restore(map, bytes.text, bytes.len, NOW_S + 22 * 86400, &err));
	ck_assert_str_eq(err.text, "is older than 20 days");
	ck_assert_uint_eq(latency_cells(map), 30 + 2 + 2); /* networks, aggregates, metro and country */
	ck_assert(latency_restore(map, bytes.text, bytes.len, NOW_S, &err));
	buf_fini(&bytes);
}
END_TEST

/* Two hosts, each of a region, tell each other what they measured: over and over, and it counts once. */
START_TEST(what_another_host_measured_is_taken_over)
{
	struct latency_map *mine = map, *other = latency_map_new(LATENCY_BYTES_MAX);
	struct latency_estimate both, theirs;
	struct buf bytes = { 0 };
	struct err err = { 0 };

	map = other;
	latency_region_add(other, "third");
	latency_region_add(other, "far"); /* 1 here as there; "near" is another's number */
	latency_region_add(other, "near");
	for (unsigned i = 0; i < 20; i++)
		measure(1, i, FAR, 90, NOW_S);
	measure(1, 50, 2, 700, NOW_S); /* of the region that is mine, it knows nothing better */
	theirs = estimate("198.51.1.1", LATENCY_NETWORK, FAR, NOW_S);
	latency_save(other, NOW_S, &bytes);
	map = mine;
	for (unsigned i = 0; i < 20; i++)
		measure(1, i, NEAR, 40, NOW_S);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(latency_merge(mine, bytes.text, bytes.len, "near", NOW_S + 60, &err), "%s", err.text);
	both = estimate("198.51.1.1", LATENCY_NETWORK, FAR, NOW_S);
	ck_assert(both.mean == theirs.mean && both.n == theirs.n);
	ck_assert_double_eq_tol(
		estimate("198.51.1.1", LATENCY_NETWORK, NEAR, NOW_S).level_ms[LATENCY_NETWORK], 40, 0.1);
	/* an old state of theirs changes nothing any more */
	for (unsigned i = 0; i < 5; i++)
		measure(1, 100 + i, FAR, 90, NOW_S + 3600);
	both = estimate("198.51.1.1", LATENCY_NETWORK, FAR, NOW_S + 3600);
	ck_assert(latency_merge(mine, bytes.text, bytes.len, "near", NOW_S + 3600, &err));
	ck_assert_double_eq(estimate("198.51.1.1", LATENCY_NETWORK, FAR, NOW_S + 3600).n, both.n);
	latency_map_free(other);
	buf_fini(&bytes);
}
END_TEST

/* A region says what it measured in pieces, however many it takes; what it says of others, or in another's name, is not heard. */
START_TEST(what_a_region_says_in_pieces_is_what_it_measured)
{
	struct latency_map *mine = map, *other = latency_map_new(LATENCY_BYTES_MAX);
	size_t cursor = 0, pieces = 0;
	struct err err = { 0 };
	int far;

	map = other;
	latency_region_add(other, "third");
	far = latency_region_add(other, "far");
	latency_region_add(other, "near");
	for (unsigned i = 0; i < 200; i++)
		measure(1 + i / 4, i % 4, (unsigned)far, 90, NOW_S);
	measure(3, 50, 2, 700, NOW_S);
	map = mine;
	do {
		struct buf bytes = { 0 };

		cursor = latency_save_some(other, (unsigned)far, cursor, 400, NOW_S, &bytes);
		ck_assert_uint_le(bytes.len, 400);
		ck_assert(latency_merge_one(mine, bytes.text, bytes.len, "near", NOW_S, &err));
		ck_assert(pieces > 0 || latency_cells(mine) == 0);
		ck_assert(latency_merge_one(mine, bytes.text, bytes.len, "far", NOW_S, &err));
		bytes.text[bytes.len / 2] ^= 1;
		ck_assert(!latency_merge_one(mine, bytes.text, bytes.len, "far", NOW_S, &err));
		buf_fini(&bytes);
		pieces++;
	} while (cursor != 0);
	ck_assert_uint_gt(pieces, 1);
	for (size_t cell = 0; cell < latency_cells(other); cell++) {
		struct latency_chain chain = { { latency_key(other, cell) } };
		struct latency_estimate here, there;

		latency_estimate(mine, &chain, LATENCY_NETWORK, latency_region_find(mine, "far"), -1, NOW_S, &here);
		latency_estimate(other, &chain, LATENCY_NETWORK, far, -1, NOW_S, &there);
		ck_assert_double_eq(here.level_n[0], there.level_n[0]);
		ck_assert_double_eq(here.mean, there.mean);
	}
	latency_map_free(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("latency");
	TCase *keys = tcase_create("keys"), *cells = tcase_create("map");

	tcase_add_loop_test(keys, a_key_says_what_its_cell_is, 0, COUNT_OF(key_cases));
	tcase_add_loop_test(keys, another_region_must_be_surely_better, 0, COUNT_OF(rule_cases));
	suite_add_tcase(suite, keys);
	tcase_add_checked_fixture(cells, setup, teardown);
	tcase_add_test(cells, without_samples_distance_is_all_that_is_known);
	tcase_add_test(cells, each_level_draws_the_estimate_by_its_samples);
	tcase_add_test(cells, a_country_keeps_what_its_samples_are_beyond_their_priors);
	tcase_add_loop_test(cells, a_sample_lies_between_what_light_needs_and_a_second, 0, COUNT_OF(clip_cases));
	tcase_add_test(cells, an_estimate_is_not_below_what_light_needs);
	tcase_add_test(cells, samples_fade_by_half_in_twelve_hours);
	tcase_add_test(cells, an_address_counts_once_in_ten_minutes);
	tcase_add_test(cells, an_outlier_is_clipped_and_a_change_that_lasts_is_followed);
	tcase_add_test(cells, one_network_does_not_speak_for_its_neighbours);
	tcase_add_test(cells, memory_is_bounded_and_who_was_used_least_makes_room);
	tcase_add_test(cells, regions_come_later_too);
	tcase_add_test(cells, what_was_saved_comes_back);
	tcase_add_test(cells, what_another_host_measured_is_taken_over);
	tcase_add_test(cells, what_a_region_says_in_pieces_is_what_it_measured);
	tcase_add_test(cells, a_damaged_file_is_refused_and_changes_nothing);
	tcase_set_timeout(cells, 60);
	suite_add_tcase(suite, cells);
	return unit_run(suite);
}
