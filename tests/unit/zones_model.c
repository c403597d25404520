/* What tags mean: the values that a right text gives. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/zones.h"
#include "zones/loc.h"
#include "zones/tags.h"

#define POOLS                                          \
	"eu._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n" \
	"us._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n" \
	"ap._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n"

START_TEST(a_service_without_tags_has_the_documented_defaults)
{
	struct zone_set *set = set_of("_gslb.www TXT \"v=gslb1; pools=eu\"\n" POOLS);
	const struct service *service = &set->services[0];

	ck_assert_uint_eq(service->npools, 1);
	ck_assert_uint_eq(service->pools[0].weight, 1);
	ck_assert_uint_eq(service->pools[0].pool, 0);
	ck_assert_uint_eq(service->nranks, 2);
	ck_assert_int_eq(service->ranks[0], RANK_LATENCY);
	ck_assert_int_eq(service->ranks[1], RANK_GEO);
	ck_assert_uint_eq(service->answers, 1);
	ck_assert_int_eq(service->spread, SPREAD_RANDOM);
	ck_assert_uint_eq(service->sticky_v4, 20);
	ck_assert_uint_eq(service->sticky_v6, 40);
	ck_assert_uint_eq(service->ttl_max_s, 30);
	ck_assert_uint_eq(service->ttl_min_s, 5);
	ck_assert_int_eq(service->down, DOWN_ALL);
	ck_assert(!service->has_fallback);
	ck_assert_uint_eq(service->keep, 1);
	ck_assert_uint_eq(service->nrules, 0);
	ck_assert(!service->via_cname);
	ck_assert_uint_eq(service->negative_ttl_s, 5);
	ck_assert_uint_eq(service->line, 5);
	ck_assert_str_eq(service->file, "z");
	zone_set_free(set);
}
END_TEST

START_TEST(a_service_has_what_its_tags_say)
{
	struct zone_set *set =
		set_of("_gslb.*.App TXT \"v=gslb1; pools=us:3,eu; rank=geo,weight; answers=4; \" \"spread=sticky; "
		       "sticky=24/56; ttl=600/60; down=last; fallback=ap; keep=2;\"\n" POOLS);
	const struct service *service = &set->services[0];
	char text[NAME_TEXT_MAX];

	ck_assert_str_eq(name_format(&service->owner, text), "*.app.svc.example");
	ck_assert_uint_eq(service->npools, 2);
	ck_assert_uint_eq(service->pools[0].pool, 1);
	ck_assert_uint_eq(service->pools[0].weight, 3);
	ck_assert_uint_eq(service->pools[1].pool, 0);
	ck_assert_str_eq(name_format(service->pools[1].name, text), "eu._pool.svc.example");
	ck_assert_uint_eq(service->nranks, 2);
	ck_assert_int_eq(service->ranks[0], RANK_GEO);
	ck_assert_int_eq(service->ranks[1], RANK_WEIGHT);
	ck_assert_uint_eq(service->answers, 4);
	ck_assert_int_eq(service->spread, SPREAD_STICKY);
	ck_assert_uint_eq(service->sticky_v4, 24);
	ck_assert_uint_eq(service->sticky_v6, 56);
	ck_assert_uint_eq(service->ttl_max_s, 600);
	ck_assert_uint_eq(service->ttl_min_s, 60);
	ck_assert_uint_eq(service->negative_ttl_s, 30); /* the SOA's minimum */
	ck_assert_int_eq(service->down, DOWN_LAST);
	ck_assert(service->has_fallback);
	ck_assert_uint_eq(service->fallback.pool, 2);
	ck_assert_uint_eq(service->keep, 2);
	zone_set_free(set);
}
END_TEST

static const struct ttl_case {
	const char *ttl;
	uint32_t max_s, min_s;
} ttls[] = { { "30", 30, 5 }, { "5", 5, 5 }, { "3", 3, 3 }, { "0", 0, 0 }, { "60/10", 60, 10 }, { "60/60", 60, 60 },
	{ "60/0", 60, 0 } };

START_TEST(a_ttl_without_a_minimum_has_5_seconds_or_less)
{
	char *body = mem_printf("_gslb.www TXT \"v=gslb1; pools=eu; ttl=%s\"\n" POOLS, ttls[_i].ttl);
	struct zone_set *set = set_of(body);

	ck_assert_uint_eq(set->services[0].ttl_max_s, ttls[_i].max_s);
	ck_assert_uint_eq(set->services[0].ttl_min_s, ttls[_i].min_s);
	zone_set_free(set);
	free(body);
}
END_TEST

START_TEST(maps_of_one_owner_are_one_map_in_the_order_written)
{
	struct zone_set *set = set_of("_map.www TXT \"v=map1; net:203.0.113.0/24=eu; net:2001:db8::/32=us,eu\"\n"
				      " TXT \"v=map1; asn:64500=us; region:us-ca=us; country:cn=ap; continent:EU=eu\"\n"
				      "_gslb.www TXT \"v=gslb1; pools=eu\"\n" POOLS);
	const struct service *service = &set->services[0];
	static const struct {
		enum map_kind kind;
		const char *key;
		uint32_t npools, first, line;
	} rules[] = { { MAP_NET, "203.0.113.0/24", 1, 0, 5 }, { MAP_NET, "2001:db8::/32", 2, 1, 5 },
		{ MAP_ASN, "64500", 1, 1, 6 }, { MAP_REGION, "US-CA", 1, 1, 6 }, { MAP_COUNTRY, "CN", 1, 2, 6 },
		{ MAP_CONTINENT, "EU", 1, 0, 6 } };

	ck_assert_uint_eq(service->nrules, COUNT_OF(rules));
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		const struct map_rule *rule = &service->rules[i];
		char key[ADDR_TEXT_MAX];

		if (rule->kind == MAP_NET)
			prefix_format(&rule->net, key);
		else if (rule->kind == MAP_ASN)
			snprintf(key, sizeof key, "%u", rule->asn);
		else
			snprintf(key, sizeof key, "%s", rule->code);
		ck_assert_int_eq(rule->kind, rules[i].kind);
		ck_assert_str_eq(key, rules[i].key);
		ck_assert_uint_eq(rule->npools, rules[i].npools);
		ck_assert_uint_eq(rule->pools[0].pool, rules[i].first);
		ck_assert_uint_eq(rule->line, rules[i].line);
	}
	zone_set_free(set);
}
END_TEST

START_TEST(a_pool_without_tags_has_the_documented_defaults)
{
	struct zone_set *set = set_of("eu._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n");
	const struct pool *pool = &set->pools[0];

	ck_assert_str_eq(pool->label, "eu");
	ck_assert_str_eq(pool->region, "eu");
	ck_assert(!pool->located);
	ck_assert_int_eq(pool->check.type, CHECK_TCP);
	ck_assert_str_eq(pool->check.host, "");
	ck_assert_str_eq(pool->check.path, "/");
	ck_assert_uint_eq(pool->check.nstatus, 1);
	ck_assert_uint_eq(pool->check.status[0].from, 200);
	ck_assert_uint_eq(pool->check.status[0].to, 299);
	ck_assert_str_eq(pool->check.body, "");
	ck_assert(pool->check.verify);
	ck_assert_uint_eq(pool->check.cert_days, 7);
	ck_assert_str_eq(pool->check.qname, "");
	ck_assert_uint_eq(pool->check.qtype, RR_SOA);
	ck_assert_str_eq(pool->check.command, "");
	ck_assert_uint_eq(pool->check.interval_ms, 5000);
	ck_assert_uint_eq(pool->check.timeout_ms, 2000);
	ck_assert_uint_eq(pool->check.rise, 2);
	ck_assert_uint_eq(pool->check.fall, 3);
	ck_assert_int_eq(pool->bias, 0);
	ck_assert_uint_eq(pool->ramp_ms, 120000);
	ck_assert_uint_eq(pool->min_up, 1);
	ck_assert(!pool->via_cname);
	ck_assert(!pool->private_ok);
	zone_set_free(set);
}
END_TEST

START_TEST(a_pool_has_what_its_tags_say)
{
	struct zone_set *set = set_of(
		"eu._pool LOC 53 20 30 N 6 15 W 10m\n"
		" TXT \"v=pool1; region=eu-west; check=https; host=www.example.org; path=/h; status=200,300-399; "
		"body=a\\\\;b\\\\\\\\; verify=no; cert-days=0; interval=1s; rise=4; fall=5; bias=-20; ramp=0; "
		"min-up=2; private=yes\"\n"
		" SRV 0 1 443 ns1\n SRV 0 1 443 lb.example.net.\n");
	const struct pool *pool = &set->pools[0];

	ck_assert_str_eq(pool->region, "eu-west");
	ck_assert(pool->located);
	ck_assert(fabs(pool->latitude - 53.341666667) < 1e-6);
	ck_assert(fabs(pool->longitude + 6.25) < 1e-6);
	ck_assert_int_eq(pool->check.type, CHECK_HTTPS);
	ck_assert_str_eq(pool->check.host, "www.example.org");
	ck_assert_str_eq(pool->check.path, "/h");
	ck_assert_uint_eq(pool->check.nstatus, 2);
	ck_assert_uint_eq(pool->check.status[0].to, 200);
	ck_assert_uint_eq(pool->check.status[1].from, 300);
	ck_assert_str_eq(pool->check.body, "a;b\\");
	ck_assert(!pool->check.verify);
	ck_assert_uint_eq(pool->check.cert_days, 0);
	ck_assert_uint_eq(pool->check.interval_ms, 1000);
	ck_assert_uint_eq(pool->check.timeout_ms, 1000); /* not above the interval */
	ck_assert_uint_eq(pool->check.rise, 4);
	ck_assert_uint_eq(pool->check.fall, 5);
	ck_assert_int_eq(pool->bias, -20);
	ck_assert_uint_eq(pool->ramp_ms, 0);
	ck_assert_uint_eq(pool->min_up, 2);
	ck_assert(pool->private_ok);
	zone_set_free(set);
}
END_TEST

START_TEST(a_pool_has_all_that_it_needs_and_what_that_needs_once)
{
	struct zone_set *set = set_of("eu._pool TXT \"v=pool1; needs=db,cache\"\n SRV 0 1 443 ns1\n"
				      "db._pool TXT \"v=pool1; needs=disk\"\n SRV 0 1 443 ns1\n"
				      "cache._pool TXT \"v=pool1; needs=disk,db\"\n SRV 0 1 443 ns1\n"
				      "disk._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n");
	static const uint32_t all[] = { 1, 2, 3 };

	ck_assert_uint_eq(set->pools[0].nneeds, 2);
	ck_assert_uint_eq(set->pools[0].needs[1].pool, 2);
	ck_assert_uint_eq(set->pools[0].nall_needs, 3);
	ck_assert_mem_eq(set->pools[0].all_needs, all, sizeof all);
	ck_assert_uint_eq(set->pools[1].nall_needs, 1);
	ck_assert_uint_eq(set->pools[2].nall_needs, 2);
	ck_assert_uint_eq(set->pools[2].all_needs[0], 3);
	ck_assert_uint_eq(set->pools[3].nall_needs, 0);
	zone_set_free(set);
}
END_TEST

/* p0 needs p1 needs p2 …, and the last one the first, if it is a circle. */
static struct zone_set *chain(unsigned n, bool circle, struct report *report)
{
	struct buf text = { 0 };
	struct zone *zone;
	struct zone_set *set;

	buf_printf(&text, HEAD);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text,
			i + 1 < n || circle ? "p%u._pool TXT \"v=pool1; needs=p%u\"\n SRV 0 1 443 ns1\n"
					    : "p%u._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n",
			i, (i + 1) % n);
	zone = zone_of("svc.example", text.text, report);
	set = zone_set_link(&zone, 1, SEED, report);
	zone_unref(zone);
	buf_fini(&text);
	return set;
}

START_TEST(a_chain_of_needs_may_be_64_long_and_a_circle_of_any_length_is_refused)
{
	struct report report = { 0 };
	struct zone_set *set = chain(65, false, &report);

	ck_assert_uint_eq(set->pools[0].nall_needs, 64);
	zone_set_free(set);
	ck_assert_uint_eq(report.nmistakes, 0);
	ck_assert_ptr_null(chain(66, false, &report));
	ck_assert_uint_eq(report.nmistakes, 1);
	ck_assert_ptr_null(chain(65, true, &report));
	ck_assert_uint_eq(report.nmistakes, 2);
	ck_assert_ptr_null(chain(20000, true, &report));
	report_fini(&report);
}
END_TEST

START_TEST(targets_stand_by_priority_then_by_name_with_their_addresses_a_first)
{
	struct zone_set *set =
		set_of("eu._pool TXT \"v=pool1\"\n"
		       " SRV 2 7 443 lb.example.net.\n SRV 0 60 8443 b\n SRV 0 40 443 a\n"
		       "a 60 A 192.0.2.1\n A 192.0.2.2\n 30 AAAA 2001:db8::1\nb 20 AAAA 2001:db8::2\n A 192.0.2.1\n");
	const struct pool *pool = &set->pools[0];
	static const struct {
		const char *name;
		unsigned priority, weight, port, naddrs, ttl_s, line;
		bool dynamic;
		const char *first, *last;
	} targets[] = {
		{ "a.svc.example", 0, 40, 443, 3, 30, 8, false, "192.0.2.1", "2001:db8::1" },
		{ "b.svc.example", 0, 60, 8443, 1, 20, 7, false, "2001:db8::2",
			"2001:db8::2" }, /* 192.0.2.1 is a's already */
		{ "lb.example.net", 2, 7, 443, 0, 0, 6, true, NULL, NULL },
	};

	ck_assert_uint_eq(pool->ntargets, COUNT_OF(targets));
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		const struct target *target = &pool->targets[i];
		char text[NAME_TEXT_MAX];

		ck_assert_str_eq(name_format(&target->name, text), targets[i].name);
		ck_assert_uint_eq(target->number, i);
		ck_assert_ptr_eq(set->targets[i], target);
		ck_assert_uint_eq(target->priority, targets[i].priority);
		ck_assert_uint_eq(target->weight, targets[i].weight);
		ck_assert_uint_eq(target->port, targets[i].port);
		ck_assert_uint_eq(target->line, targets[i].line);
		ck_assert_int_eq(target->dynamic, targets[i].dynamic);
		ck_assert_uint_eq(target->naddrs, targets[i].naddrs);
		if (target->dynamic)
			continue;
		ck_assert_uint_eq(target->ttl_s, targets[i].ttl_s);
		ck_assert_str_eq(addr_format(&target->addrs[0], text), targets[i].first);
		ck_assert_str_eq(addr_format(&target->addrs[target->naddrs - 1], text), targets[i].last);
	}
	zone_set_free(set);
}
END_TEST

START_TEST(a_target_behind_a_delegation_has_its_glue_and_without_glue_is_dynamic)
{
	struct zone_set *set = set_of("eu._pool TXT \"v=pool1\"\n SRV 0 1 443 a.sub\n SRV 0 1 443 b.sub\n"
				      "sub NS ns1\na.sub 40 A 192.0.2.1\n");
	const struct pool *pool = &set->pools[0];

	ck_assert(!pool->targets[0].dynamic);
	ck_assert_uint_eq(pool->targets[0].naddrs, 1);
	ck_assert_uint_eq(pool->targets[0].ttl_s, 40);
	ck_assert(pool->targets[1].dynamic);
	ck_assert_uint_eq(pool->targets[1].naddrs, 0);
	zone_set_free(set);
}
END_TEST

static const struct loc_case {
	const char *text;
	double latitude, longitude; /* 1000: not a place */
} locs[] = {
	{ "LOC 53 20 N 6 15 W 0m", 53.333333333, -6.25 },
	{ "LOC 90 S 180 E 0", -90, 180 },
	{ "LOC 0 0 0 N 0 0 0 E -100000.00m 0m 0m 0m", 0, 0 },
	{ "LOC 42 21 54 N 71 06 18 W -24m 30m", 42.365, -71.105 },
	{ "LOC 42 21 43.952 N 71 5 6.344 W -24m 1m 200m", 42.362208889, -71.085095556 },
	{ "LOC 52 14 05.000 N 00 08 50.000 E 10m 90000000.00m 1m 1m", 52.234722222, 0.147222222 },
	{ "LOC 90 0 0.001 N 0 E 0m", 1000, 0 },
	{ "LOC 1 N 1 E 0m 1m 1m 1m 1m", 1000, 0 },
	{ "LOC 1 1 60 N 1 E 0m", 1000, 0 },
	{ "LOC 1 E 1 N 0m", 1000, 0 },
	{ "LOC N 1 E 0m", 1000, 0 },
	{ "LOC 1 N 1 E 0.001m", 1000, 0 },
	{ "LOC 1 N 1 E -100001m", 1000, 0 },
};

START_TEST(a_loc_is_degrees_minutes_and_thousandths_of_seconds)
{
	struct report report = { 0 };
	struct entry entry = { 0 };
	double latitude, longitude;
	uint8_t wire[LOC_LEN];
	struct lexer lexer;
	struct err err;

	ck_assert(lexer_init(&lexer, "z", locs[_i].text, strlen(locs[_i].text), &report));
	ck_assert(lexer_next(&lexer, &entry, &report));
	ck_assert_int_eq(loc_parse(entry.tokens + 1, entry.ntokens - 1, wire, &err), locs[_i].latitude < 1000);
	if (locs[_i].latitude < 1000) {
		ck_assert(loc_degrees(wire, sizeof wire, &latitude, &longitude));
		ck_assert(fabs(latitude - locs[_i].latitude) < 1e-7);
		ck_assert(fabs(longitude - locs[_i].longitude) < 1e-7);
	}
	entry_fini(&entry);
}
END_TEST

/* RFC 1876, appendix A gives this one's size and precisions. */
START_TEST(a_locs_sizes_are_a_digit_and_a_power_of_ten)
{
	static const char text[] = "x 42 21 54 N 71 06 18 W -24m 30m";
	struct report report = { 0 };
	struct entry entry = { 0 };
	uint8_t wire[LOC_LEN];
	struct lexer lexer;
	struct err err;

	ck_assert(lexer_init(&lexer, "z", text, sizeof text - 1, &report) && lexer_next(&lexer, &entry, &report));
	ck_assert(loc_parse(entry.tokens + 1, entry.ntokens - 1, wire, &err));
	ck_assert_uint_eq(wire[1], 0x33);
	ck_assert_uint_eq(wire[2], 0x16);
	ck_assert_uint_eq(wire[3], 0x13);
	ck_assert_uint_eq((unsigned)wire[12] << 24 | (unsigned)wire[13] << 16 | (unsigned)wire[14] << 8 | wire[15],
		10000000 - 2400);
	entry_fini(&entry);
}
END_TEST

static void expect_in_manual(const char *manual, const struct tag_table *table)
{
	struct buf list = { 0 };

	tags_manual(table, &list);
	ck_assert_msg(strstr(manual, list.text) != NULL, "man/gslb.zone.5 lacks the list of a %s:\n%s", table->what,
		list.text);
	buf_fini(&list);
}

START_TEST(the_manual_lists_every_tag_as_the_table_has_it)
{
	const char *folder = getenv("top_srcdir");
	char *path = mem_printf("%s/man/gslb.zone.5", folder == NULL ? "." : folder), *manual;
	struct err err;
	size_t len;

	ck_assert_msg(file_read(path, 1 << 20, &manual, &len, &err), "%s", err.text);
	expect_in_manual(manual, &service_tags);
	expect_in_manual(manual, &pool_tags);
	free(manual);
	free(path);
}
END_TEST

void add_model_cases(Suite *suite)
{
	TCase *tcase = tcase_create("model");

	tcase_add_test(tcase, a_service_without_tags_has_the_documented_defaults);
	tcase_add_test(tcase, a_service_has_what_its_tags_say);
	tcase_add_loop_test(tcase, a_ttl_without_a_minimum_has_5_seconds_or_less, 0, COUNT_OF(ttls));
	tcase_add_test(tcase, maps_of_one_owner_are_one_map_in_the_order_written);
	tcase_add_test(tcase, a_pool_without_tags_has_the_documented_defaults);
	tcase_add_test(tcase, a_pool_has_what_its_tags_say);
	tcase_add_test(tcase, a_pool_has_all_that_it_needs_and_what_that_needs_once);
	tcase_add_test(tcase, a_chain_of_needs_may_be_64_long_and_a_circle_of_any_length_is_refused);
	tcase_add_test(tcase, targets_stand_by_priority_then_by_name_with_their_addresses_a_first);
	tcase_add_test(tcase, a_target_behind_a_delegation_has_its_glue_and_without_glue_is_dynamic);
	tcase_add_loop_test(tcase, a_loc_is_degrees_minutes_and_thousandths_of_seconds, 0, COUNT_OF(locs));
	tcase_add_test(tcase, a_locs_sizes_are_a_digit_and_a_power_of_ten);
	tcase_add_test(tcase, the_manual_lists_every_tag_as_the_table_has_it);
	suite_add_tcase(suite, tcase);
}
