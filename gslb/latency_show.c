/* What is known of a network, region by region, and what it means for each list of pools that ranks by latency. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/explore.h"
#include "gslb/meter.h"
#include "gslb/order.h"

enum { REGIONS_SHOWN = 64, LISTS_SHOWN = 32 };

/* Who is asked about. */
struct subject {
	struct meter *meter;
	const struct snapshot *snapshot;
	const struct latency_map *map; /* locked */
	struct place place;
	struct latency_chain chain;
	struct addr client;
	uint64_t now_s, changed_s;
	bool moved; /* place is not where the geo database has it */
};

static void estimate_pool(const struct subject *subject, const struct pool *pool, struct latency_estimate *estimate)
{
	const struct place *place = &subject->place;
	double km = place->located && pool->located
			    ? geo_distance_km(place->latitude, place->longitude, pool->latitude, pool->longitude)
			    : -1;

	latency_estimate(subject->map, &subject->chain, LATENCY_NETWORK,
		latency_region_find(subject->map, pool->region), km, subject->now_s, estimate);
}

static double round_to(double value, double step)
{
	return round(value / step) * step;
}

static double plus_minus_ms(const struct latency_estimate *estimate)
{
	return exp(estimate->mean) * (exp(sqrt(estimate->variance)) - 1);
}

static json_t *estimate_json(const struct latency_estimate *estimate)
{
	static const char *const names[] = { "network", "aggregate", "metro", "country" };
	json_t *samples = json_object(), *ms = json_object();

	for (enum latency_level level = LATENCY_NETWORK; level < LATENCY_LEVELS; level++) {
		json_object_set_new(samples, names[level], json_real(round_to(estimate->level_n[level], 0.1)));
		if (estimate->level_n[level] > 0)
			json_object_set_new(ms, names[level], json_real(round_to(estimate->level_ms[level], 0.1)));
	}
	return json_pack("{s:f,s:f,s:f,s:o,s:o,s:i}", "prior_ms", round_to(exp(estimate->prior), 0.1), "estimate_ms",
		round_to(exp(estimate->mean), 0.1), "plus_minus_ms", round_to(plus_minus_ms(estimate), 0.1), "samples",
		samples, "measured_ms", ms, "sources", (int)estimate->sources);
}

/* ---- regions ---- */

static json_t *regions_json(const struct subject *subject)
{
	const char *shown[REGIONS_SHOWN];
	json_t *list = json_array();
	size_t n = 0;

	for (uint32_t i = 0; i < subject->snapshot->npools && n < REGIONS_SHOWN; i++) {
		const struct pool *pool = subject->snapshot->pools[i].pool;
		struct latency_estimate estimate;
		bool known = false;
		json_t *json;

		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(shown[k], pool->region) == 0;
		if (known)
			continue;
		shown[n++] = pool->region;
		estimate_pool(subject, pool, &estimate);
		json = estimate_json(&estimate);
		json_object_set_new(json, "region", json_string(pool->region));
		json_array_append_new(list, json);
	}
	return list;
}

/* ---- lists of pools ---- */

static const struct order *order_for(const struct subject *subject, const struct steering *steering)
{
	if (steering->table == NULL)
		return &steering->orders[0];
	return &steering->orders[geo_table_find(steering->table, &subject->client).class];
}

static void add_sentence(json_t *list, char *sentence)
{
	json_array_append_new(list, json_string(sentence));
	free(sentence);
}

/* What is wanted, and how much of it there is. */
static json_t *lacks_json(
	const struct subject *subject, const struct latency_estimate *leader, const struct latency_estimate *best)
{
	unsigned lacks = latency_lacks(leader, best);
	uint64_t rested_s = subject->now_s > subject->changed_s ? subject->now_s - subject->changed_s : 0;
	json_t *list = json_array();

	if (lacks & LATENCY_LACKS_GAIN)
		add_sentence(
			list, mem_printf("a gain of 5 ms and 10 %% at least: %.1f ms or less, and %.1f are expected",
				      latency_enough_ms(leader), exp(best->mean)));
	if (lacks & LATENCY_LACKS_CERTAINTY)
		add_sentence(list, mem_printf("a certainty of 1.28 standard deviations at least, and has %.2f",
					   latency_certainty(leader, best)));
	if (lacks & LATENCY_LACKS_SAMPLES)
		add_sentence(list,
			mem_printf("%d samples of this network at least, and has %.1f", LATENCY_SAMPLES_MIN, best->n));
	if (lacks & LATENCY_LACKS_SOURCES)
		add_sentence(
			list, mem_printf("samples from %d addresses, or from %d networks near it, at least, and has %u",
				      LATENCY_SOURCES_MIN, LATENCY_SOURCES_MIN, (unsigned)best->sources));
	if (rested_s < LATENCY_REST_S)
		add_sentence(list, mem_printf("%d minutes since the last change, which was %llu minutes ago",
					   LATENCY_REST_S / 60, (unsigned long long)rested_s / 60));
	return list;
}

static const struct pool *pool_of(const struct subject *subject, const struct service_plan *plan, uint8_t candidate)
{
	return subject->snapshot->pools[plan->list->candidate[candidate].pool].pool;
}

/* The one behind the leader that is expected to be quickest, and what keeps it there. */
static void challenger_json(
	const struct subject *subject, const struct service_plan *plan, const struct order *order, json_t *json)
{
	struct latency_estimate leader, best = { .mean = INFINITY };
	uint8_t number = 0;

	estimate_pool(subject, pool_of(subject, plan, order->pool[0]), &leader);
	for (unsigned i = 1; i < order->npools; i++) {
		struct latency_estimate estimate;

		estimate_pool(subject, pool_of(subject, plan, order->pool[i]), &estimate);
		if (estimate.mean < best.mean) {
			best = estimate;
			number = order->pool[i];
		}
	}
	json_object_set_new(json, "challenger", json_string(pool_of(subject, plan, number)->label));
	json_object_set_new(json, "gain_ms", json_real(round_to(latency_gain_ms(&leader, &best), 0.1)));
	json_object_set_new(json, "certainty", json_real(round_to(latency_certainty(&leader, &best), 0.01)));
	json_object_set_new(json, "lacks", lacks_json(subject, &leader, &best));
}

/* A few answers for these clients name another pool, to be measured (explore.h); null: none do. */
static json_t *explored_json(const struct subject *subject, const struct service_plan *plan, const struct order *order)
{
	if (order->explore == 0)
		return json_null();
	return json_pack("{s:s,s:f}", "pool", pool_of(subject, plan, order->pool[order->explore])->label, "percent",
		order->explore_rate * 100.0 / EXPLORE_ALL);
}

static json_t *list_json(const struct subject *subject, const struct service_plan *plan, const struct order *order)
{
	json_t *pools = json_array(), *json;
	char owner[NAME_TEXT_MAX];

	for (unsigned i = 0; i < order->npools; i++)
		json_array_append_new(pools, json_string(pool_of(subject, plan, order->pool[i])->label));
	json = json_pack("{s:s,s:o}", "service", name_format(&plan->service->owner, owner), "order", pools);
	challenger_json(subject, plan, order, json);
	json_object_set_new(json, "explored", explored_json(subject, plan, order));
	return json;
}

static bool ranks_by_latency(const struct service *service)
{
	for (uint8_t i = 0; i < service->nranks; i++)
		if (service->ranks[i] == RANK_LATENCY)
			return true;
	return false;
}

/* One for all services that order alike. */
static json_t *lists_json(const struct subject *subject)
{
	const struct order *shown[LISTS_SHOWN];
	json_t *list = json_array();
	size_t n = 0;

	for (uint32_t i = 0; i < subject->snapshot->nservices && n < LISTS_SHOWN; i++) {
		const struct service_plan *plan = &subject->snapshot->services[i];
		const struct steering *steering = &plan->steering[family_of(&subject->client)];
		const struct order *order;
		bool known = false;

		if (!ranks_by_latency(plan->service))
			continue;
		if (steering->orders[0].npools == 0)
			steering = &plan->steering[family_of(&subject->client) == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4];
		order = order_for(subject, steering);
		for (size_t k = 0; k < n && !known; k++)
			known = shown[k] == order;
		if (known || order->npools < 2)
			continue;
		shown[n++] = order;
		json_array_append_new(list, list_json(subject, plan, order));
	}
	return list;
}

/* ---- the documents ---- */

static void subject_init(struct subject *subject, struct meter *meter, const struct snapshot *snapshot,
	const struct addr *client, uint64_t now_s)
{
	*subject = (struct subject){ .meter = meter, .snapshot = snapshot, .client = *client, .now_s = now_s };
	subject->chain = meter_chain(snapshot, client, &subject->place);
	subject->changed_s = meter_changed_s(meter, &subject->chain);
	subject->map = meter_lock(meter);
	subject->moved = misplaced_place(
		subject->map, subject->chain.key[LATENCY_METRO], &subject->place.latitude, &subject->place.longitude);
}

/* Samples since the start. */
static json_t *counts_json(const struct meter *meter)
{
	struct meter_counts counts = meter_counts(meter);

	return json_pack("{s:I,s:I,s:I,s:I}", "taken", (json_int_t)counts.taken, "too_soon",
		(json_int_t)counts.too_soon, "impossible", (json_int_t)counts.impossible, "refused",
		(json_int_t)counts.refused);
}

json_t *meter_show(
	struct meter *meter, const struct snapshot *snapshot, const char *client, uint64_t now_s, struct err *err)
{
	struct subject subject;
	struct prefix prefix;
	struct latency_cell cell;
	char net[ADDR_TEXT_MAX], changed[CLOCK_TEXT_MAX];
	json_t *json;

	if (!prefix_parse(client, &prefix)) {
		err_set(err, "%s: not an address or prefix (try 198.51.100.0/24)", client);
		return NULL;
	}
	subject_init(&subject, meter, snapshot, &prefix.addr, now_s);
	latency_cell_of(subject.chain.key[LATENCY_NETWORK], &cell);
	json = json_pack("{s:s,s:s,s:I,s:b,s:o,s:o,s:o,s:I,s:I}", "network", prefix_format(&cell.net, net), "country",
		subject.place.country, "asn", (json_int_t)subject.place.asn, "located", subject.place.located,
		"changed",
		subject.changed_s > 0 ? json_string(clock_format(subject.changed_s * 1000, changed)) : json_null(),
		"regions", regions_json(&subject), "lists", lists_json(&subject), "map_cells",
		(json_int_t)latency_cells(subject.map), "map_bytes", (json_int_t)latency_bytes(subject.map));
	meter_unlock(meter);
	if (subject.moved)
		json_object_set_new(json, "moved",
			json_pack("{s:f,s:f}", "latitude", round_to(subject.place.latitude, 0.1), "longitude",
				round_to(subject.place.longitude, 0.1)));
	json_object_set_new(json, "counts", counts_json(meter));
	json_object_set_new(json, "explored_cells", json_integer((json_int_t)meter_explored(meter)));
	return json;
}

json_t *meter_pool(struct meter *meter, const struct snapshot *snapshot, const struct addr *client,
	const struct pool *pool, uint64_t now_s)
{
	struct latency_estimate estimate;
	struct subject subject;
	double n = 0;

	subject_init(&subject, meter, snapshot, client, now_s);
	estimate_pool(&subject, pool, &estimate);
	meter_unlock(meter);
	for (enum latency_level level = LATENCY_NETWORK; level < LATENCY_LEVELS; level++)
		n += estimate.level_n[level];
	if (n == 0)
		return NULL;
	return json_pack("{s:f,s:f,s:f,s:f}", "ms", round_to(exp(estimate.mean), 0.1), "plus_minus_ms",
		round_to(plus_minus_ms(&estimate), 0.1), "samples", round_to(estimate.n, 0.1), "prior_ms",
		round_to(exp(estimate.prior), 0.1));
}
