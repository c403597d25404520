/* A group is all that the best remaining pool ties with; inside it the next criterion decides. The result is flat: a list of
 * pools with a bit where each group begins. */
#include "gslb/order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct rank_criterion *const criteria[] = {
	[RANK_LATENCY] = &rank_latency,
	[RANK_GEO] = &rank_geo,
	[RANK_ORDER] = &rank_order,
	[RANK_WEIGHT] = &rank_weight,
	[RANK_LOAD] = &rank_load,
};

/* ---- the spec ---- */

static uint8_t candidate_of(const struct service_plan *plan, uint32_t pool)
{
	for (uint32_t i = 0; i < plan->list->n; i++)
		if (plan->list->candidate[i].pool == pool)
			return (uint8_t)i;
	abort(); /* every pool that a service names is a candidate of it */
}

static int rule_compare(const void *va, const void *vb)
{
	const struct map_rule *a = ((const struct order_rule *)va)->rule, *b = ((const struct order_rule *)vb)->rule;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case MAP_NET:
		if (a->net.len != b->net.len)
			return a->net.len < b->net.len ? -1 : 1;
		return addr_compare(&a->net.addr, &b->net.addr);
	case MAP_ASN:
		return a->asn < b->asn ? -1 : a->asn > b->asn;
	case MAP_REGION:
	case MAP_COUNTRY:
	case MAP_CONTINENT:
		return strcmp(a->code, b->code);
	}
	return 0;
}

static void spec_rules(
	struct order_spec *spec, const struct service *service, const struct service_plan *plan, const bool *usable)
{
	for (uint16_t i = 0; i < service->nrules; i++) {
		const struct map_rule *rule = &service->rules[i];
		struct order_rule *to = &spec->rules[spec->nrules];

		*to = (struct order_rule){ .rule = rule };
		for (uint8_t k = 0; k < rule->npools; k++) {
			uint8_t candidate = candidate_of(plan, rule->pools[k].pool);

			if (usable[candidate])
				to->pool[to->npools++] = candidate;
		}
		if (to->npools > 0)
			spec->nrules++;
	}
	if (spec->nrules > 0)
		qsort(spec->rules, spec->nrules, sizeof(*spec->rules), rule_compare);
}

void order_spec_init(struct order_spec *spec, const struct service *service, const struct service_plan *plan,
	const struct pool_plan *pools, const bool *usable, struct order_rule *rules)
{
	*spec = (struct order_spec){ .nranks = service->nranks, .rules = rules };
	memcpy(spec->ranks, service->ranks, sizeof(spec->ranks));
	for (uint8_t i = 0; i < plan->list->nlisted; i++) {
		const struct pool *pool = pools[plan->list->candidate[i].pool].pool;

		if (!usable[i])
			continue;
		spec->pools[spec->npools] = (struct rank_pool){
			.candidate = i,
			.position = spec->npools,
			.located = pool->located,
			.latitude = pool->latitude,
			.longitude = pool->longitude,
			.spot = geo_spot(pool->latitude, pool->longitude),
			.region = pool->region,
			.bias = pool->bias,
		};
		spec->npools++;
	}
	spec->ranked = spec->npools;
	spec_rules(spec, service, plan, usable);
}

bool order_spec_by_asn(const struct order_spec *spec)
{
	for (uint16_t i = 0; i < spec->nrules; i++)
		if (spec->rules[i].rule->kind == MAP_ASN)
			return true;
	return false;
}

bool order_spec_by_latency(const struct order_spec *spec)
{
	for (uint8_t i = 0; i < spec->nranks; i++)
		if (spec->ranks[i] == RANK_LATENCY)
			return spec->npools > 1;
	return false;
}

/* Where the pools are counts only for who ranks by it: all plain failover lists of three pools are one. */
static bool ranks_by_place(const struct order_spec *spec)
{
	for (uint8_t i = 0; i < spec->nranks; i++)
		if (criteria[spec->ranks[i]]->by_place && spec->npools > 1)
			return true;
	return false;
}

bool order_spec_by_client(const struct order_spec *spec)
{
	return spec->nrules > 0 || ranks_by_place(spec);
}

void order_spec_key(const struct order_spec *spec, struct buf *key)
{
	bool by_place = ranks_by_place(spec), by_latency = order_spec_by_latency(spec);

	/* field by field: padding has no value */
	buf_add(key, &spec->nranks, sizeof(spec->nranks));
	buf_add(key, spec->ranks, spec->nranks * sizeof(spec->ranks[0]));
	buf_add(key, &spec->npools, sizeof(spec->npools));
	for (uint8_t i = 0; i < spec->npools; i++) {
		const struct rank_pool *pool = &spec->pools[i];

		buf_add(key, &pool->candidate, sizeof(pool->candidate));
		if (!by_place)
			continue;
		buf_add(key, &pool->located, sizeof(pool->located));
		buf_add(key, &pool->bias, sizeof(pool->bias));
		buf_add(key, &pool->latitude, sizeof(pool->latitude));
		buf_add(key, &pool->longitude, sizeof(pool->longitude));
		if (by_latency)
			buf_add(key, pool->region, strlen(pool->region) + 1);
	}
	for (uint16_t i = 0; i < spec->nrules; i++) {
		const struct order_rule *rule = &spec->rules[i];

		buf_add(key, &rule->rule->kind, sizeof(rule->rule->kind));
		if (rule->rule->kind == MAP_NET) {
			buf_add(key, &rule->rule->net.len, sizeof(rule->rule->net.len));
			buf_add(key, &rule->rule->net.addr.family, sizeof(rule->rule->net.addr.family));
			buf_add(key, rule->rule->net.addr.bytes, sizeof(rule->rule->net.addr.bytes));
		} else if (rule->rule->kind == MAP_ASN) {
			buf_add(key, &rule->rule->asn, sizeof(rule->rule->asn));
		} else {
			buf_add(key, rule->rule->code, strlen(rule->rule->code) + 1);
		}
		buf_add(key, &rule->npools, sizeof(rule->npools));
		buf_add(key, rule->pool, rule->npools);
	}
}

/* ---- an order ---- */

/* What is known of a client and each pool, by position. */
struct known {
	const double *km;
	const double *ms; /* NULL: nothing was measured */
};

static void order_append(struct order *order, const struct rank_pool *const *members, unsigned n)
{
	order->begins |= UINT32_C(1) << order->npools;
	for (unsigned i = 0; i < n; i++)
		order->pool[order->npools++] = members[i]->candidate;
}

/* Order the members, which keep their list order where nothing decides, from criterion `rank` on. */
static void order_group(const struct order_spec *spec, const struct known *known, unsigned rank,
	const struct rank_pool *const *members, unsigned n, struct order *order)
{
	const struct rank_pool *left[SERVICE_POOLS_MAX], *group[SERVICE_POOLS_MAX];
	const struct rank_criterion *by;
	double cost[SERVICE_POOLS_MAX];

	if (n <= 1 || rank == spec->nranks) {
		if (n > 0)
			order_append(order, members, n);
		return;
	}
	by = criteria[spec->ranks[rank]];
	if (by->tied == NULL) {
		order_group(spec, known, rank + 1, members, n, order);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint8_t at = members[i]->position;

		left[i] = members[i];
		cost[i] = by->cost(members[i], known->km[at], known->ms != NULL ? known->ms[at] : 0);
	}
	while (n > 0) {
		double best = cost[0];
		unsigned ngroup = 0, nleft = 0;

		for (unsigned i = 1; i < n; i++)
			if (cost[i] < best)
				best = cost[i];
		for (unsigned i = 0; i < n; i++) {
			if (cost[i] == best || by->tied(best, cost[i])) {
				group[ngroup++] = left[i];
			} else {
				left[nleft] = left[i];
				cost[nleft++] = cost[i];
			}
		}
		order_group(spec, known, rank + 1, group, ngroup, order);
		n = nleft;
	}
}

/* Keep the groups that the first `ranked` pools lie in; what follows goes back to list order, each alone. */
static void order_cut(struct order *order, uint8_t ranked)
{
	unsigned from = ranked;

	while (from < order->npools && !(order->begins & UINT32_C(1) << from))
		from++;
	for (unsigned i = from; i < order->npools; i++) {
		unsigned least = i;
		uint8_t candidate;

		for (unsigned k = i + 1; k < order->npools; k++)
			if (order->pool[k] < order->pool[least])
				least = k;
		candidate = order->pool[least];
		order->pool[least] = order->pool[i];
		order->pool[i] = candidate;
		order->begins |= UINT32_C(1) << i;
	}
}

void order_of_rule(const struct order_rule *rule, struct order *order)
{
	*order = (struct order){ .npools = rule->npools };
	memcpy(order->pool, rule->pool, rule->npools);
	order->begins = (uint32_t)((UINT64_C(1) << rule->npools) - 1);
}

static const struct order_rule *rule_find(const struct order_spec *spec, const struct map_rule *wanted)
{
	const struct order_rule key = { .rule = wanted };

	return bsearch(&key, spec->rules, spec->nrules, sizeof(*spec->rules), rule_compare);
}

/* The most specific rule for a place: asn, region, country, continent. */
static const struct order_rule *rule_at(const struct order_spec *spec, const struct place *place)
{
	const struct {
		enum map_kind kind;
		const char *code;
	} codes[] = { { MAP_REGION, place->region }, { MAP_COUNTRY, place->country },
		{ MAP_CONTINENT, place->continent } };
	struct map_rule wanted = { .kind = MAP_ASN, .asn = place->asn };
	const struct order_rule *rule = NULL;

	if (spec->nrules == 0)
		return NULL;
	if (place->asn != 0)
		rule = rule_find(spec, &wanted);
	for (unsigned i = 0; i < COUNT_OF(codes) && rule == NULL; i++) {
		if (codes[i].code[0] == '\0')
			continue;
		wanted.kind = codes[i].kind;
		memcpy(wanted.code, codes[i].code, strlen(codes[i].code) + 1);
		rule = rule_find(spec, &wanted);
	}
	return rule;
}

void order_explore(struct order *order, uint8_t candidate, uint16_t rate)
{
	unsigned at = 1;

	while (at < order->npools && !(order->begins >> at & 1)) /* what ties with the first is answered anyway */
		at++;
	while (at < order->npools && order->pool[at] != candidate)
		at++;
	order->explore = at < order->npools ? (uint8_t)at : 0;
	order->explore_rate = at < order->npools ? rate : 0;
}

void order_fit(const struct order_spec *spec, struct order *order)
{
	if (spec->ranked < order->npools)
		order_cut(order, spec->ranked);
}

static void order_list(const struct order_spec *spec, const struct known *known, struct order *order)
{
	const struct rank_pool *members[SERVICE_POOLS_MAX];

	*order = (struct order){ 0 };
	for (uint8_t i = 0; i < spec->npools; i++)
		members[i] = &spec->pools[i];
	order_group(spec, known, 0, members, spec->npools, order);
}

/* By place and, for each pool of the list, how far it is. */
static void order_by(const struct order_spec *spec, const struct place *place, const double *km, struct order *order)
{
	const struct order_rule *rule = rule_at(spec, place);

	if (rule != NULL) {
		order_of_rule(rule, order);
		return;
	}
	order_list(spec, &(struct known){ .km = km }, order);
	order_fit(spec, order);
}

void order_by_latency(const struct order_spec *spec, const double *km, const double *ms, struct order *order)
{
	order_list(spec, &(struct known){ .km = km, .ms = ms }, order);
}

bool order_is_ruled(const struct order_spec *spec, const struct place *place)
{
	return rule_at(spec, place) != NULL;
}

bool order_is_net_ruled(const struct order_spec *spec, const struct prefix *net)
{
	struct map_rule wanted = { .kind = MAP_NET, .net = *net };

	if (spec->nrules == 0 || spec->rules[0].rule->kind != MAP_NET) /* they are the first */
		return false;
	for (;; wanted.net.len--) {
		addr_mask(&wanted.net.addr, wanted.net.len);
		if (rule_find(spec, &wanted) != NULL)
			return true;
		if (wanted.net.len == 0)
			return false;
	}
}

void order_distances(const struct order_spec *spec, const struct place *place, double km[static SERVICE_POOLS_MAX])
{
	for (uint8_t i = 0; i < spec->npools; i++) {
		const struct rank_pool *pool = &spec->pools[i];

		km[i] = place->located && pool->located
				? geo_distance_km(place->latitude, place->longitude, pool->latitude, pool->longitude)
				: -1;
	}
}

void order_at(const struct order_spec *spec, const struct place *place, struct order *order)
{
	double km[SERVICE_POOLS_MAX];

	order_distances(spec, place, km);
	order_by(spec, place, km, order);
}

void order_at_spot(
	const struct order_spec *spec, const struct place *place, const struct geo_spot *spot, struct order *order)
{
	double km[SERVICE_POOLS_MAX];

	for (uint8_t i = 0; i < spec->npools; i++) {
		const struct rank_pool *pool = &spec->pools[i];

		km[i] = place->located && pool->located ? geo_spots_km(spot, &pool->spot) : -1;
	}
	order_by(spec, place, km, order);
}

/* ---- the set of orders ---- */

static uint64_t order_hash(const struct order *order)
{
	uint64_t rest =
		(uint64_t)order->npools << 32 | (uint64_t)order->explore << 40 | (uint64_t)order->explore_rate << 48;

	return hash_bytes(order->begins ^ rest, order->pool, order->npools);
}

bool order_equal(const struct order *a, const struct order *b)
{
	return a->begins == b->begins && a->npools == b->npools && a->explore == b->explore &&
	       a->explore_rate == b->explore_rate && memcmp(a->pool, b->pool, a->npools) == 0;
}

static uint32_t *set_slot(struct order_set *set, const struct order *order)
{
	size_t at = order_hash(order) & (set->nslots - 1);

	while (set->slots[at] != 0 && !order_equal(&set->orders[set->slots[at] - 1], order))
		at = (at + 1) & (set->nslots - 1);
	return &set->slots[at];
}

static void set_widen(struct order_set *set)
{
	free(set->slots);
	set->nslots = set->nslots > 0 ? set->nslots * 2 : 64;
	set->slots = mem_alloc(set->nslots * sizeof(*set->slots));
	for (size_t i = 0; i < set->norders; i++)
		*set_slot(set, &set->orders[i]) = (uint32_t)i + 1;
}

uint16_t order_set_add(struct order_set *set, const struct order *order)
{
	uint32_t *slot;

	if (set->norders > 0 && order_equal(&set->orders[set->last], order)) /* neighbours are often alike */
		return (uint16_t)set->last;
	if (set->norders * 2 >= set->nslots)
		set_widen(set);
	slot = set_slot(set, order);
	if (*slot != 0) {
		set->last = *slot - 1;
		return (uint16_t)set->last;
	}
	if (set->norders > GEO_CLASS_MAX) {
		set->full = true;
		return 0;
	}
	set->orders = mem_grow(set->orders, set->norders, &set->cap, sizeof(*set->orders));
	set->orders[set->norders++] = *order;
	*slot = (uint32_t)set->norders;
	set->last = *slot - 1;
	return (uint16_t)(set->norders - 1);
}

void order_set_fini(struct order_set *set)
{
	free(set->orders);
	free(set->slots);
	*set = (struct order_set){ 0 };
}
