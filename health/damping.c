/* Flap damping after RFC 2439, scaled to minutes, and one rule of our own.
 *
 * The penalty grows by 1000 with every fall and halves in five minutes. Beyond 2500 the endpoint flaps, until the penalty is
 * below 1000 again, which takes a quarter of an hour at most: it gets a tenth of its weight at most, and before it comes back it
 * must have answered without a break for a second for each 50 of its penalty, or have been down for a quarter of an hour. Falls
 * that nobody sees, because it is held down, count too.
 *
 * The rule: two comebacks are at least ten minutes apart. So an endpoint can change an answer three times in any ten minutes,
 * going, coming and going, and never more, whatever its rhythm; the first fall in a long time costs nothing. Going down is
 * never delayed. */
#include "health/damping.h"

#include <math.h>

enum { FALL_PENALTY = 1000, HALF_LIFE_MS = 300 * 1000, ANSWER_MS_PER_PENALTY = 20 };

static unsigned decayed(const struct damping *damping, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms > damping->at_ms ? now_ms - damping->at_ms : 0;

	if (damping->penalty == 0 || elapsed_ms == 0)
		return damping->penalty;
	return (unsigned)lroundf((float)damping->penalty * exp2f(-(float)elapsed_ms / HALF_LIFE_MS));
}

unsigned damping_penalty(const struct damping *damping, uint64_t now_ms)
{
	return decayed(damping, now_ms);
}

void damping_fell(struct damping *damping, uint64_t now_ms)
{
	unsigned penalty = decayed(damping, now_ms) + FALL_PENALTY;

	damping->penalty = (uint16_t)(penalty < DAMPING_MOST ? penalty : DAMPING_MOST);
	damping->at_ms = now_ms;
	damping->flaps |= damping->penalty > DAMPING_LIMIT;
}

void damping_came_back(struct damping *damping, uint64_t now_ms)
{
	damping->came_back_ms = now_ms;
}

bool damping_calms(struct damping *damping, uint64_t now_ms)
{
	if (!damping->flaps || decayed(damping, now_ms) >= DAMPING_REUSE)
		return false;
	damping->flaps = false;
	return true;
}

static uint64_t left_ms(uint64_t from_ms, uint64_t for_ms, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms > from_ms ? now_ms - from_ms : 0; /* the clock may have been set back */

	return elapsed_ms < for_ms ? for_ms - elapsed_ms : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t damping_hold_ms(struct damping *damping, uint64_t down_since_ms, uint64_t answers_since_ms, uint64_t now_ms)
{
	uint64_t apart_ms = 0, answer_ms = 0;

	if (damping->came_back_ms > now_ms)
		damping->came_back_ms = now_ms; /* else a clock set back by a day would hold it for a day */
	if (damping->came_back_ms != 0)
		apart_ms = left_ms(damping->came_back_ms, DAMPING_APART_S * UINT64_C(1000), now_ms);
	if (damping->flaps)
		answer_ms = least(left_ms(answers_since_ms, (uint64_t)damping->penalty * ANSWER_MS_PER_PENALTY, now_ms),
			left_ms(down_since_ms, DAMPING_HOLD_S * UINT64_C(1000), now_ms));
	return answer_ms > apart_ms ? answer_ms : apart_ms;
}

unsigned damping_calm_s(unsigned penalty)
{
	if (penalty <= DAMPING_REUSE)
		return 0;
	return (unsigned)ceilf(log2f((float)penalty / DAMPING_REUSE) * HALF_LIFE_MS / 1000);
}
