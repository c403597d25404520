/* Both decisions of a draw begin with the same dice, so that what does not change comes out the same. A group that may fall either
 * way is drawn for GROUP_DRAWS times at least, its clients by their weights: all of them have the same shares. */
#include "gslb/plan_replay.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 16, GROUP_DRAWS = 4096 };

/* One client, in both worlds. */
struct asking {
	const struct service_plan *before, *after; /* after NULL: it is gone */
	const struct visit *visit;
	struct client client;
};

struct told {
	uint32_t pool; /* of the plan */
	struct decision decision;
};

void replay_init(struct replay *replay)
{
	size_t n = replay->plan->npools;

	replay->group_before = mem_alloc(n * sizeof(double));
	replay->group_after = mem_alloc(n * sizeof(double));
	replay->before = mem_alloc(n * sizeof(double));
	replay->after = mem_alloc(n * sizeof(double));
	replay->seen = mem_alloc(n * sizeof *replay->seen);
	replay->shifts = mem_alloc(n * sizeof *replay->shifts);
}

bool replay_stops(const struct replay *replay)
{
	const _Atomic bool *stop = replay->question->stop;

	return stop != NULL && atomic_load_explicit(stop, memory_order_relaxed);
}

/* ---- one decision ---- */

static uint32_t told_pool(const struct decision *decision, const uint32_t *pools)
{
	return decision->pool != POOL_NONE ? pools[decision->pool] : 0;
}

static void tell(const struct replay *replay, const struct asking *asking, uint64_t dice_state, struct told *before,
	struct told *after)
{
	const struct plan_question *question = replay->question;
	enum family family = asking->visit->family;
	struct dice dice = { dice_state };

	decide(question->before, asking->before, &asking->client, family, question->now_ms, &dice, &before->decision,
		NULL);
	before->pool = told_pool(&before->decision, replay->pool_before);
	after->pool = 0;
	after->decision.nendpoints = 0;
	if (asking->after == NULL)
		return;
	dice.state = dice_state;
	decide(question->after, asking->after, &asking->client, family, question->now_ms, &dice, &after->decision,
		NULL);
	after->pool = told_pool(&after->decision, replay->pool_after);
}

static bool names(const struct plan_question *question, const struct decision *decision, const struct addr *addr)
{
	for (uint32_t i = 0; i < decision->nendpoints; i++)
		if (addr_equal(&question->after->snapshot->endpoints[decision->endpoint[i]].addr, addr))
			return true;
	return false;
}

static bool same_endpoints(
	const struct plan_question *question, const struct decision *before, const struct decision *after)
{
	if (before->nendpoints != after->nendpoints)
		return false;
	for (uint32_t i = 0; i < before->nendpoints; i++)
		if (!names(question, after, &question->before->snapshot->endpoints[before->endpoint[i]].addr))
			return false;
	return true;
}

/* ---- a client ---- */

/* Is its answer always of one pool, unless that one passes some on? */
static bool is_settled(const struct steering *steering, unsigned class)
{
	const struct order *order = &steering->orders[class < steering->norders ? class : 0];

	return order->npools < 2 || (order->begins & 2) != 0;
}

/* part: of the group's answers. */
static unsigned draws_of(const struct asking *asking, const struct replay_item *item, double part)
{
	if (asking->before->sticky && (asking->after == NULL || asking->after->sticky))
		return 1;
	if (is_settled(&asking->before->steering[item->family], item->classes >> 16) &&
		(asking->after == NULL || is_settled(&asking->after->steering[item->family], item->classes & 0xffff)))
		return DRAWS;
	return DRAWS + (unsigned)(part * GROUP_DRAWS);
}

static void note_seen(struct replay *replay, uint32_t pool, double before, double after)
{
	if (replay->before[pool] == 0 && replay->after[pool] == 0)
		replay->seen[replay->nseen++] = pool;
	replay->before[pool] += before;
	replay->after[pool] += after;
	replay->group_before[pool] += before;
	replay->group_after[pool] += after;
}

/* All draws of a client; true when, of a sticky one, an address is another and the pool is not. */
static bool ask(struct replay *replay, const struct asking *asking, unsigned draws)
{
	const struct visit *visit = asking->visit;
	uint64_t first = hash_bytes(visit->family, visit->net.addr.bytes, sizeof visit->net.addr.bytes);
	double weight = (double)visit->weight / draws;
	bool within = false;

	for (unsigned i = 0; i < draws; i++) {
		struct told before, after;

		tell(replay, asking, first + i * UINT64_C(0xd1342543de82ef95), &before, &after);
		note_seen(replay, before.pool, weight, 0);
		note_seen(replay, after.pool, 0, weight);
		if (before.pool == after.pool && asking->before->sticky && asking->after != NULL)
			within = within || !same_endpoints(replay->question, &before.decision, &after.decision);
	}
	return within;
}

/* ---- a group ---- */

/* Half of what the shares differ by: who differs is in replay->shifts; and they begin anew. */
static double moved_share(struct replay *replay)
{
	double differ = 0, all = 0;

	for (size_t i = 0; i < replay->nseen; i++)
		all += replay->group_before[replay->seen[i]];
	replay->nshifts = 0;
	for (size_t i = 0; i < replay->nseen; i++) {
		uint32_t pool = replay->seen[i];
		double share = all > 0 ? (replay->group_after[pool] - replay->group_before[pool]) / all : 0;

		replay->group_before[pool] = replay->group_after[pool] = 0;
		if (fabs(share) < 1e-9) /* sums of the same, in another order */
			continue;
		replay->shifts[replay->nshifts++] = (struct replay_shift){ pool, share };
		differ += fabs(share);
	}
	return differ / 2;
}

static void replay_group(
	struct replay *replay, struct plan_service *service, struct replay_item *items, size_t n, double answers)
{
	struct asking asking = {
		.before = &replay->question->before->snapshot->services[service->before->number],
		.after = service->after != NULL ? &replay->question->after->snapshot->services[service->after->number]
						: NULL,
	};
	bool sticky = asking.before->sticky && (asking.after == NULL || asking.after->sticky);
	double share;

	for (size_t i = 0; i < n && !replay_stops(replay); i++) {
		asking.visit = &replay->visits[items[i].visit];
		asking.client = (struct client){
			.addr = asking.visit->net.addr, .ecs = true, .source_len = asking.visit->net.len
		};
		service->within_networks +=
			ask(replay, &asking, draws_of(&asking, &items[i], (double)asking.visit->weight / answers));
		if (!sticky)
			continue;
		share = moved_share(replay);
		if (share > 0)
			replay_moved(replay, service, &items[i], share);
	}
	share = sticky ? 0 : moved_share(replay);
	for (size_t i = 0; i < n && share > 0; i++)
		replay_moved(replay, service, &items[i], share);
}

/* ---- a service ---- */

static void take_shares(struct replay *replay, struct plan_service *service)
{
	service->shares = mem_alloc((replay->nseen + 1) * sizeof *service->shares);
	for (size_t i = 0; i < replay->nseen; i++) {
		uint32_t pool = replay->seen[i];

		service->shares[service->nshares++] = (struct plan_share){
			.pool = pool, .before = replay->before[pool], .after = replay->after[pool]
		};
		replay->plan->pools[pool].answers_before += replay->before[pool];
		replay->plan->pools[pool].answers_after += replay->after[pool];
		replay->before[pool] = replay->after[pool] = 0;
	}
	replay->nseen = 0;
}

static bool same_group(const struct replay_item *a, const struct replay_item *b)
{
	return a->family == b->family && a->classes == b->classes;
}

void replay_service(struct replay *replay, struct plan_service *service, struct replay_item *items, size_t n)
{
	for (size_t i = 0, end; i < n && !replay_stops(replay); i = end) {
		double answers = 0;

		for (end = i; end < n && same_group(&items[i], &items[end]); end++)
			answers += (double)replay->visits[items[end].visit].weight;
		service->answers += answers;
		replay_group(replay, service, items + i, end - i, answers);
	}
	service->networks = n;
	take_shares(replay, service);
	replay_sum(&replay->km, &service->km);
	replay_sum(&replay->ms, &service->ms);
}

void replay_end(struct replay *replay)
{
	replay_sum(&replay->all_km, &replay->plan->km);
	replay_sum(&replay->all_ms, &replay->plan->ms);
	free(replay->km.of);
	free(replay->ms.of);
	free(replay->all_km.of);
	free(replay->all_ms.of);
	free(replay->group_before);
	free(replay->group_after);
	free(replay->before);
	free(replay->after);
	free(replay->seen);
	free(replay->shifts);
}
