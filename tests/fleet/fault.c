/* Each kind is a row: how likely it is, what it takes, what begins and what ends it. */
#include "tests/fleet/fault.h"

#include <stdio.h>

#include "tests/fleet/disk.h"
#include "tests/fleet/oracle.h"

enum takes { TAKES_NOTHING, TAKES_HOST, TAKES_REGION, TAKES_LINK };

struct fault_row {
	const char *says; /* with a and b, or a and the amount */
	enum takes takes;
	unsigned weight;
	unsigned amount;  /* at most; 0: none */
	uint64_t most_ms; /* 0: it has no end */
	void (*begin)(struct fault *fault);
	void (*end)(struct fault *fault);
};

/* ---- what they do ---- */

static void begin_event(struct fault *fault)
{
	fault->deed = deed_new(fault->a, NULL);
	host_ask(fault->a, fault->deed);
}

static void begin_force(struct fault *fault)
{
	fault->deed = deed_new(fault->a, NULL);
	host_force(fault->a, fault->deed, fault->amount);
}

static void begin_down(struct fault *fault)
{
	world.down[fault->amount - 1]++;
	world.how[fault->amount - 1] = fault->for_ms % 2 == 0 ? PROBE_REFUSED : PROBE_TIMEOUT;
}

static void end_down(struct fault *fault)
{
	world.down[fault->amount - 1]--;
}

static void begin_path(struct fault *fault)
{
	world.region[fault->a].cut[fault->amount - 1]++;
}

static void end_path(struct fault *fault)
{
	world.region[fault->a].cut[fault->amount - 1]--;
}

static void begin_lossy(struct fault *fault)
{
	world.region[fault->a].lossy[fault->amount - 1] = 500;
}

static void end_lossy(struct fault *fault)
{
	world.region[fault->a].lossy[fault->amount - 1] = 0;
}

static void begin_blind(struct fault *fault)
{
	world.region[fault->a].blind++;
}

static void end_blind(struct fault *fault)
{
	if (--world.region[fault->a].blind == 0)
		world.region[fault->a].sees_ms = engine_now_ms() + 1;
}

static void begin_link(struct fault *fault)
{
	world.link_cut[fault->a][fault->b]++;
	world.link_cut[fault->b][fault->a]++;
}

static void end_link(struct fault *fault)
{
	world.link_cut[fault->a][fault->b]--;
	world.link_cut[fault->b][fault->a]--;
	stream_heal();
}

static void begin_apart(struct fault *fault)
{
	world.region[fault->a].apart++;
}

static void end_apart(struct fault *fault)
{
	world.region[fault->a].apart--;
	stream_heal();
}

static void begin_unbused(struct fault *fault)
{
	world.unbused[fault->a]++;
}

static void end_unbused(struct fault *fault)
{
	world.unbused[fault->a]--;
	stream_heal();
}

static void begin_loss(struct fault *fault)
{
	world.loss = (uint16_t)(world.loss + fault->amount);
}

static void end_loss(struct fault *fault)
{
	world.loss = (uint16_t)(world.loss - fault->amount);
}

static void begin_twice(struct fault *fault)
{
	world.twice = (uint16_t)(world.twice + fault->amount);
}

static void end_twice(struct fault *fault)
{
	world.twice = (uint16_t)(world.twice - fault->amount);
}

static void begin_shuffle(struct fault *fault)
{
	world.shuffle = (uint16_t)(world.shuffle + fault->amount);
}

static void end_shuffle(struct fault *fault)
{
	world.shuffle = (uint16_t)(world.shuffle - fault->amount);
}

static void begin_slow(struct fault *fault)
{
	world.slow_ms += fault->amount;
}

static void end_slow(struct fault *fault)
{
	world.slow_ms -= fault->amount;
}

static void bring_down(unsigned number, enum host_end how)
{
	if (hosts[number].kept_down++ == 0 || how == HOST_WIPED)
		host_crash(number, how);
}

static void bring_up(struct fault *fault)
{
	if (--hosts[fault->a].kept_down == 0)
		host_boot(fault->a);
}

static void begin_kill(struct fault *fault)
{
	bring_down(fault->a, HOST_KILLED);
}

static void begin_power(struct fault *fault)
{
	bring_down(fault->a, HOST_POWERLESS);
}

static void begin_wipe(struct fault *fault)
{
	bring_down(fault->a, HOST_WIPED);
}

static void begin_copy(struct fault *fault)
{
	disk_copy(fault->a);
	deeds.copied_ms[fault->a] = engine_now_ms();
}

static void end_copy(struct fault *fault)
{
	if (hosts[fault->a].kept_down > 0)
		return;
	host_crash(fault->a, HOST_OLD);
	host_boot(fault->a);
}

static void begin_full(struct fault *fault)
{
	disk_fill(fault->a, true);
}

static void end_full(struct fault *fault)
{
	disk_fill(fault->a, false);
}

/* Just as it has taken something: it has said so, and brought it to some. */
static void begin_rollback(struct fault *fault)
{
	begin_event(fault);
	engine_in(ENGINE_NOBODY, &fault->end, 5 + engine_dice(50));
}

static void end_rollback(struct fault *fault)
{
	stream_roll_back(fault->a, fault->amount);
	oracle_rolled_back(fault->a);
}

static void begin_skew(struct fault *fault)
{
	engine_set_skew(fault->a, (int64_t)fault->amount - FAULT_SKEW_MAX);
}

static void end_skew(struct fault *fault)
{
	engine_set_skew(fault->a, 0);
}

static const struct fault_row rows[FAULT_KINDS] = {
	[FAULT_EVENT] = { "host %u is asked to invalidate something", TAKES_HOST, 40, 0, 0, begin_event, NULL },
	[FAULT_FORCE] = { "host %u's operator forces something (%u)", TAKES_HOST, 25, 4 * GSLBD_TARGETS, 0, begin_force,
		NULL },
	[FAULT_DOWN] = { "endpoint %u - 1 fails", TAKES_NOTHING, 10, PROBER_ENDPOINTS, 40000, begin_down, end_down },
	[FAULT_PATH] = { "region %u does not reach endpoint %u - 1", TAKES_REGION, 6, PROBER_ENDPOINTS, 40000,
		begin_path, end_path },
	[FAULT_LOSSY] = { "half of region %u's probes of endpoint %u - 1 are lost", TAKES_REGION, 3, PROBER_ENDPOINTS,
		40000, begin_lossy, end_lossy },
	[FAULT_BLIND] = { "region %u reaches nothing outside", TAKES_REGION, 4, 0, 40000, begin_blind, end_blind },
	[FAULT_LINK] = { "regions %u and %u do not hear each other", TAKES_LINK, 6, 0, 30000, begin_link, end_link },
	[FAULT_APART] = { "region %u hears no other", TAKES_REGION, 4, 0, 30000, begin_apart, end_apart },
	[FAULT_UNBUSED] = { "host %u does not reach its server", TAKES_HOST, 4, 0, 20000, begin_unbused, end_unbused },
	[FAULT_LOSS] = { "%u permille of the words are lost", TAKES_NOTHING, 3, 500, 20000, begin_loss, end_loss },
	[FAULT_TWICE] = { "%u permille come twice", TAKES_NOTHING, 2, 300, 20000, begin_twice, end_twice },
	[FAULT_SHUFFLE] = { "%u permille overtake", TAKES_NOTHING, 3, 300, 20000, begin_shuffle, end_shuffle },
	[FAULT_SLOW] = { "all takes up to %u ms more", TAKES_NOTHING, 2, 1500, 20000, begin_slow, end_slow },
	[FAULT_KILL] = { "host %u is killed", TAKES_HOST, 6, 0, 10000, begin_kill, bring_up },
	[FAULT_POWER] = { "host %u loses its power", TAKES_HOST, 6, 0, 10000, begin_power, bring_up },
	[FAULT_WIPE] = { "host %u loses its disk", TAKES_HOST, 2, 0, 10000, begin_wipe, bring_up },
	[FAULT_COPY] = { "host %u's disk is copied, and put back", TAKES_HOST, 2, 0, 30000, begin_copy, end_copy },
	[FAULT_FULL] = { "host %u's disk is full", TAKES_HOST, 4, 0, 15000, begin_full, end_full },
	[FAULT_ROLLBACK] = { "the server of host %u loses %u messages", TAKES_HOST, 4, 8, 0, begin_rollback,
		end_rollback },
	[FAULT_SKEW] = { "host %u's clock is off (%u)", TAKES_HOST, 3, 2 * FAULT_SKEW_MAX, 30000, begin_skew,
		end_skew },
};

/* ---- operators who answer each other ---- */

enum { SECOND_PERMILLE = 30, SECOND_MS = 100 };

static struct second {
	struct loop_timer timer;
	unsigned host, which;
} seconds[ENGINE_HOSTS_MAX];
static uint64_t over_ms; /* when all faults are */

static void decide_otherwise(struct loop_timer *timer)
{
	const struct second *second = LOOP_OWNER(timer, struct second, timer);

	host_force(second->host, deed_new(second->host, NULL), second->which);
}

void faults_heard(unsigned host, unsigned target)
{
	struct second *second = &seconds[host];

	if (engine_now_ms() + SECOND_MS > over_ms || loop_is_set(&second->timer) || !engine_chance(SECOND_PERMILLE))
		return;
	second->which = target + GSLBD_TARGETS * (unsigned)engine_dice(4);
	engine_in(ENGINE_NOBODY, &second->timer, 1 + engine_dice(SECOND_MS));
}

/* ---- drawing ---- */

static enum fault_kind draw_kind(struct dice *dice)
{
	unsigned total = 0, kind = 0;
	uint64_t at;

	for (unsigned i = 0; i < FAULT_KINDS; i++)
		total += rows[i].weight;
	at = dice_below(dice, total);
	while (at >= rows[kind].weight)
		at -= rows[kind++].weight;
	return (enum fault_kind)kind;
}

static void draw(struct fault *fault, struct dice *dice, uint64_t until_ms)
{
	const struct fault_row *row;

	*fault = (struct fault){ .kind = draw_kind(dice) };
	row = &rows[fault->kind];
	fault->at_ms = 1000 + dice_below(dice, until_ms - 2000);
	if (row->most_ms > 0)
		fault->for_ms = 50 + dice_below(dice, dice_below(dice, 3) == 0 ? row->most_ms : row->most_ms / 10);
	if (fault->for_ms > until_ms - fault->at_ms)
		fault->for_ms = until_ms - fault->at_ms;
	if (row->amount > 0)
		fault->amount = 1 + (unsigned)dice_below(dice, row->amount);
	switch (row->takes) {
	case TAKES_NOTHING:
		break;
	case TAKES_HOST:
		fault->a = (unsigned)dice_below(dice, world.nhosts);
		break;
	case TAKES_REGION:
		fault->a = (unsigned)dice_below(dice, world.nregions);
		break;
	case TAKES_LINK:
		fault->a = (unsigned)dice_below(dice, world.nregions);
		fault->b = (fault->a + 1 + (unsigned)dice_below(dice, world.nregions - 1)) % world.nregions;
		break;
	}
}

void faults_draw(struct fault_list *faults, uint64_t seed, uint64_t until_ms)
{
	struct dice dice = { seed };

	over_ms = until_ms;
	faults->n = 10 + dice_below(&dice, 70);
	for (size_t i = 0; i < faults->n; i++)
		draw(&faults->list[i], &dice, until_ms);
}

/* ---- running ---- */

const char *fault_line(const struct fault *fault, char text[static FAULT_LINE_MAX])
{
	const struct fault_row *row = &rows[fault->kind];
	int len = fault->for_ms == 0 ? snprintf(text, FAULT_LINE_MAX, "at %.3f: ", (double)fault->at_ms / 1000)
				     : snprintf(text, FAULT_LINE_MAX, "at %.3f for %.3f: ", (double)fault->at_ms / 1000,
					       (double)fault->for_ms / 1000);
	unsigned first = row->takes == TAKES_NOTHING ? fault->amount : fault->a,
		 second = row->takes == TAKES_LINK ? fault->b : fault->amount;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text + len, FAULT_LINE_MAX - (size_t)len, row->says, first, second);
#pragma GCC diagnostic pop
	return text;
}

static void begin(struct loop_timer *timer)
{
	struct fault *fault = LOOP_OWNER(timer, struct fault, begin);
	char text[FAULT_LINE_MAX];

	trace("*** %s", fault_line(fault, text));
	rows[fault->kind].begin(fault);
}

static void end(struct loop_timer *timer)
{
	struct fault *fault = LOOP_OWNER(timer, struct fault, end);
	char text[FAULT_LINE_MAX];

	trace("*** over: %s", fault_line(fault, text));
	rows[fault->kind].end(fault);
}

void faults_arm(struct fault_list *faults)
{
	for (unsigned i = 0; i < ENGINE_HOSTS_MAX; i++)
		seconds[i] = (struct second){ .timer = { .fire = decide_otherwise }, .host = i };
	for (size_t i = 0; i < faults->n; i++) {
		struct fault *fault = &faults->list[i];

		fault->begin = (struct loop_timer){ .fire = begin };
		fault->end = (struct loop_timer){ .fire = end };
		if (fault->left_out)
			continue;
		engine_in(ENGINE_NOBODY, &fault->begin, fault->at_ms);
		if (fault->for_ms > 0)
			engine_in(ENGINE_NOBODY, &fault->end, fault->at_ms + fault->for_ms);
	}
}
