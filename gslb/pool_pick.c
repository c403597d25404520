#include "gslb/pool_pick.h"

/* A tier's choice: what has weight 0 answers only when nothing else of the tier does. */
struct tier {
	struct picker some, zero;
};

static void tier_init(struct tier *tier, const struct pool_pick *pick, unsigned wanted)
{
	picker_init(&tier->some, wanted, pick->dice, pick->sticky, pick->key);
	picker_init(&tier->zero, wanted, pick->dice, pick->sticky, pick->key);
}

static void tier_add(
	struct tier *tier, uint32_t id, uint64_t identity, uint32_t weight, uint32_t permille, uint32_t sharers)
{
	uint64_t units = (uint64_t)weight * permille * (PICK_UNITS / 1000);

	if (units == 0) {
		picker_add(&tier->zero, id, identity, 1);
		return;
	}
	if (sharers > 1)
		units = units / sharers > 0 ? units / sharers : 1;
	picker_add(&tier->some, id, identity, units);
}

static const struct picker *tier_choice(const struct tier *tier)
{
	return tier->some.npicked > 0 ? &tier->some : &tier->zero;
}

/* How many of a target's addresses from `at` on are available; *next: where the next target begins. */
static uint32_t sharers(
	const struct pool_pick *pick, const struct cover *cover, uint32_t at, uint32_t end, uint32_t *next)
{
	const struct endpoint *endpoints = pick->sight->world->snapshot->endpoints;
	struct endpoint_view view;
	uint32_t n = 0, i = at;

	while (i < end && endpoints[i].target == endpoints[at].target)
		i++;
	*next = i;
	if (i == at + 1) /* it has nobody to share with */
		return 1;
	for (i = at; i < *next; i++) {
		endpoint_look(pick->sight, i, cover, &view);
		n += view.available;
	}
	return n;
}

/* The highest tier with something available gives the answer. */
static void pick_addresses(const struct pool_pick *pick, uint32_t pool, const struct cover *cover,
	struct decision *decision, uint64_t *expires_ms)
{
	const struct endpoint *endpoints = pick->sight->world->snapshot->endpoints;
	const struct pool_part *part = &pick->sight->world->snapshot->pools[pool].part[pick->family];
	uint32_t end = part->first + part->n, next;
	const struct picker *choice;
	struct tier tier;

	tier_init(&tier, pick, pick->service->answers);
	for (uint32_t i = part->first; i < end; i = next) {
		uint32_t n;

		if (i > part->first && endpoints[i].priority != endpoints[i - 1].priority &&
			tier_choice(&tier)->npicked > 0)
			break;
		n = sharers(pick, cover, i, end, &next);
		for (uint32_t k = i; k < next; k++) {
			struct endpoint_view view;

			endpoint_look(pick->sight, k, cover, &view);
			if (view.available)
				tier_add(&tier, k, endpoints[k].identity, endpoints[k].weight, view.permille, n);
		}
	}
	choice = tier_choice(&tier);
	decision->nendpoints = choice->npicked;
	for (unsigned i = 0; i < choice->npicked; i++) {
		decision->endpoint[i] = choice->id[i];
		*expires_ms = sooner(*expires_ms, endpoint_expires_ms(&endpoints[choice->id[i]]));
	}
}

void pool_pick_plain(const struct pool_pick *pick, uint64_t up, struct decision *decision, uint64_t *expires_ms)
{
	const struct snapshot *snapshot = pick->sight->world->snapshot;
	const struct pool_part *part = &snapshot->pools[decision->pool].part[pick->family];
	const struct glance_choice choice = {
		.wanted = pick->service->answers,
		.sticky = pick->sticky,
		.key = pick->key,
		.dice = pick->dice,
	};

	decision->nendpoints = glance_pick(snapshot, part, up, &choice, decision->endpoint);
	if (!part->dated)
		return;
	for (unsigned i = 0; i < decision->nendpoints; i++)
		*expires_ms = sooner(*expires_ms, endpoint_expires_ms(&snapshot->endpoints[decision->endpoint[i]]));
}

static bool pick_target(
	const struct pool_pick *pick, uint32_t pool, const struct cover *cover, struct decision *decision)
{
	const struct snapshot *snapshot = pick->sight->world->snapshot;
	const struct pool_plan *plan = &snapshot->pools[pool];
	uint32_t at[FAMILIES] = { plan->part[FAMILY_V4].first, plan->part[FAMILY_V6].first };
	struct tier tier;

	tier_init(&tier, pick, 1);
	for (uint16_t i = 0; i < plan->pool->ntargets; i++) {
		const struct target *target = &plan->pool->targets[i];
		struct endpoint_view view;

		if (i > 0 && target->priority != target[-1].priority && tier_choice(&tier)->npicked > 0)
			break;
		target_look(pick->sight, plan, target->number, cover, at, &view);
		if (view.available)
			tier_add(&tier, target->number, hash_sip(snapshot->seed, target->name.wire, target->name.len),
				target->weight, view.permille, 1);
	}
	if (tier_choice(&tier)->npicked == 0)
		return false;
	decision->target = tier_choice(&tier)->id[0];
	return true;
}

bool pool_pick(
	const struct pool_pick *pick, const uint16_t *service_pair, struct decision *decision, uint64_t *expires_ms)
{
	struct cover cover = pool_cover(pick->sight, decision->pool, service_pair);

	if (pick->family == FAMILY_ANY)
		return pick_target(pick, decision->pool, &cover, decision);
	pick_addresses(pick, decision->pool, &cover, decision, expires_ms);
	return decision->nendpoints > 0;
}
