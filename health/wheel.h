/* wheel - timers by the hundred thousand: setting, moving and clearing one costs the same however many there are. It is told the
 * time and reads no clock. One thread's own. */
#ifndef GSLB_HEALTH_WHEEL_H
#define GSLB_HEALTH_WHEEL_H

#include "base/base.h"

enum { WHEEL_TICK_US = 1000, WHEEL_LEVELS = 4, WHEEL_SLOTS = 256 };

struct wheel_link {
	struct wheel_link *next, *prev;
};

/* Embedded in what it belongs to, zeroed before its first use. */
struct wheel_timer {
	struct wheel_link link; /* first */
	uint64_t at_us;
	uint16_t place; /* which list it lies in, from 1; 0: not set */
};

struct wheel {
	uint64_t tick; /* all up to this one has been handed out, or waits in `due` */
	uint64_t taken[WHEEL_LEVELS][WHEEL_SLOTS / 64];
	struct wheel_link slots[WHEEL_LEVELS * WHEEL_SLOTS];
	struct wheel_link due, next; /* next: due at once, but not in this round */
};

void wheel_init(struct wheel *wheel, uint64_t now_us);
/* Set, or move. It comes out with the first wheel_advance to a time not before at_us, rounded up to the tick; 0: with the next. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t at_us);
void wheel_clear(struct wheel *wheel, struct wheel_timer *timer); /* nothing when it is not set */
/* Go to now (never back); then take what is due: what was set with 0 first, then tick by tick, in the order it was set within
 * one. NULL: nothing any more. */
void wheel_advance(struct wheel *wheel, uint64_t now_us);
struct wheel_timer *wheel_take(struct wheel *wheel);
/* When to advance next: the time of the first timer, or somewhat before; 0: at once; UINT64_MAX: there is none. */
uint64_t wheel_next_us(const struct wheel *wheel);

#endif
