/* Each step looks only at what it needs; the trace is worked out afterwards, for who asks. */
#include "gslb/closely.h"

#include "gslb/pool_pick.h"
#include "gslb/standing.h"
#include "gslb/trace.h"
#include "gslb/ttl.h"

enum { LAST_SET_S = 60 }; /* down=last: endpoints that went down within this of the last one are its set */
#define SPILL_SALT UINT64_C(0x7370696c6c) /* who goes elsewhere has nothing to do with which endpoint the others get */

/* A pool that may answer: a member of the tie group that is being chosen from. */
struct member {
	uint32_t candidate;
	uint16_t keep; /* permille of its clients that drains leave it */
	struct vigour vigour;
	bool plain;  /* seen at a glance: */
	uint64_t up; /* its endpoints that are */
	bool spill;  /* it has clients of this class since others are full */
	uint64_t weight;
};

struct group {
	unsigned n;
	uint16_t keep, serves; /* permille of clients that the group keeps: the most of its members */
	bool panics;           /* all of its members do */
	struct member member[SERVICE_POOLS_MAX];
};

struct run {
	struct sight sight;
	const struct service_plan *service;
	const struct order *order;
	const struct split_row *split; /* that the order is of; NULL: of none */
	unsigned family;               /* or FAMILY_ANY */
	struct dice *dice;
	bool sticky;
	uint64_t key;
	uint64_t draw;
	bool doubt; /* of what was looked at */
	uint64_t change_ms;
	uint64_t expires_ms;
	int luck;   /* 0 to 999: against gradual drains; -1: not drawn yet */
	bool plain; /* the pool that was chosen was seen at a glance, with these endpoints up: */
	uint64_t up;
	uint32_t spilled; /* a bit for each tie group that did not serve this client, though it is in service */
	bool panic;
	bool spill; /* the pool that was chosen has the client since others are full */
};

/* ---- looking at pools ---- */

static const uint16_t *service_pair(const struct run *run, uint32_t candidate)
{
	const struct overlay *overlay = run->sight.world->overlay;

	return overlay != NULL ? overlay->service_pool[run->service->first_override + candidate] : NULL;
}

static bool look_closely(struct run *run, uint32_t candidate, struct pool_view *view)
{
	pool_look(&run->sight, run->service->list->candidate[candidate].pool, run->family, service_pair(run, candidate),
		view);
	if (run->sight.mode == SIGHT_NORMAL) {
		run->doubt |= view->doubt;
		run->change_ms = sooner(run->change_ms, view->change_ms);
	}
	return view->in_service;
}

/* True when a glance at the candidate is enough. */
static bool look_at_a_glance(const struct run *run, uint32_t candidate, struct member *member)
{
	const struct candidate *of = &run->service->list->candidate[candidate];

	member->candidate = candidate;
	member->plain =
		run->sight.mode == SIGHT_NORMAL && run->family != FAMILY_ANY &&
		pool_glance(&run->sight, of->pool, (enum family)run->family, service_pair(run, candidate), &member->up);
	return member->plain;
}

static bool serves_at_a_glance(const struct run *run, const struct member *member)
{
	return glance_serves(run->sight.world->snapshot, run->service->list->candidate[member->candidate].pool,
		(enum family)run->family, member->up);
}

/* Is the candidate in service? A glance first: it is enough nearly always. */
static bool look(struct run *run, uint32_t candidate, struct member *member)
{
	const struct snapshot *snapshot = run->sight.world->snapshot;
	const struct candidate *of = &run->service->list->candidate[candidate];
	struct pool_view view;

	member->keep = 1000;
	member->spill = false;
	if (look_at_a_glance(run, candidate, member)) {
		if (!serves_at_a_glance(run, member))
			return false;
		member->vigour = glance_vigour(snapshot, &snapshot->pools[of->pool].part[run->family], member->up);
	} else {
		if (!look_closely(run, candidate, &view))
			return false;
		member->keep = view.drain;
		member->vigour = view.vigour;
	}
	/* within a tie group, pools that are as good take over first */
	member->weight = (uint64_t)of->weight * member->keep * member->vigour.serves / 1000;
	return true;
}

/* This member answers. */
static uint32_t take(struct run *run, const struct member *member)
{
	run->plain = member->plain;
	run->up = member->up;
	run->spill = member->spill;
	return member->candidate;
}

/* One draw a decision: a client that one draining pool lets go is let go by the others at the same part, too. */
static int luck(struct run *run)
{
	uint64_t h;

	if (run->luck < 0) {
		h = run->sticky ? picker_hash(run->key, 0) : dice_next(run->dice);
		run->luck = (int)((h >> 32) * 1000 >> 32);
	}
	return run->luck;
}

/* Of a split its parts are the weights of the first group; and what of it is not the class's own is answered since others are full. */
static bool is_shared(const struct run *run, unsigned at)
{
	return run->split != NULL && run->split->part[at] > 0;
}

/* The members of the tie group that begins at `at`; returns where the next one begins. */
static unsigned gather(struct run *run, unsigned at, struct group *group)
{
	const struct order *order = run->order;

	group->n = 0;
	group->keep = group->serves = 0;
	group->panics = true;
	do {
		struct member *member = &group->member[group->n];

		if (!look(run, order->pool[at++], member))
			continue;
		member->spill = is_shared(run, at - 1) && (run->split->home >> (at - 1) & 1) == 0;
		if (is_shared(run, at - 1))
			member->weight =
				(uint64_t)run->split->part[at - 1] * member->keep * member->vigour.serves / 1000;
		group->n++;
		if (member->keep > group->keep)
			group->keep = member->keep;
		if (member->vigour.serves > group->serves)
			group->serves = member->vigour.serves;
		group->panics &= member->vigour.panics;
	} while (at < order->npools && !(order->begins & UINT32_C(1) << at));
	return at;
}

/* ---- choosing a pool ---- */

static const struct member *choose_by_hash(struct run *run, const struct group *group)
{
	const struct snapshot *snapshot = run->sight.world->snapshot;
	struct picker picker;

	picker_init(&picker, 1, run->dice, true, run->key);
	for (unsigned i = 0; i < group->n; i++) {
		const struct member *member = &group->member[i];
		uint32_t pool = run->service->list->candidate[member->candidate].pool;

		if (member->weight > 0)
			picker_add(&picker, i, snapshot->pools[pool].identity, member->weight);
	}
	return &group->member[picker.npicked > 0 ? picker.id[0] : 0];
}

static const struct member *choose(struct run *run, const struct group *group)
{
	uint64_t total = 0, left;

	if (group->n == 1)
		return &group->member[0];
	if (run->sticky)
		return choose_by_hash(run, group);
	for (unsigned i = 0; i < group->n; i++)
		total += group->member[i].weight;
	if (total == 0) /* all have weight 0: one is as good as another */
		return &group->member[dice_below(run->dice, group->n)];
	run->draw = left = dice_below(run->dice, total);
	for (unsigned i = 0; i < group->n; i++) {
		if (left < group->member[i].weight)
			return &group->member[i];
		left -= group->member[i].weight;
	}
	return &group->member[group->n - 1];
}

/* Is this client one of those that the tie group passes on since too little of it is up? By hash, where clients are to keep what they
 * have: with less up, more go, and none of them comes back. The hash is of the pool that the group has for the client, so that the
 * others' clients are where they are when one goes. */
static bool is_spilled(struct run *run, const struct member *member, uint16_t serves)
{
	const struct pool_plan *pools = run->sight.world->snapshot->pools;
	uint64_t h;

	if (serves == 1000)
		return false;
	if (run->sticky)
		h = picker_hash(
			run->key, pools[run->service->list->candidate[member->candidate].pool].identity ^ SPILL_SALT);
	else
		h = dice_next(run->dice);
	return ((h >> 32) * 1000 >> 32) >= serves;
}

static bool has_fallback(const struct run *run)
{
	const struct pool_plan *pool;

	if (run->service->list->fallback == POOL_NONE)
		return false;
	pool = &run->sight.world->snapshot->pools[run->service->list->fallback];
	return run->family == FAMILY_ANY || pool->part[run->family].n > 0;
}

static uint32_t try_fallback(struct run *run)
{
	struct member member;

	if (has_fallback(run) && look(run, run->service->list->fallback_candidate, &member))
		return take(run, &member);
	return CANDIDATE_NONE;
}

/* Can a pool from `at` on, or the fallback, take clients of one that has next to nothing up? */
static bool others_can_take(struct run *run, unsigned at)
{
	struct member member;

	for (; at < run->order->npools; at++)
		if (look(run, run->order->pool[at], &member) && !member.vigour.panics)
			return true;
	return has_fallback(run) && look(run, run->service->list->fallback_candidate, &member);
}

/* Groups that were in service and did not keep the client, for when nothing else is found. */
struct passed {
	struct group leaked;  /* the first one that drains */
	struct group spilled; /* the last one with too little up */
	bool sound;           /* one of those has enough up to be believed */
};

/* The first group with something in service. Where all of a group drains gradually, or too little of it is up, a part of its clients
 * moves on. */
static uint32_t walk(struct run *run, struct passed *passed)
{
	const struct member *chosen;
	struct group group;
	unsigned at = 0, next;

	passed->leaked.n = passed->spilled.n = 0;
	passed->sound = false;
	for (unsigned number = 0; at < run->order->npools; at = next, number++) {
		next = gather(run, at, &group);
		if (group.n == 0)
			continue;
		if (group.keep < 1000 && luck(run) >= group.keep) {
			if (passed->leaked.n == 0)
				passed->leaked = group;
			continue;
		}
		run->panic = group.panics && !passed->sound && !others_can_take(run, next);
		chosen = choose(run, &group);
		if (run->panic || !is_spilled(run, chosen, group.serves))
			return take(run, chosen);
		run->draw = 0;
		passed->spilled = group;
		passed->sound |= !group.panics;
		run->spilled |= UINT32_C(1) << number;
	}
	return CANDIDATE_NONE;
}

/* No further rank is in service: the last one keeps all, but when it has next to nothing left the fallback may help. Those that drain
 * are the last to be asked. */
static uint32_t walk_back(struct run *run, const struct passed *passed, enum decide_why *why)
{
	uint32_t candidate = CANDIDATE_NONE;

	if (passed->spilled.n > 0 && !passed->spilled.panics)
		return take(run, choose(run, &passed->spilled));
	candidate = try_fallback(run);
	if (candidate != CANDIDATE_NONE)
		*why = WHY_FALLBACK;
	else if (passed->spilled.n > 0)
		candidate = take(run, choose(run, &passed->spilled));
	else if (passed->leaked.n > 0)
		candidate = take(run, choose(run, &passed->leaked));
	return candidate;
}

/* ---- when nothing is in service ---- */

/* Damping never leaves nothing: what is held down for flapping, but answers its probes, is better than what does not. */
static uint32_t all_down_held(struct run *run)
{
	struct passed passed;
	uint32_t candidate;

	run->sight.mode = SIGHT_HELD;
	candidate = walk(run, &passed);
	if (candidate == CANDIDATE_NONE && passed.leaked.n > 0)
		candidate = take(run, choose(run, &passed.leaked));
	if (candidate == CANDIDATE_NONE)
		run->sight.mode = SIGHT_NORMAL;
	return candidate;
}

/* As if all were up; overrides are ignored only when nothing else remains. */
static uint32_t all_down_all(struct run *run)
{
	struct passed passed;
	uint32_t candidate = CANDIDATE_NONE;

	for (enum sight_mode mode = SIGHT_ALL; mode <= SIGHT_BLIND && candidate == CANDIDATE_NONE; mode++) {
		run->sight.mode = mode;
		candidate = walk(run, &passed);
		if (candidate == CANDIDATE_NONE && passed.leaked.n > 0)
			candidate = take(run, choose(run, &passed.leaked));
		if (candidate == CANDIDATE_NONE)
			candidate = try_fallback(run);
	}
	return candidate;
}

/* The pool that went down last, and of it what went down with the last. */
static uint32_t all_down_last(struct run *run)
{
	uint32_t latest = CANDIDATE_NONE, latest_s = 0;

	for (uint8_t i = 0; i < run->order->npools; i++) {
		uint32_t candidate = run->order->pool[i];
		struct pool_view view;
		uint32_t last_s;

		look_closely(run, candidate, &view);
		if (view.cover.permille == 0)
			continue;
		last_s = view.last_down_s;
		if (last_s == 0 && view.any_available) /* never enough for min-up: what there is, is up now */
			last_s = UINT32_MAX;
		if (last_s > latest_s) {
			latest_s = last_s;
			latest = candidate;
		}
	}
	if (latest == CANDIDATE_NONE)
		return CANDIDATE_NONE;
	run->sight.mode = SIGHT_LAST;
	run->sight.last_s = latest_s > LAST_SET_S ? latest_s - LAST_SET_S : 1;
	return latest;
}

static uint32_t all_down(struct run *run, struct decision *decision)
{
	uint32_t candidate = all_down_held(run);

	decision->why = candidate != CANDIDATE_NONE ? WHY_HELD : WHY_ALL_DOWN;
	if (candidate != CANDIDATE_NONE)
		return candidate;
	switch (run->service->service->down) {
	case DOWN_NODATA:
		decision->kind = DECIDE_NODATA;
		return CANDIDATE_NONE;
	case DOWN_SERVFAIL:
		decision->kind = DECIDE_SERVFAIL;
		return CANDIDATE_NONE;
	case DOWN_LAST:
		candidate = all_down_last(run);
		if (candidate != CANDIDATE_NONE)
			decision->why = WHY_LAST_UP;
		break;
	case DOWN_ALL:
		break;
	}
	if (candidate == CANDIDATE_NONE)
		candidate = all_down_all(run);
	if (candidate == CANDIDATE_NONE) {
		decision->kind = DECIDE_SERVFAIL;
		decision->why = WHY_UNRESOLVED;
	}
	return candidate;
}

/* ---- the whole ---- */

static bool family_exists(const struct run *run)
{
	return run->order->npools > 0 || has_fallback(run);
}

/* No pool has an address of the family. While no address at all is known of some, that may still change. */
static void decide_no_family(const struct run *run, struct decision *decision)
{
	const struct snapshot *snapshot = run->sight.world->snapshot;
	bool unresolved = false, some = false;

	for (uint32_t i = 0; i < run->service->list->n; i++) {
		const struct pool_plan *pool = &snapshot->pools[run->service->list->candidate[i].pool];

		unresolved |= pool->unresolved;
		some |= pool->part[FAMILY_V4].n + pool->part[FAMILY_V6].n > 0;
	}
	decision->kind = unresolved && !some ? DECIDE_SERVFAIL : DECIDE_NODATA;
	decision->why = unresolved && !some ? WHY_UNRESOLVED : WHY_NO_FAMILY;
}

static void decide_pool(struct run *run, struct decision *decision)
{
	struct passed passed;

	decision->why = WHY_RANKED;
	decision->candidate = walk(run, &passed);
	if (decision->candidate == CANDIDATE_NONE)
		decision->candidate = walk_back(run, &passed, &decision->why);
	if (decision->candidate == CANDIDATE_NONE)
		decision->candidate = all_down(run, decision);
	if (decision->why == WHY_RANKED && run->panic) {
		decision->why = WHY_PANIC;
		run->sight.mode = SIGHT_ALL;
		run->plain = false;
	} else if (decision->why == WHY_RANKED && run->spill) {
		decision->why = WHY_SPILL;
	}
}

/* Endpoints of the pool. The board may have changed since the pool was looked at: then what it was chosen for counts. */
static void decide_endpoints(struct run *run, struct decision *decision)
{
	const struct pool_pick pick = {
		.sight = &run->sight,
		.service = run->service,
		.family = run->family,
		.dice = run->dice,
		.sticky = run->sticky,
		.key = run->key,
	};
	const uint16_t *pair = service_pair(run, decision->candidate);

	decision->kind = run->family == FAMILY_ANY ? DECIDE_CNAME : DECIDE_ADDRESSES;
	if (run->plain) {
		pool_pick_plain(&pick, run->up, decision, &run->expires_ms);
		return;
	}
	if (pool_pick(&pick, pair, decision, &run->expires_ms))
		return;
	run->sight.mode = SIGHT_BLIND;
	if (pool_pick(&pick, pair, decision, &run->expires_ms))
		return;
	decision->kind = DECIDE_SERVFAIL;
	decision->why = WHY_UNRESOLVED;
}

static void decide_ttl(
	const struct run *run, const struct client *client, struct decision *decision, struct trace *trace)
{
	const struct service_plan *service = run->service;
	const struct ttl_input input = {
		.max_s = service->ttl_max_s,
		.min_s = service->ttl_min_s,
		.steady_s = decide_steady_ttl(service, client, decision->scope, run->sight.now_ms),
		.doubt = run->doubt,
		.last_resort = decision->why != WHY_RANKED && decision->why != WHY_SPILL,
		.now_ms = run->sight.now_ms,
		.change_ms = run->change_ms,
		.expires_ms = run->expires_ms,
	};
	enum ttl_why why;

	decision->ttl_s = ttl_decide(&input, &why);
	if (trace != NULL)
		ttl_reason(&input, why, trace->ttl_reason, sizeof(trace->ttl_reason));
}

static bool is_negative(const struct decision *decision)
{
	return decision->kind == DECIDE_NODATA || decision->kind == DECIDE_SERVFAIL;
}

/* All other cases, and whatever explain wants to know. */
void decide_closely(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct split_row *split,
	const struct glance_choice *choice, struct decision *decision, struct trace *trace)
{
	struct run run = {
		.sight = *sight,
		.service = service,
		.order = order,
		.split = split,
		.family = service->via_cname ? FAMILY_ANY : (unsigned)family,
		.dice = choice->dice,
		.sticky = choice->sticky,
		.key = choice->key,
		.luck = -1,
	};

	decision->pool = POOL_NONE;
	decision->candidate = CANDIDATE_NONE;
	decision->nendpoints = 0;
	decision->target = POOL_NONE;
	if (family_exists(&run))
		decide_pool(&run, decision);
	else
		decide_no_family(&run, decision);
	if (decision->candidate != CANDIDATE_NONE) {
		decision->pool = service->list->candidate[decision->candidate].pool;
		decide_endpoints(&run, decision);
	}
	if (is_negative(decision)) {
		decision->scope = 0;
		decision->ttl_s = service->service->negative_ttl_s;
	} else {
		decide_ttl(&run, client, decision, trace);
	}
	if (trace != NULL)
		trace_fill(&(struct trace_input){ .sight = &run.sight,
				   .service = service,
				   .client = client,
				   .asked = family,
				   .family = run.family,
				   .order = run.order,
				   .split = run.split,
				   .sticky = run.sticky,
				   .key = run.key,
				   .draw = run.draw,
				   .spilled = run.spilled },
			decision, trace);
}
