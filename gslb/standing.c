/* One load of the board's word for an endpoint, then overrides. "Any down or drain that covers it beats an up": a pool's cover
 * is worked out first and handed to its endpoints, where an `up` stands in for the probes, and a `down` needs no look at all. */
#include "gslb/standing.h"

#include <string.h>

/* ---- overrides ---- */

/* A dated change from 0 to all in ten steps: when the next one begins. */
static uint64_t next_step_ms(uint64_t from_ms, uint64_t over_ms, uint64_t now_ms)
{
	uint64_t step = (now_ms - from_ms) * 10 / over_ms + 1;

	return from_ms + (step * over_ms + 9) / 10;
}

static void cover_add(struct cover *cover, const struct effect *effect, uint64_t now_ms)
{
	uint64_t elapsed_ms;
	uint16_t left = 0;

	if (now_ms >= effect->until_ms)
		return;
	if (now_ms < effect->from_ms) {
		cover->change_ms = sooner(cover->change_ms, effect->from_ms);
		return;
	}
	cover->change_ms = sooner(cover->change_ms, effect->until_ms);
	switch (effect->action) {
	case OVERRIDE_NONE:
		return;
	case OVERRIDE_UP:
		if (cover->action == OVERRIDE_NONE)
			cover->action = OVERRIDE_UP;
		return;
	case OVERRIDE_DRAIN:
		elapsed_ms = now_ms - effect->from_ms;
		if (elapsed_ms < effect->over_ms) {
			left = (uint16_t)(1000 - elapsed_ms * 1000 / effect->over_ms);
			cover->change_ms =
				sooner(cover->change_ms, next_step_ms(effect->from_ms, effect->over_ms, now_ms));
		}
		if (cover->action != OVERRIDE_DOWN)
			cover->action = OVERRIDE_DRAIN;
		if (left < cover->permille)
			cover->permille = left;
		return;
	case OVERRIDE_DOWN:
		cover->action = OVERRIDE_DOWN;
		cover->permille = 0;
		return;
	}
}

static void cover_pair(struct cover *cover, const struct overlay *overlay, const uint16_t *pair, uint64_t now_ms)
{
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] != 0 && pair[i] < overlay->neffects)
			cover_add(cover, &overlay->effects[pair[i]], now_ms);
}

static bool overlay_is_empty(const struct overlay *overlay)
{
	return overlay == NULL || overlay->neffects <= 1;
}

struct cover pool_cover(const struct sight *sight, uint32_t pool, const uint16_t *service_pair)
{
	const struct overlay *overlay = sight->world->overlay;
	struct cover cover = { .permille = 1000 };

	if (overlay_is_empty(overlay))
		return cover;
	cover_pair(&cover, overlay, overlay->pool[pool], sight->now_ms);
	if (service_pair != NULL)
		cover_pair(&cover, overlay, service_pair, sight->now_ms);
	return cover;
}

/* ---- endpoints ---- */

/* Does the probes' verdict let it answer? */
static bool verdict_allows(const struct sight *sight, const struct verdict *verdict)
{
	switch (sight->mode) {
	case SIGHT_NORMAL:
		return verdict->state != HEALTH_DOWN;
	case SIGHT_HELD:
		return verdict->state != HEALTH_DOWN || (verdict->damped && verdict->reason == PROBE_OK);
	case SIGHT_LAST:
		return verdict->state != HEALTH_DOWN || verdict->since_s >= sight->last_s;
	case SIGHT_ALL:
	case SIGHT_BLIND:
		return true;
	}
	return true;
}

enum { RAMP_FIRST = 100, RAMP_STEPS = 10, DAMPED_PERMILLE = 100 };

/* From 10 % when it came up to all of its weight, in steps that are no shorter than the TTL. */
static uint16_t ramp_permille(
	const struct sight *sight, const struct verdict *verdict, uint32_t ramp_ms, uint64_t *step_ms)
{
	uint64_t from_ms = (uint64_t)verdict->since_s * 1000, whole_ms = ramp_whole_ms(sight, ramp_ms), elapsed_ms;
	uint64_t nsteps = RAMP_STEPS, step;

	if (verdict->state != HEALTH_UP || !verdict->recovered)
		return 1000;
	elapsed_ms = sight->now_ms > from_ms ? sight->now_ms - from_ms : 0;
	if (elapsed_ms >= whole_ms)
		return 1000;
	if (sight->ttl_s > 0 && whole_ms / sight->ttl_s / 1000 < nsteps)
		nsteps = whole_ms / sight->ttl_s / 1000; /* at least one: whole_ms is no less than the TTL */
	step = elapsed_ms * nsteps / whole_ms;
	*step_ms = from_ms + ((step + 1) * whole_ms + nsteps - 1) / nsteps;
	return (uint16_t)(RAMP_FIRST + (1000 - RAMP_FIRST) * step / nsteps);
}

/* What its own ups and downs leave of an endpoint's weight. */
static uint16_t trusted_permille(
	const struct sight *sight, const struct verdict *verdict, uint32_t ramp_ms, uint64_t *step_ms)
{
	uint16_t permille = ramp_permille(sight, verdict, ramp_ms, step_ms);

	return verdict->damped && permille > DAMPED_PERMILLE ? DAMPED_PERMILLE : permille;
}

void endpoint_look(const struct sight *sight, uint32_t number, const struct cover *pool, struct endpoint_view *view)
{
	const struct world *world = sight->world;
	const struct snapshot *snapshot = world->snapshot;
	const struct endpoint *endpoint = &snapshot->endpoints[number];
	uint64_t expires_ms = endpoint_expires_ms(endpoint);
	bool forced_up;

	*view = (struct endpoint_view){ .cover.permille = 1000, .permille = 1000, .drain = 1000 };
	/* an answer with a TTL of a second must be possible */
	view->expired = !sight->names && expires_ms != 0 && expires_ms < sight->now_ms + 1000;
	if (!overlay_is_empty(world->overlay))
		cover_pair(&view->cover, world->overlay, world->overlay->endpoint[number], sight->now_ms);
	view->change_ms = view->cover.change_ms;
	forced_up = pool->action == OVERRIDE_UP || view->cover.action == OVERRIDE_UP;
	if (endpoint->slot != SLOT_NONE)
		view->verdict = board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);
	view->doubt = view->verdict.doubt && !forced_up && view->cover.permille > 0;
	if (sight->mode == SIGHT_BLIND) {
		view->available = !view->expired;
		return;
	}
	view->available =
		!view->expired && view->cover.permille > 0 && (forced_up || verdict_allows(sight, &view->verdict));
	view->drain = view->cover.permille;
	view->permille = view->drain;
	if (!forced_up && view->available)
		view->permille = (uint16_t)((uint32_t)view->drain *
					    trusted_permille(sight, &view->verdict,
						    snapshot->pools[endpoint->pool].pool->ramp_ms, &view->step_ms) /
					    1000);
}

/* ---- pools ---- */

/* Of endpoints that have weight, or of those that have none. */
struct tally_part {
	uint32_t nup;
	bool doubt;
	uint64_t change_ms, step_ms;
};

/* What a pool gathers from its endpoints, tier after tier. */
struct tally {
	bool all;      /* the answer depends on every tier: there is a min-up */
	bool presence; /* only whether it is in service is asked, not how it shares its traffic */
	uint32_t targets_up;
	uint32_t expired;
	uint16_t drain; /* the largest of the available endpoints' */
	/* the tier that is looked at: */
	uint16_t priority;
	bool answered; /* it lies below the one that answers */
	struct tally_part some, zero;
	struct strength strength;
	/* the target that is looked at: */
	uint32_t target;
	uint16_t weight, target_drain;
	bool target_up;
};

static void depend(struct tally *tally, struct pool_view *view, const struct tally_part *part)
{
	view->doubt |= part->doubt;
	view->change_ms = sooner(view->change_ms, part->change_ms);
	if (part->nup > 1 && !tally->presence) /* alone it has all of the traffic at any weight */
		view->change_ms = sooner(view->change_ms, part->step_ms);
}

static void end_target(struct tally *tally)
{
	if (tally->target == POOL_NONE)
		return;
	strength_add(&tally->strength, tally->weight, tally->target_drain, tally->target_up);
	tally->targets_up += tally->target_up;
	tally->target = POOL_NONE;
}

static void end_tier(struct tally *tally, struct pool_view *view)
{
	end_target(tally);
	if (!tally->answered || tally->all) {
		depend(tally, view, &tally->some);
		if (tally->some.nup == 0 || tally->all)
			depend(tally, view, &tally->zero);
	}
	if (!tally->answered && strength_any(&tally->strength)) {
		view->vigour = strength_vigour(&tally->strength);
		tally->answered = true;
	}
	tally->some = tally->zero = (struct tally_part){ 0 };
	tally->strength = (struct strength){ 0 };
}

static void tally_place(
	struct tally *tally, struct pool_view *view, uint32_t target, uint16_t priority, uint16_t weight)
{
	if (priority != tally->priority)
		end_tier(tally, view);
	if (target != tally->target) { /* a target's endpoints are neighbours */
		end_target(tally);
		tally->target_drain = 0;
		tally->target_up = false;
	}
	tally->priority = priority;
	tally->target = target;
	tally->weight = weight;
}

static void tally_endpoint(struct tally *tally, struct pool_view *view, const struct endpoint_view *endpoint)
{
	struct tally_part *part = tally->weight > 0 ? &tally->some : &tally->zero;

	view->of++;
	tally->expired += endpoint->expired;
	part->doubt |= endpoint->doubt;
	part->change_ms = sooner(part->change_ms, endpoint->change_ms);
	part->step_ms = sooner(part->step_ms, endpoint->step_ms);
	if (endpoint->cover.permille > tally->target_drain)
		tally->target_drain = endpoint->cover.permille;
	if (endpoint->verdict.state == HEALTH_DOWN && endpoint->cover.permille > 0 && !endpoint->expired &&
		endpoint->verdict.since_s > view->last_down_s)
		view->last_down_s = endpoint->verdict.since_s;
	if (!endpoint->available)
		return;
	view->up++;
	part->nup++;
	tally->target_up = true;
	if (endpoint->drain > tally->drain)
		tally->drain = endpoint->drain;
}

static void tally_addresses(
	const struct sight *sight, const struct pool_part *part, struct tally *tally, struct pool_view *view)
{
	const struct endpoint *endpoints = sight->world->snapshot->endpoints;

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		struct endpoint_view endpoint;

		endpoint_look(sight, i, &view->cover, &endpoint);
		tally_place(tally, view, endpoints[i].target, endpoints[i].priority, endpoints[i].weight);
		tally_endpoint(tally, view, &endpoint);
	}
}

static void tally_targets(
	const struct sight *sight, const struct pool_plan *plan, struct tally *tally, struct pool_view *view)
{
	uint32_t at[FAMILIES] = { plan->part[FAMILY_V4].first, plan->part[FAMILY_V6].first };

	for (uint16_t i = 0; i < plan->pool->ntargets; i++) {
		const struct target *target = &plan->pool->targets[i];
		struct endpoint_view endpoint;

		target_look(sight, plan, target->number, &view->cover, at, &endpoint);
		tally_place(tally, view, target->number, target->priority, target->weight);
		tally_endpoint(tally, view, &endpoint);
	}
}

/* Without a regard to what it needs. */
static void own_look(const struct sight *sight, uint32_t pool, unsigned family, const uint16_t *service_pair,
	bool presence, struct pool_view *view)
{
	const struct pool_plan *plan = &sight->world->snapshot->pools[pool];
	struct tally tally = { .all = plan->min_up > 1, .presence = presence, .target = POOL_NONE };
	uint32_t need = 1;

	*view = (struct pool_view){
		.cover = pool_cover(sight, pool, service_pair), .vigour = VIGOUR_FULL, .missing = POOL_NONE
	};
	view->change_ms = view->cover.change_ms;
	if (family == FAMILY_ANY)
		tally_targets(sight, plan, &tally, view);
	else
		tally_addresses(sight, &plan->part[family], &tally, view);
	end_tier(&tally, view);
	if (sight->mode != SIGHT_NORMAL)
		view->vigour = VIGOUR_FULL;
	view->any_available = view->up > 0;
	view->all_expired = view->of > 0 && tally.expired == view->of;
	/* who forces a pool up wants it, however few it has */
	if (sight->mode <= SIGHT_HELD && view->cover.action != OVERRIDE_UP)
		need = plan->pool->min_up > 1 ? plan->pool->min_up : 1;
	view->drain =
		sight->mode == SIGHT_BLIND ? 1000 : (uint16_t)((uint32_t)view->cover.permille * tally.drain / 1000);
	if (view->drain == 0 && view->cover.permille > 0 && tally.drain > 0)
		view->drain = 1;
	view->in_service = tally.targets_up >= need && view->drain > 0;
	if (view->cover.permille == 0)
		view->doubt = false; /* whatever its endpoints do, it stays out until the override ends */
}

/* Is a pool that others need in service, in one family at least? One that is in no doubt settles it; else the doubt is theirs, too. One whose
 * names were never resolved counts as up: nothing waits for a first look. */
static bool stands(const struct sight *sight, uint32_t pool, struct pool_view *needy)
{
	const struct pool_plan *plan = &sight->world->snapshot->pools[pool];
	const struct sight own = {
		.mode = sight->mode, .world = sight->world, .now_ms = sight->now_ms, .names = plan->pool->via_cname
	};
	struct pool_view view[FAMILIES] = { 0 };
	unsigned n = plan->pool->via_cname ? 1 : FAMILIES;
	bool any = false;

	if (plan->unresolved && plan->part[FAMILY_V4].n + plan->part[FAMILY_V6].n == 0) {
		needy->doubt = true;
		return true;
	}
	for (unsigned i = 0; i < n; i++) {
		own_look(&own, pool, n == 1 ? FAMILY_ANY : i, NULL, true, &view[i]);
		if (view[i].in_service && !view[i].doubt) {
			needy->change_ms = sooner(needy->change_ms, view[i].change_ms);
			return true;
		}
		any |= view[i].in_service;
	}
	for (unsigned i = 0; i < n; i++) {
		needy->doubt |= view[i].doubt;
		needy->change_ms = sooner(needy->change_ms, view[i].change_ms);
	}
	return any;
}

void pool_look(const struct sight *sight, uint32_t number, unsigned family, const uint16_t *service_pair,
	struct pool_view *view)
{
	const struct pool *pool = sight->world->snapshot->pools[number].pool;

	own_look(sight, number, family, service_pair, false, view);
	if (pool->nall_needs == 0 || sight->mode > SIGHT_HELD || !view->in_service || view->cover.action == OVERRIDE_UP)
		return;
	for (uint16_t i = 0; i < pool->nall_needs; i++)
		if (!stands(sight, pool->all_needs[i], view) && view->missing == POOL_NONE)
			view->missing = pool->all_needs[i];
	view->in_service = view->missing == POOL_NONE;
}

void target_look(const struct sight *sight, const struct pool_plan *pool, uint32_t target, const struct cover *cover,
	uint32_t at[static FAMILIES], struct endpoint_view *view)
{
	const struct endpoint *endpoints = sight->world->snapshot->endpoints;
	bool known = false;

	*view = (struct endpoint_view){ .cover.permille = 1000 };
	for (enum family family = 0; family < FAMILIES; family++) {
		const struct pool_part *part = &pool->part[family];

		for (; at[family] < part->first + part->n && endpoints[at[family]].target == target; at[family]++) {
			struct endpoint_view one;

			endpoint_look(sight, at[family], cover, &one);
			if (!known || (one.available && (!view->available || one.permille > view->permille))) {
				struct endpoint_view before = *view;

				*view = one;
				one = before;
			}
			view->doubt |= one.doubt;
			view->change_ms = sooner(view->change_ms, one.change_ms);
			view->step_ms = sooner(view->step_ms, one.step_ms);
			known = true;
		}
	}
	if (!known)
		*view = (struct endpoint_view){
			.available = true,
			.doubt = true,
			.permille = 1000,
			.drain = 1000,
			.cover.permille = 1000,
		};
}

/* ---- for others ---- */

struct standing endpoint_standing(const struct world *world, uint32_t endpoint, uint64_t now_ms)
{
	const struct sight sight = { .world = world, .now_ms = now_ms };
	struct cover pool = pool_cover(&sight, world->snapshot->endpoints[endpoint].pool, NULL);
	struct endpoint_view view;
	bool in_service;

	endpoint_look(&sight, endpoint, &pool, &view);
	in_service = view.available && pool.permille > 0;
	return (struct standing){
		.state = in_service ? HEALTH_UP : HEALTH_DOWN,
		.doubt = view.doubt && pool.permille > 0,
		.forced = pool.permille < 1000 || view.cover.action == OVERRIDE_NONE ? pool.action : view.cover.action,
		.weight_permille = in_service ? (uint32_t)view.permille * pool.permille / 1000 : 0,
		.next_change_ms = sooner(sooner(view.change_ms, view.step_ms), pool.change_ms),
		.missing = POOL_NONE,
	};
}

struct standing pool_standing(const struct world *world, uint32_t pool, enum family family, uint64_t now_ms)
{
	bool names = world->snapshot->pools[pool].pool->via_cname;
	const struct sight sight = { .world = world, .now_ms = now_ms, .names = names };
	struct pool_view view;

	pool_look(&sight, pool, names ? FAMILY_ANY : (unsigned)family, NULL, &view);
	return (struct standing){
		.state = view.in_service ? HEALTH_UP : HEALTH_DOWN,
		.doubt = view.doubt,
		.forced = view.cover.action,
		.weight_permille = view.in_service ? view.drain : 0,
		.next_change_ms = view.change_ms,
		.missing = view.missing,
	};
}

uint32_t service_pools_in_service(
	const struct world *world, const struct service_plan *service, uint64_t now_ms, bool settled, uint32_t *of)
{
	bool names = service->service->via_cname;
	const struct sight sight = { .world = world, .now_ms = now_ms, .names = names };
	uint32_t n = 0;

	*of = 0;
	for (uint32_t i = 0; i < service->list->n; i++) {
		const struct candidate *candidate = &service->list->candidate[i];
		const uint16_t *pair =
			world->overlay != NULL ? world->overlay->service_pool[service->first_override + i] : NULL;
		bool in_service = false;
		struct pool_view view;

		if (candidate->pool == service->list->fallback && i >= service->list->nlisted)
			continue; /* the last resort is none of the pools to be kept */
		++*of;
		for (enum family family = 0; family < FAMILIES && !in_service; family++) {
			pool_look(&sight, candidate->pool, names ? FAMILY_ANY : (unsigned)family, pair, &view);
			in_service = view.in_service && !(settled && view.drain < 1000);
		}
		n += in_service;
	}
	return n;
}
