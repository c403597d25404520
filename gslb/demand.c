/* A cache that holds an answer asks again when its TTL is over, if anybody asks it; so what caches hold now is what was answered within
 * the last TTL. Some keep answers longer: they are taken for 8 % of all, and follow a mean over five TTLs. */
#include "gslb/demand.h"

#include <stdlib.h>
#include <string.h>

#define PROMPT 0.92 /* caches that ask again when the TTL is over */
enum { SLOW_TTLS = 5, SCORE_STEP = 500 /* 50 ms a place, of what has no distance */ };

struct demand *demand_new(void)
{
	return mem_alloc(sizeof(struct demand));
}

static void flow_free(struct demand_flow *flow)
{
	free(flow->cells);
	free(flow->shares);
	free(flow);
}

void demand_free(struct demand *demand)
{
	if (demand == NULL)
		return;
	for (size_t i = 0; i < demand->nflows; i++)
		flow_free(demand->flows[i]);
	free(demand->followed);
	free(demand);
}

/* ---- which flow ---- */

/* Those, too, that have nowhere else to go: what they ask for is nobody else's. */
static bool is_followed(const struct snapshot *snapshot, const struct service_plan *service)
{
	for (uint32_t i = 0; i < service->list->n; i++)
		if (snapshot->pools[service->list->candidate[i].pool].pool->load.source != LOAD_NONE)
			return true;
	return false;
}

/* Classes that differ only in what they explore are one. */
static uint64_t identity_of(const struct snapshot *snapshot, const struct service_plan *service, enum family family,
	const struct order *order)
{
	uint64_t hash = hash_mix(service->identity, (uint64_t)order->begins << 1 | (family == FAMILY_V6));

	for (unsigned i = 0; i < order->npools; i++)
		hash = hash_mix(hash, snapshot->pools[service->list->candidate[order->pool[i]].pool].identity);
	return hash;
}

static uint32_t service_of(const struct snapshot *snapshot, uint32_t pair)
{
	uint32_t first = 0, last = snapshot->nservices;

	if (pair >= snapshot->nservice_pools)
		return SERVICE_NONE;
	while (last - first > 1) {
		uint32_t middle = first + (last - first) / 2;

		if (snapshot->services[middle].first_override <= pair)
			first = middle;
		else
			last = middle;
	}
	return first;
}

/* Where in the index it is, or would be. */
static size_t slot_of(const struct demand *demand, uint64_t identity)
{
	size_t at = identity % COUNT_OF(demand->index);

	while (demand->index[at] != 0 && demand->flows[demand->index[at] - 1]->identity != identity)
		at = (at + 1) % COUNT_OF(demand->index);
	return at;
}

/* What a client has of each pool, in tenths of milliseconds: a hundred kilometres make one millisecond. */
static void score(struct demand_flow *flow, const struct snapshot *snapshot, const struct service_plan *service)
{
	struct place place;
	uint32_t before = 0;

	snapshot_place(snapshot, &flow->client, &place, &(unsigned){ 0 });
	for (unsigned i = 0; i < flow->order->npools; i++) {
		const struct pool *pool = snapshot->pools[service->list->candidate[flow->order->pool[i]].pool].pool;
		uint32_t score = before + ((flow->order->begins >> i & 1) != 0 && i > 0 ? SCORE_STEP : 0);

		if (place.located && pool->located)
			score = (uint32_t)(geo_distance_km(
						   place.latitude, place.longitude, pool->latitude, pool->longitude) /
					   10);
		flow->score[i] = score > before ? score : before;
		before = flow->score[i];
	}
}

/* Where the flow of this client is in a snapshot. */
static void place(struct demand_flow *flow, const struct snapshot *snapshot, uint32_t service, enum family family,
	const struct addr *client)
{
	const struct steering *steering = &snapshot->services[service].steering[family];
	struct geo_hit hit = { 0 };

	if (steering->table != NULL)
		hit = geo_table_find(steering->table, client);
	flow->service = service;
	flow->family = family;
	flow->order = &steering->orders[hit.class < steering->norders ? hit.class : 0];
	flow->ttl_s = snapshot->services[service].ttl_max_s;
	flow->client = *client;
	flow->service_identity = snapshot->services[service].identity;
	flow->identity = identity_of(snapshot, &snapshot->services[service], family, flow->order);
}

static struct demand_flow *add(struct demand *demand, const struct demand_flow *like)
{
	struct demand_flow *flow = mem_dup(like, sizeof *like);

	flow->cells = mem_alloc((like->order->npools + 1u) * sizeof *flow->cells);
	for (unsigned i = 0; i < SERVICE_POOLS_MAX; i++)
		flow->lean[i] = 1;
	score(flow, demand->snapshot, &demand->snapshot->services[flow->service]);
	demand->flows[demand->nflows++] = flow;
	return flow;
}

/* ---- answers ---- */

static void advance(struct demand_cell *cell, uint64_t bucket)
{
	if (bucket <= cell->newest)
		return;
	if (bucket - cell->newest >= DEMAND_BUCKETS)
		memset(cell->answers, 0, sizeof cell->answers);
	else
		for (uint64_t i = cell->newest + 1; i <= bucket; i++)
			cell->answers[i % DEMAND_BUCKETS] = 0;
	cell->newest = bucket;
}

static void count(struct demand_cell *cell, uint64_t bucket, float weight)
{
	if (bucket + DEMAND_BUCKETS <= cell->newest) { /* the clock was set back */
		memset(cell->answers, 0, sizeof cell->answers);
		cell->newest = bucket;
	}
	advance(cell, bucket);
	cell->answers[bucket % DEMAND_BUCKETS] += weight;
}

void demand_note(struct demand *demand, const struct ledger_entry *entry)
{
	const struct snapshot *snapshot = demand->snapshot;
	uint32_t service = service_of(snapshot, entry->pair), candidate, *slot;
	struct demand_flow like = { 0 }, *flow;

	if (service == SERVICE_NONE || !demand->followed[service])
		return;
	place(&like, snapshot, service, entry->family, &entry->client);
	slot = &demand->index[slot_of(demand, like.identity)];
	if (*slot == 0 && demand->nflows == DEMAND_FLOWS_MAX)
		return;
	flow = *slot != 0 ? demand->flows[*slot - 1] : add(demand, &like);
	*slot = *slot != 0 ? *slot : (uint32_t)demand->nflows;
	flow->last_s = (uint32_t)(entry->time_ms / 1000);
	candidate = entry->pair - snapshot->services[service].first_override;
	for (unsigned i = 0; i < flow->order->npools; i++)
		if (flow->order->pool[i] == candidate)
			count(&flow->cells[i], entry->time_ms / 1000 / DEMAND_BUCKET_S, (float)entry->weight);
}

void demand_take(struct demand *demand, const struct recent *recent)
{
	struct ledger_entry entry;

	while (recent_read(recent, &demand->cursor, &entry, &demand->missed))
		if (entry.pair != LEDGER_NONE)
			demand_note(demand, &entry);
}

const struct demand_flow *demand_find(
	const struct demand *demand, uint32_t service, enum family family, const struct order *order)
{
	uint64_t identity = identity_of(demand->snapshot, &demand->snapshot->services[service], family, order);
	uint32_t number = demand->index[slot_of(demand, identity)];

	return number != 0 ? demand->flows[number - 1] : NULL;
}

/* ---- over time ---- */

static void index_again(struct demand *demand)
{
	memset(demand->index, 0, sizeof demand->index);
	for (size_t i = 0; i < demand->nflows; i++)
		demand->index[slot_of(demand, demand->flows[i]->identity)] = (uint32_t)i + 1;
}

static uint32_t service_by_identity(const struct demand *demand, uint64_t identity)
{
	for (uint32_t i = 0; i < demand->snapshot->nservices; i++)
		if (demand->followed[i] && demand->snapshot->services[i].identity == identity)
			return i;
	return SERVICE_NONE;
}

/* Is the flow in the snapshot as it was? One of its clients shows where. */
static bool place_again(const struct demand *demand, struct demand_flow *flow)
{
	uint32_t service = service_by_identity(demand, flow->service_identity);
	uint64_t identity = flow->identity;
	struct addr client = flow->client;

	if (service == SERVICE_NONE)
		return false;
	place(flow, demand->snapshot, service, flow->family, &client);
	return flow->identity == identity;
}

void demand_begin(struct demand *demand, const struct snapshot *snapshot)
{
	size_t kept = 0;

	demand->snapshot = snapshot;
	free(demand->followed);
	demand->followed = mem_alloc(snapshot->nservices + 1u);
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		demand->followed[i] = is_followed(snapshot, &snapshot->services[i]);
	for (size_t i = 0; i < demand->nflows; i++) {
		struct demand_flow *flow = demand->flows[i];

		if (!place_again(demand, flow)) {
			flow_free(flow);
			continue;
		}
		score(flow, snapshot, &snapshot->services[flow->service]);
		demand->flows[kept++] = flow;
	}
	demand->nflows = kept;
	index_again(demand);
}

/* Answers of the seconds before at_s; a bucket counts by the part of it that lies there. */
static double answers_before(const struct demand_cell *cell, uint64_t at_s, uint64_t window_s)
{
	uint64_t from_s = at_s > window_s ? at_s - window_s : 0;
	double sum = 0;

	for (uint64_t s = from_s; s < at_s;) {
		uint64_t bucket = s / DEMAND_BUCKET_S, next_s = (bucket + 1) * DEMAND_BUCKET_S;

		if (next_s > at_s)
			next_s = at_s;
		if (bucket <= cell->newest && bucket + DEMAND_BUCKETS > cell->newest)
			sum += cell->answers[bucket % DEMAND_BUCKETS] * (double)(next_s - s) / DEMAND_BUCKET_S;
		s = next_s;
	}
	return sum;
}

static uint64_t usable_ttl(uint32_t ttl_s)
{
	enum { MOST_S = (DEMAND_BUCKETS / 2) * DEMAND_BUCKET_S };

	return ttl_s < DEMAND_BUCKET_S ? DEMAND_BUCKET_S : ttl_s < MOST_S ? ttl_s : MOST_S;
}

double demand_held(const struct demand_flow *flow, unsigned place, uint64_t at_s)
{
	const struct demand_cell *cell = &flow->cells[place];
	uint64_t ttl_s = usable_ttl(flow->ttl_s);

	return PROMPT * answers_before(cell, at_s, ttl_s) + (1 - PROMPT) * (double)ttl_s * (double)cell->slow;
}

/* The slow means go on by what was answered since. */
static void step_flow(struct demand_flow *flow, uint64_t now_s, uint64_t since_s)
{
	double weight = (double)since_s / (SLOW_TTLS * (double)usable_ttl(flow->ttl_s));

	for (unsigned i = 0; i < flow->order->npools; i++) {
		struct demand_cell *cell = &flow->cells[i];
		double rate = answers_before(cell, now_s, since_s) / (double)since_s;

		cell->slow += (float)((rate - (double)cell->slow) * (weight < 1 && flow->begun ? weight : 1));
	}
	flow->begun = true;
}

bool demand_step(struct demand *demand, uint64_t now_s)
{
	uint64_t since_s = now_s > demand->slow_s ? now_s - demand->slow_s : 1;
	bool split = false;
	size_t kept = 0;

	if (since_s > DEMAND_BUCKETS)
		since_s = DEMAND_BUCKETS;
	for (size_t i = 0; i < demand->nflows; i++) {
		struct demand_flow *flow = demand->flows[i];

		if (flow->last_s + DEMAND_FORGET_S < now_s) {
			split |= flow->split;
			flow_free(flow);
			continue;
		}
		step_flow(flow, now_s, since_s);
		demand->flows[kept++] = flow;
	}
	if (kept < demand->nflows) {
		demand->nflows = kept;
		index_again(demand);
	}
	demand->slow_s = now_s;
	return split;
}
