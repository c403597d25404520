/* One decision: the client's class, its order of pools, and then a glance, which is enough nearly always; else a close look. Both come to
 * the same answer where both can, with the same dice: tests/unit/decide.c holds them against each other. */
#include "gslb/decide.h"

#include <stdio.h>
#include <string.h>

#include "gslb/closely.h"
#include "gslb/explore.h"
#include "gslb/glance.h"
#include "gslb/split.h"
#include "gslb/trace.h"

/* The service and the client's prefix. The input is bytes, so that every host hashes the same. */
static uint64_t sticky_key(
	const struct snapshot *snapshot, const struct service_plan *service, const struct addr *addr, uint8_t len)
{
	struct addr masked = *addr;
	uint8_t text[8 + 1 + 16];

	addr_mask(&masked, len);
	for (unsigned i = 0; i < 8; i++)
		text[i] = (uint8_t)(service->identity >> (56 - 8 * i));
	text[8] = masked.family;
	memcpy(text + 9, masked.bytes, 16);
	return hash_sip(snapshot->seed, text, sizeof(text));
}

enum { GROUP_MOST = 4 }; /* of more pools than that one look at a time is not worth it */

/* The best tie group, all of which a glance shows to be in service, and to serve all of its clients. */
struct whole {
	unsigned n;
	uint64_t up[GROUP_MOST]; /* endpoints */
	uint64_t weight[GROUP_MOST];
};

static inline bool is_whole(const struct sight *sight, const struct service_plan *service, enum family family,
	uint32_t candidate, uint64_t *up)
{
	const struct snapshot *snapshot = sight->world->snapshot;
	const struct overlay *overlay = sight->world->overlay;
	uint32_t pool = service->list->candidate[candidate].pool;
	const struct pool_part *part = &snapshot->pools[pool].part[family];

	if (UNLIKELY(part->dated ||
		     !pool_glance(sight, pool, family,
			     overlay != NULL ? overlay->service_pool[service->first_override + candidate] : NULL, up)))
		return false;
	return glance_serves(snapshot, pool, family, *up) && glance_whole(part, *up);
}

static bool look_at_group(const struct sight *sight, const struct service_plan *service, enum family family,
	const struct order *order, const struct split_row *split, struct whole *whole)
{
	whole->n = 0;
	do {
		uint32_t candidate = order->pool[whole->n];

		if (whole->n == GROUP_MOST || !is_whole(sight, service, family, candidate, &whole->up[whole->n]))
			return false;
		whole->weight[whole->n] = 1000 * (uint64_t)(split != NULL ? split->part[whole->n]
									  : service->list->candidate[candidate].weight);
		whole->n++;
	} while (whole->n < order->npools && !(order->begins >> whole->n & 1));
	return true;
}

static unsigned choose_by_hash(const struct sight *sight, const struct service_plan *service, const struct order *order,
	const struct whole *whole, const struct glance_choice *choice)
{
	struct picker picker;

	picker_init(&picker, 1, choice->dice, true, choice->key);
	for (unsigned i = 0; i < whole->n; i++)
		if (whole->weight[i] > 0)
			picker_add(&picker, i,
				sight->world->snapshot->pools[service->list->candidate[order->pool[i]].pool].identity,
				whole->weight[i]);
	return picker.npicked > 0 ? picker.id[0] : 0;
}

/* As closely.c chooses, with the same dice. */
static unsigned choose(const struct sight *sight, const struct service_plan *service, const struct order *order,
	const struct whole *whole, const struct glance_choice *choice)
{
	uint64_t total = 0, draw;
	unsigned chosen = 0;

	if (choice->sticky)
		return choose_by_hash(sight, service, order, whole, choice);
	for (unsigned i = 0; i < whole->n; i++)
		total += whole->weight[i];
	if (total == 0)
		return (unsigned)dice_below(choice->dice, whole->n);
	draw = dice_below(choice->dice, total);
	for (uint64_t sum = whole->weight[0]; chosen + 1 < whole->n && draw >= sum; sum += whole->weight[chosen])
		chosen++;
	return chosen;
}

/* Apart, so that the usual case has no use for its room. */
__attribute__((noinline)) static bool choose_of_group(const struct sight *sight, const struct service_plan *service,
	enum family family, const struct order *order, const struct split_row *split,
	const struct glance_choice *choice, unsigned *chosen, uint64_t *up)
{
	struct whole whole;

	if (!look_at_group(sight, service, family, order, split, &whole))
		return false;
	*chosen = choose(sight, service, order, &whole, choice);
	*up = whole.up[*chosen];
	return true;
}

/* The usual case: all of the best tie group, nearly always one pool, is plainly in service. Then nothing of a run is needed. */
static bool decide_at_a_glance(const struct sight *sight, const struct service_plan *service,
	const struct client *client, enum family family, const struct order *order, const struct split_row *split,
	const struct glance_choice *choice, struct decision *decision)
{
	const struct snapshot *snapshot = sight->world->snapshot;
	unsigned chosen = 0;
	uint64_t up;

	if (UNLIKELY(order->npools == 0 || service->via_cname))
		return false;
	if (LIKELY(order->npools == 1 || (order->begins & 2) != 0)) {
		if (UNLIKELY(!is_whole(sight, service, family, order->pool[0], &up)))
			return false;
	} else if (!choose_of_group(sight, service, family, order, split, choice, &chosen, &up)) {
		return false;
	}
	decision->kind = DECIDE_ADDRESSES;
	decision->why = UNLIKELY(split != NULL && (split->home >> chosen & 1) == 0) ? WHY_SPILL : WHY_RANKED;
	decision->candidate = order->pool[chosen];
	decision->pool = service->list->candidate[decision->candidate].pool;
	decision->target = POOL_NONE;
	decision->ttl_s = decide_steady_ttl(service, client, decision->scope, sight->now_ms);
	decision->nendpoints =
		glance_pick(snapshot, &snapshot->pools[decision->pool].part[family], up, choice, decision->endpoint);
	return true;
}

/* What explain wants to know of an answer that explores. */
static void trace_explored(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct decision *decision, struct trace *trace)
{
	trace_fill(&(struct trace_input){ .sight = sight,
			   .service = service,
			   .client = client,
			   .asked = family,
			   .family = family,
			   .order = order },
		decision, trace);
	snprintf(trace->ttl_reason, sizeof(trace->ttl_reason), "min: it explores");
}

void decide(const struct world *world, const struct service_plan *service, const struct client *client,
	enum family family, uint64_t now_ms, struct dice *dice, struct decision *decision, struct trace *trace)
{
	decide_from(
		world, service, client, family, decide_place(service, client, family), now_ms, dice, decision, trace);
}

struct geo_hit decide_place(const struct service_plan *service, const struct client *client, enum family family)
{
	const struct geo_table *table = service->steering[family].table;

	return LIKELY(table != NULL) ? geo_table_find(table, &client->addr) : (struct geo_hit){ 0 };
}

void decide_from(const struct world *world, const struct service_plan *service, const struct client *client,
	enum family family, struct geo_hit hit, uint64_t now_ms, struct dice *dice, struct decision *decision,
	struct trace *trace)
{
	const struct steering *steering = &service->steering[family];
	uint8_t key_len = client->addr.family == ADDR_V6 ? service->sticky_v6 : service->sticky_v4;
	const struct sight sight = {
		.world = world, .now_ms = now_ms, .names = service->via_cname, .ttl_s = service->ttl_max_s
	};
	struct glance_choice choice = { .wanted = service->answers, .sticky = service->sticky, .dice = dice };
	const struct order *order = decide_order(steering, hit);
	const struct split_row *split = NULL;

	if (UNLIKELY(world->split != NULL)) {
		split = split_find(world->split, (uint32_t)(service - world->snapshot->services), family,
			(uint32_t)(order - steering->orders));
		order = split != NULL ? &split->order : order;
	}
	if (UNLIKELY(choice.sticky))
		choice.key = sticky_key(world->snapshot, service, &client->addr, key_len);
	decision->class = hit.class;
	decision->scope = UNLIKELY((service->keyed >> family & 1) != 0 && key_len > hit.depth) ? key_len : hit.depth;
	if (UNLIKELY(trace != NULL)) {
		trace->depth = hit.depth;
		trace->key_len = key_len;
	}
	if (UNLIKELY(order->explore != 0) && explore_try(&sight, service, client, family, order, &choice, decision)) {
		if (trace != NULL)
			trace_explored(&sight, service, client, family, order, decision, trace);
		return;
	}
	if (LIKELY(trace == NULL &&
		    decide_at_a_glance(&sight, service, client, family, order, split, &choice, decision)))
		return;
	decide_closely(&sight, service, client, family, order, split, &choice, decision, trace);
}

const char *decide_why_name(enum decide_why why)
{
	static const char *const names[WHYS] = {
		[WHY_RANKED] = "ranked",
		[WHY_FALLBACK] = "fallback",
		[WHY_HELD] = "held",
		[WHY_ALL_DOWN] = "all-down",
		[WHY_LAST_UP] = "last-up",
		[WHY_NO_FAMILY] = "no-family",
		[WHY_PANIC] = "panic",
		[WHY_SPILL] = "spill",
		[WHY_UNRESOLVED] = "unresolved",
		[WHY_EXPLORED] = "explored",
	};

	return names[why];
}
