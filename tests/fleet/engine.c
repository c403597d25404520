#include "tests/fleet/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A host's timers; stale: next_us must be asked for anew. */
struct loop {
	struct wheel wheel;
	uint64_t next_us;
	unsigned host;
	bool stale;
};

static struct {
	struct loop loops[ENGINE_LOOPS];
	uint64_t now_us, hash, kernel; /* kernel: what seeds dice that the code seeds itself */
	int64_t own_skew_ms[ENGINE_LOOPS], skew_ms[ENGINE_LOOPS];
	unsigned host;
	struct dice dice;
	bool stopped;
} engine;

/* Monotonic at the beginning: zero is "never" to much of the code. */
#define BEGIN_US UINT64_C(3600000000)

bool engine_tracing;

void engine_reset(uint64_t seed)
{
	engine.now_us = BEGIN_US;
	engine.kernel = engine.hash = 0;
	engine.host = ENGINE_NOBODY;
	engine.stopped = false;
	engine.dice.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (unsigned i = 0; i < ENGINE_LOOPS; i++) {
		wheel_init(&engine.loops[i].wheel, BEGIN_US);
		engine.loops[i].host = i;
		engine.loops[i].stale = true;
		engine.skew_ms[i] = 0;
		engine.own_skew_ms[i] = (int64_t)(hash_mix(seed, i) % (2 * ENGINE_SKEW_MAX + 1)) - ENGINE_SKEW_MAX;
	}
}

uint64_t engine_now_ms(void)
{
	return (engine.now_us - BEGIN_US) / 1000;
}

struct loop *engine_loop(unsigned host)
{
	return &engine.loops[host];
}

void loop_set(struct loop *loop, struct loop_timer *timer, uint64_t at_us)
{
	wheel_set(&loop->wheel, &timer->wheel, at_us);
	loop->stale = true;
}

void loop_clear(struct loop *loop, struct loop_timer *timer)
{
	wheel_clear(&loop->wheel, &timer->wheel);
	loop->stale = true;
}

void engine_in(unsigned host, struct loop_timer *timer, uint64_t ms)
{
	loop_set(&engine.loops[host], timer, engine.now_us + ms * 1000);
}

void engine_clear(unsigned host, struct loop_timer *timer)
{
	loop_clear(&engine.loops[host], timer);
}

/* ---- running ---- */

static struct loop *first_loop(void)
{
	struct loop *first = &engine.loops[0];

	for (unsigned i = 0; i < ENGINE_LOOPS; i++) {
		struct loop *loop = &engine.loops[i];

		if (loop->stale) {
			loop->next_us = wheel_next_us(&loop->wheel);
			loop->stale = false;
		}
		first = loop->next_us < first->next_us ? loop : first;
	}
	return first;
}

static void run_loop(struct loop *loop)
{
	struct wheel_timer *timer;

	loop->stale = true;
	wheel_advance(&loop->wheel, engine.now_us);
	while (!engine.stopped && (timer = wheel_take(&loop->wheel)) != NULL) {
		struct loop_timer *due = (struct loop_timer *)(void *)timer;

		engine.hash = hash_mix(engine.hash, engine.now_us + loop->host);
		engine.host = loop->host;
		due->fire(due);
		engine.host = ENGINE_NOBODY;
	}
}

void engine_run(uint64_t until_ms)
{
	uint64_t until_us = BEGIN_US + until_ms * 1000;

	while (!engine.stopped) {
		struct loop *loop = first_loop();

		if (loop->next_us > until_us)
			break;
		engine.now_us = loop->next_us > engine.now_us ? loop->next_us : engine.now_us;
		run_loop(loop);
	}
	if (!engine.stopped && engine.now_us < until_us)
		engine.now_us = until_us;
}

void engine_stop(void)
{
	engine.stopped = true;
}

uint64_t engine_hash(void)
{
	return hash_mix(engine.hash, engine.dice.state);
}

bool engine_is_stopped(void)
{
	return engine.stopped;
}

unsigned engine_be(unsigned host)
{
	unsigned before = engine.host;

	engine.host = host;
	return before;
}

unsigned engine_host(void)
{
	return engine.host;
}

void engine_set_skew(unsigned host, int64_t ms)
{
	engine.skew_ms[host] = ms;
}

/* ---- dice ---- */

uint64_t engine_dice(uint64_t below)
{
	return dice_below(&engine.dice, below);
}

bool engine_chance(unsigned permille)
{
	return permille > 0 && dice_below(&engine.dice, 1000) < permille;
}

struct dice *engine_dice_itself(void)
{
	return &engine.dice;
}

/* ---- what the real code asks the machine: the linker sends it here (--wrap) ---- */

uint64_t __wrap_clock_wall_ms(void);
uint64_t __wrap_clock_monotonic_ms(void);
uint64_t __wrap_clock_monotonic_us(void);
struct dice __wrap_dice_from_kernel(void);

uint64_t __wrap_clock_wall_ms(void)
{
	return ENGINE_EPOCH_MS + engine_now_ms() + (uint64_t)engine.own_skew_ms[engine.host] +
	       (uint64_t)engine.skew_ms[engine.host];
}

uint64_t __wrap_clock_monotonic_ms(void)
{
	return engine.now_us / 1000;
}

uint64_t __wrap_clock_monotonic_us(void)
{
	return engine.now_us;
}

struct dice __wrap_dice_from_kernel(void)
{
	return (struct dice){ .state = engine.dice.state ^ ++engine.kernel << 32 };
}

/* ---- the timeline ---- */

void engine_trace(const char *fmt, ...)
{
	char who[16] = "     ";
	va_list args;

	if (engine.host != ENGINE_NOBODY)
		snprintf(who, sizeof who, "h%-4u", engine.host);
	printf("%9.3f %s", (double)(engine.now_us - BEGIN_US) / 1e6, who);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}
