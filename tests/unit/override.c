#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gslb/audit.h"
#include "gslb/explain.h"
#include "gslb/target.h"
#include "tests/scenario/sim.h"

static const char zone_text[] = "$TTL 3600\n"
				"@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
				"@ NS ns1\n"
				"ns1 A 192.0.2.53\n"
				"alias CNAME www\n"
				"_gslb.www TXT \"v=gslb1; pools=eu,us; rank=geo; ttl=30/5\"\n"
				"_gslb.tight TXT \"v=gslb1; pools=eu,us; rank=geo; keep=2\"\n"
				"_gslb.hashed TXT \"v=gslb1; pools=eu,us; rank=weight; spread=sticky\"\n"
				"_map.www TXT \"v=map1; net:203.0.113.0/24=us\"\n"
				"eu._pool LOC 53 20 N 6 15 W 0m\n"
				"eu._pool TXT \"v=pool1; region=west; bias=10\"\n"
				"eu._pool SRV 0 1 443 lb1.eu\n"
				"eu._pool SRV 1 1 443 lb1.us\n"
				"us._pool LOC 40 N 75 W 0m\n"
				"us._pool TXT \"v=pool1; region=east\"\n"
				"us._pool SRV 0 1 443 lb1.us\n"
				"lb1.eu A 192.0.2.10\n"
				"lb1.eu AAAA 2001:db8::10\n"
				"lb1.us A 192.0.2.20\n";

static const char other_text[] = "$TTL 3600\n"
				 "@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
				 "@ NS ns1\n"
				 "ns1 A 192.0.2.54\n"
				 "_gslb.shop TXT \"v=gslb1; pools=eu; rank=order\"\n"
				 "eu._pool TXT \"v=pool1; region=west\"\n"
				 "eu._pool SRV 0 1 443 lb9\n"
				 "lb9 A 192.0.2.90\n";

static struct sim sim;

static void setup(void)
{
	sim_init(&sim);
	sim_zone(&sim, "svc.example", zone_text);
	sim_place(&sim, "198.51.100.0/24 53.3 -6.2 IE EU 64500");
	sim_load(&sim);
}

static void teardown(void)
{
	sim_fini(&sim);
}

static const struct target_case {
	const char *text;
	bool other;            /* with a second zone that has a pool eu, too */
	const char *canonical; /* NULL: refused with */
	const char *refused;
} target_cases[] = {
	{ "eu", false, "pool:eu.svc.example", NULL },
	{ "pool:eu", false, "pool:eu.svc.example", NULL },
	{ "eu.svc.example", true, "pool:eu.svc.example", NULL },
	{ "pool:eu.other.example", true, "pool:eu.other.example", NULL },
	{ "eu", true, NULL, "eu" },
	{ "region:west", true, "region:west", NULL },
	{ "region:north", false, NULL, "no pool has this region" },
	{ "endpoint:us/lb1", false, "endpoint:us.svc.example/lb1.us.svc.example", NULL },
	{ "endpoint:eu/lb1", false, NULL, "write the whole name" },
	{ "endpoint:eu/lb1.eu", false, "endpoint:eu.svc.example/lb1.eu.svc.example", NULL },
	{ "endpoint:eu/LB1.eu", false, "endpoint:eu.svc.example/lb1.eu.svc.example", NULL },
	{ "endpoint:eu/lb1.us.svc.example", false, "endpoint:eu.svc.example/lb1.us.svc.example", NULL },
	{ "endpoint:eu/192.0.2.10", false, "endpoint:eu.svc.example/192.0.2.10", NULL },
	{ "endpoint:eu/2001:db8::10", false, "endpoint:eu.svc.example/2001:db8::10", NULL },
	{ "endpoint:eu/192.0.2.99", false, NULL, "no such address" },
	{ "endpoint:eu/lb7", false, NULL, "no such target" },
	{ "endpoint:eu", false, NULL, "try endpoint:eu/lb1" },
	{ "endpoint:/lb1", false, NULL, "try endpoint:eu/lb1" },
	{ "service:www/eu", false, "service:www.svc.example/eu.svc.example", NULL },
	{ "service:shop/eu.svc.example", true, NULL, "does not use" },
	{ "service:nothing/eu", false, NULL, "nothing" },
	{ "service:www/", false, NULL, "try service:www/eu" },
	{ "pool:mars", false, NULL, "mars" },
	{ "", false, NULL, "" },
	{ "e*", false, "pool:e*", NULL },
	{ "pool:*.svc.example", true, "pool:*.svc.example", NULL },
	{ "pool:?u._pool.svc.example", false, "pool:?u._pool.svc.example", NULL },
	{ "region:?est", false, "region:?est", NULL },
	{ "endpoint:eu/lb*", false, "endpoint:eu/lb*", NULL },
	{ "endpoint:*/192.0.2.*", false, "endpoint:*/192.0.2.*", NULL },
	{ "endpoint:*/2001:db8:*", false, "endpoint:*/2001:db8:*", NULL },
	{ "endpoint:eu/*.us", false, "endpoint:eu/*.us", NULL },
	{ "service:*/eu", false, "service:*/eu", NULL },
	{ "service:*.svc.example/e?", false, "service:*.svc.example/e?", NULL },
	{ "pool:x*", false, NULL, "pool:x*: matches no pool" },
	{ "region:x*", false, NULL, "matches no region" },
	{ "endpoint:eu/x*", false, NULL, "matches no endpoint" },
	{ "endpoint:e*", false, NULL, "try endpoint:eu/lb*" },
	{ "endpoint:e*/", false, NULL, "try endpoint:eu/lb*" },
	{ "service:shop*/eu", false, NULL, "matches no pool of a service" },
	{ "pool:*********", false, NULL, "more than 8" },
};

START_TEST(a_target_is_found_by_each_of_its_names_or_refused_with_a_sentence)
{
	const struct target_case *c = &target_cases[_i];
	struct override_target target, again;
	struct err err;
	char *text;
	bool found;

	if (c->other) {
		sim_zone(&sim, "other.example", other_text);
		sim_load(&sim);
	}
	found = override_target_find(sim.snapshot, c->text, &target, &err);
	ck_assert_msg(found == (c->canonical != NULL), "%s: %s", c->text, found ? "found" : err.text);
	if (!found) {
		ck_assert_msg(err.text[0] != '\0' && strstr(err.text, c->refused) != NULL, "%s: %s", c->text, err.text);
		return;
	}
	text = override_target_text(sim.snapshot, &target);
	ck_assert_str_eq(text, c->canonical);
	ck_assert(override_target_find(sim.snapshot, text, &again, &err));
	free(text);
	text = override_target_text(sim.snapshot, &again);
	ck_assert_str_eq(text, c->canonical);
	free(text);
}
END_TEST

static struct override_request request(const char *target, enum override_action action)
{
	return (struct override_request){
		.target = target, .action = action, .for_ms = 60000, .who = "ann", .why = "drill"
	};
}

START_TEST(an_override_says_who_and_why_and_until_when_and_outlives_a_restart)
{
	struct override_request drain = request("eu", OVERRIDE_DRAIN);
	const struct override *const *list;
	struct err err;
	char *why = mem_strdup("because \"so\" – ünïcode\n");

	drain.why = why;
	drain.over_ms = 10000;
	drain.force = true;
	ck_assert(sim_force(&sim, &drain, &err));
	free(why); /* the list keeps its own */
	for (int round = 0; round < 2; round++) {
		ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
		ck_assert_str_eq(list[0]->target, "pool:eu.svc.example");
		ck_assert_str_eq(list[0]->who, "ann");
		ck_assert_str_eq(list[0]->why, "because \"so\" – ünïcode\n");
		ck_assert_int_eq(list[0]->kind, OVERRIDE_POOL);
		ck_assert_int_eq(list[0]->action, OVERRIDE_DRAIN);
		ck_assert_uint_eq(list[0]->from_ms, sim.now_ms);
		ck_assert_uint_eq(list[0]->until_ms, sim.now_ms + 60000);
		ck_assert_uint_eq(list[0]->over_ms, 10000);
		sim_restart(&sim);
	}
}
END_TEST

/* A drill's are marked, begin later when they are announced, and end together. */
START_TEST(what_a_drill_set_is_marked_and_ends_together_also_after_a_restart)
{
	struct override_request drain = request("eu", OVERRIDE_DRAIN), other = request("service:www/us", OVERRIDE_UP);
	const struct override *const *list;
	struct err err;

	ck_assert(sim_force(&sim, &other, &err));
	drain.drill = "20261125-d";
	drain.lead_ms = 5000;
	drain.force = true;
	ck_assert(sim_force(&sim, &drain, &err));
	for (int round = 0; round < 2; round++) {
		ck_assert_uint_eq(override_list_get(sim.overrides, &list), 2);
		ck_assert_ptr_null(list[0]->drill);
		ck_assert_str_eq(list[1]->drill, "20261125-d");
		ck_assert_uint_eq(list[1]->from_ms, sim.now_ms + 5000);
		ck_assert_uint_eq(list[1]->until_ms, sim.now_ms + 65000);
		sim_restart(&sim);
	}
	ck_assert_uint_eq(override_clear_drill(sim.overrides, "another", "ann", sim.now_ms), 0);
	ck_assert_uint_eq(override_clear_drill(sim.overrides, NULL, "ann", sim.now_ms), 1);
	sim_restart(&sim);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_str_eq(list[0]->target, "service:www.svc.example/us.svc.example");
}
END_TEST

/* keep is weighed as it will be once the override is in force, not as it is until then. */
START_TEST(an_announced_one_is_refused_by_keep_now)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	struct err err = { 0 };

	down.lead_ms = 5000;
	ck_assert(!sim_force(&sim, &down, &err));
	ck_assert_msg(strstr(err.text, "keep=2") != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_scratch_leaves_the_list_and_its_files_alone)
{
	struct override_request drain = request("eu", OVERRIDE_DRAIN);
	struct override_list *scratch = override_list_scratch(sim.overrides);
	const struct override *const *list;
	char *log = mem_printf("%s/audit.log", sim.state);
	uint64_t next_ms;

	drain.force = true;
	ck_assert(override_set(scratch, &sim.world, &drain, sim.now_ms, NULL, NULL));
	ck_assert_uint_eq(override_list_get(scratch, &list), 1);
	ck_assert(override_expire(scratch, sim.now_ms + 60000, &next_ms));
	override_list_free(scratch);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
	ck_assert_int_ne(access(log, F_OK), 0);
	free(log);
}
END_TEST

static const struct refusal_case {
	struct override_request request;
	const char *sentence;
} refusal_cases[] = {
	{ { .target = "eu", .action = OVERRIDE_DOWN, .for_ms = 1000, .who = "ann" }, "why" },
	{ { .target = "eu", .action = OVERRIDE_DOWN, .for_ms = 1000, .who = "ann", .why = "" }, "why" },
	{ { .target = "eu", .action = OVERRIDE_DOWN, .for_ms = 1000, .who = "ann", .why = "\xff" }, "UTF-8" },
	{ { .target = "eu", .action = OVERRIDE_DOWN, .who = "ann", .why = "x" }, "how long" },
	{ { .target = "eu", .for_ms = 1000, .who = "ann", .why = "x" }, "up, down or drain" },
	{ { .target = "eu", .action = OVERRIDE_UP, .for_ms = 1000, .over_ms = 1, .who = "ann", .why = "x" },
		"drain only" },
	{ { .target = "eu", .action = OVERRIDE_DRAIN, .for_ms = 1000, .over_ms = 1001, .who = "ann", .why = "x" },
		"fit" },
	{ { .target = "eu", .action = OVERRIDE_DOWN, .for_ms = 1000, .who = "ann", .why = "x" },
		"tight.svc.example: keep=2: would leave 1 of 2 pools in service (force down of eu); --force "
		"overrides" },
};

START_TEST(what_is_not_complete_or_breaks_keep_is_refused_and_changes_nothing)
{
	const struct refusal_case *c = &refusal_cases[_i];
	const struct override *const *list;
	struct err err;

	ck_assert(!sim_force(&sim, &c->request, &err));
	ck_assert_msg(strstr(err.text, c->sentence) != NULL, "%s", err.text);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
}
END_TEST

START_TEST(a_dry_run_tells_the_effects_and_changes_nothing)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	const struct override *const *list;
	json_t *effects, *effect;
	struct err err;

	down.dry_run = down.force = true;
	ck_assert(override_set(sim.overrides, &sim.world, &down, sim.now_ms, &effects, &err));
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
	ck_assert_uint_eq(json_array_size(effects), 3);
	effect = json_array_get(effects, 0);
	ck_assert_str_eq(json_string_value(json_object_get(effect, "service")), "www.svc.example");
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(effect, "pools_in_service"), 0)), 2);
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(effect, "pools_in_service"), 1)), 1);
	json_decref(effects);
}
END_TEST

START_TEST(a_second_one_for_the_same_target_replaces_the_first)
{
	struct override_request down = request("eu", OVERRIDE_DOWN), up = request("pool:eu.svc.example", OVERRIDE_UP);
	const struct override *const *list;
	struct err err;

	down.force = true;
	ck_assert(sim_force(&sim, &down, &err));
	ck_assert(sim_force(&sim, &up, &err));
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_int_eq(list[0]->action, OVERRIDE_UP);
	ck_assert(
		pool_standing(&sim.world, zone_set_pool(sim.snapshot->set, "eu", &err), FAMILY_V4, sim.now_ms).state ==
		HEALTH_UP);
}
END_TEST

START_TEST(the_next_change_is_the_next_step_of_a_drain_or_the_first_end)
{
	struct override_request drain = request("eu", OVERRIDE_DRAIN), down = request("region:east", OVERRIDE_DOWN);
	uint64_t start = sim.now_ms, next_ms;
	struct err err;

	drain.over_ms = 20000;
	drain.force = down.force = true;
	down.for_ms = 30000;
	ck_assert(sim_force(&sim, &drain, &err) && sim_force(&sim, &down, &err));
	ck_assert(!override_expire(sim.overrides, start, &next_ms));
	ck_assert_uint_eq(next_ms, start + 2000);
	ck_assert(!override_expire(sim.overrides, start + 19999, &next_ms));
	ck_assert_uint_eq(next_ms, start + 20000);
	ck_assert(!override_expire(sim.overrides, start + 20000, &next_ms));
	ck_assert_uint_eq(next_ms, start + 30000);
	ck_assert(override_expire(sim.overrides, start + 30000, &next_ms));
	ck_assert_uint_eq(next_ms, start + 60000);
	ck_assert(override_expire(sim.overrides, start + 60000, &next_ms));
	ck_assert_uint_eq(next_ms, 0);
}
END_TEST

START_TEST(what_ended_while_we_were_away_is_not_taken_up)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	const struct override *const *list;
	struct err err;

	down.force = true;
	ck_assert(sim_force(&sim, &down, &err));
	sim.now_ms += 60000;
	sim_restart(&sim);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
}
END_TEST

static const char *const damaged[] = {
	"",
	"{",
	"[]",
	"{\"version\":1}",
	"{\"overrides\":[{}]}",
	"{\"overrides\":[{\"kind\":\"pool\",\"target\":\"pool:eu\",\"action\":\"sideways\",\"who\":\"a\",\"why\":\"b\","
	"\"from_ms\":1,\"until_ms\":99999999999999,\"over_ms\":0}]}",
	"{\"overrides\":[{\"kind\":\"planet\",\"target\":\"pool:eu\",\"action\":\"up\",\"who\":\"a\",\"why\":\"b\","
	"\"from_ms\":1,\"until_ms\":99999999999999,\"over_ms\":0}]}",
	"{\"overrides\":[{\"kind\":\"pool\",\"target\":\"pool:eu\",\"action\":\"up\",\"who\":\"a\",\"why\":\"b\","
	"\"from_ms\":-1,\"until_ms\":99999999999999,\"over_ms\":0}]}",
};

START_TEST(a_damaged_file_is_kept_aside_and_the_list_is_empty)
{
	const struct override *const *list;
	struct override_list *opened;
	char path[128], aside[128];
	struct err err;

	snprintf(path, sizeof(path), "%s/overrides.json", sim.state);
	snprintf(aside, sizeof(aside), "%s/overrides.json.bad", sim.state);
	ck_assert(file_replace(path, damaged[_i], strlen(damaged[_i]), 0640, &err));
	opened = override_list_open(sim.state, sim.now_ms, &err);
	ck_assert_ptr_nonnull(opened);
	ck_assert_msg(strstr(err.text, "damaged") != NULL, "%s", err.text);
	ck_assert_uint_eq(override_list_get(opened, &list), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(access(aside, F_OK), 0);
	override_list_free(opened);
}
END_TEST

START_TEST(what_cannot_be_stored_is_not_in_force)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	struct override_list *list = override_list_open("/nonexistent", sim.now_ms, NULL);
	const struct override *const *got;
	struct err err;

	down.force = true;
	ck_assert(!override_set(list, &sim.world, &down, sim.now_ms, NULL, &err));
	ck_assert_msg(err.text[0] != '\0', "no sentence");
	ck_assert_uint_eq(override_list_get(list, &got), 0);
	override_list_free(list);
}
END_TEST

START_TEST(what_cannot_be_audited_is_not_in_force_and_not_ended)
{
	struct override_request down = request("eu", OVERRIDE_DOWN), up = request("us", OVERRIDE_UP);
	const struct override *const *got;
	char path[128];
	struct err err;

	down.force = true;
	ck_assert(sim_force(&sim, &down, &err));
	snprintf(path, sizeof(path), "%s/audit.log", sim.state);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert(!sim_force(&sim, &up, &err));
	ck_assert_msg(
		strstr(err.text, "pool:us.svc.example: not done, since it cannot be stored: ") != NULL, "%s", err.text);
	ck_assert(!sim_clear(&sim, "eu", &err));
	ck_assert_msg(strstr(err.text, "not done, since it cannot be stored: ") != NULL, "%s", err.text);
	ck_assert_uint_eq(override_list_get(sim.overrides, &got), 1);
	sim_restart(&sim);
	ck_assert_uint_eq(override_list_get(sim.overrides, &got), 1);
	ck_assert_str_eq(got[0]->target, "pool:eu.svc.example");
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(four_older_audit_logs_are_kept)
{
	static char filler[AUDIT_MAX_BYTES];
	char path[128], number[2] = "a";
	json_t *event = json_pack("{s:s}", "event", "test");
	struct err err;

	for (unsigned i = 0; i < AUDIT_OLDER + 2; i++) {
		char *text;
		size_t len;

		memset(filler, 'a' + (int)i, sizeof(filler));
		snprintf(path, sizeof(path), "%s/audit.log", sim.state);
		ck_assert(file_replace(path, filler, sizeof(filler), 0640, &err));
		ck_assert_msg(audit_append(sim.state, event, &err), "%s", err.text);
		snprintf(path, sizeof(path), "%s/audit.log.1", sim.state);
		ck_assert(file_read(path, sizeof(filler), &text, &len, &err));
		number[0] = (char)('a' + i);
		ck_assert(strncmp(text, number, 1) == 0);
		free(text);
	}
	snprintf(path, sizeof(path), "%s/audit.log.%d", sim.state, AUDIT_OLDER);
	ck_assert_int_eq(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/audit.log.%d", sim.state, AUDIT_OLDER + 1);
	ck_assert_int_ne(access(path, F_OK), 0);
	json_decref(event);
}
END_TEST

START_TEST(every_change_is_audited_in_a_log_that_turns_over)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	char path[128], older[128], *text;
	static char filler[AUDIT_MAX_BYTES];
	size_t len;
	struct err err;

	snprintf(path, sizeof(path), "%s/audit.log", sim.state);
	snprintf(older, sizeof(older), "%s/audit.log.1", sim.state);
	down.force = true;
	ck_assert(sim_force(&sim, &down, &err));
	ck_assert(sim_clear(&sim, "eu", &err));
	ck_assert(!sim_clear(&sim, "eu", &err));
	ck_assert(file_read(path, 1 << 20, &text, &len, &err));
	ck_assert_ptr_nonnull(strstr(text, "\"event\":\"force\",\"who\":\"ann\""));
	ck_assert_ptr_nonnull(strstr(text, "\"event\":\"clear\",\"who\":\"tester\""));
	free(text);
	memset(filler, '\n', sizeof(filler));
	ck_assert(file_replace(path, filler, sizeof(filler), 0640, &err));
	ck_assert(sim_force(&sim, &down, &err));
	ck_assert_int_eq(access(older, F_OK), 0);
	ck_assert(file_read(path, 1 << 20, &text, &len, &err));
	ck_assert_uint_lt(len, 1000);
	free(text);
}
END_TEST

/* ---- explain ---- */

static const struct explain_case {
	const char *name, *client, *type, *assume;
	const char *has; /* in the compact JSON */
} explain_cases[] = {
	{ "www.svc.example", "198.51.100.0/24", "A", NULL,
		"\"prefix\":\"198.51.100.0/24\",\"source\":\"EDNS Client Subnet\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"source\":\"address of the resolver\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"country\":\"IE\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"asn\":64500" },
	{ "www.svc.example", "198.51.100.7", "A", NULL,
		"\"pool\":\"eu\",\"name\":\"eu._pool.svc.example\",\"region\":\"west\",\"fate\":\"chosen\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"fate\":\"lower-rank\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"bias\":10" },
	{ "www.svc.example", "198.51.100.7", "A", NULL,
		"\"address\":\"192.0.2.20\",\"target\":\"lb1.us.svc.example\",\"fate\":\"lower-tier\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"records\":[\"192.0.2.10\"],\"ttl_s\":" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"ttl_reason\":\"max: " },
	{ "www.svc.example", "198.51.100.7", NULL, "eu=down", "\"fate\":\"forced-down\"" },
	{ "www.svc.example", "198.51.100.7", NULL, "eu=down", "\"records\":[\"192.0.2.20\"]" },
	{ "www.svc.example", "198.51.100.7", NULL, "region:west=drain", "\"fate\":\"drained\"" },
	{ "www.svc.example", "198.51.100.7", NULL, "endpoint:eu/lb1.eu=down", "\"fate\":\"forced-down\"" },
	{ "www.svc.example", "203.0.113.9", "A", NULL, "\"map\":{\"rule\":\"net:203.0.113.0/24\"" },
	{ "www.svc.example", "::ffff:203.0.113.9", "A", NULL, "\"map\":{\"rule\":\"net:203.0.113.0/24\"" },
	{ "www.svc.example", "198.51.100.7", "AAAA", NULL, "\"fate\":\"no-address\"" },
	{ "hashed.svc.example", "198.51.100.7", "A", NULL, "\"by\":\"hash\",\"key\":\"198.51.96.0/20\"" },
	{ "www.svc.example", "198.51.100.7", "A", NULL, "\"by\":\"dice\"" },
	{ "ns1.svc.example", "198.51.100.7", "A", NULL, "\"steered\":false,\"outcome\":\"static records" },
	{ "nothing.svc.example", "198.51.100.7", "A", NULL, "NXDOMAIN" },
	{ "alias.svc.example", "198.51.100.7", "A", NULL, "a static CNAME" },
	{ "www.svc.example", "198.51.100.7", "MX", NULL, "NODATA" },
	{ "www.elsewhere.test", "198.51.100.7", "A", NULL, "REFUSED" },
};

START_TEST(each_step_of_a_decision_is_explained)
{
	const struct explain_case *c = &explain_cases[_i];
	const struct explain_request asked = { .name = c->name,
		.client = c->client,
		.type = c->type,
		.assume = &c->assume,
		.nassume = c->assume != NULL,
		.now_ms = sim.now_ms,
		.dice = 1 };
	struct err err = { 0 };
	json_t *json = explain(&sim.world, &asked, &err);
	char *text;

	ck_assert_msg(json != NULL, "%s", err.text);
	text = json_dumps(json, JSON_COMPACT);
	ck_assert_msg(strstr(text, c->has) != NULL, "%s: %s", c->has, text);
	free(text);
	json_decref(json);
}
END_TEST

static const struct explain_case bad_explains[] = {
	{ "www..svc", "198.51.100.7", "A", NULL, "not a domain name" },
	{ "www.svc.example", "198.51.100", "A", NULL, "not an address" },
	{ "www.svc.example", "198.51.100.7/24", "A", NULL, "not an address" },
	{ "www.svc.example", "0.0.0.0/0", "A", NULL, "length 0" },
	{ "www.svc.example", "198.51.100.7", "BOGUS", NULL, "not a record type" },
	{ "www.svc.example", "198.51.100.7", "A", "eu", "not an assumption" },
	{ "www.svc.example", "198.51.100.7", "A", "eu=sideways", "not an assumption" },
	{ "www.svc.example", "198.51.100.7", "A", "mars=down", "mars" },
};

START_TEST(what_cannot_be_explained_is_refused_with_a_sentence)
{
	const struct explain_case *c = &bad_explains[_i];
	const struct explain_request asked = { .name = c->name,
		.client = c->client,
		.type = c->type,
		.assume = &c->assume,
		.nassume = c->assume != NULL,
		.now_ms = sim.now_ms };
	struct err err = { 0 };

	ck_assert_ptr_null(explain(&sim.world, &asked, &err));
	ck_assert_msg(strstr(err.text, c->has) != NULL, "%s", err.text);
}
END_TEST

START_TEST(an_assumption_leaves_the_world_as_it_is)
{
	const char *assume[] = { "eu=down", "us=down" };
	const struct explain_request asked = { .name = "www.svc.example",
		.client = "198.51.100.7",
		.assume = assume,
		.nassume = 2,
		.now_ms = sim.now_ms };
	struct decision decision;
	struct err err;

	json_decref(explain(&sim.world, &asked, &err));
	sim_ask(&sim, "198.51.100.7", "www.svc.example", FAMILY_V4, &decision, NULL);
	ck_assert_int_eq(decision.why, WHY_RANKED);
}
END_TEST

START_TEST(an_assumption_stands_in_for_what_is_in_force)
{
	struct override_request down = request("eu", OVERRIDE_DOWN);
	const char *assume[] = { "eu=up" };
	const struct explain_request asked = { .name = "www.svc.example",
		.client = "198.51.100.7",
		.assume = assume,
		.nassume = 1,
		.now_ms = sim.now_ms };
	json_t *json;
	struct err err;

	down.force = true;
	ck_assert(sim_force(&sim, &down, &err));
	json = explain(&sim.world, &asked, &err);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(json, "answer"), "pool")), "eu");
	json_decref(json);
}
END_TEST

START_TEST(distances_are_given_as_they_are_and_as_bias_makes_them)
{
	const struct explain_request asked = {
		.name = "www.svc.example", .client = "198.51.100.7", .now_ms = sim.now_ms
	};
	struct err err;
	json_t *json = explain(&sim.world, &asked, &err), *pool = json_array_get(json_object_get(json, "pools"), 0);
	double km = json_real_value(json_object_get(pool, "distance_km"));

	ck_assert_str_eq(json_string_value(json_object_get(pool, "pool")), "eu");
	ck_assert_double_gt(km, 1);
	ck_assert_double_eq_tol(json_real_value(json_object_get(pool, "biased_km")), km * 0.9, 1e-6);
	json_decref(json);
}
END_TEST

/* ---- from other hosts ---- */

static struct writ *from_us(const char *target, enum writ_action action, uint64_t made_ms)
{
	const struct writ writ = {
		.target = (char *)(uintptr_t)target,
		.action = action,
		.who = (char *)(uintptr_t) "bob",
		.why = (char *)(uintptr_t) "far away",
		.from_ms = made_ms,
		.until_ms = made_ms + 60000,
		.made_ms = made_ms,
		.origin = (char *)(uintptr_t) "us-east",
		.host = (char *)(uintptr_t) "ns2",
	};

	return writ_copy(&writ);
}

static struct override_merged merge(struct writ *writ)
{
	const struct writ *writs[] = { writ };
	struct override_merged merged;
	struct err err;

	ck_assert_msg(override_merge(sim.overrides, &sim.world, writs, 1, sim.now_ms, &merged, &err), "%s", err.text);
	writ_free(writ);
	return merged;
}

/* How many lines of the audit hold this text? */
static unsigned audited(const char *text)
{
	char *path = mem_printf("%s/audit.log", sim.state), *log;
	struct err err;
	unsigned n = 0;
	size_t len;

	if (!file_read(path, 1 << 20, &log, &len, &err))
		log = mem_strdup("");
	for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
		n++;
	free(log);
	free(path);
	return n;
}

START_TEST(what_another_region_decided_is_in_force_audited_once_and_the_later_one_holds)
{
	const struct override *const *list;
	struct override_request drain = request("eu", OVERRIDE_DRAIN);
	uint64_t made_ms = sim.now_ms;
	struct err err;

	override_list_name(sim.overrides, "eu-west", "ns1");
	drain.force = true;
	ck_assert(sim_force(&sim, &drain, &err));
	ck_assert(!merge(from_us("pool:eu.svc.example", WRIT_DOWN, made_ms - 1)).changed);
	ck_assert(merge(from_us("pool:eu.svc.example", WRIT_DOWN, made_ms + 1)).changed);
	ck_assert(!merge(from_us("pool:eu.svc.example", WRIT_DOWN, made_ms + 1)).changed);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_int_eq(list[0]->action, OVERRIDE_DOWN);
	ck_assert_str_eq(list[0]->origin, "us-east");
	ck_assert(!override_is_ours(sim.overrides, list[0]));
	ck_assert_uint_eq(audited("\"region\":\"us-east\""), 1);
	ck_assert_uint_eq(audited("\"region\":\"eu-west\""), 1);
	/* cleared here, it is cleared for whoever hears of both */
	ck_assert(sim_clear(&sim, "eu", &err));
	ck_assert_int_gt(
		writ_set_find(override_list_writs(sim.overrides), "pool:eu.svc.example")->made_ms, made_ms + 1);
	ck_assert(!merge(from_us("pool:eu.svc.example", WRIT_DOWN, made_ms + 1)).changed);
	sim_restart(&sim);
	ck_assert(!merge(from_us("pool:eu.svc.example", WRIT_DOWN, made_ms + 1)).changed);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
	ck_assert_uint_eq(audited("\"event\":\"force\""), 2);
}
END_TEST

START_TEST(a_crash_between_the_audit_and_the_file_audits_it_once)
{
	char *path = mem_printf("%s/overrides.json", sim.state);
	uint64_t made_ms = sim.now_ms - 1000;

	for (int life = 0; life < 3; life++) {
		ck_assert(merge(from_us("pool:us.svc.example", WRIT_UP, made_ms)).changed);
		ck_assert_uint_eq(audited("\"writ\""), 1);
		ck_assert_int_eq(unlink(path), 0);
		sim_restart(&sim);
	}
	free(path);
}
END_TEST

START_TEST(what_is_made_for_a_zone_that_is_not_here_yet_waits_for_it)
{
	const struct override *const *list;
	struct override_target target;

	ck_assert(merge(from_us("pool:eu.other.example", WRIT_DOWN, sim.now_ms)).changed);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert(!override_target_again(sim.snapshot, list[0]->target, false, &target));
	sim_zone(&sim, "other.example", other_text);
	sim_load(&sim);
	ck_assert(override_target_again(sim.snapshot, list[0]->target, false, &target));
	ck_assert_int_eq(pool_standing(&sim.world, target.pool, FAMILY_V4, sim.now_ms).forced, OVERRIDE_DOWN);
}
END_TEST

START_TEST(a_keep_that_is_broken_here_is_said_and_the_override_holds)
{
	const struct override *const *list;
	struct override_request down = request("us", OVERRIDE_DOWN);
	struct err err;
	char *lenient;

	down.force = true;
	ck_assert(merge(from_us("pool:eu.svc.example", WRIT_UP, sim.now_ms)).changed);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_ptr_null(list[0]->breaks);
	ck_assert(merge(from_us("pool:eu.svc.example", WRIT_DRAIN, sim.now_ms + 1)).changed);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_ptr_nonnull(list[0]->breaks); /* tight wants two */
	ck_assert_msg(strstr(list[0]->breaks, "pool:eu.svc.example drain by bob of region us-east: ") != NULL &&
			      strstr(list[0]->breaks, "tight") != NULL,
		"%s", list[0]->breaks);
	sim_restart(&sim);
	override_judge(sim.overrides, &sim.world, sim.now_ms);
	override_list_get(sim.overrides, &list);
	ck_assert_ptr_nonnull(list[0]->breaks);
	override_judge_again(sim.overrides, &sim.world, sim.now_ms);
	ck_assert_ptr_nonnull(list[0]->breaks); /* yet */
	lenient = mem_strdup(zone_text);
	strstr(lenient, "keep=2")[5] = '1';
	sim_zone(&sim, "svc.example", lenient);
	sim_load(&sim);
	override_judge_again(sim.overrides, &sim.world, sim.now_ms);
	ck_assert_ptr_null(list[0]->breaks);
	free(lenient);
	ck_assert(sim_force(&sim, &down, &err));
	override_judge(sim.overrides, &sim.world, sim.now_ms);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 2);
	ck_assert_ptr_null(list[1]->breaks); /* ours was judged when it was made */
}
END_TEST

START_TEST(what_cannot_be_stored_is_not_merged_and_one_from_the_future_is_refused)
{
	struct writ *writ = from_us("pool:us.svc.example", WRIT_UP, sim.now_ms);
	const struct writ *writs[] = { writ };
	const struct override *const *list;
	struct override_merged merged;
	char path[128];
	struct err err;

	merged = merge(from_us("pool:us.svc.example", WRIT_UP, sim.now_ms + 3600000));
	ck_assert_uint_eq(merged.refused, 1);
	ck_assert_msg(strstr(merged.refusal.text, "in the future") != NULL, "%s", merged.refusal.text);
	snprintf(path, sizeof(path), "%s/audit.log", sim.state);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert(!override_merge(sim.overrides, &sim.world, writs, 1, sim.now_ms, &merged, &err));
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 0);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert(merge(writ).changed);
}
END_TEST

START_TEST(a_start_ends_what_drills_of_this_host_left_and_no_others)
{
	struct override_request drain = request("us", OVERRIDE_DRAIN);
	struct writ *theirs = from_us("pool:eu.svc.example", WRIT_DRAIN, sim.now_ms);
	const struct override *const *list;
	struct err err;

	override_list_name(sim.overrides, "eu-west", "ns1");
	drain.drill = "20261125-a";
	drain.force = true;
	theirs->drill = mem_strdup("20261125-b");
	ck_assert(sim_force(&sim, &drain, &err));
	merge(theirs);
	ck_assert_uint_eq(override_clear_drill(sim.overrides, NULL, "gslbd", sim.now_ms), 1);
	ck_assert_uint_eq(override_list_get(sim.overrides, &list), 1);
	ck_assert_str_eq(list[0]->drill, "20261125-b");
	ck_assert_uint_eq(override_clear_drill(sim.overrides, "20261125-b", "ann", sim.now_ms), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("override");
	TCase *tcase = tcase_create("override");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_another_region_decided_is_in_force_audited_once_and_the_later_one_holds);
	tcase_add_test(tcase, a_crash_between_the_audit_and_the_file_audits_it_once);
	tcase_add_test(tcase, what_is_made_for_a_zone_that_is_not_here_yet_waits_for_it);
	tcase_add_test(tcase, a_keep_that_is_broken_here_is_said_and_the_override_holds);
	tcase_add_test(tcase, what_cannot_be_stored_is_not_merged_and_one_from_the_future_is_refused);
	tcase_add_test(tcase, a_start_ends_what_drills_of_this_host_left_and_no_others);
	tcase_add_test(tcase, what_a_drill_set_is_marked_and_ends_together_also_after_a_restart);
	tcase_add_test(tcase, an_announced_one_is_refused_by_keep_now);
	tcase_add_test(tcase, a_scratch_leaves_the_list_and_its_files_alone);
	tcase_add_loop_test(
		tcase, a_target_is_found_by_each_of_its_names_or_refused_with_a_sentence, 0, COUNT_OF(target_cases));
	tcase_add_test(tcase, an_override_says_who_and_why_and_until_when_and_outlives_a_restart);
	tcase_add_loop_test(
		tcase, what_is_not_complete_or_breaks_keep_is_refused_and_changes_nothing, 0, COUNT_OF(refusal_cases));
	tcase_add_test(tcase, a_dry_run_tells_the_effects_and_changes_nothing);
	tcase_add_test(tcase, a_second_one_for_the_same_target_replaces_the_first);
	tcase_add_test(tcase, the_next_change_is_the_next_step_of_a_drain_or_the_first_end);
	tcase_add_test(tcase, what_ended_while_we_were_away_is_not_taken_up);
	tcase_add_loop_test(tcase, a_damaged_file_is_kept_aside_and_the_list_is_empty, 0, COUNT_OF(damaged));
	tcase_add_test(tcase, what_cannot_be_stored_is_not_in_force);
	tcase_add_test(tcase, what_cannot_be_audited_is_not_in_force_and_not_ended);
	tcase_add_test(tcase, four_older_audit_logs_are_kept);
	tcase_add_test(tcase, every_change_is_audited_in_a_log_that_turns_over);
	tcase_add_loop_test(tcase, each_step_of_a_decision_is_explained, 0, COUNT_OF(explain_cases));
	tcase_add_loop_test(tcase, what_cannot_be_explained_is_refused_with_a_sentence, 0, COUNT_OF(bad_explains));
	tcase_add_test(tcase, an_assumption_leaves_the_world_as_it_is);
	tcase_add_test(tcase, an_assumption_stands_in_for_what_is_in_force);
	tcase_add_test(tcase, distances_are_given_as_they_are_and_as_bias_makes_them);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
