/* Each target has one probe and one timer, and is either waiting for the timer or being probed, so that there is never more
 * than one probe of an endpoint in flight. First probes are spread over a second, or over twice the CPU time that all of them
 * take where that is longer; second ones over the interval; after that jitter keeps them apart. A verdict lies on the board from the moment it is reached: killing this process loses nothing. */
#include "health/probing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/probing_inner.h"

enum {
	FIRST_SPREAD_MS = 1000,
	JITTER_PERCENT = 10,
	CERT_LOOK_MS = 3600 * 1000,
	CERT_WARN_MS = 24 * 3600 * 1000,
	WITNESSES = 4,
	WITNESS_LOOKS = 256,
	PUSH_INTERVALS = 3,
	RECHECKS = 3,
	RECHECK_MS = 500,
	PUSH_LOOK_MS = 3600 * 1000, /* the clock may be set meanwhile */
};

#define PUSH_FOR_MAX_MS (UINT64_C(366) * 86400000)

/* ---- one result ---- */

static void wait_for(struct target *target, uint64_t ms)
{
	loop_set(target->probing->loop, &target->timer, clock_monotonic_us() + ms * 1000);
}

/* The time to the next probe. Only the plain interval is varied, and never to be longer: a failure is to be seen in half of it on
 * average. In doubt the re-probes come when they come. */
static uint64_t varied(struct target *target, uint32_t next_ms)
{
	uint32_t interval_ms = target->spec.probe.interval_ms, jitter_ms = interval_ms / 100 * JITTER_PERCENT;
	struct dice *dice = &target->probing->dice;

	if (next_ms != interval_ms && target->detector.state == HEALTH_UNKNOWN && next_ms < target->patience_ms)
		return target->patience_ms;
	if (next_ms != interval_ms)
		return next_ms;
	if (!target->settled) {
		target->settled = true;
		return interval_ms / 4 + dice_below(dice, interval_ms - interval_ms / 4 + 1);
	}
	return interval_ms - dice_below(dice, (uint64_t)jitter_ms + 1);
}

static void log_change(struct target *target, enum health_state was, const struct probe_report *report, uint64_t now_ms)
{
	changelog_add(&target->probing->changelog,
		&(struct changelog_entry){
			.label = target->spec.label,
			.state = target->judge.shown.state,
			.was = was,
			.check = probe_check_name(target->spec.probe.check),
			.report = report,
			.after_ms = target->contrary_ms != 0 && now_ms > target->contrary_ms
					    ? now_ms - target->contrary_ms
					    : 0,
		});
}

static void note_contrary(struct target *target, uint64_t now_ms)
{
	if (target->detector.streak == 0)
		target->contrary_ms = 0;
	else if (target->contrary_ms == 0)
		target->contrary_ms = now_ms;
}

/* Others, that have nothing in common with this one, are probed at once: if they fail too, it is us. */
static void call_witnesses(const struct target *failing)
{
	struct probing *probing = failing->probing;
	uint32_t groups[WITNESSES], n = 0;

	if (!eyes_call_witnesses(probing->court.eyes))
		return;
	for (unsigned looks = 0; looks < WITNESS_LOOKS && looks < probing->ntargets && n < WITNESSES; looks++) {
		struct target *other = probing->targets[++probing->witness % probing->ntargets];
		const struct crowd_member *member = other != NULL ? &other->judge.member : NULL;
		bool fit = other != NULL && loop_is_set(&other->timer) && member->up && !member->failing &&
			   member->group != failing->judge.member.group;

		for (uint32_t i = 0; fit && i < n; i++)
			fit = groups[i] != member->group;
		if (!fit)
			continue;
		groups[n++] = member->group;
		wait_for(other, 0);
	}
}

/* Take in one result, from a probe or pushed; says when to look again. */
static uint32_t take_result(struct target *target, const struct probe_report *report)
{
	const struct detector_rule rule = target_rule(target);
	const struct hearing hearing = {
		.detector = &target->detector,
		.rule = &rule,
		.seen = { .result = report->result, .took_ms = report->took_us / 1000 },
		.slot = target->spec.slot,
		.label = target->spec.label,
		.now_ms = clock_wall_ms(),
	};
	enum health_state before = target->judge.shown.state;
	bool suspicious, changed;
	uint32_t next_ms;

	changed = judge_result(&target->judge, &target->probing->court, &hearing, &next_ms, &suspicious);
	target->reason = report->result;
	target_write_report(target, report, target->judge.shown.state != before, hearing.now_ms);
	target_write_word(target);
	if (target->judge.shown.state != before)
		log_change(target, before, report, hearing.now_ms);
	note_contrary(target, hearing.now_ms);
	if (changed)
		target->probing->ops.changed(target->probing->ops.arg, target->spec.slot);
	if (suspicious)
		call_witnesses(target);
	target->probing->ops.voted(target->probing->ops.arg);
	return next_ms;
}

static void mind_certificate(struct target *target, const struct probe_report *report)
{
	struct board_slot *slot = target_slot(target);
	uint64_t now_ms = clock_monotonic_ms();
	int days = probe_days_left(report);

	if (report->cert_end_s == 0)
		return;
	target->cert_looked_ms = now_ms;
	if (slot != NULL)
		atomic_store_explicit(&slot->cert_end_s, report->cert_end_s, memory_order_relaxed);
	if (days >= target->spec.probe.cert_days)
		return;
	if (target->cert_warned_ms != 0 && now_ms < target->cert_warned_ms + CERT_WARN_MS)
		return;
	target->cert_warned_ms = now_ms;
	log_warning("target=\"%s\" certificate ends in %d days: renew it", target->spec.label, days);
}

static void probe_finished(struct probe *probe, const struct probe_report *report)
{
	struct target *target = LOOP_OWNER(probe, struct target, probe);
	uint64_t wait_ms;

	mind_certificate(target, report);
	if (report->has_load && target->probing->loaded != NULL)
		target->probing->loaded(target->probing->ops.arg, &target->spec, report->load_milli);
	wait_ms = varied(target, take_result(target, report));
	if (target->rechecks > 0 && --target->rechecks > 0 && wait_ms > RECHECK_MS)
		wait_ms = RECHECK_MS;
	wait_for(target, wait_ms);
}

static void probe_is_due(struct loop_timer *timer)
{
	struct target *target = LOOP_OWNER(timer, struct target, timer);
	uint64_t now_ms = clock_monotonic_ms();

	target->probe.look_at_cert = target->spec.probe.cert_days > 0 &&
				     (target->cert_looked_ms == 0 || now_ms >= target->cert_looked_ms + CERT_LOOK_MS);
	target->probe.due_us = loop_at_us(timer);
	probe_start(target->probing->runner, &target->probe);
}

/* ---- pushed states end ---- */

/* On the board, too, so that it is kept by whoever comes after us. */
static void push_ends_at(struct target *target, uint64_t end_ms, uint64_t now_ms)
{
	struct board_slot *slot = target_slot(target);
	uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;

	target->push_end_ms = end_ms;
	if (slot != NULL)
		atomic_store_explicit(&slot->cert_end_s, (uint32_t)((end_ms + 999) / 1000), memory_order_relaxed);
	wait_for(target, left_ms < PUSH_LOOK_MS ? left_ms : PUSH_LOOK_MS);
}

/* Its owner has stopped talking: nobody knows how it is. */
static void push_is_over(struct loop_timer *timer)
{
	struct target *target = LOOP_OWNER(timer, struct target, timer);
	struct probe_report report = { .result = PROBE_PUSH_OVER };
	enum health_state was = target->detector.state;
	uint64_t now_ms = clock_wall_ms();

	if (now_ms < target->push_end_ms) {
		push_ends_at(target, target->push_end_ms, now_ms);
		return;
	}
	target->detector = (struct detector){ .since_ms = now_ms };
	judge_begin(&target->judge, &target->probing->court, &target->detector,
		&(struct verdict){ .since_s = (uint32_t)(now_ms / 1000) });
	target->reason = PROBE_PUSH_OVER;
	target->push_end_ms = target->contrary_ms = 0;
	target_write_report(target, &report, true, now_ms);
	if (target_slot(target) != NULL)
		atomic_store_explicit(&target_slot(target)->cert_end_s, 0, memory_order_relaxed);
	target_write_word(target);
	log_change(target, was, &report, now_ms);
	target->probing->ops.changed(target->probing->ops.arg, target->spec.slot);
}

/* What was pushed to the gslb-health before this one; of a state that came without an end, nobody has said more than that. */
static void resume_push(struct target *target)
{
	const struct board_slot *slot = target_slot(target);
	uint64_t now_ms = clock_wall_ms(), end_ms = 0;

	if (target->detector.state == HEALTH_UNKNOWN)
		return;
	if (slot != NULL)
		end_ms = atomic_load_explicit(&slot->cert_end_s, memory_order_relaxed) * UINT64_C(1000);
	if (end_ms == 0)
		end_ms = now_ms + (uint64_t)target->spec.probe.interval_ms * PUSH_INTERVALS;
	push_ends_at(target, end_ms, now_ms);
}

/* ---- targets come and go ---- */

static struct target *target_new(struct probing *probing, const struct health_target *spec, uint64_t identity)
{
	struct target *target = mem_alloc(sizeof *target);
	uint32_t interval_ms = spec->probe.interval_ms;

	*target = (struct target){ .probing = probing, .spec = *spec, .identity = identity };
	target->timer.fire = probe_is_pushed(spec->probe.check) ? push_is_over : probe_is_due;
	target->probe.target = &target->spec;
	target->probe.finished = probe_finished;
	target->settled = probing->spread_ms > interval_ms / 2; /* the first probes were apart enough */
	if (probing->spread_ms > FIRST_SPREAD_MS) /* the re-probes of all at once would be too many, too */
		target->patience_ms = (interval_ms < probing->spread_ms ? interval_ms : probing->spread_ms) / 4 * 3;
	return target;
}

/* Of one that the fleet has this host probes only what its region is assigned to. */
static void probe_or_not(struct target *target)
{
	struct probing *probing = target->probing;
	uint32_t slot = target->spec.slot, interval_ms = target->spec.probe.interval_ms;
	bool of_others = fleet_has(probing->court.fleet, slot) && !fleet_assigned(probing->court.fleet, slot);
	bool probed = !probe_is_pushed(target->spec.probe.check) && !of_others;

	if (of_others) /* what the board says of it, too, would never grow old */
		target->detector = (struct detector){ 0 };
	if (probed == target->probed)
		return;
	target->probed = probed;
	if (probed) {
		wait_for(target, hash_mix(target->identity, slot) %
					 (interval_ms < probing->spread_ms ? interval_ms : probing->spread_ms));
		return;
	}
	probe_cancel(&target->probe);
	loop_clear(probing->loop, &target->timer);
}

static void target_free(struct target *target)
{
	if (target == NULL)
		return;
	probe_cancel(&target->probe);
	loop_clear(target->probing->loop, &target->timer);
	free(target);
}

/* The times may have changed: it must not wait longer than the new interval. */
static void target_renew(struct target *target, const struct health_target *spec)
{
	uint64_t latest_us = clock_monotonic_us() + spec->probe.interval_ms * (uint64_t)1000;

	target->spec = *spec;
	if (target->probed && loop_is_set(&target->timer) && loop_at_us(&target->timer) > latest_us)
		loop_set(target->probing->loop, &target->timer, latest_us);
}

static struct target *take_old(struct probing *probing, const struct health_target *spec, uint64_t identity)
{
	struct target *old = spec->slot < probing->ntargets ? probing->targets[spec->slot] : NULL;

	if (old == NULL || old->spec.generation != spec->generation || old->identity != identity)
		return NULL;
	probing->targets[spec->slot] = NULL;
	return old;
}

/* This slot under this generation is somebody's already. */
static bool is_known(const struct probing *probing, const struct health_target *spec)
{
	const struct target *old = spec->slot < probing->ntargets ? probing->targets[spec->slot] : NULL;

	return old != NULL && old->spec.generation == spec->generation;
}

/* The crowd is a new one with each plan. */
static void join_crowd(struct target *target)
{
	judge_join(&target->judge, &target->probing->court, &target->detector,
		target->probed ? target->spec.group : CROWD_ALONE);
}

static struct target *adopt(struct probing *probing, const struct health_target *spec)
{
	uint64_t identity = health_identity(&spec->addr, spec->port, &spec->probe);
	struct target *target = take_old(probing, spec, identity);

	if (target != NULL) {
		target_renew(target, spec);
		probe_or_not(target);
		join_crowd(target);
		judge_pass_fleet(&target->judge, &probing->court, &target->detector, spec->slot);
		return target;
	}
	target = target_new(probing, spec, identity);
	target->reason = PROBE_NONE;
	judge_begin(&target->judge, &probing->court, &target->detector, &(struct verdict){ 0 });
	if (!is_known(probing, spec)) /* else the board speaks of another one there */
		target_read_word(target);
	probe_or_not(target);
	join_crowd(target);
	judge_pass_fleet(&target->judge, &probing->court, &target->detector, spec->slot);
	target_write_word(target);
	if (probe_is_pushed(spec->probe.check))
		resume_push(target);
	return target;
}

/* Half the time goes to the new ones' probes, so that they, and what the first failures bring with them, are not late at once. */
static uint32_t spread_for(const struct probing *probing, const struct health_target *targets, size_t n)
{
	uint64_t work_us = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_known(probing, &targets[i]))
			work_us += probe_cost_us(targets[i].probe.check);
	if (work_us * 2 <= FIRST_SPREAD_MS * (uint64_t)1000)
		return FIRST_SPREAD_MS;
	return work_us * 2 / 1000 < UINT32_MAX ? (uint32_t)(work_us * 2 / 1000) : UINT32_MAX;
}

/* The board has room for very many. */
static uint32_t slots_used(const struct probing *probing, const struct health_target *targets, size_t n)
{
	uint32_t used = 0;

	for (size_t i = 0; i < n; i++)
		if (targets[i].slot < probing->nslots && targets[i].slot >= used)
			used = targets[i].slot + 1;
	return used;
}

void probing_set_targets(struct probing *probing, const struct health_target *targets, size_t n)
{
	uint32_t used = slots_used(probing, targets, n);
	struct target **fresh = mem_alloc(used * sizeof *fresh);

	probing->spread_ms = spread_for(probing, targets, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = targets[i].slot;

		if (slot >= probing->nslots)
			log_error("target=\"%s\" slot %u lies beyond the board of %u: not probed", targets[i].label,
				slot, probing->nslots);
		else if (fresh[slot] != NULL)
			log_error("target=\"%s\" slot %u is also that of \"%s\": not probed", targets[i].label, slot,
				fresh[slot]->spec.label);
		else
			fresh[slot] = adopt(probing, &targets[i]);
	}
	for (uint32_t slot = 0; slot < probing->ntargets; slot++)
		target_free(probing->targets[slot]);
	free(probing->targets);
	probing->targets = fresh;
	probing->ntargets = used;
}

static void recheck(struct target *target)
{
	if (!target->probed)
		return;
	target->rechecks = RECHECKS;
	if (loop_is_set(&target->timer))
		wait_for(target, 0);
}

void probing_again(struct probing *probing, uint32_t slot, bool suspect)
{
	struct target *target = slot < probing->ntargets ? probing->targets[slot] : NULL;
	struct probe_report report;
	enum health_state before;
	uint64_t says, now_ms = clock_wall_ms();
	bool changed;

	if (target == NULL || !fleet_has(probing->court.fleet, slot))
		return;
	before = target->judge.shown.state;
	says = target->judge.says;
	changed = judge_again(&target->judge, &probing->court, slot, target->spec.label, now_ms);
	report = (struct probe_report){ .result = target->reason };
	if (target->judge.shown.state != before) {
		log_change(target, before, &report, now_ms);
		if (target_slot(target) != NULL)
			atomic_fetch_add_explicit(&target_slot(target)->transitions, 1, memory_order_relaxed);
	}
	if (changed || target->judge.says != says)
		target_write_word(target);
	if (changed)
		probing->ops.changed(probing->ops.arg, slot);
	if (suspect)
		recheck(target);
}

/* A new board is written before anyone looks at it; the tables' fields come over from the old one. */
static void move_to(struct target *target, const struct board_slot *old, struct board_slot *fresh)
{
	atomic_store_explicit(&fresh->rtt_us, atomic_load(&old->rtt_us), memory_order_relaxed);
	atomic_store_explicit(&fresh->last_s, atomic_load(&old->last_s), memory_order_relaxed);
	atomic_store_explicit(&fresh->transitions, atomic_load(&old->transitions), memory_order_relaxed);
	atomic_store_explicit(&fresh->probes, atomic_load(&old->probes), memory_order_relaxed);
	atomic_store_explicit(&fresh->number, atomic_load(&old->number), memory_order_relaxed);
	memcpy(fresh->detail, old->detail, sizeof fresh->detail);
	atomic_store_explicit(&fresh->cert_end_s, atomic_load(&old->cert_end_s), memory_order_relaxed);
	target_write_word(target);
}

void probing_set_board(struct probing *probing, struct board_slot *slots, uint32_t nslots)
{
	const struct board_slot *old = probing->slots;
	uint32_t old_nslots = probing->nslots;

	probing->slots = slots;
	probing->nslots = nslots;
	for (uint32_t i = 0; i < probing->ntargets; i++)
		if (probing->targets[i] != NULL && i < old_nslots && i < nslots)
			move_to(probing->targets[i], &old[i], &slots[i]);
}

bool probing_push(struct probing *probing, uint32_t slot, uint16_t generation, bool up, uint64_t for_ms)
{
	struct target *target = slot < probing->ntargets ? probing->targets[slot] : NULL;
	struct probe_report report = { .result = up ? PROBE_PUSHED_UP : PROBE_PUSHED_DOWN };

	if (target == NULL || target->spec.generation != generation || !probe_is_pushed(target->spec.probe.check))
		return false;
	take_result(target, &report);
	if (for_ms == 0)
		for_ms = (uint64_t)target->spec.probe.interval_ms * PUSH_INTERVALS;
	push_ends_at(target, clock_wall_ms() + (for_ms < PUSH_FOR_MAX_MS ? for_ms : PUSH_FOR_MAX_MS), clock_wall_ms());
	return true;
}

void probing_tick(struct probing *probing)
{
	changelog_tick(&probing->changelog);
}

struct probing *probing_new(struct loop *loop, struct probe_runner *runner, struct eyes *eyes, struct fleet *fleet,
	const struct probing_ops *ops)
{
	struct probing *probing = mem_alloc(sizeof *probing);

	*probing = (struct probing){
		.loop = loop,
		.runner = runner,
		.court = { .eyes = eyes, .fleet = fleet },
		.ops = *ops,
		.dice = dice_from_kernel(),
	};
	return probing;
}

void probing_free(struct probing *probing)
{
	if (probing == NULL)
		return;
	for (uint32_t slot = 0; slot < probing->ntargets; slot++)
		target_free(probing->targets[slot]);
	free(probing->targets);
	free(probing);
}

void probing_tell_loads(
	struct probing *probing, void (*loaded)(void *arg, const struct health_target *target, uint64_t load_milli))
{
	probing->loaded = loaded;
}
