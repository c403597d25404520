/* By dice, endpoints are drawn one after the other from what is left, which is as even as the race of pick.c and needs no
 * logarithm; by hash the race is run, since its scores are what all hosts agree on. */
#include "gslb/glance.h"

/* ---- looking ---- */

/* A client that came back ramps until all of its weight is there. */
static bool is_ramping(const struct sight *sight, uint32_t ramp_ms, uint32_t since_s)
{
	return sight->now_ms < (uint64_t)since_s * 1000 + ramp_whole_ms(sight, ramp_ms);
}

/* What the board says of an endpoint; of one that is not probed, that it is up. */
static uint64_t word_of(const struct world *world, const struct endpoint *endpoint)
{
	if (UNLIKELY(endpoint->slot == SLOT_NONE))
		return HEALTH_UP;
	return board_word(world->slots, world->nslots, endpoint->slot, endpoint->generation);
}

/* Or will before a TTL of one second does. */
static bool any_expired(const struct sight *sight, const struct pool_part *part)
{
	const struct endpoint *endpoint = &sight->world->snapshot->endpoints[part->first];

	for (uint32_t i = 0; i < part->n; i++, endpoint++) {
		uint64_t expires_ms = endpoint_expires_ms(endpoint);

		if (expires_ms != 0 && expires_ms < sight->now_ms + 1000)
			return true;
	}
	return false;
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
	const struct world *world = sight->world;
	const struct overlay *overlay = world->overlay;
	const struct pool_part *part = &world->snapshot->pools[pool].part[family];
	const struct endpoint *endpoint = &world->snapshot->endpoints[part->first];
	uint64_t bits = 0;

	if (UNLIKELY(part->n > GLANCE_MAX || part->needs || (part->dated && any_expired(sight, part))))
		return false;
	if (UNLIKELY(overlay != NULL && overlay->neffects > 1) &&
		(any_covered(overlay, pool, part) || (service_pair != NULL && is_covered(service_pair))))
		return false;
	for (uint32_t i = 0; i < part->n; i++, endpoint++) {
		uint64_t word = word_of(world, endpoint);
		enum { RECOVERED_UP = HEALTH_UP | VERDICT_RECOVERED };

		if (UNLIKELY((word & (VERDICT_DOUBT | VERDICT_DAMPED)) != 0) &&
			((word & VERDICT_DOUBT) != 0 || (word & VERDICT_STATE) != HEALTH_DOWN))
			return false; /* what is down has no weight to be damped */
		if ((word & (VERDICT_STATE | VERDICT_RECOVERED)) == RECOVERED_UP &&
			UNLIKELY(is_ramping(sight, part->ramp_ms, (uint32_t)(word >> VERDICT_SINCE_AT))))
			return false;
		bits |= (uint64_t)((word & VERDICT_STATE) != HEALTH_DOWN) << i; /* unknown counts as up */
	}
	*up = bits;
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

	if (LIKELY(plan->min_up <= 1))
		return up != 0;
	for (uint32_t i = 0; i < part->n; i += endpoint[i].nsharers)
		ntargets += (up & target_bits(&endpoint[i], i)) != 0;
	return ntargets >= plan->min_up;
}

struct vigour glance_vigour(const struct snapshot *snapshot, const struct pool_part *part, uint64_t up)
{
	const struct endpoint *endpoint = &snapshot->endpoints[part->first];
	struct strength strength = { 0 };

	if (glance_whole(part, up))
		return VIGOUR_FULL;
	for (uint32_t i = 0; i < part->n; i += endpoint[i].nsharers) {
		if (i > 0 && endpoint[i].priority != endpoint[i - 1].priority) {
			if (strength_any(&strength))
				break; /* this tier answers */
			strength = (struct strength){ 0 };
		}
		strength_add(&strength, endpoint[i].weight, 1000, (up & target_bits(&endpoint[i], i)) != 0);
	}
	return strength_vigour(&strength);
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

/* Where the target of endpoint i ends. */
static uint32_t target_end(const struct endpoint *endpoint, uint32_t n, uint32_t i)
{
	uint32_t target = endpoint[i].target;

	while (i < n && endpoint[i].target == target)
		i++;
	return i;
}

static uint64_t below(uint32_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* A target's addresses share its weight. The units are those of pick_addresses in decide.c. */
static uint64_t units_of(const struct endpoint *endpoint, uint64_t up_of_target)
{
	uint64_t units = (uint64_t)endpoint->weight * PICK_UNITS;

	return endpoint->nsharers > 1 ? units / (unsigned)__builtin_popcountll(up_of_target) : units;
}

/* The usual case: each of these endpoints has its own weight, and nothing else counts. */
static void tier_gather_even(
	struct tier *tier, const struct endpoint *endpoints, const struct pool_part *part, uint64_t left)
{
	unsigned n = 0;
	uint64_t total = 0;

	for (; left != 0; left &= left - 1) {
		uint32_t number = part->first + (uint32_t)__builtin_ctzll(left);
		uint64_t units = (uint64_t)endpoints[number].weight * PICK_UNITS;

		tier->endpoint[n] = number;
		tier->units[n++] = units;
		total += units;
	}
	tier->n = n;
	tier->total = total;
}

/* What there is to choose from: of the highest tier with something up, what has weight, else all as equals. */
static void tier_gather(struct tier *tier, const struct endpoint *endpoints, const struct pool_part *part, uint64_t up)
{
	const struct endpoint *endpoint = &endpoints[part->first];
	uint16_t priority = endpoint[__builtin_ctzll(up)].priority;
	uint64_t zero = 0, of_target = 0;
	uint32_t next = 0; /* behind the target that of_target is of */

	tier->n = 0;
	tier->total = 0;
	for (uint64_t left = up; left != 0; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);

		if (endpoint[i].priority != priority)
			break;
		if (endpoint[i].weight == 0) {
			zero |= left & -left;
			continue;
		}
		if (endpoint[i].nsharers > 1 && i >= next) {
			/* its first address that is up: the ones before it are not, and lie below */
			next = target_end(endpoint, part->n, i);
			of_target = left & below(next);
		}
		tier_add(tier, part->first + i, units_of(&endpoint[i], of_target));
	}
	if (tier->n > 0)
		return;
	for (; zero != 0; zero &= zero - 1)
		tier_add(tier, part->first + (uint32_t)__builtin_ctzll(zero), 1);
}

/* One draw from the first n. Every unit is looked at, whatever the dice say: a loop that ended where they fall would be guessed wrong by
 * the processor every other time, and a guess is worth more than a few additions. */
static unsigned draw_one(const struct tier *tier, unsigned n, uint64_t total, struct dice *dice)
{
	uint64_t draw = dice_below(dice, total), sum = 0;
	unsigned drawn = 0;

	for (unsigned i = 0; i + 1 < n; i++) {
		sum += tier->units[i];
		drawn += draw >= sum;
	}
	return drawn;
}

static unsigned tier_draw(struct tier *tier, const struct glance_choice *choice, uint32_t endpoint[static PICK_MAX])
{
	unsigned left = tier->n, wanted = choice->wanted < left ? choice->wanted : left, picked = 0;
	uint64_t total = tier->total;

	while (picked < wanted) {
		unsigned i = left > 1 ? draw_one(tier, left, total, choice->dice) : 0;

		endpoint[picked++] = tier->endpoint[i];
		total -= tier->units[i];
		left--; /* the last one takes its place */
		tier->units[i] = tier->units[left];
		tier->endpoint[i] = tier->endpoint[left];
	}
	return picked;
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

	if (LIKELY(part->even && (up & part->whole) != 0))
		tier_gather_even(&tier, snapshot->endpoints, part, up & part->whole);
	else
		tier_gather(&tier, snapshot->endpoints, part, up);
	if (LIKELY(!choice->sticky))
		return tier_draw(&tier, choice, endpoint);
	return tier_race(&tier, snapshot->endpoints, choice, endpoint);
}
