/* Days and weeks of UTC have one length, so that all is arithmetic: 1970-01-01 was a Thursday, and weeks are counted from the Monday
 * before it. */
#include "gslb/drill_schedule.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS UINT64_C(60000)
#define DAY_MS UINT64_C(86400000)
#define WEEK_MS (7 * DAY_MS)
#define HORIZON_MS (731 * DAY_MS)

enum { WEEK_SHIFT_DAYS = 3 /* from that Monday to 1970-01-01 */, EVERY_MIN_MS = 3600000, WORD_MAX = 24 };

/* ---- words ---- */

static bool parse_weekday(const char *word, uint64_t *day)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(word, names[i]) == 0) {
			*day = i;
			return true;
		}
	return false;
}

/* Digits alone, as many as said. */
static bool parse_digits(const char *text, unsigned len, unsigned *number)
{
	*number = 0;
	for (unsigned i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = *number * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

/* "10:00" as ms of the day; 24:00 is its end. */
static bool parse_clock(const char *word, uint64_t *ms)
{
	unsigned hour, minute;

	if (strlen(word) != 5 || word[2] != ':' || !parse_digits(word, 2, &hour) || !parse_digits(word + 3, 2, &minute))
		return false;
	*ms = (hour * 60 + minute) * MINUTE_MS;
	return minute < 60 && *ms <= DAY_MS;
}

/* Days since 1970 of a civil date (Howard Hinnant, days_from_civil); years from 1970 on. */
static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
	unsigned y = year - (month <= 2), era = y / 400, yoe = y - era * 400;
	unsigned doy = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;

	return (uint64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool parse_date(const char *word, uint64_t *day)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year, month, of_month;
	bool leap;

	if (strlen(word) != 10 || word[4] != '-' || word[7] != '-' || !parse_digits(word, 4, &year) ||
		!parse_digits(word + 5, 2, &month) || !parse_digits(word + 8, 2, &of_month))
		return false;
	if (year < 1970 || month < 1 || month > 12 || of_month < 1)
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	*day = days_of(year, month, of_month);
	return of_month <= lengths[month - 1] + (month == 2 && leap);
}

/* ---- every ---- */

bool drill_every_parse(struct drill_schedule *schedule, const char *text, struct err *err)
{
	char day_word[WORD_MAX], clock_word[WORD_MAX], more;
	uint64_t day = 0, ms;

	if (sscanf(text, "%23s %23s %c", day_word, clock_word, &more) == 2) {
		bool daily = strcmp(day_word, "day") == 0;

		if ((!daily && !parse_weekday(day_word, &day)) || !parse_clock(clock_word, &ms) || ms == DAY_MS)
			return err_set(err, "not a day and a time in UTC (try mon 10:00, or day 10:00)");
		schedule->every = daily ? DRILL_EVERY_DAY : DRILL_EVERY_WEEK;
		schedule->every_ms = day * DAY_MS + ms;
		return true;
	}
	if (!duration_parse(text, &ms))
		return err_set(err, "neither a duration nor a day and a time in UTC (try 7d, day 10:00 or mon 10:00)");
	if (ms < EVERY_MIN_MS || ms > HORIZON_MS / 2)
		return err_set(err, "out of bounds (try 1h to 365d)");
	schedule->every = DRILL_EVERY_TIME;
	schedule->every_ms = ms;
	return true;
}

/* ---- blocked ---- */

/* One side of a window: a date, a weekday, a time, or a weekday and a time. */
struct edge {
	bool dated, weekly, timed;
	uint64_t day, ms;
};

static bool parse_edge(const char *text, struct edge *edge)
{
	char first[WORD_MAX], second[WORD_MAX], more;
	int n = sscanf(text, "%23s %23s %c", first, second, &more);

	*edge = (struct edge){ 0 };
	if (n == 1 && parse_clock(first, &edge->ms))
		return edge->timed = true;
	if (n == 1 && parse_date(first, &edge->day))
		return edge->dated = true;
	if (n < 1 || n > 2 || !parse_weekday(first, &edge->day))
		return false;
	edge->weekly = true;
	edge->timed = n == 2;
	return n == 1 || parse_clock(second, &edge->ms);
}

/* The last day of a window is in it as a whole. */
static uint64_t edge_end_ms(const struct edge *edge)
{
	return edge->timed ? edge->day * DAY_MS + edge->ms : (edge->day + 1) * DAY_MS;
}

bool drill_blocked_parse(struct drill_schedule *schedule, const char *text, struct err *err)
{
	const char *dash = strstr(text, " - ");
	char left[64];
	struct edge from, to;
	struct drill_window window;

	if (schedule->nblocked == DRILL_BLOCKED_MAX)
		return err_set(err, "one too many (try at most %d)", DRILL_BLOCKED_MAX);
	snprintf(left, sizeof left, "%.*s", dash != NULL ? (int)(dash - text) : (int)strlen(text), text);
	if (!parse_edge(left, &from) || !parse_edge(dash != NULL ? dash + 3 : left, &to))
		return err_set(err, "not a window in UTC (try sat, fri 12:00 - mon 08:00, 22:00 - 06:00, "
				    "or 2026-12-20 - 2027-01-06)");
	if (from.dated != to.dated || from.weekly != to.weekly || (from.timed && dash == NULL))
		return err_set(
			err, "its two ends are of different kinds (try 22:00 - 06:00, or fri 22:00 - mon 06:00)");
	window.every = from.dated ? DRILL_NEVER : from.weekly ? DRILL_EVERY_WEEK : DRILL_EVERY_DAY;
	window.from_ms = from.day * DAY_MS + from.ms;
	window.to_ms = edge_end_ms(&to);
	if (from.dated && window.to_ms <= window.from_ms)
		return err_set(err, "ends before it begins");
	if (window.to_ms == window.from_ms)
		return err_set(err, "begins and ends at one time (try 00:00 - 24:00 for all of a day)");
	schedule->blocked[schedule->nblocked++] = window;
	return true;
}

/* ---- when ---- */

static uint64_t period_ms(enum drill_every every)
{
	return every == DRILL_EVERY_DAY ? DAY_MS : WEEK_MS;
}

/* When the period that holds a time begins; two periods earlier, so that windows that reach over an end are met. */
static uint64_t period_before(enum drill_every every, uint64_t at_ms)
{
	uint64_t shift_ms = every == DRILL_EVERY_WEEK ? WEEK_SHIFT_DAYS * DAY_MS : 0, period = period_ms(every);
	uint64_t shifted = at_ms + shift_ms, back = shifted % period + period;

	return at_ms > back ? at_ms - back : 0;
}

static bool overlaps(const struct drill_window *window, uint64_t from_ms, uint64_t to_ms)
{
	uint64_t length_ms;

	if (window->every == DRILL_NEVER)
		return from_ms < window->to_ms && window->from_ms < to_ms;
	length_ms = window->to_ms > window->from_ms ? window->to_ms - window->from_ms
						    : window->to_ms + period_ms(window->every) - window->from_ms;
	for (uint64_t base = period_before(window->every, from_ms); base < to_ms; base += period_ms(window->every)) {
		uint64_t begin_ms = base + window->from_ms;

		if (begin_ms < to_ms && from_ms < begin_ms + length_ms)
			return true;
	}
	return false;
}

bool drill_schedule_blocked(const struct drill_schedule *schedule, uint64_t from_ms, uint64_t to_ms)
{
	for (size_t i = 0; i < schedule->nblocked; i++)
		if (overlaps(&schedule->blocked[i], from_ms, to_ms))
			return true;
	return false;
}

static uint64_t first_after(const struct drill_schedule *schedule, uint64_t since_ms, uint64_t after_ms)
{
	uint64_t at_ms;

	if (schedule->every == DRILL_EVERY_TIME) {
		at_ms = since_ms + schedule->every_ms;
		if (at_ms <= after_ms)
			at_ms += ((after_ms - at_ms) / schedule->every_ms + 1) * schedule->every_ms;
		return at_ms;
	}
	at_ms = period_before(schedule->every, after_ms) + schedule->every_ms;
	while (at_ms <= after_ms)
		at_ms += period_ms(schedule->every);
	return at_ms;
}

uint64_t drill_schedule_next(
	const struct drill_schedule *schedule, uint64_t since_ms, uint64_t after_ms, uint64_t takes_ms)
{
	uint64_t step_ms = schedule->every == DRILL_EVERY_TIME ? schedule->every_ms : period_ms(schedule->every);

	if (schedule->every == DRILL_NEVER)
		return 0;
	for (uint64_t at_ms = first_after(schedule, since_ms, after_ms); at_ms < after_ms + HORIZON_MS;
		at_ms += step_ms)
		if (!drill_schedule_blocked(schedule, at_ms, at_ms + takes_ms))
			return at_ms;
	return 0;
}
