/* The three joined, and counted. */
#include "gslb/packet.h"

#include <assert.h>

#include "gslb/answer.h"
#include "gslb/chaos.h"
#include "gslb/guard.h"
#include "gslb/query.h"
#include "gslb/reply.h"

static void count_query(const struct packet_context *context, const struct query *query)
{
	struct counters *counters = context->counters;

	count(counters, context->transport == TRANSPORT_UDP ? COUNT_queries_udp : COUNT_queries_tcp);
	if (context->source.family == ADDR_V6)
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
	share = world->shares + (size_t)context->worker * world->snapshot->nservice_pools;
	share += answer->service->first_override + decision->candidate;
	atomic_store_explicit(share, atomic_load_explicit(share, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* A well-formed question, by its class. */
static void answer_class(struct answer *answer, const struct query *query, const struct packet_context *context)
{
	if (query->qclass == CLASS_IN || query->qclass == CLASS_ANY)
		answer_make(answer, query, context->world, &context->source, context->now_ms, context->dice);
	else if (query->qclass == CLASS_CH)
		chaos_answer(answer, query, context->identity);
	else
		answer_rcode(answer, RCODE_REFUSED);
}

/* What is to be said to a query that was read with this verdict; for all but QUERY_DROP. */
static void answer_verdict(struct answer *answer, enum query_verdict verdict, const struct query *query,
	const struct guarded *guarded, const struct packet_context *context)
{
	switch (verdict) {
	case QUERY_OK:
		answer_class(answer, query, context);
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

/* An answer to port 0 could not arrive, and to a response, or to what would answer it, must not be sent. */
static enum query_verdict read_query(
	struct query *query, const struct packet_context *context, const uint8_t *in, size_t len)
{
	if (context->transport == TRANSPORT_UDP && guard_port_is_forged(context->source_port))
		return QUERY_DROP;
	return query_parse(query, in, len);
}

size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct counters *counters = context->counters;
	enum query_verdict verdict;
	struct guarded guarded;
	struct answer answer;
	struct query query;
	bool truncated, readable;

	guard_begin(context->guard, &guarded, &context->source, context->transport == TRANSPORT_UDP);
	verdict = read_query(&query, context, in, len);
	if (verdict == QUERY_DROP) {
		count(counters, COUNT_dropped);
		return 0;
	}
	count_query(context, &query);
	readable = verdict != QUERY_FORMERR && verdict != QUERY_BADVERS;
	if (readable)
		guard_cookie(context->guard, &guarded, &query, &context->source, context->now_ms, counters);
	answer_verdict(&answer, verdict, &query, &guarded, context);
	if (!guard_judge(context->guard, &guarded, &answer, readable, context->now_monotonic_ms, counters))
		return 0;
	len = reply_write(&query, &answer, context->identity, context->transport, out, cap, &truncated);
	count_rcode(counters, &answer);
	if (truncated)
		count(counters, COUNT_answers_truncated);
	if (answer.service != NULL)
		count_steered(context, &answer);
	return len;
}
