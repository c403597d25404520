#include "health/judge.h"

enum { HELD_AGAIN_MS = 500 };

static bool is_pushed(enum probe_result result)
{
	return result == PROBE_PUSHED_UP || result == PROBE_PUSHED_DOWN;
}

static bool is_success(enum probe_result result)
{
	return result == PROBE_OK || result == PROBE_PUSHED_UP;
}

/* Of the endpoint, and through our own network. */
static bool was_seen(enum probe_result result)
{
	return result != PROBE_LOCAL && result != PROBE_NONE && !is_pushed(result);
}

/* ---- what is shown ---- */

static void show_own(struct judge *judge, const struct detector *detector)
{
	judge->shown = (struct verdict){
		.state = detector->state,
		.doubt = detector->doubt,
		.recovered = detector->recovered,
		.damped = detector->damped,
		.held = judge->held,
		.since_s = (uint32_t)(detector->since_ms / 1000),
	};
	judge->says = 0;
}

static void log_news(
	const struct court *court, const char *label, const struct verdict *before, const struct fleet_verdict *verdict)
{
	char text[GATE_TEXT_MAX];

	if (verdict->held && !before->held)
		log_error("target=\"%s\" held=yes reason=\"%s\"", label, fleet_sentence(court->fleet, verdict, text));
	if (verdict->regional != before->regional)
		log_notice("target=\"%s\" view=%s state=%s up=%u down=%u silent=%u", label,
			verdict->regional ? "region" : "all", verdict->state == HEALTH_DOWN ? "down" : "up",
			verdict->votes.up, verdict->votes.down, verdict->votes.silent);
}

/* Of the region that votes for it; 0 where there is no place for more. */
static uint64_t pack_says(const struct fleet_verdict *verdict)
{
	uint64_t word = 0;

	for (unsigned i = verdict->nassigned; i-- > 0;)
		word = word << BOARD_SAYS_BITS | (uint64_t)verdict->says[i].region << 3 |
		       (uint64_t)verdict->says[i].leaning << 2 | (verdict->says[i].says + 1U);
	return word;
}

static void show_judged(
	struct judge *judge, const struct court *court, uint32_t slot, const char *label, uint64_t now_ms)
{
	const struct fleet_now now = { .monotonic_ms = clock_monotonic_ms(), .wall_ms = now_ms };
	struct verdict *shown = &judge->shown, before = *shown;
	struct fleet_verdict verdict;

	fleet_judge(court->fleet, slot, &now, &verdict);
	judge->says = pack_says(&verdict);
	shown->state = verdict.state;
	shown->doubt = verdict.doubt;
	shown->held = verdict.held;
	shown->regional = verdict.regional;
	shown->frozen = verdict.frozen;
	shown->damped = judge->own_damped && judge->own == verdict.state; /* flaps of what we alone see are no flaps */
	if (shown->state != before.state) {
		shown->since_s = verdict.since_s != 0 ? verdict.since_s : (uint32_t)(now_ms / 1000);
		shown->recovered = shown->state == HEALTH_UP && before.state == HEALTH_DOWN;
	}
	log_news(court, label, &before, &verdict);
}

static bool differs(const struct verdict *a, const struct verdict *b)
{
	return a->state != b->state || a->doubt != b->doubt || a->held != b->held || a->damped != b->damped ||
	       a->regional != b->regional || a->frozen != b->frozen;
}

/* ---- coming and going ---- */

void judge_begin(
	struct judge *judge, const struct court *court, const struct detector *detector, const struct verdict *was)
{
	/* the last gslb-health saw it fail: what it saw of others is evidence still */
	*judge = (struct judge){
		.held = was->held,
		.epoch = eyes_epoch(court->eyes),
		.member = { .group = CROWD_ALONE, .failing = was->doubt && was->state == HEALTH_UP },
		.failing_ms = clock_monotonic_ms(),
	};
	judge->own = detector->state;
	judge->own_damped = detector->damped;
	show_own(judge, detector);
}

void judge_shows(struct judge *judge, const struct verdict *was)
{
	judge->shown = *was;
}

void judge_join(struct judge *judge, const struct court *court, const struct detector *detector, uint32_t group)
{
	crowd_join(eyes_crowd(court->eyes), &judge->member, group, detector->state == HEALTH_UP);
}

static const enum vote_says says[] = { VOTE_SILENT, VOTE_UP, VOTE_DOWN };

static void cast_own_vote(const struct court *court, const struct detector *detector, uint32_t slot)
{
	fleet_vote(court->fleet, slot, says[detector->state], detector->doubt, (uint32_t)(detector->since_ms / 1000));
}

void judge_pass_fleet(struct judge *judge, const struct court *court, const struct detector *detector, uint32_t slot)
{
	fleet_restore(court->fleet, slot, judge->shown.state, judge->shown.since_s);
	if (fleet_has(court->fleet, slot) && !fleet_assigned(court->fleet, slot)) {
		judge->own = HEALTH_UNKNOWN;
		judge->own_damped = false;
	}
	cast_own_vote(court, detector, slot);
}

/* ---- a result ---- */

/* True when it begins to fail. */
static bool show_to_crowd(struct judge *judge, const struct court *court, const struct hearing *hearing)
{
	uint64_t now_ms = clock_monotonic_ms();
	bool failed = judge->member.failing;

	crowd_result(eyes_crowd(court->eyes), &judge->member, hearing->detector->state == HEALTH_UP,
		is_success(hearing->seen.result), now_ms);
	if (failed || !judge->member.failing)
		return false;
	judge->failing_ms = now_ms;
	return true;
}

/* Failures that were counted before we abstained, or while we did, were perhaps our own. */
static void forget_old_failures(struct judge *judge, const struct court *court, struct detector *detector)
{
	if (judge->epoch == eyes_epoch(court->eyes))
		return;
	judge->epoch = eyes_epoch(court->eyes);
	detector_forget_failures(detector);
}

/* What the detector makes of it, unless that would take an endpoint down that stays up because we do not trust our eyes. A success is
 * always believed, and so is what was pushed: others saw it. */
static void step(struct judge *judge, const struct court *court, const struct hearing *hearing, uint32_t *next_ms)
{
	struct detector *detector = hearing->detector, next = *detector;
	bool against =
		was_seen(hearing->seen.result) && !is_success(hearing->seen.result) && detector->state != HEALTH_DOWN;

	detector_step(&next, hearing->rule, &hearing->seen, hearing->now_ms, next_ms);
	judge->held =
		against && (eyes_abstain(court->eyes) ||
				   (next.state == HEALTH_DOWN && !eyes_allow_down(court->eyes, judge->failing_ms)));
	if (!judge->held) {
		*detector = next;
		return;
	}
	detector->doubt = true;
	detector->last_ok = false;
	*next_ms = eyes_abstain(court->eyes) ? hearing->rule->interval_ms : HELD_AGAIN_MS;
}

bool judge_result(struct judge *judge, const struct court *court, const struct hearing *hearing, uint32_t *next_ms,
	bool *suspicious)
{
	struct verdict before = judge->shown;
	bool seen = was_seen(hearing->seen.result);

	forget_old_failures(judge, court, hearing->detector);
	*suspicious = seen && show_to_crowd(judge, court, hearing);
	step(judge, court, hearing, next_ms);
	if (seen) /* what went down is not counted as failing any more, what came up is counted */
		show_to_crowd(judge, court, hearing);
	if (!fleet_has(court->fleet, hearing->slot)) {
		show_own(judge, hearing->detector);
	} else {
		cast_own_vote(court, hearing->detector, hearing->slot);
		judge->own = hearing->detector->state;
		judge->own_damped = hearing->detector->damped;
		show_judged(judge, court, hearing->slot, hearing->label, hearing->now_ms);
	}
	return differs(&before, &judge->shown);
}

bool judge_again(struct judge *judge, const struct court *court, uint32_t slot, const char *label, uint64_t now_ms)
{
	struct verdict before = judge->shown;

	show_judged(judge, court, slot, label, now_ms);
	return differs(&before, &judge->shown);
}
