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
}

static void log_hold(const struct gate *gate, const char *label, const struct gate_verdict *verdict)
{
	char text[GATE_TEXT_MAX];

	log_error("target=\"%s\" held=yes reason=\"%s\"", label, gate_sentence(gate, verdict, text));
}

static void show_judged(
	struct judge *judge, const struct court *court, uint32_t slot, const char *label, uint64_t now_ms)
{
	struct verdict *shown = &judge->shown, before = *shown;
	struct gate_verdict verdict;

	gate_judge(court->gate, slot, now_ms, &verdict);
	shown->state = verdict.state;
	shown->doubt = verdict.doubt;
	shown->held = verdict.held;
	if (shown->state != before.state) {
		shown->since_s = (uint32_t)(now_ms / 1000);
		shown->recovered = shown->state == HEALTH_UP && before.state == HEALTH_DOWN;
	}
	if (verdict.held && !before.held)
		log_hold(court->gate, label, &verdict);
}

static bool differs(const struct verdict *a, const struct verdict *b)
{
	return a->state != b->state || a->doubt != b->doubt || a->held != b->held || a->damped != b->damped;
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
	show_own(judge, detector);
}

void judge_join(struct judge *judge, const struct court *court, const struct detector *detector, uint32_t group)
{
	crowd_join(eyes_crowd(court->eyes), &judge->member, group, detector->state == HEALTH_UP);
}

void judge_pass_gate(struct judge *judge, const struct court *court, uint32_t slot)
{
	if (court->gate != NULL)
		gate_restore(court->gate, slot, judge->shown.state, judge->shown.since_s * (uint64_t)1000);
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

/* A pushed state is told to every vantage, and is no sight of ours. */
static void cast_own_vote(const struct court *court, const struct hearing *hearing)
{
	static const enum vote_says says[] = { VOTE_SILENT, VOTE_UP, VOTE_DOWN };
	struct vote vote = {
		.says = says[hearing->detector->state],
		.leaning = hearing->detector->doubt,
		.abstains = !is_pushed(hearing->seen.result) && eyes_abstain(court->eyes),
		.at_ms = hearing->now_ms,
	};

	gate_vote(court->gate, hearing->slot, 0, &vote);
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
	if (court->gate == NULL) {
		show_own(judge, hearing->detector);
	} else {
		cast_own_vote(court, hearing);
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
