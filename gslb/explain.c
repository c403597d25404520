/* The decision is made by decide itself, with a trace; here it is only put into words. */
#include "gslb/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/explore.h"
#include "gslb/fleet_document.h"
#include "gslb/meter.h"
#include "gslb/needs.h"
#include "gslb/rank.h"
#include "gslb/rules.h"
#include "gslb/target.h"
#include "gslb/terms.h"

/* ---- the request ---- */

struct asked {
	struct name name;
	struct client client;
	uint16_t qtype;
};

static bool read_client(const char *text, struct client *client, struct err *err)
{
	struct prefix prefix;

	if (!prefix_parse(text, &prefix))
		return err_set(err, "%s: not an address or prefix (try 198.51.100.7 or 198.51.100.0/24)", text);
	client->addr = prefix.addr;
	client->ecs = strchr(text, '/') != NULL;
	client->source_len = client->ecs ? prefix.len : 0;
	client->explore = true;
	if (client->ecs && prefix.len == 0)
		return err_set(err, "%s: with a prefix of length 0 the resolver's address counts, give that", text);
	return true;
}

static bool read_request(const struct explain_request *request, struct asked *asked, struct err *err)
{
	const char *type = request->type != NULL ? request->type : "A";

	if (!name_from_text(&asked->name, request->name))
		return err_set(err, "%s: not a domain name", request->name);
	if (!rrtype_parse(type, &asked->qtype))
		return err_set(err, "%s: not a record type (try A or AAAA)", type);
	return read_client(request->client, &asked->client, err);
}

static bool lay_one(struct overlay *overlay, const struct snapshot *snapshot, const char *assume, struct err *err)
{
	const char *equals = strrchr(assume, '=');
	struct effect effect = { .from_ms = 0, .until_ms = UINT64_MAX };
	struct override_target target;
	char *text;
	bool good;

	if (equals == NULL || !override_action_parse(equals + 1, &effect.action))
		return err_set(err, "%s: not an assumption (try eu=down)", assume);
	text = mem_printf("%.*s", (int)(equals - assume), assume);
	good = override_target_find(snapshot, text, &target, err);
	if (good)
		overlay_cover(overlay, snapshot, &target, &effect, true);
	free(text);
	return good;
}

/* False: at_ms is no time to come. */
static bool read_at(const struct explain_request *request, uint64_t *at_ms, struct err *err)
{
	*at_ms = request->now_ms;
	if (request->at == NULL || *request->at == '\0')
		return true;
	if (!clock_parse(request->at, request->now_ms, at_ms))
		return err_set(err, "%s: not a time (try now+10m, or 2026-11-22T10:20:30Z)", request->at);
	if (*at_ms < request->now_ms || *at_ms - request->now_ms > EXPLAIN_AHEAD_MAX_S * UINT64_C(1000))
		return err_set(err, "%s: not from now on and within a year", request->at);
	return true;
}

/* The overrides of another time: some will have ended, and no more beat those that last. */
static struct overlay *overrides_at(
	const struct explain_request *request, const struct snapshot *snapshot, uint64_t at_ms)
{
	struct override_list *list = override_list_scratch(request->overrides);
	struct overlay *bare, *overlay;
	uint64_t next_ms;

	override_expire(list, at_ms, &next_ms);
	bare = overlay_new(list, snapshot);
	overlay = overlay_copy(bare, snapshot); /* which has room for assumptions */
	overlay_free(bare);
	override_list_free(list);
	return overlay;
}

/* The overrides in force, and over them what is assumed. */
static struct overlay *assumed(
	const struct world *world, const struct explain_request *request, uint64_t at_ms, struct err *err)
{
	struct overlay *overlay;

	if (request->nassume > OVERRIDES_MAX) {
		err_set(err, "more than %d assumptions", OVERRIDES_MAX);
		return NULL;
	}
	overlay = at_ms == request->now_ms ? overlay_copy(world->overlay, world->snapshot)
					   : overrides_at(request, world->snapshot, at_ms);
	for (size_t i = 0; i < request->nassume; i++)
		if (!lay_one(overlay, world->snapshot, request->assume[i], err)) {
			overlay_free(overlay);
			return NULL;
		}
	return overlay;
}

/* ---- words ---- */

static json_t *maybe(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *name_json(const struct name *name)
{
	char text[NAME_TEXT_MAX];

	return json_string(name_format(name, text));
}

static json_t *client_json(const struct client *client)
{
	struct prefix prefix = { client->addr, (uint8_t)(client->ecs ? client->source_len : addr_bits(&client->addr)) };
	char text[ADDR_TEXT_MAX];

	return json_pack("{s:s s:s}", "prefix", prefix_format(&prefix, text), "source",
		client->ecs ? "EDNS Client Subnet" : "address of the resolver");
}

static json_t *place_json(const struct snapshot *snapshot, const struct addr *addr, struct place *place)
{
	unsigned depth = 0;
	json_t *json;

	snapshot_place(snapshot, addr, place, &depth);
	json = json_pack("{s:b s:o s:o s:o s:I s:i}", "located", place->located, "country", maybe(place->country),
		"region", maybe(place->region), "continent", maybe(place->continent), "asn", (json_int_t)place->asn,
		"depth", (int)depth);
	if (place->located) {
		json_object_set_new(json, "latitude", json_real(place->latitude));
		json_object_set_new(json, "longitude", json_real(place->longitude));
	}
	return json;
}

static json_t *rule_json(const struct service *service, uint16_t number)
{
	static const char *const kinds[] = {
		[MAP_NET] = "net",
		[MAP_ASN] = "asn",
		[MAP_REGION] = "region",
		[MAP_COUNTRY] = "country",
		[MAP_CONTINENT] = "continent",
	};
	const struct map_rule *rule;
	char net[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 16];

	if (number == ORDER_NO_RULE)
		return json_null();
	rule = &service->rules[number];
	if (rule->kind == MAP_NET)
		snprintf(text, sizeof(text), "net:%s", prefix_format(&rule->net, net));
	else if (rule->kind == MAP_ASN)
		snprintf(text, sizeof(text), "asn:%u", (unsigned)rule->asn);
	else
		snprintf(text, sizeof(text), "%s:%s", kinds[rule->kind], rule->code);
	return json_pack("{s:s s:i}", "rule", text, "line", (int)rule->line);
}

static json_t *score_json(uint64_t score)
{
	return score != 0 ? json_integer((json_int_t)score) : json_null();
}

/* Kilometres to the pool: as the crow flies, and as its bias makes them. */
static void distance_json(json_t *json, const struct pool *pool, const struct place *place)
{
	struct rank_pool ranked = { .bias = pool->bias };
	double km;

	if (!pool->located || !place->located)
		return;
	km = geo_distance_km(place->latitude, place->longitude, pool->latitude, pool->longitude);
	json_object_set_new(json, "biased_km", json_real(rank_geo.cost(&ranked, km, 0)));
	json_object_set_new(json, "distance_km", json_real(km));
	json_object_set_new(json, "bias", json_integer(pool->bias));
}

/* Is a pool of a later rank in service? */
static bool has_next(const struct trace *trace, const struct trace_pool *pool)
{
	for (uint32_t i = 0; i < trace->npools; i++)
		if (trace->pool[i].in_service && trace->pool[i].group > pool->group &&
			trace->pool[i].group < SERVICE_POOLS_MAX)
			return true;
	return false;
}

/* What becomes of the clients of a pool that is not whole. */
static void vigour_reason(
	const struct trace *trace, const struct trace_pool *pool, enum decide_why why, struct buf *reason)
{
	unsigned serves = (pool->vigour.serves + 5u) / 10;

	if (!pool->in_service || pool->group >= SERVICE_POOLS_MAX || pool->vigour.health == 1000)
		return;
	buf_printf(reason, "%u of %u up, %u %% by weight", pool->up, pool->of, pool->vigour.health / 10u);
	if (why == WHY_PANIC)
		buf_printf(reason, ", and no other pool can take its clients: probes are ignored");
	else if (pool->vigour.serves == 1000)
		buf_printf(reason, ": enough for all of its clients");
	else if (has_next(trace, pool))
		buf_printf(reason, ": serves %u %%, %u %% go on to the next rank", serves, 100 - serves);
	else
		buf_printf(reason, ": keeps all of its clients, since no rank after it is in service");
}

static json_t *reason_json(const struct world *world, const struct trace *trace, const struct trace_pool *pool,
	enum decide_why why, uint64_t now_ms)
{
	struct buf reason = { 0 };
	json_t *json;

	if (pool->fate == FATE_NEEDS)
		needs_text(world, pool->pool, pool->missing, now_ms, &reason);
	else
		vigour_reason(trace, pool, why, &reason);
	json = reason.len > 0 ? json_string(reason.text) : json_null();
	buf_fini(&reason);
	return json;
}

static json_t *pool_json(const struct world *world, const struct trace *trace, const struct trace_pool *from,
	enum decide_why why, const struct place *place, uint64_t now_ms)
{
	const struct pool *pool = world->snapshot->pools[from->pool].pool;
	json_t *json = json_pack("{s:s s:o s:s s:s s:b s:I s:I s:I s:I s:o}", "pool", pool->label, "name",
		name_json(&pool->name), "region", pool->region, "fate", trace_fate_name(from->fate), "kept",
		from->fate == FATE_CHOSEN || from->fate == FATE_ELIGIBLE || from->fate == FATE_DOUBT, "up",
		(json_int_t)from->up, "of", (json_int_t)from->of, "weight", (json_int_t)from->weight, "share_permille",
		(json_int_t)from->share_permille, "score", score_json(from->score));

	json_object_set_new(json, "health_permille", json_integer(from->in_service ? from->vigour.health : 0));
	json_object_set_new(json, "serves_permille", json_integer(from->in_service ? from->vigour.serves : 0));
	json_object_set_new(json, "reason", reason_json(world, trace, from, why, now_ms));
	json_object_set_new(json, "group", from->group < SERVICE_POOLS_MAX ? json_integer(from->group) : json_null());
	distance_json(json, pool, place);
	return json;
}

static const char *state_name(enum health_state state)
{
	switch (state) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	}
	return "?";
}

static json_t *endpoint_json(const struct world *world, const struct trace_endpoint *from)
{
	const struct snapshot *snapshot = world->snapshot;
	const struct endpoint *endpoint = &snapshot->endpoints[from->endpoint];
	char addr[ADDR_TEXT_MAX], since[CLOCK_TEXT_MAX];
	json_t *json = json_pack("{s:s s:o s:s s:s s:b s:b s:b s:s s:i s:i s:I s:o}", "address",
		addr_format(&endpoint->addr, addr), "target",
		name_json(&snapshot->set->targets[endpoint->target]->name), "fate", trace_fate_name(from->fate),
		"state", endpoint->slot == SLOT_NONE ? "not probed" : state_name(from->verdict.state), "doubt",
		from->verdict.doubt, "damped", from->verdict.damped, "held", from->verdict.held, "forced",
		override_action_name(from->forced), "priority", (int)endpoint->priority, "weight",
		(int)endpoint->weight, "weight_permille", (json_int_t)from->weight_permille, "score",
		score_json(from->score));

	fleet_document_votes(json, world, endpoint, &from->verdict);
	if (from->verdict.state != HEALTH_UNKNOWN) {
		json_object_set_new(
			json, "since", json_string(clock_format((uint64_t)from->verdict.since_s * 1000, since)));
		json_object_set_new(json, "reason", json_string(probe_result_name(from->verdict.reason)));
	}
	return json;
}

/* Why endpoints of the pool that answers are in service though their probes fail; null when none is. */
static json_t *held_json(
	const struct trace *trace, const struct service_plan *plan, const struct explain_request *request)
{
	uint32_t npools = 0;
	bool held = false;
	char text[256];

	for (uint32_t i = 0; i < trace->nendpoints; i++)
		held |= trace->endpoint[i].verdict.held;
	if (!held)
		return json_null();
	for (uint32_t i = 0; i < plan->list->n; i++)
		npools += rules_counts(plan, i);
	if (request->vantages <= 1 && request->abstaining != NULL && request->abstaining[0] != '\0')
		snprintf(text, sizeof text, "gslb-health, which abstains: %s", request->abstaining);
	else if (request->vantages <= 1)
		snprintf(text, sizeof text, "gslb-health, which did not trust its own sight: the next probe decides");
	else
		snprintf(text, sizeof text,
			"the mass-failure budget: unless two vantages are unanimous, at most %u of %u pools are taken "
			"out "
			"within ten minutes, and keep=%u stay",
			budget_most(npools), npools, (unsigned)plan->service->keep);
	return json_string(text);
}

static json_t *pick_json(const struct client *client, const struct trace *trace)
{
	char text[ADDR_TEXT_MAX];
	struct prefix key = { .addr = client->addr, .len = trace->key_len };

	if (!trace->sticky)
		return json_pack("{s:s s:I}", "by", "dice", "draw", (json_int_t)trace->draw);
	addr_mask(&key.addr, key.len);
	return json_pack("{s:s s:s}", "by", "hash", "key", prefix_format(&key, text));
}

static json_t *answers_json(const struct snapshot *snapshot, const struct decision *decision)
{
	json_t *answers = json_array();
	char text[ADDR_TEXT_MAX];

	if (decision->kind == DECIDE_CNAME)
		json_array_append_new(answers, name_json(&snapshot->set->targets[decision->target]->name));
	for (uint32_t i = 0; i < decision->nendpoints; i++)
		json_array_append_new(
			answers, json_string(addr_format(&snapshot->endpoints[decision->endpoint[i]].addr, text)));
	return answers;
}

static const char *kind_name(enum decide_kind kind)
{
	switch (kind) {
	case DECIDE_ADDRESSES:
		return "addresses";
	case DECIDE_CNAME:
		return "cname";
	case DECIDE_NODATA:
		return "nodata";
	case DECIDE_SERVFAIL:
		return "servfail";
	}
	return "?";
}

static json_t *decision_json(
	const struct snapshot *snapshot, const struct decision *decision, const struct trace *trace)
{
	json_t *json = json_pack("{s:s s:s s:o s:I s:s s:i s:o}", "kind", kind_name(decision->kind), "why",
		decide_why_name(decision->why), "records", answers_json(snapshot, decision), "ttl_s",
		(json_int_t)decision->ttl_s, "ttl_reason", trace->ttl_reason, "scope", (int)decision->scope, "pool",
		decision->pool != POOL_NONE ? json_string(snapshot->pools[decision->pool].pool->label) : json_null());

	return json;
}

/* What was measured between the client's network and each pool's region. */
static void latency_json(json_t *pools, const struct snapshot *snapshot, const struct trace *trace,
	const struct addr *client, const struct explain_request *request)
{
	for (uint32_t i = 0; i < trace->npools && request->meter != NULL; i++) {
		json_t *latency = meter_pool(request->meter, snapshot, client,
			snapshot->pools[trace->pool[i].pool].pool, request->now_ms / 1000);

		if (latency != NULL)
			json_object_set_new(json_array_get(pools, i), "latency", latency);
	}
}

/* Where the decision for these clients is open: how many of their answers go where, and what keeps this one from it. */
static json_t *explore_json(const struct world *world, const struct service_plan *plan, enum family family,
	uint64_t now_ms, const struct decision *decision)
{
	static const char *const bars[] = {
		[EXPLORE_FREE] = "",
		[EXPLORE_STICKY] = "its answers stick",
		[EXPLORE_CNAME] = "it answers with names",
		[EXPLORE_FULL] = "a pool is full, and others have its clients",
		[EXPLORE_SHARED] = "these clients are shared out by what pools report of their load",
		[EXPLORE_UNSTEADY] = "a pool of the service is down, in doubt, forced, ramping or resolved by name",
	};
	const struct sight sight = { .world = world, .now_ms = now_ms, .ttl_s = plan->ttl_max_s };
	const struct order *order = &plan->steering[family].orders[decision->class];
	uint32_t candidate;

	if (order->explore == 0)
		return json_null();
	candidate = order->pool[order->explore];
	return json_pack("{s:s,s:f,s:b,s:o}", "pool",
		world->snapshot->pools[plan->list->candidate[candidate].pool].pool->label, "percent",
		order->explore_rate * 100.0 / EXPLORE_ALL, "explored", decision->why == WHY_EXPLORED, "barred",
		maybe(bars[explore_barred(&sight, plan, family, order)]));
}

/* What capacity makes of the class. */
static void capacity_json(json_t *pools, const struct trace *trace, const struct explain_request *request)
{
	for (uint32_t i = 0; i < trace->npools && request->capacity != NULL; i++) {
		json_t *pool = json_array_get(pools, i), *capacity;

		if (!trace->pool[i].split)
			continue;
		capacity = capacity_explain(
			request->capacity, trace->pool[i].pool, trace->pool[i].home, trace->pool[i].weight);
		if (trace->pool[i].in_service && json_is_null(json_object_get(pool, "reason")))
			json_object_set(pool, "reason", json_object_get(capacity, "reason"));
		json_object_set_new(pool, "capacity", capacity);
	}
}

static void steered_json(json_t *json, const struct world *world, const struct service_plan *plan,
	const struct asked *asked, const struct explain_request *request)
{
	const struct snapshot *snapshot = world->snapshot;
	json_t *pools = json_array(), *endpoints = json_array(), *ranks = json_array();
	struct trace *trace = mem_alloc(sizeof(*trace));
	enum family family = asked->qtype == RR_AAAA ? FAMILY_V6 : FAMILY_V4;
	struct dice dice = { request->dice };
	struct decision decision;
	struct place place;

	decide(world, plan, &asked->client, family, request->now_ms, &dice, &decision, trace);
	json_object_set_new(json, "service", name_json(&plan->service->owner));
	json_object_set_new(json, "client", client_json(&asked->client));
	json_object_set_new(json, "place", place_json(snapshot, &asked->client.addr, &place));
	json_object_set_new(
		json, "class", json_pack("{s:i s:i}", "number", decision.class, "depth", (int)trace->depth));
	json_object_set_new(json, "map", rule_json(plan->service, trace->rule));
	for (uint8_t i = 0; i < plan->service->nranks; i++)
		json_array_append_new(ranks, json_string(rank_name(plan->service->ranks[i])));
	json_object_set_new(json, "rank", ranks);
	for (uint32_t i = 0; i < trace->npools; i++)
		json_array_append_new(
			pools, pool_json(world, trace, &trace->pool[i], decision.why, &place, request->now_ms));
	latency_json(pools, snapshot, trace, &asked->client.addr, request);
	capacity_json(pools, trace, request);
	json_object_set_new(json, "pools", pools);
	json_object_set_new(json, "pick", pick_json(&asked->client, trace));
	json_object_set_new(json, "explore", explore_json(world, plan, family, request->now_ms, &decision));
	for (uint32_t i = 0; i < trace->nendpoints; i++) {
		const struct trace_endpoint *from = &trace->endpoint[i];
		json_t *one = endpoint_json(world, from);

		terms_add(one, world, &snapshot->endpoints[from->endpoint], &from->verdict, request->now_ms);
		json_array_append_new(endpoints, one);
	}
	json_object_set_new(json, "endpoints", endpoints);
	json_object_set_new(json, "held", held_json(trace, plan, request));
	json_object_set_new(json, "answer", decision_json(snapshot, &decision, trace));
	free(trace);
}

/* What is answered of a name that is not steered, or not for this type. */
static const char *static_outcome(enum found_kind kind, const struct found *found, uint16_t qtype)
{
	switch (kind) {
	case FOUND_NO_ZONE:
		return "REFUSED: no zone of this server holds the name";
	case FOUND_NOTHING:
		return "NXDOMAIN: the name does not exist";
	case FOUND_CUT:
		return "a referral: the name is delegated";
	case FOUND_NODE:
		break;
	}
	if (node_rrset(found->node, qtype) != NULL)
		return "static records of the zone";
	if (node_rrset(found->node, RR_CNAME) != NULL)
		return "a static CNAME of the zone";
	return "NODATA: the name has no records of this type";
}

static bool is_steered(const struct found *found, uint16_t qtype)
{
	if (found->service == NULL)
		return false;
	return found->service->via_cname || qtype == RR_A || qtype == RR_AAAA;
}

static json_t *explain_asked(
	const struct world *world, const struct asked *asked, const struct explain_request *request)
{
	const struct snapshot *snapshot = world->snapshot;
	struct found found = { 0 };
	char type[16];
	enum found_kind kind;
	json_t *json;

	kind = zone_set_find(snapshot->set, &asked->name, asked->qtype, &found);
	json = json_pack("{s:o s:s}", "name", name_json(&asked->name), "type", rrtype_format(asked->qtype, type));
	if (kind == FOUND_NODE && is_steered(&found, asked->qtype)) {
		json_object_set_new(json, "steered", json_true());
		json_object_set_new(json, "wildcard", json_boolean(found.wildcard));
		steered_json(json, world, &snapshot->services[found.service->number], asked, request);
	} else {
		json_object_set_new(json, "steered", json_false());
		json_object_set_new(json, "outcome", json_string(static_outcome(kind, &found, asked->qtype)));
	}
	return json;
}

json_t *explain(const struct world *world, const struct explain_request *request, struct err *err)
{
	struct explain_request then = *request;
	struct world imagined = *world;
	char at[CLOCK_TEXT_MAX];
	struct overlay *overlay;
	struct asked asked;
	json_t *json;

	if (!read_request(request, &asked, err) || !read_at(request, &then.now_ms, err))
		return NULL;
	overlay = assumed(world, request, then.now_ms, err);
	if (overlay == NULL)
		return NULL;
	imagined.overlay = overlay;
	json = explain_asked(&imagined, &asked, &then);
	json_object_set_new(
		json, "at", then.now_ms != request->now_ms ? json_string(clock_format(then.now_ms, at)) : json_null());
	overlay_free(overlay);
	return json;
}
