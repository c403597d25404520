/* council - gslb-health's seat in the fleet: its line to gslb-relay (base/state_client.h), over which this host's votes go out and those of
 * others come in, and the verdicts that follow. One thread's own. */
#ifndef GSLB_HEALTH_COUNCIL_H
#define GSLB_HEALTH_COUNCIL_H

#include "health/fleet.h"
#include "health/loop.h"

struct council;

/* look: a slot's verdict may be another one now; *suspect: others begin to see it fail (fleet.h). */
struct council *council_new(struct loop *loop, void (*look)(void *arg, uint32_t slot, bool suspect), void *arg);
void council_free(struct council *council); /* NULL is fine */
/* All judges ask it; it has no members without a fleet. */
struct fleet *council_fleet(const struct council *council);
/* A plan, borrowed until the next. */
void council_set(struct council *council, const struct health_plan *plan, uint32_t nslots);
/* This host has voted: what follows is looked at, and said, in the next round of the loop. */
void council_stir(struct council *council);
/* Call once a second; `stats` is where it counts, NULL: nowhere. */
void council_tick(struct council *council, bool abstains, struct board_fleet *stats);

#endif
