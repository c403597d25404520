/* The three joined, and counted. */
#include "gslb/packet.h"

#include <assert.h>

#include "gslb/answer.h"
#include "gslb/chaos.h"
#include "gslb/guard.h"
#include "gslb/ledger.h"
#include "gslb/query.h"
#include "gslb/reply.h"

static void count_options(const struct packet_context *context, const struct query *query)
{
	if (LIKELY(query->edns))
		count(context->counters, COUNT_queries_edns);
	if (query->ecs)
		count(context->counters, COUNT_queries_ecs);
}

static const uint8_t outcome_by_rcode[] = {
	[RCODE_NOERROR] = OUTCOME_ANSWER,
	[RCODE_FORMERR] = OUTCOME_FORMERR,
	[RCODE_SERVFAIL] = OUTCOME_SERVFAIL,
	[RCODE_NXDOMAIN] = OUTCOME_NXDOMAIN,
	[RCODE_NOTIMP] = OUTCOME_NOTIMP,
	[RCODE_REFUSED] = OUTCOME_REFUSED,
	[RCODE_BADVERS] = OUTCOME_BADVERS,
	[RCODE_BADCOOKIE] = OUTCOME_BADCOOKIE,
};

static enum outcome outcome_of(const struct answer *answer)
{
	if (answer->limited)
		return answer->rcode == RCODE_BADCOOKIE ? OUTCOME_LIMITED_BADCOOKIE : OUTCOME_LIMITED_TRUNCATED;
	if (answer->rcode != RCODE_NOERROR)
		return outcome_by_rcode[answer->rcode];
	if (answer->body == ANSWER_REFERRAL)
		return OUTCOME_REFERRAL;
	return answer->body == ANSWER_NEGATIVE && answer->ncnames == 0 ? OUTCOME_NODATA : OUTCOME_ANSWER;
}

/* The query as a whole: how it came, what it asked for, how it ended. */
static void count_query(const struct packet_context *context, const struct packet *packet, enum outcome outcome)
{
	unsigned family = packet->source.family == ADDR_V6;

	count_at(&context->counters->queries[context->transport][family][counted_type(packet->query.qtype)][outcome]);
}

/* It has used up what others saved for it. */
static void count_explored(const struct packet_context *context)
{
	count(context->counters, COUNT_answers_explored);
	if (context->exploring != NULL)
		context->exploring->credit -= EXPLORE_EACH;
}

/* An answer that is not of the first choice, for whoever asks why. */
static void count_why(const struct packet_context *context, const struct answer *answer)
{
	const struct decision *decision = &answer->decision;
	const struct world *world = context->world;
	_Atomic uint64_t *reasons;

	if (decision->why == WHY_FALLBACK)
		count(context->counters, COUNT_answers_fallback);
	if (decision->why == WHY_ALL_DOWN || decision->why == WHY_LAST_UP || decision->why == WHY_HELD)
		count(context->counters, COUNT_answers_all_down);
	if (decision->why == WHY_EXPLORED)
		count_explored(context);
	if (decision->why == WHY_PANIC)
		count(context->counters, COUNT_answers_panic);
	if (world->reasons == NULL)
		return;
	reasons = world->reasons + ((size_t)context->worker * world->snapshot->nservices +
					   (size_t)(answer->service - world->snapshot->services)) *
					   WHYS;
	count_at(&reasons[decision->why]);
	if (decision->candidate != CANDIDATE_NONE)
		count_at(&reasons[WHY_RANKED]);
}

/* A steered answer. Returns how the query ended. */
static enum outcome count_steered(const struct packet_context *context, const struct answer *answer)
{
	const struct decision *decision = &answer->decision;

	if (UNLIKELY(decision->why != WHY_RANKED))
		count_why(context, answer);
	if (LIKELY(answer->rcode == RCODE_NOERROR && answer->body != ANSWER_NEGATIVE))
		return OUTCOME_STEERED;
	count(context->counters, COUNT_answers_steered);
	return outcome_of(answer);
}

/* What names a pool, for the ledger. One with TC names nothing: who asks comes back over TCP. */
static void note_steered(
	const struct packet_context *context, const struct packet *packet, const struct answer *answer, bool truncated)
{
	if (UNLIKELY(context->row == NULL || truncated ||
		     (answer->body != ANSWER_ADDRESSES && answer->body != ANSWER_ALIAS)) ||
		LIKELY(!ledger_note(context->row, answer->service, &answer->decision, context->now_s)))
		return;
	ledger_write(context->row, &(struct ledger_answer){
					   .service = answer->service,
					   .decision = &answer->decision,
					   .client = &packet->client,
					   .resolver = &packet->source,
					   .family = answer_family(packet->query.qtype),
					   .now_ms = context->now_ms,
				   });
}

/* ---- read ---- */

/* An answer to port 0 could not arrive, and to a response, or to what would answer it, must not be sent. */
static enum query_verdict read_query(
	struct packet *packet, const struct packet_context *context, const uint8_t *message, size_t len)
{
	if (context->transport == TRANSPORT_UDP && UNLIKELY(guard_port_is_forged(packet->source_port)))
		return QUERY_DROP;
	return query_parse(&packet->query, message, len);
}

void packet_read(struct packet *packet, const struct packet_context *context, const uint8_t *message, size_t len)
{
	const struct query *query = &packet->query;

	guard_begin(context->guard, &packet->guarded, context->transport == TRANSPORT_UDP);
	packet->verdict = read_query(packet, context, message, len);
	packet->for_zones = LIKELY(packet->verdict == QUERY_OK) &&
			    (LIKELY(query->qclass == CLASS_IN) || query->qclass == CLASS_ANY);
	packet->service = NULL;
	if (UNLIKELY(!packet->for_zones))
		return;
	zone_seek_name(&packet->seek, context->world->snapshot->set, &query->name, answer_is_address(query->qtype));
	answer_client(&packet->client, query, &packet->source);
}

/* ---- find ---- */

static void seek_service(struct packet *packet, const struct snapshot *snapshot)
{
	zone_seek_service(&packet->seek, snapshot->set, &packet->query.name);
	if (LIKELY(packet->seek.service != SERVICE_NONE))
		__builtin_prefetch(&snapshot->services[packet->seek.service]);
}

/* By its name alone. */
static bool find_service(struct packet *packet, const struct snapshot *snapshot)
{
	const struct service_plan *service = &snapshot->services[packet->seek.service];

	if (UNLIKELY(packet->seek.service == SERVICE_NONE) ||
		UNLIKELY(!zone_seek_is_service(
			&packet->seek, snapshot->set, &packet->query.name, &service->owner, &packet->lookup.found)))
		return false;
	packet->lookup.kind = FOUND_NODE;
	packet->service = service;
	__builtin_prefetch(&service->steering[answer_family(packet->query.qtype)]);
	return true;
}

static void find(struct packet *packet, const struct snapshot *snapshot)
{
	const struct query *query = &packet->query;
	struct lookup *lookup = &packet->lookup;

	if (LIKELY(find_service(packet, snapshot)))
		return;
	lookup->kind = zone_seek_end(&packet->seek, snapshot->set, &query->name, query->qtype, &lookup->found);
	if (UNLIKELY(lookup->kind != FOUND_NODE))
		return;
	packet->service = answer_steering(snapshot, &lookup->found, query->qtype);
	__builtin_prefetch(packet->service); /* NULL is fine */
}

static const struct steering *steering_of(const struct packet *packet)
{
	return &packet->service->steering[answer_family(packet->query.qtype)];
}

static void ahead_steering(const struct packet *packet, const struct packet_context *context)
{
	const struct geo_table *table = steering_of(packet)->table;

	__builtin_prefetch(packet->service->list);
	if (context->row != NULL)
		__builtin_prefetch(ledger_ahead(context->row, packet->service), 1);
	if (table != NULL)
		geo_table_prefetch_index(table, &packet->client.addr);
}

static void ahead_place(const struct packet *packet)
{
	const struct geo_table *table = steering_of(packet)->table;

	if (table != NULL)
		geo_table_prefetch(table, &packet->client.addr);
}

static void find_place(struct packet *packet)
{
	enum family family = answer_family(packet->query.qtype);

	packet->lookup.place = decide_place(packet->service, &packet->client, family);
	__builtin_prefetch(decide_order(&packet->service->steering[family], packet->lookup.place));
}

#define EACH(condition, step)                     \
	for (unsigned i = 0; i < n; i++)          \
		if (LIKELY(packets[i].condition)) \
	step

void packets_find(struct packet *packets, unsigned n, const struct packet_context *context)
{
	const struct snapshot *snapshot = context->world->snapshot;

	if (context->exploring != NULL)
		exploring_earn(context->exploring, n);
	EACH(for_zones, seek_service(&packets[i], snapshot));
	EACH(for_zones, zone_seek_slot(&packets[i].seek));
	EACH(for_zones, zone_seek_node(&packets[i].seek));
	EACH(for_zones, find(&packets[i], snapshot));
	EACH(service, ahead_steering(&packets[i], context));
	/* what must be done anyway, while the reads that were just begun are under way */
	EACH(guarded.limited, guard_look(context->guard, &packets[i].guarded, &packets[i].source));
	EACH(service, ahead_place(&packets[i]));
	EACH(service, find_place(&packets[i]));
}

/* ---- write ---- */

/* What is to be said to a query that was read with this verdict; for all but QUERY_DROP. */
static void answer_verdict(struct answer *answer, const struct packet *packet, const struct packet_context *context)
{
	const struct guarded *guarded = &packet->guarded;

	switch (packet->verdict) {
	case QUERY_OK:
		if (packet->query.qclass == CLASS_CH)
			chaos_answer(answer, &packet->query, context->identity);
		else
			answer_rcode(answer, RCODE_REFUSED);
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

/* Truncate it for the round trip's sake? Never while anything changes, which a shorter TTL tells. */
static bool is_sampled(const struct packet *packet, const struct packet_context *context, const struct answer *answer)
{
	const struct service_plan *service = answer->service;

	return context->sampling->sampler != NULL && context->transport == TRANSPORT_UDP && service != NULL &&
	       answer->body == ANSWER_ADDRESSES && answer->ttl_s >= service->ttl_max_s - decide_ttl_span(service) &&
	       sampler_take(context->sampling, &packet->source, context->now_s);
}

size_t packet_write(struct packet *packet, const struct packet_context *context, uint8_t *out, size_t cap)
{
	bool readable = packet->verdict != QUERY_FORMERR && packet->verdict != QUERY_BADVERS, truncated;
	struct counters *counters = context->counters;
	struct answer answer;
	size_t len;

	if (UNLIKELY(packet->verdict == QUERY_DROP)) {
		count(counters, COUNT_dropped);
		return 0;
	}
	count_options(context, &packet->query);
	if (packet->query.cookie_len > 0 && readable)
		guard_cookie(
			context->guard, &packet->guarded, &packet->query, &packet->source, context->now_ms, counters);
	if (LIKELY(context->exploring != NULL))
		packet->client.explore = context->exploring->credit >= EXPLORE_EACH;
	if (LIKELY(packet->for_zones))
		answer_make(&answer, &packet->query, &packet->lookup, packet->service, &packet->client, context->world,
			context->now_ms, context->dice);
	else
		answer_verdict(&answer, packet, context);
	if (UNLIKELY(!guard_judge(context->guard, &packet->guarded, &answer, readable, context->now_monotonic_ms))) {
		count_query(context, packet, OUTCOME_LIMITED_DROPPED);
		return 0;
	}
	if (UNLIKELY(context->sampling != NULL && is_sampled(packet, context, &answer))) {
		answer_rcode(&answer, RCODE_NOERROR);
		answer.limited = true;
		answer.cookie = packet->guarded.cookie ? packet->guarded.reply : NULL;
		count(counters, COUNT_answers_sampled);
	}
	len = reply_write(&packet->query, &answer, context->identity, context->transport, out, cap, &truncated);
	count_query(context, packet, answer.service != NULL ? count_steered(context, &answer) : outcome_of(&answer));
	if (UNLIKELY(truncated))
		count(counters, COUNT_answers_truncated);
	if (LIKELY(answer.service != NULL))
		note_steered(context, packet, &answer, truncated);
	return len;
}

size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct packet packet;

	packet.source = context->source;
	packet.source_port = context->source_port;
	packet_read(&packet, context, in, len);
	packets_find(&packet, 1, context);
	return packet_write(&packet, context, out, cap);
}
