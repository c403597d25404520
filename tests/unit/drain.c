#include "gslb/drain.h"

#include <string.h>

#include "tests/unit/told.h"
#include "tests/unit/unit.h"

static const char zone_text[] =
	"$TTL 3600\n"
	"@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
	"@ NS ns1\n"
	"ns1 A 192.0.2.53\n"
	"_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order; ttl=9/5\"\n" /* too short for jitter */
	"_gslb.api TXT \"v=gslb1; pools=eu,us; rank=order; ttl=300/5\"\n"
	"_gslb.far TXT \"v=gslb1; pools=us; rank=order; ttl=30/5\"\n"
	"_gslb.lone TXT \"v=gslb1; pools=ap; rank=order; ttl=30/5; keep=0\"\n"
	"_gslb.named TXT \"v=gslb1; pools=cdn; rank=order; ttl=60; keep=0\"\n"
	"eu._pool TXT \"v=pool1; check=none; region=west\"\n"
	"eu._pool SRV 0 1 443 lb1.eu\n"
	"eu._pool SRV 1 1 443 lb2.eu\n"
	"us._pool TXT \"v=pool1; check=none; region=east\"\n"
	"us._pool SRV 0 1 443 lb1.us\n"
	"ap._pool TXT \"v=pool1; check=none; region=far\"\n"
	"ap._pool SRV 0 1 443 lb1.ap\n"
	"cdn._pool TXT \"v=pool1; check=none; via=cname; region=none\"\n"
	"cdn._pool SRV 0 1 443 edge\n"
	"idle._pool TXT \"v=pool1; check=none; region=idle\"\n"
	"idle._pool SRV 0 1 443 lb1.idle\n"
	"lb1.eu A 192.0.2.10\n"
	"lb2.eu A 192.0.2.11\n"
	"lb1.us A 192.0.2.20\n"
	"lb1.ap A 192.0.2.30\n"
	"lb1.idle A 192.0.2.50\n"
	"edge A 192.0.2.40\n";

static struct sim sim;
static struct ledger *ledger;
static struct recent *recent;
static struct drain_marks *marks;
static uint64_t began_ms, next_ms;

static void setup(void)
{
	sim_init(&sim);
	sim_zone(&sim, "svc.example", zone_text);
	sim_load(&sim);
	began_ms = sim.now_ms;
	ck_assert_uint_eq(began_ms % 1000, 0);
	ledger = ledger_new(sim.snapshot, 1);
	recent = recent_new(began_ms);
	marks = drain_marks_new();
}

static void teardown(void)
{
	drain_marks_free(marks);
	recent_free(recent);
	ledger_free(ledger);
	sim_fini(&sim);
}

static void answer(const char *service, const char *client)
{
	told(&sim, ledger_row(ledger, 0), service, client, 0, sim.now_ms);
	recent_take(recent, ledger, sim.now_ms);
}

static void at(unsigned s)
{
	sim_at(&sim, s * UINT64_C(1000));
	recent_take(recent, ledger, sim.now_ms);
	drain_marks_look(marks, sim.overrides, ledger, sim.now_ms, &next_ms);
}

static void drain(const char *target, unsigned for_s, unsigned over_s)
{
	const struct override_request request = { .target = target,
		.action = OVERRIDE_DRAIN,
		.for_ms = for_s * UINT64_C(1000),
		.over_ms = over_s * 1000,
		.who = "ann",
		.why = "test" };
	struct err err;

	ck_assert_msg(sim_force(&sim, &request, &err), "%s", err.text);
	drain_marks_look(marks, sim.overrides, ledger, sim.now_ms, &next_ms);
}

static struct drain_question ask(const char *target)
{
	return (struct drain_question){ .target = target,
		.world = &sim.world,
		.ledger = ledger,
		.recent = recent,
		.overrides = sim.overrides,
		.marks = marks,
		.now_ms = sim.now_ms };
}

static struct drain_facts look(const char *text)
{
	struct drain_question question = ask(text);
	struct override_target target;
	struct drain_facts facts;
	struct err err;

	ck_assert_msg(override_target_find(sim.snapshot, text, &target, &err), "%s", err.text);
	drain_look(&question, &target, &facts);
	return facts;
}

/* The verdict; the caller frees it. */
static char *verdict(const char *target)
{
	struct drain_question question = ask(target);
	enum drain_state state;
	struct err err;
	json_t *json = drain_status(&question, &state, &err);
	char *text;

	ck_assert_msg(json != NULL, "%s", err.text);
	text = mem_strdup(json_string_value(json_object_get(json, "verdict")));
	json_decref(json);
	return text;
}

static void has(const char *target, const char *sentence)
{
	char *text = verdict(target);

	ck_assert_msg(strstr(text, sentence) != NULL, "%s: %s", target, text);
	free(text);
}

START_TEST(what_was_told_last_before_the_drain_is_held_until_its_ttl_ends)
{
	answer("www.svc.example", "198.51.100.7");
	ck_assert_int_eq(look("eu").state, DRAIN_NONE);
	has("eu", "not drained: it is answered as ever (gslbctl force eu drain");
	drain("eu", 600, 0);
	ck_assert_int_eq(look("eu").state, DRAIN_HELD);
	at(3);
	has("eu", "not yet: safe in 8 s");
	has("eu", "; 100.0 % of recent clients may still hold it");
	at(10);
	ck_assert_int_eq(look("eu").state, DRAIN_HELD);
	at(11);
	ck_assert_int_eq(look("eu").state, DRAIN_SAFE);
	has("eu", "safe to switch off: no resolver that honours TTLs holds it any more");
}
END_TEST

START_TEST(every_service_that_was_told_the_pool_counts)
{
	answer("www.svc.example", "198.51.100.7");
	answer("api.svc.example", "198.51.100.7");
	drain("region:west", 600, 0);
	at(40);
	ck_assert_int_eq(look("eu").state, DRAIN_HELD);
	ck_assert_int_eq(look("region:w*").state, DRAIN_HELD);
	ck_assert_int_eq(look("service:api/eu").state, DRAIN_HELD);
	ck_assert_int_eq(look("service:www/eu").state, DRAIN_SAFE);
	ck_assert_double_eq(look("eu").held_percent, 50);
	at(302);
	ck_assert_int_eq(look("region:w*").state, DRAIN_SAFE);
}
END_TEST

START_TEST(one_service_of_two_is_not_enough)
{
	drain("service:www/eu", 600, 0);
	ck_assert_int_eq(look("eu").state, DRAIN_NONE);
	has("eu", "for api.svc.example it is answered as ever");
	ck_assert_int_eq(look("service:www/eu").state, DRAIN_SAFE);
	drain("service:api/eu", 600, 0);
	ck_assert_int_eq(look("eu").state, DRAIN_SAFE);
}
END_TEST

START_TEST(endpoints_drained_one_by_one_drain_their_pool)
{
	answer("www.svc.example", "198.51.100.7");
	drain("endpoint:eu/lb1", 600, 0);
	ck_assert_int_eq(look("endpoint:eu/lb1").state, DRAIN_HELD);
	ck_assert_int_eq(look("endpoint:eu/lb2").state, DRAIN_NONE);
	ck_assert_int_eq(look("eu").state, DRAIN_NONE);
	at(5);
	answer("www.svc.example", "198.51.101.7");
	drain("endpoint:eu/lb2", 600, 0);
	ck_assert_int_eq(look("eu").state, DRAIN_HELD);
	ck_assert_uint_eq(look("endpoint:eu/lb1").holding, 1);
	ck_assert_uint_eq(look("endpoint:eu/lb2").holding, 1);
	ck_assert_uint_eq(look("endpoint:eu/lb*").holding, 2);
	ck_assert_uint_eq(look("endpoint:eu/lb*").networks, 2);
	at(12);
	ck_assert_int_eq(look("endpoint:eu/lb1").state, DRAIN_SAFE);
	ck_assert_int_eq(look("endpoint:eu/lb2").state, DRAIN_HELD);
}
END_TEST

START_TEST(a_gradual_drain_is_under_way_until_it_is_whole)
{
	answer("www.svc.example", "198.51.100.7");
	drain("eu", 600, 100);
	ck_assert_int_eq(look("eu").state, DRAIN_UNDER_WAY);
	ck_assert_uint_eq(next_ms, began_ms + 100000);
	at(60);
	ck_assert_uint_eq(look("eu").left, 400);
	has("eu", "and 40 % of its clients are still sent to it");
	at(100);
	ck_assert_int_eq(look("eu").state, DRAIN_SAFE);
	ck_assert_uint_eq(next_ms, 0);
}
END_TEST

START_TEST(what_is_answered_though_it_is_drained_is_not_safe_and_is_counted)
{
	struct drain_question question;
	enum drain_state state;
	json_t *json;

	answer("lone.svc.example", "198.51.100.7");
	drain("ap", 600, 0);
	at(50);
	answer("lone.svc.example", "198.51.100.7"); /* nothing else is left */
	answer("lone.svc.example", "198.51.100.7");
	question = ask("ap");
	json = drain_status(&question, &state, NULL);
	ck_assert_int_eq(state, DRAIN_HELD);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "answers_since")), 2);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(json_object_get(json, "notes"), 0)),
		"it was answered though it is drained"));
	json_decref(json);
}
END_TEST

START_TEST(a_drain_that_ends_too_early_is_noted)
{
	struct drain_question question;
	enum drain_state state;
	json_t *json;

	answer("api.svc.example", "198.51.100.7");
	drain("eu", 60, 0);
	question = ask("eu");
	json = drain_status(&question, &state, NULL);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(json_object_get(json, "notes"), 0)),
		"force it again with a longer --for"));
	json_decref(json);
	at(61);
	ck_assert_int_eq(look("eu").state, DRAIN_NONE);
}
END_TEST

START_TEST(a_name_that_is_answered_counts_for_its_addresses)
{
	answer("named.svc.example", "198.51.100.7");
	drain("endpoint:cdn/192.0.2.40", 600, 0);
	at(40);
	ck_assert_int_eq(look("endpoint:cdn/192.0.2.40").state, DRAIN_HELD);
	ck_assert_int_eq(look("endpoint:cdn/edge").state, DRAIN_HELD);
	at(62);
	ck_assert_int_eq(look("endpoint:cdn/edge").state, DRAIN_SAFE);
}
END_TEST

START_TEST(what_no_service_uses_is_safe_and_it_is_said)
{
	struct drain_question question = ask("idle");
	enum drain_state state;
	json_t *json = drain_status(&question, &state, NULL);

	ck_assert_int_eq(state, DRAIN_SAFE);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(json, "notes"), 0)), "no service uses it");
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drain");
	TCase *tcase = tcase_create("drain");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_told_last_before_the_drain_is_held_until_its_ttl_ends);
	tcase_add_test(tcase, every_service_that_was_told_the_pool_counts);
	tcase_add_test(tcase, one_service_of_two_is_not_enough);
	tcase_add_test(tcase, endpoints_drained_one_by_one_drain_their_pool);
	tcase_add_test(tcase, a_gradual_drain_is_under_way_until_it_is_whole);
	tcase_add_test(tcase, what_is_answered_though_it_is_drained_is_not_safe_and_is_counted);
	tcase_add_test(tcase, a_drain_that_ends_too_early_is_noted);
	tcase_add_test(tcase, a_name_that_is_answered_counts_for_its_addresses);
	tcase_add_test(tcase, what_no_service_uses_is_safe_and_it_is_said);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
