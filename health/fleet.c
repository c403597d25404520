/* Members lie by the number under which all hosts know them, so that what is heard, which is in that order, is one walk over both. What is
 * to be looked at waits in a queue, once each. */
#include "health/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/fleet_inner.h"

enum {
	GAP_MS = 3500,        /* a host that says something every second was away */
	FORGOTTEN_MS = 60000, /* nothing was heard of it for so long: as gslb-relay has it (ORIGIN_FORGOTTEN_MS) */
};

/* ---- the queue ---- */

void fleet_queue(struct fleet *fleet, struct member *member)
{
	if (member->queued)
		return;
	member->queued = true;
	fleet->queue[(fleet->queue_first + fleet->queue_len++) % fleet->nmembers] = (uint32_t)(member - fleet->members);
}

static void queue_all(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->nmembers; i++)
		fleet_queue(fleet, &fleet->members[i]);
}

bool fleet_next(struct fleet *fleet, uint32_t *slot, bool *suspect)
{
	struct member *member;

	if (fleet->queue_len == 0)
		return false;
	member = &fleet->members[fleet->queue[fleet->queue_first]];
	fleet->queue_first = (fleet->queue_first + 1) % fleet->nmembers;
	fleet->queue_len--;
	*slot = member->slot;
	*suspect = member->suspect && member->own;
	member->queued = member->suspect = false;
	return true;
}

/* ---- the plan ---- */

static uint8_t region_number(const struct health_fleet *plan, const char *region)
{
	for (size_t i = 0; i < plan->nregions; i++)
		if (strcmp(plan->regions[i], region) == 0)
			return (uint8_t)i;
	return FLEET_NOWHERE;
}

static void name_hosts(struct fleet *fleet)
{
	struct host *own = &fleet->hosts[FLEET_OWN];

	snprintf(own->region, sizeof own->region, "%s", fleet->plan.region != NULL ? fleet->plan.region : "");
	for (unsigned i = 0; i < fleet->nhosts; i++)
		fleet->hosts[i].number = region_number(&fleet->plan, fleet->hosts[i].region);
}

struct fresh {
	uint64_t identity;
	const struct health_target *target;
};

static int by_identity(const void *a, const void *b)
{
	const struct fresh *x = a, *y = b;

	return (x->identity > y->identity) - (x->identity < y->identity);
}

static struct member member_for(const struct fleet *fleet, const struct fresh *fresh, const struct fleet_now *now)
{
	struct member member = {
		.id = ballot_id(fresh->identity), .slot = fresh->target->slot, .frozen_ms = now->monotonic_ms
	};

	member.nassigned = (uint8_t)assign_regions(fleet->plan.regions, (unsigned)fleet->plan.nregions, fresh->identity,
		fresh->target->vantages, member.chosen);
	for (unsigned i = 0; i < member.nassigned; i++)
		member.own |= member.chosen[i] == fleet->hosts[FLEET_OWN].number;
	return member;
}

/* Those of whom two would have one number on the ballots (one of 10^9 pairs) are no members, all but the first. */
static uint32_t choose_members(const struct fleet *fleet, const struct health_plan *plan, uint32_t nslots,
	const struct fleet_now *now, struct member *members)
{
	struct fresh *fresh = mem_alloc((plan->ntargets + 1) * sizeof *fresh);
	uint32_t n = 0, nmembers = 0;

	for (size_t i = 0; i < plan->ntargets && fleet->plan.nregions > 0; i++) {
		const struct health_target *target = &plan->targets[i];

		if (target->vantages > 0 && target->slot < nslots)
			fresh[n++] =
				(struct fresh){ health_identity(&target->addr, target->port, &target->probe), target };
	}
	qsort(fresh, n, sizeof *fresh, by_identity);
	for (uint32_t i = 0; i < n; i++)
		if (nmembers == 0 || members[nmembers - 1].id != ballot_id(fresh[i].identity))
			members[nmembers++] = member_for(fleet, &fresh[i], now);
	free(fresh);
	return nmembers;
}

/* What was said stays, of those regions that still probe it. */
static void take_over(struct member *member, struct member *old)
{
	struct member before = *member;

	*member = *old;
	old->said = NULL;
	member->slot = before.slot;
	member->nassigned = before.nassigned;
	memcpy(member->chosen, before.chosen, sizeof member->chosen);
	member->own = before.own;
	member->print = 0;
	member->queued = member->held = member->regional = false;
}

static void drop_members(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->nmembers; i++)
		free(fleet->members[i].said);
	free(fleet->members);
	free(fleet->member_of);
	free(fleet->queue);
	gate_free(fleet->all);
	gate_free(fleet->own);
}

static void drop_said(struct member *member, struct said *said)
{
	*said = member->said[--member->nsaid];
}

/* Own votes are not carried on where this region does not probe any more. */
static void drop_own_vote(struct member *member)
{
	for (unsigned i = 0; i < member->nsaid && !member->own; i++)
		if (member->said[i].host == FLEET_OWN)
			drop_said(member, &member->said[i]);
}

/* The board has room for very many, and a host that is alone has no members. */
static uint32_t slots_used(const struct member *members, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used = members[i].slot >= used ? members[i].slot + 1 : used;
	return used;
}

void fleet_set(struct fleet *fleet, const struct health_plan *plan, uint32_t nslots, const struct fleet_now *now)
{
	struct member *members = mem_alloc((plan->ntargets + 1) * sizeof *members);
	uint32_t n, old = 0;

	fleet->plan = plan->fleet;
	name_hosts(fleet);
	n = choose_members(fleet, plan, nslots, now, members);
	for (uint32_t i = 0; i < n; i++) {
		while (old < fleet->nmembers && fleet->members[old].id < members[i].id)
			old++;
		if (old < fleet->nmembers && fleet->members[old].id == members[i].id)
			take_over(&members[i], &fleet->members[old]);
		drop_own_vote(&members[i]);
	}
	drop_members(fleet);
	fleet->members = members;
	fleet->nmembers = n;
	fleet->nslots = slots_used(members, n);
	fleet->member_of = mem_alloc(((size_t)fleet->nslots + 1) * sizeof *fleet->member_of);
	fleet->queue = mem_alloc(((size_t)n + 1) * sizeof *fleet->queue);
	fleet->queue_first = fleet->queue_len = fleet->next_look = fleet->nchanged = 0;
	fleet->digest = 0;
	fleet->all = gate_new(plan, fleet->nslots);
	fleet->own = gate_new(plan, fleet->nslots);
	for (uint32_t i = 0; i < n; i++) {
		fleet->member_of[members[i].slot] = i + 1;
		fleet->nchanged += members[i].changed;
	}
	queue_all(fleet);
	fleet->full_wanted = true;
}

bool fleet_has(const struct fleet *fleet, uint32_t slot)
{
	return fleet_member(fleet, slot) != NULL;
}

bool fleet_assigned(const struct fleet *fleet, uint32_t slot)
{
	const struct member *member = fleet_member(fleet, slot);

	return member != NULL && member->own;
}

bool fleet_is_ours(const struct fleet *fleet, uint8_t region)
{
	return region != FLEET_NOWHERE && region == fleet->hosts[FLEET_OWN].number;
}

void fleet_restore(struct fleet *fleet, uint32_t slot, enum health_state state, uint32_t since_s)
{
	struct member *member = fleet_member(fleet, slot);

	if (member == NULL || member->decided || member->state != HEALTH_UNKNOWN)
		return;
	member->state = state;
	member->since_s = since_s;
	fleet_queue(fleet, member);
}

/* ---- hosts ---- */

static struct host *find_host(struct fleet *fleet, const char *region, const char *node)
{
	for (unsigned i = 0; i < fleet->nhosts; i++)
		if (strcmp(fleet->hosts[i].region, region) == 0 && strcmp(fleet->hosts[i].node, node) == 0)
			return &fleet->hosts[i];
	return NULL;
}

static bool is_forgotten(const struct host *host, uint64_t now_ms)
{
	return now_ms >= host->heard_ms + FORGOTTEN_MS;
}

/* Names come and go; what one of long ago said is not the next one's. */
static struct host *take_over_host(struct fleet *fleet, uint64_t now_ms)
{
	struct said *said;
	unsigned i = 1;

	while (i < fleet->nhosts && !is_forgotten(&fleet->hosts[i], now_ms))
		i++;
	if (i == fleet->nhosts)
		return NULL;
	for (uint32_t k = 0; k < fleet->nmembers; k++) {
		said = member_said(&fleet->members[k], i);
		if (said != NULL)
			drop_said(&fleet->members[k], said);
	}
	return &fleet->hosts[i];
}

static struct host *add_host(struct fleet *fleet, const struct state_said *said, uint64_t now_ms)
{
	uint8_t number = region_number(&fleet->plan, said->region);
	struct host *host;

	if (number == FLEET_NOWHERE)
		return NULL;
	host = fleet->nhosts < FLEET_HOSTS_MAX ? &fleet->hosts[fleet->nhosts++] : take_over_host(fleet, now_ms);
	if (host == NULL)
		return NULL;
	*host = (struct host){ .number = number, .epoch = said->epoch };
	snprintf(host->region, sizeof host->region, "%s", said->region);
	snprintf(host->node, sizeof host->node, "%s", said->node);
	return host;
}

/* Its program was started anew, and counts from the beginning: all that is new is newer. An epoch is the time of a clock, which may have been
 * set back; so a lower one is an earlier one only as long as the later one is heard. */
static void begin_epoch(struct fleet *fleet, struct host *host, uint64_t epoch)
{
	struct said *said;

	host->epoch = epoch;
	host->seq = 0;
	for (uint32_t i = 0; i < fleet->nmembers; i++) {
		said = member_said(&fleet->members[i], (unsigned)(host - fleet->hosts));
		if (said != NULL)
			said->seq = 0;
	}
}

static void take_head(
	struct fleet *fleet, struct host *host, const struct ballot_head *head, uint64_t seq, uint64_t heard_ms)
{
	bool back = !host->alive || heard_ms > host->heard_ms + GAP_MS;

	if (heard_ms > host->heard_ms)
		host->heard_ms = heard_ms;
	if (back) { /* what was said meanwhile did not get there */
		fleet->full_wanted = true;
		queue_all(fleet);
	}
	host->alive = true;
	if (seq < host->seq)
		return;
	host->seq = seq;
	host->digest = head->digest;
	if (host->abstains != head->abstains)
		queue_all(fleet);
	host->abstains = head->abstains;
}

/* ---- what a host says of one endpoint ---- */

static bool is_failing(const struct said *said)
{
	return said != NULL && (said->says == VOTE_DOWN || (said->says == VOTE_UP && said->leaning));
}

static struct said *add_said(struct member *member, unsigned host)
{
	member->said = mem_resize(member->said, (member->nsaid + 1U) * sizeof *member->said);
	member->said[member->nsaid] = (struct said){ .host = (uint16_t)host };
	return &member->said[member->nsaid++];
}

static bool is_chosen(const struct member *member, uint8_t region)
{
	for (unsigned i = 0; i < member->nassigned; i++)
		if (member->chosen[i] == region)
			return true;
	return false;
}

struct hearing_of {
	unsigned host;
	uint64_t seq, at_ms;
};

static void take_says(struct fleet *fleet, struct member *member, const struct hearing_of *of,
	const struct ballot_entry *entry, uint64_t now_ms)
{
	struct said *said = member_said(member, of->host), was = said != NULL ? *said : (struct said){ 0 };
	bool failed = is_failing(said);

	if (said != NULL && said->seq > of->seq)
		return;
	if (said == NULL)
		said = add_said(member, of->host);
	*said = (struct said){
		.seq = of->seq,
		.at_ms = of->at_ms > was.at_ms ? of->at_ms : was.at_ms,
		.since_s = entry->since_s,
		.host = (uint16_t)of->host,
		.says = (uint8_t)entry->says,
		.leaning = entry->leaning,
	};
	if (was.says != said->says || was.leaning != said->leaning || was.since_s != said->since_s ||
		now_ms >= was.at_ms + VOTES_FRESH_MS)
		fleet_queue(fleet, member);
	if (!failed && is_failing(said)) {
		member->suspect = true;
		fleet_queue(fleet, member);
	}
}

/* The latest one that had a quorum; of two of one second the one that serves. */
static bool is_later(const struct ballot_entry *entry, const struct member *member)
{
	if (!member->quorate)
		return true;
	if (entry->kept_since_s != member->since_s)
		return entry->kept_since_s > member->since_s;
	if (entry->kept != member->state)
		return entry->kept == HEALTH_UP;
	return entry->kept_unanimous && !member->unanimous;
}

static void take_kept(struct fleet *fleet, struct member *member, const struct ballot_entry *entry)
{
	if (entry->kept == HEALTH_UNKNOWN || member->decided || !is_later(entry, member))
		return;
	member->state = entry->kept;
	member->since_s = entry->kept_since_s;
	member->unanimous = entry->kept_unanimous;
	member->quorate = true;
	fleet_queue(fleet, member);
}

/* A full one does not mention it (any more). */
static void forget_said(struct fleet *fleet, struct member *member, const struct hearing_of *of)
{
	struct said *said = member_said(member, of->host);

	if (said == NULL || said->seq > of->seq)
		return;
	drop_said(member, said);
	fleet_queue(fleet, member);
}

static uint32_t first_from(const struct fleet *fleet, uint64_t id)
{
	uint32_t low = 0, high = fleet->nmembers;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (fleet->members[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* A part of a full one: members and entries in step. */
static bool take_full(struct fleet *fleet, const struct hearing_of *of, const struct ballot_head *head,
	struct ballot_reader *reader, uint64_t now_ms)
{
	uint8_t region = fleet->hosts[of->host].number;
	uint32_t i = first_from(fleet, head->from);
	struct ballot_entry entry;
	bool more = ballot_next(reader, &entry);

	for (; i < fleet->nmembers && fleet->members[i].id <= head->to; i++) {
		struct member *member = &fleet->members[i];

		while (more && entry.id < member->id)
			more = ballot_next(reader, &entry);
		if (reader->bad)
			return false;
		if (!more || entry.id != member->id) {
			forget_said(fleet, member, of);
			continue;
		}
		if (is_chosen(member, region))
			take_says(fleet, member, of, &entry, now_ms);
		take_kept(fleet, member, &entry);
	}
	while (more)
		more = ballot_next(reader, &entry);
	return !reader->bad;
}

static bool take_changes(
	struct fleet *fleet, const struct hearing_of *of, struct ballot_reader *reader, uint64_t now_ms)
{
	uint8_t region = fleet->hosts[of->host].number;
	struct ballot_entry entry;

	while (ballot_next(reader, &entry)) {
		uint32_t i = first_from(fleet, entry.id);

		if (i == fleet->nmembers || fleet->members[i].id != entry.id)
			continue;
		if (is_chosen(&fleet->members[i], region))
			take_says(fleet, &fleet->members[i], of, &entry, now_ms);
		take_kept(fleet, &fleet->members[i], &entry);
	}
	return !reader->bad;
}

static bool refuse(struct fleet *fleet)
{
	fleet->refused++;
	return false;
}

bool fleet_hear(struct fleet *fleet, const struct state_said *said, const struct fleet_now *now)
{
	struct host *host = find_host(fleet, said->region, said->node);
	uint64_t heard_ms = now->monotonic_ms > said->age_ms ? now->monotonic_ms - said->age_ms : 0;
	struct ballot_reader reader;
	struct ballot_head head;
	struct hearing_of of;
	bool good;

	if (host == &fleet->hosts[FLEET_OWN])
		return true;
	if (said->kind != STATE_VOTES || !ballot_open(&reader, said->body, said->len, &head))
		return refuse(fleet);
	if (host == NULL)
		host = add_host(fleet, said, now->monotonic_ms);
	if (host == NULL || host->number == FLEET_NOWHERE)
		return refuse(fleet);
	if (said->epoch < host->epoch && !is_forgotten(host, now->monotonic_ms))
		return true;
	if (heard_ms + VOTES_FRESH_MS <= now->monotonic_ms)
		return true;
	if (said->epoch != host->epoch)
		begin_epoch(fleet, host, said->epoch);
	take_head(fleet, host, &head, said->seq, heard_ms);
	of = (struct hearing_of){ .host = (unsigned)(host - fleet->hosts), .seq = said->seq, .at_ms = heard_ms };
	good = head.from <= head.to ? take_full(fleet, &of, &head, &reader, now->monotonic_ms)
				    : take_changes(fleet, &of, &reader, now->monotonic_ms);
	return good || refuse(fleet);
}

/* ---- this host ---- */

void fleet_vote(struct fleet *fleet, uint32_t slot, enum vote_says says, bool leaning, uint32_t since_s)
{
	struct member *member = fleet_member(fleet, slot);
	struct said *said;

	if (member == NULL || !member->own)
		return;
	said = member_said(member, FLEET_OWN);
	if (said == NULL)
		said = add_said(member, FLEET_OWN);
	if (said->says == says && said->leaning == leaning)
		return;
	if (said->says != says)
		said->since_s = since_s;
	said->says = (uint8_t)says;
	said->leaning = leaning;
	fleet->nchanged += !member->changed;
	member->changed = true;
	fleet_queue(fleet, member);
}

void fleet_abstain(struct fleet *fleet, bool abstains)
{
	struct host *own = &fleet->hosts[FLEET_OWN];

	if (own->abstains == abstains)
		return;
	own->abstains = abstains;
	fleet->beacon = true;
	queue_all(fleet);
}

static void look_at_hosts(struct fleet *fleet, uint64_t now_ms)
{
	for (unsigned i = 1; i < fleet->nhosts; i++) {
		struct host *host = &fleet->hosts[i];
		bool alive = host->alive && now_ms < host->heard_ms + VOTES_FRESH_MS;

		if (alive != host->alive)
			queue_all(fleet);
		host->alive = alive;
		if (!alive || host->digest == fleet->digest)
			host->differs_ms = 0;
		else if (host->differs_ms == 0)
			host->differs_ms = now_ms;
	}
}

void fleet_tick(struct fleet *fleet, const struct fleet_now *now)
{
	look_at_hosts(fleet, now->monotonic_ms);
	for (uint32_t i = 0; i < fleet->nmembers / FLEET_ROUNDS + 1 && fleet->nmembers > 0; i++)
		fleet_queue(fleet, &fleet->members[fleet->next_look++ % fleet->nmembers]);
	fleet->beacon = true;
}

/* ---- life ---- */

struct fleet *fleet_new(const char *node)
{
	struct fleet *fleet = mem_alloc(sizeof *fleet);

	*fleet = (struct fleet){ .nhosts = 1 };
	fleet->hosts[FLEET_OWN].alive = true;
	fleet->hosts[FLEET_OWN].number = FLEET_NOWHERE;
	fleet_set_node(fleet, node);
	return fleet;
}

void fleet_set_node(struct fleet *fleet, const char *node)
{
	snprintf(fleet->hosts[FLEET_OWN].node, sizeof fleet->hosts[FLEET_OWN].node, "%s", node);
}

void fleet_free(struct fleet *fleet)
{
	if (fleet == NULL)
		return;
	drop_members(fleet);
	free(fleet);
}
