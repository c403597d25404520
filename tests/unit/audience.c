#include "gslb/audience.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/told.h"
#include "tests/unit/unit.h"

static const char zone_text[] = "$TTL 3600\n"
				"@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
				"@ NS ns1\n"
				"ns1 A 192.0.2.53\n"
				"_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order; ttl=30/5\"\n"
				"_gslb.api TXT \"v=gslb1; pools=us; rank=order\"\n"
				"eu._pool TXT \"v=pool1; check=none\"\n"
				"eu._pool SRV 0 1 443 lb1.eu\n"
				"us._pool TXT \"v=pool1; check=none\"\n"
				"us._pool SRV 0 1 443 lb1.us\n"
				"lb1.eu A 192.0.2.10\n"
				"lb1.us A 192.0.2.20\n";

static void add(struct audience *audience, const char *net, const char *service, float weight, uint32_t last_s)
{
	struct visit visit = { .weight = weight, .last_s = last_s };

	ck_assert(prefix_parse(net, &visit.net));
	audience_add(audience, &visit, service);
}

/* -1: it is not there */
static double weight_of(const struct audience *audience, const char *net, const char *service)
{
	const struct visit *visits;
	size_t n = audience_visits(audience, &visits);
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (strcmp(prefix_format(&visits[i].net, text), net) == 0 &&
			strcmp(audience_service(audience, visits[i].service), service) == 0)
			return (double)visits[i].weight;
	return -1;
}

static void near(double is, double should)
{
	ck_assert_msg(is > should * 0.999 && is < should * 1.001, "%f is not %f", is, should);
}

START_TEST(answers_are_counted_by_network_and_service_also_over_a_reload)
{
	struct audience *audience = audience_new(AUDIENCE_MAX);
	struct recent *recent;
	struct ledger *ledger, *after;
	struct ledger_map *map;
	struct sim sim, next;
	char longer[2048];

	sim_init(&sim);
	sim_zone(&sim, "svc.example", zone_text);
	sim_load(&sim);
	ledger = ledger_new(sim.snapshot, 1);
	recent = recent_new(sim.now_ms);
	for (int i = 0; i < 5; i++)
		told(&sim, ledger_row(ledger, 0), "www.svc.example", "198.51.100.7", 0, sim.now_ms);
	told(&sim, ledger_row(ledger, 0), "api.svc.example", "198.51.100.200", 0, sim.now_ms);
	recent_take(recent, ledger, sim.now_ms);
	audience_take(audience, recent, sim.snapshot, sim.now_ms);
	near(weight_of(audience, "198.51.100.0/24", "www.svc.example"), 5);
	near(weight_of(audience, "198.51.100.0/24", "api.svc.example"), 1);

	/* a reload in which pairs get other numbers: what was taken into recent before it is told by the new ones */
	told(&sim, ledger_row(ledger, 0), "www.svc.example", "198.51.100.9", 0, sim.now_ms);
	recent_take(recent, ledger, sim.now_ms);
	sim_init(&next);
	snprintf(longer, sizeof longer, "%s_gslb.a TXT \"v=gslb1; pools=us,eu; rank=order\"\n", zone_text);
	sim_zone(&next, "svc.example", longer);
	sim_load(&next);
	next.snapshot->serial = sim.snapshot->serial + 1;
	after = ledger_new(next.snapshot, 1);
	map = ledger_carry(after, ledger);
	recent_carry(recent, map);
	ledger_map_free(map);
	told(&next, ledger_row(after, 0), "a.svc.example", "198.51.100.9", 0, next.now_ms);
	recent_take(recent, after, next.now_ms);
	audience_take(audience, recent, next.snapshot, next.now_ms);
	near(weight_of(audience, "198.51.100.0/24", "www.svc.example"), 6);
	near(weight_of(audience, "198.51.100.0/24", "a.svc.example"), 1);
	near(weight_of(audience, "198.51.100.0/24", "api.svc.example"), 1);
	audience_free(audience);
	recent_free(recent);
	ledger_free(ledger);
	ledger_free(after);
	sim_fini(&next);
	sim_fini(&sim);
}
END_TEST

START_TEST(half_of_a_weight_is_forgotten_in_six_hours_and_all_in_a_day)
{
	struct audience *audience = audience_new(AUDIENCE_MAX);
	const uint32_t now_s = 1767225600;
	const struct visit *visits;

	add(audience, "198.51.100.0/24", "www.svc.example", 8, now_s);
	audience_age(audience, 6 * 3600, (now_s + 6 * 3600) * UINT64_C(1000));
	near(weight_of(audience, "198.51.100.0/24", "www.svc.example"), 4);
	add(audience, "203.0.113.0/24", "api.svc.example", 1, now_s + 6 * 3600);
	audience_age(audience, 19 * 3600, (now_s + 25 * 3600) * UINT64_C(1000));
	ck_assert(weight_of(audience, "198.51.100.0/24", "www.svc.example") < 0);
	near(weight_of(audience, "203.0.113.0/24", "api.svc.example"), 0.11136);
	ck_assert_uint_eq(audience_visits(audience, &visits), 1);
	ck_assert_str_eq(audience_service(audience, visits[0].service), "api.svc.example");
	audience_free(audience);
}
END_TEST

START_TEST(when_there_is_no_room_the_lightest_quarter_goes)
{
	struct audience *audience = audience_new(4096);
	const struct visit *visits;
	char net[ADDR_TEXT_MAX];

	for (int i = 0; i < 4096; i++) {
		snprintf(net, sizeof net, "10.%d.%d.0/24", i / 256, i % 256);
		add(audience, net, i % 2 == 0 ? "www.svc.example" : "api.svc.example", i < 500 ? 1.5F : 100, 7);
	}
	ck_assert_uint_eq(audience_visits(audience, &visits), 4096);
	add(audience, "192.0.2.0/24", "www.svc.example", 3, 7);
	ck_assert_uint_eq(audience_visits(audience, &visits), 4096 - 1025 + 1);
	near(weight_of(audience, "192.0.2.0/24", "www.svc.example"), 3);
	ck_assert(weight_of(audience, "10.0.0.0/24", "www.svc.example") < 0);
	ck_assert(weight_of(audience, "10.1.243.0/24", "api.svc.example") < 0); /* 499, light */
	near(weight_of(audience, "10.15.255.0/24", "api.svc.example"), 100);
	ck_assert_uint_eq(audience_shuffles(audience), 1);
	audience_free(audience);
}
END_TEST

START_TEST(what_is_kept_comes_back_aged)
{
	struct audience *audience = audience_new(AUDIENCE_MAX), *again = audience_new(AUDIENCE_MAX), *copy;
	char folder[UNIT_FOLDER_MAX];
	const uint64_t now_ms = UINT64_C(1767225600000);
	const struct visit *visits;
	struct err err;
	char *path;

	unit_folder(folder);
	path = mem_printf("%s/clients.csv", folder);
	ck_assert(audience_load(again, path, now_ms, &err));
	for (int i = 0; i < 5000; i++) {
		char net[ADDR_TEXT_MAX];

		snprintf(net, sizeof net, "2001:db8:%x::/56", i);
		add(audience, net, "www.svc.example", (float)i + 1, (uint32_t)(now_ms / 1000));
	}
	copy = audience_copy(audience);
	audience_free(audience);
	ck_assert_msg(audience_save(copy, path, now_ms, &err), "%s", err.text);
	ck_assert_msg(audience_load(again, path, now_ms + 12 * 3600000, &err), "%s", err.text);
	ck_assert_uint_eq(audience_visits(again, &visits), 5000);
	near(weight_of(again, "2001:db8:1387::/56", "www.svc.example"), 1250);
	audience_free(copy);
	audience_free(again);
	free(path);
}
END_TEST

static const struct {
	const char *line, *says; /* says NULL: it is taken */
} lines[] = {
	{ "198.51.100.0/24,www.svc.example,12", NULL },
	{ " 198.51.100.0/24 , WWW.svc.example. , 0.5 , AAAA \r", NULL },
	{ "198.51.100.7,www.svc.example,1,A", NULL },
	{ "# 1", NULL },
	{ "198.51.100.0/33,www.svc.example,1", "198.51.100.0/33: not a prefix (try 198.51.100.0/24)" },
	{ "0.0.0.0/0,www.svc.example,1", "0.0.0.0/0: everybody is no network (try 198.51.100.0/24)" },
	{ "198.51.100.0/24,a..b,1", "a..b: not a service's name (try www.svc.example)" },
	{ "198.51.100.0/24,www.svc.example,-1", "-1: not a weight (a number of answers, above 0 and up to 1e12)" },
	{ "198.51.100.0/24,www.svc.example,nan", "nan: not a weight (a number of answers, above 0 and up to 1e12)" },
	{ "198.51.100.0/24,www.svc.example,1,MX", "MX: not a type (A or AAAA)" },
	{ "198.51.100.0/24,www.svc.example", "the line: not prefix,service,weight or prefix,service,weight,type" },
};

START_TEST(a_line_is_taken_or_says_what_would_be_right)
{
	struct audience *audience = audience_new(AUDIENCE_MAX);
	struct report report = { 0 };

	audience_parse(audience, lines[_i].line, strlen(lines[_i].line), "clients.csv", 7, &report);
	ck_assert_uint_eq(report.nmistakes, lines[_i].says != NULL);
	if (lines[_i].says != NULL)
		ck_assert_str_eq(report.lines[0].text, lines[_i].says);
	report_fini(&report);
	audience_free(audience);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("audience");
	TCase *all = tcase_create("all");

	tcase_add_test(all, answers_are_counted_by_network_and_service_also_over_a_reload);
	tcase_add_test(all, half_of_a_weight_is_forgotten_in_six_hours_and_all_in_a_day);
	tcase_add_test(all, when_there_is_no_room_the_lightest_quarter_goes);
	tcase_add_test(all, what_is_kept_comes_back_aged);
	tcase_add_loop_test(all, a_line_is_taken_or_says_what_would_be_right, 0, COUNT_OF(lines));
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
