/* drill_schedule - when a drill runs by itself: every so often or at a time of the week, never in or into a blocked window. All
 * times are UTC. Pure functions. */
#ifndef GSLB_DRILL_SCHEDULE_H
#define GSLB_DRILL_SCHEDULE_H

#include "base/base.h"

enum { DRILL_BLOCKED_MAX = 32 };

enum drill_every { DRILL_NEVER, DRILL_EVERY_TIME, DRILL_EVERY_DAY, DRILL_EVERY_WEEK };

/* A window that comes again each day or week, counted from its beginning (a week's is Monday), or once. */
struct drill_window {
	enum drill_every every;
	uint64_t from_ms, to_ms; /* within the day or week (to before from: over its end); DRILL_NEVER: wall */
};

struct drill_schedule {
	enum drill_every every;
	uint64_t every_ms; /* DRILL_EVERY_TIME: apart; else: within the day or week */
	struct drill_window blocked[DRILL_BLOCKED_MAX];
	size_t nblocked;
};

/* "7d", "day 10:00", "mon 10:00". */
bool drill_every_parse(struct drill_schedule *schedule, const char *text, struct err *err);
/* "sat", "fri 12:00 - mon 08:00", "22:00 - 06:00", "2026-12-20 - 2027-01-06" (both days, too). */
bool drill_blocked_parse(struct drill_schedule *schedule, const char *text, struct err *err);

/* Is any part of [from, to) in a blocked window? */
bool drill_schedule_blocked(const struct drill_schedule *schedule, uint64_t from_ms, uint64_t to_ms);
/* The first time after after_ms (wall) that is free for takes_ms; 0: none within two years. since_ms: what DRILL_EVERY_TIME counts
 * from, the last run or when the file was written. */
uint64_t drill_schedule_next(
	const struct drill_schedule *schedule, uint64_t since_ms, uint64_t after_ms, uint64_t takes_ms);

#endif
