/* A simulated world, with the real estimator, the real ranking, and the real decision (earth.h says what is true there).
 *
 * Handshakes: two days of DNS over TCP between client networks and the regions' name servers. After the first day it counts the clients
 * that are answered with their truly best region, or within 5 ms of it, by latency and by geography alone; over the second, how often
 * a network's pool changes.
 *
 * Reports: nobody comes over TCP, and what is known is what pools report of the clients that they were sent: so without exploring
 * nobody ever learns of another pool. Three days without, and three with it; and the answers that explored are counted.
 *
 * usage: world [NETWORKS [SEED]]; GSLB_BENCH_DATABASES names City databases to take places from; prints TAP. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gslb/explore.h"
#include "gslb/meter.h"
#include "tests/latency/earth.h"

enum { STEP_S = 600, DAY_STEPS = 86400 / STEP_S, ANSWERS = 2 /* of which one is reported */, REPORT_DAYS = 3 };

#define WWW "www.svc.example"
#define GEO "geo.svc.example"

static int failures, tests;
static double look_ms; /* the last look's processor time, with the tables */
static uint64_t answers, explored;

static void ok(bool good, const char *sentence)
{
	failures += !good;
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tests, sentence);
}

/* ---- the days ---- */

/* Resolvers mostly ask the quickest name server, and the others now and then (sidnlabs, IMC 2017). */
static unsigned draw_region(const struct net *net)
{
	return dice_below(&dice, 10) < 5 ? net->best : (unsigned)dice_below(&dice, REGIONS);
}

static void handshake(const struct net *net)
{
	struct prefix client = { .addr = net->addr, .len = 32 };
	unsigned region = draw_region(net);
	double rtt_ms = net->rtt_ms[region] * exp(0.2 * fabs(normal()));

	if (dice_below(&dice, 20) == 0) /* a buffer that is full */
		rtt_ms *= uniform(2, 6);
	client.addr.bytes[3] = (uint8_t)(1 + dice_below(&dice, net->naddrs));
	meter_take(sim.meter, sim.snapshot, &client, region_name(region), rtt_ms, 1, false, sim.now_ms / 1000);
}

static unsigned poisson(double mean)
{
	double left = exp(-mean), product = uniform(0, 1);
	unsigned n = 0;

	for (; product > left; n++)
		product *= uniform(0, 1);
	return n;
}

/* An answer, and perhaps what the pool that it named then reports of the client. */
static void answer(const struct net *net, struct exploring *exploring)
{
	const struct service_plan *service = sim_service(&sim, WWW);
	struct client client = { .addr = net->addr };
	struct prefix prefix = { .addr = net->addr, .len = 24 };
	const struct pool *pool;
	struct decision decision;
	unsigned region = 0;

	exploring_earn(exploring, 1);
	client.explore = exploring->credit >= EXPLORE_EACH;
	decide(&sim.world, service, &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
	answers++;
	if (decision.why == WHY_EXPLORED) {
		exploring->credit -= EXPLORE_EACH;
		explored++;
	}
	if (dice_below(&dice, ANSWERS) > 0)
		return;
	pool = sim.snapshot->pools[decision.pool].pool;
	while (strcmp(pool->region, region_name(region)) != 0)
		region++;
	meter_take(sim.meter, sim.snapshot, &prefix, pool->region, net->rtt_ms[region] * exp(0.2 * fabs(normal())), 1,
		true, sim.now_ms / 1000);
}

static unsigned pool_of(const struct net *net, const char *name)
{
	const struct client client = { .addr = net->addr };
	struct decision decision;

	decide(&sim.world, sim_service(&sim, name), &client, FAMILY_V4, sim.now_ms, &sim.dice, &decision, NULL);
	for (unsigned i = 0; i < REGIONS; i++)
		if (strcmp(sim.snapshot->pools[decision.pool].pool->region, region_name(i)) == 0)
			return i;
	abort();
}

/* Which pool leads: where two tie, each answer draws one of them, and that is no change. */
static unsigned leader_of(const struct net *net, const char *name)
{
	const struct steering *steering = &sim_service(&sim, name)->steering[FAMILY_V4];

	return steering->orders[geo_table_find(steering->table, &net->addr).class].pool[0];
}

static void look(void)
{
	clock_t began = clock();

	sim_load(&sim);
	look_ms = 1000.0 * (double)(clock() - began) / CLOCKS_PER_SEC;
	for (size_t i = 0; i < nnets; i++) {
		unsigned pool = leader_of(&nets[i], WWW);

		nets[i].changes += pool != nets[i].pool;
		nets[i].pool = pool;
	}
}

static void pass_day(bool reports, unsigned steps_a_look)
{
	struct exploring exploring = { 0 };

	for (unsigned step = 1; step <= DAY_STEPS; step++) {
		sim.now_ms += STEP_S * 1000;
		for (size_t i = 0; i < nnets; i++) {
			double mean = nets[i].per_hour * STEP_S / 3600;

			for (unsigned n = poisson(reports ? mean * ANSWERS : mean); n > 0; n--) {
				if (reports)
					answer(&nets[i], &exploring);
				else
					handshake(&nets[i]);
			}
		}
		if (step % steps_a_look == 0)
			look();
	}
}

/* ---- the counts ---- */

struct share {
	double clients, networks; /* parts of all that are well served */
	double excess_ms;         /* what a client waits longer than it must, on average */
};

static struct share count(const char *name)
{
	struct share share = { 0 };
	double all = 0;

	for (size_t i = 0; i < nnets; i++) {
		const struct net *net = &nets[i];
		double excess_ms = net->rtt_ms[pool_of(net, name)] - net->rtt_ms[net->best];

		all += net->per_hour;
		share.excess_ms += net->per_hour * excess_ms;
		if (excess_ms > 5)
			continue;
		share.clients += net->per_hour;
		share.networks += 1;
	}
	share.clients /= all;
	share.excess_ms /= all;
	share.networks /= (double)nnets;
	return share;
}

static void print_share(const char *what, const struct share *share)
{
	printf("# %-8s %5.1f %% of clients (%5.1f %% of networks) at their best region or within 5 ms; %.1f ms over "
	       "the best on average\n",
		what, 100 * share->clients, 100 * share->networks, share->excess_ms);
}

static void print_map(void)
{
	const struct latency_map *map = meter_lock(sim.meter);

	printf("# the map: %zu cells, %.1f MB; the last look took %.0f ms of a processor\n", latency_cells(map),
		(double)latency_bytes(map) / 1e6, look_ms);
	meter_unlock(sim.meter);
}

/* How many networks changed since the counts were set to 0, and how often the most restless one did. */
static unsigned changed(unsigned *most)
{
	unsigned over = 0;

	*most = 0;
	for (size_t i = 0; i < nnets; i++) {
		*most = nets[i].changes > *most ? nets[i].changes : *most;
		over += nets[i].changes > 0;
		nets[i].changes = 0;
	}
	return over;
}

static void handshakes(unsigned steps_a_look)
{
	struct share latency, geo;
	unsigned most, over;

	pass_day(false, steps_a_look);
	latency = count(WWW);
	geo = count(GEO);
	printf("# handshakes, after one day\n");
	print_share("geography", &geo);
	print_share("latency", &latency);
	ok(latency.clients >= 0.95, "at least 95 % of clients are at their truly best region or within 5 ms of it");
	ok(latency.clients > geo.clients && latency.excess_ms < geo.excess_ms, "which geography alone does not reach");
	changed(&most);
	pass_day(false, steps_a_look);
	over = changed(&most);
	latency = count(WWW);
	print_share("day two", &latency);
	printf("# %u networks of %zu changed their pool on the second day, the most restless %u times\n", over, nnets,
		most);
	ok(most <= 2, "no network changes its pool more than twice a day");
	print_map();
}

/* The last of some days with reports alone: how clients are served then, and how often the most restless network changed. */
static struct share reports(bool explore, unsigned steps_a_look, unsigned *most)
{
	struct share share;
	char what[32];
	unsigned over;

	answers = explored = 0;
	meter_explore(sim.meter, explore ? EXPLORE_MOST : 0);
	for (unsigned day = 0; day < REPORT_DAYS; day++) {
		changed(most);
		pass_day(true, steps_a_look);
	}
	share = count(WWW);
	over = changed(most);
	snprintf(what, sizeof what, explore ? "exploring" : "without");
	print_share(what, &share);
	printf("# %.2f %% of %.1f million answers explored; %u networks changed on the last day, the most restless %u "
	       "times\n",
		100.0 * (double)explored / (double)answers, (double)answers / 1e6, over, *most);
	return share;
}

int main(int argc, char **argv)
{
	const char *databases = getenv("GSLB_BENCH_DATABASES");
	unsigned steps_a_look = databases != NULL ? 6 : 1, most;
	size_t networks = argc > 1 ? (size_t)atol(argv[1]) : 1600;
	uint64_t seed = argc > 2 ? (uint64_t)atol(argv[2]) : 1;
	struct share without, with;

	log_setup("world", LOG_ERROR);
	printf("1..6\n# %zu networks in %s, %d regions\n", networks, databases != NULL ? databases : "made-up cities",
		REGIONS);
	earth_make(networks, seed, databases);
	handshakes(steps_a_look);
	earth_end();
	printf("# reports of pools alone, after three days\n");
	earth_make(networks, seed, databases);
	without = reports(false, steps_a_look, &most);
	earth_end();
	earth_make(networks, seed, databases);
	with = reports(true, steps_a_look, &most);
	earth_end();
	ok(explored > 0 && explored * 100 <= answers, "at most 1 % of the answers explore");
	ok(with.clients > without.clients + 0.05 && with.excess_ms < without.excess_ms,
		"and more clients are well served for it, by 5 % at least");
	ok(most <= 2, "no network changes its pool more than twice a day");
	return failures > 0;
}
