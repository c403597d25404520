#include "gslb/forecast.h"

#include <string.h>

#include "gslb/override.h"
#include "tests/unit/told.h"
#include "tests/unit/unit.h"

static const char zone_text[] = "$TTL 3600\n"
				"@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
				"@ NS ns1\n"
				"ns1 A 192.0.2.53\n"
				"_gslb.www TXT \"v=gslb1; pools=eu,us,ap; rank=order; ttl=30/5\"\n"
				"_map.www TXT \"v=map1; net:203.0.113.0/24=ap,us; net:198.18.0.0/24=eu,ap\"\n"
				"_gslb.mixed TXT \"v=gslb1; pools=eu:3,us:1; rank=weight\"\n"
				"_gslb.other TXT \"v=gslb1; pools=us; rank=order\"\n"
				"_gslb.frail TXT \"v=gslb1; pools=eu; rank=order; down=nodata; keep=0\"\n"
				"eu._pool TXT \"v=pool1; check=none\"\n"
				"eu._pool SRV 0 1 443 lb1.eu\n"
				"eu._pool SRV 0 1 443 lb2.eu\n"
				"us._pool TXT \"v=pool1; check=none\"\n"
				"us._pool SRV 0 1 443 lb1.us\n"
				"ap._pool TXT \"v=pool1; check=none\"\n"
				"ap._pool SRV 0 1 443 lb1.ap\n"
				"lb1.eu A 192.0.2.10\n"
				"lb2.eu A 192.0.2.11\n"
				"lb1.us A 192.0.2.20\n"
				"lb1.ap A 192.0.2.30\n";

static struct sim sim;
static struct ledger *ledger;
static struct recent *recent;

static void setup(void)
{
	sim_init(&sim);
	sim_zone(&sim, "svc.example", zone_text);
	sim_load(&sim);
	ledger = ledger_new(sim.snapshot, 1);
	recent = recent_new(sim.now_ms);
}

static void teardown(void)
{
	recent_free(recent);
	ledger_free(ledger);
	sim_fini(&sim);
}

static void answer(const char *service, const char *client, unsigned times)
{
	while (times-- > 0)
		told(&sim, ledger_row(ledger, 0), service, client, 0, sim.now_ms);
	recent_take(recent, ledger, sim.now_ms);
}

static json_t *dry_run(const char *target, enum override_action action)
{
	const struct override_request request = { .target = target,
		.action = action,
		.for_ms = 60000,
		.who = "ann",
		.why = "test",
		.dry_run = true,
		.force = true,
		.recent = recent };
	json_t *effects;
	struct err err;

	ck_assert_msg(override_set(sim.overrides, &sim.world, &request, sim.now_ms, &effects, &err), "%s", err.text);
	return effects;
}

static const json_t *clients_of(const json_t *effects, const char *service)
{
	const json_t *effect;
	size_t i;

	json_array_foreach(effects, i, effect)
	{
		if (strcmp(json_string_value(json_object_get(effect, "service")), service) == 0)
			return json_object_get(effect, "clients");
	}
	return NULL;
}

/* pool NULL: none. */
static double percent(const json_t *clients, const char *pool, const char *when)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(clients, "pools"), i, row)
	{
		const char *name = json_string_value(json_object_get(row, "pool"));

		if (pool == NULL ? name == NULL : name != NULL && strcmp(name, pool) == 0)
			return json_real_value(json_object_get(row, when));
	}
	return 0;
}

START_TEST(clients_go_where_their_own_order_of_pools_sends_them)
{
	json_t *effects;
	const json_t *clients;

	answer("www.svc.example", "198.51.100.7", 50);
	answer("www.svc.example", "203.0.113.7", 30);
	answer("www.svc.example", "198.18.0.7", 20);
	answer("other.svc.example", "198.51.100.7", 20);
	effects = dry_run("eu", OVERRIDE_DRAIN);
	clients = clients_of(effects, "www.svc.example");
	ck_assert_int_eq(json_integer_value(json_object_get(clients, "networks")), 3);
	ck_assert_double_eq_tol(percent(clients, "eu", "before_percent"), 70, 0.001);
	ck_assert_double_eq_tol(percent(clients, "ap", "before_percent"), 30, 0.001);
	ck_assert_double_eq_tol(percent(clients, "us", "before_percent"), 0, 0.001);
	ck_assert_double_eq_tol(percent(clients, "eu", "after_percent"), 0, 0.001);
	ck_assert_double_eq_tol(percent(clients, "us", "after_percent"), 50, 0.001);
	ck_assert_double_eq_tol(percent(clients, "ap", "after_percent"), 50, 0.001);
	ck_assert_ptr_null(clients_of(effects, "other.svc.example"));
	json_decref(effects);
}
END_TEST

START_TEST(where_dice_decide_the_shares_are_those_of_the_weights)
{
	char client[ADDR_TEXT_MAX];
	json_t *effects;
	const json_t *clients;

	for (unsigned i = 0; i < 250; i++) {
		snprintf(client, sizeof client, "198.51.%u.7", i);
		answer("mixed.svc.example", client, 4);
	}
	effects = dry_run("us", OVERRIDE_DRAIN);
	clients = clients_of(effects, "mixed.svc.example");
	ck_assert_int_eq(json_integer_value(json_object_get(clients, "networks")), 250);
	ck_assert_double_eq_tol(percent(clients, "eu", "before_percent"), 75, 5);
	ck_assert_double_eq_tol(percent(clients, "eu", "after_percent"), 100, 0.001);
	json_decref(effects);
}
END_TEST

START_TEST(clients_that_would_be_told_nothing_are_counted_as_that)
{
	json_t *effects;
	const json_t *clients;

	answer("frail.svc.example", "198.51.100.7", 1);
	effects = dry_run("eu", OVERRIDE_DOWN);
	clients = clients_of(effects, "frail.svc.example");
	ck_assert_double_eq_tol(percent(clients, "eu", "before_percent"), 100, 0.001);
	ck_assert_double_eq_tol(percent(clients, NULL, "after_percent"), 100, 0.001);
	json_decref(effects);
}
END_TEST

START_TEST(a_service_that_nobody_asked_for_says_so)
{
	json_t *effects = dry_run("eu", OVERRIDE_DRAIN);

	ck_assert_int_eq(json_integer_value(json_object_get(clients_of(effects, "www.svc.example"), "networks")), 0);
	json_decref(effects);
}
END_TEST

START_TEST(of_very_many_clients_some_are_asked_for)
{
	char client[ADDR_TEXT_MAX];
	json_t *effects;
	const json_t *clients;

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(client, sizeof client, "%u.%u.0.0/24", 11 + i / 250, i % 250);
		answer("www.svc.example", client, 1);
	}
	effects = dry_run("eu", OVERRIDE_DRAIN);
	clients = clients_of(effects, "www.svc.example");
	ck_assert_int_eq(json_integer_value(json_object_get(clients, "networks")), 10000);
	ck_assert_int_le(json_integer_value(json_object_get(clients, "asked")), 4096);
	ck_assert_int_ge(json_integer_value(json_object_get(clients, "asked")), 2048);
	ck_assert_double_eq_tol(percent(clients, "us", "after_percent"), 100, 0.5);
	json_decref(effects);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forecast");
	TCase *tcase = tcase_create("forecast");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, clients_go_where_their_own_order_of_pools_sends_them);
	tcase_add_test(tcase, where_dice_decide_the_shares_are_those_of_the_weights);
	tcase_add_test(tcase, clients_that_would_be_told_nothing_are_counted_as_that);
	tcase_add_test(tcase, a_service_that_nobody_asked_for_says_so);
	tcase_add_test(tcase, of_very_many_clients_some_are_asked_for);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
