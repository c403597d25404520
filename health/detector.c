/* The detector: rise and fall, with doubt. One contrary result is no verdict, but it is a reason to look again at once: the
 * re-probes that follow count as results, so that an endpoint that refuses is down half a second after the first failure
 * (fall=3), however long the interval is. An endpoint nobody has seen yet comes up with its first success. */
#include "health/health.h"

/* Between the first contrary result and its three re-probes; after those the interval counts again, so that a large `fall`
 * stays a slow judgement. */
static const uint32_t recheck_ms[] = { 0, 500, 1000 };

enum {
	RECOVERY_MS = 1000
}; /* between the successes that bring an endpoint back; and how soon we try again for our own fault */

static uint32_t sooner(uint32_t ms, const struct detector_rule *rule)
{
	return ms < rule->interval_ms ? ms : rule->interval_ms;
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

static bool step_success(
	struct detector *detector, const struct detector_rule *rule, uint64_t now_ms, uint32_t *next_ms)
{
	if (detector->state != HEALTH_DOWN)
		return settle(detector, HEALTH_UP, now_ms);
	if (++detector->streak >= rule->rise)
		return settle(detector, HEALTH_UP, now_ms);
	detector->doubt = true;
	*next_ms = sooner(RECOVERY_MS, rule);
	return false;
}

static bool step_failure(
	struct detector *detector, const struct detector_rule *rule, uint64_t now_ms, uint32_t *next_ms)
{
	if (detector->state == HEALTH_DOWN)
		return settle(detector, HEALTH_DOWN, now_ms);
	if (++detector->streak >= rule->fall)
		return settle(detector, HEALTH_DOWN, now_ms);
	detector->doubt = true;
	if (detector->streak <= COUNT_OF(recheck_ms))
		*next_ms = sooner(recheck_ms[detector->streak - 1], rule);
	return false;
}

bool detector_step(struct detector *detector, const struct detector_rule *rule, enum probe_result result,
	uint64_t now_ms, uint32_t *next_ms)
{
	*next_ms = rule->interval_ms;
	if (result == PROBE_LOCAL || result == PROBE_NONE) {
		*next_ms = sooner(RECOVERY_MS, rule);
		return false;
	}
	detector->last_ok = result == PROBE_OK || result == PROBE_PUSHED_UP;
	return detector->last_ok ? step_success(detector, rule, now_ms, next_ms)
				 : step_failure(detector, rule, now_ms, next_ms);
}
