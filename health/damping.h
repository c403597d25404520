/* damping - what becomes of an endpoint that keeps failing and coming back. One thread's own; the clock is handed in (wall, ms)
 * and may jump. */
#ifndef GSLB_HEALTH_DAMPING_H
#define GSLB_HEALTH_DAMPING_H

#include "health/health.h"

enum {
	DAMPING_LIMIT = 2500,  /* beyond it, it flaps */
	DAMPING_REUSE = 1000,  /* below it, it does no more */
	DAMPING_MOST = 8000,   /* so that a quarter of an hour of peace is always enough */
	DAMPING_APART_S = 600, /* between two comebacks */
	DAMPING_HOLD_S = 900,  /* down for longer than that, it need not have answered without a break */
};

/* It went down; or it would have, did damping not hold it down already. */
void damping_fell(struct damping *damping, uint64_t now_ms);
void damping_came_back(struct damping *damping, uint64_t now_ms);
/* Look whether it still flaps. True when that ended just now. */
bool damping_calms(struct damping *damping, uint64_t now_ms);
/* How long one that is down since then, and answers since then, must stay down yet; 0: it may come back. */
uint64_t damping_hold_ms(struct damping *damping, uint64_t down_since_ms, uint64_t answers_since_ms, uint64_t now_ms);
unsigned damping_penalty(const struct damping *damping, uint64_t now_ms);
/* How long such a penalty takes to fall to DAMPING_REUSE without another fall. */
unsigned damping_calm_s(unsigned penalty);

#endif
