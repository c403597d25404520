/* The three joined, and counted. */
#include "gslb/packet.h"

#include <assert.h>

#include "gslb/answer.h"
#include "gslb/chaos.h"
#include "gslb/guard.h"
#include "gslb/query.h"
#include "gslb/reply.h"

static void count_query(const struct packet_context *context, const struct packet *packet)
{
	const struct query *query = &packet->query;
	struct counters *counters = context->counters;

	count(counters, context->transport == TRANSPORT_UDP ? COUNT_queries_udp : COUNT_queries_tcp);
	if (packet->source.family == ADDR_V6)
		count(counters, COUNT_queries_v6);
	if (query->edns)
		count(counters, COUNT_queries_edns);
	if (query->ecs)
		count(counters, COUNT_queries_ecs);
}

static void count_rcode(struct counters *counters, const struct answer *answer)
{
	if (answer->limited)
		count(counters, answer->rcode == RCODE_BADCOOKIE ? COUNT_limited_badcookie : COUNT_limited_truncated);
	switch (answer->rcode) {
	case RCODE_NOERROR:
		if (answer->limited)
			return;
		if (answer->body == ANSWER_REFERRAL)
			count(counters, COUNT_answers_referral);
		else if (answer->body == ANSWER_NEGATIVE && answer->ncnames == 0)
			count(counters, COUNT_answers_nodata);
		else
			count(counters, COUNT_answers_noerror);
		return;
	case RCODE_FORMERR:
		count(counters, COUNT_answers_formerr);
		return;
	case RCODE_SERVFAIL:
		count(counters, COUNT_answers_servfail);
		return;
	case RCODE_NXDOMAIN:
		count(counters, COUNT_answers_nxdomain);
		return;
	case RCODE_NOTIMP:
		count(counters, COUNT_answers_notimp);
		return;
	case RCODE_REFUSED:
		count(counters, COUNT_answers_refused);
		return;
	case RCODE_BADVERS:
		count(counters, COUNT_answers_badvers);
		return;
	case RCODE_BADCOOKIE:
		count(counters, COUNT_answers_badcookie);
		return;
	}
}

/* Where this worker counts the service's answers: one for each candidate. */
static _Atomic uint64_t *share_of(const struct packet_context *context, const struct service_plan *service)
{
	const struct world *world = context->world;

	return world->shares + (size_t)context->worker * world->snapshot->nservice_pools + service->first_override;
}

/* A steered answer, for the table of shares: by the service's candidate that gave it. */
static void count_steered(const struct packet_context *context, const struct answer *answer)
{
	const struct world *world = context->world;
	const struct decision *decision = &answer->decision;
	_Atomic uint64_t *share;

	count(context->counters, COUNT_answers_steered);
	if (decision->why == WHY_FALLBACK)
		count(context->counters, COUNT_answers_fallback);
	if (decision->why == WHY_ALL_DOWN || decision->why == WHY_LAST_UP)
		count(context->counters, COUNT_answers_all_down);
	if (world->shares == NULL || decision->candidate == CANDIDATE_NONE)
		return;
	share = share_of(context, answer->service) + decision->candidate;
	atomic_store_explicit(share, atomic_load_explicit(share, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* ---- read ---- */

static bool is_for_zones(const struct packet *packet)
{
	return packet->verdict == QUERY_OK && (packet->query.qclass == CLASS_IN || packet->query.qclass == CLASS_ANY);
}

/* An answer to port 0 could not arrive, and to a response, or to what would answer it, must not be sent. */
static enum query_verdict read_query(
	struct query *query, const struct packet_context *context, const uint8_t *message, size_t len)
{
	if (context->transport == TRANSPORT_UDP && guard_port_is_forged(context->source_port))
		return QUERY_DROP;
	return query_parse(query, message, len);
}

void packet_read(struct packet *packet, const struct packet_context *context, const uint8_t *message, size_t len)
{
	packet->source = context->source;
	packet->looked_up = false;
	packet->service = NULL;
	packet->seek = (struct zone_seek){ 0 };
	guard_begin(context->guard, &packet->guarded, &packet->source, context->transport == TRANSPORT_UDP);
	packet->verdict = read_query(&packet->query, context, message, len);
	if (is_for_zones(packet))
		name_hash(&packet->query.name, context->world->snapshot->name_seed, packet->hash);
}

/* ---- ahead ---- */

static void look_up(struct packet *packet, const struct snapshot *snapshot)
{
	const struct query *query = &packet->query;

	if (packet->looked_up)
		return;
	packet->looked_up = true;
	packet->lookup.kind =
		zone_set_find(snapshot->set, &query->name, packet->hash, query->qtype, &packet->lookup.found);
}

static void ahead_service(struct packet *packet, const struct snapshot *snapshot)
{
	look_up(packet, snapshot);
	if (packet->lookup.kind != FOUND_NODE)
		return;
	packet->service = answer_steering(snapshot, &packet->lookup.found, packet->query.qtype);
	if (packet->service == NULL)
		return;
	__builtin_prefetch(packet->service);
	__builtin_prefetch((const uint8_t *)(packet->service + 1) - 1); /* it may lie on two lines */
}

static void ahead_steering(const struct packet *packet, const struct packet_context *context, bool last)
{
	const struct service_plan *service = packet->service;
	const struct client client = answer_client(&packet->query, &packet->source);
	const struct geo_table *table;

	if (service == NULL)
		return;
	table = service->steering[packet->query.qtype == RR_AAAA ? FAMILY_V6 : FAMILY_V4].table;
	if (last) {
		if (table != NULL)
			geo_table_prefetch(table, &client.addr);
		return;
	}
	__builtin_prefetch(service->candidates);
	if (context->world->shares != NULL)
		__builtin_prefetch(share_of(context, service), 1);
	if (table != NULL)
		geo_table_prefetch_index(table, &client.addr);
}

void packet_ahead(struct packet *packet, const struct packet_context *context, unsigned step)
{
	const struct snapshot *snapshot = context->world->snapshot;

	if (!is_for_zones(packet))
		return;
	switch (step) {
	case 0:
		zone_seek_slot(&packet->seek, snapshot->set, &packet->query.name, packet->hash);
		return;
	case 1:
		zone_seek_node(&packet->seek, packet->hash[0]);
		return;
	case 2:
		zone_seek_name(&packet->seek);
		return;
	case 3:
		ahead_service(packet, snapshot);
		return;
	case 4:
	case 5:
		ahead_steering(packet, context, step == 5);
		return;
	}
}

/* ---- write ---- */

/* A well-formed question, by its class. */
static void answer_class(struct answer *answer, struct packet *packet, const struct packet_context *context)
{
	if (is_for_zones(packet)) {
		look_up(packet, context->world->snapshot);
		answer_make(answer, &packet->query, &packet->lookup, context->world, &packet->source, context->now_ms,
			context->dice);
	} else if (packet->query.qclass == CLASS_CH) {
		chaos_answer(answer, &packet->query, context->identity);
	} else {
		answer_rcode(answer, RCODE_REFUSED);
	}
}

/* What is to be said to a query that was read with this verdict; for all but QUERY_DROP. */
static void answer_verdict(struct answer *answer, struct packet *packet, const struct packet_context *context)
{
	const struct guarded *guarded = &packet->guarded;

	switch (packet->verdict) {
	case QUERY_OK:
		answer_class(answer, packet, context);
		return;
	case QUERY_COOKIE: /* RFC 7873 5.4 */
		answer_rcode(answer, !guarded->cookie                 ? RCODE_FORMERR
				     : guarded->verdict == COOKIE_BAD ? RCODE_BADCOOKIE
								      : RCODE_NOERROR);
		return;
	case QUERY_DROP:
	case QUERY_FORMERR:
		answer_rcode(answer, RCODE_FORMERR);
		return;
	case QUERY_NOTIMP:
		answer_rcode(answer, RCODE_NOTIMP);
		return;
	case QUERY_BADVERS:
		answer_rcode(answer, RCODE_BADVERS);
		return;
	case QUERY_REFUSED:
		answer_rcode(answer, RCODE_REFUSED);
		return;
	}
}

size_t packet_write(struct packet *packet, const struct packet_context *context, uint8_t *out, size_t cap)
{
	bool readable = packet->verdict != QUERY_FORMERR && packet->verdict != QUERY_BADVERS, truncated;
	struct counters *counters = context->counters;
	struct answer answer;
	size_t len;

	if (packet->verdict == QUERY_DROP) {
		count(counters, COUNT_dropped);
		return 0;
	}
	count_query(context, packet);
	if (readable)
		guard_cookie(
			context->guard, &packet->guarded, &packet->query, &packet->source, context->now_ms, counters);
	answer_verdict(&answer, packet, context);
	if (!guard_judge(context->guard, &packet->guarded, &answer, readable, context->now_monotonic_ms, counters))
		return 0;
	len = reply_write(&packet->query, &answer, context->identity, context->transport, out, cap, &truncated);
	count_rcode(counters, &answer);
	if (truncated)
		count(counters, COUNT_answers_truncated);
	if (answer.service != NULL)
		count_steered(context, &answer);
	return len;
}

size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct packet packet;

	packet_read(&packet, context, in, len);
	return packet_write(&packet, context, out, cap);
}
