#include "tests/fleet/prober.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/board.h"
#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

enum {
	TICK_MS = 1000,
	FULL_APART_MS = 300,
	BOARD_BYTES = 1 << 16,
	POOL_SIZE = 2,
	NPOOLS = PROBER_ENDPOINTS / POOL_SIZE
};

/* ---- probes ---- */

static void end_probe(struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, deadline);
	struct probe_report report = { .result = (enum probe_result)(uintptr_t)probe->work,
		.took_us = (uint32_t)(clock_monotonic_us() - probe->started_us) };

	probe->phase = PROBE_IDLE;
	probe->finished(probe, &report);
}

/* In place of health/probe.c: the runner is the host's prober. */
void probe_start(struct probe_runner *runner, struct probe *probe)
{
	const struct prober *prober = (const struct prober *)(void *)runner;
	uint32_t took_ms;

	assert(probe->phase == PROBE_IDLE);
	probe->phase = PROBE_RUNNING;
	probe->runner = runner;
	probe->started_us = clock_monotonic_us();
	probe->work = (void *)(uintptr_t)world_probe(prober->host, &probe->target->addr, &took_ms);
	probe->deadline.fire = end_probe;
	engine_in(prober->host, &probe->deadline, took_ms);
}

void probe_cancel(struct probe *probe)
{
	if (probe->phase != PROBE_RUNNING)
		return;
	engine_clear(((const struct prober *)(void *)probe->runner)->host, &probe->deadline);
	probe->phase = PROBE_IDLE;
}

const char *probe_check_name(enum health_check check)
{
	(void)check;
	return "tcp";
}

bool probe_is_pushed(enum health_check check)
{
	return check == HEALTH_CHECK_PUSH;
}

uint32_t probe_cost_us(enum health_check check)
{
	(void)check;
	return 50;
}

int probe_days_left(const struct probe_report *report)
{
	(void)report;
	return 0;
}

/* ---- the plan ---- */

static const char *const regions[REGIONS_MAX] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7" };
static struct health_target targets[PROBER_ENDPOINTS];
static struct health_anchor anchors[ANCHORS];
static uint32_t slots[PROBER_ENDPOINTS], pool_numbers[NPOOLS];
static struct health_pool pools[NPOOLS];
static char labels[NPOOLS][16]; /* of two pools that fell at once the label decides */

static void make_plan(unsigned host, struct health_plan *plan)
{
	static const struct health_service service = { pool_numbers, NPOOLS, 1, "www.svc.example" };
	char text[32];

	for (unsigned i = 0; i < PROBER_ENDPOINTS; i++) {
		slots[i] = i;
		targets[i] = (struct health_target){
			.slot = i, .port = 80, .label = "", .group = i / POOL_SIZE, .vantages = PROBER_VANTAGES
		};
		targets[i].probe = (struct health_probe){
			.check = HEALTH_CHECK_TCP, .interval_ms = 5000, .timeout_ms = 1000, .rise = 2, .fall = 3
		};
		world_endpoint_addr(i, text);
		addr_parse(text, &targets[i].addr);
	}
	for (unsigned i = 0; i < NPOOLS; i++) {
		pool_numbers[i] = i;
		snprintf(labels[i], sizeof labels[i], "pool%u", i);
		pools[i] = (struct health_pool){ slots + POOL_SIZE * i, POOL_SIZE, POOL_SIZE, 1, labels[i] };
	}
	for (unsigned i = 0; i < ANCHORS; i++) {
		anchors[i].port = 53;
		world_anchor_addr(i, &anchors[i].addr);
	}
	*plan = (struct health_plan){ .targets = targets,
		.ntargets = PROBER_ENDPOINTS,
		.ngroups = NPOOLS,
		.anchors = anchors,
		.nanchors = ANCHORS,
		.fleet = { "", regions[world_region(host)], regions, world.nregions },
		.pools = pools,
		.npools = NPOOLS,
		.services = &service,
		.nservices = 1 };
}

/* ---- what is said: as council.c has it ---- */

static void hear(unsigned to, unsigned from, const void *bytes, size_t len)
{
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };
	struct prober *prober = &hosts[to].prober;
	struct state_said said;

	if (!state_parse(bytes, len, &said) || !fleet_hear(prober->fleet, &said, &now))
		oracle_fail("votes: h%u refuses what h%u says", to, from);
	engine_in(to, &prober->turn, 0);
}

static void say(struct prober *prober, bool full, unsigned part, unsigned nparts, const struct buf *body)
{
	uint8_t bytes[STATE_BYTES_MAX];
	struct state_said said = { .kind = STATE_VOTES,
		.epoch = prober->epoch,
		.seq = ++prober->seq,
		.full = full,
		.part = (uint16_t)part,
		.nparts = (uint16_t)nparts,
		.body = body->text,
		.len = body->len };
	size_t len;

	snprintf(said.region, sizeof said.region, "%s", regions[world_region(prober->host)]);
	snprintf(said.node, sizeof said.node, "%s", hosts[prober->host].name);
	len = state_format(&said, bytes);
	for (unsigned i = 0; i < world.nhosts; i++)
		if (i != prober->host)
			stream_say(prober->host, i, bytes, len, hear);
}

static void say_all(struct prober *prober)
{
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };
	struct buf body = { 0 };
	unsigned part = 0, nparts;

	while (fleet_write_changes(prober->fleet, &body))
		say(prober, false, 0, 1, &body);
	prober->full_wanted |= fleet_full_wanted(prober->fleet);
	if (now.monotonic_ms >= prober->full_ms + STATE_FULL_MS ||
		(prober->full_wanted && now.monotonic_ms >= prober->full_ms + FULL_APART_MS)) {
		while (fleet_write(prober->fleet, &part, &nparts, &now, &body))
			say(prober, true, part - 1, nparts, &body);
		prober->full_ms = now.monotonic_ms;
		prober->full_wanted = false;
	}
	buf_fini(&body);
}

static void take_turn(struct loop_timer *timer)
{
	struct prober *prober = LOOP_OWNER(timer, struct prober, turn);
	uint32_t slot;
	bool suspect;

	while (fleet_next(prober->fleet, &slot, &suspect))
		probing_again(prober->probing, slot, suspect);
	say_all(prober);
}

static void tick(struct loop_timer *timer)
{
	struct prober *prober = LOOP_OWNER(timer, struct prober, tick);
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };

	engine_in(prober->host, timer, TICK_MS);
	probing_tick(prober->probing);
	eyes_tick(prober->eyes);
	fleet_abstain(prober->fleet, eyes_abstain(prober->eyes));
	oracle_abstains(prober->host, eyes_abstain(prober->eyes));
	fleet_tick(prober->fleet, &now);
	take_turn(&prober->turn);
}

static void voted(void *arg)
{
	struct prober *prober = arg;

	engine_in(prober->host, &prober->turn, 0);
}

static void changed(void *arg, uint32_t slot)
{
	const struct prober *prober = arg;

	oracle_shows(prober->host, slot);
	oracle_answers(prober->host);
}

static void abstained(void *arg, const struct health_message *message)
{
	(void)arg;
	(void)message;
}

/* ---- what it says itself, looked at on the way: the linker sends it here first ---- */

void __real_fleet_vote(struct fleet *fleet, uint32_t slot, enum vote_says says, bool leaning, uint32_t since_s);
void __wrap_fleet_vote(struct fleet *fleet, uint32_t slot, enum vote_says says, bool leaning, uint32_t since_s);

void __wrap_fleet_vote(struct fleet *fleet, uint32_t slot, enum vote_says says, bool leaning, uint32_t since_s)
{
	if (fleet_assigned(fleet, slot))
		oracle_votes(engine_host(), slot, says);
	__real_fleet_vote(fleet, slot, says, leaning, since_s);
}

/* ---- life ---- */

void prober_start(struct prober *prober, unsigned host)
{
	const struct fleet_now now = { clock_monotonic_ms(), clock_wall_ms() };
	struct health_plan plan;

	*prober = (struct prober){ .host = host, .tick = { .fire = tick }, .turn = { .fire = take_turn } };
	prober->epoch = engine_now_ms() + 1;
	prober->eyes = eyes_new(engine_loop(host), (struct probe_runner *)(void *)prober, abstained, prober);
	prober->fleet = fleet_new(hosts[host].name);
	prober->probing = probing_new(engine_loop(host), (struct probe_runner *)(void *)prober, prober->eyes,
		prober->fleet, &(struct probing_ops){ prober, changed, voted });
	prober->board = mem_alloc(BOARD_BYTES);
	probing_set_board(prober->probing, prober->board, PROBER_ENDPOINTS);
	make_plan(host, &plan);
	eyes_set(prober->eyes, &plan);
	fleet_set(prober->fleet, &plan, PROBER_ENDPOINTS, &now);
	probing_set_targets(prober->probing, targets, PROBER_ENDPOINTS);
	oracle_answers(host);
	engine_in(host, &prober->tick, engine_dice(TICK_MS));
}

void prober_stop(struct prober *prober)
{
	if (prober->eyes == NULL)
		return;
	engine_clear(prober->host, &prober->tick);
	engine_clear(prober->host, &prober->turn);
	probing_free(prober->probing);
	fleet_free(prober->fleet);
	eyes_free(prober->eyes);
	free(prober->board);
	*prober = (struct prober){ 0 };
}

unsigned prober_says(const struct prober *prober, unsigned endpoint, struct board_say says[static BOARD_SAYS_MAX])
{
	return board_says_unpack(board_attached_says(prober->board, PROBER_ENDPOINTS)[endpoint], says);
}

struct verdict prober_shows(const struct prober *prober, unsigned endpoint)
{
	return board_read(prober->board, PROBER_ENDPOINTS, endpoint, 0);
}
