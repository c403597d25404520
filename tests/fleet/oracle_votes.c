/* Of verdicts: none by a minority; and in the end all hosts come to the same. What counts is what hosts have said, whoever heard it. */
#include <string.h>

#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

enum {
	/* A vote counts for 30 s after it was said last, and takes some time to come and to be counted. */
	RECENT_MS = VOTES_FRESH_MS + 15000,
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

void oracle_reset_votes(void)
{
	memset(seen, 0, sizeof seen);
	memset(abstaining, 0, sizeof abstaining);
}

static void leave_off(struct seen *at)
{
	at->until_ms[at->says] = engine_now_ms() + 1;
	if (!at->regional)
		at->shown_ms[at->shown] = engine_now_ms() + 1;
}

void oracle_votes(unsigned host, unsigned endpoint, enum vote_says says)
{
	struct seen *at = &seen[host][endpoint];

	if (at->says == says)
		return;
	leave_off(at);
	at->says = says;
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
