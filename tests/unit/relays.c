/* The gslb-relays of a fleet: who is on the bus by which name, and what is for one of them alone. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/conf.h"
#include "relay/store.h"
#include "relay/store_sql.h"
#include "relay/strangers.h"

/* ---- gslb.yaml ---- */

#define SERVER "server: { region: eu }\n"
#define BUS SERVER "bus: { servers: [nats://h:1], regions: [eu, us]"

static const struct {
	const char *yaml;
	const char *relays; /* "NAME@REGION …", our own with a star … */
	const char *wrong;  /* … or what is wrong */
} files[] = {
	{ SERVER, "eu@eu*", NULL },
	{ "caches: []\n", "local@local*", NULL },
	{ BUS " }\n", "eu@eu* us@us", NULL },
	{ BUS ", name: eu }\n", "eu@eu* us@us", NULL },
	{ BUS ", relays: [us, eu-2@eu, eu] }\n", "us@us eu-2@eu eu@eu*", NULL },
	{ BUS ", relays: [eu, eu-2@eu, us], name: eu-2 }\n", "eu@eu eu-2@eu* us@us", NULL },
	{ BUS ", relays: [ns1@eu, ns2@eu, us@us], name: ns2 }\n", "ns1@eu ns2@eu* us@us", NULL },
	{ BUS ", name: eu.2 }\n", NULL, "f: bus.name: eu.2: must be 1 to 63 letters, digits, - and _ (try eu-2)" },
	{ BUS ", name: eu-2 }\n", NULL,
		"f: bus.name: eu-2: bus.relays must have it, alike in each host's file (add eu-2@eu)" },
	{ BUS ", relays: [eu, us], name: eu-2 }\n", NULL,
		"f: bus.relays: our own is not among them: add eu-2@eu, alike in each host's file" },
	{ BUS ", relays: [ns1@eu, us] }\n", NULL,
		"f: bus.name: must be given, since bus.relays does not have eu, as ours is called without it" },
	{ BUS ", relays: [eu, us, ns1@us], name: ns1 }\n", NULL,
		"f: bus.relays: ns1@us: that is our own name, and server.region is eu" },
	{ BUS ", relays: [eu, us, us-2] }\n", NULL,
		"f: bus.relays: us-2: no region of bus.regions is called so: name the one that it serves (try "
		"eu-2@eu)" },
	{ BUS ", relays: [eu, us, ap-2@ap] }\n", NULL,
		"f: bus.relays: ap-2@ap: bus.regions does not have that region: add it there, alike in each host's "
		"file" },
	{ BUS ", relays: [eu, us@eu] }\n", NULL,
		"f: bus.relays: us@eu: only a gslb-relay of that region may have a region's name (try eu-2@eu)" },
	{ BUS ", relays: [eu, us, eu-2@eu, eu-2@us] }\n", NULL,
		"f: bus.relays: eu-2: two have this name, and each must have one of its own (try eu-2@eu)" },
	{ BUS ", relays: [eu, eu-2@eu] }\n", NULL,
		"f: bus.relays: us: a region without one: add it, or take it out of bus.regions" },
	{ BUS ", relays: [eu, us, '@eu'] }\n", NULL,
		"f: bus.relays: @eu: must be NAME@REGION, or a region's name for its first one (try eu-2@eu)" },
	{ BUS ", relays: [eu, us, a@b@eu] }\n", NULL,
		"f: bus.relays: a@b@eu: must be NAME@REGION, or a region's name for its first one (try eu-2@eu)" },
	{ SERVER "bus: { servers: [nats://h:1], regions: [eu, us, us] }\n", NULL,
		"f: bus.regions: us: listed twice (keep one)" },
};

START_TEST(who_is_on_the_bus_is_read_or_refused_with_a_sentence)
{
	struct err err = { .text = "" };
	struct relay_conf *conf = relay_conf_parse("f", files[_i].yaml, strlen(files[_i].yaml), &err);
	struct buf got = { 0 };

	for (size_t i = 0; conf != NULL && i < conf->nrelays; i++)
		buf_printf(&got, "%s%s@%s%s", i > 0 ? " " : "", conf->relays[i].name, conf->relays[i].region,
			strcmp(conf->relays[i].name, conf->name) == 0 ? "*" : "");
	ck_assert_str_eq(
		conf != NULL ? got.text : err.text, files[_i].relays != NULL ? files[_i].relays : files[_i].wrong);
	ck_assert_int_eq(conf != NULL, files[_i].relays != NULL);
	buf_fini(&got);
	relay_conf_free(conf);
}
END_TEST

/* The file is gslbd's, too. unknown: what nobody knows; NULL: each key is known. */
static const struct {
	const char *yaml, *unknown;
} keys[] = {
	{ "server: { listen: [127.0.0.1@53], workers: 1, limits: { tcp-clients: 1 }, rrl: { rate: 1 }, cookies: {} }\n"
	  "zones: { directory: zones }\ngeo: {}\nlatency: {}\nhealth: {}\ndrills: {}\nselection: {}\ncontrol: {}\n"
	  "http: {}\nlog: {}\n",
		NULL },
	{ "serve: { region: eu }\n", "serve" },
	{ "server: { regoin: eu }\n", "regoin" },
	{ "relay: { sokcet: s }\n", "sokcet" },
	{ "state: { folder: s }\n", "folder" },
	{ BUS ", realys: [eu, us] }\n", "realys" },
	{ "caches: [ { type: redis, name: shop, socket: 127.0.0.1@6379, prefx: 'shop:' } ]\n", "prefx" },
};

START_TEST(a_key_that_nobody_knows_is_a_mistake)
{
	struct err err = { .text = "" };
	struct relay_conf *conf = relay_conf_parse("f", keys[_i].yaml, strlen(keys[_i].yaml), &err);

	if (keys[_i].unknown == NULL)
		ck_assert_msg(conf != NULL, "%s", err.text);
	else
		ck_assert_msg(conf == NULL && strstr(err.text, keys[_i].unknown) != NULL, "%s", err.text);
	relay_conf_free(conf);
}
END_TEST

#define CACHE "caches: [ { name: ub1, "

static const struct {
	const char *yaml, *wrong;
} incomplete[] = {
	{ CACHE "type: unbound } ]\n",
		"f: caches: ub1: socket: must be given (unbound.conf's control-interface, as a path)" },
	{ CACHE "type: dnsmasq } ]\n", "f: caches: ub1: pid-file: must be given (the path that dnsmasq has it at)" },
	{ CACHE "type: bind, socket: 127.0.0.1@953 } ]\n",
		"f: caches: ub1: socket and key-file: must be given (ADDRESS@PORT of named's controls, and a file with "
		"rndc.key's secret in base64)" },
	{ CACHE "type: squid } ]\n",
		"f: caches: ub1: type: squid: no such cache (try unbound, bind, powerdns, knot, dnsmasq, resolved, "
		"http, redis and memcached)" },
};

START_TEST(what_a_cache_cannot_be_told_without_is_asked_for_when_the_file_is_read)
{
	struct err err = { .text = "" };

	ck_assert_ptr_null(relay_conf_parse("f", incomplete[_i].yaml, strlen(incomplete[_i].yaml), &err));
	ck_assert_str_eq(err.text, incomplete[_i].wrong);
}
END_TEST

#define TOKEN "0123456789abcdef"

static const struct {
	const char *file;
	const char *tokens; /* "NAME=TOKEN …"; NULL: refused, … */
	unsigned line;      /* … at that line */
} token_files[] = {
	{ "shop " TOKEN "\n", "shop=" TOKEN, 0 },
	{ TOKEN, "http=" TOKEN, 0 },
	{ "# ours\r\n\r\nshop\t" TOKEN " \r\n  " TOKEN "g\n", "shop=" TOKEN " http=" TOKEN "g", 0 },
	{ "# none\n", "", 0 },
	{ "# ours\nshop 0123456789abcde\n", NULL, 2 },
	{ "the shop " TOKEN "\n", NULL, 1 },
	{ TOKEN "\nsh.op " TOKEN "\n", NULL, 2 },
};

START_TEST(tokens_are_lines_of_a_name_and_a_token)
{
	static const char yaml[] = "relay: { listen: 127.0.0.1@9154, token-file: tokens }\n";
	char folder[UNIT_FOLDER_MAX], place[UNIT_FOLDER_MAX + 32];
	char *path, *at;
	struct err err = { .text = "" };
	struct relay_conf *conf;
	struct buf got = { 0 };
	FILE *file;

	unit_folder(folder);
	path = mem_printf("%s/tokens", folder);
	at = mem_printf("%s/f", folder);
	file = fopen(path, "w");
	fputs(token_files[_i].file, file);
	fclose(file);
	conf = relay_conf_parse(at, yaml, sizeof yaml - 1, &err);
	for (size_t i = 0; conf != NULL && i < conf->ntokens; i++)
		buf_printf(&got, "%s%s=%s", i > 0 ? " " : "", conf->tokens[i].name, conf->tokens[i].secret);
	ck_assert_int_eq(conf != NULL, token_files[_i].tokens != NULL);
	snprintf(place, sizeof place, "%s:%u: wants", path, token_files[_i].line);
	if (conf != NULL)
		ck_assert_str_eq(got.len > 0 ? got.text : "", token_files[_i].tokens);
	else
		ck_assert_msg(strstr(err.text, place) != NULL, "%s", err.text);
	relay_conf_free(conf);
	buf_fini(&got);
	free(path);
	free(at);
}
END_TEST

/* ---- events ---- */

START_TEST(an_event_for_one_relay_is_for_no_other_of_its_region)
{
	const char *const regions[] = { "eu" };
	struct event event = { .class = EVENT_ALL }, read;
	struct arena *arena = arena_new();
	struct buf text = { 0 };
	struct err err;
	bool parked;

	ck_assert(event_is_for(&event, "us", "us"));
	event = (struct event){ .class = EVENT_ALL,
		.nregions = 1,
		.regions = regions,
		.origin = "us",
		.epoch = 1,
		.oseq = 1,
		.why = "",
		.actor = "",
		.trace = "" };
	ck_assert(event_is_for(&event, "eu", "eu") && event_is_for(&event, "eu", "eu-2"));
	ck_assert(!event_is_for(&event, "us", "us") && !event_is_for(&event, "us", "eu"));
	event.relay = "eu-2";
	event_print(&event, &text);
	ck_assert_msg(event_parse(text.text, text.len, true, arena, &read, &parked, &err), "%s", err.text);
	ck_assert(event_is_for(&read, "eu", "eu-2"));
	ck_assert(!event_is_for(&read, "eu", "eu") && !event_is_for(&read, "us", "us"));
	ck_assert(!event_parse("{\"class\":\"all\",\"relay\":\"eu\"}", 28, false, arena, &read, &parked, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "given by the relay: leave them out"));
	buf_fini(&text);
	arena_free(arena);
}
END_TEST

/* ---- the log ---- */

static bool check_origin(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct arena *arena = arena_new();
	const struct store *store = arg;
	struct event event;
	bool parked;

	ck_assert(event_parse(bytes, len, true, arena, &event, &parked, NULL));
	ck_assert_str_eq(event.origin, "eu-2");
	ck_assert_uint_eq(event.epoch, store_epoch(store));
	ck_assert_uint_eq(event.oseq, oseq);
	arena_free(arena);
	return true;
}

/* What two hosts did by mistake is mended by giving one a name: it must lose nothing, and say nothing under numbers that are had. */
START_TEST(a_log_that_gets_another_name_goes_on_as_another_life)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 16];
	struct event event = { .class = EVENT_ALL, .why = "", .actor = "", .trace = "" };
	struct store *store;
	uint32_t epoch;
	uint64_t rows, oldest_ms, last;
	bool fresh;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/relay.db", folder);
	store = store_open(path, "eu", 1000000, &fresh, NULL);
	epoch = store_epoch(store);
	for (int i = 0; i < 3; i++)
		ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(store_receipt(store, "us", epoch, 2, false, NULL));
	store_close(store);
	store = store_open(path, "eu", 2000000, &fresh, NULL);
	ck_assert_uint_eq(store_epoch(store), epoch); /* the same name: nothing has changed */
	store_close(store);
	for (int i = 0; i < 2; i++) {
		store = store_open(path, "eu-2", 3000000, &fresh, NULL);
		ck_assert(!fresh);
		ck_assert_uint_eq(store_epoch(store), epoch + 1); /* once */
		ck_assert(store_outbox_left(store, &rows, &oldest_ms, &last));
		ck_assert_uint_eq(rows, 3);
		ck_assert_uint_eq(store_receipt_of(store, "us", NULL), 0);
		ck_assert(store_outbox(store, 0, 10, check_origin, store, NULL));
		store_close(store);
	}
}
END_TEST

/* A log of an older version does not say what its name was, and its host gets another one with the new version. */
START_TEST(a_log_of_an_older_version_that_gets_a_name_goes_on_as_another_life)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 16];
	struct event event = { .class = EVENT_ALL, .why = "", .actor = "", .trace = "" };
	struct store *store;
	uint32_t epoch;
	bool fresh;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/relay.db", folder);
	store = store_open(path, "eu", 1000000, &fresh, NULL);
	epoch = store_epoch(store);
	ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(sql_meta_put(store, "named", 0, NULL));
	store_close(store);
	store = store_open(path, "eu", 2000000, &fresh, NULL);
	ck_assert_uint_eq(store_epoch(store), epoch); /* it is its region's yet */
	ck_assert(sql_begin(store, NULL) && sql_meta_put(store, "named", 0, NULL));
	store_close(store);
	store = store_open(path, "eu-2", 3000000, &fresh, NULL);
	ck_assert_uint_eq(store_epoch(store), epoch + 1);
	ck_assert(store_outbox(store, 0, 10, check_origin, store, NULL));
	store_close(store);
}
END_TEST

/* ---- strangers ---- */

START_TEST(a_host_with_our_name_and_one_that_is_not_in_the_file_are_noticed)
{
	static const char yaml[] = BUS ", relays: [eu, eu-2@eu, us], name: eu-2 }\n";
	struct relay_conf *conf = relay_conf_parse("f", yaml, sizeof yaml - 1, NULL);
	struct strangers strangers = { 0 };
	char text[STRANGERS_TEXT_MAX];

	ck_assert(strangers_hear(&strangers, conf, "eu", "ns1", "eu", 1000));
	ck_assert(strangers_hear(&strangers, conf, "us", "ns1", "us", 1000));
	ck_assert_uint_eq(strangers_look(&strangers, conf, 1000, text), 0);
	ck_assert_str_eq(text, "");
	ck_assert(!strangers_hear(&strangers, conf, "eu", "ns3", "eu-3", 2000));
	ck_assert(!strangers_hear(&strangers, conf, "eu", "ns1", "eu-2", 3000));
	ck_assert(!strangers_hear(&strangers, conf, "us", "ns9", "eu", 2000)); /* a name, and not its region */
	ck_assert_uint_eq(strangers_look(&strangers, conf, 3000, text), 3);
	ck_assert_str_eq(text, "another host, eu/ns1, has our name on the bus, eu-2: give each a bus.name of its own");
	ck_assert(strangers_have_our_name(&strangers, conf, 3000));
	ck_assert(!strangers_have_our_name(&strangers, conf, 3000 + STRANGERS_KEPT_MS));
	ck_assert_uint_eq(strangers_look(&strangers, conf, 2000 + STRANGERS_KEPT_MS, text), 1);
	ck_assert(!strangers_hear(&strangers, conf, "eu", "ns3", "eu-3", 4000 + STRANGERS_KEPT_MS));
	ck_assert_uint_eq(strangers_look(&strangers, conf, 4000 + STRANGERS_KEPT_MS, text), 1);
	ck_assert_str_eq(text, "a host that we do not hear, eu/ns3, is eu-3 on the bus: add eu-3@eu to bus.relays, "
			       "alike in each host's file");
	for (char c = 'a'; c <= 'z'; c++) /* more than there are places for */
		ck_assert(!strangers_hear(&strangers, conf, "eu", (char[]){ c, '\0' }, "eu-3", 60000));
	ck_assert_uint_eq(strangers_look(&strangers, conf, 60000, text), STRANGERS_MAX);
	relay_conf_free(conf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relays");
	TCase *all = tcase_create("relays");

	tcase_add_loop_test(all, who_is_on_the_bus_is_read_or_refused_with_a_sentence, 0, COUNT_OF(files));
	tcase_add_loop_test(all, a_key_that_nobody_knows_is_a_mistake, 0, COUNT_OF(keys));
	tcase_add_loop_test(
		all, what_a_cache_cannot_be_told_without_is_asked_for_when_the_file_is_read, 0, COUNT_OF(incomplete));
	tcase_add_loop_test(all, tokens_are_lines_of_a_name_and_a_token, 0, COUNT_OF(token_files));
	tcase_add_test(all, an_event_for_one_relay_is_for_no_other_of_its_region);
	tcase_add_test(all, a_log_that_gets_another_name_goes_on_as_another_life);
	tcase_add_test(all, a_log_of_an_older_version_that_gets_a_name_goes_on_as_another_life);
	tcase_add_test(all, a_host_with_our_name_and_one_that_is_not_in_the_file_are_noticed);
	suite_add_tcase(suite, all);
	return unit_run(suite);
}
