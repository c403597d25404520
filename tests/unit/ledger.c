#include "gslb/ledger.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/recent.h"
#include "tests/unit/told.h"
#include "tests/unit/unit.h"

/* What a service's zone begins with; its pools follow. */
#define HEAD                                          \
	"$TTL 3600\n"                                 \
	"@ SOA ns1 hostmaster 1 3600 600 604800 30\n" \
	"@ NS ns1\n"                                  \
	"ns1 A 192.0.2.53\n"
#define WWW "_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order; ttl=30/5\"\n"
#define EU                                       \
	"eu._pool TXT \"v=pool1; check=none\"\n" \
	"eu._pool SRV 0 1 443 lb1.eu\n"          \
	"eu._pool SRV 1 1 443 lb2.eu\n"          \
	"lb1.eu A 192.0.2.10\n"                  \
	"lb2.eu A 192.0.2.11\n"
#define US                                       \
	"us._pool TXT \"v=pool1; check=none\"\n" \
	"us._pool SRV 0 1 443 lb1.us\n"          \
	"lb1.us A 192.0.2.20\n"
#define NAMED                                                          \
	"_gslb.named TXT \"v=gslb1; pools=cdn; rank=order; ttl=60\"\n" \
	"cdn._pool TXT \"v=pool1; check=none; via=cname\"\n"           \
	"cdn._pool SRV 0 1 443 lb1.us\n"

enum { NOW_S = 1800000000 };

static struct sim sim, next;
static struct ledger *ledger;

static void setup(void)
{
	sim_init(&sim);
	sim_zone(&sim, "svc.example", HEAD WWW EU US NAMED);
	sim_load(&sim);
	ledger = ledger_new(sim.snapshot, 2);
}

static void teardown(void)
{
	ledger_free(ledger);
	sim_fini(&sim);
}

static uint32_t pair_of(const struct sim *of, const char *service, uint32_t candidate)
{
	return sim_service(of, service)->first_override + candidate;
}

static uint32_t slot_of(const struct sim *of, const char *text)
{
	struct addr addr;

	ck_assert(addr_parse(text, &addr));
	for (uint32_t i = 0; i < of->snapshot->nendpoints; i++)
		if (addr_equal(&of->snapshot->endpoints[i].addr, &addr))
			return i;
	ck_abort_msg("%s", text);
}

static bool answer(unsigned row, const char *service, const char *client, uint32_t ttl_s, uint64_t now_ms)
{
	return told(&sim, ledger_row(ledger, row), service, client, ttl_s, now_ms);
}

START_TEST(answers_are_counted_by_pair_over_all_workers)
{
	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	answer(1, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	answer(1, "named.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	ck_assert_uint_eq(ledger_answers(ledger, pair_of(&sim, "www.svc.example", 0)), 2);
	ck_assert_uint_eq(ledger_answers(ledger, pair_of(&sim, "www.svc.example", 1)), 0);
	ck_assert_uint_eq(ledger_answers(ledger, pair_of(&sim, "named.svc.example", 0)), 1);
	ck_assert_uint_eq(ledger_noted(ledger), 3);
}
END_TEST

START_TEST(an_answer_expires_when_its_ttl_ends_and_the_way_is_allowed_for)
{
	uint32_t pair = pair_of(&sim, "www.svc.example", 0);

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000) + 999);
	ck_assert_uint_eq(ledger_pair_expires_s(ledger, pair), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(ledger, slot_of(&sim, "192.0.2.10")), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(ledger, slot_of(&sim, "192.0.2.11")), 0);
	ck_assert_uint_eq(ledger_pair_expires_s(ledger, pair + 1), 0);
}
END_TEST

START_TEST(a_short_ttl_does_not_shorten_what_a_long_one_left_in_caches)
{
	uint32_t pair = pair_of(&sim, "www.svc.example", 0);

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	answer(0, "www.svc.example", "198.51.100.7", 5, NOW_S * UINT64_C(1000) + 1000);
	answer(1, "www.svc.example", "198.51.100.7", 5, NOW_S * UINT64_C(1000) + 1000);
	ck_assert_uint_eq(ledger_pair_expires_s(ledger, pair), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(ledger, slot_of(&sim, "192.0.2.10")), NOW_S + 30 + LEDGER_WAY_S);
}
END_TEST

START_TEST(a_cname_expires_for_the_name_it_leads_to)
{
	uint32_t pool = zone_set_pool(sim.snapshot->set, "cdn", NULL);
	uint32_t target = sim.snapshot->pools[pool].pool->targets[0].number;

	answer(0, "named.svc.example", "198.51.100.7", 60, NOW_S * UINT64_C(1000));
	ck_assert_uint_eq(ledger_slot_expires_s(ledger, ledger_target_slot(ledger, target)), NOW_S + 60 + LEDGER_WAY_S);
}
END_TEST

START_TEST(what_ran_before_us_may_have_answered_anything_with_the_longest_ttl)
{
	ledger_assume(ledger, NOW_S);
	ck_assert_uint_eq(
		ledger_pair_expires_s(ledger, pair_of(&sim, "www.svc.example", 1)), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(
		ledger_pair_expires_s(ledger, pair_of(&sim, "named.svc.example", 0)), NOW_S + 60 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(ledger, slot_of(&sim, "192.0.2.11")), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_answers(ledger, pair_of(&sim, "www.svc.example", 1)), 0);
}
END_TEST

/* ---- the ring ---- */

static struct ledger_entry entries[3 * LEDGER_RING_LEN];

START_TEST(an_entry_comes_out_as_it_went_in)
{
	static const struct {
		const char *client, *net;
		bool ecs;
	} cases[] = {
		{ "198.51.100.7", "198.51.100.0", false },
		{ "198.51.100.0/24", "198.51.100.0", true },
		{ "2001:db8:1:2233::/64", "2001:db8:1:2200::", true },
		{ "2001:db8:1:2233::7", "2001:db8:1:2200::", false },
	};
	uint64_t lost = 0;
	char text[ADDR_TEXT_MAX];

	ck_assert(answer(1, "www.svc.example", cases[_i].client, 30, NOW_S * UINT64_C(1000) + 7));
	ck_assert_uint_eq(ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost), 0);
	ck_assert_uint_eq(ledger_take(ledger, 1, entries, COUNT_OF(entries), &lost), 1);
	ck_assert_uint_eq(ledger_take(ledger, 1, entries, COUNT_OF(entries), &lost), 0);
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(entries->time_ms, NOW_S * UINT64_C(1000) + 7);
	ck_assert_uint_eq(entries->pair, pair_of(&sim, "www.svc.example", 0));
	ck_assert_uint_eq(entries->slot, slot_of(&sim, "192.0.2.10"));
	ck_assert_uint_eq(entries->ttl_s, 30);
	ck_assert_uint_eq(entries->weight, 1);
	ck_assert_uint_eq(entries->nnamed, 1);
	ck_assert_int_eq(entries->ecs, cases[_i].ecs);
	ck_assert_int_eq(entries->family, FAMILY_V4);
	ck_assert_str_eq(addr_format(&entries->client, text), cases[_i].net);
	ck_assert_str_eq(addr_format(&entries->resolver, text), "203.0.113.9");
}
END_TEST

START_TEST(entries_that_were_overwritten_are_told_and_the_newest_stay)
{
	uint64_t lost = 0;
	size_t n;

	for (unsigned i = 0; i < LEDGER_RING_LEN + 100; i++)
		answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000) + i);
	n = ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost);
	ck_assert_uint_eq(n + lost, LEDGER_RING_LEN + 100);
	ck_assert_uint_ge(lost, 100);
	ck_assert_uint_le(lost, 101); /* the one that a worker may be writing just now cannot be trusted */
	ck_assert_uint_eq(entries[n - 1].time_ms, NOW_S * UINT64_C(1000) + LEDGER_RING_LEN + 99);
	ck_assert_uint_eq(entries[0].time_ms, NOW_S * UINT64_C(1000) + lost);
	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	ck_assert_uint_eq(ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost), 1);
}
END_TEST

START_TEST(weights_of_a_sample_add_up_to_the_answers)
{
	uint64_t lost = 0, weights = 0, most = 0;
	size_t n;

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	ledger_sample(ledger, 4);
	for (unsigned i = 0; i < 16 * 1000; i++)
		answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	n = ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost);
	for (size_t i = 0; i < n; i++) {
		weights += entries[i].weight;
		most = entries[i].weight > most ? entries[i].weight : most;
	}
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_gt(n, 900); /* 1000 on average, of deviations about 18 */
	ck_assert_uint_lt(n, 1100);
	ck_assert_uint_le(most, 31);
	ck_assert_uint_le(weights, 16 * 1000 + 1);
	ck_assert_uint_gt(weights, 16 * 1000 - 31);
}
END_TEST

START_TEST(when_less_is_to_be_let_pass_the_next_answer_is_written)
{
	uint64_t lost = 0;

	ledger_sample(ledger, 20);
	answer(0, "www.svc.example", "198.51.100.7", 30,
		NOW_S * UINT64_C(1000)); /* from here on about a million pass */
	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	ck_assert_uint_eq(ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost), 1);
	ledger_sample(ledger, 0);
	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	ck_assert_uint_eq(ledger_take(ledger, 0, entries, COUNT_OF(entries), &lost), 1);
	ck_assert_uint_eq(entries->weight, 2);
}
END_TEST

enum { RACED = 3 * 1000 * 1000 };

/* Writes as fast as it can; a word of each entry follows from another one. */
static void *write_many(void *argument)
{
	struct ledger_row *row = argument;
	struct addr resolver = { ADDR_V4, { 203, 0, 113, 9 } };
	struct client client = { .addr = resolver };
	struct decision decision = { .kind = DECIDE_ADDRESSES, .nendpoints = 1 };
	const struct service_plan *www = sim_service(&sim, "www.svc.example");

	for (uint64_t i = 0; i < RACED; i++) {
		decision.ttl_s = (uint32_t)(i % 100000);
		if (ledger_note(row, www, &decision, 0))
			ledger_write(row, &(struct ledger_answer){ www, &decision, &client, &resolver, FAMILY_V4, i });
	}
	return NULL;
}

START_TEST(what_is_taken_while_a_worker_writes_is_whole_or_told_as_lost)
{
	uint64_t taken = 0, lost = 0, next_one = 0;
	pthread_t writer;
	size_t n;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, ledger_row(ledger, 0)), 0);
	while (taken + lost < RACED) {
		n = ledger_take(ledger, 0, entries, 1000, &lost);
		for (size_t i = 0; i < n; i++) {
			ck_assert_uint_ge(entries[i].time_ms, next_one);
			next_one = entries[i].time_ms + 1;
			ck_assert_uint_eq(entries[i].ttl_s, entries[i].time_ms % 100000);
		}
		taken += n;
		if (n > 0)
			ck_assert_uint_eq(taken + lost, next_one);
	}
	pthread_join(writer, NULL);
	ck_assert_uint_eq(taken + lost, RACED);
}
END_TEST

/* ---- reloads ---- */

static struct ledger_map *reload(const char *text, struct ledger **after)
{
	sim_init(&next);
	sim_zone(&next, "svc.example", text);
	sim_load(&next);
	*after = ledger_new(next.snapshot, 1);
	return ledger_carry(*after, ledger);
}

START_TEST(a_reload_keeps_what_was_written_down)
{
	struct ledger *after;
	struct ledger_map *map;
	uint32_t www = pair_of(&sim, "www.svc.example", 0), eu = slot_of(&sim, "192.0.2.10");

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	/* another number for each pair and each endpoint */
	map = reload(HEAD "_gslb.app TXT \"v=gslb1; pools=au; rank=order\"\n"
			  "_gslb.www TXT \"v=gslb1; pools=us,eu; rank=order; ttl=20/5\"\n"
			  "au._pool TXT \"v=pool1; check=none\"\n"
			  "au._pool SRV 0 1 443 lb1.au\n"
			  "lb1.au A 192.0.2.30\n" US EU,
		&after);
	ck_assert_uint_eq(map->pair[www], pair_of(&next, "www.svc.example", 1));
	ck_assert_uint_eq(map->pair[www + 1], pair_of(&next, "www.svc.example", 0));
	ck_assert_uint_eq(map->pair[pair_of(&sim, "named.svc.example", 0)], LEDGER_NONE);
	ck_assert_uint_eq(map->slot[eu], slot_of(&next, "192.0.2.10"));
	ck_assert_uint_eq(ledger_answers(after, pair_of(&next, "www.svc.example", 1)), 1);
	ck_assert_uint_eq(ledger_answers(after, pair_of(&next, "www.svc.example", 0)), 0);
	ck_assert_uint_eq(
		ledger_pair_expires_s(after, pair_of(&next, "www.svc.example", 1)), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(after, slot_of(&next, "192.0.2.10")), NOW_S + 30 + LEDGER_WAY_S);
	ck_assert_uint_eq(ledger_slot_expires_s(after, slot_of(&next, "192.0.2.30")), 0);
	ledger_map_free(map);
	ledger_free(after);
	sim_fini(&next);
}
END_TEST

/* ---- recent ---- */

static struct recent *recent;

static void setup_recent(void)
{
	setup();
	recent = recent_new(NOW_S * UINT64_C(1000));
}

static void teardown_recent(void)
{
	recent_free(recent);
	teardown();
}

static void take(uint64_t at_s)
{
	recent_take(recent, ledger, at_s * 1000);
}

START_TEST(a_reader_gets_each_answer_once_and_in_order)
{
	uint64_t cursor = recent_end(recent), missed = 0;
	struct ledger_entry entry;

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	take(NOW_S);
	ck_assert(recent_read(recent, &cursor, &entry, &missed));
	ck_assert(!recent_read(recent, &cursor, &entry, &missed));
	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000) + 5);
	take(NOW_S);
	ck_assert(recent_read(recent, &cursor, &entry, &missed));
	ck_assert_uint_eq(entry.time_ms, NOW_S * UINT64_C(1000) + 5);
	ck_assert(!recent_read(recent, &cursor, &entry, &missed));
	ck_assert_uint_eq(missed, 0);
}
END_TEST

START_TEST(a_reader_who_is_too_slow_is_told_what_it_missed)
{
	uint64_t cursor = recent_end(recent), missed = 0, read = 0;
	struct ledger_entry entry;

	for (unsigned i = 0; i < RECENT_ENTRIES_MAX + 500; i++) {
		answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000) + i);
		if (i % 1000 == 0)
			take(NOW_S);
	}
	take(NOW_S);
	while (recent_read(recent, &cursor, &entry, &missed))
		read++;
	ck_assert_uint_eq(read, RECENT_ENTRIES_MAX);
	ck_assert_uint_eq(missed, 500);
}
END_TEST

START_TEST(a_network_is_known_by_what_it_was_told)
{
	struct recent_client *clients;
	size_t n;

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	answer(1, "www.svc.example", "198.51.100.200", 5, (NOW_S + 1) * UINT64_C(1000));
	answer(0, "www.svc.example", "198.51.101.7", 30, NOW_S * UINT64_C(1000));
	answer(0, "named.svc.example", "198.51.100.7", 60, NOW_S * UINT64_C(1000));
	take(NOW_S + 1);
	clients = recent_clients(recent, &n);
	ck_assert_uint_eq(n, 3);
	ck_assert(addr_equal(&clients[0].net, &clients[1].net));
	for (size_t i = 0; i < n; i++)
		if (clients[i].pair == pair_of(&sim, "www.svc.example", 0) && i < 2) {
			ck_assert_uint_eq(clients[i].expires_s, NOW_S + 30 + LEDGER_WAY_S);
			ck_assert_uint_eq(clients[i].last_s, NOW_S + 1);
			ck_assert(clients[i].one);
			ck_assert_float_eq(clients[i].weight, 2);
		}
	free(clients);
}
END_TEST

START_TEST(a_network_that_asks_no_more_is_forgotten)
{
	size_t n;

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	take(NOW_S);
	take(NOW_S + RECENT_HORIZON_S - 1);
	free(recent_clients(recent, &n));
	ck_assert_uint_eq(n, 1);
	take(NOW_S + RECENT_HORIZON_S + 61);
	ck_assert_ptr_null(recent_clients(recent, &n));
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(when_there_are_too_many_networks_the_oldest_go_and_it_is_said)
{
	char client[ADDR_TEXT_MAX];
	uint64_t began_ms = recent_facts(recent, NOW_S * UINT64_C(1000)).since_ms;
	size_t n;

	for (unsigned i = 0; i <= RECENT_CLIENTS_MAX; i++) {
		snprintf(client, sizeof client, "%u.%u.%u.0/24", 11 + (i >> 16), i >> 8 & 255, i & 255);
		answer(0, "www.svc.example", client, 30, (NOW_S + i / 200) * UINT64_C(1000));
		if (i % 1000 == 0)
			take(NOW_S + i / 200);
	}
	take(NOW_S + RECENT_CLIENTS_MAX / 200);
	free(recent_clients(recent, &n));
	ck_assert_uint_gt(n, RECENT_CLIENTS_MAX / 8);
	ck_assert_uint_le(n, RECENT_CLIENTS_MAX / 4 * 3 + 2000);
	ck_assert_uint_gt(recent_facts(recent, (NOW_S + RECENT_CLIENTS_MAX / 200) * UINT64_C(1000)).since_ms, began_ms);
}
END_TEST

START_TEST(many_answers_are_sampled_and_few_are_not)
{
	uint64_t at_ms = NOW_S * UINT64_C(1000);

	for (unsigned i = 0; i < 32 * RECENT_RATE; i++)
		answer(0, "www.svc.example", "198.51.100.7", 30, at_ms);
	recent_take(recent, ledger, at_ms + 1000);
	ck_assert_uint_eq(recent_facts(recent, at_ms).shift, 5);
	recent_take(recent, ledger, at_ms + 2000);
	ck_assert_uint_eq(recent_facts(recent, at_ms).shift, 0);
	ck_assert_uint_gt(recent_facts(recent, at_ms).lost, 0); /* they came before it could adapt */
}
END_TEST

START_TEST(a_reload_keeps_who_was_told_what)
{
	uint64_t cursor = recent_end(recent), missed = 0;
	struct recent_client *clients;
	struct ledger_entry entry;
	struct ledger_map *map;
	struct ledger *after;
	size_t n;

	answer(0, "www.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	answer(0, "named.svc.example", "198.51.100.7", 30, NOW_S * UINT64_C(1000));
	take(NOW_S);
	map = reload(HEAD "_gslb.www TXT \"v=gslb1; pools=us,eu; rank=order; ttl=20/5\"\n" US EU, &after);
	recent_carry(recent, map);
	clients = recent_clients(recent, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(clients->pair, pair_of(&next, "www.svc.example", 1));
	ck_assert_uint_eq(clients->slot, slot_of(&next, "192.0.2.10"));
	ck_assert(recent_read(recent, &cursor, &entry, &missed));
	ck_assert_uint_eq(entry.pair, clients->pair);
	ck_assert(recent_read(recent, &cursor, &entry, &missed));
	ck_assert_uint_eq(entry.pair, LEDGER_NONE);
	free(clients);
	ledger_map_free(map);
	ledger_free(after);
	sim_fini(&next);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, answers_are_counted_by_pair_over_all_workers);
	tcase_add_test(tcase, an_answer_expires_when_its_ttl_ends_and_the_way_is_allowed_for);
	tcase_add_test(tcase, a_short_ttl_does_not_shorten_what_a_long_one_left_in_caches);
	tcase_add_test(tcase, a_cname_expires_for_the_name_it_leads_to);
	tcase_add_test(tcase, what_ran_before_us_may_have_answered_anything_with_the_longest_ttl);
	tcase_add_loop_test(tcase, an_entry_comes_out_as_it_went_in, 0, 4);
	tcase_add_test(tcase, entries_that_were_overwritten_are_told_and_the_newest_stay);
	tcase_add_test(tcase, weights_of_a_sample_add_up_to_the_answers);
	tcase_add_test(tcase, when_less_is_to_be_let_pass_the_next_answer_is_written);
	tcase_add_test(tcase, what_is_taken_while_a_worker_writes_is_whole_or_told_as_lost);
	tcase_add_test(tcase, a_reload_keeps_what_was_written_down);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("recent");
	tcase_add_checked_fixture(tcase, setup_recent, teardown_recent);
	tcase_add_test(tcase, a_reader_gets_each_answer_once_and_in_order);
	tcase_add_test(tcase, a_reader_who_is_too_slow_is_told_what_it_missed);
	tcase_add_test(tcase, a_network_is_known_by_what_it_was_told);
	tcase_add_test(tcase, a_network_that_asks_no_more_is_forgotten);
	tcase_add_test(tcase, when_there_are_too_many_networks_the_oldest_go_and_it_is_said);
	tcase_add_test(tcase, many_answers_are_sampled_and_few_are_not);
	tcase_add_test(tcase, a_reload_keeps_who_was_told_what);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
