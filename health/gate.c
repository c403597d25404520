/* Slots know the pools they are in, and pools the services that use them, as ranges of one array each: built once a plan. Of a pool it is
 * kept since when it is out by the votes, so that a question looks at no more than the services of its own pools. */
#include "health/gate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the things that use thing i are listed: list[first[i]] to list[first[i + 1] - 1]. */
struct users {
	uint32_t *first, *list;
};

struct fall {
	uint64_t since_ms;
	bool down, unanimous;
};

struct pool_state {
	uint64_t identity;
	bool out, unanimous; /* by the votes; and by unanimous ones alone */
	uint64_t since_ms;
	unsigned last;   /* its family that fell last */
	uint64_t visits; /* the last one in which it was looked at */
};

struct gate {
	struct health_plan plan;
	uint32_t nslots;
	struct fall *falls; /* by slot */
	struct pool_state *pools;
	struct users pools_of, services_of;
	uint64_t visits; /* how many: gate_kin */
};

/* ---- who uses what ---- */

static void users_begin(struct users *users, uint32_t n)
{
	users->first = mem_alloc(((size_t)n + 2) * sizeof *users->first);
}

static void users_count(struct users *users, uint32_t thing)
{
	users->first[thing + 1]++;
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

struct family {
	const uint32_t *slots;
	uint32_t n, need;
};

static struct family family_of(const struct health_pool *pool, unsigned which)
{
	return (struct family){
		.slots = pool->slots + (which == 0 ? 0 : pool->nv4),
		.n = which == 0 ? pool->nv4 : pool->nslots - pool->nv4,
		.need = pool->min_up > 1 ? pool->min_up : 1,
	};
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Since when is there too little of it up? False: there is enough. One that never had enough is out since ever. */
static bool family_is_out(const struct gate *gate, const struct family *family, bool unanimous, uint64_t *since_ms)
{
	uint64_t some[64], *since = family->n <= COUNT_OF(some) ? some : mem_alloc(family->n * sizeof *since);
	uint32_t ndown = 0, most = family->n >= family->need ? family->n - family->need : 0;
	bool out;

	for (uint32_t i = 0; i < family->n; i++) {
		const struct fall *fall =
			family->slots[i] < gate->nslots ? &gate->falls[family->slots[i]] : &(struct fall){ 0 };

		if (fall->down && (fall->unanimous || !unanimous))
			since[ndown++] = fall->since_ms;
	}
	out = ndown > most || family->n < family->need;
	qsort(since, ndown, sizeof *since, by_time);
	*since_ms = family->n < family->need || !out ? 0 : since[most];
	if (since != some)
		free(since);
	return out;
}

/* True when it changed. */
static bool look_at_pool(struct gate *gate, uint32_t number)
{
	const struct health_pool *pool = &gate->plan.pools[number];
	const struct family families[2] = { family_of(pool, 0), family_of(pool, 1) };
	struct pool_state *state = &gate->pools[number], before = *state;
	uint64_t since_ms[2];

	state->out = family_is_out(gate, &families[0], false, &since_ms[0]) &&
		     family_is_out(gate, &families[1], false, &since_ms[1]);
	if (state->out) {
		state->last = since_ms[1] > since_ms[0] || families[0].n < families[0].need;
		state->since_ms = since_ms[state->last];
		state->unanimous = family_is_out(gate, &families[0], true, &since_ms[0]) &&
				   family_is_out(gate, &families[1], true, &since_ms[1]);
	}
	return state->out != before.out ||
	       (state->out && (state->since_ms != before.since_ms || state->unanimous != before.unanimous ||
				      state->last != before.last));
}

/* Of a pool that is held the ones that fell last stay up, as many as it needs. */
static bool is_kept(const struct gate *gate, uint32_t number, uint32_t slot)
{
	const struct health_pool *pool = &gate->plan.pools[number];
	const struct family family = family_of(pool, gate->pools[number].last);
	const struct fall *own = &gate->falls[slot];
	uint32_t before = 0, most = family.n >= family.need ? family.n - family.need : 0;
	bool within = false;

	for (uint32_t i = 0; i < family.n; i++) {
		const struct fall *fall =
			family.slots[i] < gate->nslots ? &gate->falls[family.slots[i]] : &(struct fall){ 0 };

		within |= family.slots[i] == slot;
		before +=
			fall->down && (fall->since_ms < own->since_ms || (fall->since_ms == own->since_ms && !within));
	}
	return within && before >= most;
}

/* ---- life ---- */

struct gate *gate_new(const struct health_plan *plan, uint32_t nslots)
{
	struct gate *gate = mem_alloc(sizeof *gate);

	*gate = (struct gate){ .plan = *plan, .nslots = nslots };
	gate->falls = mem_alloc(((size_t)nslots + 1) * sizeof *gate->falls);
	gate->pools = mem_alloc((plan->npools + 1) * sizeof *gate->pools);
	for (size_t i = 0; i < plan->npools; i++)
		gate->pools[i].identity = hash_bytes(0, plan->pools[i].label, strlen(plan->pools[i].label));
	find_pools_of(gate);
	find_services_of(gate);
	return gate;
}

void gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	free(gate->falls);
	free(gate->pools);
	free(gate->pools_of.first);
	free(gate->pools_of.list);
	free(gate->services_of.first);
	free(gate->services_of.list);
	free(gate);
}

bool gate_put(struct gate *gate, uint32_t slot, bool down, bool unanimous, uint64_t since_ms)
{
	struct fall *fall = slot < gate->nslots ? &gate->falls[slot] : NULL;
	struct fall now = { .since_ms = down ? since_ms : 0, .down = down, .unanimous = down && unanimous };
	bool changed = false;

	if (fall == NULL ||
		(fall->down == now.down && fall->unanimous == now.unanimous && fall->since_ms == now.since_ms))
		return false;
	*fall = now;
	for (uint32_t i = gate->pools_of.first[slot]; i < gate->pools_of.first[slot + 1]; i++)
		changed |= look_at_pool(gate, gate->pools_of.list[i]);
	return changed;
}

/* ---- asking ---- */

static enum budget_says ask_service(
	const struct gate *gate, uint32_t number, uint32_t pool, uint64_t now_ms, uint32_t *recent)
{
	const struct health_service *service = &gate->plan.services[number];
	struct budget_pool fallen[BUDGET_POOLS_MAX];
	uint32_t npools = service->npools < BUDGET_POOLS_MAX ? service->npools : BUDGET_POOLS_MAX, n = 0;

	for (uint32_t i = 0; i < npools; i++) {
		const struct pool_state *state = &gate->pools[service->pools[i]];

		if (state->out && gate->plan.pools[service->pools[i]].nslots > 0)
			fallen[n++] = (struct budget_pool){
				.since_ms = state->since_ms,
				.identity = state->identity,
				.number = service->pools[i],
				.unanimous = state->unanimous,
			};
	}
	return budget_ask(fallen, n, npools, service->keep, pool, now_ms, recent);
}

bool gate_holds(const struct gate *gate, uint32_t slot, uint64_t now_ms, struct gate_hold *hold)
{
	*hold = (struct gate_hold){ .says = BUDGET_ALLOWS };
	if (slot >= gate->nslots || !gate->falls[slot].down)
		return false;
	for (uint32_t i = gate->pools_of.first[slot]; i < gate->pools_of.first[slot + 1]; i++) {
		uint32_t pool = gate->pools_of.list[i];

		if (!gate->pools[pool].out || gate->pools[pool].unanimous || !is_kept(gate, pool, slot))
			continue;
		for (uint32_t k = gate->services_of.first[pool]; k < gate->services_of.first[pool + 1]; k++) {
			hold->pool = pool;
			hold->service = gate->services_of.list[k];
			hold->says = ask_service(gate, hold->service, pool, now_ms, &hold->recent);
			if (hold->says != BUDGET_ALLOWS)
				return true;
		}
	}
	return false;
}

/* Services share their pools: each is looked at once a visit. */
static void each_down(struct gate *gate, uint32_t pool, void (*each)(void *arg, uint32_t slot), void *arg)
{
	const struct health_pool *of = &gate->plan.pools[pool];

	if (gate->pools[pool].visits == gate->visits)
		return;
	gate->pools[pool].visits = gate->visits;
	for (uint32_t i = 0; i < of->nslots; i++)
		if (of->slots[i] < gate->nslots && gate->falls[of->slots[i]].down)
			each(arg, of->slots[i]);
}

void gate_kin(struct gate *gate, uint32_t slot, void (*each)(void *arg, uint32_t slot), void *arg)
{
	gate->visits++;
	for (uint32_t i = gate->pools_of.first[slot]; i < gate->pools_of.first[slot + 1]; i++) {
		uint32_t pool = gate->pools_of.list[i];

		each_down(gate, pool, each, arg);
		for (uint32_t k = gate->services_of.first[pool]; k < gate->services_of.first[pool + 1]; k++) {
			const struct health_service *service = &gate->plan.services[gate->services_of.list[k]];

			for (uint32_t p = 0; p < service->npools; p++)
				each_down(gate, service->pools[p], each, arg);
		}
	}
}

const char *gate_sentence(const struct gate *gate, const struct gate_hold *hold, const struct votes_result *votes,
	char text[static GATE_TEXT_MAX])
{
	const struct health_service *service = &gate->plan.services[hold->service];
	const char *pool = gate->plan.pools[hold->pool].label;

	switch (hold->says) {
	case BUDGET_ALLOWS:
		text[0] = '\0';
		break;
	case BUDGET_SPENT:
		snprintf(text, GATE_TEXT_MAX,
			"%s stays in service for %s: %u of its %u pools %s taken out within ten minutes, and more than "
			"%u takes two unanimous vantages (%u say down, %u up)",
			pool, service->label, hold->recent, service->npools, hold->recent == 1 ? "was" : "were",
			budget_most(service->npools), votes->down, votes->up);
		break;
	case BUDGET_KEEP:
		snprintf(text, GATE_TEXT_MAX,
			"%s stays in service for %s: keep=%u, and less takes two unanimous vantages (%u say down, %u "
			"up)",
			pool, service->label, service->keep, votes->down, votes->up);
		break;
	}
	return text;
}
