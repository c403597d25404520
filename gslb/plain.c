/* A record of an address is written as words: its head is known, but for the TTL. */
#include "gslb/plain.h"

#include "gslb/bytes.h"
#include "gslb/reply.h"

enum { HEAD_LEN = 12 };
enum { OPT_LEN = 11, OPTION_HEAD_LEN = 4, ECS_HEAD_LEN = 4 };

/* The first 8 bytes of an address's record, with all of the TTL's upper half; and the 4 that follow. */
static uint64_t head_of(unsigned type, uint32_t ttl_s)
{
	return UINT64_C(0xc00c) << 48 | (uint64_t)type << 32 | CLASS_IN << 16 | ttl_s >> 16;
}

/* Inline: type and len are constants to each caller. */
static inline uint8_t *put_addresses(uint8_t *at, const struct answer *answer, unsigned type, unsigned len)
{
	uint64_t head = htobe64(head_of(type, answer->ttl_s));
	uint32_t tail = htobe32(answer->ttl_s << 16 | len);

	for (uint32_t i = 0; i < answer->naddresses; i++, at += HEAD_LEN + len) {
		memcpy(at, &head, sizeof head);
		memcpy(at + 8, &tail, sizeof tail);
		memcpy(at + HEAD_LEN, answer->address[i]->bytes, len);
	}
	return at;
}

uint8_t *plain_addresses(uint8_t *at, const struct answer *answer, bool v6)
{
	return v6 ? put_addresses(at, answer, RR_AAAA, 16) : put_addresses(at, answer, RR_A, 4);
}

/* The root, OPT, what we take, version 0; and a Client Subnet as it came, but for the scope (RFC 7871 7.2.1). */
static void put_opt(uint8_t *at, const struct query *query, const struct answer *answer, size_t ecs_len)
{
	store64(at, UINT64_C(41) << 40 | (uint64_t)PACKET_UDP_MAX << 24);
	at[7] = query->dnssec_ok ? 0x80 : 0;
	at[8] = 0;
	store16(at + 9, (unsigned)ecs_len);
	if (ecs_len == 0)
		return;
	at += OPT_LEN;
	copy_some(at, query->ecs_option - OPTION_HEAD_LEN, ecs_len);
	at[OPTION_HEAD_LEN + 3] = query->ecs_source_len > 0 ? answer->decision.scope : 0;
}

size_t plain_write(const struct query *query, const struct answer *answer, uint8_t *restrict out)
{
	bool v6 = query->qtype == RR_AAAA;
	size_t ecs_len = query->ecs ? OPTION_HEAD_LEN + ECS_HEAD_LEN + (query->ecs_source_len + 7u) / 8 : 0;
	size_t opt_len = query->edns ? OPT_LEN + ecs_len : 0;
	size_t question_end = QUERY_HEADER_LEN + query->question_len;
	size_t len = question_end + answer->naddresses * (v6 ? PLAIN_AAAA_LEN : PLAIN_A_LEN) + opt_len;
	uint8_t *at = out + question_end;

	if (UNLIKELY(len > PLAIN_MAX))
		return 0;
	store32(out, (uint32_t)query->id << 16 | REPLY_FLAG_QR | (query->flags & REPLY_FLAGS_KEPT) |
			     (answer->authoritative ? REPLY_FLAG_AA : 0));
	store64(out + 4, UINT64_C(1) << 48 | (uint64_t)answer->naddresses << 32 | query->edns);
	copy_some(out + QUERY_HEADER_LEN, query->question, query->question_len);
	at = plain_addresses(at, answer, v6);
	if (LIKELY(query->edns))
		put_opt(at, query, answer, ecs_len);
	return len;
}
