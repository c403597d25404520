#include "tests/unit/unit.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/adapter.h"
#include "relay/breaker.h"
#include "relay/check.h"
#include "relay/event.h"
#include "relay/ingress.h"
#include "relay/limit.h"
#include "relay/pacer.h"
#include "relay/pending.h"
#include "relay/policy.h"
#include "relay/store.h"
#include "relay/store_sql.h"
#include "relay/verify.h"

/* ---- the gate ---- */

enum what { NAME, KEY, TAG, URL };

static const struct {
	enum what what;
	const char *text;
	const char *canonical; /* NULL: refused */
} texts[] = {
	{ NAME, "WWW.Example.COM.", "www.example.com" },
	{ NAME, "*.app.example", "*.app.example" },
	{ NAME, "_gslb.www.example", "_gslb.www.example" },
	{ NAME, "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
	{ NAME, "", NULL },
	{ NAME, ".", NULL },
	{ NAME, "a..b", NULL },
	{ NAME, ".a", NULL },
	{ NAME, "a.*.b", NULL },
	{ NAME, "*", NULL },
	{ NAME, "m\303\274nchen.example", NULL },
	{ NAME, "x';quit()--", NULL },
	{ NAME, "x', true); return os.getenv('HOME')--", NULL },
	{ NAME, "www.example\nstop", NULL },
	{ NAME, "www.example stop", NULL },
	{ NAME, "a23456789012345678901234567890123456789012345678901234567890123.example",
		"a23456789012345678901234567890123456789012345678901234567890123.example" },
	{ NAME, "a234567890123456789012345678901234567890123456789012345678901234.example", NULL },
	{ KEY, "user:42:profile", "user:42:profile" },
	{ KEY, "\303\274", "\303\274" },
	{ KEY, "a b", NULL },
	{ KEY, "x\r\nflush_all", NULL },
	{ KEY, "", NULL },
	{ TAG, "product:42", "product:42" },
	{ TAG, "a/b.c-d_e", "a/b.c-d_e" },
	{ TAG, "a b", NULL },
	{ TAG, "a,b", NULL },
	{ TAG, "x && req.url ~ .", NULL },
	{ URL, "HTTP://WWW.Example.com", "http://www.example.com/" },
	{ URL, "https://www.example.com:443/a?b=c", "https://www.example.com/a?b=c" },
	{ URL, "https://www.example.com:8443/a", "https://www.example.com:8443/a" },
	{ URL, "http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x" },
	{ URL, "http://h.example/a/b/../c/./d", "http://h.example/a/c/d" },
	{ URL, "http://h.example/a/..", "http://h.example/" },
	{ URL, "http://h.example/../../a", "http://h.example/a" },
	{ URL, "http://h.example/a//b/..", "http://h.example/a//" },
	{ URL, "http://h.example/...", "http://h.example/..." },
	{ URL, "http://h.example?a=b", "http://h.example/?a=b" },
	{ URL, "http://h.example/%7euser/%c3%bc", "http://h.example/%7Euser/%C3%BC" },
	{ URL, "http://h.example/%0d%0aX", NULL },
	{ URL, "http://h.example/a b", NULL },
	{ URL, "http://h.example/a\r\nHost: x", NULL },
	{ URL, "http://h.example/a#b", NULL },
	{ URL, "http://user@h.example/", NULL },
	{ URL, "http://h.example:0/", NULL },
	{ URL, "http://h.example:99999/", NULL },
	{ URL, "http://*.example/", NULL },
	{ URL, "ftp://h.example/", NULL },
	{ URL, "http:///a", NULL },
	{ URL, "http://h.example\"/", NULL },
};

START_TEST(what_passes_the_gate_is_canonical_and_nothing_else_passes)
{
	static bool (*const check[])(
		const char *, size_t, char *, struct err *) = { check_name, check_key, check_tag, check_url };
	char out[CHECK_TEXT_MAX], again[CHECK_TEXT_MAX];
	struct err err = { .text = "" };
	bool good = check[texts[_i].what](texts[_i].text, strlen(texts[_i].text), out, &err);

	ck_assert_msg(good == (texts[_i].canonical != NULL), "%s: %s", texts[_i].text, good ? out : err.text);
	if (!good) {
		ck_assert_uint_gt(strlen(err.text), 10);
		return;
	}
	ck_assert_str_eq(out, texts[_i].canonical);
	ck_assert(check[texts[_i].what](out, strlen(out), again, &err));
	ck_assert_str_eq(again, out);
}
END_TEST

START_TEST(a_byte_of_zero_passes_no_gate)
{
	char out[CHECK_TEXT_MAX];

	ck_assert(!check_name("a\0b", 3, out, NULL));
	ck_assert(!check_key("a\0b", 3, out, NULL));
	ck_assert(!check_tag("a\0b", 3, out, NULL));
	ck_assert(!check_url("http://a/\0b", 11, out, NULL));
}
END_TEST

/* ---- events ---- */

static bool parse(const char *text, bool stored, struct arena *arena, struct event *event, struct err *err)
{
	bool parked;

	return event_parse(text, strlen(text), stored, arena, event, &parked, err);
}

static const struct {
	const char *text;
	bool stored;
	const char *wrong; /* part of the sentence; NULL: it is right */
} events[] = {
	{ "{\"class\":\"dns\",\"items\":[{\"n\":\"www.example\",\"t\":[\"A\",\"TXT\"]}]}", false, NULL },
	{ "{\"class\":\"all\"}", false, NULL },
	{ "{\"v\":1,\"class\":\"tag\",\"op\":\"soft\",\"prio\":3,\"items\":[{\"g\":\"a\"},{\"g\":\"b\"}],\"scope\":["
	  "\"eu\"],\"later\":1}",
		false, NULL },
	{ "{\"v\":1,\"origin\":\"eu\",\"epoch\":7,\"oseq\":9,\"gen\":3,\"ts\":5,\"exp\":6,\"class\":\"key\",\"op\":"
	  "\"flush\",\"prio\":2,\"items\":[{\"k\":"
	  "\"a\"}],\"why\":\"w\",\"actor\":\"me\"}",
		true, NULL },
	{ "{\"v\":2,\"class\":\"dns\"}", false, "version 1" },
	{ "{\"class\":\"dns\",\"items\":[{\"n\":\"a\"}],\"origin\":\"eu\"}", false, "leave them out" },
	{ "{\"v\":1,\"class\":\"dns\",\"items\":[{\"n\":\"a\"}]}", true, "origin" },
	{ "{\"v\":1,\"origin\":\"eu\",\"epoch\":0,\"oseq\":1,\"class\":\"all\"}", true, "begin at 1" },
	{ "{\"class\":\"names\"}", false, "class: must be one of" },
	{ "{\"class\":\"dns\",\"op\":\"drop\",\"items\":[{\"n\":\"a\"}]}", false, "op: must be one of" },
	{ "{\"class\":\"dns\",\"items\":[]}", false, "1 to 256" },
	{ "{\"class\":\"dns\",\"items\":[{\"k\":\"a\"}]}", false, "\"n\"" },
	{ "{\"class\":\"dns\",\"items\":[{\"n\":\"a\",\"t\":[\"AXFR\"]}]}", false, "items[0].t[0]" },
	{ "{\"class\":\"dns\",\"items\":[{\"n\":\"a\"},{\"n\":\"a'b\"}]}", false, "items[1]: character 2" },
	{ "{\"class\":\"all\",\"items\":[{\"n\":\"a\"}]}", false, "has none" },
	{ "{\"class\":\"dns\",\"prio\":4,\"items\":[{\"n\":\"a\"}]}", false, "prio" },
	{ "{\"class\":\"dns\",\"gen\":-1,\"items\":[{\"n\":\"a\"}]}", false, "gen" },
	{ "{\"class\":\"dns\",\"scope\":[\"e u\"],\"items\":[{\"n\":\"a\"}]}", false, "scope[0]" },
	{ "{\"class\":\"dns\",\"class\":\"key\",\"items\":[{\"n\":\"a\"}]}", false, "JSON" },
	{ "[]", false, "JSON" },
	{ "", false, "JSON" },
};

START_TEST(an_event_is_read_or_refused_with_a_sentence)
{
	struct arena *arena = arena_new();
	struct err err = { .text = "" };
	struct event event;
	bool good = parse(events[_i].text, events[_i].stored, arena, &event, &err);

	ck_assert_msg(good == (events[_i].wrong == NULL), "%s: %s", events[_i].text, err.text);
	if (!good)
		ck_assert_msg(strstr(err.text, events[_i].wrong) != NULL, "%s: %s", events[_i].text, err.text);
	arena_free(arena);
}
END_TEST

START_TEST(printing_and_reading_an_event_gives_the_same_bytes)
{
	struct arena *arena = arena_new();
	struct buf once = { 0 }, twice = { 0 };
	struct event event, again;
	struct err err = { .text = "" };

	if (events[_i].wrong == NULL) {
		ck_assert(parse(events[_i].text, events[_i].stored, arena, &event, &err));
		if (!events[_i].stored) {
			strcpy(event.origin, "eu");
			event.epoch = 1;
			event.oseq = 2;
		}
		event_print(&event, &once);
		ck_assert_msg(parse(once.text, true, arena, &again, &err), "%s", err.text);
		event_print(&again, &twice);
		ck_assert_str_eq(once.text, twice.text);
	}
	buf_fini(&once);
	buf_fini(&twice);
	arena_free(arena);
}
END_TEST

/* ---- the store ---- */

static char path[UNIT_FOLDER_MAX + 16];

static void store_setup(void)
{
	char folder[UNIT_FOLDER_MAX];

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/relay.db", folder);
}

static struct store *open_store(bool *fresh)
{
	struct err err;
	struct store *store = store_open(path, "eu", 1000000, fresh, &err);

	ck_assert_msg(store != NULL, "%s", err.text);
	return store;
}

static struct event all_event(const char *origin, uint32_t epoch, uint64_t oseq)
{
	struct event event = { .class = EVENT_ALL, .epoch = epoch, .oseq = oseq, .why = "", .actor = "", .trace = "" };

	strcpy(event.origin, origin);
	return event;
}

static enum store_taken take(struct store *store, const char *origin, uint32_t epoch, uint64_t oseq)
{
	struct event event = all_event(origin, epoch, oseq);

	return store_take(store, &event, "x", 1, NULL);
}

static bool count_rows(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	*(uint64_t *)arg += oseq;
	return true;
}

START_TEST(what_was_committed_is_there_after_a_kill_and_what_was_not_is_not)
{
	bool fresh;
	uint64_t sum = 0;
	struct store *store;
	pid_t pid = fork();

	if (pid == 0) {
		struct event event = all_event("", 0, 0);

		store = open_store(&fresh);
		for (int i = 0; i < 10; i++)
			store_add(store, &event, 5, NULL);
		store_commit(store, NULL);
		store_add(store, &event, 5, NULL);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	store = open_store(&fresh);
	ck_assert(!fresh);
	ck_assert(store_outbox(store, 0, 100, count_rows, &sum, NULL));
	ck_assert_uint_eq(sum, 55);
	store_close(store);
}
END_TEST

START_TEST(a_damaged_file_is_put_aside_and_the_log_begins_anew)
{
	bool fresh;
	struct store *store = open_store(&fresh);
	struct event event = all_event("", 0, 0);
	uint32_t epoch = store_epoch(store);
	FILE *file;

	ck_assert(fresh);
	ck_assert(store_add(store, &event, 5, NULL));
	store_close(store);
	file = fopen(path, "r+");
	for (int i = 0; i < 8192; i++)
		fputc('x', file);
	fclose(file);
	store = store_open(path, "eu", 2000000, &fresh, NULL);
	ck_assert_ptr_nonnull(store);
	ck_assert(fresh);
	ck_assert_uint_gt(store_epoch(store), epoch);
	store_close(store);
}
END_TEST

START_TEST(floors_rise_without_gaps_and_nothing_is_taken_twice)
{
	bool fresh, errors;
	struct store *store = open_store(&fresh);
	struct store_mark received, done, mark = { "us", 3, 0 };

	ck_assert_int_eq(take(store, "us", 3, 1), STORE_NEW);
	ck_assert_int_eq(take(store, "us", 3, 4), STORE_NEW);
	ck_assert_int_eq(take(store, "us", 3, 3), STORE_NEW);
	ck_assert_int_eq(take(store, "us", 3, 3), STORE_DUPLICATE);
	ck_assert_int_eq(take(store, "us", 3, 1), STORE_DUPLICATE);
	store_floors(store, "us", &received, &done, &errors);
	ck_assert_uint_eq(received.oseq, 1);
	ck_assert_uint_eq(done.oseq, 0);
	ck_assert_int_eq(take(store, "us", 3, 2), STORE_NEW);
	for (mark.oseq = 1; mark.oseq <= 4; mark.oseq += 2)
		ck_assert(store_done(store, &mark, mark.oseq == 3, NULL));
	store_floors(store, "us", &received, &done, &errors);
	ck_assert_uint_eq(received.oseq, 4);
	ck_assert_uint_eq(done.oseq, 1);
	ck_assert(errors);
	mark.oseq = 2;
	ck_assert(store_done(store, &mark, false, NULL));
	store_floors(store, "us", &received, &done, &errors);
	ck_assert_uint_eq(done.oseq, 3);
	store_close(store);
}
END_TEST

START_TEST(a_new_epoch_begins_at_one_and_the_old_one_is_over)
{
	bool fresh, errors;
	struct store *store = open_store(&fresh);
	struct store_mark received, done;

	ck_assert_int_eq(take(store, "us", 3, 1), STORE_NEW);
	ck_assert_int_eq(take(store, "us", 3, 2), STORE_NEW);
	ck_assert_int_eq(take(store, "us", 9, 1), STORE_EPOCH);
	ck_assert_int_eq(take(store, "us", 3, 3), STORE_DUPLICATE);
	ck_assert_int_eq(take(store, "us", 9, 2), STORE_NEW);
	store_floors(store, "us", &received, &done, &errors);
	ck_assert_uint_eq(received.epoch, 9);
	ck_assert_uint_eq(received.oseq, 2);
	ck_assert(store_jump(store, &(struct store_mark){ "us", 9, 7 }, NULL));
	ck_assert_int_eq(take(store, "us", 9, 5), STORE_DUPLICATE);
	ck_assert_int_eq(take(store, "us", 9, 8), STORE_NEW);
	store_close(store);
}
END_TEST

START_TEST(the_outbox_forgets_what_all_regions_have_and_no_more)
{
	bool fresh;
	struct store *store = open_store(&fresh);
	struct event event = all_event("", 0, 0);
	const char *const regions[] = { "eu", "us" };
	uint64_t rows, oldest_ms, last;
	uint32_t epoch = store_epoch(store);

	for (int i = 0; i < 5; i++)
		ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(store_receipt(store, "eu", epoch, 4, false, NULL));
	ck_assert(store_trim(store, regions, 2, NULL));
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 5);
	ck_assert(store_receipt(store, "us", epoch, 3, false, NULL));
	ck_assert(store_receipt(store, "us", epoch, 2, false, NULL)); /* late: it does not go back */
	ck_assert(store_trim(store, regions, 2, NULL));
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 2);
	ck_assert_uint_eq(last, 5);
	ck_assert(!store_receipt(store, "us", epoch, 6, false, NULL));
	ck_assert(!store_receipt(store, "us", epoch + 1, 1, false, NULL));
	ck_assert(
		store_receipt(store, "us", epoch - 1, 900, false, NULL)); /* of a life before: it counts for nothing */
	ck_assert_uint_eq(store_receipt_of(store, "us", NULL), 3);
	store_close(store);
}
END_TEST

START_TEST(what_is_kept_for_a_region_that_is_away_has_bounds)
{
	bool fresh;
	struct store *store = open_store(&fresh);
	struct event event = all_event("", 0, 0);
	const char *const alone[] = { "eu" };
	uint64_t rows, oldest_ms, last, gone;
	uint32_t epoch = store_epoch(store);

	for (uint64_t i = 1; i <= 10; i++) {
		ck_assert(store_add(store, &event, i * 100, NULL));
		ck_assert_int_eq(take(store, "eu", epoch, i), STORE_NEW);
	}
	ck_assert(store_receipt(store, "eu", epoch, 10, false, NULL));
	ck_assert(store_receipt(store, "us", epoch, 2, false, NULL));
	ck_assert(store_trim(store, alone, 1, NULL)); /* us is not named any more, and may be again */
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 8);
	ck_assert(store_let_go(store, 300, 8, &gone, NULL)); /* neither too old nor too many */
	ck_assert_uint_eq(gone, 0);
	ck_assert(store_commit(store, NULL));
	ck_assert(store_let_go(store, 501, 8, &gone, NULL)); /* 3, 4 and 5 are too old */
	ck_assert_uint_eq(gone, 3);
	ck_assert_uint_eq(store_gone(store), 5);
	store->failed = true;
	ck_assert(!store_commit(store, NULL)); /* they are there again */
	ck_assert_uint_eq(store_gone(store), 0);
	ck_assert(store_let_go(store, 501, 8, &gone, NULL));
	ck_assert_uint_eq(gone, 3);
	ck_assert(store_let_go(store, 501, 4, &gone, NULL)); /* and 6 is too much */
	ck_assert_uint_eq(gone, 1);
	ck_assert(store_commit(store, NULL));
	store_close(store);
	store = open_store(&fresh);
	ck_assert_uint_eq(store_gone(store), 6);
	ck_assert(store_say_gone(store, "us", "us", 1100, NULL));
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 5);
	ck_assert_uint_eq(last, 11);
	ck_assert(store_let_go(store, 9999, 0, &gone, NULL)); /* what this region has not taken from it stays */
	ck_assert_uint_eq(gone, 4);
	store_close(store);
}
END_TEST

/* The smallest number of the outbox, and the epoch of each event in it. */
static bool check_epoch(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct arena *arena = arena_new();
	uint32_t *epoch = arg;
	struct event event;
	bool parked;

	ck_assert(event_parse(bytes, len, true, arena, &event, &parked, NULL));
	ck_assert_uint_eq(event.epoch, *epoch);
	ck_assert_uint_eq(event.oseq, oseq);
	arena_free(arena);
	return true;
}

START_TEST(an_old_copy_of_a_log_begins_an_epoch_above_what_regions_have)
{
	bool fresh;
	struct store *store = open_store(&fresh);
	struct event event = all_event("", 0, 0);
	uint32_t epoch = store_epoch(store), now;

	for (int i = 0; i < 3; i++)
		ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert(!store_is_ahead(store, epoch, 3));
	ck_assert(store_is_ahead(store, epoch, 4));
	ck_assert(store_begin_anew(store, epoch + 7, NULL));
	now = store_epoch(store);
	ck_assert_uint_eq(now, epoch + 8);
	ck_assert(!store_is_ahead(store, epoch, 4));
	ck_assert(store_outbox(store, 0, 10, check_epoch, &now, NULL));
	store_close(store);
	store = open_store(&fresh);
	ck_assert(!fresh);
	ck_assert_uint_eq(store_epoch(store), now);
	ck_assert(store_outbox(store, 0, 10, check_epoch, &now, NULL));
	store_close(store);
}
END_TEST

START_TEST(a_coarse_flush_is_owed_until_it_was_done)
{
	bool fresh;
	struct store *store = open_store(&fresh);

	ck_assert(store_coarse_due(store));
	store_close(store);
	store = open_store(&fresh);
	ck_assert(!fresh);
	ck_assert(store_coarse_due(store));
	ck_assert(store_coarse_done(store, NULL));
	store_close(store);
	store = open_store(&fresh);
	ck_assert(!store_coarse_due(store));
	ck_assert_int_eq(take(store, "us", 3, 5), STORE_EPOCH);
	store_close(store);
	store = open_store(&fresh);
	ck_assert(store_coarse_due(store));
	store_close(store);
}
END_TEST

/* A disk that is full for some time: what was said no to is not there, and what comes afterwards has no gap before it. */
static void store_fail_next(struct store *store)
{
	uint64_t oseq = store->last_oseq;

	store->last_oseq = 0; /* number 1 is there already */
	ck_assert(
		!store_add(store, &(struct event){ .class = EVENT_ALL, .why = "", .actor = "", .trace = "" }, 5, NULL));
	store->last_oseq = oseq;
}

START_TEST(a_statement_that_fails_takes_its_transaction_along)
{
	bool fresh;
	struct store *store = open_store(&fresh);
	struct event event = all_event("", 0, 0);
	uint64_t sum = 0;
	struct err err;

	ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert_int_eq(take(store, "us", 3, 1), STORE_NEW);
	ck_assert(store_add(store, &event, 5, NULL));
	store_fail_next(store); /* as SQLite does on a full disk */
	ck_assert(!store_add(store, &event, 5, &err));
	ck_assert(!store_add(store, &event, 5, &err));
	ck_assert_uint_eq(store_rollbacks(store), 0);
	ck_assert(!store_commit(store, &err));
	ck_assert_uint_eq(store_rollbacks(store), 1);
	ck_assert_ptr_nonnull(strstr(err.text, "relay.db: "));
	ck_assert(store_add(store, &event, 5, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert(store_outbox(store, 0, 10, count_rows, &sum, NULL));
	ck_assert_uint_eq(sum, 1 + 2);
	ck_assert_int_eq(take(store, "us", 3, 1), STORE_NEW);
	store_close(store);
}
END_TEST

/* ---- the policy ---- */

static const char policy_text[] = "# who may\n"
				  "actor shop key cart: stock:\n"
				  "  actor shop\tdns  Svc.Example.\r\n"
				  "\n"
				  "actor ops all\n"
				  "actor * tag *\n"
				  "actor web url h.example\n";

static const struct {
	const char *name, *event;
	bool allowed;
} policy_cases[] = {
	{ "shop", "{\"class\":\"key\",\"items\":[{\"k\":\"cart:1\"},{\"k\":\"stock:\"}]}", true },
	{ "shop", "{\"class\":\"key\",\"items\":[{\"k\":\"cart:1\"},{\"k\":\"cart\"}]}", false },
	{ "shop", "{\"class\":\"dns\",\"items\":[{\"n\":\"A.SVC.example\"}]}", true },
	{ "shop", "{\"class\":\"dns\",\"items\":[{\"n\":\"svc.example\"}]}", true },
	{ "shop", "{\"class\":\"dns\",\"items\":[{\"n\":\"xsvc.example\"}]}", false },
	{ "shop", "{\"class\":\"zone\",\"items\":[{\"n\":\"svc.example\"}]}", false },
	{ "shop", "{\"class\":\"tag\",\"items\":[{\"g\":\"a\"}]}", true },
	{ "shop", "{\"class\":\"all\"}", false },
	{ "ops", "{\"class\":\"all\"}", true },
	{ "ops", "{\"class\":\"key\",\"items\":[{\"k\":\"cart:1\"}]}", false },
	{ "web", "{\"class\":\"url\",\"items\":[{\"u\":\"https://H.example:8443/x\"}]}", true },
	{ "web", "{\"class\":\"url\",\"items\":[{\"u\":\"http://h.example.evil/\"}]}", false },
	{ "web", "{\"class\":\"prefix\",\"items\":[{\"u\":\"http://h.example/\"}]}", false },
};

START_TEST(a_policy_allows_what_it_says_and_no_more)
{
	struct arena *arena = arena_new();
	struct err err;
	const struct policy *policy = policy_parse("p", policy_text, strlen(policy_text), arena, &err);
	struct event event;
	bool parked;

	ck_assert_msg(policy != NULL, "%s", err.text);
	for (unsigned i = 0; i < COUNT_OF(policy_cases); i++) {
		const char *text = policy_cases[i].event;

		ck_assert(event_parse(text, strlen(text), false, arena, &event, &parked, &err));
		ck_assert_msg(policy_allows(policy, POLICY_ACTOR, policy_cases[i].name, &event, &err) ==
				      policy_cases[i].allowed,
			"%s %s", policy_cases[i].name, text);
		ck_assert(policy_allows(policy, POLICY_REGION, "us", &event, &err)); /* it names none */
		ck_assert(policy_allows(NULL, POLICY_REGION, "us", &event, &err));
		ck_assert(policy_allows(NULL, POLICY_ACTOR, "shop", &event, &err) ==
			  (event.class != EVENT_ALL && event.class != EVENT_ZONE && event.class != EVENT_PREFIX));
	}
	arena_free(arena);
}
END_TEST

static const char *const wrong_policies[] = { "shop key *", "actor", "actor a;b key *", "actor shop keys *",
	"actor shop key", "actor ops all cart:", "actor shop dns a..b", "actor web url http://h.example/" };

START_TEST(a_line_of_a_policy_that_is_wrong_is_named)
{
	for (unsigned i = 0; i < COUNT_OF(wrong_policies); i++) {
		struct arena *arena = arena_new();
		char *text = mem_printf("actor shop key *\n%s\n", wrong_policies[i]);
		struct err err;

		ck_assert_msg(policy_parse("p", text, strlen(text), arena, &err) == NULL, "%s", wrong_policies[i]);
		ck_assert_msg(strncmp(err.text, "p:2: ", 5) == 0, "%s", err.text);
		free(text);
		arena_free(arena);
	}
}
END_TEST

/* ---- limits ---- */

START_TEST(an_actor_is_limited_and_another_is_not)
{
	static struct limit limit;
	uint32_t after_s;

	limit = (struct limit){ 0 };
	for (int i = 0; i < 50; i++)
		ck_assert(limit_take(&limit, "shop", 200, false, 1000, &after_s));
	ck_assert(!limit_take(&limit, "shop", 200, false, 1000, &after_s));
	ck_assert_uint_eq(after_s, 1);
	ck_assert(limit_take(&limit, "other", 200, false, 1000, &after_s));
	ck_assert(limit_take(&limit, "shop", 200, false, 2000, &after_s));
	for (int i = 0; i < 3; i++)
		ck_assert(limit_take(&limit, "other", 1, true, 2000, &after_s));
	ck_assert(!limit_take(&limit, "other", 1, true, 2000, &after_s));
	ck_assert_uint_eq(after_s, 10);
	ck_assert(limit_take(&limit, "other", 1, true, 12000, &after_s));
}
END_TEST

START_TEST(thousands_of_actors_take_no_more_room)
{
	static struct limit limit;
	char name[32];
	uint32_t after_s;

	limit = (struct limit){ 0 };
	ck_assert(limit_take(&limit, "shop", 10000, false, 1000, &after_s));
	for (unsigned i = 0; i < LIMIT_ACTORS - 1; i++) {
		snprintf(name, sizeof name, "a%u", i);
		ck_assert(limit_take(&limit, name, 1, false, 2000, &after_s));
	}
	ck_assert(!limit_take(&limit, "shop", 10000, false, 2000, &after_s));
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "b%u", i);
		ck_assert(limit_take(&limit, name, 1, false, 3000 + i, &after_s));
	}
}
END_TEST

/* ---- what comes over HTTP ---- */

static const struct {
	const char *body, *event; /* NULL: refused */
} bodies[] = {
	{ "{\"class\":\"tag\",\"items\":[{\"g\":\"a\"}]}", "{\"class\":\"tag\",\"items\":[{\"g\":\"a\"}]}" },
	{ "{\"type\":\"uri\",\"selectors\":[\"http://h.example/a\"],\"purge\":true}",
		"{\"class\":\"url\",\"op\":\"flush\",\"items\":[{\"u\":\"http://h.example/a\"}]}" },
	{ "{\"type\":\"uri-prefix\",\"selectors\":[\"http://h.example/a\"]}",
		"{\"class\":\"prefix\",\"op\":\"soft\",\"items\":[{\"u\":\"http://h.example/a\"}]}" },
	{ "{\"type\":\"origin\",\"selectors\":[\"http://h.example\"],\"purge\":true}",
		"{\"class\":\"prefix\",\"op\":\"flush\",\"items\":[{\"u\":\"http://h.example\"}]}" },
	{ "{\"type\":\"group\",\"selectors\":[\"a\",\"b\"],\"purge\":true}",
		"{\"class\":\"tag\",\"op\":\"flush\",\"items\":[{\"g\":\"a\"},{\"g\":\"b\"}]}" },
	{ "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\"type\":\"t\",\"data\":{\"class\":\"all\"}}",
		"{\"class\":\"all\",\"why\":\"/shop\"}" },
	{ "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\"type\":\"t\",\"data_base64\":\"e30=\"}", NULL },
	{ "{\"type\":\"planet\",\"selectors\":[\"a\"]}", NULL },
	{ "{\"type\":\"uri\",\"selectors\":\"a\"}", NULL },
	{ "[]", NULL },
	{ "", NULL },
	{ "{\"a\":1,\"a\":2}", NULL },
};

START_TEST(a_body_is_the_event_that_it_means)
{
	struct err err = { .text = "" };
	json_t *event = ingress_event(bodies[_i].body, strlen(bodies[_i].body), &err);
	char *text = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;

	ck_assert_msg((event != NULL) == (bodies[_i].event != NULL), "%s: %s", bodies[_i].body, err.text);
	if (text != NULL)
		ck_assert_str_eq(text, bodies[_i].event);
	else
		ck_assert_uint_gt(strlen(err.text), 0);
	free(text);
	json_decref(event);
}
END_TEST

/* ---- verifying ---- */

START_TEST(an_answer_is_read_and_a_damaged_one_is_not)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 7 };
	static const uint8_t cname[] = { 0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 2, 0xc0, 12 };
	uint8_t bytes[VERIFY_QUERY_MAX + sizeof record + sizeof cname];
	struct addr client = { .family = ADDR_V4, .bytes = { 192, 0, 2, 1 } };
	size_t len = verify_question("www.example.com", 1, 77, &client, bytes), all;
	struct verify_answer answer;

	ck_assert_uint_eq(len, 12 + 17 + 4 + 11 + 12);
	ck_assert(!verify_parse(bytes, len, 77, 1, &answer));              /* a question is no answer */
	len = verify_question("www.example.com", 1, 77, NULL, bytes) - 11; /* no OPT */
	bytes[2] |= 0x80;
	bytes[7] = 2;
	bytes[11] = 0;
	memcpy(bytes + len, cname, sizeof cname);
	memcpy(bytes + len + sizeof cname, record, sizeof record);
	all = len + sizeof cname + sizeof record;
	ck_assert(verify_parse(bytes, all, 77, 1, &answer));
	ck_assert_uint_eq(answer.n, 1);
	ck_assert_mem_eq(answer.data[0], record + 12, 4);
	ck_assert(!verify_parse(bytes, all, 78, 1, &answer));
	ck_assert(!verify_parse(bytes, all, 77, 28, &answer));
	for (size_t cut = 0; cut < all; cut++)
		ck_assert(!verify_parse(bytes, cut, 77, 1, &answer));
}
END_TEST

/* ---- pending ---- */

static unsigned nflushed, ngone;

static void flushed(struct job *job)
{
	(void)job;
	nflushed++;
}

static void gone(struct job *job)
{
	(void)job;
	ngone++;
}

static struct job new_job(void)
{
	return (struct job){ .flushed = flushed, .gone = gone };
}

static void ask(struct pending *pending, struct job *job, enum event_class class, enum event_prio prio,
	const char *text, float rate, uint64_t now_ms)
{
	const struct event_item item = { .text = text };
	const struct event event = { .class = class, .prio = prio, .nitems = 1, .items = &item };

	ck_assert(pending_add(pending, job, &event, &item, rate, now_ms));
}

START_TEST(an_item_asked_for_often_is_done_at_once_and_then_gathered)
{
	struct pending *pending = pending_new();
	struct job job[3] = { new_job(), new_job(), new_job() };
	const struct pending_entry *entry;

	nflushed = ngone = 0;
	ask(pending, &job[0], EVENT_TAG, EVENT_HOT, "a", 0, 1000);
	entry = pending_take(pending, 1000);
	ck_assert_ptr_nonnull(entry);
	pending_finish(pending, entry, true, 1001);
	ck_assert_uint_eq(ngone, 1);
	ask(pending, &job[1], EVENT_TAG, EVENT_HOT, "a", 0, 1010);
	ask(pending, &job[2], EVENT_TAG, EVENT_HOT, "a", 0, 1050);
	ck_assert_ptr_null(pending_take(pending, 1100));
	ck_assert_uint_eq(pending_next_ms(pending), 1101);
	entry = pending_take(pending, 1101);
	ck_assert_ptr_nonnull(entry);
	pending_finish(pending, entry, true, 1102);
	ck_assert_uint_eq(ngone, 3);
	ck_assert_uint_eq(pending_coalesced(pending), 1);
	ck_assert_uint_eq(pending_count(pending), 0);
	pending_free(pending);
}
END_TEST

START_TEST(what_is_urgent_goes_first_then_what_is_hot)
{
	static const char *const wanted[] = { "failover", "edit", "hot", "warm", "cold" };
	struct pending *pending = pending_new();
	struct job job = new_job();

	ask(pending, &job, EVENT_KEY, EVENT_BULK, "cold", 1, 1000);
	ask(pending, &job, EVENT_KEY, EVENT_BULK, "hot", 100, 1000);
	ask(pending, &job, EVENT_KEY, EVENT_BULK, "warm", 10, 1000);
	ask(pending, &job, EVENT_DNS, EVENT_EDIT, "edit", 0, 1000);
	ask(pending, &job, EVENT_DNS, EVENT_FAILOVER, "failover", 0, 1000);
	for (unsigned i = 0; i < COUNT_OF(wanted); i++)
		ck_assert_str_eq(pending_take(pending, 1000)->text, wanted[i]);
	pending_free(pending);
}
END_TEST

/* An answer that was on its way comes soon, as a rule; and at the latest after a resolver's upstream timeout. */
static const struct {
	enum event_class class;
	enum event_prio prio;
	unsigned others; /* that wait, too */
	unsigned at_ms[PENDING_LAST_ROUND + 1];
} again[] = {
	{ EVENT_DNS, EVENT_FAILOVER, 0,
		{ 0, PENDING_SOON_MS, PENDING_LATER_MS, PENDING_YET_LATER_MS, PENDING_REFLUSH_MS } },
	{ EVENT_DNS, EVENT_FAILOVER, PENDING_SOON_MAX, { 0, PENDING_REFLUSH_MS } },
	{ EVENT_DNS, EVENT_EDIT, 0, { 0, PENDING_REFLUSH_MS } },
	{ EVENT_ZONE, EVENT_FAILOVER, 0, { 0, PENDING_REFLUSH_MS } },
	{ EVENT_DNS, EVENT_HOT, 0, { 0 } },
	{ EVENT_KEY, EVENT_FAILOVER, 0, { 0 } },
};

START_TEST(a_name_is_dropped_again_until_nothing_can_be_on_its_way)
{
	struct pending *pending = pending_new();
	struct job job = new_job(), other = new_job();
	char text[16];

	nflushed = ngone = 0;
	for (unsigned i = 0; i < again[_i].others; i++) {
		snprintf(text, sizeof text, "%u", i);
		ask(pending, &other, EVENT_KEY, EVENT_BULK, text, 0, 1000);
	}
	ask(pending, &job, again[_i].class, again[_i].prio, "www", 0, 1000);
	for (unsigned round = 0; round <= PENDING_LAST_ROUND && (round == 0 || again[_i].at_ms[round] > 0); round++) {
		const struct pending_entry *entry;

		ck_assert_uint_eq(ngone, 0);
		if (again[_i].others == 0 && round > 0)
			ck_assert_ptr_null(pending_take(pending, 1000 + again[_i].at_ms[round] - 1));
		entry = pending_take(pending, 1000 + again[_i].at_ms[round]);
		ck_assert_ptr_nonnull(entry);
		ck_assert_str_eq(entry->text, "www");
		ck_assert_uint_eq(entry->round == PENDING_LAST_ROUND, again[_i].at_ms[round] == PENDING_REFLUSH_MS);
		pending_finish(pending, entry, true, 1000 + again[_i].at_ms[round]);
		ck_assert_uint_eq(nflushed, 1);
		ck_assert_uint_eq(job.todo, 0);
	}
	ck_assert_uint_eq(ngone, 1);
	ck_assert_uint_eq(job.reflush, 0);
	ck_assert_uint_eq(pending_count(pending), again[_i].others);
	pending_free(pending);
}
END_TEST

/* Twenty changes a second for a minute: RELAY 5.12, 18. */
START_TEST(a_storm_is_one_flush_a_second_and_its_last_change_is_done)
{
	struct pending *pending = pending_new();
	static struct job job[1200];
	unsigned nflushes = 0;
	uint64_t last_change_ms = 0, last_flush_ms = 0;
	const struct pending_entry *entry;

	nflushed = ngone = 0;
	for (uint64_t now_ms = 1000; now_ms < 70000; now_ms += 10) {
		if (now_ms % 50 == 0 && now_ms < 61000) {
			job[(now_ms - 1000) / 50] = new_job();
			ask(pending, &job[(now_ms - 1000) / 50], EVENT_DNS, EVENT_FAILOVER, "www", 0, now_ms);
			last_change_ms = now_ms;
		}
		while ((entry = pending_take(pending, now_ms)) != NULL) {
			nflushes++;
			last_flush_ms = now_ms;
			pending_finish(pending, entry, true, now_ms);
		}
		/* nobody waits for the storm's end: for the next flush, and what was on its way when that was */
		if (now_ms < 61000)
			ck_assert_uint_ge(ngone + 100, (now_ms - 1000) / 50);
	}
	ck_assert_uint_ge(nflushes, 60);
	ck_assert_uint_le(nflushes, 68); /* after the last change some more */
	ck_assert_uint_ge(last_flush_ms, last_change_ms);
	ck_assert_uint_eq(ngone, 1200);
	pending_free(pending);
}
END_TEST

/* Each region's gslbd tells of the same failover; ours may be the last to see it. */
START_TEST(what_this_region_says_does_not_wait_behind_the_others)
{
	struct pending *pending = pending_new();
	struct job theirs[5], ours = new_job();
	uint64_t now_ms = 1000;

	nflushed = ngone = 0;
	ours.ours = true;
	for (unsigned i = 0; i < COUNT_OF(theirs); i++, now_ms += 5) {
		const struct pending_entry *entry;

		theirs[i] = new_job();
		ask(pending, &theirs[i], EVENT_DNS, EVENT_FAILOVER, "www", 0, now_ms);
		entry = pending_take(pending, now_ms);
		ck_assert(i < PENDING_STORM ? entry != NULL : entry == NULL);
		if (entry != NULL)
			pending_finish(pending, entry, true, now_ms);
	}
	ask(pending, &ours, EVENT_DNS, EVENT_FAILOVER, "www", 0, now_ms);
	ck_assert_ptr_nonnull(pending_take(pending, now_ms));
	pending_free(pending);
}
END_TEST

START_TEST(what_changes_while_it_is_being_done_is_done_again)
{
	struct pending *pending = pending_new();
	struct job job[2] = { new_job(), new_job() };
	const struct pending_entry *entry;

	nflushed = ngone = 0;
	ask(pending, &job[0], EVENT_KEY, EVENT_HOT, "a", 0, 1000);
	entry = pending_take(pending, 1000);
	ask(pending, &job[1], EVENT_KEY, EVENT_HOT, "a", 0, 1001);
	pending_finish(pending, entry, true, 1002);
	ck_assert_uint_eq(ngone, 1); /* who was there when it began is served */
	entry = pending_take(pending, 1002 + PENDING_APP_MS);
	ck_assert_ptr_nonnull(entry);
	pending_finish(pending, entry, true, 1200);
	ck_assert_uint_eq(ngone, 2);
	pending_free(pending);
}
END_TEST

/* A late round that fails, and is tried again after a change: that one may have questions on their way, too. */
START_TEST(a_change_while_a_late_round_is_under_way_begins_the_rounds_anew)
{
	struct pending *pending = pending_new();
	struct job job[2] = { new_job(), new_job() };
	const struct pending_entry *entry;

	ask(pending, &job[0], EVENT_DNS, EVENT_EDIT, "www", 0, 1000);
	entry = pending_take(pending, 1000);
	ck_assert_uint_eq(entry->round, 0);
	pending_finish(pending, entry, true, 1000);
	entry = pending_take(pending, 1000 + PENDING_REFLUSH_MS);
	ck_assert_uint_eq(entry->round, PENDING_LAST_ROUND);
	ask(pending, &job[1], EVENT_DNS, EVENT_EDIT, "www", 0, 4000);
	pending_retry(pending, entry, 100, 4000);
	entry = pending_take(pending, 4100);
	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(entry->round, 0);
	pending_finish(pending, entry, true, 4100);
	entry = pending_take(pending, 4100 + PENDING_REFLUSH_MS);
	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(entry->round, PENDING_LAST_ROUND);
	pending_free(pending);
}
END_TEST

/* A cache that takes its time while an item changes and changes: nobody waits for the end of that. */
START_TEST(who_waits_is_served_though_the_item_never_rests)
{
	struct pending *pending = pending_new();
	static struct job job[200];
	const struct pending_entry *entry;
	unsigned nasked = 0;

	nflushed = ngone = 0;
	job[nasked] = new_job();
	ask(pending, &job[nasked++], EVENT_TAG, EVENT_HOT, "a", 0, 1000);
	for (uint64_t now_ms = 1000; now_ms < 61000; now_ms += 1000) {
		entry = pending_take(pending, now_ms);
		ck_assert_ptr_nonnull(entry);
		job[nasked] = new_job();
		ask(pending, &job[nasked++], EVENT_TAG, EVENT_HOT, "a", 0, now_ms + 1);
		pending_finish(pending, entry, true, now_ms + 2);
		now_ms += 2;
		ck_assert_uint_ge(ngone + 1, nasked - 1);
	}
	pending_free(pending);
}
END_TEST

START_TEST(a_second_collapse_joins_the_first)
{
	struct pending *pending = pending_new();
	struct job job[3] = { new_job(), new_job(), new_job() };
	const struct pending_entry *entry;

	nflushed = ngone = 0;
	ask(pending, &job[0], EVENT_KEY, EVENT_BULK, "a", 0, 1000);
	pending_collapse(pending, 1000);
	ask(pending, &job[1], EVENT_KEY, EVENT_BULK, "b", 0, 1000);
	pending_collapse(pending, 1000);
	ck_assert_uint_eq(pending_count(pending), 1);
	entry = pending_take(pending, 1000);
	ask(pending, &job[2], EVENT_KEY, EVENT_BULK, "c", 0, 1001);
	pending_collapse(pending, 1001); /* the one at work has begun too early for it */
	pending_finish(pending, entry, true, 1002);
	ck_assert_uint_eq(ngone, 2);
	entry = pending_take(pending, 3000);
	ck_assert_ptr_nonnull(entry);
	ck_assert_int_eq(entry->class, EVENT_ALL);
	pending_finish(pending, entry, true, 3000);
	ck_assert_uint_eq(ngone, 3);
	pending_free(pending);
}
END_TEST

START_TEST(too_many_collapse_into_one_and_no_job_is_lost)
{
	struct pending *pending = pending_new();
	struct job job = new_job();
	const struct pending_entry *entry;
	char text[16];

	nflushed = ngone = 0;
	for (unsigned i = 0; i < PENDING_MAX; i++) {
		snprintf(text, sizeof text, "k%u", i);
		ask(pending, &job, EVENT_KEY, EVENT_BULK, text, 0, 1000);
	}
	ck_assert(!pending_add(
		pending, &job, &(struct event){ .class = EVENT_KEY }, &(struct event_item){ .text = "x" }, 0, 1000));
	pending_collapse(pending, 1000);
	ck_assert_uint_eq(pending_count(pending), 1);
	entry = pending_take(pending, 1000);
	ck_assert_int_eq(entry->class, EVENT_ALL);
	pending_finish(pending, entry, true, 1000);
	ck_assert_uint_eq(job.todo, 0);
	ck_assert_uint_eq(ngone, 1);
	pending_free(pending);
}
END_TEST

/* ---- pacing ---- */

/* Zipf 1.0 over n keys, asked for `all` times a second together; each key is made anew when it is next asked for. Returns the highest
 * number made anew in any second; *done_s: when the last one was dropped. */
static double regenerate(const struct pacer_rule *rule, unsigned n, double all, double *done_s)
{
	double *stale = mem_alloc(n * sizeof *stale), sum = 0, second[10] = { 0 },
	       peak = 0; /* probability that it is not made anew yet */
	struct pacer pacer;
	unsigned next = 0;
	uint64_t now_ms = 1000;

	for (unsigned i = 0; i < n; i++)
		sum += 1.0 / (i + 1);
	pacer_init(&pacer, rule, now_ms);
	for (unsigned tick = 0; tick < 20000 && (next < n || tick < 500); tick++, now_ms += 10) {
		double made = 0, total = 0;

		for (unsigned i = 0; i < next; i++) {
			double p = stale[i] > 1e-6 ? stale[i] * (1 - exp(-all / sum / (i + 1) / 100)) : 0;

			made += p;
			stale[i] -= p;
		}
		if (tick % 10 == 0)
			second[tick / 10 % 10] = 0;
		second[tick / 10 % 10] += made;
		for (unsigned i = 0; i < 10; i++)
			total += second[i];
		peak = total > peak ? total : peak;
		pacer_tick(&pacer, rule, now_ms);
		while (next < n && pacer_allows(&pacer, rule, (float)(all / sum / (next + 1))))
			stale[next++] = 1;
		if (next == n && *done_s == 0)
			*done_s = (double)(now_ms - 1000) / 1000;
	}
	free(stale);
	return peak;
}

START_TEST(a_storm_of_keys_keeps_to_its_budget_of_regenerations)
{
	const struct pacer_rule rule = { .kind = PACER_BUDGET, .budget = 1000, .most = 10000 };
	double done_s = 0, peak = regenerate(&rule, 20000, 20000, &done_s);

	ck_assert_double_le(peak, 1200);
	ck_assert_double_gt(peak, 500); /* and uses it */
	ck_assert_double_gt(done_s, 1);
}
END_TEST

/* Nobody knows how often an item is asked for: then it may be at once. */
START_TEST(items_of_unknown_rate_keep_to_the_budget_too)
{
	const struct pacer_rule rule = { .kind = PACER_BUDGET, .budget = 1000, .most = 100000 };
	unsigned done[60] = { 0 }, n = 0, most = 0;
	struct pacer pacer;

	pacer_init(&pacer, &rule, 1000);
	for (unsigned i = 0; i < 600; i++) {
		pacer_tick(&pacer, &rule, 1000 + i * 10);
		while (pacer_allows(&pacer, &rule, 0))
			done[i / 10]++;
	}
	for (unsigned i = 0; i + 10 <= 60; i++) {
		n = 0;
		for (unsigned k = i; k < i + 10; k++)
			n += done[k];
		most = n > most ? n : most;
	}
	ck_assert_uint_le(most, 1200);
	ck_assert_uint_ge(n, 990);
}
END_TEST

START_TEST(a_batch_then_a_pause)
{
	const struct pacer_rule rule = { .kind = PACER_BATCH, .most = 100000, .batch = 100, .apart_ms = 1000 };
	double done_s = 0;

	regenerate(&rule, 1000, 100, &done_s);
	ck_assert_double_ge(done_s, 9);
	ck_assert_double_le(done_s, 10.1);
}
END_TEST

/* ---- the breaker ---- */

START_TEST(five_failures_open_it_and_one_sign_of_life_closes_it)
{
	struct breaker breaker;

	breaker_init(&breaker);
	for (int i = 0; i < 4; i++)
		ck_assert(!breaker_take(&breaker, false, 0.5, 1000));
	ck_assert(breaker_take(&breaker, false, 0.5, 1000));
	ck_assert_int_eq(breaker_look(&breaker, 1099), BREAKER_OPEN);
	ck_assert_int_eq(breaker_look(&breaker, 1100), BREAKER_TRYING);
	ck_assert(!breaker_take(&breaker, false, 0.5, 1100));
	ck_assert_int_eq(breaker_look(&breaker, 1299), BREAKER_OPEN);
	ck_assert_int_eq(breaker_look(&breaker, 1300), BREAKER_TRYING);
	ck_assert(breaker_take(&breaker, true, 0.5, 1300));
	ck_assert_int_eq(breaker_look(&breaker, 1300), BREAKER_CLOSED);
}
END_TEST

START_TEST(more_than_half_of_twenty_failures_open_it)
{
	struct breaker breaker;
	unsigned opened = 0;

	breaker_init(&breaker);
	for (int i = 0; i < 40 && opened == 0; i++)
		opened = breaker_take(&breaker, i % 3 == 0, 0.5, 1000) ? (unsigned)i : 0;
	ck_assert_uint_ge(opened, 19);
}
END_TEST

/* ---- a cache that says what was there ---- */

/* The recursor's end: one command, one answer. */
static void answer_once(int listening, const char *text)
{
	int fd = accept(listening, NULL, NULL);
	uint32_t status = 0;
	uint64_t len = 0;
	char command[4096];

	ck_assert_int_eq(recv(fd, &status, sizeof status, MSG_WAITALL), sizeof status);
	ck_assert_int_eq(recv(fd, &len, sizeof len, MSG_WAITALL), sizeof len);
	ck_assert_uint_le(len, sizeof command);
	ck_assert_int_eq(recv(fd, command, (size_t)len, MSG_WAITALL), len);
	len = strlen(text);
	ck_assert_int_eq(send(fd, &status, sizeof status, 0), sizeof status);
	ck_assert_int_eq(send(fd, &len, sizeof len, 0), sizeof len);
	ck_assert_int_eq(send(fd, text, (size_t)len, 0), len);
	close(fd);
}

static const struct {
	const char *text;
	unsigned n;
	enum adapter_found found; /* of each */
} wipes[] = {
	{ "wiped 0 records, 0 negative records, 0 packets\n", 1, FOUND_NOTHING },
	{ "wiped 2 records, 0 negative records, 1 packets\n", 1, FOUND_SOMETHING },
	{ "wiped 0 records, 1 negative records, 0 packets\n", 1, FOUND_SOMETHING },
	{ "wiped 2 records, 0 negative records, 1 packets\n", 3, FOUND_UNKNOWN },
	{ "wiped 0 records, 0 negative records, 0 packets\n", 3, FOUND_UNKNOWN },
	{ "something else\n", 1, FOUND_UNKNOWN },
};

/* Several names have one answer: neither kind of it counts, else the part that was there would look smaller than it is. */
START_TEST(powerdns_says_of_one_name_alone_whether_it_was_there)
{
	char folder[UNIT_FOLDER_MAX];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct cache_conf conf = { .socket = at.sun_path, .timeout_ms = 20000 };
	struct pending_entry entry = { .class = EVENT_DNS, .text = "www.example" };
	struct adapter_work work[3] = { { .entry = &entry }, { .entry = &entry }, { .entry = &entry } };
	int listening = socket(AF_UNIX, SOCK_STREAM, 0), status = -1;
	pid_t recursor;

	unit_folder(folder);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/control", folder);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	recursor = fork();
	if (recursor == 0) {
		answer_once(listening, wipes[_i].text);
		_exit(0);
	}
	ck_assert_uint_eq(adapter_powerdns.run(adapter_powerdns.open(&conf, NULL), work, wipes[_i].n), wipes[_i].n);
	ck_assert_int_eq(waitpid(recursor, &status, 0), recursor);
	ck_assert_int_eq(status, 0);
	for (unsigned i = 0; i < wipes[_i].n; i++) {
		ck_assert_int_eq(work[i].result, ADAPTER_DONE);
		ck_assert_int_eq(work[i].found, wipes[_i].found);
	}
	close(listening);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("relay");
	TCase *gate = tcase_create("gate"), *event = tcase_create("event"), *store = tcase_create("store"),
	      *door = tcase_create("door"), *pending = tcase_create("pending"), *pacer = tcase_create("pacer"),
	      *cache = tcase_create("cache");

	tcase_add_loop_test(gate, what_passes_the_gate_is_canonical_and_nothing_else_passes, 0, COUNT_OF(texts));
	tcase_add_test(gate, a_byte_of_zero_passes_no_gate);
	suite_add_tcase(suite, gate);
	tcase_add_loop_test(event, an_event_is_read_or_refused_with_a_sentence, 0, COUNT_OF(events));
	tcase_add_loop_test(event, printing_and_reading_an_event_gives_the_same_bytes, 0, COUNT_OF(events));
	suite_add_tcase(suite, event);
	tcase_add_checked_fixture(store, store_setup, NULL);
	tcase_add_test(store, what_was_committed_is_there_after_a_kill_and_what_was_not_is_not);
	tcase_add_test(store, a_damaged_file_is_put_aside_and_the_log_begins_anew);
	tcase_add_test(store, floors_rise_without_gaps_and_nothing_is_taken_twice);
	tcase_add_test(store, a_new_epoch_begins_at_one_and_the_old_one_is_over);
	tcase_add_test(store, the_outbox_forgets_what_all_regions_have_and_no_more);
	tcase_add_test(store, what_is_kept_for_a_region_that_is_away_has_bounds);
	tcase_add_test(store, an_old_copy_of_a_log_begins_an_epoch_above_what_regions_have);
	tcase_add_test(store, a_coarse_flush_is_owed_until_it_was_done);
	tcase_add_test(store, a_statement_that_fails_takes_its_transaction_along);
	suite_add_tcase(suite, store);
	tcase_add_test(door, a_policy_allows_what_it_says_and_no_more);
	tcase_add_test(door, a_line_of_a_policy_that_is_wrong_is_named);
	tcase_add_test(door, an_actor_is_limited_and_another_is_not);
	tcase_add_test(door, thousands_of_actors_take_no_more_room);
	tcase_add_loop_test(door, a_body_is_the_event_that_it_means, 0, COUNT_OF(bodies));
	tcase_add_test(door, an_answer_is_read_and_a_damaged_one_is_not);
	suite_add_tcase(suite, door);
	tcase_add_test(pending, an_item_asked_for_often_is_done_at_once_and_then_gathered);
	tcase_add_test(pending, what_is_urgent_goes_first_then_what_is_hot);
	tcase_add_loop_test(pending, a_name_is_dropped_again_until_nothing_can_be_on_its_way, 0, COUNT_OF(again));
	tcase_add_test(pending, a_storm_is_one_flush_a_second_and_its_last_change_is_done);
	tcase_add_test(pending, what_this_region_says_does_not_wait_behind_the_others);
	tcase_add_test(pending, what_changes_while_it_is_being_done_is_done_again);
	tcase_add_test(pending, a_change_while_a_late_round_is_under_way_begins_the_rounds_anew);
	tcase_add_test(pending, who_waits_is_served_though_the_item_never_rests);
	tcase_add_test(pending, a_second_collapse_joins_the_first);
	tcase_add_test(pending, too_many_collapse_into_one_and_no_job_is_lost);
	suite_add_tcase(suite, pending);
	tcase_add_test(pacer, a_storm_of_keys_keeps_to_its_budget_of_regenerations);
	tcase_add_test(pacer, items_of_unknown_rate_keep_to_the_budget_too);
	tcase_add_test(pacer, a_batch_then_a_pause);
	tcase_add_test(pacer, five_failures_open_it_and_one_sign_of_life_closes_it);
	tcase_add_test(pacer, more_than_half_of_twenty_failures_open_it);
	tcase_set_timeout(pacer, 60);
	suite_add_tcase(suite, pacer);
	tcase_add_loop_test(cache, powerdns_says_of_one_name_alone_whether_it_was_there, 0, COUNT_OF(wipes));
	tcase_set_timeout(cache, 60);
	suite_add_tcase(suite, cache);
	return unit_run(suite);
}
