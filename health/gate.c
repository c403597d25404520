/* Slots know the pools they are in, and pools the services that use them, as ranges of one array each: built once a plan. A pool's
 * counts are kept up with each verdict, so that a judgement looks at no more than the services of its own pools. */
#include "health/gate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Where the things that use thing i are listed: list[first[i]] to list[first[i + 1] - 1]. */
struct users {
	uint32_t *first, *list;
};

struct pool_state {
	uint32_t up[2]; /* slots of each family that are not down */
	bool in_service;
	uint64_t since_ms; /* when that last changed; 0: never */
};

struct gate {
	struct health_plan plan;
	uint32_t nslots, vantages;
	struct vote *votes;       /* of a slot's vantages: neighbours */
	enum health_state *state; /* by slot */
	struct pool_state *pools;
	struct users pools_of, services_of;
};

/* ---- who uses what ---- */

static void users_count(struct users *users, uint32_t thing)
{
	users->first[thing + 1]++;
}

static void users_begin(struct users *users, uint32_t n)
{
	users->first = mem_alloc(((size_t)n + 2) * sizeof *users->first);
}

static void users_sum(struct users *users, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		users->first[i + 1] += users->first[i];
	users->list = mem_alloc(((size_t)users->first[n] + 1) * sizeof *users->list);
}

/* Fills each range from its end: afterwards first[i] is where it begins again. */
static void users_add(struct users *users, uint32_t *filled, uint32_t thing, uint32_t user)
{
	users->list[users->first[thing] + filled[thing]++] = user;
}

static void find_pools_of(struct gate *gate)
{
	const struct health_plan *plan = &gate->plan;
	uint32_t *filled = mem_alloc(((size_t)gate->nslots + 1) * sizeof *filled);

	users_begin(&gate->pools_of, gate->nslots);
	for (size_t i = 0; i < plan->npools; i++)
		for (uint32_t k = 0; k < plan->pools[i].nslots; k++)
			if (plan->pools[i].slots[k] < gate->nslots)
				users_count(&gate->pools_of, plan->pools[i].slots[k]);
	users_sum(&gate->pools_of, gate->nslots);
	for (size_t i = 0; i < plan->npools; i++)
		for (uint32_t k = 0; k < plan->pools[i].nslots; k++)
			if (plan->pools[i].slots[k] < gate->nslots)
				users_add(&gate->pools_of, filled, plan->pools[i].slots[k], (uint32_t)i);
	free(filled);
}

static void find_services_of(struct gate *gate)
{
	const struct health_plan *plan = &gate->plan;
	uint32_t npools = (uint32_t)plan->npools, *filled = mem_alloc((plan->npools + 1) * sizeof *filled);

	users_begin(&gate->services_of, npools);
	for (size_t i = 0; i < plan->nservices; i++)
		for (uint32_t k = 0; k < plan->services[i].npools; k++)
			users_count(&gate->services_of, plan->services[i].pools[k]);
	users_sum(&gate->services_of, npools);
	for (size_t i = 0; i < plan->nservices; i++)
		for (uint32_t k = 0; k < plan->services[i].npools; k++)
			users_add(&gate->services_of, filled, plan->services[i].pools[k], (uint32_t)i);
	free(filled);
}

/* ---- pools ---- */

static bool serves(const struct health_pool *pool, const uint32_t up[static 2])
{
	uint32_t need = pool->min_up > 1 ? pool->min_up : 1;

	return pool->nslots == 0 || up[0] >= need || up[1] >= need;
}

static unsigned family_of_slot(const struct health_pool *pool, uint32_t slot)
{
	for (uint32_t i = 0; i < pool->nv4; i++)
		if (pool->slots[i] == slot)
			return 0;
	return 1;
}

static bool would_leave(const struct gate *gate, uint32_t pool, uint32_t slot)
{
	const struct pool_state *state = &gate->pools[pool];
	uint32_t up[2] = { state->up[0], state->up[1] };

	up[family_of_slot(&gate->plan.pools[pool], slot)]--;
	return state->in_service && !serves(&gate->plan.pools[pool], up);
}

static void take(struct gate *gate, uint32_t slot, enum health_state state, uint64_t now_ms)
{
	bool was_up = gate->state[slot] != HEALTH_DOWN, up = state != HEALTH_DOWN;

	gate->state[slot] = state;
	if (was_up == up)
		return;
	for (uint32_t i = gate->pools_of.first[slot]; i < gate->pools_of.first[slot + 1]; i++) {
		uint32_t number = gate->pools_of.list[i];
		const struct health_pool *pool = &gate->plan.pools[number];
		struct pool_state *of = &gate->pools[number];
		bool served = of->in_service;

		of->up[family_of_slot(pool, slot)] += (uint32_t)up - (uint32_t)was_up;
		of->in_service = serves(pool, of->up);
		if (of->in_service != served)
			of->since_ms = now_ms;
	}
}

/* ---- life ---- */

struct gate *gate_new(const struct health_plan *plan, uint32_t nslots)
{
	struct gate *gate = mem_alloc(sizeof *gate);

	assert(plan->vantages > 0 && plan->vantages <= VOTES_MAX);
	*gate = (struct gate){ .plan = *plan, .nslots = nslots, .vantages = plan->vantages };
	gate->votes = mem_alloc(((size_t)nslots * plan->vantages + 1) * sizeof *gate->votes);
	gate->state = mem_alloc(((size_t)nslots + 1) * sizeof *gate->state);
	gate->pools = mem_alloc((plan->npools + 1) * sizeof *gate->pools);
	for (size_t i = 0; i < plan->npools; i++)
		gate->pools[i] = (struct pool_state){
			.up = { plan->pools[i].nv4, plan->pools[i].nslots - plan->pools[i].nv4 },
			.in_service = true,
		};
	find_pools_of(gate);
	find_services_of(gate);
	return gate;
}

void gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	free(gate->votes);
	free(gate->state);
	free(gate->pools);
	free(gate->pools_of.first);
	free(gate->pools_of.list);
	free(gate->services_of.first);
	free(gate->services_of.list);
	free(gate);
}

void gate_restore(struct gate *gate, uint32_t slot, enum health_state state, uint64_t since_ms)
{
	if (slot < gate->nslots)
		take(gate, slot, state, since_ms);
}

bool gate_vote(struct gate *gate, uint32_t slot, uint32_t vantage, const struct vote *vote)
{
	if (slot >= gate->nslots || vantage >= gate->vantages)
		return false;
	gate->votes[(size_t)slot * gate->vantages + vantage] = *vote;
	return true;
}

/* ---- judging ---- */

static enum budget_says ask_service(const struct gate *gate, uint32_t number, uint64_t now_ms, uint32_t *recent)
{
	const struct health_service *service = &gate->plan.services[number];
	struct budget_pool pools[BUDGET_POOLS_MAX];
	uint32_t n = service->npools < BUDGET_POOLS_MAX ? service->npools : BUDGET_POOLS_MAX;

	for (uint32_t i = 0; i < n; i++) {
		const struct pool_state *pool = &gate->pools[service->pools[i]];

		pools[i] = (struct budget_pool){ .in_service = pool->in_service, .since_ms = pool->since_ms };
	}
	return budget_ask(pools, n, service->keep, now_ms, recent);
}

/* Does a service hold the slot? Then which one, and why, is in the verdict. */
static bool is_held(const struct gate *gate, uint32_t slot, uint64_t now_ms, struct gate_verdict *verdict)
{
	for (uint32_t i = gate->pools_of.first[slot]; i < gate->pools_of.first[slot + 1]; i++) {
		uint32_t pool = gate->pools_of.list[i];

		if (!would_leave(gate, pool, slot))
			continue;
		for (uint32_t k = gate->services_of.first[pool]; k < gate->services_of.first[pool + 1]; k++) {
			verdict->pool = pool;
			verdict->service = gate->services_of.list[k];
			verdict->says = ask_service(gate, verdict->service, now_ms, &verdict->recent);
			if (verdict->says != BUDGET_ALLOWS)
				return true;
		}
	}
	return false;
}

void gate_judge(struct gate *gate, uint32_t slot, uint64_t now_ms, struct gate_verdict *verdict)
{
	const struct vote *votes;
	enum health_state before;

	*verdict = (struct gate_verdict){ .state = HEALTH_UNKNOWN };
	if (slot >= gate->nslots)
		return;
	votes = &gate->votes[(size_t)slot * gate->vantages];
	before = gate->state[slot];
	votes_count(votes, gate->vantages, before, now_ms, &verdict->votes);
	verdict->state = verdict->votes.state;
	verdict->doubt = verdict->votes.doubt;
	if (verdict->state == HEALTH_DOWN && before != HEALTH_DOWN && !verdict->votes.unanimous &&
		is_held(gate, slot, now_ms, verdict)) {
		verdict->state = before;
		verdict->doubt = verdict->held = true;
		return;
	}
	take(gate, slot, verdict->state, now_ms);
}

const char *gate_sentence(const struct gate *gate, const struct gate_verdict *verdict, char text[static GATE_TEXT_MAX])
{
	const struct health_service *service = &gate->plan.services[verdict->service];
	const char *pool = gate->plan.pools[verdict->pool].label;

	switch (verdict->says) {
	case BUDGET_ALLOWS:
		text[0] = '\0';
		break;
	case BUDGET_SPENT:
		snprintf(text, GATE_TEXT_MAX,
			"%s stays in service for %s: %u of its %u pools %s taken out within ten minutes, and more than "
			"%u "
			"takes two unanimous vantages (%u say down, %u up)",
			pool, service->label, verdict->recent, service->npools, verdict->recent == 1 ? "was" : "were",
			budget_most(service->npools), verdict->votes.down, verdict->votes.up);
		break;
	case BUDGET_KEEP:
		snprintf(text, GATE_TEXT_MAX,
			"%s stays in service for %s: keep=%u, and less takes two unanimous vantages (%u say down, %u "
			"up)",
			pool, service->label, service->keep, verdict->votes.down, verdict->votes.up);
		break;
	}
	return text;
}
