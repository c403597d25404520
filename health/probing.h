/* probing - the targets of the plan in force: when each is probed, what its results make of it, and its slot on the board. One
 * thread's own. */
#ifndef GSLB_HEALTH_PROBING_H
#define GSLB_HEALTH_PROBING_H

#include "health/eyes.h"
#include "health/gate.h"
#include "health/health.h"
#include "health/loop.h"
#include "health/probe.h"

struct probing;

/* changed is called when a slot's state, doubt or hold has changed on the board. loop, runner and eyes are borrowed. */
struct probing *probing_new(struct loop *loop, struct probe_runner *runner, struct eyes *eyes,
	void (*changed)(void *arg, uint32_t slot), void *arg);
void probing_free(struct probing *probing);

/* The board in force from now on. What the probing knows of its targets is written to it at once. Borrowed until the next. */
void probing_set_board(struct probing *probing, struct board_slot *slots, uint32_t nslots);
/* Probe these and no others. A target whose slot, generation and identity are known goes on undisturbed; a new one starts with
 * what the board says of it. Targets with a slot beyond the board are logged and left out. The targets are borrowed until the
 * next plan is in force. The eyes have its groups already. */
void probing_set_targets(struct probing *probing, const struct health_target *targets, size_t n);
/* A pushed state, which is unknown again for_ms later; 0: three intervals. False when there is no such target with check=push. */
bool probing_push(struct probing *probing, uint32_t slot, uint16_t generation, bool up, uint64_t for_ms);
/* Where more than one vantage is assigned: what the targets in force now show goes through this gate, which is borrowed; NULL: this
 * vantage decides alone. */
void probing_set_gate(struct probing *probing, struct gate *gate);
/* What another vantage (1 and up) says of a target, at a wall time. False when there is no such one. */
bool probing_vote(
	struct probing *probing, uint32_t slot, uint16_t generation, uint32_t vantage, const struct vote *vote);
/* Who is told when a target's answer tells of load (health_probe.load). */
void probing_tell_loads(
	struct probing *probing, void (*loaded)(void *arg, const struct health_target *target, uint64_t load_milli));
/* Call once a second: says how many log lines were held back. */
void probing_tick(struct probing *probing);

#endif
