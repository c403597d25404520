/* A server that only looks at the load reacts to what it has done already and what caches have not yet done: it swings. This one knows
 * what it answered, and with which TTL, so it can tell how much of a pool's demand is elsewhere by now, and from the load what the
 * whole demand is. What it wants follows from the demand, which its own doing does not change: nothing is left to swing. */
#include "gslb/spill.h"

enum {
	PROMPT =
		60293, /* of SPILL_ONE, 0.92: caches that ask again when the TTL is over; the others take five times as long */
	SLOW_TTLS = 5,
	DEAD_BAND = SPILL_ONE * 3 / 100,
	MOST_MORE = SPILL_ONE / 4, /* a step, when the pool is to be relieved */
	MOST_LESS = SPILL_ONE / 20,
	GONE_MOST = SPILL_ONE * 15 / 16, /* of what little stays the demand cannot be told */
};

static uint64_t oldest(const struct spill_control *control)
{
	return control->step >= SPILL_STEPS ? control->step - SPILL_STEPS + 1 : 0;
}

/* The part in a step, and before all that is remembered. */
static uint32_t part_at(const struct spill_control *control, const uint32_t *parts, uint64_t step)
{
	if (step > control->step)
		step = control->step;
	if (step < oldest(control))
		step = oldest(control);
	return parts[step % SPILL_STEPS];
}

/* The mean part of the seconds before at_s. */
static uint32_t mean_part(const struct spill_control *control, uint64_t at_s, uint64_t window_s)
{
	uint64_t sum = 0, from_s = at_s > window_s ? at_s - window_s : 0;

	for (uint64_t s = from_s; s < at_s;) {
		uint64_t step = s / SPILL_STEP_S, next_s = (step + 1) * SPILL_STEP_S;

		if (next_s > at_s)
			next_s = at_s;
		sum += (next_s - s) * part_at(control, control->parts, step);
		s = next_s;
	}
	return (uint32_t)(sum / window_s);
}

static uint32_t usable_ttl(uint32_t ttl_s)
{
	enum { MOST_S = (SPILL_STEPS / 2) * SPILL_STEP_S };

	return ttl_s < 1 ? 1 : ttl_s < MOST_S ? ttl_s : MOST_S;
}

uint32_t spill_control_gone(const struct spill_control *control, uint32_t ttl_s, uint64_t at_s)
{
	uint64_t prompt = mean_part(control, at_s, usable_ttl(ttl_s));
	uint64_t slow = part_at(control, control->slows, at_s / SPILL_STEP_S);

	return (uint32_t)((prompt * PROMPT + slow * (SPILL_ONE - PROMPT)) / SPILL_ONE);
}

/* What is to be spilled, for the load to become what the pool is filled to. */
static uint32_t wanted(const struct spill_control *control, uint32_t ttl_s, const struct spill_report *report)
{
	uint32_t gone = spill_control_gone(control, ttl_s, report->at_s);
	uint64_t demand, target = report->capacity * SPILL_TARGET_PERMILLE / 1000;

	if (gone > GONE_MOST)
		gone = GONE_MOST;
	demand = report->load * SPILL_ONE / (SPILL_ONE - gone);
	return demand <= target ? 0 : (uint32_t)(SPILL_ONE - target * SPILL_ONE / demand);
}

static uint32_t changed(uint32_t part, uint32_t want)
{
	/* the last bit of it goes, however little it is */
	if (want > part ? want - part <= DEAD_BAND : part - want <= DEAD_BAND && want > 0)
		return part;
	if (want > part)
		return want - part < MOST_MORE ? want : part + MOST_MORE;
	return part - want < MOST_LESS ? want : part - MOST_LESS;
}

/* Time goes on to the next step: what is answered in it, and what slow caches do. */
static void begin_step(struct spill_control *control, uint32_t ttl_s, uint64_t step)
{
	int64_t weight = (int64_t)SPILL_ONE * SPILL_STEP_S / (SLOW_TTLS * (int64_t)usable_ttl(ttl_s));
	int64_t slow = control->slow;

	if (weight > SPILL_ONE)
		weight = SPILL_ONE;
	slow += ((int64_t)control->part - slow) * weight / SPILL_ONE;
	control->slow = (uint32_t)slow;
	control->step = step;
	control->parts[step % SPILL_STEPS] = control->part;
	control->slows[step % SPILL_STEPS] = control->slow;
}

bool spill_control_step(
	struct spill_control *control, uint32_t ttl_s, const struct spill_report *report, uint64_t now_s)
{
	uint64_t step = now_s / SPILL_STEP_S;
	uint32_t before = control->part;

	if (step <= control->step)
		return false;
	if (control->step == 0 || step - control->step > SPILL_STEPS)
		control->step = step > SPILL_STEPS ? step - SPILL_STEPS : 0;
	while (control->step + 1 < step)
		begin_step(control, ttl_s, control->step + 1);
	if (report != NULL && report->capacity > 0 && report->at_s <= now_s && now_s - report->at_s <= SPILL_STALE_S)
		control->part = changed(control->part, wanted(control, ttl_s, report));
	begin_step(control, ttl_s, step);
	return control->part != before;
}
