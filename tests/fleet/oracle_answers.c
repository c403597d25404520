/* Of answers: nobody gets an empty one, whatever has failed and whatever operators force; and hosts that know the same answer the same. */
#include <string.h>

#include "tests/fleet/answers.h"
#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

enum {
	/* No clock is off by so much: what is asked for lies behind the beginning of each override. */
	AHEAD_MS = 1000,
	/* Verdicts and votes are counted one after the other, and each is shown when it is. */
	ALIKE_MS = 2000,
	/* The digest knows what most hosts of a region say, and its own view is what all of them say: of one vote that did not come to a host
	 * others may know until it is old. */
	ALIKE_VIEW_MS = VOTES_FRESH_MS + 15000
};

/* What a host answers, and what it knows: digests. */
struct given {
	struct answers *answers; /* NULL: it is down */
	uint64_t looked, hashed; /* of what was looked at, and what hash is of */
	uint64_t hash, votes, overrides;
	bool own; /* it sees endpoints otherwise than all do, or may */
};

static struct given given[ENGINE_HOSTS_MAX];

/* Since when two that know the same answer otherwise (engine's time; 0: they do not), and how long they may. */
static struct unlike {
	uint64_t since_ms, patience_ms;
} unlike[ENGINE_HOSTS_MAX][ENGINE_HOSTS_MAX];

/* ---- none is empty ---- */

static uint64_t wall_ms(void)
{
	return ENGINE_EPOCH_MS + engine_now_ms() + AHEAD_MS;
}

static uint64_t print_of(const struct given *at, const struct board_slot *slots)
{
	uint64_t print = at->overrides;

	for (unsigned i = 0; i < PROBER_ENDPOINTS; i++)
		print = hash_mix(print, slots[i].word);
	return print;
}

void oracle_answers(unsigned host)
{
	const struct board_slot *slots = hosts[host].prober.board;
	struct given *at = &given[host];
	struct err err;
	uint64_t print, hash;

	if (at->answers == NULL || slots == NULL || (print = print_of(at, slots)) == at->looked)
		return;
	at->looked = print;
	if (!answers_look(at->answers, slots, PROBER_ENDPOINTS, false, wall_ms(), &hash, &err))
		oracle_fail("empty: on h%u %s", host, err.text);
}

/* ---- overrides ---- */

static void take(unsigned host, const struct writ *writ)
{
	struct given *at = &given[host];
	struct err err;

	if (!answers_take(at->answers, writ, wall_ms(), &err))
		oracle_fail(
			"override: gslbd of h%u does not take %s of %s: %s", host, writ->why, writ->target, err.text);
	at->overrides = answers_overrides(at->answers, wall_ms());
}

void oracle_answers_force(unsigned host, const struct writ *writ)
{
	take(host, writ);
	if (given[host].overrides != writ_set_digest(hosts[host].gslbd.set, wall_ms()))
		oracle_fail("override: gslbd of h%u has %s of %s in force, and not what it knows", host, writ->why,
			writ->target);
	oracle_answers(host);
}

/* ---- life ---- */

void oracle_answers_start(unsigned host, const struct writ_set *set)
{
	const struct writ *const *writs;
	size_t n = writ_set_get(set, &writs);

	oracle_answers_stop(host);
	given[host].answers = answers_new();
	for (size_t i = 0; i < n; i++)
		take(host, writs[i]);
}

void oracle_answers_stop(unsigned host)
{
	answers_free(given[host].answers);
	given[host] = (struct given){ 0 };
}

/* ---- equal ones ---- */

/* Doubt is no verdict: a region whose hosts see the endpoint themselves has none, where others' votes leave some. Nor is flapping, which only those
 * know of who probe it. */
static void hash_answers(unsigned host)
{
	struct given *at = &given[host];
	struct err err;

	if (at->hashed == at->looked)
		return;
	at->hashed = at->looked;
	answers_look(at->answers, hosts[host].prober.board, PROBER_ENDPOINTS, true, wall_ms(), &at->hash, &err);
}

static void take_stock(unsigned host)
{
	const struct fleet_now now = { clock_monotonic_ms(), ENGINE_EPOCH_MS + engine_now_ms() };
	struct given *at = &given[host];
	struct fleet_totals totals;

	oracle_answers(host);
	hash_answers(host);
	fleet_totals(hosts[host].prober.fleet, &now, &totals);
	at->votes = totals.digest;
	at->own = totals.regional > 0 || totals.frozen > 0;
}

/* How long may they answer otherwise? */
static uint64_t patience_ms(unsigned a, unsigned b)
{
	if (!given[a].own && !given[b].own)
		return ALIKE_MS;
	return world_region(a) == world_region(b) ? ALIKE_VIEW_MS : UINT64_MAX;
}

static bool are_unlike(unsigned a, unsigned b)
{
	const struct given *x = &given[a], *y = &given[b];

	return x->answers != NULL && y->answers != NULL && x->votes == y->votes && x->overrides == y->overrides &&
	       x->hash != y->hash;
}

static void compare(unsigned a, unsigned b)
{
	struct unlike *at = &unlike[a][b];
	uint64_t patience = patience_ms(a, b);

	if (!are_unlike(a, b)) {
		at->since_ms = 0;
		return;
	}
	if (at->since_ms == 0 || at->patience_ms != patience)
		*at = (struct unlike){ engine_now_ms(), patience };
	if (engine_now_ms() - at->since_ms >= patience)
		oracle_fail("unlike: h%u and h%u have the same verdicts and overrides since %.3f, and answer otherwise",
			a, b, (double)at->since_ms / 1000);
}

void oracle_look_at_answers(void)
{
	for (unsigned i = 0; i < world.nhosts; i++)
		if (hosts[i].up)
			take_stock(i);
	for (unsigned i = 0; i < world.nhosts; i++)
		for (unsigned k = 0; k < i; k++)
			compare(i, k);
}

void oracle_reset_answers(void)
{
	for (unsigned i = 0; i < ENGINE_HOSTS_MAX; i++)
		oracle_answers_stop(i);
	memset(unlike, 0, sizeof unlike);
}
