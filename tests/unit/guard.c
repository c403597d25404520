/* Cookies and the limit on the packet path: whole messages in, whole messages out. */
#include <stdio.h>
#include <string.h>

#include "gslb/guard.h"
#include "gslb/packet.h"
#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"
#include "tests/unit/unit.h"

enum { RATE = 20, BURST = 20 };

#define NEW "2464c4abcf10c957" /* RFC 9018, appendix A.1: from 198.51.100.100, at this moment */
#define GOOD NEW "010000005cf79f111f8130c3eee29480"
#define BAD NEW "010000005cf79f111f8130c3eee29481"
static const uint64_t now_ms = 1559731985000;

static struct world world;
static struct counters counters;
static struct dice dice;
static struct guard guard;
static struct packet_context context;
static uint8_t out[PACKET_TCP_MAX];
static size_t out_len;
static struct buf text;

static void setup(void)
{
	static const char secret[] = "e5e973e5a6b2a43f48e7dc849e37bfcf";

	packet_world_init(&world, 1);
	memset(&counters, 0, sizeof counters);
	dice.state = 1;
	ck_assert(cookie_secrets_parse(&guard.secrets, secret, sizeof secret - 1, NULL));
	guard.rrl = rrl_new(RATE, BURST, RRL_TABLE_LEN, &dice);
	context = (struct packet_context){
		.world = &world,
		.identity = &packet_world_identity,
		.guard = &guard,
		.dice = &dice,
		.counters = &counters,
		.now_ms = now_ms,
		.now_monotonic_ms = 1000,
		.source_port = 4242,
	};
	ck_assert(addr_parse("198.51.100.100", &context.source));
}

static void teardown(void)
{
	rrl_free(guard.rrl);
	packet_world_fini(&world);
	buf_fini(&text);
}

static const char *answer_bytes(const uint8_t *in, size_t len)
{
	size_t cap = context.transport == TRANSPORT_UDP ? PACKET_UDP_MAX : PACKET_TCP_MAX;
	uint8_t *exact = mem_dup(in, len); /* a sanitizer sees a read past the end */

	out_len = packet_answer(&context, exact, len, out, cap);
	free(exact);
	ck_assert_uint_le(out_len, cap);
	return out_len == 0 ? "silence" : message_text(out, out_len, &text);
}

static const char *answer_words(const char *words)
{
	uint8_t in[512];

	return answer_bytes(in, message_query(words, in, sizeof in));
}

static uint64_t counted(enum counter which)
{
	struct counted sums = { 0 };

	counted_add(&sums, &counters);
	counted_end(&sums);
	return sums.value[which];
}

static void fill_up(void)
{
	for (int i = 0; i < 2 * BURST; i++)
		answer_words("ns1.svc.example A");
}

#define ASKED "; ns1.svc.example A"
#define SAYS ASKED "; answer: ns1.svc.example 3600 A 192.0.2.53"
#define ALONE "beef 0000 0000 0000 0000 0001 00 0029 04d0 00 00 0000 "
#define NS1 "036e7331 03737663 076578616d706c65 00 0001 0001"

/* What is said to a source under its limit, and to one over it; hex when the query begins with beef. */
static const struct guard_case {
	const char *sentence, *query, *under, *over;
} cases[] = {
	{ "no EDNS", "ns1.svc.example A", "NOERROR aa" SAYS, "NOERROR tc" ASKED },
	{ "RD comes back also from over the limit", "ns1.svc.example A rd", "NOERROR aa rd" SAYS,
		"NOERROR tc rd" ASKED },
	{ "EDNS", "ns1.svc.example A edns=1232", "NOERROR aa" SAYS "; opt: 1232", "NOERROR tc" ASKED "; opt: 1232" },
	{ "what is asked besides has no room over the limit", "ns1.svc.example A do nsid ecs=198.51.100.0/24",
		"NOERROR aa" SAYS "; opt: 1232 do ecs=1/24/0=198.51.100 nsid=ns1.test",
		"NOERROR tc" ASKED "; opt: 1232 do" },
	{ "a first cookie", "ns1.svc.example A cookie=" NEW, "NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD,
		"BADCOOKIE" ASKED "; opt: 1232 cookie=" GOOD },
	{ "a valid one", "ns1.svc.example A cookie=" GOOD, "NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD,
		"NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD },
	{ "one that is not valid counts as a first one", "ns1.svc.example A cookie=" BAD,
		"NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD, "BADCOOKIE" ASKED "; opt: 1232 cookie=" GOOD },
	{ "another server's", "ns1.svc.example A cookie=" NEW "0001020304050607",
		"NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD, "BADCOOKIE" ASKED "; opt: 1232 cookie=" GOOD },
	{ "the longest of another server", "ns1.svc.example A cookie=" GOOD GOOD, /* 48 bytes: none is so long */
		"FORMERR" ASKED "; opt: 1232", "silence" },
	{ "a client's part too short", "ns1.svc.example A cookie=24", "FORMERR" ASKED "; opt: 1232", "silence" },
	{ "a server's part too short", "ns1.svc.example A cookie=" NEW "00010203040506", "FORMERR" ASKED "; opt: 1232",
		"silence" },
	{ "an empty cookie", "beef 0000 0001 0000 0000 0001" NS1 "00 0029 04d0 00 00 0000 0004 000a 0000",
		"FORMERR" ASKED "; opt: 1232", "silence" },
	{ "of two cookies the first counts",
		"beef 0000 0001 0000 0000 0001" NS1 "00 0029 04d0 00 00 0000 0028 000a 0008 " NEW " 000a 0018 " BAD,
		"NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD, "BADCOOKIE" ASKED "; opt: 1232 cookie=" GOOD },
	{ "whatever the second is",
		"beef 0000 0001 0000 0000 0001" NS1 "00 0029 04d0 00 00 0000 0011 000a 0008 " NEW " 000a 0001 00",
		"NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD, "BADCOOKIE" ASKED "; opt: 1232 cookie=" GOOD },
	{ "a zone that is not here", "elsewhere.test A cookie=" NEW,
		"REFUSED; elsewhere.test A; opt: 1232 cookie=" GOOD " ede=20",
		"BADCOOKIE; elsewhere.test A; opt: 1232 cookie=" GOOD },
	{ "a zone that is not here, without a cookie", "elsewhere.test A", "REFUSED; elsewhere.test A",
		"NOERROR tc; elsewhere.test A" },
	{ "a transfer", "svc.example AXFR cookie=" NEW, "REFUSED; svc.example AXFR; opt: 1232 cookie=" GOOD,
		"BADCOOKIE; svc.example AXFR; opt: 1232 cookie=" GOOD },
	{ "a type that is not for asking", "svc.example MAILA cookie=" NEW,
		"NOTIMP; svc.example MAILA; opt: 1232 cookie=" GOOD,
		"BADCOOKIE; svc.example MAILA; opt: 1232 cookie=" GOOD },
	{ "a broken message", "beef 0000 0001 0000 0000 0000" NS1 "00", "FORMERR" ASKED, "silence" },
	{ "EDNS 1", "beef 0000 0001 0000 0000 0001" NS1 "00 0029 04d0 00 01 0000 0000", "BADVERS" ASKED "; opt: 1232",
		"silence" },

	/* RFC 7873 5.4 */
	{ "no question, and a first cookie", ALONE "000c 000a 0008" NEW, "NOERROR; opt: 1232 cookie=" GOOD,
		"BADCOOKIE; opt: 1232 cookie=" GOOD },
	{ "no question, and a valid one", ALONE "001c 000a 0018" GOOD, "NOERROR; opt: 1232 cookie=" GOOD,
		"NOERROR; opt: 1232 cookie=" GOOD },
	{ "no question, and one that is not valid", ALONE "001c 000a 0018" BAD, "BADCOOKIE; opt: 1232 cookie=" GOOD,
		"BADCOOKIE; opt: 1232 cookie=" GOOD },
	{ "no question, and a cookie that is none", ALONE "000b 000a 0007 01020304050607", "FORMERR; opt: 1232",
		"silence" },
	{ "no question, and no cookie", ALONE "0004 0003 0000", "FORMERR; opt: 1232", "silence" },
	{ "no question, and no EDNS", "beef 0000 0000 0000 0000 0000", "FORMERR", "silence" },
	{ "no question, a cookie, and an answer",
		"beef 0000 0000 0001 0000 0001 00 0001 0001 00000000 0004 c0000201 00 0029 04d0 00 00 0000 000c 000a "
		"0008" NEW,
		"FORMERR", "silence" },
	{ "no question, a cookie, and a byte too many", ALONE "000c 000a 0008" NEW "00", "FORMERR; opt: 1232",
		"silence" },
	{ "no question and TC", "beef 0200 0000 0000 0000 0001 00 0029 04d0 00 00 0000 000c 000a 0008" NEW, "FORMERR",
		"silence" },
};

static const char *answer_query(const char *query)
{
	uint8_t in[512];

	if (strncmp(query, "beef ", 5) != 0)
		return answer_words(query);
	return answer_bytes(in, message_from_hex(query, in, sizeof in));
}

START_TEST(a_source_under_its_limit_is_answered)
{
	const struct guard_case *c = &cases[_i];
	const char *got = answer_query(c->query);

	ck_assert_msg(strcmp(got, c->under) == 0, "%s:\n got      %s\n expected %s", c->sentence, got, c->under);
}
END_TEST

START_TEST(a_source_over_its_limit_is_told_how_to_come_back)
{
	const struct guard_case *c = &cases[_i];
	const char *got;

	fill_up();
	got = answer_query(c->query);
	ck_assert_msg(strcmp(got, c->over) == 0, "%s:\n got      %s\n expected %s", c->sentence, got, c->over);
}
END_TEST

START_TEST(over_tcp_there_is_no_limit_and_cookies_are_answered)
{
	const struct guard_case *c = &cases[_i];
	const char *got;

	fill_up();
	context.transport = TRANSPORT_TCP;
	got = answer_query(c->query);
	ck_assert_msg(strcmp(got, c->under) == 0, "%s:\n got      %s\n expected %s", c->sentence, got, c->under);
}
END_TEST

START_TEST(without_a_guard_cookies_mean_nothing)
{
	context.guard = NULL;
	fill_up();
	ck_assert_str_eq(answer_words("ns1.svc.example A cookie=" NEW), "NOERROR aa" SAYS "; opt: 1232");
	ck_assert_str_eq(answer_query(ALONE "000c 000a 0008" NEW), "FORMERR; opt: 1232");
}
END_TEST

START_TEST(without_a_limit_cookies_are_answered)
{
	struct guard unlimited = { .secrets = guard.secrets };

	context.guard = &unlimited;
	fill_up();
	ck_assert_str_eq(answer_words("ns1.svc.example A cookie=" NEW), "NOERROR aa" SAYS "; opt: 1232 cookie=" GOOD);
}
END_TEST

START_TEST(a_valid_cookie_neither_counts_nor_is_counted)
{
	for (int i = 0; i < 10 * BURST; i++)
		answer_words("ns1.svc.example A cookie=" GOOD);
	for (int i = 0; i < BURST - 2; i++)
		ck_assert_str_eq(answer_words("ns1.svc.example A"), "NOERROR aa" SAYS);
	ck_assert_uint_eq(counted(COUNT_cookies_good), 10 * BURST);
}
END_TEST

START_TEST(errors_are_limited_ten_times_as_hard)
{
	ck_assert_str_eq(answer_words("elsewhere.test A"), "REFUSED; elsewhere.test A");
	ck_assert_msg(strncmp(answer_words("nothing.svc.example A"), "NXDOMAIN", 8) == 0, "%s", text.text);
	ck_assert_str_eq(answer_words("nothing.svc.example A"), "NOERROR tc; nothing.svc.example A");
	ck_assert_str_eq(answer_words("ns1.svc.example A"), "NOERROR tc" ASKED);
	context.source.bytes[3]++;
	ck_assert_str_eq(answer_words("ns1.svc.example A"), "NOERROR aa" SAYS);
}
END_TEST

START_TEST(an_answer_over_the_limit_is_no_longer_than_its_question)
{
	static const char *const queries[] = { "www.svc.example A", "big.svc.example TXT rd",
		"svc.example ANY edns=1232", "www.svc.example A do nsid ecs=198.51.100.0/24" };
	uint8_t in[512];

	fill_up();
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		size_t len = message_query(queries[i], in, sizeof in);

		ck_assert(strstr(answer_bytes(in, len), "NOERROR tc") != NULL);
		ck_assert_msg(out_len <= len, "%s: %zu of %zu", queries[i], out_len, len);
	}
	/* but for the cookie's server part */
	ck_assert(strncmp(answer_words("big.svc.example TXT cookie=" NEW), "BADCOOKIE", 9) == 0);
	ck_assert_uint_le(out_len, message_query("big.svc.example TXT cookie=" NEW, in, sizeof in) + 16);
}
END_TEST

START_TEST(the_rate_is_given_also_to_who_sends_too_much)
{
	unsigned whole = 0;

	fill_up();
	for (int i = 0; i < 10000; i++) {
		context.now_monotonic_ms++;
		whole += strcmp(answer_words("ns1.svc.example A"), "NOERROR aa" SAYS) == 0;
	}
	ck_assert_msg(whole >= 190 && whole <= 210, "%u", whole);
}
END_TEST

START_TEST(what_is_limited_is_counted)
{
	fill_up();
	ck_assert_uint_eq(counted(COUNT_limited_truncated), 2 * BURST - counted(COUNT_answers_noerror));
	ck_assert_uint_eq(counted(COUNT_answers_truncated), counted(COUNT_limited_truncated));
	answer_words("ns1.svc.example A cookie=" NEW);
	answer_words("ns1.svc.example A cookie=" BAD);
	answer_words("ns1.svc.example A cookie=" GOOD);
	answer_words("ns1.svc.example A cookie=00");
	ck_assert_uint_eq(counted(COUNT_cookies_new), 1);
	ck_assert_uint_eq(counted(COUNT_cookies_bad), 1);
	ck_assert_uint_eq(counted(COUNT_cookies_good), 1);
	ck_assert_uint_eq(counted(COUNT_answers_badcookie), 2);
	ck_assert_uint_eq(counted(COUNT_limited_badcookie), 2);
	ck_assert_uint_eq(counted(COUNT_limited_dropped), 1);
	ck_assert_uint_eq(counted(COUNT_queries_udp), 2 * BURST + 4);
	ck_assert_uint_eq(counted(COUNT_dropped), 0);
}
END_TEST

START_TEST(ports_that_answer_whatever_they_get_get_nothing)
{
	static const uint16_t forged[] = { 0, 7, 13, 17, 19 };
	unsigned nforged = 0;

	for (size_t i = 0; i < COUNT_OF(forged); i++) {
		context.source_port = forged[i];
		ck_assert_str_eq(answer_words("ns1.svc.example A cookie=" GOOD), "silence");
	}
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		nforged += guard_port_is_forged((uint16_t)port);
	ck_assert_uint_eq(nforged, COUNT_OF(forged));
	ck_assert_uint_eq(counted(COUNT_dropped), COUNT_OF(forged));
	context.source_port = 53; /* some old resolvers ask from it */
	ck_assert_str_eq(answer_words("ns1.svc.example A"), "NOERROR aa" SAYS);
}
END_TEST

START_TEST(the_longest_question_and_a_cookie_and_all_options_fit_in_512_bytes)
{
	struct packet_identity longest = packet_world_identity;
	char words[400] = "";

	memset(longest.nsid, 'n', sizeof longest.nsid);
	longest.nsid_len = sizeof longest.nsid;
	context.identity = &longest;
	for (int i = 0; i < 126; i++)
		strcat(words, "a.");
	strcat(words, "a A do nsid keepalive edns=512 ecs=2001:db8::1/128 cookie=" NEW);
	ck_assert_msg(strncmp(answer_words(words), "REFUSED; a.a.", 13) == 0, "%s", text.text);
	ck_assert_ptr_nonnull(strstr(text.text, " cookie=" GOOD));
	ck_assert_uint_le(out_len, 512);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guard");
	TCase *tests = tcase_create("guard");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_source_under_its_limit_is_answered, 0, COUNT_OF(cases));
	tcase_add_loop_test(tests, a_source_over_its_limit_is_told_how_to_come_back, 0, COUNT_OF(cases));
	tcase_add_loop_test(tests, over_tcp_there_is_no_limit_and_cookies_are_answered, 0, COUNT_OF(cases));
	tcase_add_test(tests, without_a_guard_cookies_mean_nothing);
	tcase_add_test(tests, without_a_limit_cookies_are_answered);
	tcase_add_test(tests, a_valid_cookie_neither_counts_nor_is_counted);
	tcase_add_test(tests, errors_are_limited_ten_times_as_hard);
	tcase_add_test(tests, an_answer_over_the_limit_is_no_longer_than_its_question);
	tcase_add_test(tests, the_rate_is_given_also_to_who_sends_too_much);
	tcase_add_test(tests, what_is_limited_is_counted);
	tcase_add_test(tests, ports_that_answer_whatever_they_get_get_nothing);
	tcase_add_test(tests, the_longest_question_and_a_cookie_and_all_options_fit_in_512_bytes);
	suite_add_tcase(suite, tests);
	return unit_run(suite);
}
