/* The three joined, and counted. */
#include "gslb/packet.h"

#include <assert.h>

#include "gslb/answer.h"
#include "gslb/chaos.h"
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
	switch (answer->rcode) {
	case RCODE_NOERROR:
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

size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct query query;
	struct answer answer;
	bool truncated;

	switch (context->source_port == 0 ? QUERY_DROP : query_parse(&query, in, len)) {
	case QUERY_DROP: /* an answer to port 0 could not arrive, and to a response must not be sent */
		count(context->counters, COUNT_dropped);
		return 0;
	case QUERY_OK:
		answer_class(&answer, &query, context);
		break;
	case QUERY_FORMERR:
		answer_rcode(&answer, RCODE_FORMERR);
		break;
	case QUERY_NOTIMP:
		answer_rcode(&answer, RCODE_NOTIMP);
		break;
	case QUERY_BADVERS:
		answer_rcode(&answer, RCODE_BADVERS);
		break;
	case QUERY_REFUSED:
		answer_rcode(&answer, RCODE_REFUSED);
		break;
	}
	len = reply_write(&query, &answer, context->identity, context->transport, out, cap, &truncated);
	count_query(context, &query);
	count_rcode(context->counters, &answer);
	if (truncated)
		count(context->counters, COUNT_answers_truncated);
	if (answer.service != NULL)
		count_steered(context, &answer);
	return len;
}
