#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geo/geo.h"
#include "tests/geo/mmdb_write.h"

/* ---- schemas ---- */

static const struct schema_case {
	const char *record, *country, *continent, *region;
	double latitude, longitude; /* both 0: not located */
	uint32_t asn;
	const char *schema;
} schemas[] = {
	/* MaxMind's nested schema */
	{ "{'country':{'iso_code':'US'} 'continent':{'code':'NA'} 'location':{'latitude':37.5 "
	  "'longitude':-122.25}"
	  " 'subdivisions':[{'iso_code':'CA'} {'iso_code':'XX'}]}",
		"US", "NA", "US-CA", 37.5, -122.25, 0, "nested" },
	{ "{'city':{'names':{'en':'Bonn'}} 'country':^{'iso_code':'DE'} 'location':^{'latitude':50.5f "
	  "'longitude':7.0f}}",
		"DE", "EU", "", 50.5, 7, 0, "nested" },
	{ "{'location':{'accuracy_radius':20 'latitude':1.5 'time_zone':'x' 'longitude':2.5} "
	  "'traits':{'a':[1 2 [3]]}"
	  " 'country':{'names':{'de':'x' 'en':'y'} 'iso_code':'SG'}}",
		"SG", "AS", "", 1.5, 2.5, 0, "nested" },
	{ "{'country':{'iso_code':'GB'} 'subdivisions':^[^{'geoname_id':7 'iso_code':'ENG'}]}", "GB", "EU", "GB-ENG",
		54.1, -2.9, 0, "nested" },
	{ "{'registered_country':{'iso_code':'FR'}}", "FR", "EU", "", 46.6, 2.5, 0, "nested" },
	{ "{'registered_country':{'iso_code':'FR'} 'country':{'iso_code':'JP'}}", "JP", "AS", "", 37.6, 138, 0,
		"nested" },
	{ "{'continent':{'code':'AF'}}", "", "AF", "", 0, 0, 0, "nested" },
	{ "{'continent':{'code':'EU'} 'location':{'latitude':47.0 'longitude':8.0}}", "", "EU", "", 47, 8, 0,
		"nested" },
	/* the flat one */
	{ "{'country_code':'AU' 'latitude':-33.5f 'longitude':151.25f 'city':'Sydney' 'state1':'New South "
	  "Wales'}",
		"AU", "OC", "", -33.5, 151.25, 0, "flat" },
	{ "{'country_code':'au' 'latitude':'-33.5' 'longitude':'151.25' 'state':'NSW'}", "AU", "OC", "AU-NSW", -33.5,
		151.25, 0, "flat" },
	{ "{'country':'DE' 'continent_code':'EU' 'region_code':'DE-BY' 'asn':'AS64500'}", "DE", "EU", "DE-BY", 51.1,
		10.4, 64500, "flat" },
	{ "{'country_code':'DE' 'region_code':'FR-75C'}", "DE", "EU", "", 51.1, 10.4, 0, "flat" },
	{ "{'country_code':'DE' 'latitude':0.0 'longitude':0.0}", "DE", "EU", "", 51.1, 10.4, 0, "flat" },
	{ "{'country_code':'DE' 'latitude':91.0 'longitude':7.0}", "DE", "EU", "", 51.1, 10.4, 0, "flat" },
	{ "{'country_code':'DE' 'latitude':'north' 'longitude':'7'}", "DE", "EU", "", 51.1, 10.4, 0, "flat" },
	{ "{'country_code':'DE' 'latitude':51.5}", "DE", "EU", "", 51.1, 10.4, 0, "flat" },
	{ "{'country_code':'1!' 'latitude':1.5 'longitude':2.5}", "", "", "", 1.5, 2.5, 0, "flat" },
	{ "{'country_code':'ZZ'}", "ZZ", "", "", 0, 0, 0, "flat" },
	{ "{'country_code':'XK'}", "XK", "EU", "", 42.6, 20.9, 0, "flat" },
	/* ASNs */
	{ "{'autonomous_system_number':64500 'autonomous_system_organization':'x'}", "", "", "", 0, 0, 64500, "flat" },
	{ "{'asn':4200000000}", "", "", "", 0, 0, 4200000000, "flat" },
	{ "{'asn':'4200000000'}", "", "", "", 0, 0, 4200000000, "flat" },
};

static struct geo *open_one(struct mmdb_write *w, struct err *err)
{
	char path[64];
	const char *paths[] = { path };
	struct geo *geo;
	int fd;

	mmdb_write_file(w, &fd, path);
	geo = geo_open(paths, 1, err);
	close(fd);
	return geo;
}

static struct place locate(const struct geo *geo, const char *text, unsigned *depth)
{
	struct addr addr;
	struct place place;

	ck_assert(addr_parse(text, &addr));
	geo_locate(geo, &addr, &place, depth);
	return place;
}

START_TEST(a_place_is_read_from_either_schema)
{
	const struct schema_case *c = &schemas[_i];
	const struct geo_source *source;
	struct mmdb_write w;
	struct place place;
	struct err err = { 0 };
	struct geo *geo;
	unsigned depth;

	mmdb_write_init(&w, 4, 24, "Test");
	mmdb_write_put(&w, "192.0.2.0/24", c->record);
	geo = open_one(&w, &err);
	ck_assert_msg(geo != NULL, "%s", err.text);
	place = locate(geo, "192.0.2.77", &depth);
	ck_assert_uint_eq(depth, 24);
	ck_assert_str_eq(place.country, c->country);
	ck_assert_str_eq(place.continent, c->continent);
	ck_assert_str_eq(place.region, c->region);
	ck_assert_uint_eq(place.asn, c->asn);
	ck_assert(place.located == (c->latitude != 0 || c->longitude != 0));
	ck_assert_double_eq_tol(place.latitude, c->latitude, 1e-5);
	ck_assert_double_eq_tol(place.longitude, c->longitude, 1e-5);
	ck_assert_uint_eq(geo_sources(geo, &source), 1);
	ck_assert_str_eq(source->schema, c->schema);
	ck_assert(source->has_asn == (c->asn != 0));
	ck_assert_uint_eq(source->nv4, 1);
	geo_free(geo);
	mmdb_write_fini(&w);
}
END_TEST

START_TEST(a_source_tells_what_the_database_gave)
{
	const struct geo_source *source;
	struct err err = { 0 };
	struct mmdb_write w;
	struct geo *geo;

	mmdb_write_init(&w, 6, 28, "GeoLite2-Country");
	mmdb_write_put(&w, "2001:db8::/32", "{'country':{'iso_code':'DE'}}");
	mmdb_write_put(&w, "2001:db9::/32", "{'country':{'iso_code':'DE'}}");
	mmdb_write_put(&w, "192.0.2.0/24", "{'country':{'iso_code':'FR'}}");
	mmdb_write_alias(&w, "2002::/16");
	geo = open_one(&w, &err);
	ck_assert_msg(geo != NULL, "%s", err.text);
	geo_sources(geo, &source);
	ck_assert_str_eq(source->type, "GeoLite2-Country");
	ck_assert_uint_eq(source->build_epoch_s, 1780000000);
	ck_assert_uint_eq(source->nv4, 1);
	ck_assert_uint_eq(source->nv6, 2); /* what leads to IPv4 again is not counted again */
	ck_assert(source->country_only && source->has_places && !source->has_asn);
	geo_free(geo);
	mmdb_write_fini(&w);
}
END_TEST

/* ---- several databases ---- */

START_TEST(the_first_database_that_knows_wins)
{
	static const struct {
		const char *client, *country;
		uint32_t asn;
		unsigned depth;
	} cases[] = {
		{ "10.0.0.1", "DE", 64500, 15 }, /* 10.1.0.0/16 differs by the ASN */
		{ "10.2.0.1", "FR", 0, 15 },     /* the first has a record there that says nothing */
		{ "10.4.0.1", "JP", 64501, 14 },
		{ "2001:db8::1", "AU", 0, 32 },
		{ "2001:db9::1", "", 64502, 32 },
		{ "::ffff:10.4.0.1", "JP", 64501, 96 + 14 },
		{ "2002:0a04:1::1", "JP", 64501, 16 + 14 },
		{ "64:ff9b::10.4.0.1", "JP", 64501, 96 + 14 },
		{ "2001:0:1:2:3:4:f5fb:fffe", "JP", 64501, 96 + 14 }, /* Teredo: ~10.4.0.1 */
		{ "192.0.2.1", "", 0, 1 },
	};
	struct mmdb_write db[4];
	char path[4][64];
	const char *paths[4];
	struct err err = { 0 };
	struct place place;
	struct geo *geo;
	unsigned depth;
	int fd[4];

	mmdb_write_init(&db[0], 4, 24, "first");
	mmdb_write_put(&db[0], "10.0.0.0/15", "{'country_code':'DE'}");
	mmdb_write_put(&db[0], "10.2.0.0/15", "{'city':'?'}");
	mmdb_write_init(&db[1], 4, 32, "second");
	mmdb_write_put(&db[1], "10.0.0.0/14", "{'country_code':'FR'}");
	mmdb_write_put(&db[1], "10.4.0.0/14", "{'country':{'iso_code':'JP'}}");
	mmdb_write_init(&db[2], 6, 24, "IPv6");
	mmdb_write_put(&db[2], "2001:db8::/32", "{'country_code':'AU'}");
	mmdb_write_init(&db[3], 6, 28, "ASN");
	mmdb_write_put(&db[3], "10.0.0.0/15", "{'autonomous_system_number':64500}");
	mmdb_write_put(&db[3], "10.4.0.0/14", "{'autonomous_system_number':64501}");
	mmdb_write_put(&db[3], "2001:db9::/32", "{'autonomous_system_number':64502}");
	for (size_t i = 0; i < 4; i++)
		paths[i] = mmdb_write_file(&db[i], &fd[i], path[i]);
	geo = geo_open(paths, 4, &err);
	ck_assert_msg(geo != NULL, "%s", err.text);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		place = locate(geo, cases[i].client, &depth);
		ck_assert_msg(strcmp(place.country, cases[i].country) == 0 && place.asn == cases[i].asn, "%s: %s AS%u",
			cases[i].client, place.country, place.asn);
		ck_assert_msg(depth == cases[i].depth, "%s: /%u", cases[i].client, depth);
	}
	geo_free(geo);
	for (size_t i = 0; i < 4; i++) {
		close(fd[i]);
		mmdb_write_fini(&db[i]);
	}
}
END_TEST

START_TEST(without_databases_nothing_is_known_and_rules_still_hold)
{
	struct geo *geo = geo_open(NULL, 0, NULL);
	const struct geo_source *sources;
	unsigned depth;

	ck_assert_ptr_nonnull(geo);
	ck_assert_uint_eq(geo_sources(geo, &sources), 0);
	ck_assert(!locate(geo, "192.0.2.1", &depth).located);
	ck_assert_uint_eq(depth, 0);
	geo_free(geo);
}
END_TEST

/* ---- tables ---- */

struct asked {
	size_t n;
	bool unknown;
};

static uint16_t by_country(void *context, const struct place *place)
{
	struct asked *asked = context;

	asked->n++;
	asked->unknown |= !place->located && place->country[0] == '\0' && place->asn == 0;
	return strcmp(place->country, "DE") == 0 ? 1 : strcmp(place->country, "FR") == 0 ? 2 : GEO_CLASS_MAX;
}

START_TEST(each_distinct_place_is_classified_once_and_net_rules_nest)
{
	static const struct {
		const char *client;
		uint16_t class;
	} cases[] = {
		{ "10.0.0.1", 1 },
		{ "10.0.128.1", 1 },
		{ "10.1.0.1", 2 },
		{ "10.0.7.9", 50 },
		{ "10.0.7.8", 51 },
		{ "10.0.7.10", 51 },
		{ "10.0.6.1", 1 },
		{ "11.0.0.1", GEO_CLASS_MAX },
		{ "2001:db8::5", 52 },
		{ "2001:db8::4", 53 },
		{ "2001:db8::1:0:0:0", 53 },
		{ "2001:db8:0:1::", 53 },
		{ "2001:db8:4000::", 53 },
	};
	struct geo_overlay rules[] = { { .class = 50 }, { .class = 51 }, { .class = 52 }, { .class = 53 } };
	static const char *const nets[] = { "10.0.7.9", "10.0.7.8/29", "2001:db8::5", "2001:db8::/32" };
	struct asked asked = { 0 };
	const struct geo_classify classify = { .classify = by_country, .context = &asked };
	struct geo_table *table;
	struct mmdb_write w;
	struct err err = { 0 };
	struct geo *geo;
	struct addr addr;

	mmdb_write_init(&w, 4, 24, "Test");
	mmdb_write_put(&w, "10.0.0.0/16", "{'country_code':'DE' 'latitude':50.0 'longitude':7.0}");
	mmdb_write_put(&w, "10.0.128.0/17", "{'country_code':'DE' 'latitude':51.0 'longitude':7.0}");
	mmdb_write_put(&w, "10.1.0.0/16", "{'country_code':'FR'}");
	mmdb_write_put(&w, "10.1.128.0/17", "{'country_code':'FR'}");
	geo = open_one(&w, &err);
	ck_assert_msg(geo != NULL, "%s", err.text);
	for (size_t i = 0; i < COUNT_OF(nets); i++)
		ck_assert(prefix_parse(nets[i], &rules[i].net));
	table = geo_table_new(geo, &classify, rules, COUNT_OF(rules));
	ck_assert_uint_eq(asked.n, 4); /* two in Germany, one in France, the unknown */
	ck_assert(asked.unknown);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct geo_hit hit;

		ck_assert(addr_parse(cases[i].client, &addr));
		hit = geo_table_find(table, &addr);
		geo_table_prefetch(table, &addr);
		ck_assert_msg(hit.class == cases[i].class, "%s: class %u", cases[i].client, hit.class);
	}
	ck_assert_uint_gt(geo_table_bytes(table), 0);
	geo_table_free(table);
	geo_free(geo);
	mmdb_write_fini(&w);
}
END_TEST

/* ---- countries, distances ---- */

static const char iso_3166[] = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ "
			       "BL BM BN BO BQ BR BS BT BV BW BY BZ "
			       "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ "
			       "EC EE EG EH ER ES ET FI FJ FK FM FO FR "
			       "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU "
			       "ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
			       "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD "
			       "ME MF MG MH MK ML MM MN MO MP MQ MR MS MT "
			       "MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK "
			       "PL PM PN PR PS PT PW PY QA RE RO RS RU RW "
			       "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG "
			       "TH TJ TK TL TM TN TO TR TT TV TW TZ "
			       "UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/* Boxes that a country's middle must lie in: south, north, west, east. */
static const struct {
	const char *continent;
	double south, north, west, east;
} boxes[] = {
	{ "AF", -36, 38, -26, 60 },
	{ "AN", -90, -49, -180, 180 },
	{ "AS", -13, 60, 25, 150 },
	{ "EU", 34, 80, -32, 100 },
	{ "NA", 7, 84, -180, -11 },
	{ "OC", -53, 21, -180, 180 },
	{ "SA", -57, 14, -93, -31 },
};

START_TEST(every_country_has_a_continent_and_a_centre_in_it)
{
	size_t n = 0;

	for (const char *code = iso_3166; *code != '\0'; code += code[2] == ' ' ? 3 : 2, n++) {
		double latitude, longitude;
		char continent[3];
		size_t box = 0;

		ck_assert_msg(geo_country(code, &latitude, &longitude, continent), "%.2s", code);
		ck_assert_msg(geo_is_continent(continent), "%.2s: %s", code, continent);
		while (strcmp(boxes[box].continent, continent) != 0)
			box++;
		ck_assert_msg(latitude >= boxes[box].south && latitude <= boxes[box].north &&
				      longitude >= boxes[box].west && longitude <= boxes[box].east,
			"%.2s: %g, %g is not in %s", code, latitude, longitude, continent);
		ck_assert(geo_country(code, &latitude, &longitude, NULL));
	}
	ck_assert_uint_eq(n, 249);
}
END_TEST

START_TEST(what_is_no_country_or_continent_is_refused)
{
	static const char *const not [] = { "ZZ", "de", "UK", "EU", "\0", "A1" };
	double latitude, longitude;

	for (size_t i = 0; i < COUNT_OF(not ); i++)
		ck_assert_msg(!geo_country(not [i], &latitude, &longitude, NULL), "%s", not [i]);
	ck_assert(geo_country("XK", &latitude, &longitude, NULL));
	ck_assert(!geo_is_continent("") && !geo_is_continent("eu") && !geo_is_continent("EUR") &&
		  !geo_is_continent("US"));
}
END_TEST

static const struct {
	double from[2], to[2], km;
} distances[] = {
	{ { 0, 0 }, { 0, 0 }, 0 },
	{ { 0, 0 }, { 0, 180 }, 20015.115 }, /* half a great circle: 6371.0088 pi */
	{ { 90, 0 }, { -90, 77 }, 20015.115 },
	{ { 0, 179.5 }, { 0, -179.5 }, 111.195 }, /* over the date line */
	{ { 51.5074, -0.1278 }, { 40.7128, -74.006 }, 5570.23 },
	{ { 53.35, -6.25 }, { 1.35, 103.8 }, 11190.0 },
};

START_TEST(a_distance_goes_the_short_way_round)
{
	double km =
		geo_distance_km(distances[_i].from[0], distances[_i].from[1], distances[_i].to[0], distances[_i].to[1]);
	double back =
		geo_distance_km(distances[_i].to[0], distances[_i].to[1], distances[_i].from[0], distances[_i].from[1]);
	struct geo_spot from, to;

	ck_assert_double_eq_tol(km, distances[_i].km, distances[_i].km * 1e-3 + 1e-9);
	ck_assert_double_eq_tol(km, back, 1e-9);
	from = geo_spot(distances[_i].from[0], distances[_i].from[1]);
	to = geo_spot(distances[_i].to[0], distances[_i].to[1]);
	ck_assert_double_eq_tol(geo_spots_km(&from, &to), km, 3e-6);
}
END_TEST

void damage_tests(Suite *suite);

int main(void)
{
	Suite *suite = suite_create("geo");
	TCase *tcase = tcase_create("geo");

	tcase_add_loop_test(tcase, a_place_is_read_from_either_schema, 0, (int)COUNT_OF(schemas));
	tcase_add_test(tcase, a_source_tells_what_the_database_gave);
	tcase_add_test(tcase, the_first_database_that_knows_wins);
	tcase_add_test(tcase, without_databases_nothing_is_known_and_rules_still_hold);
	tcase_add_test(tcase, each_distinct_place_is_classified_once_and_net_rules_nest);
	tcase_add_test(tcase, every_country_has_a_continent_and_a_centre_in_it);
	tcase_add_test(tcase, what_is_no_country_or_continent_is_refused);
	tcase_add_loop_test(tcase, a_distance_goes_the_short_way_round, 0, (int)COUNT_OF(distances));
	suite_add_tcase(suite, tcase);
	damage_tests(suite);
	return unit_run(suite);
}
