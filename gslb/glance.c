/* By dice, endpoints are drawn one after the other from what is left, which is as even as the race of pick.c and needs no
 * logarithm; by hash the race is run, since its scores are what all hosts agree on. */
#include "gslb/glance.h"

/* ---- looking ---- */

/* A client that came back ramps until all of its weight is there. */
static bool is_ramping(const struct sight *sight, const struct endpoint *endpoint, uint32_t since_s)
{
	uint32_t ramp_ms = sight->world->snapshot->pools[endpoint->pool].pool->ramp_ms;

	return sight->now_ms < (uint64_t)since_s * 1000 + ramp_ms;
}

enum glimpse { GLIMPSE_DOWN, GLIMPSE_UP, GLIMPSE_MORE };

static enum glimpse glimpse(const struct sight *sight, const struct endpoint *endpoint)
{
	const struct world *world = sight->world;
	uint64_t expires_ms = endpoint_expires_ms(endpoint), word;

	if (expires_ms != 0 && expires_ms < sight->now_ms + 1000)
		return GLIMPSE_MORE;
	if (endpoint->slot == SLOT_NONE)
		return GLIMPSE_UP;
	word = board_word(world->slots, world->nslots, endpoint->slot, endpoint->generation);
	if (word & VERDICT_DOUBT)
		return GLIMPSE_MORE;
	switch (word & VERDICT_STATE) {
	case HEALTH_DOWN:
		return GLIMPSE_DOWN;
	case HEALTH_UP:
		if (word & VERDICT_RECOVERED && is_ramping(sight, endpoint, (uint32_t)(word >> VERDICT_SINCE_AT)))
			return GLIMPSE_MORE;
		return GLIMPSE_UP;
	}
	return GLIMPSE_UP; /* unknown */
}

static bool is_covered(const uint16_t pair[2])
{
	return (pair[0] | pair[1]) != 0;
}

static bool any_covered(const struct overlay *overlay, uint32_t pool, const struct pool_part *part)
{
	if (is_covered(overlay->pool[pool]))
		return true;
	for (uint32_t i = 0; i < part->n; i++)
		if (is_covered(overlay->endpoint[part->first + i]))
			return true;
	return false;
}

bool pool_glance(
	const struct sight *sight, uint32_t pool, enum family family, const uint16_t *service_pair, uint64_t *up)
{
	const struct overlay *overlay = sight->world->overlay;
	const struct snapshot *snapshot = sight->world->snapshot;
	const struct pool_part *part = &snapshot->pools[pool].part[family];
	const struct endpoint *endpoint = &snapshot->endpoints[part->first];

	if (part->n > GLANCE_MAX)
		return false;
	if (overlay != NULL && overlay->neffects > 1 &&
		(any_covered(overlay, pool, part) || (service_pair != NULL && is_covered(service_pair))))
		return false;
	*up = 0;
	for (uint32_t i = 0; i < part->n; i++, endpoint++) {
		enum glimpse seen = glimpse(sight, endpoint);

		if (seen == GLIMPSE_MORE)
			return false;
		*up |= (uint64_t)seen << i;
	}
	return true;
}

/* Of endpoint i's target, which begins there: one bit for each of its addresses. */
static uint64_t target_bits(const struct endpoint *endpoint, uint32_t i)
{
	return (UINT64_MAX >> (64 - endpoint->nsharers)) << i;
}

bool glance_serves(const struct snapshot *snapshot, uint32_t pool, enum family family, uint64_t up)
{
	const struct pool_plan *plan = &snapshot->pools[pool];
	const struct pool_part *part = &plan->part[family];
	const struct endpoint *endpoint = &snapshot->endpoints[part->first];
	uint32_t ntargets = 0;

	if (plan->min_up <= 1)
		return up != 0;
	for (uint32_t i = 0; i < part->n; i += endpoint[i].nsharers)
		ntargets += (up & target_bits(&endpoint[i], i)) != 0;
	return ntargets >= plan->min_up;
}

/* ---- choosing ---- */

/* What there is to choose from: endpoints of one tier. */
struct tier {
	unsigned n;
	uint64_t total;
	uint32_t endpoint[GLANCE_MAX];
	uint64_t units[GLANCE_MAX];
};

static void tier_add(struct tier *tier, uint32_t endpoint, uint64_t units)
{
	tier->endpoint[tier->n] = endpoint;
	tier->units[tier->n++] = units;
	tier->total += units;
}

/* A target's addresses share its weight. The units are those of pick_addresses in decide.c. */
static uint64_t units_of(const struct endpoint *endpoint, uint64_t up_of_target)
{
	uint64_t units = (uint64_t)endpoint->weight * PICK_UNITS;

	return endpoint->nsharers > 1 ? units / (unsigned)__builtin_popcountll(up_of_target) : units;
}

/* What the endpoints from *at on to the end of their tier have to choose from: those with weight, else all as equals. *at is
 * moved behind them. */
static void tier_gather(
	struct tier *tier, const struct endpoint *endpoints, const struct pool_part *part, uint64_t up, uint32_t *at)
{
	const struct endpoint *endpoint = &endpoints[part->first];
	uint16_t priority = endpoint[*at].priority;
	uint64_t zero = 0, of_target = 0;
	uint32_t i, next = *at;

	tier->n = 0;
	tier->total = 0;
	for (i = *at; i < part->n && endpoint[i].priority == priority; i++) {
		if (i == next) {
			of_target = up & target_bits(&endpoint[i], i);
			next = i + endpoint[i].nsharers;
		}
		if (!(up >> i & 1))
			continue;
		if (endpoint[i].weight > 0)
			tier_add(tier, part->first + i, units_of(&endpoint[i], of_target));
		else
			zero |= UINT64_C(1) << i;
	}
	*at = i;
	if (tier->n > 0)
		return;
	for (; zero != 0; zero &= zero - 1)
		tier_add(tier, part->first + (uint32_t)__builtin_ctzll(zero), 1);
}

static unsigned tier_draw(struct tier *tier, const struct glance_choice *choice, uint32_t endpoint[static PICK_MAX])
{
	unsigned n = choice->wanted < tier->n ? choice->wanted : tier->n;

	for (unsigned picked = 0; picked < n; picked++) {
		uint64_t left = dice_below(choice->dice, tier->total);
		unsigned i = 0;

		for (; left >= tier->units[i]; i++)
			left -= tier->units[i];
		endpoint[picked] = tier->endpoint[i];
		/* the last one takes its place */
		tier->total -= tier->units[i];
		tier->units[i] = tier->units[--tier->n];
		tier->endpoint[i] = tier->endpoint[tier->n];
	}
	return n;
}

static unsigned tier_race(const struct tier *tier, const struct endpoint *endpoints, const struct glance_choice *choice,
	uint32_t endpoint[static PICK_MAX])
{
	struct picker picker;

	picker_init(&picker, choice->wanted, choice->dice, true, choice->key);
	for (unsigned i = 0; i < tier->n; i++)
		picker_add(&picker, tier->endpoint[i], endpoints[tier->endpoint[i]].identity, tier->units[i]);
	for (unsigned i = 0; i < picker.npicked; i++)
		endpoint[i] = picker.id[i];
	return picker.npicked;
}

unsigned glance_pick(const struct snapshot *snapshot, const struct pool_part *part, uint64_t up,
	const struct glance_choice *choice, uint32_t endpoint[static PICK_MAX])
{
	struct tier tier;
	uint32_t at = 0;

	do
		tier_gather(&tier, snapshot->endpoints, part, up, &at);
	while (tier.n == 0 && at < part->n);
	if (!choice->sticky)
		return tier_draw(&tier, choice, endpoint);
	return tier_race(&tier, snapshot->endpoints, choice, endpoint);
}
