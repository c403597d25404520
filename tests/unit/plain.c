/* The quick way from an answer to a message against the one that can do everything: every byte is the same. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gslb/plain.h"
#include "gslb/reply.h"

static uint8_t message[512], quick[PACKET_UDP_MAX], full[PACKET_UDP_MAX];
static struct dice dice = { 7 };

/* A query as it may come: any letters, flags, payload, ECS and DO. */
static size_t query_draw(void)
{
	static const uint8_t names[][24] = { "\3www\3svc\7example", "\1a", "", "\13FourLetters\4tEst" };
	const uint8_t *name = names[dice_below(&dice, COUNT_OF(names))];
	size_t at = QUERY_HEADER_LEN, name_len = strlen((const char *)name) + 1;
	unsigned family = (unsigned)dice_below(&dice, 3), bits = family == 1 ? 32 : family == 2 ? 128 : 0;
	unsigned len = (unsigned)dice_below(&dice, bits + 1), naddr = (len + 7) / 8;

	memset(message, 0, sizeof message);
	for (unsigned i = 0; i < 4; i++)
		message[i] = (uint8_t)dice_next(&dice);
	message[2] &= 0x01; /* QUERY, not truncated; all else is the asker's */
	message[5] = 1;
	memcpy(message + at, name, name_len);
	at += name_len;
	message[at + 1] = dice_below(&dice, 2) == 0 ? RR_A : RR_AAAA;
	message[at + 3] = dice_below(&dice, 4) == 0 ? CLASS_ANY : CLASS_IN;
	at += 4;
	if (dice_below(&dice, 4) == 0)
		return at;
	message[11] = 1;
	message[at + 2] = 41;
	message[at + 3] = (uint8_t)dice_next(&dice);
	message[at + 7] = dice_below(&dice, 2) == 0 ? 0x80 : 0;
	at += 11;
	if (dice_below(&dice, 3) == 0)
		return at;
	message[at - 1] = (uint8_t)(8 + naddr);
	message[at + 1] = 8;
	message[at + 3] = (uint8_t)(4 + naddr);
	message[at + 5] = (uint8_t)family;
	message[at + 6] = (uint8_t)len;
	if (len >= 8)
		message[at + 8] = (uint8_t)dice_next(&dice);
	return at + 8 + naddr;
}

static void answer_draw(struct answer *answer, const struct query *query, struct addr addresses[SERVICE_ANSWERS_MAX])
{
	static const struct service_plan service;

	answer_rcode(answer, RCODE_NOERROR);
	answer->authoritative = query->qclass == CLASS_IN;
	answer->plain = true;
	answer->service = &service;
	answer->body = ANSWER_ADDRESSES;
	answer->ttl_s = (uint32_t)dice_next(&dice) >> dice_below(&dice, 32);
	answer->decision.scope = (uint8_t)dice_below(&dice, 129);
	answer->naddresses = 1 + (uint32_t)dice_below(&dice, SERVICE_ANSWERS_MAX);
	for (uint32_t i = 0; i < answer->naddresses; i++) {
		addresses[i].family = query->qtype == RR_AAAA ? ADDR_V6 : ADDR_V4;
		for (unsigned k = 0; k < 16; k++)
			addresses[i].bytes[k] = query->qtype == RR_AAAA || k < 4 ? (uint8_t)dice_next(&dice) : 0;
		answer->address[i] = &addresses[i];
	}
}

START_TEST(a_plain_reply_is_what_the_long_way_writes)
{
	static const struct packet_identity identity = { .nsid = "ns", .nsid_len = 2 };
	unsigned nplain = 0;

	for (unsigned round = 0; round < 200000; round++) {
		struct addr addresses[SERVICE_ANSWERS_MAX];
		size_t len = query_draw(), quick_len, full_len;
		struct answer answer;
		struct query query;
		bool truncated;

		ck_assert_int_eq(query_parse(&query, message, len), QUERY_OK);
		answer_draw(&answer, &query, addresses);
		memset(quick, 0xa5, sizeof quick); /* a byte that is not written shows */
		memset(full, 0x5a, sizeof full);
		quick_len = plain_write(&query, &answer, quick);
		answer.plain = false;
		full_len = reply_write(&query, &answer, &identity, TRANSPORT_UDP, full, sizeof full, &truncated);
		if (quick_len == 0) {
			ck_assert(truncated || full_len > PLAIN_MAX);
			continue;
		}
		nplain++;
		ck_assert(!truncated);
		ck_assert_uint_eq(quick_len, full_len);
		ck_assert_mem_eq(quick, full, full_len);
	}
	ck_assert_uint_gt(nplain, 150000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plain");
	TCase *cases = tcase_create("plain");

	tcase_add_test(cases, a_plain_reply_is_what_the_long_way_writes);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
