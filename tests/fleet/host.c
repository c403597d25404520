#include "tests/fleet/host.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "relay/store_sql.h"
#include "tests/fleet/disk.h"
#include "tests/fleet/oracle.h"

enum { BOOT_AGAIN_MS = 1000, KEEP_MS = 72 * 3600000 };

struct host hosts[ENGINE_HOSTS_MAX];
uint64_t host_turns;
static struct conf_relay relays[ENGINE_HOSTS_MAX];
static uint64_t lives; /* of relays */

/* ---- the relay's turn ---- */

static void woken(unsigned number, uint64_t in_ms)
{
	struct loop_timer *turn = &hosts[number].turn;

	if (!loop_is_set(turn) || loop_at_us(turn) > clock_monotonic_us() + in_ms * 1000)
		engine_in(number, turn, in_ms);
}

static void earlier(uint64_t *next_ms, uint64_t then_ms)
{
	if (then_ms < *next_ms)
		*next_ms = then_ms;
}

static void hear_digest(unsigned to, unsigned from, const void *bytes, size_t len)
{
	uint64_t digest;

	assert(len == sizeof digest);
	memcpy(&digest, bytes, sizeof digest);
	writs_hear_digest(hosts[to].writs, hosts[from].conf.region, hosts[from].name, digest, clock_monotonic_ms());
}

/* As intake_run() does. */
static uint64_t run_writs(struct host *host, uint64_t now_ms)
{
	uint64_t digest, next_ms;

	writs_forget(host->writs);
	if (writs_repair(host->writs, now_ms, &digest))
		for (unsigned i = 0; i < world.nhosts; i++)
			if (i != host->number)
				stream_say(host->number, i, &digest, sizeof digest, hear_digest);
	next_ms = gslbd_run(&host->gslbd, now_ms);
	earlier(&next_ms, writs_run(host->writs, NULL, now_ms));
	return next_ms;
}

static void run_turn(struct loop_timer *timer)
{
	struct host *host = LOOP_OWNER(timer, struct host, turn);
	uint64_t now_ms = clock_monotonic_ms(), next_ms;

	host_turns++;
	host->exchange.wall_ms = clock_wall_ms();
	writs_clock(host->writs, clock_wall_ms());
	exchange_take(&host->exchange, now_ms);
	next_ms = exchange_give(&host->exchange, now_ms);
	earlier(&next_ms, run_writs(host, now_ms));
	if (store_is_dirty(host->store)) /* asked for since then */
		next_ms = now_ms;
	if (!loop_is_set(timer))
		engine_in(host->number, timer, next_ms > now_ms ? next_ms - now_ms : 1);
}

/* Whoever asked is answered by that: as waiting.c has it. */
static void settled(void *arg, bool committed, const struct err *why)
{
	struct host *host = arg;

	if (committed && host->nasked > 0)
		oracle_kept(host->number, "says that it keeps");
	for (size_t i = 0; i < host->nasked; i++) {
		if (committed && host->rollbacks == store_rollbacks(host->store))
			oracle_committed(host->number, host->asked[i]);
		else
			trace("refuses e%u: %s", deed_number(host->asked[i]), why->text);
	}
	host->nasked = 0;
	host->rollbacks = store_rollbacks(host->store);
}

static void heard(void *arg, const char *region, const struct work_state *state)
{
	(void)arg;
	(void)region;
	(void)state;
}

static void told(void *arg, const struct work_state *state)
{
	struct host *host = arg;

	host->exchange.receipts_due |= state->done;
}

bool host_has(unsigned number, unsigned origin, uint32_t epoch, uint64_t oseq)
{
	struct store *store = hosts[number].store;
	struct store_mark received;
	bool has, good;

	store_received(store, hosts[origin].name, &received);
	if (received.epoch != epoch || oseq <= received.oseq)
		return received.epoch >= epoch;
	sql_text(store, AHEAD_HAS, 1, hosts[origin].name);
	sql_number(store, AHEAD_HAS, 2, oseq);
	has = sql_row(store, AHEAD_HAS, &good, NULL);
	sql_reset(store, AHEAD_HAS);
	return has;
}

void host_ask(unsigned number, struct deed *deed)
{
	struct host *host = &hosts[number];
	unsigned before = engine_be(number);
	char text[DEED_TEXT_MAX];
	struct event_item item = { .text = deed_text(deed, text) };
	struct event event = {
		.class = EVENT_KEY, .nitems = 1, .items = &item, .why = "", .actor = "sim", .trace = ""
	};
	struct err err;

	deed->asked = host->up;
	if (!host->up) {
		trace("is down: nobody takes e%u", deed_number(deed));
	} else if (!store_add(host->store, &event, clock_wall_ms(), &err)) {
		trace("refuses e%u: %s", deed_number(deed), err.text);
	} else {
		trace("takes e%u as %u:%llu", deed_number(deed), event.epoch, (unsigned long long)event.oseq);
		deed->epoch = event.epoch;
		deed->oseq = event.oseq;
		host->asked[host->nasked++] = deed;
		woken(number, 0);
	}
	engine_be(before);
}

void host_force(unsigned number, struct deed *deed, unsigned which)
{
	struct host *host = &hosts[number];
	unsigned before = engine_be(number);

	deed->asked = host->up;
	if (!host->up)
		trace("is down: nobody takes e%u", deed_number(deed));
	else if (!gslbd_force(&host->gslbd, deed, which, host->name))
		trace("refuses e%u: its disk is full", deed_number(deed));
	else
		oracle_committed(number, deed);
	if (host->up)
		woken(number, 0);
	engine_be(before);
}

/* ---- what the work does: the linker sends it here first ---- */

void __real_work_begin(struct work *work, const struct event *event, uint64_t now_ms);
void __wrap_work_begin(struct work *work, const struct event *event, uint64_t now_ms);
void __real_work_coarse(struct work *work, const char *reason, uint64_t now_ms);
void __wrap_work_coarse(struct work *work, const char *reason, uint64_t now_ms);

/* Without a cache of its own it is done at once. */
void __wrap_work_begin(struct work *work, const struct event *event, uint64_t now_ms)
{
	struct deed *deed = deed_in(event);

	if (deed != NULL)
		oracle_applied(engine_host(), deed);
	__real_work_begin(work, event, now_ms);
}

void __wrap_work_coarse(struct work *work, const char *reason, uint64_t now_ms)
{
	oracle_coarse(engine_host(), reason);
	__real_work_coarse(work, reason, now_ms);
}

/* ---- life ---- */

static bool start(struct host *host, struct err *err)
{
	char path[DISK_PATH_MAX];
	bool fresh;

	host->store = store_open(disk_path(host->number, "relay.db", path), host->name, clock_wall_ms(), &fresh, err);
	if (host->store == NULL)
		return false;
	host->work = work_new(&host->conf, host->store, -1, told, host, err);
	host->writs = writs_new(host->store, host->conf.region, host->name, ++lives, told, host, err);
	if (host->writs == NULL)
		return false;
	gslbd_start(&host->gslbd, host->number, host->writs);
	host->end = stream_open(host->number, &host->conf, host->store, woken);
	host->exchange = (struct exchange){
		.conf = &host->conf,
		.store = host->store,
		.bus_ops = &stream_ops,
		.bus = host->end,
		.work = host->work,
		.writs = host->writs,
		.wall_ms = clock_wall_ms(),
		.settled = settled,
		.heard = heard,
		.arg = host,
	};
	host->rollbacks = 0;
	trace("starts%s, epoch %u", fresh ? " with a new log" : "", store_epoch(host->store));
	return exchange_resume(&host->exchange, fresh, clock_monotonic_ms(), err);
}

/* Nothing of it gets to the disk any more. */
static void stop(struct host *host)
{
	stream_close(host->end);
	prober_stop(&host->prober);
	oracle_answers_stop(host->number);
	gslbd_stop(&host->gslbd);
	work_free(host->work);
	writs_free(host->writs);
	disk_freeze(host->number, true);
	if (host->store != NULL)
		sql_shut(host->store);
	store_close(host->store);
	disk_freeze(host->number, false);
	host->store = NULL;
	host->work = NULL;
	host->writs = NULL;
	host->end = NULL;
	host->nasked = 0;
	engine_clear(host->number, &host->turn);
	engine_clear(host->number, &host->boot);
}

void host_boot(unsigned number)
{
	struct host *host = &hosts[number];
	unsigned before = engine_be(number);
	struct err err;

	if (start(host, &err)) {
		prober_start(&host->prober, number);
		host->up = true;
		engine_in(number, &host->turn, 1 + engine_dice(50));
	} else {
		trace("does not start: %s", err.text);
		stop(host);
		engine_in(number, &host->boot, BOOT_AGAIN_MS);
	}
	engine_be(before);
}

static void boot_again(struct loop_timer *timer)
{
	host_boot(LOOP_OWNER(timer, struct host, boot)->number);
}

void host_crash(unsigned number, enum host_end how)
{
	struct host *host = &hosts[number];

	static const char *const words[] = { "is killed", "loses its power", "loses its disk",
		"gets an old copy of its disk" };

	engine_be(number);
	trace("%s", words[how]);
	oracle_silent(number);
	stop(host);
	host->up = false;
	if (how == HOST_POWERLESS)
		disk_lose_power(number, engine_dice_itself());
	if (how == HOST_WIPED) {
		disk_lose(number);
		oracle_put_back(number, 0);
	}
	if (how == HOST_OLD && disk_put_back(number))
		oracle_put_back(number, deeds.copied_ms[number]);
	engine_be(ENGINE_NOBODY);
}

void hosts_reset(void)
{
	host_turns = lives = 0;
	for (unsigned i = 0; i < world.nhosts; i++) {
		struct host *host = &hosts[i];

		memset(host, 0, sizeof *host);
		host->number = i;
		snprintf(host->name, sizeof host->name, "h%u", i);
		memcpy(host->conf.name, host->name, sizeof host->name);
		snprintf(host->conf.region, sizeof host->conf.region, "r%u", world_region(i));
		relays[i] = (struct conf_relay){ host->conf.name, host->conf.region };
		host->conf.nrelays = world.nhosts;
		host->conf.keep_ms = KEEP_MS;
		host->conf.relays = relays;
		host->turn.fire = run_turn;
		host->boot.fire = boot_again;
	}
}

void hosts_end(void)
{
	for (unsigned i = 0; i < world.nhosts; i++)
		stop(&hosts[i]);
}
