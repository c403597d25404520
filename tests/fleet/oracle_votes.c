/* Of verdicts: none by a minority; and in the end all hosts come to the same. What counts is what hosts have said, whoever heard it. */
#include <string.h>

#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

enum {
	/* A vote counts for 30 s after it was said last, and takes some time to come and to be counted. */
	RECENT_MS = VOTES_FRESH_MS + 15000,
	VAIN_MS = 30000, /* so long a failure counts, at most */
	/* Each is looked at again within ten ticks. */
	DISTRUST_MS = 12000,
	SIDES = 3
};

struct seen {
	enum vote_says says;
	uint64_t until_ms[SIDES]; /* engine's time: said so last, by what it says; while it does: now */
	enum health_state shown;
	bool regional;
	uint64_t shown_ms[SIDES]; /* by state: it was the fleet's verdict there last */
};

static struct seen seen[ENGINE_HOSTS_MAX][PROBER_ENDPOINTS];
static bool abstaining[ENGINE_HOSTS_MAX];
/* Engine's time: since when a host has known, by all that is heard, that none of a region trusts its eyes; 0: it may not know it. */
static uint64_t distrust_ms[ENGINE_HOSTS_MAX][REGIONS_MAX];

void oracle_reset_votes(void)
{
	memset(seen, 0, sizeof seen);
	memset(abstaining, 0, sizeof abstaining);
	memset(distrust_ms, 0, sizeof distrust_ms);
}

static void leave_off(struct seen *at)
{
	at->until_ms[at->says] = engine_now_ms() + 1;
	if (!at->regional)
		at->shown_ms[at->shown] = engine_now_ms() + 1;
}

static bool is_long_ago(uint64_t ms)
{
	return ms == 0 || engine_now_ms() > ms + VAIN_MS;
}

/* No probe failed of late but for its own blindness, and that is the first one: who blinks may see the anchors, and the endpoint not. */
static bool is_blind(unsigned host, unsigned endpoint)
{
	const struct region_view *view = &world.region[world_region(host)];

	return view->blind > 0 && is_long_ago(view->sees_ms) && is_long_ago(world.vain_ms[host][endpoint]);
}

void oracle_votes(unsigned host, unsigned endpoint, enum vote_says says)
{
	struct seen *at = &seen[host][endpoint];

	if (at->says == says)
		return;
	leave_off(at);
	at->says = says;
	if (says == VOTE_DOWN && is_blind(host, endpoint))
		oracle_fail("blind: h%u votes down on endpoint %u, which it does not see since it sees nothing", host,
			endpoint);
	trace("votes %s on endpoint %u", says == VOTE_DOWN ? "down" : says == VOTE_UP ? "up" : "nothing", endpoint);
}

void oracle_abstains(unsigned host, bool abstains)
{
	if (abstaining[host] != abstains)
		trace("%s", abstains ? "abstains" : "votes again");
	abstaining[host] = abstains;
}

/* Its gslb-health has died. */
void oracle_silent(unsigned host)
{
	abstaining[host] = false;
	for (unsigned i = 0; i < PROBER_ENDPOINTS; i++) {
		leave_off(&seen[host][i]);
		seen[host][i].says = VOTE_SILENT;
		seen[host][i].shown = HEALTH_UNKNOWN;
	}
}

static bool said(unsigned host, unsigned endpoint, enum vote_says says)
{
	const struct seen *at = &seen[host][endpoint];

	return at->says == says || (at->until_ms[says] > 0 && engine_now_ms() < at->until_ms[says] + RECENT_MS);
}

/* How many regions, and how many hosts of one, have said so of late. */
static unsigned count(unsigned endpoint, enum vote_says says, unsigned region, unsigned *hosts_of_region)
{
	bool any[REGIONS_MAX] = { false };
	unsigned regions = 0;

	*hosts_of_region = 0;
	for (unsigned host = 0; host < world.nhosts; host++) {
		if (!said(host, endpoint, says))
			continue;
		regions += !any[world_region(host)];
		any[world_region(host)] = true;
		*hosts_of_region += world_region(host) == region;
	}
	return regions;
}

/* What another host has kept, as the verdict of a quorum that there was. */
static bool is_told(unsigned host, unsigned endpoint, enum health_state state)
{
	for (unsigned i = 0; i < world.nhosts; i++) {
		const struct seen *at = &seen[i][endpoint];

		if (i != host &&
			((at->shown == state && !at->regional) ||
				(at->shown_ms[state] > 0 && engine_now_ms() < at->shown_ms[state] + RECENT_MS)))
			return true;
	}
	return false;
}

void oracle_shows(unsigned host, unsigned endpoint)
{
	const enum vote_says says[] = { VOTE_SILENT, VOTE_UP, VOTE_DOWN };
	struct verdict verdict = prober_shows(&hosts[host].prober, endpoint);
	struct seen *at = &seen[host][endpoint];
	unsigned regions, own;

	if (verdict.state == at->shown && !verdict.regional == !at->regional)
		return;
	leave_off(at);
	at->shown = verdict.state;
	at->regional = verdict.regional;
	if (verdict.state == HEALTH_UNKNOWN)
		return;
	regions = count(endpoint, says[verdict.state], world_region(host), &own);
	trace("shows endpoint %u as %s%s: %u regions said so", endpoint, verdict.state == HEALTH_DOWN ? "down" : "up",
		verdict.regional ? " in its region" : "", regions);
	if (!verdict.regional && (regions > PROBER_VANTAGES / 2 || is_told(host, endpoint, verdict.state) ||
					 (verdict.held && verdict.state == HEALTH_UP)))
		return;
	at->regional = true; /* a region goes by two hosts of its own, also while there is no verdict yet */
	if (own < 2)
		oracle_fail("minority: h%u shows endpoint %u as %s%s, and %u regions said so", host, endpoint,
			verdict.state == HEALTH_DOWN ? "down" : "up", verdict.regional ? " in its region" : "",
			regions);
}

/* ---- those who do not trust their eyes have no vote ---- */

static bool can_know(unsigned host, unsigned region)
{
	if (!hosts[host].up || world.loss > 0 || world.slow_ms > 0 || world.shuffle > 0)
		return false;
	for (unsigned i = region; i < world.nhosts; i += world.nregions)
		if (!hosts[i].up || !abstaining[i] || !world_links(i, host))
			return false;
	return true;
}

static void look_at_region(unsigned host, unsigned region)
{
	for (unsigned i = 0; i < PROBER_ENDPOINTS; i++) {
		struct board_say says[BOARD_SAYS_MAX];
		unsigned n = prober_says(&hosts[host].prober, i, says);

		for (unsigned k = 0; k < n; k++)
			if (says[k].region == region && says[k].says != BOARD_SILENT)
				oracle_fail("blind: h%u counts a vote of region %u on endpoint %u, all of which "
					    "abstain since %.3f",
					host, region, i, (double)distrust_ms[host][region] / 1000);
	}
}

void oracle_look_at_votes(void)
{
	for (unsigned host = 0; host < world.nhosts; host++)
		for (unsigned region = 0; region < world.nregions; region++) {
			uint64_t *since_ms = &distrust_ms[host][region];

			if (!can_know(host, region))
				*since_ms = 0;
			else if (*since_ms == 0)
				*since_ms = engine_now_ms();
			else if (engine_now_ms() >= *since_ms + DISTRUST_MS)
				look_at_region(host, region);
		}
}

/* ---- when all has settled ---- */

/* How many regions say so now, and do not abstain, by any host of theirs. */
static unsigned count_now(unsigned endpoint, enum vote_says says)
{
	bool any[REGIONS_MAX] = { false };
	unsigned regions = 0;

	for (unsigned host = 0; host < world.nhosts; host++) {
		if (seen[host][endpoint].says != says || abstaining[host])
			continue;
		regions += !any[world_region(host)];
		any[world_region(host)] = true;
	}
	return regions;
}

/* Nothing fails any more: what is not up is held down for flapping, and those who vote say so. */
static void check_endpoint(unsigned host, unsigned endpoint)
{
	struct verdict verdict = prober_shows(&hosts[host].prober, endpoint);

	if (verdict.frozen)
		oracle_fail("frozen: h%u has no majority for endpoint %u", host, endpoint);
	else if (verdict.state != HEALTH_UP && count_now(endpoint, VOTE_DOWN) <= PROBER_VANTAGES / 2)
		oracle_fail("not up: h%u shows endpoint %u as %s, and no majority says so", host, endpoint,
			verdict.state == HEALTH_DOWN ? "down" : "unknown");
}

void oracle_check_votes(void)
{
	uint64_t first = 0;

	for (unsigned host = 0; host < world.nhosts; host++)
		for (unsigned i = 0; i < PROBER_ENDPOINTS; i++)
			check_endpoint(host, i);

	for (unsigned host = 0; host < world.nhosts; host++) {
		const struct fleet_now now = { clock_monotonic_ms(), ENGINE_EPOCH_MS + engine_now_ms() };
		struct fleet_totals totals;

		fleet_totals(hosts[host].prober.fleet, &now, &totals);
		first = host == 0 ? totals.digest : first;
		if (totals.digest != first)
			oracle_fail("digest: h%u and h0 do not have the same votes and verdicts", host);
	}
}
