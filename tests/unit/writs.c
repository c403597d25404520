/* The overrides of a fleet as its relays have them: three regions with their logs, and events between them that come late, twice, in any order
 * or not at all. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/store_sql.h"
#include "relay/writs.h"

#define NOW UINT64_C(1764000000000)

enum { REGIONS = 3, TARGETS = 4, EVENTS_MAX = 4096 };

static const char *const names[REGIONS] = { "eu", "us", "ap" };

struct region {
	struct store *store;
	struct writs *writs;
	unsigned told, errors;
};

/* An event on its way. */
struct carried {
	unsigned from;
	char *bytes;
	size_t len;
};

struct fleet {
	struct region region[REGIONS];
	struct carried carried[EVENTS_MAX];
	size_t ncarried;
	uint64_t dice;
};

static char folder[UNIT_FOLDER_MAX];

static void told(void *arg, const struct work_state *state)
{
	struct region *region = arg;

	region->told++;
	region->errors += state->errors;
}

static char *path_of(unsigned i, const char *tail)
{
	return mem_printf("%s/%s%s", folder, names[i], tail);
}

static void open_region(struct fleet *fleet, unsigned i)
{
	struct region *region = &fleet->region[i];
	char *path = path_of(i, "");
	struct err err;
	bool fresh;

	region->store = store_open(path, names[i], NOW, &fresh, &err);
	ck_assert_msg(region->store != NULL, "%s", err.text);
	region->writs = writs_new(region->store, names[i], names[i], NOW + i, told, region, &err);
	ck_assert_msg(region->writs != NULL, "%s", err.text);
	writs_clock(region->writs, NOW);
	free(path);
}

static void close_region(struct fleet *fleet, unsigned i)
{
	writs_free(fleet->region[i].writs);
	store_close(fleet->region[i].store);
	fleet->region[i] = (struct region){ 0 };
}

static void lose_disk(unsigned i)
{
	static const char *const tails[] = { "", "-wal", "-shm" };

	for (unsigned k = 0; k < COUNT_OF(tails); k++) {
		char *path = path_of(i, tails[k]);

		unlink(path);
		free(path);
	}
}

static struct fleet *fleet_new(uint64_t seed)
{
	struct fleet *fleet = mem_alloc(sizeof *fleet);

	unit_folder(folder);
	fleet->dice = seed;
	for (unsigned i = 0; i < REGIONS; i++)
		open_region(fleet, i);
	return fleet;
}

static void fleet_free(struct fleet *fleet)
{
	for (unsigned i = 0; i < REGIONS; i++)
		close_region(fleet, i);
	for (size_t i = 0; i < fleet->ncarried; i++)
		free(fleet->carried[i].bytes);
	free(fleet);
}

static unsigned draw(struct fleet *fleet, unsigned below)
{
	fleet->dice = fleet->dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((fleet->dice >> 33) % below);
}

/* ---- what happens ---- */

static json_t *decided(unsigned region, unsigned target, enum writ_action action, uint64_t made_ms)
{
	char text[32];

	snprintf(text, sizeof text, "pool:p%u.svc.example", target);
	const struct writ writ = {
		.target = text,
		.action = action,
		.who = (char *)(uintptr_t) "ann",
		.why = (char *)(uintptr_t) "a test",
		.from_ms = made_ms,
		.until_ms = made_ms + 3600000,
		.made_ms = made_ms,
		.origin = (char *)(uintptr_t)names[region],
		.host = (char *)(uintptr_t) "ns1",
	};

	return writ_json(&writ);
}

/* Offered, and in the outbox; how many were refused. */
static size_t offer(struct fleet *fleet, unsigned i, json_t *writ)
{
	json_t *list = json_pack("[o]", writ);
	struct arena *arena = arena_new();
	struct event last;
	size_t refused;
	struct err err;

	ck_assert(writs_offer(fleet->region[i].writs, list, "gslb", true, &refused, arena, &last, &err));
	ck_assert(store_commit(fleet->region[i].store, &err));
	arena_free(arena);
	json_decref(list);
	return refused;
}

struct gathering {
	struct fleet *fleet;
	unsigned from;
};

static bool gather(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct gathering *g = arg;

	(void)oseq;
	ck_assert_uint_lt(g->fleet->ncarried, EVENTS_MAX);
	g->fleet->carried[g->fleet->ncarried++] = (struct carried){ g->from, mem_dup(bytes, len), len };
	return true;
}

/* All that the outboxes hold behind what was sent of them is on its way. */
static void send_all(struct fleet *fleet, uint64_t sent[static REGIONS])
{
	for (unsigned i = 0; i < REGIONS; i++) {
		struct gathering g = { fleet, i };
		uint64_t rows, oldest_ms;

		ck_assert(store_outbox(fleet->region[i].store, sent[i], EVENTS_MAX, gather, &g, NULL));
		ck_assert(store_outbox_left(fleet->region[i].store, &rows, &oldest_ms, &sent[i]));
	}
}

/* As exchange.c takes one in; commit: or the log cannot be written. */
static void arrive(struct fleet *fleet, unsigned to, const struct carried *carried, bool commit)
{
	struct region *region = &fleet->region[to];
	struct arena *arena = arena_new();
	struct store_mark mark;
	struct event event;
	struct err err;
	bool parked, duplicate;

	ck_assert_msg(event_parse(carried->bytes, carried->len, true, arena, &event, &parked, &err), "%s", err.text);
	ck_assert_int_eq(event.class, EVENT_OVERRIDE);
	mark = (struct store_mark){ .epoch = event.epoch, .oseq = event.oseq };
	strcpy(mark.origin, event.origin);
	duplicate = store_take(region->store, &event, carried->bytes, carried->len, &err) == STORE_DUPLICATE;
	ck_assert_msg(writs_take(region->writs, &event, 0, &err), "%s", err.text);
	ck_assert(duplicate || store_done(region->store, &mark, false, &err));
	region->store->failed = !commit;
	ck_assert(store_commit(region->store, &err) == commit);
	writs_settle(region->writs, commit);
	arena_free(arena);
}

static void arrive_all(struct fleet *fleet)
{
	for (size_t k = 0; k < fleet->ncarried; k++)
		for (unsigned to = 0; to < REGIONS; to++)
			arrive(fleet, to, &fleet->carried[k], true);
}

static void assert_equal(struct fleet *fleet)
{
	for (unsigned i = 1; i < REGIONS; i++)
		ck_assert_uint_eq(writs_digest(fleet->region[i].writs), writs_digest(fleet->region[0].writs));
}

/* ---- tests ---- */

START_TEST(whatever_order_events_come_in_and_however_often_all_regions_end_alike)
{
	struct fleet *fleet = fleet_new((uint64_t)_i + 1);
	uint64_t sent[REGIONS] = { 0 };

	for (unsigned step = 0; step < 30; step++) {
		unsigned region = draw(fleet, REGIONS);

		offer(fleet, region,
			decided(region, draw(fleet, TARGETS), (enum writ_action)draw(fleet, 4), NOW - draw(fleet, 50)));
		send_all(fleet, sent);
		arrive(fleet, draw(fleet, REGIONS), &fleet->carried[draw(fleet, (unsigned)fleet->ncarried)], true);
	}
	for (size_t k = fleet->ncarried; k-- > 0;) /* in the turned order, those that came among them */
		for (unsigned to = 0; to < REGIONS; to++)
			arrive(fleet, to, &fleet->carried[k], true);
	arrive_all(fleet);
	assert_equal(fleet);
	for (unsigned i = 0; i < REGIONS; i++) { /* and so they do after a start */
		uint64_t digest = writs_digest(fleet->region[i].writs);

		close_region(fleet, i);
		open_region(fleet, i);
		ck_assert_uint_eq(writs_digest(fleet->region[i].writs), digest);
	}
	fleet_free(fleet);
}
END_TEST

START_TEST(what_the_log_did_not_take_is_not_known_and_comes_again)
{
	struct fleet *fleet = fleet_new(1);
	uint64_t sent[REGIONS] = { 0 }, before;

	offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive_all(fleet);
	before = writs_digest(fleet->region[1].writs);
	offer(fleet, 0, decided(0, 1, WRIT_UP, NOW + 1));
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 2);
	arrive(fleet, 1, &fleet->carried[1], false);
	ck_assert_uint_eq(writs_digest(fleet->region[1].writs), before);
	ck_assert_int_eq(writ_set_find(writs_set(fleet->region[1].writs), "pool:p1.svc.example")->action, WRIT_DOWN);
	arrive_all(fleet);
	ck_assert_int_eq(writ_set_find(writs_set(fleet->region[1].writs), "pool:p1.svc.example")->action, WRIT_UP);
	assert_equal(fleet);
	fleet_free(fleet);
}
END_TEST

/* The log does not begin a transaction, for an event that it has passed: nothing else is in it that could fail. */
START_TEST(what_could_not_be_put_into_the_log_is_not_known_either)
{
	struct fleet *fleet = fleet_new(1);
	struct region *us = &fleet->region[1];
	struct arena *arena = arena_new();
	uint64_t sent[REGIONS] = { 0 };
	struct event event;
	struct err err;
	bool parked;

	offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW));
	offer(fleet, 0, decided(0, 2, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive(fleet, 1, &fleet->carried[1], true);
	ck_assert(event_parse(fleet->carried[0].bytes, fleet->carried[0].len, true, arena, &event, &parked, &err));
	ck_assert_int_eq(
		store_take(us->store, &event, fleet->carried[0].bytes, fleet->carried[0].len, &err), STORE_DUPLICATE);
	ck_assert(sql_run(us->store, BEGIN, &err)); /* another one within it is refused */
	ck_assert(!writs_take(us->writs, &event, 0, &err));
	ck_assert(!store_commit(us->store, &err));
	writs_settle(us->writs, false);
	ck_assert_ptr_null(writ_set_find(writs_set(us->writs), "pool:p1.svc.example"));
	ck_assert_ptr_nonnull(writ_set_find(writs_set(us->writs), "pool:p2.svc.example"));
	arrive(fleet, 1, &fleet->carried[0], true);
	close_region(fleet, 1);
	open_region(fleet, 1);
	ck_assert_ptr_nonnull(writ_set_find(writs_set(fleet->region[1].writs), "pool:p1.svc.example"));
	arena_free(arena);
	fleet_free(fleet);
}
END_TEST

START_TEST(it_is_in_force_when_every_gslbd_that_is_here_has_it)
{
	struct fleet *fleet = fleet_new(1);
	struct region *us = &fleet->region[1];
	uint64_t sent[REGIONS] = { 0 };

	writs_ask(us->writs, "ns1", NOW + 1, 0, 0, 1000);
	writs_ask(us->writs, "ns2", NOW + 1, 0, 0, 1000);
	offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive_all(fleet);
	writs_run(us->writs, NULL, 1000);
	ck_assert_uint_eq(us->told, 0);
	writs_ask(us->writs, "ns1", NOW + 1, 1, 0, 1001);
	writs_run(us->writs, NULL, 1001);
	ck_assert_uint_eq(us->told, 0);
	writs_ask(us->writs, "ns2", NOW, 1, 0, 1001); /* of another life: it has nothing of this one */
	writs_run(us->writs, NULL, 1001);
	ck_assert_uint_eq(us->told, 0);
	writs_ask(us->writs, "ns1", NOW + 1, 1, 0, 1001 + WRITS_PRESENT_MS);
	writs_run(us->writs, NULL, 1002 + WRITS_PRESENT_MS); /* ns2 has gone */
	ck_assert_uint_eq(us->told, 1);
	ck_assert_uint_eq(us->errors, 0);
	ck_assert_uint_eq(fleet->region[2].told, 0);
	writs_run(fleet->region[2].writs, NULL, 1001); /* nobody is there: nobody has it in force */
	ck_assert_uint_eq(fleet->region[2].told, 0);
	fleet_free(fleet);
}
END_TEST

START_TEST(a_region_with_others_is_sent_all_and_sends_all)
{
	struct fleet *fleet = fleet_new(1);
	uint64_t sent[REGIONS] = { 0 }, digest;

	for (unsigned target = 0; target < 200; target++)
		offer(fleet, 0, decided(0, target, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive_all(fleet);
	close_region(fleet, 1); /* it comes back without its disk, and has decided something since */
	lose_disk(1);
	open_region(fleet, 1);
	offer(fleet, 1, decided(1, 3, WRIT_UP, NOW + 5));
	sent[1] = 0;
	send_all(fleet, sent);
	arrive(fleet, 1, &fleet->carried[fleet->ncarried - 1], true); /* and only it */
	for (unsigned i = 0; i < 2; i++)
		writs_hear_digest(fleet->region[i].writs, names[1 - i], names[1 - i],
			writs_digest(fleet->region[1 - i].writs), 5000);
	ck_assert(writs_repair(fleet->region[0].writs, 6000, &digest)); /* its first word */
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 201);
	writs_repair(fleet->region[0].writs, 7000, &digest);
	writs_repair(fleet->region[1].writs, 7000, &digest);
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 201 + 4 + 1);      /* 200 in batches of 64 */
	writs_repair(fleet->region[0].writs, 50000, &digest); /* they may be on their way yet … */
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 201 + 4 + 1);
	ck_assert(
		store_receipt(fleet->region[0].store, names[1], store_epoch(fleet->region[0].store), 204, false, NULL));
	writs_repair(fleet->region[0].writs, 60000, &digest); /* … and now it has them, and says that it has others */
	ck_assert(store_commit(fleet->region[0].store, NULL));
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 201 + 4 + 1 + 4);
	arrive_all(fleet);
	ck_assert_uint_eq(writs_digest(fleet->region[0].writs), writs_digest(fleet->region[1].writs));
	for (unsigned i = 0; i < 2; i++) {
		writs_hear_digest(fleet->region[i].writs, names[1 - i], names[1 - i],
			writs_digest(fleet->region[1 - i].writs), 90000);
		writs_repair(fleet->region[i].writs, 99000, &digest);
	}
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 210); /* equal: there is nothing to repair */
	fleet_free(fleet);
}
END_TEST

START_TEST(a_region_that_stays_different_is_sent_all_less_and_less_often)
{
	static const unsigned at_s[] = { 3, 13, 33, 73, 153, 313, 613, 913, 1213 };
	struct fleet *fleet = fleet_new(1);
	struct region *region = &fleet->region[0];
	uint64_t sent[REGIONS] = { 0 }, digest;
	unsigned n = 0;

	offer(fleet, 0, decided(0, 0, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive_all(fleet);
	writs_hear_digest(region->writs, names[0], names[0], 7, 1000); /* our own word is no matter */
	writs_hear_digest(region->writs, names[1], names[1], 7, 1000);
	for (unsigned now_s = 1; now_s <= at_s[COUNT_OF(at_s) - 1]; now_s++) {
		writs_repair(region->writs, now_s * 1000, &digest);
		if (region->writs->repairs == n)
			continue;
		ck_assert_uint_eq(now_s, at_s[n]);
		ck_assert_uint_eq(region->writs->repairs, ++n);
		region->store->failed = n == 1; /* what the log did not take is not waited for */
		ck_assert_int_eq(store_commit(region->store, NULL), n > 1);
		ck_assert(store_receipt(
			region->store, names[1], store_epoch(region->store), store_last(region->store), false, NULL));
	}
	ck_assert_uint_eq(n, COUNT_OF(at_s));
	fleet_free(fleet);
}
END_TEST

START_TEST(what_is_made_in_the_future_is_refused_where_it_is_offered_and_where_it_comes)
{
	struct fleet *fleet = fleet_new(1);
	uint64_t sent[REGIONS] = { 0 };
	struct region *us = &fleet->region[1];

	ck_assert_uint_eq(offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW + WRIT_SKEW_MS + 1)), 1);
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 0);
	writs_clock(fleet->region[0].writs, NOW + 3600000); /* its clock is an hour ahead */
	ck_assert_uint_eq(offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW + 3600000)), 0);
	send_all(fleet, sent);
	writs_ask(us->writs, "ns1", NOW + 1, 9, 0, 1000);
	arrive(fleet, 1, &fleet->carried[0], true);
	writs_run(us->writs, NULL, 1000);
	ck_assert_uint_eq(us->told, 1);
	ck_assert_uint_eq(us->errors, 1);
	ck_assert_ptr_null(writ_set_find(writs_set(us->writs), "pool:p1.svc.example"));
	fleet_free(fleet);
}
END_TEST

START_TEST(what_need_not_be_remembered_leaves_the_log)
{
	struct fleet *fleet = fleet_new(1);
	uint64_t sent[REGIONS] = { 0 };
	struct region *us = &fleet->region[1];

	offer(fleet, 0, decided(0, 1, WRIT_DOWN, NOW));
	offer(fleet, 0, decided(0, 2, WRIT_DOWN, NOW));
	send_all(fleet, sent);
	arrive_all(fleet);
	writs_forget(us->writs);
	ck_assert_ptr_nonnull(writ_set_find(writs_set(us->writs), "pool:p1.svc.example"));
	writs_clock(us->writs, NOW + WRIT_KEPT_MS + 2 * 3600000);
	writs_forget(us->writs);
	ck_assert(store_commit(us->store, NULL));
	ck_assert_ptr_null(writ_set_find(writs_set(us->writs), "pool:p1.svc.example"));
	close_region(fleet, 1);
	open_region(fleet, 1);
	ck_assert_ptr_null(writ_set_find(writs_set(us->writs), "pool:p1.svc.example"));
	ck_assert_uint_eq(writs_digest(us->writs), 0);
	/* nor is it news any more */
	for (size_t i = 0; i < fleet->ncarried; i++)
		free(fleet->carried[i].bytes);
	fleet->ncarried = 0;
	offer(fleet, 1, decided(1, 1, WRIT_DOWN, NOW - WRIT_KEPT_MS - 2 * 3600000));
	send_all(fleet, sent);
	ck_assert_uint_eq(fleet->ncarried, 0);
	fleet_free(fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("writs");
	TCase *tests = tcase_create("writs");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, whatever_order_events_come_in_and_however_often_all_regions_end_alike, 0, 20);
	tcase_add_test(tests, what_the_log_did_not_take_is_not_known_and_comes_again);
	tcase_add_test(tests, what_could_not_be_put_into_the_log_is_not_known_either);
	tcase_add_test(tests, it_is_in_force_when_every_gslbd_that_is_here_has_it);
	tcase_add_test(tests, a_region_with_others_is_sent_all_and_sends_all);
	tcase_add_test(tests, a_region_that_stays_different_is_sent_all_less_and_less_often);
	tcase_add_test(tests, what_is_made_in_the_future_is_refused_where_it_is_offered_and_where_it_comes);
	tcase_add_test(tests, what_need_not_be_remembered_leaves_the_log);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
