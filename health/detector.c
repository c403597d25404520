/* The detector: rise and fall, with doubt. One contrary result is no verdict, but it is a reason to look again at once: the
 * re-probes that follow count as results, so that an endpoint that refuses is down half a second after the first failure
 * (fall=3), however long the interval is. An endpoint nobody has seen yet comes up with its first success.
 *
 * `fall` consecutive failures are always needed. On a path that loses probes they are not enough when all that was seen is
 * silence: evidence.h says how many more it takes, and those follow a second apart, since what is lost within one second may be
 * lost for one reason. An answer that is wrong (refused, a status, a certificate) is no loss: such an endpoint is down after
 * `fall` on any path.
 *
 * `rise` consecutive successes bring it back, unless damping.h holds it for flapping. */
#include "health/damping.h"
#include "health/evidence.h"

/* Between the starts of the first contrary result and its three re-probes; a probe that took longer, as one does that is not
 * answered, is followed at once. After those the interval counts again, so that a large `fall` stays a slow judgement. */
static const uint32_t recheck_ms[] = { 0, 500, 1000 };

enum {
	RECOVERY_MS = 1000
}; /* between the successes that bring an endpoint back; and how soon we try again for our own fault */

static uint32_t sooner(uint64_t ms, const struct detector_rule *rule)
{
	return ms < rule->interval_ms ? (uint32_t)ms : rule->interval_ms;
}

static bool settle(struct detector *detector, enum health_state state, uint64_t now_ms)
{
	bool changed = detector->state != state;

	if (changed) {
		detector->since_ms = now_ms;
		detector->recovered = state == HEALTH_UP && detector->state == HEALTH_DOWN;
	}
	detector->state = state;
	detector->streak = 0;
	detector->doubt = false;
	return changed;
}

static void count(struct detector *detector)
{
	if (detector->streak < UINT16_MAX)
		detector->streak++;
}

/* ---- while it is not down ---- */

static bool stay_up(struct detector *detector, uint64_t now_ms)
{
	evidence_success(&detector->evidence);
	if (damping_calms(&detector->damping, now_ms)) {
		detector->since_ms = now_ms; /* from a tenth on, its weight climbs as if it came up now */
		detector->recovered = true;
	}
	detector->damped = detector->damping.flaps;
	return settle(detector, HEALTH_UP, now_ms);
}

static bool go_down(struct detector *detector, uint64_t now_ms)
{
	if (detector->state == HEALTH_UP)
		damping_fell(&detector->damping, now_ms);
	evidence_forget(&detector->evidence);
	detector->damped = detector->damping.flaps;
	return settle(detector, HEALTH_DOWN, now_ms);
}

/* How many consecutive failures it takes, those that were seen included. */
static unsigned failures_needed(
	const struct detector *detector, const struct detector_rule *rule, enum probe_result result)
{
	unsigned needed = detector->streak + evidence_missing(&detector->evidence, rule->fall, result);

	return needed > rule->fall ? needed : rule->fall;
}

static uint32_t recheck_in(const struct detector *detector, const struct detector_rule *rule, unsigned needed,
	const struct observation *seen)
{
	unsigned soon = COUNT_OF(recheck_ms), at = detector->streak - 1u;
	uint32_t gap_ms;

	if (at >= soon + (needed - rule->fall))
		return rule->interval_ms;
	gap_ms = recheck_ms[at < soon ? at : soon - 1];
	return sooner(gap_ms > seen->took_ms ? gap_ms - seen->took_ms : 0, rule);
}

static bool doubt(struct detector *detector, const struct detector_rule *rule, const struct observation *seen,
	uint64_t now_ms, uint32_t *next_ms)
{
	unsigned needed;

	count(detector);
	evidence_failure(&detector->evidence, seen->result);
	needed = failures_needed(detector, rule, seen->result);
	if (detector->streak >= needed)
		return go_down(detector, now_ms);
	detector->doubt = true;
	*next_ms = recheck_in(detector, rule, needed, seen);
	return false;
}

/* ---- while it is down ---- */

static bool come_back(struct detector *detector, const struct detector_rule *rule, uint64_t now_ms, uint32_t *next_ms)
{
	uint64_t hold_ms;

	if (detector->streak == 0)
		detector->answers_since_ms = now_ms;
	count(detector);
	detector->misses = 0;
	damping_calms(&detector->damping, now_ms);
	hold_ms = damping_hold_ms(&detector->damping, detector->since_ms, detector->answers_since_ms, now_ms);
	detector->damped = detector->damping.flaps || (hold_ms > 0 && detector->streak >= rule->rise);
	if (detector->streak >= rule->rise && hold_ms == 0) {
		/* one that was down when it was first seen was not up before: to begin is not to come back */
		if (detector->damping.penalty > 0)
			damping_came_back(&detector->damping, now_ms);
		return settle(detector, HEALTH_UP, now_ms);
	}
	detector->doubt = hold_ms <= rule->interval_ms;
	*next_ms = sooner(detector->streak < rule->rise ? RECOVERY_MS : hold_ms, rule);
	return false;
}

/* One that is held down, though it answers, is judged as if it were up: a lost probe does not start its time anew, and to fall
 * out of sight is a fall. */
static bool stay_down(struct detector *detector, const struct detector_rule *rule, uint64_t now_ms)
{
	damping_calms(&detector->damping, now_ms);
	if (detector->streak >= rule->rise) {
		if (++detector->misses < rule->fall)
			return false;
		damping_fell(&detector->damping, now_ms);
	}
	detector->misses = 0;
	detector->damped = detector->damping.flaps;
	return settle(detector, HEALTH_DOWN, now_ms);
}

/* ---- one result ---- */

static bool obey(struct detector *detector, enum health_state state, uint64_t now_ms)
{
	detector->evidence = (struct evidence){ 0 };
	detector->damping = (struct damping){ 0 };
	detector->damped = false;
	return settle(detector, state, now_ms);
}

bool detector_step(struct detector *detector, const struct detector_rule *rule, const struct observation *seen,
	uint64_t now_ms, uint32_t *next_ms)
{
	bool down = detector->state == HEALTH_DOWN;

	*next_ms = rule->interval_ms;
	if (seen->result == PROBE_LOCAL || seen->result == PROBE_NONE) {
		*next_ms = sooner(RECOVERY_MS, rule);
		return false;
	}
	detector->last_ok = seen->result == PROBE_OK || seen->result == PROBE_PUSHED_UP;
	if (seen->result == PROBE_PUSHED_UP || seen->result == PROBE_PUSHED_DOWN)
		return obey(detector, detector->last_ok ? HEALTH_UP : HEALTH_DOWN, now_ms);
	if (detector->last_ok)
		return down ? come_back(detector, rule, now_ms, next_ms) : stay_up(detector, now_ms);
	return down ? stay_down(detector, rule, now_ms) : doubt(detector, rule, seen, now_ms, next_ms);
}

void detector_forget_failures(struct detector *detector)
{
	if (detector->state == HEALTH_DOWN)
		return;
	detector->streak = 0;
	detector->doubt = false;
	evidence_forget(&detector->evidence);
}
