/* engine - simulated time: timers of many hosts in one order, and the clocks that the real code reads. Nothing sleeps; the same seed gives
 * the same run. It takes the place of health/loop.c, with the same timing wheel under it. One thread's own. */
#ifndef GSLB_TESTS_FLEET_ENGINE_H
#define GSLB_TESTS_FLEET_ENGINE_H

#include "health/loop.h"

/* An arbitrary wall clock to begin with: 2026-01-01. */
#define ENGINE_EPOCH_MS UINT64_C(1767225600000)

enum { ENGINE_SKEW_MAX = 150 }; /* ms */
enum { ENGINE_HOSTS_MAX = 24, ENGINE_NOBODY = ENGINE_HOSTS_MAX, ENGINE_LOOPS = ENGINE_HOSTS_MAX + 1 };

/* Everything anew: the time is zero, no timer is set. */
void engine_reset(uint64_t seed);
void engine_run(uint64_t until_ms); /* stops early when engine_stop was called */
void engine_stop(void);
bool engine_is_stopped(void);
/* Of all that was run, when, and of the dice: equal for equal runs. */
uint64_t engine_hash(void);

/* Milliseconds since engine_reset. */
uint64_t engine_now_ms(void);

/* The timers of a host, or of ENGINE_NOBODY: of the world. */
struct loop *engine_loop(unsigned host);
/* In how many milliseconds from now. */
void engine_in(unsigned host, struct loop_timer *timer, uint64_t ms);
void engine_clear(unsigned host, struct loop_timer *timer);

/* Whose code is running: it reads its own clock. Returns who was before. */
unsigned engine_be(unsigned host);
unsigned engine_host(void);
/* Its wall clock is so much more ahead than it ever is, which is up to ENGINE_SKEW_MAX either way; monotonic clocks have no faults. */
void engine_set_skew(unsigned host, int64_t ms);

/* Even from 0 to below - 1; and true once in so many thousand. */
uint64_t engine_dice(uint64_t below);
bool engine_chance(unsigned permille);
struct dice *engine_dice_itself(void);

/* One line of the timeline, when it is asked for. */
extern bool engine_tracing;
void engine_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define trace(...)                                 \
	do {                                       \
		if (engine_tracing)                \
			engine_trace(__VA_ARGS__); \
	} while (0)

#endif
