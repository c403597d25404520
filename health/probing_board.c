/* probing_board - what the board has of a target: its state, its figures, and what it begins with when its process or its plan is new. */
#include <string.h>

#include "health/probing_inner.h"

struct board_slot *target_slot(const struct target *target)
{
	const struct probing *probing = target->probing;

	return target->spec.slot < probing->nslots ? &probing->slots[target->spec.slot] : NULL;
}

struct detector_rule target_rule(const struct target *target)
{
	const struct health_probe *probe = &target->spec.probe;

	return (struct detector_rule){ .rise = probe->rise, .fall = probe->fall, .interval_ms = probe->interval_ms };
}

void target_write_word(const struct target *target)
{
	const struct detector_rule rule = target_rule(target);
	struct detector_terms terms = detector_terms(&target->detector, &rule, clock_wall_ms());
	struct board_slot *slot = target_slot(target);
	struct verdict verdict = target->judge.shown;

	verdict.reason = (uint8_t)target->reason;
	verdict.generation = target->spec.generation;
	if (slot == NULL)
		return;
	atomic_store_explicit(&slot->streak, target->detector.streak, memory_order_relaxed);
	atomic_store_explicit(&slot->terms, detector_terms_pack(&terms), memory_order_relaxed);
	atomic_store_explicit(&slot->word, verdict_pack(&verdict), memory_order_relaxed);
	atomic_store_explicit(&board_attached_says(target->probing->slots, target->probing->nslots)[target->spec.slot],
		target->judge.says, memory_order_relaxed);
}

void target_write_report(const struct target *target, const struct probe_report *report, bool changed, uint64_t now_ms)
{
	struct board_slot *slot = target_slot(target);

	if (slot == NULL)
		return;
	atomic_fetch_add_explicit(&slot->probes, 1, memory_order_relaxed);
	atomic_store_explicit(&slot->last_s, (uint32_t)(now_ms / 1000), memory_order_relaxed);
	atomic_store_explicit(&slot->number, report->number, memory_order_relaxed);
	if (report->result == PROBE_OK)
		atomic_store_explicit(&slot->rtt_us, report->took_us, memory_order_relaxed);
	else
		memcpy(slot->detail, report->detail, sizeof slot->detail);
	if (changed)
		atomic_fetch_add_explicit(&slot->transitions, 1, memory_order_relaxed);
}

/* The fleet's verdict is nothing that was seen here: that is what our region said. */
static struct verdict seen_here(const struct target *target, const struct verdict *was, uint32_t last_s)
{
	const struct probing *probing = target->probing;
	uint32_t slot = target->spec.slot;
	struct verdict seen = { .generation = was->generation, .reason = was->reason };
	struct board_say says[BOARD_SAYS_MAX];
	uint64_t word =
		atomic_load_explicit(&board_attached_says(probing->slots, probing->nslots)[slot], memory_order_relaxed);
	unsigned n = board_says_unpack(word, says);

	if (!fleet_has(probing->court.fleet, slot))
		return *was;
	for (unsigned i = 0; i < n; i++) {
		if (says[i].says == BOARD_SILENT || !fleet_is_ours(probing->court.fleet, says[i].region))
			continue;
		seen.state = says[i].says == BOARD_DOWN ? HEALTH_DOWN : HEALTH_UP;
		seen.doubt = says[i].leaning;
		seen.recovered = was->recovered && seen.state == was->state;
		seen.damped = was->damped && seen.state == was->state;
		seen.since_s = seen.state == was->state ? was->since_s : last_s;
	}
	return seen;
}

void target_read_word(struct target *target)
{
	const struct probing *probing = target->probing;
	struct verdict was = board_read(probing->slots, probing->nslots, target->spec.slot, target->spec.generation),
		       seen = was;
	const struct board_slot *slot = target_slot(target);
	struct detector_terms terms = { 0 };
	uint16_t streak = 0;
	uint32_t last_s = 0;

	if (slot != NULL && was.since_s != 0) {
		terms = detector_terms_unpack(atomic_load_explicit(&slot->terms, memory_order_relaxed));
		streak = was.held ? 0 : atomic_load_explicit(&slot->streak, memory_order_relaxed);
		last_s = atomic_load_explicit(&slot->last_s, memory_order_relaxed);
		seen = seen_here(target, &was, last_s);
	}
	target->detector = detector_restore(&seen, streak, &terms, last_s * UINT64_C(1000));
	target->reason = was.since_s == 0 ? PROBE_NONE : (enum probe_result)was.reason;
	if (target->reason >= PROBE_RESULTS)
		target->reason = PROBE_NONE;
	judge_begin(&target->judge, &probing->court, &target->detector, &seen);
	judge_shows(&target->judge, &was);
}
