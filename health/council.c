/* What is heard, and what this host's probes come to, is looked at once a round of the loop, however much of it there was; and what changed
 * is said after that, so that a hundred endpoints that fail at once are one packet. */
#include "health/council.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/state_client.h"

enum { LOOKS_A_ROUND = 4096, FULL_APART_MS = 300 };

struct council {
	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer turn, retry;
	void (*look)(void *arg, uint32_t slot, bool suspect);
	void *arg;
	struct fleet *fleet;
	struct state_client *client; /* NULL outside of a fleet */
	char *socket, *region;
	const char *const *regions; /* the plan's */
	size_t nregions;
	struct state_link link; /* its texts are not kept */
	bool full_wanted;
	uint64_t full_ms; /* monotonic: all was said */
	uint64_t said, heard;
	struct log_limit refused;
	bool differs, alarming;
};

static struct fleet_now now(void)
{
	return (struct fleet_now){ .monotonic_ms = clock_monotonic_ms(), .wall_ms = clock_wall_ms() };
}

/* ---- out ---- */

static void say_full(struct council *council, const struct fleet_now *at)
{
	struct buf body = { 0 };
	unsigned part = 0, nparts;

	while (fleet_write(council->fleet, &part, &nparts, at, &body))
		council->said +=
			state_client_say(council->client, STATE_VOTES, true, part - 1, nparts, body.text, body.len);
	buf_fini(&body);
	council->full_ms = at->monotonic_ms;
	council->full_wanted = false;
}

static void say_changes(struct council *council)
{
	struct buf body = { 0 };

	while (fleet_write_changes(council->fleet, &body))
		council->said += state_client_say(council->client, STATE_VOTES, false, 0, 1, body.text, body.len);
	buf_fini(&body);
}

static void say(struct council *council)
{
	const struct fleet_now at = now();

	if (council->client == NULL)
		return;
	say_changes(council);
	council->full_wanted |= fleet_full_wanted(council->fleet);
	if (at.monotonic_ms >= council->full_ms + STATE_FULL_MS ||
		(council->full_wanted && at.monotonic_ms >= council->full_ms + FULL_APART_MS))
		say_full(council, &at);
	else if (council->full_wanted)
		loop_set(council->loop, &council->turn, (council->full_ms + FULL_APART_MS) * 1000);
}

static void take_turn(struct loop_timer *timer)
{
	struct council *council = LOOP_OWNER(timer, struct council, turn);
	uint32_t slot, n = 0;
	bool suspect;

	while (n++ < LOOKS_A_ROUND && fleet_next(council->fleet, &slot, &suspect))
		council->look(council->arg, slot, suspect);
	say(council);
	if (n > LOOKS_A_ROUND) /* what is left does not wait until all may be said again */
		loop_set(council->loop, timer, 0);
}

void council_stir(struct council *council)
{
	loop_set(council->loop, &council->turn, 0);
}

/* ---- in ---- */

static void hear(void *arg, const struct state_said *said)
{
	struct council *council = arg;
	const struct fleet_now at = now();
	unsigned held;

	council->heard++;
	if (!fleet_hear(council->fleet, said, &at) && log_allowed(&council->refused, at.monotonic_ms, &held))
		log_warning("votes=refused from=%s/%s reason=\"damaged, of another version, or of a region that "
			    "bus.regions does not name\" held=%u",
			said->region, said->node, held);
}

static void take_link(void *arg, const struct state_link *link)
{
	struct council *council = arg;

	if (link->relay != council->link.relay || (link->relay && link->bus != council->link.bus))
		log_notice("program=gslb-relay state=%s bus=%s%s%s%s", link->relay ? "there" : "away",
			link->bus ? "connected" : "away", link->trouble[0] != '\0' ? " reason=\"" : "", link->trouble,
			link->trouble[0] != '\0' ? "\"" : "");
	if (link->relay && strcmp(link->region, council->region) != 0)
		log_error("gslb-relay is of region %s and gslbd of %s: both must read the same server.region",
			link->region, council->region);
	if (link->relay)
		fleet_set_node(council->fleet, link->node);
	council->link = *link;
	council->full_wanted |= link->relay;
}

static void run_line(struct council *council)
{
	uint64_t next_ms;
	int fd;

	if (council->client == NULL)
		return;
	next_ms = state_client_run(council->client, clock_monotonic_ms());
	fd = state_client_fd(council->client);
	if (fd != council->watch.fd) {
		if (council->watch.fd >= 0)
			loop_forget(council->loop, &council->watch);
		council->watch.fd = fd;
		if (fd >= 0 && !loop_watch(council->loop, &council->watch, EPOLLIN))
			log_error("gslb-relay is not heard: no watch of its socket");
	}
	if (next_ms != UINT64_MAX)
		loop_set(council->loop, &council->retry, next_ms * 1000);
	council_stir(council);
}

static void line_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	run_line(LOOP_OWNER(watch, struct council, watch));
}

static void try_again(struct loop_timer *timer)
{
	run_line(LOOP_OWNER(timer, struct council, retry));
}

/* ---- plans ---- */

static void hang_up(struct council *council)
{
	if (council->watch.fd >= 0)
		loop_unwatch(council->loop, &council->watch);
	council->watch.fd = -1;
	loop_clear(council->loop, &council->retry);
	state_client_free(council->client);
	council->client = NULL;
	council->link = (struct state_link){ 0 };
}

static void dial(struct council *council, const struct health_fleet *plan)
{
	const struct state_client_ops ops = { council, hear, take_link };
	bool wanted = plan->nregions > 0 && plan->relay_socket[0] != '\0';

	free(council->region);
	council->region = mem_strdup(plan->region != NULL ? plan->region : "");
	if (council->client != NULL && (!wanted || strcmp(council->socket, plan->relay_socket) != 0))
		hang_up(council);
	if (!wanted || council->client != NULL)
		return;
	free(council->socket);
	council->socket = mem_strdup(plan->relay_socket);
	council->client = state_client_new(plan->relay_socket, 1u << STATE_VOTES, clock_wall_ms(), &ops);
	loop_set(council->loop, &council->retry, 0);
}

void council_set(struct council *council, const struct health_plan *plan, uint32_t nslots)
{
	const struct fleet_now at = now();

	fleet_set(council->fleet, plan, nslots, &at);
	council->regions = plan->fleet.regions;
	council->nregions = plan->fleet.nregions;
	dial(council, &plan->fleet);
	council_stir(council);
}

/* ---- once a second ---- */

static void log_alarms(struct council *council, const struct fleet_totals *totals)
{
	if (totals->differs && !council->differs)
		log_error("fleet=differs host=%s reason=\"its votes or verdicts have been others than ours for more "
			  "than %u s: "
			  "its zones differ, or one of us does not hear the other\"",
			totals->differing, FLEET_DIFFERS_MS / 1000);
	if (!totals->differs && council->differs)
		log_notice("fleet=agrees hosts=%zu", totals->agree);
	if (totals->alarming > 0 && !council->alarming)
		log_error(
			"fleet=silent endpoints=%zu reason=\"no majority of those who vote on them was heard for %u s: "
			"their verdicts stand as they were\"",
			totals->alarming, FLEET_ALARM_MS / 1000);
	council->differs = totals->differs;
	council->alarming = totals->alarming > 0;
}

static void put(_Atomic uint32_t *to, size_t number)
{
	atomic_store_explicit(to, (uint32_t)number, memory_order_relaxed);
}

/* They change with plans only. */
static void show_regions(const struct council *council, struct board_fleet *stats)
{
	size_t n = council->nregions < BOARD_REGIONS_MAX ? council->nregions : BOARD_REGIONS_MAX;

	for (size_t i = 0; i < n; i++)
		if (strncmp(stats->region[i], council->regions[i], BOARD_REGION_MAX) != 0)
			snprintf(stats->region[i], BOARD_REGION_MAX, "%s", council->regions[i]);
	put(&stats->nregions, n);
}

static void show(const struct council *council, const struct fleet_totals *totals, struct board_fleet *stats)
{
	show_regions(council, stats);
	put(&stats->relay, council->link.relay);
	put(&stats->bus, council->link.bus);
	put(&stats->members, totals->members);
	put(&stats->assigned, totals->assigned);
	put(&stats->frozen, totals->frozen);
	put(&stats->old, totals->old);
	put(&stats->alarming, totals->alarming);
	put(&stats->held, totals->held);
	put(&stats->regional, totals->regional);
	put(&stats->hosts, totals->hosts);
	put(&stats->alive, totals->alive);
	put(&stats->agree, totals->agree);
	put(&stats->differs, totals->differs);
	atomic_store_explicit(&stats->digest, totals->digest, memory_order_relaxed);
	atomic_store_explicit(&stats->said, council->said, memory_order_relaxed);
	atomic_store_explicit(&stats->heard, council->heard, memory_order_relaxed);
	atomic_store_explicit(&stats->refused, totals->refused, memory_order_relaxed);
	snprintf(stats->differing, sizeof stats->differing, "%s", totals->differing);
}

void council_tick(struct council *council, bool abstains, struct board_fleet *stats)
{
	const struct fleet_now at = now();
	struct fleet_totals totals;

	if (council->client != NULL) {
		fleet_abstain(council->fleet, abstains);
		fleet_tick(council->fleet, &at);
		take_turn(&council->turn);
	}
	fleet_totals(council->fleet, &at, &totals);
	log_alarms(council, &totals);
	if (stats != NULL)
		show(council, &totals, stats);
}

/* ---- life ---- */

struct council *council_new(struct loop *loop, void (*look)(void *arg, uint32_t slot, bool suspect), void *arg)
{
	struct council *council = mem_alloc(sizeof *council);

	*council = (struct council){
		.loop = loop,
		.watch = { line_ready, -1 },
		.turn = { .fire = take_turn },
		.retry = { .fire = try_again },
		.look = look,
		.arg = arg,
		.fleet = fleet_new(""),
	};
	return council;
}

void council_free(struct council *council)
{
	if (council == NULL)
		return;
	hang_up(council);
	loop_clear(council->loop, &council->turn);
	fleet_free(council->fleet);
	free(council->socket);
	free(council->region);
	free(council);
}

struct fleet *council_fleet(const struct council *council)
{
	return council->fleet;
}
