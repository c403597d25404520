/* RRsets are rendered when a zone is loaded, each record with the question's name as its owner (C0 0C); here they are copied
 * as they are. Only owners that are another name, and TTLs that are of the moment, are written over.
 *
 * Names are compressed where it costs nothing: an owner is always the question's name, the target of the CNAME before (a
 * pointer into its RDATA), a suffix of the question's name, or a name in the RDATA of an NS record. All lie under offset
 * 0x4000: the question ends before 272, and at most 8 CNAMEs of at most 267 bytes follow it. The OPT is written last, and
 * its room is kept from the start. */
#include "gslb/reply.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "gslb/bytes.h"
#include "gslb/cookie.h"
#include "gslb/packet.h"
#include "gslb/plain.h"

enum {
	TYPE_HINFO = 13,
	TYPE_OPT = 41,
	OPTION_NSID = 3,
	OPTION_ECS = 8,
	OPTION_COOKIE = 10,
	OPTION_KEEPALIVE = 11,
	OPTION_EDE = 15
};
enum { POINTER = 0xc000, POINTER_QUESTION = 0xc00c, RECORD_HEAD_LEN = 12, OPT_LEN = 11 };
enum { FLAG_TC = 0x0200 };
enum { HINFO_TTL_S = 3600 };

/* ---- bytes ---- */

struct writer {
	uint8_t *out;
	size_t at, limit;
	bool full; /* something did not fit: nothing is written any more */
};

/* Room for len bytes; NULL, and full from then on, when there is none. */
static uint8_t *writer_take(struct writer *w, size_t len)
{
	uint8_t *at = w->out + w->at;

	if (w->full || len > w->limit - w->at) {
		w->full = true;
		return NULL;
	}
	w->at += len;
	return at;
}

/* A record's head behind its owner, which is a pointer; returns where its RDATA goes. */
static uint8_t *put_record(
	struct writer *w, unsigned owner, unsigned type, unsigned class, uint32_t ttl_s, size_t rdlen)
{
	uint8_t *at = writer_take(w, RECORD_HEAD_LEN + rdlen);

	if (at == NULL)
		return NULL;
	store16(at, owner);
	store16(at + 2, type);
	store16(at + 4, class);
	store32(at + 6, ttl_s);
	store16(at + 10, (unsigned)rdlen);
	return at + RECORD_HEAD_LEN;
}

/* An RRset of the zone, with another owner if it is not the question's. Returns where it stands. */
static size_t put_rrset(struct writer *w, const struct rrset *rrset, unsigned owner)
{
	size_t start = w->at;
	uint8_t *at = writer_take(w, rrset->wire_len), *end;
	uint16_t rdlen;

	if (at == NULL)
		return start;
	copy_some(at, rrset->wire, rrset->wire_len);
	if (owner == POINTER_QUESTION)
		return start;
	for (end = at + rrset->wire_len; at < end; at += RECORD_HEAD_LEN + rdlen) {
		store16(at, owner);
		rr_rdata(at, &rdlen);
	}
	return start;
}

/* ---- the sections ---- */

struct counts {
	unsigned answer, authority, additional;
};

/* The CNAMEs; returns the owner of what follows them. */
static unsigned put_chain(struct writer *w, const struct answer *answer, struct counts *counts)
{
	unsigned owner = POINTER_QUESTION;

	for (uint32_t i = 0; i < answer->ncnames; i++) {
		size_t at = put_rrset(w, answer->cname[i], owner);

		owner = POINTER | (unsigned)(at + RECORD_HEAD_LEN);
		counts->answer++;
	}
	return owner;
}

/* All are of one family, so that they fit or do not as one. */
static void put_addresses(struct writer *w, const struct answer *answer)
{
	bool v6 = answer->naddresses > 0 && answer->address[0]->family == ADDR_V6;
	uint8_t *at = writer_take(w, answer->naddresses * (v6 ? PLAIN_AAAA_LEN : PLAIN_A_LEN));

	if (at != NULL)
		plain_addresses(at, answer, v6);
}

static void put_alias(struct writer *w, const struct answer *answer)
{
	uint8_t *at = put_record(w, POINTER_QUESTION, RR_CNAME, CLASS_IN, answer->ttl_s, answer->alias->len);

	if (at != NULL)
		memcpy(at, answer->alias->wire, answer->alias->len);
}

static void put_hinfo(struct writer *w, unsigned owner)
{
	static const char rdata[] = "\7RFC8482"; /* its NUL is the second string, which is empty */
	uint8_t *at = put_record(w, owner, TYPE_HINFO, CLASS_IN, HINFO_TTL_S, sizeof rdata);

	if (at != NULL)
		memcpy(at, rdata, sizeof rdata);
}

static void put_text(struct writer *w, const struct answer *answer)
{
	uint8_t *at = put_record(w, POINTER_QUESTION, RR_TXT, CLASS_CH, 0, 1 + answer->text_len);

	assert(answer->text_len <= ANSWER_TEXT_MAX);
	if (at == NULL)
		return;
	at[0] = (uint8_t)answer->text_len;
	memcpy(at + 1, answer->text, answer->text_len);
}

/* The SOA of the zone that has no such name or data. Its owner is a suffix of the question's name, unless CNAMEs led to
 * another zone. */
static void put_soa(struct writer *w, const struct query *query, const struct answer *answer)
{
	const struct name *apex = &answer->zone->apex;
	const struct rrset *soa = answer->rrset;
	uint8_t *at;

	if (apex->len > 1 && name_is_under(&query->name, apex)) {
		at = writer_take(w, 2);
		if (at != NULL)
			store16(at, POINTER | (unsigned)(QUERY_HEADER_LEN + query->name.len - apex->len));
	} else {
		at = writer_take(w, apex->len);
		if (at != NULL)
			memcpy(at, apex->wire, apex->len);
	}
	at = writer_take(w, soa->wire_len - 2);
	if (at == NULL)
		return;
	copy_some(at, soa->wire + 2, soa->wire_len - 2);
	store32(at + 4, answer->ttl_s);
}

/* The offset of the RDATA of the nth record of an RRset that stands at `at`. */
static size_t rdata_offset(const struct writer *w, size_t at, unsigned nth)
{
	uint16_t rdlen;

	for (; nth > 0; nth--) {
		rr_rdata(w->out + at, &rdlen);
		at += RECORD_HEAD_LEN + rdlen;
	}
	return at + RECORD_HEAD_LEN;
}

static void put_referral(
	struct writer *w, const struct query *query, const struct answer *answer, struct counts *counts)
{
	unsigned owner = POINTER | (unsigned)(QUERY_HEADER_LEN + query->name.len - answer->cut->head.len);
	size_t ns = put_rrset(w, answer->rrset, owner);

	counts->authority += answer->rrset->count;
	for (uint32_t i = 0; i < answer->nglue && !w->full; i++) {
		const struct glue *glue = &answer->glue[i];
		size_t before = w->at, target = rdata_offset(w, ns, glue->ns);

		if (target >= 0x4000)
			continue; /* out of a pointer's reach: only over TCP, behind hundreds of name servers */
		put_rrset(w, glue->rrset, POINTER | (unsigned)target);
		if (w->full && !glue->required) {
			w->full = false;
			w->at = before;
			continue;
		}
		counts->additional += glue->rrset->count;
	}
}

static void put_sections(
	struct writer *w, const struct query *query, const struct answer *answer, struct counts *counts)
{
	unsigned owner = put_chain(w, answer, counts);

	switch (answer->body) {
	case ANSWER_EMPTY:
		return;
	case ANSWER_RRSET:
		put_rrset(w, answer->rrset, owner);
		counts->answer += answer->rrset->count;
		return;
	case ANSWER_ADDRESSES:
		put_addresses(w, answer);
		counts->answer += answer->naddresses;
		return;
	case ANSWER_ALIAS:
		put_alias(w, answer);
		counts->answer++;
		return;
	case ANSWER_HINFO:
		put_hinfo(w, owner);
		counts->answer++;
		return;
	case ANSWER_TEXT:
		put_text(w, answer);
		counts->answer++;
		return;
	case ANSWER_NEGATIVE:
		put_soa(w, query, answer);
		counts->authority++;
		return;
	case ANSWER_REFERRAL:
		put_referral(w, query, answer, counts);
		return;
	}
}

/* ---- EDNS ---- */

/* Which options go out, and how long the OPT with them is. */
struct opt {
	size_t len; /* of the record; 0: none */
	size_t ecs_len, nsid_len, trouble_len;
	bool cookie, rare, keepalive; /* rare: NSID, an extended error or keepalive */
};

static struct opt opt_plan(const struct query *query, const struct answer *answer,
	const struct packet_identity *identity, enum transport transport)
{
	struct opt opt = { 0 };

	if (!query->edns)
		return opt;
	opt.len = OPT_LEN;
	if (answer->rcode == RCODE_BADVERS || answer->rcode == RCODE_FORMERR)
		return opt; /* its options were not read, or not understood */
	if (answer->cookie != NULL) {
		opt.cookie = true;
		opt.len += 4 + COOKIE_LEN;
	}
	if (answer->limited)
		return opt; /* as short as can be */
	if (query->ecs)
		opt.len += 4 + (opt.ecs_len = 4 + (size_t)(query->ecs_source_len + 7) / 8);
	opt.rare = query->wants_nsid || query->wants_keepalive || answer->trouble != NULL;
	if (!opt.rare)
		return opt;
	if (query->wants_nsid && identity->nsid_len > 0)
		opt.len += 4 + (opt.nsid_len = identity->nsid_len);
	if (answer->trouble != NULL)
		opt.len += 4 + (opt.trouble_len = 2 + strlen(answer->trouble));
	if (query->wants_keepalive && transport == TRANSPORT_TCP) { /* RFC 7828 3.2.2: never over UDP */
		opt.keepalive = true;
		opt.len += 4 + 2;
	}
	return opt;
}

static uint8_t *put_option(uint8_t *at, unsigned code, size_t len)
{
	store32(at, code << 16 | (uint32_t)len);
	return at + 4;
}

/* RFC 7871 7.2.1: family, source and address as they came; the scope of what was tailored. */
static uint8_t *put_ecs(uint8_t *at, const struct query *query, const struct answer *answer, size_t len)
{
	at = put_option(at, OPTION_ECS, len);
	copy_some(at, query->ecs_option, len);
	at[3] = answer->service != NULL && query->ecs_source_len > 0 ? answer->decision.scope : 0;
	return at + len;
}

/* The rarer options. */
static void put_options(
	uint8_t *at, const struct opt *opt, const struct answer *answer, const struct packet_identity *identity)
{
	uint32_t keepalive = identity->tcp_idle_ms / 100;

	if (opt->nsid_len > 0) {
		at = put_option(at, OPTION_NSID, opt->nsid_len);
		memcpy(at, identity->nsid, opt->nsid_len);
		at += opt->nsid_len;
	}
	if (opt->trouble_len > 0) {
		at = put_option(at, OPTION_EDE, opt->trouble_len);
		store16(at, answer->trouble_code);
		memcpy(at + 2, answer->trouble, opt->trouble_len - 2);
		at += opt->trouble_len;
	}
	if (opt->keepalive) {
		at = put_option(at, OPTION_KEEPALIVE, 2);
		store16(at, keepalive < UINT16_MAX ? keepalive : UINT16_MAX);
	}
}

static void put_opt(uint8_t *at, const struct opt *opt, const struct query *query, const struct answer *answer,
	const struct packet_identity *identity)
{
	/* the root; what we take; version 0 */
	static const uint8_t head[OPT_LEN] = { 0, 0, TYPE_OPT, PACKET_UDP_MAX >> 8, PACKET_UDP_MAX & 255 };

	memcpy(at, head, OPT_LEN);
	at[5] = (uint8_t)(answer->rcode >> 4);
	at[7] = query->dnssec_ok ? 0x80 : 0;
	store16(at + 9, (unsigned)(opt->len - OPT_LEN));
	at += OPT_LEN;
	if (opt->cookie) {
		at = put_option(at, OPTION_COOKIE, COOKIE_LEN);
		memcpy(at, answer->cookie, COOKIE_LEN);
		at += COOKIE_LEN;
	}
	if (opt->ecs_len > 0)
		at = put_ecs(at, query, answer, opt->ecs_len);
	if (opt->rare)
		put_options(at, opt, answer, identity);
}

/* ---- the message ---- */

static size_t room(const struct query *query, enum transport transport, size_t cap)
{
	size_t takes = transport == TRANSPORT_TCP ? PACKET_TCP_MAX : query->edns ? query->payload : REPLY_PLAIN_MAX;

	if (transport == TRANSPORT_UDP && takes > PACKET_UDP_MAX)
		takes = PACKET_UDP_MAX;
	return takes < cap ? takes : cap;
}

static void put_header(uint8_t *out, const struct query *query, const struct answer *answer, bool truncated,
	const struct counts *counts, bool opt)
{
	uint32_t flags = REPLY_FLAG_QR | (query->flags & REPLY_FLAGS_KEPT) | (answer->rcode & 15u);
	uint64_t sections = (uint64_t)(query->question_len > 0) << 48 | (uint64_t)counts->answer << 32 |
			    (uint64_t)counts->authority << 16 | (counts->additional + opt);

	if (answer->authoritative)
		flags |= REPLY_FLAG_AA;
	if (truncated)
		flags |= FLAG_TC;
	store32(out, (uint32_t)query->id << 16 | flags);
	store64(out + 4, sections);
}

/* Whatever it is. */
__attribute__((noinline)) static size_t write_any(const struct query *query, struct answer *answer,
	const struct packet_identity *identity, enum transport transport, uint8_t *restrict out, size_t cap,
	bool *truncated)
{
	struct opt opt = opt_plan(query, answer, identity, transport);
	size_t question_end = QUERY_HEADER_LEN + query->question_len;
	struct writer w = { .out = out, .at = question_end, .limit = room(query, transport, cap) };
	struct counts counts = { 0 };

	/* header, the longest question, cookie, NSID, ECS and an extended error's text together fit in 512 */
	assert(question_end + opt.len <= w.limit);
	w.limit -= opt.len;
	if (query->question_len > 0)
		copy_some(out + QUERY_HEADER_LEN, query->question, query->question_len);
	put_sections(&w, query, answer, &counts);
	*truncated = (w.full && transport == TRANSPORT_UDP) || (answer->limited && answer->rcode == RCODE_NOERROR);
	if (w.full) {
		counts = (struct counts){ 0 };
		w.at = question_end;
		if (transport == TRANSPORT_TCP)
			answer->rcode = RCODE_SERVFAIL;
	}
	put_header(out, query, answer, *truncated, &counts, opt.len > 0);
	if (opt.len > 0)
		put_opt(out + w.at, &opt, query, answer, identity);
	return w.at + opt.len;
}

size_t reply_write(const struct query *query, struct answer *answer, const struct packet_identity *identity,
	enum transport transport, uint8_t *restrict out, size_t cap, bool *truncated)
{
	size_t len;

	if (answer->plain && answer->cookie == NULL && !query->wants_nsid && !query->wants_keepalive &&
		(len = plain_write(query, answer, out)) > 0) {
		*truncated = false;
		return len;
	}
	return write_any(query, answer, identity, transport, out, cap, truncated);
}
