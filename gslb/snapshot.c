#include "gslb/snapshot.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/meter.h"
#include "gslb/steering.h"

struct snapshot_inner {
	struct arena *arena;
	struct steering_tables tables;
};

/* ---- geo databases, counted ---- */

/* The count stands beside the geo, which is another room's and knows nothing of snapshots. */
struct geo_count {
	struct geo *geo;
	unsigned refs;
	struct geo_count *next;
};

static struct geo_count *geo_counts;

struct geo *snapshot_geo_ref(struct geo *geo)
{
	struct geo_count *at = geo_counts;

	while (at != NULL && at->geo != geo)
		at = at->next;
	if (at == NULL) {
		at = mem_alloc(sizeof(*at));
		*at = (struct geo_count){ .geo = geo, .next = geo_counts };
		geo_counts = at;
	}
	at->refs++;
	return geo;
}

void snapshot_geo_unref(struct geo *geo)
{
	struct geo_count **at = &geo_counts, *gone;

	if (geo == NULL)
		return;
	while (*at != NULL && (*at)->geo != geo)
		at = &(*at)->next;
	assert(*at != NULL);
	gone = *at;
	if (--gone->refs > 0)
		return;
	*at = gone->next;
	geo_free(gone->geo);
	free(gone);
}

/* ---- endpoints ---- */

static uint64_t identity(const uint8_t seed[static 16], char kind, const void *bytes, size_t len)
{
	uint8_t text[1 + NAME_MAX_LEN];

	assert(len < sizeof(text));
	text[0] = (uint8_t)kind; /* so that a pool and a service of one name are strangers */
	memcpy(text + 1, bytes, len);
	return hash_sip(seed, text, len + 1);
}

/* The endpoints of all pools, while they are being counted up. */
struct build {
	const struct snapshot_inputs *inputs;
	struct endpoint *endpoints;
	size_t nendpoints, cap;
};

static bool has_endpoint(const struct build *build, size_t first, const struct addr *addr)
{
	for (size_t i = first; i < build->nendpoints; i++)
		if (addr_equal(&build->endpoints[i].addr, addr))
			return true;
	return false;
}

static void add_endpoint(struct build *build, const struct pool *pool, const struct target *target,
	const struct addr *addr, const _Atomic uint64_t *expires_ms)
{
	struct endpoint *endpoint;

	build->endpoints = mem_grow(build->endpoints, build->nendpoints, &build->cap, sizeof(*build->endpoints));
	endpoint = &build->endpoints[build->nendpoints++];
	*endpoint = (struct endpoint){
		.addr = *addr,
		.pool = pool->number,
		.target = target->number,
		.slot = SLOT_NONE,
		.port = target->port,
		.priority = target->priority,
		.weight = target->weight,
		.identity = identity(build->inputs->seed, 'a', addr->bytes, addr_len(addr)),
		.expires_ms = expires_ms,
	};
	if (pool->check.type == CHECK_NONE || build->inputs->slot == NULL)
		return;
	if (!build->inputs->slot(
		    build->inputs->context, endpoint, pool, target, &endpoint->slot, &endpoint->generation))
		endpoint->slot = SLOT_NONE;
}

static void add_target(struct build *build, const struct pool *pool, const struct target *target, enum family family,
	size_t first, bool *unresolved)
{
	const struct addr *addrs = target->addrs;
	const _Atomic uint64_t *expires_ms = NULL;
	size_t naddrs = target->naddrs, begin = build->nendpoints;

	if (target->dynamic) {
		const struct resolved *resolved = NULL;

		if (build->inputs->resolve != NULL)
			resolved = build->inputs->resolve(build->inputs->context, &target->name);
		if (resolved == NULL) {
			*unresolved = true;
			return;
		}
		addrs = resolved->addrs;
		naddrs = resolved->naddrs;
		expires_ms = &resolved->expires_ms;
	}
	for (size_t i = 0; i < naddrs; i++) {
		if (family_of(&addrs[i]) != family || has_endpoint(build, first, &addrs[i]))
			continue;
		/* a name that starts to resolve to 127.0.0.1 must not steer the world there */
		if (target->dynamic && !pool->private_ok && addr_is_private(&addrs[i]))
			continue;
		add_endpoint(build, pool, target, &addrs[i], expires_ms);
	}
	for (size_t i = begin; i < build->nendpoints; i++)
		build->endpoints[i].nsharers = (uint16_t)(build->nendpoints - begin);
}

/* What a glance wants to know at once. */
static void part_facts(struct pool_part *part, const struct pool *pool, const struct endpoint *endpoint)
{
	bool shared = false;

	part->ramp_ms = pool->ramp_ms;
	for (uint32_t i = 0; i < part->n; i++) {
		part->dated |= endpoint[i].expires_ms != NULL;
		if (i >= 64 || endpoint[i].priority != endpoint->priority)
			continue;
		shared |= endpoint[i].nsharers > 1;
		if (endpoint[i].weight > 0)
			part->whole |= UINT64_C(1) << i;
	}
	part->even = !shared && part->whole != 0;
	if (!part->even && part->n > 0)
		part->whole = UINT64_MAX >> (64 - (part->n < 64 ? part->n : 64));
}

static void make_pool(struct build *build, const struct pool *pool, struct pool_plan *plan)
{
	plan->pool = pool;
	plan->min_up = pool->min_up;
	plan->identity = identity(build->inputs->seed, 'p', pool->name.wire, pool->name.len);
	for (enum family family = 0; family < FAMILIES; family++) {
		size_t first = build->nendpoints;

		for (uint16_t i = 0; i < pool->ntargets; i++)
			add_target(build, pool, &pool->targets[i], family, first, &plan->unresolved);
		plan->part[family].first = (uint32_t)first;
		plan->part[family].n = (uint32_t)(build->nendpoints - first);
		plan->part[family].needs = pool->nall_needs > 0;
		part_facts(&plan->part[family], pool, build->endpoints + first);
	}
}

static void *alloc_lines(struct arena *arena, size_t len)
{
	uint8_t *at = arena_alloc(arena, len + MEM_LINE);

	return at + -(uintptr_t)at % MEM_LINE;
}

static void make_pool_held(struct build *build, const struct pool *pool, struct pool_plan *plan)
{
	const struct snapshot_inputs *inputs = build->inputs;

	if (inputs->hold != NULL)
		inputs->hold(inputs->context, true);
	make_pool(build, pool, plan);
	if (inputs->hold != NULL)
		inputs->hold(inputs->context, false);
}

static void make_pools(struct snapshot *snapshot, const struct snapshot_inputs *inputs)
{
	struct arena *arena = snapshot->inner->arena;
	struct build build = { .inputs = inputs };
	struct endpoint *endpoints;
	struct pool_plan *pools;

	snapshot->npools = (uint32_t)snapshot->set->npools;
	pools = arena_alloc(arena, snapshot->npools * sizeof(*pools));
	for (uint32_t i = 0; i < snapshot->npools; i++)
		make_pool_held(&build, &snapshot->set->pools[i], &pools[i]);
	snapshot->pools = pools;
	snapshot->nendpoints = (uint32_t)build.nendpoints;
	endpoints = alloc_lines(arena, build.nendpoints * sizeof(*endpoints));
	if (build.nendpoints > 0)
		memcpy(endpoints, build.endpoints, build.nendpoints * sizeof(*endpoints));
	snapshot->endpoints = endpoints;
	free(build.endpoints);
}

/* ---- services ---- */

/* Returns its index. */
static uint32_t add_candidate(struct candidate_list *list, const struct pool_use *use)
{
	uint32_t i = 0;

	while (i < list->n && list->candidate[i].pool != use->pool)
		i++;
	if (i == list->n && list->n <= CANDIDATES_MAX) /* one too many is enough to see that there are too many */
		list->candidate[list->n++] = (struct candidate){ .pool = use->pool, .weight = use->weight };
	return i;
}

/* Services that have something in common: what a hundred thousand of them need is there once a kind. */
struct twins {
	bool (*alike)(const void *services, uint32_t a, uint32_t b); /* by their numbers */
	const void *services;                                        /* what it knows of them */
	uint32_t *slots; /* of the first of a kind: its number + 1; 0: free */
	size_t nslots;   /* a power of two */
};

static void twins_init(struct twins *twins, uint32_t nservices,
	bool (*alike)(const void *services, uint32_t a, uint32_t b), const void *services)
{
	*twins = (struct twins){ .alike = alike, .services = services, .nslots = 16 };
	while (twins->nslots < nservices * UINT64_C(2))
		twins->nslots *= 2;
	twins->slots = mem_alloc(twins->nslots * sizeof(*twins->slots));
}

/* The first service that is alike: perhaps itself. */
static uint32_t twins_find(struct twins *twins, uint32_t service, uint64_t hash)
{
	size_t at = hash & (twins->nslots - 1);

	while (twins->slots[at] != 0 && !twins->alike(twins->services, twins->slots[at] - 1, service))
		at = (at + 1) & (twins->nslots - 1);
	if (twins->slots[at] == 0)
		twins->slots[at] = service + 1;
	return twins->slots[at] - 1;
}

static uint64_t candidates_hash(const struct service_plan *plan, uint32_t n, bool weights)
{
	const struct candidate *candidate = plan->list->candidate;
	uint64_t hash = n;

	for (uint32_t i = 0; i < n; i++)
		hash = hash_mix(hash, candidate[i].pool | (uint64_t)(weights ? candidate[i].weight : 0) << 32);
	return hash;
}

static size_t list_bytes(const struct candidate_list *list)
{
	return sizeof(*list) + list->n * sizeof(*list->candidate);
}

static bool same_candidates(const void *services, uint32_t a, uint32_t b)
{
	const struct service_plan *plans = services;

	return plans[a].list->n == plans[b].list->n &&
	       memcmp(plans[a].list, plans[b].list, list_bytes(plans[a].list)) == 0;
}

/* Into a list that has room for all. */
static void list_candidates(struct candidate_list *list, const struct service *service)
{
	for (uint8_t i = 0; i < service->npools; i++)
		add_candidate(list, &service->pools[i]);
	list->nlisted = list->n;
	for (uint16_t i = 0; i < service->nrules; i++)
		for (uint8_t k = 0; k < service->rules[i].npools; k++)
			add_candidate(list, &service->rules[i].pools[k]);
	list->fallback = POOL_NONE;
	if (!service->has_fallback)
		return;
	list->fallback = service->fallback.pool;
	list->fallback_candidate = add_candidate(list, &service->fallback);
}

static void make_candidates(struct service_plan *services, uint32_t number, struct twins *lists, struct arena *arena)
{
	struct service_plan *plan = &services[number];
	uint32_t twin;
	union {
		struct candidate_list list;
		uint8_t room[sizeof(struct candidate_list) + (CANDIDATES_MAX + 1) * sizeof(struct candidate)];
	} some;

	some.list = (struct candidate_list){ 0 };
	list_candidates(&some.list, plan->service);
	plan->list = &some.list;
	twin = twins_find(lists, number, candidates_hash(plan, plan->list->n, true));
	plan->list = twin != number ? services[twin].list : arena_dup(arena, plan->list, list_bytes(plan->list));
}

static bool usable_for(
	const struct snapshot *snapshot, const struct service *service, uint32_t pool, enum family family)
{
	return service->via_cname || snapshot->pools[pool].part[family].n > 0;
}

/* Is there anything to choose from? A key that decides nothing need not lengthen the scope. */
static bool keyed_for(
	const struct snapshot *snapshot, const struct service_plan *plan, enum family family, const bool *usable)
{
	uint32_t nusable = 0, most = 0;

	if (plan->service->spread != SPREAD_STICKY)
		return false;
	for (uint32_t i = 0; i < plan->list->n; i++) {
		const struct pool_plan *pool = &snapshot->pools[plan->list->candidate[i].pool];
		uint32_t n = plan->service->via_cname ? pool->pool->ntargets : pool->part[family].n;

		nusable += usable[i];
		if (n > most)
			most = n;
	}
	return nusable > 1 || most > (plan->service->via_cname ? 1 : plan->service->answers);
}

/* Without a map: what is listed orders them, and nothing else does. */
static bool orders_alike(const void *services, uint32_t first, uint32_t second)
{
	const struct service_plan *a = (const struct service_plan *)services + first;
	const struct service_plan *b = (const struct service_plan *)services + second;
	bool alike =
		a->list->nlisted == b->list->nlisted && a->via_cname == b->via_cname &&
		a->service->nranks == b->service->nranks &&
		memcmp(a->service->ranks, b->service->ranks, a->service->nranks * sizeof(a->service->ranks[0])) == 0;

	for (uint32_t i = 0; i < a->list->nlisted && alike; i++)
		alike = a->list->candidate[i].pool == b->list->candidate[i].pool;
	return alike;
}

static bool make_service(
	struct snapshot *snapshot, struct service_plan *services, uint32_t number, struct twins *lists, struct err *err)
{
	const struct service *service = &snapshot->set->services[number];
	struct service_plan *plan = &services[number];
	char owner[NAME_TEXT_MAX];

	plan->service = service;
	plan->owner = service_owner(service);
	plan->via_cname = service->via_cname;
	plan->sticky = service->spread == SPREAD_STICKY;
	plan->sticky_v4 = service->sticky_v4;
	plan->sticky_v6 = service->sticky_v6;
	plan->answers = service->answers;
	plan->ttl_max_s = service->ttl_max_s;
	plan->ttl_min_s = service->ttl_min_s;
	plan->identity = identity(snapshot->seed, 's', service->owner.wire, service->owner.len);
	make_candidates(services, number, lists, snapshot->inner->arena);
	if (plan->list->n > CANDIDATES_MAX)
		return err_set(err, "%s:%u: %s: a service can use at most %d pools, with those that its map names",
			service->file, service->line, name_format(&service->owner, owner), CANDIDATES_MAX);
	plan->first_override = snapshot->nservice_pools;
	snapshot->nservice_pools += plan->list->n;
	return true;
}

/* number: of its steering tables, which are compiled later; twin: those of one that orders alike, or NULL. */
static void want_tables(struct snapshot *snapshot, const struct snapshot_inputs *inputs, const struct snapshot *before,
	struct service_plan *plan, const uint32_t *twin, uint32_t number[FAMILIES])
{
	const struct service *service = plan->service;
	struct order_rule *rules = mem_alloc((service->nrules + 1u) * sizeof(*rules));

	for (enum family family = 0; family < FAMILIES; family++) {
		bool usable[CANDIDATES_MAX];
		struct order_spec spec;

		for (uint32_t i = 0; i < plan->list->n; i++)
			usable[i] = usable_for(snapshot, service, plan->list->candidate[i].pool, family);
		if (keyed_for(snapshot, plan, family, usable))
			plan->keyed |= 1u << family;
		if (twin != NULL) {
			number[family] = twin[family];
			steering_want_again(&snapshot->inner->tables, twin[family]);
			continue;
		}
		order_spec_init(&spec, service, plan, snapshot->pools, usable, rules);
		number[family] = steering_want(&snapshot->inner->tables, before != NULL ? &before->inner->tables : NULL,
			snapshot->geo, inputs, &spec);
	}
	free(rules);
}

static bool steer_service(
	struct snapshot *snapshot, struct service_plan *plan, const uint32_t number[FAMILIES], struct err *err)
{
	struct steering *steering = alloc_lines(snapshot->inner->arena, FAMILIES * sizeof(*steering));
	char owner[NAME_TEXT_MAX];

	plan->steering = steering;
	for (enum family family = 0; family < FAMILIES; family++)
		if (!steering_get(&snapshot->inner->tables, number[family], &steering[family]))
			return err_set(err, "%s: its map makes more than %d different orders of pools, use fewer",
				name_format(&plan->service->owner, owner), GEO_CLASS_MAX);
	return true;
}

static bool same_tables(const void *services, uint32_t a, uint32_t b)
{
	const uint32_t(*numbers)[FAMILIES] = services;

	return memcmp(numbers[a], numbers[b], sizeof(numbers[a])) == 0;
}

/* Services whose tables are the same share what says so. */
static bool steer_services(
	struct snapshot *snapshot, struct service_plan *services, uint32_t (*numbers)[FAMILIES], struct err *err)
{
	struct twins twins;
	bool good = true;

	twins_init(&twins, snapshot->nservices, same_tables, numbers);
	for (uint32_t i = 0; i < snapshot->nservices && good; i++) {
		uint32_t twin = twins_find(&twins, i, hash_mix(numbers[i][FAMILY_V4], numbers[i][FAMILY_V6]));

		if (twin != i)
			services[i].steering = services[twin].steering;
		else
			good = steer_service(snapshot, &services[i], numbers[i], err);
	}
	free(twins.slots);
	return good;
}

static bool make_services(
	struct snapshot *snapshot, const struct snapshot_inputs *inputs, const struct snapshot *before, struct err *err)
{
	uint32_t(*numbers)[FAMILIES];
	struct service_plan *services;
	struct twins lists, twins;
	bool good = true;

	snapshot->nservices = (uint32_t)snapshot->set->nservices;
	services = alloc_lines(snapshot->inner->arena, snapshot->nservices * sizeof(*services));
	snapshot->services = services;
	numbers = mem_alloc((snapshot->nservices + 1) * sizeof(*numbers));
	twins_init(&lists, snapshot->nservices, same_candidates, services);
	for (uint32_t i = 0; i < snapshot->nservices && good; i++)
		good = make_service(snapshot, services, i, &lists, err);
	free(lists.slots);
	twins_init(&twins, snapshot->nservices, orders_alike, services);
	if (inputs->meter != NULL && !inputs->trial)
		meter_next(inputs->meter);
	for (uint32_t i = 0; i < snapshot->nservices && good; i++) {
		const struct service_plan *plan = &services[i];
		uint32_t twin = i;

		if (plan->service->nrules == 0)
			twin = twins_find(&twins, i, candidates_hash(plan, plan->list->nlisted, false));
		want_tables(snapshot, inputs, before, &services[i], twin != i ? numbers[twin] : NULL, numbers[i]);
	}
	free(twins.slots);
	if (good) {
		steering_compile(&snapshot->inner->tables);
		good = steer_services(snapshot, services, numbers, err);
	}
	free(numbers);
	return good;
}

/* ---- the whole ---- */

struct snapshot *snapshot_new(struct zone_set *set, struct geo *geo, const struct snapshot_inputs *inputs,
	const struct snapshot *before, struct err *err)
{
	struct snapshot *snapshot = mem_alloc(sizeof(*snapshot));

	assert(geo != NULL);
	snapshot->inner = mem_alloc(sizeof(*snapshot->inner));
	snapshot->inner->arena = arena_new();
	snapshot->serial = before != NULL ? before->serial + 1 : 1;
	snapshot->made_ms = clock_wall_ms();
	snapshot->set = set;
	snapshot->geo = snapshot_geo_ref(geo);
	memcpy(snapshot->seed, inputs->seed, sizeof(snapshot->seed));
	make_pools(snapshot, inputs);
	if (!make_services(snapshot, inputs, before, err)) {
		snapshot_free(snapshot);
		return NULL;
	}
	return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	steering_tables_fini(&snapshot->inner->tables);
	arena_free(snapshot->inner->arena);
	free(snapshot->inner);
	zone_set_free(snapshot->set);
	snapshot_geo_unref(snapshot->geo);
	free(snapshot);
}

size_t snapshot_bytes(const struct snapshot *snapshot)
{
	return sizeof(*snapshot) + arena_used(snapshot->inner->arena) + steering_tables_bytes(&snapshot->inner->tables);
}

void snapshot_tables(const struct snapshot *snapshot, size_t *ntables, size_t *nshared)
{
	*ntables = snapshot->inner->tables.ntables;
	*nshared = snapshot->inner->tables.nshared;
}

/* ---- what a client falls under ---- */

enum { PLACE_V4_BITS = 24, PLACE_V6_BITS = 56 };

void snapshot_place(const struct snapshot *snapshot, const struct addr *addr, struct place *place, unsigned *depth)
{
	struct addr first;
	unsigned of_first;

	geo_locate(snapshot->geo, addr, place, depth);
	if (!geo_unwrap(addr, &first))
		first = *addr;
	addr_mask(&first, first.family == ADDR_V4 ? PLACE_V4_BITS : PLACE_V6_BITS);
	geo_locate(snapshot->geo, &first, place, &of_first);
}

static bool rule_matches(const struct map_rule *rule, const struct addr *addr, const struct place *place)
{
	switch (rule->kind) {
	case MAP_NET:
		return prefix_contains(&rule->net, addr);
	case MAP_ASN:
		return place->asn != 0 && rule->asn == place->asn;
	case MAP_REGION:
		return strcmp(rule->code, place->region) == 0;
	case MAP_COUNTRY:
		return strcmp(rule->code, place->country) == 0;
	case MAP_CONTINENT:
		return strcmp(rule->code, place->continent) == 0;
	}
	return false;
}

static bool rule_usable(
	const struct snapshot *snapshot, const struct service *service, const struct map_rule *rule, enum family family)
{
	for (uint8_t i = 0; i < rule->npools; i++)
		if (usable_for(snapshot, service, rule->pools[i].pool, family))
			return true;
	return false;
}

static bool more_specific(const struct map_rule *a, const struct map_rule *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->kind == MAP_NET && a->net.len > b->net.len;
}

uint16_t snapshot_rule(const struct snapshot *snapshot, const struct service_plan *plan, enum family family,
	const struct addr *addr, const struct place *place)
{
	const struct service *service = plan->service;
	uint16_t best = ORDER_NO_RULE;
	struct addr v4;

	if (geo_unwrap(addr, &v4)) /* who is an IPv4 client falls under the rules for IPv4 */
		addr = &v4;
	for (uint16_t i = 0; i < service->nrules; i++) {
		const struct map_rule *rule = &service->rules[i];

		if (!rule_matches(rule, addr, place) || !rule_usable(snapshot, service, rule, family))
			continue;
		if (best == ORDER_NO_RULE || more_specific(rule, &service->rules[best]))
			best = i;
	}
	return best;
}
