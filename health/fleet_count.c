/* From what hosts say to what a region says, and from that to the verdict: for all, and for the clients of this region. */
#include <stdio.h>
#include <string.h>

#include "health/fleet_inner.h"

/* ---- a region's vote ---- */

struct hands {
	unsigned up, down, leaning_up, leaning_down;
	uint32_t since_up[FLEET_HOSTS_MAX], since_down[FLEET_HOSTS_MAX];
};

static void show_hands(
	const struct fleet *fleet, const struct member *member, uint8_t region, uint64_t now_ms, struct hands *hands)
{
	hands->up = hands->down = hands->leaning_up = hands->leaning_down = 0;
	for (unsigned i = 0; i < member->nsaid; i++) {
		const struct said *said = &member->said[i];

		if (fleet->hosts[said->host].number != region || !fleet_counts(fleet, said, now_ms))
			continue;
		if (said->says == VOTE_UP) {
			votes_add_since(hands->since_up, &hands->up, said->since_s);
			hands->leaning_down += said->leaning;
		} else if (said->says == VOTE_DOWN) {
			votes_add_since(hands->since_down, &hands->down, said->since_s);
			hands->leaning_up += said->leaning;
		}
	}
}

static struct vote region_vote(const struct fleet *fleet, const struct member *member, uint8_t region, uint64_t now_ms)
{
	struct vote vote = { 0 };
	struct hands hands;

	show_hands(fleet, member, region, now_ms, &hands);
	if (hands.up > hands.down) {
		vote.says = VOTE_UP;
		vote.leaning = hands.leaning_down + hands.down > 0;
		vote.since_s = hands.since_up[hands.down];
	} else if (hands.down > hands.up) {
		vote.says = VOTE_DOWN;
		vote.leaning = hands.leaning_up + hands.up > 0;
		vote.since_s = hands.since_down[hands.up];
	}
	return vote;
}

/* ---- our region's own view ---- */

static unsigned trusted_hosts(const struct fleet *fleet)
{
	unsigned n = 0;

	for (unsigned i = 0; i < fleet->nhosts; i++) {
		const struct host *host = &fleet->hosts[i];

		n += host->number == fleet->hosts[FLEET_OWN].number && host->alive && !host->abstains;
	}
	return n;
}

struct view {
	enum health_state state; /* HEALTH_UNKNOWN: there is none */
	bool leaning;
	uint32_t since_s;
};

/* At least two hosts, and all of those that are alive say the same. */
static struct view own_view(const struct fleet *fleet, const struct member *member, uint64_t now_ms)
{
	unsigned trusted = member->own ? trusted_hosts(fleet) : 0;
	struct view view = { 0 };
	struct hands hands;

	if (trusted < 2)
		return view;
	show_hands(fleet, member, fleet->hosts[FLEET_OWN].number, now_ms, &hands);
	if (hands.up == trusted)
		view = (struct view){ HEALTH_UP, hands.leaning_down > 0, hands.since_up[trusted - 1] };
	else if (hands.down == trusted)
		view = (struct view){ HEALTH_DOWN, hands.leaning_up > 0, hands.since_down[trusted - 1] };
	return view;
}

/* ---- verdicts ---- */

/* The votes of all: the state, which stays without a quorum. */
static void count_all(
	struct fleet *fleet, struct member *member, const struct fleet_now *now, struct fleet_verdict *verdict)
{
	struct vote votes[ASSIGN_VANTAGES_MAX];
	struct votes_result *result = &verdict->votes;

	for (unsigned i = 0; i < member->nassigned; i++) {
		votes[i] = region_vote(fleet, member, member->chosen[i], now->monotonic_ms);
		verdict->says[i] = (struct fleet_says){ member->chosen[i], votes[i].says, votes[i].leaning };
	}
	votes_count(votes, member->nassigned, member->state, result);
	verdict->nassigned = member->nassigned;
	if (!result->decided) {
		if (member->decided)
			member->frozen_ms = now->monotonic_ms;
		member->decided = false;
		return;
	}
	if (result->state == HEALTH_DOWN || result->state != member->state || member->since_s == 0)
		member->since_s = result->since_s; /* of a "down" all hosts must have the same one */
	member->decided = member->quorate = true;
	member->frozen_ms = 0;
	member->state = result->state;
	member->unanimous = result->unanimous || member->nassigned == 1;
}

struct kin {
	struct fleet *fleet;
	const struct member *self;
};

static void queue_kin(void *arg, uint32_t slot)
{
	const struct kin *kin = arg;
	struct member *member = fleet_member(kin->fleet, slot);

	if (member != NULL && member != kin->self)
		fleet_queue(kin->fleet, member);
}

/* Does the budget keep it up? */
static bool is_held(struct fleet *fleet, struct gate *gate, const struct member *member, bool down, bool unanimous,
	uint32_t since_s, uint64_t wall_ms, struct gate_hold *hold)
{
	const struct kin kin = { fleet, member };

	if (gate_put(gate, member->slot, down, unanimous, since_s * UINT64_C(1000)))
		gate_kin(gate, member->slot, queue_kin, (void *)(uintptr_t)&kin);
	return down && gate_holds(gate, member->slot, wall_ms, hold);
}

/* What all hosts should have alike. Which way a vantage leans changes with each probe that is lost: of many endpoints some would always be on
 * their way, and no two hosts' digests of one second the same. */
static uint64_t print_of(const struct member *member, const struct fleet_verdict *verdict, bool held)
{
	uint64_t word = (member->quorate ? (uint64_t)member->state : HEALTH_UNKNOWN) | (held ? 4 : 0);

	for (unsigned i = 0; i < verdict->nassigned; i++)
		word = word << 2 | (verdict->says[i].says + 1U);
	for (unsigned i = 0; i < verdict->nassigned; i++)
		word = hash_mix(word, verdict->says[i].region);
	return hash_mix(hash_mix(UINT64_C(0x6469676573743031), member->id), word);
}

void fleet_judge(struct fleet *fleet, uint32_t slot, const struct fleet_now *now, struct fleet_verdict *verdict)
{
	struct member *member = fleet_member(fleet, slot);
	struct gate_hold hold;
	struct view view;
	bool held, other;

	*verdict = (struct fleet_verdict){ 0 };
	if (member == NULL)
		return;
	count_all(fleet, member, now, verdict);
	held = is_held(fleet, fleet->all, member, member->quorate && member->state == HEALTH_DOWN, member->unanimous,
		member->since_s, now->wall_ms, &hold);
	fleet->digest -= member->print;
	member->print = print_of(member, verdict, held);
	fleet->digest += member->print;

	view = own_view(fleet, member, now->monotonic_ms);
	other = view.state != HEALTH_UNKNOWN && view.state != member->state;
	verdict->regional = other && member->state != HEALTH_UNKNOWN;
	verdict->state = other ? view.state : member->state;
	verdict->since_s = other ? view.since_s : member->since_s;
	verdict->held = is_held(fleet, fleet->own, member, verdict->state == HEALTH_DOWN, !other && member->unanimous,
		verdict->since_s, now->wall_ms, &verdict->hold);
	verdict->frozen = !member->decided;
	verdict->old = verdict->frozen && now->monotonic_ms >= member->frozen_ms + FLEET_DOUBT_MS;
	verdict->doubt = view.state != HEALTH_UNKNOWN ? view.leaning || other : verdict->votes.doubt || verdict->old;
	if (verdict->held) {
		verdict->state = HEALTH_UP;
		verdict->doubt = true;
	}
	member->held = verdict->held;
	member->regional = verdict->regional;
}

const char *fleet_sentence(
	const struct fleet *fleet, const struct fleet_verdict *verdict, char text[static GATE_TEXT_MAX])
{
	return gate_sentence(fleet->own, &verdict->hold, &verdict->votes, text);
}

/* ---- the whole ---- */

static void count_hosts(const struct fleet *fleet, uint64_t now_ms, struct fleet_totals *totals)
{
	totals->hosts = fleet->nhosts - 1;
	for (unsigned i = 1; i < fleet->nhosts; i++) {
		const struct host *host = &fleet->hosts[i];

		totals->alive += host->alive;
		totals->agree += host->alive && host->digest == fleet->digest;
		if (totals->differs || host->differs_ms == 0 || now_ms < host->differs_ms + FLEET_DIFFERS_MS)
			continue;
		totals->differs = true;
		snprintf(totals->differing, sizeof totals->differing, "%s/%s", host->region, host->node);
	}
}

void fleet_totals(const struct fleet *fleet, const struct fleet_now *now, struct fleet_totals *totals)
{
	*totals =
		(struct fleet_totals){ .members = fleet->nmembers, .digest = fleet->digest, .refused = fleet->refused };
	for (uint32_t i = 0; i < fleet->nmembers; i++) {
		const struct member *member = &fleet->members[i];
		uint64_t frozen_ms = now->monotonic_ms - member->frozen_ms;

		totals->assigned += member->own;
		totals->frozen += !member->decided;
		totals->old += !member->decided && frozen_ms >= FLEET_DOUBT_MS;
		totals->alarming += !member->decided && frozen_ms >= FLEET_ALARM_MS;
		totals->held += member->held;
		totals->regional += member->regional;
	}
	count_hosts(fleet, now->monotonic_ms, totals);
}
