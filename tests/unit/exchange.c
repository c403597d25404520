/* The turn between log, bus and work, with a bus that a test is. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/exchange.h"
#include "relay/resend.h"
#include "relay/store_sql.h"

static struct store *store;

static void setup(void)
{
	char folder[UNIT_FOLDER_MAX], path[UNIT_FOLDER_MAX + 16];
	bool fresh;

	unit_folder(folder);
	snprintf(path, sizeof path, "%s/relay.db", folder);
	store = store_open(path, "eu", 1000000, &fresh, NULL);
	ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
	store_close(store);
}

/* Of a key, or what drops everything, as us has made it in its seventh life. */
static struct event event_of(uint64_t oseq, const struct event_item *key)
{
	return (struct event){ .class = key != NULL ? EVENT_KEY : EVENT_ALL,
		.nitems = key != NULL,
		.items = key,
		.origin = "us",
		.epoch = 7,
		.oseq = oseq,
		.why = "",
		.actor = "",
		.trace = "" };
}

static void told(void *arg, const struct work_state *state)
{
	(void)arg;
	(void)state;
}

static void settled_or_not(void *arg, bool committed, const struct err *why)
{
	(void)arg;
	(void)committed;
	(void)why;
}

/* Of region eu, beside us, on that bus. */
static struct exchange *exchange_new(const struct bus_ops *ops, void *bus)
{
	static const struct conf_relay relays[] = { { "eu", "eu" }, { "us", "us" } };
	struct relay_conf *conf = mem_alloc(sizeof *conf);
	struct exchange *exchange = mem_alloc(sizeof *exchange);

	snprintf(conf->region, sizeof conf->region, "eu");
	snprintf(conf->name, sizeof conf->name, "eu");
	conf->relays = relays;
	conf->nrelays = 2;
	*exchange = (struct exchange){
		.conf = conf, .store = store, .bus_ops = ops, .bus = bus, .settled = settled_or_not
	};
	exchange->work = work_new(conf, store, -1, told, NULL, NULL);
	return exchange;
}

static void exchange_free(struct exchange *exchange)
{
	work_free(exchange->work);
	free((void *)(uintptr_t)exchange->conf);
	free(exchange);
}

/* ---- a bus on which the other region says its receipt all the while ---- */

struct talk {
	unsigned given; /* receipts of ours, to the other one */
};

static uint64_t talk_publish(void *bus, uint64_t now_ms)
{
	(void)bus;
	(void)now_ms;
	return UINT64_MAX;
}

static bool talk_fetch(void *bus, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	(void)bus;
	(void)max;
	(void)take;
	(void)arg;
	(void)err;
	return true;
}

static void talk_acknowledge(void *bus, bool committed)
{
	(void)bus;
	(void)committed;
}

static bool no_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	(void)bus;
	(void)done;
	(void)errors;
	(void)err;
	return true;
}

static bool talk_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	(void)errors;
	(void)err;
	((struct talk *)bus)->given += strcmp(done->origin, "us") == 0;
	return true;
}

static void talk_listen(void *bus, const struct bus_ear *ear)
{
	(void)bus;
	ear->receipt(ear->arg, "us", store_epoch(store), 1, false);
}

static const struct bus_ops talk_ops = {
	.name = "talk",
	.publish = talk_publish,
	.fetch = talk_fetch,
	.acknowledge = talk_acknowledge,
	.receipt = talk_receipt,
	.listen = talk_listen,
};

static void settled(void *arg, bool committed, const struct err *why)
{
	(void)arg;
	(void)why;
	ck_assert(committed);
}

START_TEST(a_receipt_that_is_heard_brings_forth_none)
{
	struct talk talk = { 0 };
	struct exchange *exchange = exchange_new(&talk_ops, &talk);
	struct event_item item = { .text = "k" };
	struct event event = event_of(0, &item);
	uint64_t rows, oldest_ms, last;

	exchange->settled = settled;
	ck_assert(store_add(store, &event, 1, NULL));
	event = event_of(event.oseq, &item);
	ck_assert(store_take(store, &event, "x", 1, NULL) != STORE_FAILED);
	ck_assert(store_done(store, &(struct store_mark){ "us", 7, event.oseq }, false, NULL));
	ck_assert(store_receipt(store, "eu", store_epoch(store), 1, false, NULL));
	for (uint64_t now_ms = 100000; now_ms < 110000; now_ms += 10) {
		exchange_take(exchange, now_ms);
		ck_assert_uint_gt(exchange_give(exchange, now_ms), now_ms);
	}
	ck_assert_uint_ge(talk.given, 9); /* once a second, whatever is heard */
	ck_assert_uint_le(talk.given, 11);
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 0); /* what it said was of use */
	exchange_free(exchange);
}
END_TEST

/* ---- a bus that had the number of an event before ---- */

static void knows_listen(void *bus, const struct bus_ear *ear)
{
	if (((struct talk *)bus)->given++ == 0)
		ear->known(ear->arg);
}

static const struct bus_ops knows_ops = {
	.name = "knows",
	.publish = talk_publish,
	.fetch = talk_fetch,
	.acknowledge = talk_acknowledge,
	.receipt = no_receipt,
	.listen = knows_listen,
};

static bool read_epoch(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct arena *arena = arena_new();
	struct event event;
	bool parked;

	(void)oseq;
	ck_assert(event_parse(bytes, len, true, arena, &event, &parked, NULL));
	*(uint32_t *)arg = event.epoch;
	arena_free(arena);
	return false;
}

START_TEST(a_number_that_the_bus_had_before_begins_the_log_anew_with_all_that_is_in_it)
{
	struct talk talk = { 0 };
	struct exchange *exchange = exchange_new(&knows_ops, &talk);
	struct event_item item = { .text = "k" };
	struct event event = event_of(0, &item);
	uint32_t epoch = store_epoch(store), sent = 0;
	uint64_t rows, oldest_ms, last;

	ck_assert(store_add(store, &event, 1, NULL));
	store->failed = true; /* a full disk: the next word is heeded, not only one of ten seconds later */
	exchange_give(exchange, 99990);
	ck_assert_uint_eq(exchange->anew, 0);
	talk.given = 0;
	exchange->settled = settled;
	ck_assert(store_add(store, &event, 1, NULL));
	for (uint64_t now_ms = 100000; now_ms < 105000; now_ms += 10) {
		exchange_take(exchange, now_ms);
		exchange_give(exchange, now_ms);
	}
	ck_assert_uint_eq(exchange->anew, 1);
	ck_assert_uint_gt(store_epoch(store), epoch);
	store_outbox(store, 0, 1, read_epoch, &sent, NULL);
	ck_assert_uint_eq(sent, store_epoch(store));
	store_outbox_left(store, &rows, &oldest_ms, &last);
	ck_assert_uint_eq(rows, 2); /* and whoever knew the life before is told at once */
	exchange->doubled = true;   /* two with one name, who would do so in turns */
	for (uint64_t now_ms = 105000; now_ms < 690000; now_ms += 1000) {
		talk.given = 0; /* it says so again */
		exchange_give(exchange, now_ms);
	}
	ck_assert_uint_eq(exchange->anew, 1);
	exchange->doubled = false; /* mended */
	talk.given = 0;
	exchange_give(exchange, 691000);
	ck_assert_uint_eq(exchange->anew, 2);
	exchange_free(exchange);
}
END_TEST

/* ---- a bus that gives an event of the other region, and has no receipt of it ---- */

struct gift {
	const struct event *event; /* NULL: nothing comes */
	size_t times;              /* of a fetch */
	unsigned fetches;
	bool spoils;      /* the log cannot be written then */
	const char *from; /* on whose stream; NULL: us */
	enum bus_taken answer;
};

static bool gift_fetch(void *bus, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct gift *gift = bus;
	struct buf body = { 0 };

	(void)err;
	ck_assert_uint_lt(++gift->fetches, 1000);
	if (gift->event == NULL)
		return true;
	event_print(gift->event, &body);
	for (size_t i = 0; i < gift->times && i < max; i++)
		ck_assert_int_eq(take(arg, gift->from != NULL ? gift->from : "us", body.text, body.len), gift->answer);
	buf_fini(&body);
	store->failed = gift->spoils;
	return true;
}

static const struct bus_ops gift_ops = {
	.name = "gift",
	.publish = talk_publish,
	.fetch = gift_fetch,
	.acknowledge = talk_acknowledge,
	.receipt = no_receipt,
	.listen = talk_listen,
};

static void run(struct exchange *exchange, uint64_t now_ms, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++, now_ms += 200) {
		exchange_take(exchange, now_ms);
		exchange_give(exchange, now_ms);
	}
}

START_TEST(a_jump_owes_a_coarse_flush_which_is_done_and_counted_once)
{
	struct event_item item = { .text = "k" };
	struct event event = event_of(1, &item), own = event_of(0, NULL);
	struct gift gift = { .event = &event, .times = 1 };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);
	struct store_mark received;

	ck_assert(store_add(store, &own, 1, NULL));
	ck_assert(store_coarse_done(store, NULL)); /* of its beginning */
	run(exchange, 100000, 3);
	event.oseq = 6;
	event.jump = 5; /* only what drops everything may say so */
	run(exchange, 101000, 3);
	store_received(store, "us", &received);
	ck_assert_uint_eq(received.oseq, 1);
	ck_assert_uint_eq(exchange->coarse, 0);
	event = event_of(8, NULL);
	event.jump = 7;
	gift.spoils = true; /* it comes again */
	exchange_take(exchange, 102000);
	gift.spoils = false;
	ck_assert_uint_eq(exchange->coarse, 0);
	run(exchange, 102010, 3);
	store_received(store, "us", &received);
	ck_assert_uint_eq(received.oseq, 8);
	ck_assert_uint_eq(exchange->coarse, 1);
	ck_assert(!store_coarse_due(store));
	exchange_free(exchange);
}
END_TEST

START_TEST(what_is_missing_for_good_is_made_good_by_a_coarse_flush)
{
	struct event_item item = { .text = "k" };
	struct event event = event_of(1, &item), own = event_of(0, NULL);
	struct gift gift = { .event = &event, .times = 1 };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);

	ck_assert(store_add(store, &own, 1, NULL));
	ck_assert(store_coarse_done(store, NULL)); /* of its beginning */
	run(exchange, 100000, 2);
	event.oseq = 3;
	run(exchange, 102000, 8); /* it is noticed once a second */
	run(exchange, 100000 + GAP_MS, 2);
	ck_assert_uint_eq(exchange->gaps, 0);
	run(exchange, 105000 + GAP_MS, 8);
	ck_assert_uint_eq(exchange->gaps, 1);
	ck_assert_uint_eq(exchange->coarse, 1);
	ck_assert_uint_eq(work_begun(exchange->work), 2 + 1);
	ck_assert(!store_coarse_due(store)); /* it is done */
	exchange_free(exchange);
}
END_TEST

START_TEST(nothing_is_begun_before_it_is_in_the_log)
{
	struct event_item item = { .text = "k" };
	struct event event = event_of(1, &item);
	struct gift gift = { .event = &event, .times = 1, .spoils = true };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);

	exchange_take(exchange, 100000);
	ck_assert_uint_eq(work_begun(exchange->work), 0);
	gift.spoils = false;
	exchange_take(exchange, 100010);
	ck_assert_uint_eq(work_begun(exchange->work), 1);
	exchange_free(exchange);
}
END_TEST

START_TEST(a_flood_does_not_keep_the_turn_from_ending)
{
	struct event event = event_of(1, NULL);
	struct gift gift = { .event = &event, .times = 512 };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);

	exchange_take(exchange, 100000);
	ck_assert_uint_le(exchange_give(exchange, 100000), 100000); /* there is more */
	gift.from = "ap"; /* none of these counts, and they may come again at once */
	exchange_take(exchange, 100001);
	ck_assert_uint_gt(exchange_give(exchange, 100001), 100001);
	gift.event = NULL;
	exchange_take(exchange, 100002);
	ck_assert_uint_gt(exchange_give(exchange, 100002), 100002);
	exchange_free(exchange);
}
END_TEST

/* What was said to a region that had been away was not written: it is said again. */
START_TEST(what_is_gone_is_told_again_when_the_log_did_not_take_it)
{
	struct event event = event_of(0, NULL);
	struct gift gift = { 0 };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);
	uint64_t rows, last;

	for (unsigned i = 0; i < 4; i++)
		ck_assert(store_add(store, &event, 1, NULL));
	ck_assert_int_eq(store_take(store, &event, "x", 1, NULL), STORE_EPOCH);
	ck_assert(store_jump(store, &(struct store_mark){ "eu", store_epoch(store), 4 }, NULL));
	ck_assert(store_let_go(store, 1000, 2, &rows, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert_uint_eq(store_gone(store), 4);
	exchange_give(exchange, 50); /* us says that it has 1 */
	ck_assert_uint_eq(store_last(store), 5);
	store->failed = true;
	exchange_take(exchange, 60);
	ck_assert_uint_eq(store_last(store), 4);
	exchange_give(exchange, 70);
	exchange_take(exchange, 80);
	last = store_committed(store);
	ck_assert_uint_eq(last, 5);
	run(exchange, 140, 3);
	ck_assert_uint_eq(store_committed(store), last); /* and once */
	exchange_free(exchange);
}
END_TEST

/* ---- several relays of a region ---- */

static void count_refusal(void *arg, const char *relay, const struct event *event, const char *reason)
{
	(void)relay;
	(void)event;
	(void)reason;
	++*(unsigned *)arg;
}

/* Another relay of our region has our region's policy; one of another region is held to what that one may. */
START_TEST(a_policy_goes_by_the_region_of_whoever_made_the_event)
{
	static const struct conf_relay relays[] = { { "eu", "eu" }, { "eu-2", "eu" }, { "us-2", "us" } };
	static const char policy[] = "region us key cart:\n";
	static const char *const elsewhere[] = { "ap" };
	unsigned refusals = 0;
	struct event_item item = { .text = "other" };
	struct event event = event_of(1, &item);
	struct gift gift = { .event = &event, .times = 1, .from = "us-2" };
	struct exchange *exchange = exchange_new(&gift_ops, &gift);
	struct relay_conf *conf = (struct relay_conf *)(uintptr_t)exchange->conf;

	strcpy(event.origin, "us-2");
	conf->relays = relays;
	conf->nrelays = 3;
	conf->arena = arena_new();
	conf->policy = policy_parse("p", policy, strlen(policy), conf->arena, NULL);
	exchange->refused = count_refusal;
	exchange->arg = &refusals;
	exchange_take(exchange, 100000);
	ck_assert_uint_eq(exchange->forbidden, 1);
	ck_assert_uint_eq(refusals, 1);
	item.text = "cart:7";
	event.oseq = 2;
	exchange_take(exchange, 100010);
	item.text = "other"; /* it is not for us */
	event.oseq = 3;
	event.regions = elsewhere;
	event.nregions = 1;
	exchange_take(exchange, 100012);
	event = event_of(4, NULL); /* it says what it does not keep any more */
	event.jump = 1;
	strcpy(event.origin, "us-2");
	exchange_take(exchange, 100014);
	ck_assert_uint_eq(exchange->forbidden, 1);
	event.jump = 0; /* it asks for it */
	event.oseq = 5;
	exchange_take(exchange, 100016);
	ck_assert_uint_eq(exchange->forbidden, 2);
	gift.from = "eu-2";
	event = event_of(1, &item);
	strcpy(event.origin, "eu-2");
	exchange_take(exchange, 100020);
	ck_assert_uint_eq(exchange->forbidden, 2);
	ck_assert_uint_eq(exchange->spoofed, 0);
	event.oseq = 2;
	gift.from = "eu"; /* of its region, and yet not its stream */
	exchange_take(exchange, 100030);
	ck_assert_uint_eq(exchange->spoofed, 1);
	arena_free(conf->arena);
	exchange_free(exchange);
}
END_TEST

/* ---- what is not genuine ---- */

static struct exchange *exchange_with_secrets(struct gift *gift, unsigned *refusals)
{
	static const char secrets[] = "eu eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\nus uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\n";
	struct exchange *exchange = exchange_new(&gift_ops, gift);
	struct relay_conf *conf = (struct relay_conf *)(uintptr_t)exchange->conf;

	conf->arena = arena_new();
	conf->sign = sign_parse("s", secrets, strlen(secrets), conf->arena, NULL);
	ck_assert_ptr_nonnull(conf->sign);
	exchange->refused = count_refusal;
	exchange->arg = refusals;
	return exchange;
}

/* Another host took bus.sign-file away, or has another secret than ours: what was refused is done when the mistake is put right here. */
START_TEST(what_is_not_genuine_comes_again_and_is_done_when_it_is)
{
	struct event event = event_of(1, NULL);
	struct gift gift = { .event = &event, .times = 1, .answer = BUS_LEFT };
	unsigned refusals = 0;
	struct exchange *exchange = exchange_with_secrets(&gift, &refusals);
	struct store_mark received;

	for (uint64_t now_ms = 100000; now_ms < 400000; now_ms += 30000)
		exchange_take(exchange, now_ms);
	store_received(store, "us", &received);
	ck_assert_uint_eq(received.oseq, 0);
	ck_assert_uint_eq(exchange->spoofed, 1); /* and not once for each time */
	ck_assert_uint_eq(refusals, 1);
	((struct relay_conf *)(uintptr_t)exchange->conf)->sign = NULL;
	gift.answer = BUS_TAKEN;
	exchange_take(exchange, 400000);
	store_received(store, "us", &received);
	ck_assert_uint_eq(received.oseq, 1);
	arena_free(exchange->conf->arena);
	exchange_free(exchange);
}
END_TEST

/* A forged one never is: it goes after ten minutes, and of many only some are left. */
START_TEST(what_is_not_genuine_does_not_stay_for_ever)
{
	struct event event = event_of(1, NULL);
	struct gift gift = { .event = &event, .times = 1, .answer = BUS_LEFT };
	unsigned refusals = 0;
	struct exchange *exchange = exchange_with_secrets(&gift, &refusals);

	for (event.oseq = 1; event.oseq <= DOUBTS_MAX; event.oseq++)
		exchange_take(exchange, 100000);
	gift.answer = BUS_TAKEN;
	exchange_take(exchange, 100000);
	ck_assert_uint_eq(exchange->spoofed, DOUBTS_MAX + 1);
	event.oseq = 1;
	exchange_take(exchange, 100000 + DOUBT_MS);
	ck_assert_uint_eq(exchange->spoofed, DOUBTS_MAX + 1);
	gift.answer = BUS_LEFT; /* it made room */
	event.oseq = DOUBTS_MAX + 2;
	exchange_take(exchange, 100000 + DOUBT_MS);
	ck_assert_uint_eq(exchange->spoofed, DOUBTS_MAX + 2);
	ck_assert_uint_eq(refusals, DOUBTS_MAX + 2);
	for (event.oseq = 1000; event.oseq < 1000 + DOUBTS_MAX - 1;
		event.oseq++) /* as did what does not come any more */
		exchange_take(exchange, 100000 + 2 * DOUBT_MS);
	arena_free(exchange->conf->arena);
	exchange_free(exchange);
}
END_TEST

/* ---- what is sent again ---- */

static void count_offer(void *arg, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len)
{
	(void)epoch;
	(void)oseq;
	(void)bytes;
	(void)len;
	++*(unsigned *)arg;
}

START_TEST(a_bus_that_takes_nothing_is_not_asked_at_once_again)
{
	const char *const relays[] = { "us" };
	struct event_item item = { .text = "k" };
	struct event event = event_of(0, &item);
	struct resend resend = { 0 };
	unsigned offers = 0;
	struct resend_way way = { .relays = relays, .nrelays = 1, .room = 10, .offer = count_offer, .arg = &offers };

	ck_assert(store_add(store, &event, 1, NULL));
	ck_assert(store_commit(store, NULL));
	resend_run(&resend, store, &way, 1000);
	ck_assert_uint_eq(offers, 1);
	way.waiting = 1;
	for (uint64_t now_ms = 1000; now_ms < 200000; now_ms += 1000)
		ck_assert_uint_gt(resend_run(&resend, store, &way, now_ms), now_ms);
	ck_assert_uint_eq(offers, 1);
	way.waiting = 0; /* taken, and no receipt yet: again */
	ck_assert_uint_gt(resend_run(&resend, store, &way, 200000), 200000);
	ck_assert_uint_eq(offers, 2);
	ck_assert(store_receipt(store, "us", store_epoch(store), 1, false, NULL));
	ck_assert_uint_eq(resend_run(&resend, store, &way, 201000), UINT64_MAX);
}
END_TEST

START_TEST(what_a_bus_has_lost_is_sent_anew_as_soon_as_that_is_noticed)
{
	const char *const regions[] = { "us" };
	struct event_item item = { .text = "k" };
	struct event event = event_of(0, &item);
	struct resend resend = { 0 };
	unsigned offers = 0;
	struct resend_way way = { .relays = regions, .nrelays = 1, .room = 10, .offer = count_offer, .arg = &offers };

	for (unsigned i = 0; i < 5; i++)
		ck_assert(store_add(store, &event, 1, NULL));
	ck_assert(store_commit(store, NULL));
	ck_assert(store_receipt(store, "us", store_epoch(store), 2, false, NULL));
	resend_run(&resend, store, &way, 1000);
	ck_assert_uint_eq(offers, 3);
	resend_run(&resend, store, &way, 1001);
	ck_assert_uint_eq(offers, 3);
	way.lost = true;
	resend_run(&resend, store, &way, 1002);
	ck_assert_uint_eq(offers, 6); /* all that nobody has a receipt for */
}
END_TEST

/* ---- what does not come ---- */

static enum store_taken take(const char *origin, uint32_t epoch, uint64_t oseq)
{
	struct event event = { .class = EVENT_ALL, .epoch = epoch, .oseq = oseq };

	snprintf(event.origin, sizeof event.origin, "%s", origin);
	return store_take(store, &event, "x", 1, NULL);
}

/* Found by the simulator of a fleet: a region that was cut off missed all of an origin's first life. */
START_TEST(what_comes_late_of_a_life_of_which_nothing_was_known_owes_a_coarse_flush)
{
	ck_assert(store_coarse_done(store, NULL));
	ck_assert_int_eq(take("us", 9, 1), STORE_NEW);
	ck_assert_int_eq(take("us", 9, 2), STORE_NEW);
	ck_assert(!store_coarse_due(store));
	ck_assert_int_eq(take("us", 3, 1), STORE_EPOCH);
	ck_assert(store_coarse_due(store));
	ck_assert_int_eq(take("us", 3, 2), STORE_DUPLICATE); /* once is enough */
	ck_assert_int_eq(take("us", 9, 3), STORE_NEW);
}
END_TEST

START_TEST(what_does_not_come_for_two_minutes_is_given_up)
{
	bool errors;
	struct store_mark upto, received, done;
	struct gap gap = { 0 };

	ck_assert(store_coarse_done(store, NULL));
	ck_assert_int_eq(take("us", 3, 1), STORE_NEW);
	ck_assert(!gap_stays(&gap, store, "us", 1000, &upto));
	ck_assert_int_eq(take("us", 3, 3), STORE_NEW);
	ck_assert(!gap_stays(&gap, store, "us", 2000, &upto));
	ck_assert_int_eq(take("us", 3, 2), STORE_NEW); /* it came, and there is another one */
	ck_assert_int_eq(take("us", 3, 6), STORE_NEW);
	ck_assert_int_eq(take("us", 3, 8), STORE_NEW);
	ck_assert(!gap_stays(&gap, store, "us", 3000, &upto));
	ck_assert(!gap_stays(&gap, store, "us", 2999 + GAP_MS, &upto));
	ck_assert(gap_stays(&gap, store, "us", 3000 + GAP_MS, &upto));
	ck_assert_uint_eq(upto.epoch, 3);
	ck_assert_uint_eq(upto.oseq, 5);
	ck_assert(store_jump(store, &upto, NULL));
	ck_assert(store_coarse_due(store));
	store_floors(store, "us", &received, &done, &errors);
	ck_assert_uint_eq(received.oseq, 6);
	ck_assert_uint_eq(done.oseq, 5);                                /* 6 itself is not done yet */
	ck_assert(!gap_stays(&gap, store, "us", 3000 + GAP_MS, &upto)); /* the next one, from now on */
	ck_assert(gap_stays(&gap, store, "us", 3000 + 2 * GAP_MS, &upto));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("exchange");
	TCase *tcase = tcase_create("exchange");

	log_setup("exchange_test", LOG_ERROR);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_receipt_that_is_heard_brings_forth_none);
	tcase_add_test(tcase, a_number_that_the_bus_had_before_begins_the_log_anew_with_all_that_is_in_it);
	tcase_add_test(tcase, a_jump_owes_a_coarse_flush_which_is_done_and_counted_once);
	tcase_add_test(tcase, what_is_missing_for_good_is_made_good_by_a_coarse_flush);
	tcase_add_test(tcase, nothing_is_begun_before_it_is_in_the_log);
	tcase_add_test(tcase, a_flood_does_not_keep_the_turn_from_ending);
	tcase_add_test(tcase, what_is_gone_is_told_again_when_the_log_did_not_take_it);
	tcase_add_test(tcase, a_policy_goes_by_the_region_of_whoever_made_the_event);
	tcase_add_test(tcase, what_is_not_genuine_comes_again_and_is_done_when_it_is);
	tcase_add_test(tcase, what_is_not_genuine_does_not_stay_for_ever);
	tcase_add_test(tcase, a_bus_that_takes_nothing_is_not_asked_at_once_again);
	tcase_add_test(tcase, what_a_bus_has_lost_is_sent_anew_as_soon_as_that_is_noticed);
	tcase_add_test(tcase, what_comes_late_of_a_life_of_which_nothing_was_known_owes_a_coarse_flush);
	tcase_add_test(tcase, what_does_not_come_for_two_minutes_is_given_up);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
