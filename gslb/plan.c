#include "gslb/plan.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/plan_replay.h"
#include "gslb/plan_roll.h"

/* ---- pools of both worlds ---- */

static uint32_t *number_pools(struct plan_roll *roll, const struct snapshot *snapshot)
{
	uint32_t *number = mem_alloc((snapshot->npools + 1) * sizeof *number);

	for (uint32_t i = 0; i < snapshot->npools; i++)
		number[i] = roll_add(roll, &snapshot->pools[i].pool->name) + 1;
	return number;
}

static void take_pools(struct plan *plan, const struct plan_question *question, const uint32_t *before,
	const uint32_t *after, size_t n)
{
	plan->npools = n + 1;
	plan->pools = mem_alloc(plan->npools * sizeof *plan->pools);
	for (size_t i = 0; i < plan->npools; i++)
		plan->pools[i].load = NAN;
	for (uint32_t i = 0; i < question->before->snapshot->npools; i++) {
		plan->pools[before[i]].before = question->before->snapshot->pools[i].pool;
		if (question->loads != NULL)
			plan->pools[before[i]].load = question->loads[i];
	}
	for (uint32_t i = 0; i < question->after->snapshot->npools; i++)
		plan->pools[after[i]].after = question->after->snapshot->pools[i].pool;
}

/* ---- services that have clients ---- */

static void roll_services(struct plan_roll *roll, const struct snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		roll_add(roll, &snapshot->services[i].service->owner);
}

static const struct service *find_service(
	const struct plan_roll *roll, const struct snapshot *snapshot, const struct name *owner)
{
	uint32_t number = roll_find(roll, owner);

	return number != ROLL_NONE ? snapshot->services[number].service : NULL;
}

/* By the audience's number of a service: its place in plan->services, ROLL_NONE for those that the world before does not have. */
static uint32_t *take_services(
	struct plan *plan, const struct plan_question *question, const struct visit *visits, size_t n)
{
	struct plan_roll before = { 0 }, after = { 0 };
	uint32_t *place, most = 0;
	size_t cap = 0;

	for (size_t i = 0; i < n; i++)
		most = visits[i].service > most ? visits[i].service : most;
	place = mem_alloc((most + 1) * sizeof *place); /* + 1; 0: not looked at yet */
	roll_services(&before, question->before->snapshot);
	roll_services(&after, question->after->snapshot);
	for (size_t i = 0; i < n; i++) {
		uint32_t *at = &place[visits[i].service];
		const struct service *service;
		struct name owner;

		if (*at != 0)
			continue;
		*at = ROLL_NONE;
		if (!name_from_text(&owner, audience_service(question->audience, visits[i].service)))
			continue;
		service = find_service(&before, question->before->snapshot, &owner);
		if (service == NULL)
			continue;
		plan->services = mem_grow(plan->services, plan->nservices, &cap, sizeof *plan->services);
		plan->services[plan->nservices] = (struct plan_service){ .before = service,
			.after = find_service(&after, question->after->snapshot, &owner) };
		*at = (uint32_t)++plan->nservices;
	}
	roll_fini(&before);
	roll_fini(&after);
	return place;
}

/* ---- clients ---- */

static unsigned class_of(const struct service_plan *service, enum family family, const struct addr *addr)
{
	const struct steering *steering = &service->steering[family];

	return steering->table != NULL ? geo_table_find(steering->table, addr).class : 0;
}

static uint32_t classes_of(
	const struct plan_question *question, const struct plan_service *service, const struct visit *visit)
{
	uint32_t before = class_of(&question->before->snapshot->services[service->before->number], visit->family,
			 &visit->net.addr),
		 after = service->after == NULL ? 0
						: class_of(&question->after->snapshot->services[service->after->number],
							  visit->family, &visit->net.addr);

	return before << 16 | after;
}

static int by_group(const void *a, const void *b)
{
	const struct replay_item *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->classes != y->classes)
		return x->classes < y->classes ? -1 : 1;
	return x->visit < y->visit ? -1 : x->visit > y->visit;
}

static struct replay_item *take_items(
	struct plan *plan, const struct plan_question *question, const struct visit *visits, size_t n)
{
	uint32_t *place = take_services(plan, question, visits, n);
	struct replay_item *items = mem_alloc((n + 1) * sizeof *items);

	for (size_t i = 0; i < n; i++) {
		uint32_t at = place[visits[i].service];

		if (at == ROLL_NONE) {
			plan->strangers++;
			continue;
		}
		items[plan->networks++] = (struct replay_item){
			.service = at - 1,
			.visit = (uint32_t)i,
			.family = (uint8_t)visits[i].family,
			.classes = classes_of(question, &plan->services[at - 1], &visits[i]),
		};
	}
	qsort(items, plan->networks, sizeof *items, by_group);
	free(place);
	return items;
}

/* ---- the whole ---- */

static void replay_all(struct replay *replay, struct replay_item *items)
{
	struct plan *plan = replay->plan;

	replay_init(replay);
	for (size_t i = 0, end; i < plan->networks && !replay_stops(replay); i = end) {
		struct plan_service *service = &plan->services[items[i].service];

		for (end = i; end < plan->networks && items[end].service == items[i].service;)
			end++;
		replay_service(replay, service, items + i, end - i);
		plan->answers += service->answers;
		plan->moved_networks += service->moved_networks;
		plan->moved_answers += service->moved_answers;
		if (replay->question->permille != NULL)
			atomic_store_explicit(replay->question->permille, (uint32_t)(end * 1000 / plan->networks),
				memory_order_relaxed);
	}
	replay_end(replay);
}

struct plan *plan_make(const struct plan_question *question)
{
	struct plan *plan = mem_alloc(sizeof *plan);
	struct plan_roll pools = { 0 };
	uint32_t *before = number_pools(&pools, question->before->snapshot);
	uint32_t *after = number_pools(&pools, question->after->snapshot);
	const struct visit *visits;
	size_t n = audience_visits(question->audience, &visits);
	struct replay replay = {
		.question = question, .plan = plan, .visits = visits, .pool_before = before, .pool_after = after
	};
	struct replay_item *items;

	take_pools(plan, question, before, after, pools.n);
	roll_fini(&pools);
	items = take_items(plan, question, visits, n);
	replay_all(&replay, items);
	free(items);
	free(before);
	free(after);
	return plan;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->nservices; i++)
		free(plan->services[i].shares);
	free(plan->services);
	free(plan->pools);
	free(plan);
}
