/* Random databases and rules, against the naive model: each address has the model's class, all of its block at the
 * reported depth has it, and with one bit less not all would. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geo/geo.h"
#include "tests/geo/mmdb_write.h"
#include "tests/geo/model.h"

enum { PLACES = 9, ROUNDS = 40 };

/* ---- drawing ---- */

static struct prefix random_prefix(struct dice *dice, unsigned most)
{
	static const char *const around[] = { "10.1.0.0", "10.1.128.0", "192.0.2.0", "0.0.0.0", "255.255.255.0",
		"2001:db8::", "2a00::", "2001:1::", "2003::", "::", "ffff::", "64:ff9b::1:0:0", "::fffe:0:0" };
	struct prefix prefix = { 0 };
	unsigned bits, flips;

	addr_parse(around[dice_below(dice, COUNT_OF(around))], &prefix.addr);
	bits = addr_bits(&prefix.addr);
	prefix.len = (uint8_t)dice_below(dice, (bits < most ? bits : most) + 1);
	/* neighbours of each other rather than anywhere: flip a few of the last bits */
	for (flips = (unsigned)dice_below(dice, 4); flips > 0 && prefix.len > 0; flips--) {
		unsigned bit = prefix.len - 1 - (unsigned)dice_below(dice, prefix.len < 6 ? prefix.len : 6);

		prefix.addr.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	addr_mask(&prefix.addr, prefix.len);
	return prefix;
}

/* No net: rule inside what embeds IPv4 (it would not be asked), and no place around ::/96, which is IPv4's own. */
static bool is_misplaced(const struct prefix *prefix, bool database)
{
	struct addr all_zero = { .family = ADDR_V6 }, nat64;

	addr_parse("64:ff9b::", &nat64);
	if (database && (prefix_contains(prefix, &all_zero) || prefix_contains(prefix, &nat64)))
		return true;
	return prefix->addr.family == ADDR_V6 && model_unwrap(&prefix->addr).family == ADDR_V4;
}

static void random_list(struct dice *dice, struct model_list *list, unsigned nvalues, bool database)
{
	list->n = (size_t)dice_below(dice, MODEL_PREFIXES);
	for (size_t i = 0; i < list->n; i++) {
		struct model_prefix *at = &list->at[i];

		do
			at->net = random_prefix(dice, database ? 60 : 128);
		while (is_misplaced(&at->net, database));
		at->value = (int)dice_below(dice, nvalues);
	}
}

static int by_length(const void *a, const void *b)
{
	return ((const struct model_prefix *)a)->net.len - ((const struct model_prefix *)b)->net.len;
}

/* Insert by rising length, IPv6 before IPv4, whose tree is a part of IPv6's. */
static void insert_list(struct mmdb_write *w, struct model_list *list, const char *const *json)
{
	qsort(list->at, list->n, sizeof *list->at, by_length); /* glibc's is stable: of equal ones the last one stays */
	for (enum addr_family family = ADDR_V6; family >= ADDR_V4; family -= 2)
		for (size_t i = 0; i < list->n; i++)
			if (list->at[i].net.addr.family == family)
				mmdb_write_insert(w, &list->at[i].net, mmdb_write_record(w, json[list->at[i].value]));
}

/* ---- a world: databases, rules and their model ---- */

static const char *const place_json[PLACES] = {
	"{}",
	"{'country':{'iso_code':'DE'} 'location':{'latitude':51.0 'longitude':9.0}}",
	"{'country':{'iso_code':'DE'} 'location':{'latitude':48.0 'longitude':11.5}}",
	"{'country':{'iso_code':'FR'}}",
	"{'country':{'iso_code':'US'} 'subdivisions':[{'iso_code':'CA'}] 'location':{'latitude':37.0 "
	"'longitude':-122.0}}",
	"{'country':{'iso_code':'US'} 'subdivisions':[{'iso_code':'NY'}] 'location':{'latitude':40.7 "
	"'longitude':-74.0}}",
	"{'country':{'iso_code':'JP'}}",
	"{'country':{'iso_code':'AU'}}",
	"{'registered_country':{'iso_code':'BR'}}",
};
static const double place_latitude[PLACES] = { 0, 51, 48, 0, 37, 40.7, 0, 0, 0 };

static const char *const asn_json[] = { "{}", "{'autonomous_system_number':64500}",
	"{'autonomous_system_number':64501}" };

/* Fewer classes than places, so that neighbours with different places can be of one class. */
static uint16_t class_of(int place, int asn, bool by_asn)
{
	return (uint16_t)(place % 4 + (by_asn && asn == 1 ? 100 : 0));
}

static int place_number(const struct place *place)
{
	static const char *const countries[PLACES] = { "", "DE", "DE", "FR", "US", "US", "JP", "AU", "BR" };

	for (int i = 0; i < PLACES; i++)
		if (strcmp(place->country, countries[i]) == 0 &&
			(place_latitude[i] == 0 || place->latitude == place_latitude[i]))
			return i;
	return -1;
}

static uint16_t classify(void *context, const struct place *place)
{
	const struct model *model = context;
	int number = place_number(place), asn = place->asn == 0 ? 0 : (int)place->asn - 64499;

	ck_assert_int_ge(number, 0);
	ck_assert(model->by_asn || asn == 0);
	return class_of(number, asn, model->by_asn);
}

static struct geo *open_world(struct dice *dice, struct model *model)
{
	static const unsigned record_bits[] = { 24, 28, 32 };
	struct mmdb_write db[MODEL_DBS + 1];
	char path[MODEL_DBS + 1][64];
	const char *paths[MODEL_DBS + 1];
	int fd[MODEL_DBS + 1];
	struct err err = { 0 };
	struct geo *geo;

	for (size_t i = 0; i <= MODEL_DBS; i++) {
		struct model_list *list = i < MODEL_DBS ? &model->places[i] : &model->asns;

		random_list(dice, list, i < MODEL_DBS ? PLACES : 3, true);
		prefix_parse("203.0.113.0/24", &list->at[list->n].net); /* else a database could be of no use */
		list->at[list->n++].value = 1;
		mmdb_write_init(&db[i], 6, record_bits[dice_below(dice, 3)], "Test-City");
		insert_list(&db[i], list, i < MODEL_DBS ? place_json : asn_json);
		if (dice_below(dice, 2) == 0) {
			mmdb_write_alias(&db[i], "2002::/16");
			mmdb_write_alias(&db[i], "::ffff:0:0/96");
			mmdb_write_alias(&db[i], "2001::/32");
		}
		paths[i] = mmdb_write_file(&db[i], &fd[i], path[i]);
		mmdb_write_fini(&db[i]);
	}
	geo = geo_open(paths, COUNT_OF(paths), &err);
	ck_assert_msg(geo != NULL, "%s", err.text);
	for (size_t i = 0; i <= MODEL_DBS; i++)
		close(fd[i]);
	return geo;
}

/* ---- the property ---- */

static uint32_t model_class(const struct model *model, const struct addr *addr)
{
	int rule = model_overlay(model, addr);

	if (rule != MODEL_NOTHING)
		return (uint32_t)rule + 1000;
	return class_of(model_place(model, addr), model_asn(model, addr), model->by_asn);
}

static uint32_t model_where(const struct model *model, const struct addr *addr)
{
	return (uint32_t)(model_place(model, addr) * 10 + model_asn(model, addr));
}

/* Does all of addr's block of `len` bits give what addr gives? */
static bool is_uniform(const struct model *model, uint32_t (*ask)(const struct model *, const struct addr *),
	const struct addr *addr, unsigned len, const struct addr *edges, size_t nedges)
{
	struct prefix block = { .addr = *addr, .len = (uint8_t)len };
	struct addr plain = model_unwrap(addr);
	unsigned at = addr->bytes[0] == 0x20 && addr->bytes[1] == 0x02 ? 16 : 96;
	uint32_t value = ask(model, addr);

	if (plain.family != addr->family && len >= at) /* a part of IPv4 */
		return is_uniform(model, ask, &plain, len - at < 32 ? len - at : 32, edges, nedges);
	addr_mask(&block.addr, len);
	if (ask(model, &block.addr) != value)
		return false;
	for (size_t i = 0; i < nedges; i++)
		if (prefix_contains(&block, &edges[i]) && ask(model, &edges[i]) != value)
			return false;
	return true;
}

static void check_hit(const struct model *model, const struct geo_table *table, const struct addr *addr,
	const struct addr *edges, size_t nedges)
{
	struct geo_hit hit = geo_table_find(table, addr);
	char text[ADDR_TEXT_MAX];

	addr_format(addr, text);
	ck_assert_msg(hit.class == model_class(model, addr), "%s: class %u, not %u", text, hit.class,
		model_class(model, addr));
	ck_assert_msg(hit.depth <= addr_bits(addr), "%s: depth %u", text, hit.depth);
	ck_assert_msg(is_uniform(model, model_class, addr, hit.depth, edges, nedges), "%s: /%u is not of one class",
		text, hit.depth);
	ck_assert_msg(hit.depth == 0 || !is_uniform(model, model_class, addr, hit.depth - 1u, edges, nedges),
		"%s: one bit less than /%u would do", text, hit.depth);
}

static void check_place(const struct model *model, const struct geo *geo, const struct addr *addr,
	const struct addr *edges, size_t nedges)
{
	struct place place;
	unsigned depth;
	char text[ADDR_TEXT_MAX];

	geo_locate(geo, addr, &place, &depth);
	addr_format(addr, text);
	ck_assert_msg(place_number(&place) == model_place(model, addr), "%s: place %d", text, place_number(&place));
	ck_assert_msg((int)place.asn == (model_asn(model, addr) == 0 ? 0 : 64499 + model_asn(model, addr)), "%s: AS%u",
		text, place.asn);
	ck_assert_msg(
		is_uniform(model, model_where, addr, depth, edges, nedges), "%s: /%u is not one place", text, depth);
	if (depth == 0)
		return;
	ck_assert_msg(!is_uniform(model, model_where, addr, depth - 1, edges, nedges),
		"%s: one bit less than /%u would do", text, depth);
}

static struct addr random_client(struct dice *dice, const struct addr *edges, size_t nedges)
{
	struct addr addr = edges[dice_below(dice, nedges)];
	unsigned bit = (unsigned)dice_below(dice, addr_bits(&addr));

	addr.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	return addr;
}

static void check_world(struct dice *dice, const struct model *model, const struct geo *geo, bool lean)
{
	const struct geo_classify ranking = {
		.classify = classify, .context = (void *)(uintptr_t)model, .by_asn = model->by_asn, .lean = lean
	};
	struct geo_overlay overlays[MODEL_PREFIXES];
	struct geo_table *table;
	size_t nedges;
	struct addr *edges;

	for (size_t i = 0; i < model->overlays.n; i++)
		overlays[i] = (struct geo_overlay){ model->overlays.at[i].net,
			(uint16_t)(model->overlays.at[i].value + 1000) };
	table = geo_table_new(geo, &ranking, overlays, model->overlays.n);
	edges = model_edges(model, &nedges);
	for (size_t i = 0; i < nedges; i++) {
		struct addr client = random_client(dice, edges, nedges);

		check_hit(model, table, &edges[i], edges, nedges);
		check_hit(model, table, &client, edges, nedges);
		if (i % 4 == 0 && geo_sources(geo, &(const struct geo_source *){ NULL }) > 0)
			check_place(model, geo, &client, edges, nedges);
	}
	free(edges);
	geo_table_free(table);
}

START_TEST(a_block_of_the_reported_depth_is_of_one_class_and_one_bit_less_is_not)
{
	struct dice dice = { (uint64_t)_i };
	struct model *model = mem_alloc(sizeof *model);
	struct geo *geo = open_world(&dice, model);

	random_list(&dice, &model->overlays, 4, false);
	if (_i % 4 == 0)
		model->overlays.n = 0;
	model->by_asn = _i % 2 == 0;
	check_world(&dice, model, geo, false);
	/* what a lean table can do */
	model->overlays.n = 0;
	model->by_asn = false;
	check_world(&dice, model, geo, true);
	geo_free(geo);
	free(model);
}
END_TEST

/* So few runs have an index of /8s: runs that begin or end with one, a run of its last or first address, one of it all. */
START_TEST(rules_at_the_edges_of_a_chunk_hold)
{
	static const char *const rules[][3] = {
		{ "10.255.255.255/32" },
		{ "11.0.0.0/32" },
		{ "10.255.255.255/32", "11.0.0.0/32" },
		{ "10.0.0.0/8" },
		{ "10.0.0.0/7", "11.255.255.255/32" },
		{ "0.0.0.0/32", "255.255.255.255/32" },
		{ "10.0.0.0/9", "10.128.0.0/9", "10.255.255.255/32" },
	};
	struct model *model = mem_alloc(sizeof *model);
	struct geo *geo = geo_open(NULL, 0, NULL);
	struct dice dice = { 5 };

	for (const char *const *rule = rules[_i]; rule < rules[_i] + 3 && *rule != NULL; rule++) {
		struct model_prefix *at = &model->overlays.at[model->overlays.n++];

		ck_assert(prefix_parse(*rule, &at->net));
		at->value = (int)model->overlays.n;
	}
	check_world(&dice, model, geo, false);
	geo_free(geo);
	free(model);
}
END_TEST

/* The whole of IPv4 in one class: what embeds it is an ordinary part of IPv6. */
START_TEST(embedded_ipv4_of_one_class_merges_with_its_neighbours)
{
	static const char *const rules[] = { NULL, "2000::/3", "::/0", "0.0.0.0/0", "2002::/15" };
	struct model *model = mem_alloc(sizeof *model);
	struct geo *geo = geo_open(NULL, 0, NULL);
	struct dice dice = { 3 };

	if (rules[_i] != NULL) {
		ck_assert(prefix_parse(rules[_i], &model->overlays.at[0].net));
		model->overlays.n = 1;
	}
	check_world(&dice, model, geo, false);
	geo_free(geo);
	free(model);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("geo scope");
	TCase *tcase = tcase_create("scope");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, rules_at_the_edges_of_a_chunk_hold, 0, 7);
	tcase_add_loop_test(tcase, a_block_of_the_reported_depth_is_of_one_class_and_one_bit_less_is_not, 0, ROUNDS);
	tcase_add_loop_test(tcase, embedded_ipv4_of_one_class_merges_with_its_neighbours, 0, 5);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
