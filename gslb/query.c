/* The packet is read once, front to back, through a cursor that remembers its first error; the verdict falls at the end of
 * each part. The question is read before anything is judged, so that also a refusal can send it back. */
#include "gslb/query.h"

#include <endian.h>
#include <string.h>

#include "gslb/cookie.h"

enum { TYPE_OPT = 41, TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_MAILB = 253, TYPE_MAILA = 254 };
enum { OPTION_NSID = 3, OPTION_ECS = 8, OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11 };
enum { FLAG_OPCODE = 0x7800, FLAG_TC = 0x0200 };
enum {
	RECORD_HEAD_LEN = 10, /* without its owner */
	OPTION_HEAD_LEN = 4,
	ECS_HEAD_LEN = 4 /* without its address */
};

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

/* The next len bytes; NULL, and bad from then on, when they are not there. */
static const uint8_t *cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (UNLIKELY(c->bad || len > (size_t)(c->end - at))) {
		c->bad = true;
		return NULL;
	}
	c->at = at + len;
	return at;
}

static unsigned load16(const uint8_t *at)
{
	return (unsigned)(at[0] << 8 | at[1]);
}

/* The n bytes (at most 8) that end before `end`, as the first ones of a word that is zero behind them. The eight before `end` are
 * read, which lie in the packet wherever a record's data does. */
static uint64_t load_ending(const uint8_t *end, size_t n)
{
	uint64_t word;

	if (n == 0)
		return 0;
	memcpy(&word, end - sizeof word, sizeof word);
	return htobe64(be64toh(word) << 8 * (sizeof word - n));
}

/* Over a record's owner, which may end in a compression pointer. True when it is the root, written plainly. */
static bool cursor_skip_name(struct cursor *c)
{
	const uint8_t *first = c->at, *label = cursor_take(c, 1);

	while (label != NULL && *label != 0) {
		if (*label > 63) {
			cursor_take(c, 1);
			c->bad |= *label < 0xc0;
			return false;
		}
		cursor_take(c, *label);
		label = cursor_take(c, 1);
	}
	return label == first;
}

static bool question_parse(struct query *query, struct cursor *c)
{
	/* a question's name has nothing before it to point back to, so a pointer is no name here */
	size_t name_len = name_from_wire(&query->name, c->at, (size_t)(c->end - c->at));
	const uint8_t *tail = c->at + name_len;

	if (UNLIKELY(name_len == 0 || c->end - tail < 4)) {
		c->bad = true;
		return false;
	}
	query->qtype = (uint16_t)load16(tail);
	query->qclass = (uint16_t)load16(tail + 2);
	query->question = c->at;
	query->question_len = (uint16_t)(name_len + 4);
	c->at = tail + 4;
	return true;
}

static void ecs_address(struct addr *addr, const uint8_t *bytes, size_t n)
{
	size_t first_n = n < 8 ? n : 8;
	uint64_t first = load_ending(bytes + first_n, first_n);
	uint64_t rest = UNLIKELY(n > 8) ? load_ending(bytes + n, n - 8) : 0;

	memcpy(addr->bytes, &first, sizeof first);
	memcpy(addr->bytes + 8, &rest, sizeof rest);
}

/* RFC 7871 6 and 7.1. FAMILY 0 is taken with no bits, as some senders mark "no address" so. */
static bool ecs_parse(struct query *query, const uint8_t *option, size_t len)
{
	unsigned family, source_len, scope_len, bits;
	size_t naddr;

	if (UNLIKELY(query->ecs || len < ECS_HEAD_LEN))
		return false;
	family = load16(option);
	source_len = option[2];
	scope_len = option[3];
	naddr = len - ECS_HEAD_LEN;
	bits = LIKELY(family == 1) ? 32 : family == 2 ? 128 : 0;
	if (UNLIKELY(family > 2 || source_len > bits || scope_len != 0 || naddr != (source_len + 7) / 8))
		return false;
	if (UNLIKELY(source_len % 8 != 0) && (option[ECS_HEAD_LEN + naddr - 1] & (0xff >> (source_len % 8))) != 0)
		return false;
	query->ecs = true;
	query->ecs_source_len = (uint8_t)source_len;
	query->ecs_option = option;
	ecs_address(&query->ecs_addr, option + ECS_HEAD_LEN, naddr);
	query->ecs_addr.family = LIKELY(family == 1) ? ADDR_V4 : family == 2 ? ADDR_V6 : ADDR_NONE;
	return true;
}

/* RFC 7873 5.2: of several the first counts, and the others are passed over. */
static bool cookie_parse(struct query *query, const uint8_t *option, size_t len)
{
	if (query->cookie_len > 0)
		return true;
	if (!cookie_has_length(len))
		return false;
	query->cookie = option;
	query->cookie_len = (uint8_t)len;
	return true;
}

static bool option_parse(struct query *query, unsigned code, const uint8_t *option, size_t len)
{
	if (LIKELY(code == OPTION_ECS))
		return ecs_parse(query, option, len);
	switch (code) {
	case OPTION_COOKIE:
		return cookie_parse(query, option, len);
	case OPTION_NSID:
		query->wants_nsid = true;
		return len == 0;
	case OPTION_KEEPALIVE:
		query->wants_keepalive = true;
		return true;
	default: /* RFC 6891 6.1.2: what is not known is ignored */
		return true;
	}
}

static bool options_parse(struct query *query, const uint8_t *at, const uint8_t *end)
{
	while (end - at >= OPTION_HEAD_LEN) {
		unsigned len = load16(at + 2);
		const uint8_t *option = at + OPTION_HEAD_LEN;

		if (UNLIKELY(len > (size_t)(end - option)) || !option_parse(query, load16(at), option, len))
			return false;
		at = option + len;
	}
	return at == end;
}

/* EDNS: head is the OPT's type and what follows it (RFC 6891 6.1.3). */
static enum query_verdict opt_parse(struct query *query, const uint8_t *head, const uint8_t *rdata, size_t rdlen)
{
	unsigned payload = load16(head + 2);

	if (UNLIKELY(query->edns))
		return QUERY_FORMERR;
	query->edns = true;
	query->payload = payload < QUERY_UDP_MIN ? QUERY_UDP_MIN : (uint16_t)payload; /* RFC 6891 6.2.3 */
	query->dnssec_ok = (head[6] & 0x80) != 0;
	if (UNLIKELY(head[5] != 0))
		return QUERY_BADVERS;
	return options_parse(query, rdata, rdata + rdlen) ? QUERY_OK : QUERY_FORMERR;
}

/* One record of the additional section: an OPT is taken in, all others are passed over. */
static enum query_verdict additional_parse(struct query *query, struct cursor *c)
{
	bool root = cursor_skip_name(c);
	const uint8_t *head = cursor_take(c, RECORD_HEAD_LEN), *rdata;

	if (head == NULL)
		return QUERY_FORMERR;
	rdata = cursor_take(c, load16(head + 8));
	if (rdata == NULL)
		return QUERY_FORMERR;
	if (load16(head) != TYPE_OPT)
		return QUERY_OK;
	return root ? opt_parse(query, head, rdata, load16(head + 8)) : QUERY_FORMERR;
}

/* All records behind the question. FORMERR beats BADVERS: an unreadable message has no version. */
static enum query_verdict records_parse(
	struct query *query, struct cursor *c, unsigned nauthority, unsigned nadditional)
{
	enum query_verdict verdict = QUERY_OK;

	for (; nauthority > 0 && !c->bad; nauthority--) {
		const uint8_t *head;

		cursor_skip_name(c);
		head = cursor_take(c, RECORD_HEAD_LEN);
		if (head != NULL)
			cursor_take(c, load16(head + 8));
	}
	for (; nadditional > 0 && !c->bad; nadditional--) {
		enum query_verdict one = additional_parse(query, c);

		if (one == QUERY_FORMERR)
			return one;
		if (one != QUERY_OK)
			verdict = one;
	}
	return c->bad || c->at != c->end ? QUERY_FORMERR : verdict;
}

static enum query_verdict qtype_verdict(uint16_t qtype)
{
	if (LIKELY(qtype < 128))
		return LIKELY(qtype != TYPE_OPT) ? QUERY_OK : QUERY_NOTIMP;
	if (qtype == TYPE_AXFR || qtype == TYPE_IXFR)
		return QUERY_REFUSED;
	if (qtype < TYPE_IXFR || qtype == TYPE_MAILA || qtype == TYPE_MAILB)
		return QUERY_NOTIMP;
	return QUERY_OK;
}

/* RFC 7873 5.4: a header and an OPT, from a client that only wants to learn its cookie, or whether it is still good. */
static enum query_verdict cookie_alone_parse(
	struct query *query, struct cursor *c, unsigned flags, const uint8_t *header)
{
	enum query_verdict verdict;

	if ((flags & FLAG_TC) != 0 || load16(header + 6) != 0 || load16(header + 8) != 0)
		return QUERY_FORMERR;
	verdict = records_parse(query, c, 0, load16(header + 10));
	if (verdict != QUERY_OK)
		return verdict;
	return query->cookie_len > 0 ? QUERY_COOKIE : QUERY_FORMERR;
}

/* NOTIFY, UPDATE and the like: refused, but who speaks EDNS is answered with EDNS (RFC 6891 6.1.1), if all can be read. */
static enum query_verdict opcode_parse(struct query *query, struct cursor *c, const uint8_t *header)
{
	unsigned nrecords = load16(header + 6) + load16(header + 8); /* of the sections before the OPT's */
	enum query_verdict verdict = records_parse(query, c, nrecords, load16(header + 10));

	if (verdict == QUERY_BADVERS)
		return verdict;
	if (verdict != QUERY_OK) {
		query->edns = query->ecs = false;
		query->cookie_len = 0;
	}
	return QUERY_NOTIMP;
}

/* What is to be said of a header that is not the usual one. The question, if there is one, was read. */
static enum query_verdict unusual_parse(
	struct query *query, struct cursor *c, unsigned flags, const uint8_t *header, bool question)
{
	enum query_verdict verdict;

	if (query->opcode != 0)
		return opcode_parse(query, c, header);
	if (load16(header + 4) == 0)
		return cookie_alone_parse(query, c, flags, header);
	if (!question || (flags & FLAG_TC) != 0 || load16(header + 6) != 0)
		return QUERY_FORMERR;
	if (load16(header + 8) != 0 && query->qtype != TYPE_IXFR)
		return QUERY_FORMERR;
	verdict = records_parse(query, c, load16(header + 8), load16(header + 10));
	return verdict != QUERY_OK ? verdict : qtype_verdict(query->qtype);
}

/* Is what is left one OPT? */
static bool is_one_opt(const struct cursor *c)
{
	return c->end - c->at >= 1 + RECORD_HEAD_LEN && c->at[0] == 0 && load16(c->at + 1) == TYPE_OPT &&
	       c->end - c->at == 1 + RECORD_HEAD_LEN + (ptrdiff_t)load16(c->at + 9);
}

/* QUERY, not truncated, one question, nothing but an OPT behind it: what all but a few are. */
static bool is_usual(const uint8_t *header, unsigned flags)
{
	uint64_t counts;

	memcpy(&counts, header + 4, sizeof counts);
	return (flags & (FLAG_OPCODE | FLAG_TC)) == 0 && counts == htobe64(UINT64_C(1) << 48 | 1);
}

enum query_verdict query_parse(struct query *query, const uint8_t *packet, size_t len)
{
	struct cursor c = { .at = packet + QUERY_HEADER_LEN, .end = packet + len };
	unsigned flags;
	bool question;

	/* QR: two servers must not talk to each other for ever */
	if (UNLIKELY(len < QUERY_HEADER_LEN || (packet[2] & 0x80) != 0))
		return QUERY_DROP;
	flags = load16(packet + 2);
	query->flags = (uint16_t)flags;
	query->id = (uint16_t)load16(packet);
	query->opcode = flags >> 11 & 15;
	query->question_len = 0;
	query->qtype = 0;
	query->cookie_len = 0;
	query->edns = query->dnssec_ok = query->wants_nsid = query->wants_keepalive = query->ecs = false;
	query->payload = QUERY_UDP_MIN;

	question = LIKELY(load16(packet + 4) == 1) && question_parse(query, &c);
	if (LIKELY(question && is_usual(packet, flags) && is_one_opt(&c))) {
		enum query_verdict verdict = opt_parse(query, c.at + 1, c.at + 1 + RECORD_HEAD_LEN, load16(c.at + 9));

		return verdict != QUERY_OK ? verdict : qtype_verdict(query->qtype);
	}
	return unusual_parse(query, &c, flags, packet, question);
}
