#include "gslb/trace.h"

#include <string.h>

#include "gslb/pick.h"

enum { GROUP_NONE = 255 }; /* of pools that are in no tie group */

static const uint16_t *service_pair(const struct trace_input *input, uint32_t candidate)
{
	const struct overlay *overlay = input->sight->world->overlay;

	return overlay != NULL ? overlay->service_pool[input->service->first_override + candidate] : NULL;
}

/* ---- pools ---- */

/* Why a pool that is not in service is not. */
static enum trace_fate out_fate(const struct pool_view *view)
{
	if (view->cover.action == OVERRIDE_DOWN)
		return FATE_FORCED_DOWN;
	if (view->cover.action == OVERRIDE_DRAIN && view->cover.permille == 0)
		return FATE_DRAINED;
	if (view->missing != POOL_NONE)
		return FATE_NEEDS;
	if (view->all_expired)
		return FATE_UNRESOLVED;
	return view->any_available ? FATE_MIN_UP : FATE_DOWN;
}

/* chosen_group: the group that answers, GROUP_NONE when none does. */
static enum trace_fate in_fate(
	const struct trace_input *input, const struct pool_view *view, unsigned group, unsigned chosen_group)
{
	if (group < chosen_group && chosen_group != GROUP_NONE)
		return (input->spilled >> group & 1) != 0 ? FATE_SPILLED : FATE_LEAKED;
	if (group > chosen_group)
		return FATE_LOWER_RANK;
	return view->doubt ? FATE_DOUBT : FATE_ELIGIBLE;
}

static struct trace_pool *add_pool(const struct trace_input *input, uint32_t candidate, unsigned group,
	struct trace *trace, struct pool_view *view)
{
	struct sight normal = *input->sight;
	struct trace_pool *pool;
	uint32_t number = input->service->list->candidate[candidate].pool;

	if (trace->npools == TRACE_POOLS_MAX)
		return NULL;
	normal.mode = SIGHT_NORMAL;
	pool_look(&normal, number, input->family, service_pair(input, candidate), view);
	pool = &trace->pool[trace->npools++];
	*pool = (struct trace_pool){
		.pool = number,
		.group = (uint8_t)group,
		.up = view->up,
		.of = view->of,
		.weight = input->service->list->candidate[candidate].weight,
		.fate = out_fate(view),
		.in_service = view->in_service,
		.vigour = view->vigour,
		.missing = view->missing,
	};
	return pool;
}

static unsigned group_of(const struct order *order, uint32_t candidate)
{
	unsigned group = 0;

	for (unsigned i = 0; i < order->npools; i++) {
		if (i > 0 && order->begins & UINT32_C(1) << i)
			group++;
		if (order->pool[i] == candidate)
			return group;
	}
	return GROUP_NONE;
}

/* The share of each pool of a group, from what add_pool noted as its weight after drain. */
static void share(struct trace_pool *pools, unsigned n, const uint64_t *units)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += units[i];
	for (unsigned i = 0; i < n && total > 0; i++)
		pools[i].share_permille = (uint32_t)(units[i] * 1000 / total);
}

/* What capacity makes of the class. */
static void trace_split(const struct trace_input *input, unsigned place, struct trace_pool *pool)
{
	if (input->split == NULL)
		return;
	pool->home = (input->split->home >> place & 1) != 0;
	pool->split = pool->home || input->split->part[place] > 0;
	if (pool->split)
		pool->weight = input->split->part[place];
}

static void trace_order(const struct trace_input *input, const struct decision *decision, struct trace *trace)
{
	const struct order *order = input->order;
	unsigned chosen = group_of(order, decision->candidate), group = 0, first = 0;
	uint64_t units[SERVICE_POOLS_MAX];

	if (decision->why == WHY_FALLBACK)
		chosen = SERVICE_POOLS_MAX;
	for (unsigned i = 0; i < order->npools; i++) {
		struct trace_pool *pool;
		struct pool_view view;

		if (i > 0 && order->begins & UINT32_C(1) << i) {
			share(&trace->pool[first], i - first, units + first);
			group++;
			first = i;
		}
		pool = add_pool(input, order->pool[i], group, trace, &view);
		trace_split(input, i, pool);
		units[i] = view.in_service ? (uint64_t)pool->weight * view.drain * view.vigour.serves / 1000 : 0;
		if (view.in_service)
			pool->fate = in_fate(input, &view, group, chosen);
		if (view.in_service && pool->home && decision->why == WHY_SPILL)
			pool->fate = FATE_FULL;
		if (input->sticky && group == chosen && units[i] > 0)
			pool->score = pick_score(
				picker_hash(input->key, input->sight->world->snapshot->pools[pool->pool].identity),
				units[i]);
		if (order->pool[i] == decision->candidate)
			pool->fate = FATE_CHOSEN;
	}
	share(&trace->pool[first], order->npools - first, units + first);
}

static bool is_candidate(const struct trace_input *input, uint32_t candidate)
{
	const struct pool_plan *pool =
		&input->sight->world->snapshot->pools[input->service->list->candidate[candidate].pool];

	return input->family == FAMILY_ANY || pool->part[input->family].n > 0;
}

static void trace_others(const struct trace_input *input, const struct decision *decision, struct trace *trace)
{
	const struct service_plan *service = input->service;
	struct trace_pool *pool;
	struct pool_view view;

	for (uint32_t i = 0; i < service->list->nlisted; i++)
		if (!is_candidate(input, i) && (pool = add_pool(input, i, GROUP_NONE, trace, &view)) != NULL)
			pool->fate = service->list->fallback == pool->pool ? pool->fate : FATE_NO_FAMILY;
	if (service->list->fallback == POOL_NONE ||
		group_of(input->order, service->list->fallback_candidate) != GROUP_NONE)
		return;
	pool = add_pool(input, service->list->fallback_candidate, GROUP_NONE, trace, &view);
	if (pool == NULL)
		return;
	if (decision->candidate == service->list->fallback_candidate)
		pool->fate = FATE_CHOSEN;
	else if (!is_candidate(input, service->list->fallback_candidate))
		pool->fate = FATE_NO_FAMILY;
	else if (view.in_service)
		pool->fate = FATE_LOWER_RANK;
}

/* ---- endpoints of the pool that answers ---- */

static bool is_chosen(const struct decision *decision, uint32_t number, const struct endpoint *endpoint)
{
	if (decision->kind == DECIDE_CNAME)
		return endpoint->target == decision->target;
	for (uint32_t i = 0; i < decision->nendpoints; i++)
		if (decision->endpoint[i] == number)
			return true;
	return false;
}

static enum trace_fate endpoint_fate(const struct endpoint_view *view, const struct endpoint *endpoint, uint16_t tier)
{
	if (view->expired)
		return FATE_UNRESOLVED;
	if (view->cover.action == OVERRIDE_DOWN)
		return FATE_FORCED_DOWN;
	if (view->cover.permille == 0)
		return FATE_DRAINED;
	if (!view->available)
		return FATE_DOWN;
	if (endpoint->priority > tier)
		return FATE_LOWER_TIER;
	return view->doubt ? FATE_DOUBT : FATE_ELIGIBLE;
}

static uint16_t chosen_tier(const struct trace_input *input, const struct decision *decision)
{
	const struct snapshot *snapshot = input->sight->world->snapshot;

	if (decision->kind == DECIDE_CNAME)
		return snapshot->set->targets[decision->target]->priority;
	return decision->nendpoints > 0 ? snapshot->endpoints[decision->endpoint[0]].priority : 0;
}

static void add_endpoint(const struct trace_input *input, const struct decision *decision, uint32_t number,
	const struct cover *cover, struct trace *trace)
{
	const struct endpoint *endpoint = &input->sight->world->snapshot->endpoints[number];
	struct trace_endpoint *to;
	struct endpoint_view view;

	if (trace->nendpoints == TRACE_ENDPOINTS_MAX)
		return;
	endpoint_look(input->sight, number, cover, &view);
	to = &trace->endpoint[trace->nendpoints++];
	*to = (struct trace_endpoint){
		.endpoint = number,
		.verdict = view.verdict,
		.forced = view.cover.action,
		.weight_permille = view.available ? view.permille : 0,
		.fate = endpoint_fate(&view, endpoint, chosen_tier(input, decision)),
	};
	if (is_chosen(decision, number, endpoint))
		to->fate = FATE_CHOSEN;
	if (input->sticky && input->family != FAMILY_ANY && view.available && endpoint->weight > 0)
		to->score = pick_score(
			picker_hash(input->key, endpoint->identity), (uint64_t)endpoint->weight * view.permille * 256);
}

static void trace_endpoints(const struct trace_input *input, const struct decision *decision, struct trace *trace)
{
	const struct pool_plan *plan;
	struct cover cover;

	if (decision->candidate == CANDIDATE_NONE)
		return;
	plan = &input->sight->world->snapshot->pools[decision->pool];
	cover = pool_cover(input->sight, decision->pool, service_pair(input, decision->candidate));
	for (enum family family = 0; family < FAMILIES; family++) {
		if (input->family != FAMILY_ANY && input->family != (unsigned)family)
			continue;
		for (uint32_t i = 0; i < plan->part[family].n; i++)
			add_endpoint(input, decision, plan->part[family].first + i, &cover, trace);
	}
}

/* ---- the whole ---- */

static uint16_t rule_of(const struct trace_input *input)
{
	const struct snapshot *snapshot = input->sight->world->snapshot;
	struct place place;

	snapshot_place(snapshot, &input->client->addr, &place, &(unsigned){ 0 });
	return snapshot_rule(snapshot, input->service, input->asked, &input->client->addr, &place);
}

void trace_fill(const struct trace_input *input, const struct decision *decision, struct trace *trace)
{
	trace->rule = rule_of(input);
	trace->npools = trace->nendpoints = 0;
	trace->sticky = input->sticky;
	trace->draw = input->draw;
	trace_order(input, decision, trace);
	trace_others(input, decision, trace);
	trace_endpoints(input, decision, trace);
	if (decision->kind == DECIDE_NODATA || decision->kind == DECIDE_SERVFAIL)
		strcpy(trace->ttl_reason, "that of negative answers");
}

const char *trace_fate_name(enum trace_fate fate)
{
	static const char *const names[FATES] = {
		[FATE_CHOSEN] = "chosen",
		[FATE_ELIGIBLE] = "eligible",
		[FATE_LOWER_RANK] = "lower-rank",
		[FATE_DOWN] = "down",
		[FATE_DRAINED] = "drained",
		[FATE_FORCED_DOWN] = "forced-down",
		[FATE_NO_FAMILY] = "no-address",
		[FATE_MIN_UP] = "below-min-up",
		[FATE_LOWER_TIER] = "lower-tier",
		[FATE_UNRESOLVED] = "unresolved",
		[FATE_DOUBT] = "in-doubt",
		[FATE_LEAKED] = "draining",
		[FATE_SPILLED] = "spilled",
		[FATE_FULL] = "full",
		[FATE_NEEDS] = "needs",
	};

	return names[fate];
}
