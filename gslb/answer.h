/* answer - what is to be said, before it has a shape: query and world in, a plain struct out. Knows zones, services and
 * decisions, and nothing of packets. What it points to lives in the world's snapshot, or is constant. */
#ifndef GSLB_ANSWER_H
#define GSLB_ANSWER_H

#include "gslb/decide.h"
#include "gslb/query.h"

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23,
};

/* What stands behind the CNAMEs, if any do. */
enum answer_body {
	ANSWER_EMPTY,     /* nothing: errors, and a chain of CNAMEs that leaves here */
	ANSWER_RRSET,     /* rrset, as it stands in the zone */
	ANSWER_ADDRESSES, /* steered: address[0..naddresses), with ttl_s */
	ANSWER_ALIAS,     /* steered: a CNAME to alias, with ttl_s */
	ANSWER_HINFO,     /* RFC 8482, in place of ANY */
	ANSWER_TEXT,      /* CH TXT: one string */
	ANSWER_NEGATIVE,  /* NODATA or NXDOMAIN: zone's SOA (rrset), with ttl_s */
	ANSWER_REFERRAL,  /* cut's NS (rrset) and glue */
};

enum {
	ANSWER_CNAMES_MAX = 8, /* followed within the loaded zones; RFC 1034 leaves the limit to the server */
	ANSWER_GLUE_MAX = 32,  /* RRsets; more name servers with glue than that are not listed */
	ANSWER_TEXT_MAX = 128,
};

/* Addresses of a name server that a referral lists; ns: its place in the NS RRset. */
struct glue {
	const struct rrset *rrset;
	unsigned ns;
	bool required; /* RFC 9471: the name server lies below the cut. Else sibling glue: left out when it does not fit */
};

/* Only what the body says is set, besides rcode, body, authoritative, plain, ncnames, service, trouble, cookie
 * and limited. */
struct answer {
	enum rcode rcode;
	enum answer_body body;
	bool authoritative;
	bool plain; /* ANSWER_ADDRESSES, and nothing more to say: plain.h */
	uint32_t ttl_s;

	uint32_t ncnames; /* static CNAMEs: cname[0] is the question's own, cname[i] that of cname[i-1]'s target */
	const struct rrset *cname[ANSWER_CNAMES_MAX];

	const struct rrset *rrset;
	const struct zone *zone;
	const struct node *cut;

	const struct service_plan
		*service; /* that steered it: decision is set; NULL: nothing was steered, the scope is 0 */
	struct decision decision;
	uint32_t naddresses;
	const struct addr *address[SERVICE_ANSWERS_MAX];
	const struct name *alias;

	const char *text;
	size_t text_len;

	const char *trouble; /* extended error in words (RFC 8914), NULL: none */
	uint16_t trouble_code;

	/* guard's */
	const uint8_t *cookie; /* COOKIE_LEN bytes for the client to keep; NULL: none */
	bool limited;          /* too much was asked: no more than TC, or BADCOOKIE */

	uint32_t nglue;
	struct glue glue[ANSWER_GLUE_MAX]; /* required ones first */
};

/* An answer that is nothing but an rcode. */
void answer_rcode(struct answer *answer, enum rcode rcode);

/* What the zones have under the question's name; and, when a service steers, where its table has the client (decide_place). */
struct lookup {
	enum found_kind kind;
	struct geo_hit place;
	struct found found; /* unless FOUND_NO_ZONE; perhaps without a node when a service steers */
};

/* The family of pools' addresses that a question is answered with. */
static inline enum family answer_family(uint16_t qtype)
{
	return qtype == RR_AAAA ? FAMILY_V6 : FAMILY_V4;
}

/* What every service steers; of other types it depends on the service. */
static inline bool answer_is_address(uint16_t qtype)
{
	return qtype == RR_A || qtype == RR_AAAA;
}

/* The service that steers the answer; NULL: what was found answers. */
const struct service_plan *answer_steering(const struct snapshot *snapshot, const struct found *found, uint16_t qtype);
/* Whom the answer is for: the ECS address, or where the packet came from. */
void answer_client(struct client *client, const struct query *query, const struct addr *source);
/* Answer a question of class IN (or ANY), for which lookup was found, and service steers (or NULL). */
void answer_make(struct answer *answer, const struct query *query, const struct lookup *lookup,
	const struct service_plan *service, const struct client *client, const struct world *world, uint64_t now_ms,
	struct dice *dice);

#endif
