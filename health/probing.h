/* probing - the targets of the plan in force: when each is probed, what its results make of it, and its slot on the board. One
 * thread's own. */
#ifndef GSLB_HEALTH_PROBING_H
#define GSLB_HEALTH_PROBING_H

#include "health/eyes.h"
#include "health/fleet.h"
#include "health/health.h"
#include "health/loop.h"
#include "health/probe.h"

struct probing;

struct probing_ops {
	void *arg;
	void (*changed)(void *arg, uint32_t slot); /* the slot's state, doubt or hold on the board */
	void (*voted)(void *arg);                  /* the fleet has a new vote of ours, perhaps */
};

/* All are borrowed. */
struct probing *probing_new(struct loop *loop, struct probe_runner *runner, struct eyes *eyes, struct fleet *fleet,
	const struct probing_ops *ops);
void probing_free(struct probing *probing);

/* The board in force from now on. What the probing knows of its targets is written to it at once. Borrowed until the next. */
void probing_set_board(struct probing *probing, struct board_slot *slots, uint32_t nslots);
/* Probe these and no others. A target whose slot, generation and identity are known goes on undisturbed; a new one starts with
 * what the board says of it. Targets with a slot beyond the board are logged and left out. The targets are borrowed until the
 * next plan is in force. The eyes have its groups already, and the fleet its members: of those only the ones that this region is assigned
 * to are probed. */
void probing_set_targets(struct probing *probing, const struct health_target *targets, size_t n);
/* A pushed state, which is unknown again for_ms later; 0: three intervals. False when there is no such target with check=push. */
bool probing_push(struct probing *probing, uint32_t slot, uint16_t generation, bool up, uint64_t for_ms);
/* The fleet's verdict on a slot may be another one. suspect: others begin to see it fail: it is probed now, and 0.5 and 1 s later. */
void probing_again(struct probing *probing, uint32_t slot, bool suspect);
/* Who is told when a target's answer tells of load (health_probe.load). */
void probing_tell_loads(
	struct probing *probing, void (*loaded)(void *arg, const struct health_target *target, uint64_t load_milli));
/* Call once a second: says how many log lines were held back. */
void probing_tick(struct probing *probing);

#endif
