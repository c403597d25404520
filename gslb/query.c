/* The packet is read once, front to back, through a cursor that remembers its first error; the verdict falls at the end of
 * each part. The question is read before anything is judged, so that also a refusal can send it back. */
#include "gslb/query.h"

#include <string.h>

enum { TYPE_OPT = 41, TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_MAILB = 253, TYPE_MAILA = 254 };
enum { OPTION_NSID = 3, OPTION_ECS = 8, OPTION_KEEPALIVE = 11 };
enum { OPT_FLAG_DO = 0x8000, ECS_HEAD_LEN = 4 };

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

/* The next len bytes; NULL, and bad from then on, when they are not there. */
static const uint8_t *cursor_take(struct cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || len > (size_t)(c->end - at)) {
		c->bad = true;
		return NULL;
	}
	c->at = at + len;
	return at;
}

static uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *at = cursor_take(c, 1);

	return at != NULL ? *at : 0;
}

static uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *at = cursor_take(c, 2);

	return at != NULL ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

/* Over a record's owner, which may end in a compression pointer. True when it is the root, written plainly. */
static bool cursor_skip_name(struct cursor *c)
{
	uint8_t len = cursor_u8(c);
	bool root = len == 0;

	while (!c->bad && len != 0) {
		if (len >= 0xc0) {
			cursor_take(c, 1);
			break;
		}
		if (len > 63) {
			c->bad = true;
			break;
		}
		cursor_take(c, len);
		len = cursor_u8(c);
	}
	return root && !c->bad;
}

static bool question_parse(struct query *query, struct cursor *c)
{
	const uint8_t *start = c->at;
	/* a question's name has nothing before it to point back to, so a pointer is no name here */
	size_t name_len = name_from_wire(&query->name, start, (size_t)(c->end - start));

	if (name_len == 0 || cursor_take(c, name_len) == NULL)
		return false;
	query->qtype = cursor_u16(c);
	query->qclass = cursor_u16(c);
	if (c->bad)
		return false;
	query->question = start;
	query->question_len = (uint16_t)(c->at - start);
	return true;
}

/* RFC 7871 6 and 7.1. FAMILY 0 is taken with no bits, as some senders mark "no address" so. */
static bool ecs_parse(struct query *query, const uint8_t *option, size_t len)
{
	unsigned family, source_len, scope_len, bits;
	size_t naddr;

	if (query->ecs || len < ECS_HEAD_LEN)
		return false;
	family = (unsigned)(option[0] << 8 | option[1]);
	source_len = option[2];
	scope_len = option[3];
	naddr = len - ECS_HEAD_LEN;
	bits = family == 1 ? 32 : family == 2 ? 128 : 0;
	if (family > 2 || source_len > bits || scope_len != 0 || naddr != (source_len + 7) / 8)
		return false;
	if (source_len % 8 != 0 && (option[ECS_HEAD_LEN + naddr - 1] & (0xff >> (source_len % 8))) != 0)
		return false;
	query->ecs = true;
	query->ecs_family = (uint16_t)family;
	query->ecs_source_len = (uint8_t)source_len;
	query->ecs_addr = (struct addr){ .family = family == 1 ? ADDR_V4 : family == 2 ? ADDR_V6 : ADDR_NONE };
	memcpy(query->ecs_addr.bytes, option + ECS_HEAD_LEN, naddr);
	return true;
}

static bool options_parse(struct query *query, const uint8_t *rdata, size_t rdlen)
{
	struct cursor c = { .at = rdata, .end = rdata + rdlen };

	while (c.at < c.end) {
		uint16_t code = cursor_u16(&c), len = cursor_u16(&c);
		const uint8_t *option = cursor_take(&c, len);

		if (option == NULL)
			return false;
		if (code == OPTION_ECS && !ecs_parse(query, option, len))
			return false;
		if (code == OPTION_NSID && len != 0)
			return false;
		query->wants_nsid |= code == OPTION_NSID;
		query->wants_keepalive |= code == OPTION_KEEPALIVE;
	}
	return true;
}

/* One record of the additional section: an OPT is taken in, all others are passed over. */
static enum query_verdict additional_parse(struct query *query, struct cursor *c)
{
	bool root = cursor_skip_name(c);
	uint16_t type = cursor_u16(c), class = cursor_u16(c);
	uint8_t version;
	uint16_t flags, rdlen;
	const uint8_t *rdata;

	cursor_u8(c); /* the upper bits of an rcode, which a query has none of */
	version = cursor_u8(c);
	flags = cursor_u16(c);
	rdlen = cursor_u16(c);
	rdata = cursor_take(c, rdlen);
	if (c->bad)
		return QUERY_FORMERR;
	if (type != TYPE_OPT)
		return QUERY_OK;
	if (!root || query->edns)
		return QUERY_FORMERR;
	query->edns = true;
	query->payload = class < QUERY_UDP_MIN ? QUERY_UDP_MIN : class; /* RFC 6891 6.2.3 */
	query->dnssec_ok = (flags & OPT_FLAG_DO) != 0;
	if (version != 0)
		return QUERY_BADVERS;
	return options_parse(query, rdata, rdlen) ? QUERY_OK : QUERY_FORMERR;
}

/* All records behind the question. FORMERR beats BADVERS: an unreadable message has no version. */
static enum query_verdict records_parse(struct query *query, struct cursor *c, unsigned nauthority, unsigned nadditional)
{
	enum query_verdict verdict = QUERY_OK;

	for (; nauthority > 0 && !c->bad; nauthority--) {
		cursor_skip_name(c);
		cursor_take(c, 8);
		cursor_take(c, cursor_u16(c));
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
	if (qtype == TYPE_AXFR || qtype == TYPE_IXFR)
		return QUERY_REFUSED;
	if (qtype == TYPE_OPT || (qtype >= 128 && qtype < TYPE_IXFR) || qtype == TYPE_MAILA || qtype == TYPE_MAILB)
		return QUERY_NOTIMP;
	return QUERY_OK;
}

enum query_verdict query_parse(struct query *query, const uint8_t *packet, size_t len)
{
	struct cursor c = { .at = packet, .end = packet + len };
	uint16_t flags, nquestions, nanswers, nauthority, nadditional;
	enum query_verdict verdict;
	bool question;

	query->id = cursor_u16(&c);
	flags = cursor_u16(&c);
	nquestions = cursor_u16(&c);
	nanswers = cursor_u16(&c);
	nauthority = cursor_u16(&c);
	nadditional = cursor_u16(&c);
	if (c.bad || (flags & 0x8000) != 0) /* QR: two servers must not talk to each other for ever */
		return QUERY_DROP;
	query->opcode = flags >> 11 & 15;
	query->recursion_desired = (flags & 0x0100) != 0;
	query->checking_disabled = (flags & 0x0010) != 0;
	query->question_len = 0;
	query->edns = query->dnssec_ok = query->wants_nsid = query->wants_keepalive = query->ecs = false;
	query->payload = QUERY_UDP_MIN;

	question = nquestions == 1 && question_parse(query, &c);
	if (query->opcode != 0)
		return QUERY_NOTIMP;
	if (!question || (flags & 0x0200) != 0 || nanswers != 0 || (nauthority != 0 && query->qtype != TYPE_IXFR))
		return QUERY_FORMERR;
	verdict = records_parse(query, &c, nauthority, nadditional);
	return verdict != QUERY_OK ? verdict : qtype_verdict(query->qtype);
}
