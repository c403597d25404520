/* RFC 1034 4.3.2 from the found name on. The main line is short, since most questions are for a service's addresses; what
 * is rarer (chains of CNAMEs, referrals) stands in functions of its own.
 *
 * A static CNAME is followed through the loaded zones for static data. It is answered alone when it leads to a service
 * (the resolver then asks for the service itself, and gets an answer with a scope and a TTL of its own), below a
 * delegation, or out of the loaded zones. */
#include "gslb/answer.h"

#include <assert.h>
#include <string.h>

enum { EDE_OTHER = 0, EDE_NOT_AUTHORITATIVE = 20 };

void answer_rcode(struct answer *answer, enum rcode rcode)
{
	answer->rcode = rcode;
	answer->body = ANSWER_EMPTY;
	answer->authoritative = false;
	answer->plain = false;
	answer->ncnames = 0;
	answer->service = NULL;
	answer->trouble = NULL;
	answer->cookie = NULL;
	answer->limited = false;
}

static void answer_trouble(struct answer *answer, uint16_t code, const char *text)
{
	answer->trouble_code = code;
	answer->trouble = text;
}

/* NXDOMAIN or NODATA, with the SOA that says how long it may be kept (RFC 2308). */
static void answer_negative(struct answer *answer, enum rcode rcode, const struct zone *zone, uint32_t ttl_s)
{
	answer->rcode = rcode;
	answer->body = ANSWER_NEGATIVE;
	answer->zone = zone;
	answer->rrset = node_rrset(zone->apex_node, RR_SOA);
	answer->ttl_s = ttl_s;
	assert(answer->rrset != NULL); /* a zone without SOA does not load */
}

/* ---- services ---- */

static void answer_why(struct answer *answer, enum decide_why why)
{
	switch (why) {
	case WHY_RANKED:
	case WHY_NO_FAMILY:
	case WHY_EXPLORED:
	case WHY_SPILL:
		return;
	case WHY_FALLBACK:
		answer_trouble(answer, EDE_OTHER, "no pool is up: this is the fallback");
		return;
	case WHY_HELD:
		answer_trouble(answer, EDE_OTHER, "no pool is up: this one flaps, and answers its probes");
		return;
	case WHY_ALL_DOWN:
		answer_trouble(answer, EDE_OTHER, "no pool is up: answered as if all were");
		return;
	case WHY_LAST_UP:
		answer_trouble(answer, EDE_OTHER, "no pool is up: these were the last");
		return;
	case WHY_PANIC:
		answer_trouble(answer, EDE_OTHER, "most of the pool is down: answered as if all of it were up");
		return;
	case WHY_UNRESOLVED:
		answer_trouble(answer, EDE_OTHER, "no address of a pool is known yet");
		return;
	case WHYS:
		break;
	}
	assert(!"no such reason");
}

void answer_client(struct client *client, const struct query *query, const struct addr *source)
{
	client->ecs = query->ecs && query->ecs_source_len > 0;
	client->source_len = client->ecs ? query->ecs_source_len : 0;
	client->explore = false;
	addr_copy(&client->addr, client->ecs ? &query->ecs_addr : source);
}

static void answer_steered(struct answer *answer, const struct query *query, const struct world *world,
	const struct service_plan *service, const struct lookup *lookup, const struct client *client, uint64_t now_ms,
	struct dice *dice)
{
	const struct snapshot *snapshot = world->snapshot;
	struct decision *decision = &answer->decision;

	answer->service = service;
	decide_from(world, service, client, answer_family(query->qtype), lookup->place, now_ms, dice, decision, NULL);
	answer->ttl_s = decision->ttl_s;
	answer_why(answer, decision->why);
	switch (decision->kind) {
	case DECIDE_ADDRESSES:
		answer->body = ANSWER_ADDRESSES;
		answer->plain = answer->trouble == NULL;
		answer->naddresses = decision->nendpoints;
		for (uint32_t i = 0; i < decision->nendpoints; i++)
			answer->address[i] = &snapshot->endpoints[decision->endpoint[i]].addr;
		return;
	case DECIDE_CNAME:
		answer->body = ANSWER_ALIAS;
		answer->alias = &snapshot->set->targets[decision->target]->name;
		return;
	case DECIDE_NODATA:
		decision->scope = 0; /* a negative answer is everyone's (RFC 7871 7.4) */
		answer_negative(answer, RCODE_NOERROR, lookup->found.zone, lookup->found.service->negative_ttl_s);
		return;
	case DECIDE_SERVFAIL:
		decision->scope = 0;
		answer->rcode = RCODE_SERVFAIL;
		answer->authoritative = false;
		answer->body = ANSWER_EMPTY;
		return;
	}
}

/* By its place: the service itself lies elsewhere, and nothing of it is needed. */
static const struct service_plan *plan_of(const struct snapshot *snapshot, const struct service *service)
{
	return &snapshot->services[service - snapshot->set->services];
}

const struct service_plan *answer_steering(const struct snapshot *snapshot, const struct found *found, uint16_t qtype)
{
	const struct service_plan *service;

	if (found->service == NULL)
		return NULL;
	service = plan_of(snapshot, found->service);
	return LIKELY(answer_is_address(qtype) || service->via_cname) ? service : NULL;
}

/* ---- static data ---- */

/* What the node itself says: the RRset, or that it has none. */
static void answer_node(struct answer *answer, uint16_t qtype, const struct found *found)
{
	const struct rrset *rrset = node_rrset(found->node, qtype);

	if (qtype == RR_ANY && (found->node->nrrsets > 0 || found->service != NULL)) {
		answer->body = ANSWER_HINFO;
		return;
	}
	if (rrset == NULL) {
		answer_negative(answer, RCODE_NOERROR, found->zone,
			found->service != NULL ? found->service->negative_ttl_s : found->zone->soa_negative_ttl_s);
		return;
	}
	answer->body = ANSWER_RRSET;
	answer->rrset = rrset;
}

/* Behind a CNAME: follow it. found is where it stands, and is overwritten. */
static void answer_chain(struct answer *answer, uint16_t qtype, const struct snapshot *snapshot, struct found *found)
{
	const struct rrset *cname;
	const uint8_t *rdata;
	uint16_t rdlen;
	struct name name;

	answer->body = ANSWER_EMPTY;
	while ((cname = node_rrset(found->node, RR_CNAME)) != NULL) {
		for (uint32_t i = 0; i < answer->ncnames; i++)
			if (answer->cname[i] == cname)
				return; /* round again: what there is has been said */
		if (answer->ncnames == ANSWER_CNAMES_MAX)
			return;
		answer->cname[answer->ncnames++] = cname;
		rdata = rr_rdata(cname->wire, &rdlen);
		if (name_from_wire(&name, rdata, rdlen) == 0)
			return;
		switch (zone_set_find(snapshot->set, &name, qtype, found)) {
		case FOUND_NO_ZONE:
		case FOUND_CUT:
			return;
		case FOUND_NOTHING: /* RFC 6604 3: the rcode is that of the chain's end */
			answer_negative(answer, RCODE_NXDOMAIN, found->zone, found->zone->soa_negative_ttl_s);
			return;
		case FOUND_NODE:
			break;
		}
		if (found->service != NULL)
			return;
	}
	answer_node(answer, qtype, found);
}

/* ---- referrals ---- */

static void glue_add(struct answer *answer, const struct node *node, unsigned ns, bool required)
{
	static const uint16_t types[] = { RR_A, RR_AAAA };

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const struct rrset *rrset = node_rrset(node, types[i]);

		if (rrset != NULL && answer->nglue < ANSWER_GLUE_MAX)
			answer->glue[answer->nglue++] = (struct glue){ rrset, ns, required };
	}
}

/* Addresses of name servers below this cut, or (required false) below another one of the zone. */
static void glue_collect(struct answer *answer, const struct zone *zone, const struct node *cut, bool required)
{
	const uint8_t *record = answer->rrset->wire;
	const uint8_t *end = record + answer->rrset->wire_len;

	for (unsigned ns = 0; record < end; ns++) {
		uint16_t rdlen;
		const uint8_t *rdata = rr_rdata(record, &rdlen);
		struct name name; /* the RDATA keeps the zone file's letters, the table of names is in lower case */
		const struct node *node;

		record = rdata + rdlen;
		if (name_from_wire(&name, rdata, rdlen) == 0)
			continue;
		node = zone_node(zone, name.wire, name.len);
		if (node != NULL && node->cut != NULL && (node->cut == cut) == required)
			glue_add(answer, node, ns, required);
	}
}

static void answer_referral(struct answer *answer, const struct found *found)
{
	answer->rrset = node_rrset(found->node, RR_NS);
	assert(answer->rrset != NULL); /* a cut is where NS records stand */
	answer->body = ANSWER_REFERRAL;
	answer->authoritative = false;
	answer->cut = found->node;
	answer->nglue = 0;
	glue_collect(answer, found->zone, found->node, true);
	glue_collect(answer, found->zone, found->node, false);
}

/* ---- */

static void answer_found(struct answer *answer, uint16_t qtype, const struct world *world, struct found found)
{
	if (node_rrset(found.node, RR_CNAME) == NULL)
		answer_node(answer, qtype, &found);
	else if (qtype == RR_CNAME || qtype == RR_ANY) /* RFC 8482 4.3: never HINFO beside a CNAME */
		answer_node(answer, RR_CNAME, &found);
	else
		answer_chain(answer, qtype, world->snapshot, &found);
}

void answer_make(struct answer *answer, const struct query *query, const struct lookup *lookup,
	const struct service_plan *service, const struct client *client, const struct world *world, uint64_t now_ms,
	struct dice *dice)
{
	const struct found *found = &lookup->found;

	answer_rcode(answer, RCODE_NOERROR);
	answer->authoritative = query->qclass == CLASS_IN; /* of all other classes we know nothing (RFC 1035 6.2) */
	switch (lookup->kind) {
	case FOUND_NO_ZONE:
		answer_rcode(answer, RCODE_REFUSED);
		answer_trouble(answer, EDE_NOT_AUTHORITATIVE, "no such zone here");
		return;
	case FOUND_NOTHING:
		answer_negative(answer, RCODE_NXDOMAIN, found->zone, found->zone->soa_negative_ttl_s);
		return;
	case FOUND_CUT:
		answer_referral(answer, found);
		return;
	case FOUND_NODE:
		break;
	}
	if (LIKELY(service != NULL))
		answer_steered(answer, query, world, service, lookup, client, now_ms, dice);
	else
		answer_found(answer, query->qtype, world, *found);
}
