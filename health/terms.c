/* What else a detector knows, in one word of the board and in one sentence: bits 0–7 results needed, 8–17 loss in per mille,
 * 18–23 penalty / 128, 24 flaps, 25–31 hold / 8 s. Of its history a restarted gslb-health needs no more than this. */
#include <stdio.h>

#include "health/damping.h"
#include "health/evidence.h"

enum {
	NEEDED_MOST = 255,
	LOSS_MOST = 1000,
	PENALTY_STEP = 128,
	PENALTY_STEPS = 63,
	HOLD_STEP = 8,
	HOLD_STEPS = 127,
	LOSS_AT = 8,
	PENALTY_AT = 18,
	FLAPS_AT = 24,
	HOLD_AT = 25,
};

/* ---- of a detector, and back ---- */

static unsigned needed(const struct detector *detector, const struct detector_rule *rule)
{
	const struct evidence *evidence = &detector->evidence;
	bool refuses = evidence->refused > 0 && evidence->lost == 0;
	unsigned n;

	if (detector->state == HEALTH_DOWN)
		return rule->rise;
	n = detector->streak + evidence_missing(evidence, rule->fall, refuses ? PROBE_REFUSED : PROBE_TIMEOUT);
	return n > rule->fall ? n : rule->fall;
}

static uint64_t hold_ms(const struct detector *detector, uint64_t now_ms)
{
	struct damping damping = detector->damping;
	uint64_t since_ms = detector->streak > 0 ? detector->answers_since_ms : now_ms;

	if (detector->state == HEALTH_DOWN)
		return damping_hold_ms(&damping, detector->since_ms, since_ms, now_ms);
	return damping.flaps ? damping_calm_s(damping_penalty(&damping, now_ms)) * UINT64_C(1000) : 0;
}

struct detector_terms detector_terms(const struct detector *detector, const struct detector_rule *rule, uint64_t now_ms)
{
	unsigned n = needed(detector, rule);

	return (struct detector_terms){
		.needed = (uint8_t)(n < NEEDED_MOST ? n : NEEDED_MOST),
		.loss_permille = (uint16_t)evidence_loss_permille(&detector->evidence),
		.penalty = (uint16_t)damping_penalty(&detector->damping, now_ms),
		.flaps = detector->damping.flaps,
		.hold_s = (uint16_t)((hold_ms(detector, now_ms) + 999) / 1000),
	};
}

struct detector detector_restore(
	const struct verdict *verdict, uint16_t streak, const struct detector_terms *terms, uint64_t last_ms)
{
	struct detector detector = {
		.state = verdict->state,
		.streak = verdict->doubt ? streak : 0,
		.doubt = verdict->doubt,
		.recovered = verdict->recovered,
		.damped = verdict->damped,
		.since_ms = verdict->since_s * UINT64_C(1000),
		.answers_since_ms = last_ms,
		.damping = { .at_ms = last_ms, .penalty = terms->penalty },
	};
	struct damping *damping = &detector.damping;
	uint64_t hold_s = terms->hold_s < DAMPING_APART_S ? terms->hold_s : DAMPING_APART_S;

	evidence_set_loss(&detector.evidence, terms->loss_permille);
	damping->flaps = terms->flaps;
	if (verdict->state == HEALTH_UP && verdict->recovered)
		damping->came_back_ms = detector.since_ms;
	else if (verdict->state == HEALTH_DOWN && hold_s > 0 && last_ms > 0)
		damping->came_back_ms = last_ms - (DAMPING_APART_S - hold_s) * 1000;
	return detector;
}

/* ---- the word ---- */

static uint32_t steps(unsigned n, unsigned step, unsigned most)
{
	n = (n + step - 1) / step;
	return n < most ? n : most;
}

uint32_t detector_terms_pack(const struct detector_terms *terms)
{
	uint32_t loss = terms->loss_permille < LOSS_MOST ? terms->loss_permille : LOSS_MOST;

	return terms->needed | loss << LOSS_AT | steps(terms->penalty, PENALTY_STEP, PENALTY_STEPS) << PENALTY_AT |
	       (uint32_t)terms->flaps << FLAPS_AT | steps(terms->hold_s, HOLD_STEP, HOLD_STEPS) << HOLD_AT;
}

struct detector_terms detector_terms_unpack(uint32_t word)
{
	uint32_t loss = word >> LOSS_AT & 1023;

	return (struct detector_terms){
		.needed = (uint8_t)word,
		.loss_permille = (uint16_t)(loss < LOSS_MOST ? loss : LOSS_MOST),
		.penalty = (uint16_t)((word >> PENALTY_AT & PENALTY_STEPS) * PENALTY_STEP),
		.flaps = word >> FLAPS_AT & 1,
		.hold_s = (uint16_t)((word >> HOLD_AT & HOLD_STEPS) * HOLD_STEP),
	};
}

/* ---- the sentence ---- */

static void say_left(char *text, size_t cap, uint32_t until_s, uint64_t now_ms)
{
	uint64_t now_s = now_ms / 1000, left_s = until_s > now_s ? until_s - now_s : 0;

	if (left_s >= 100)
		snprintf(text, cap, "%u min", (unsigned)((left_s + 30) / 60));
	else
		snprintf(text, cap, "%u s", (unsigned)left_s);
}

static void say_doubt(const struct detector_terms *terms, unsigned streak, uint16_t fall, char *text, size_t cap)
{
	int len = snprintf(text, cap, "in doubt: %u of %u failures that it takes", streak, terms->needed);

	if (terms->needed > fall)
		snprintf(text + len, cap - (size_t)len, " (this path loses %u.%u%% of its probes)",
			terms->loss_permille / 10u, terms->loss_permille % 10u);
}

static void say_down(const struct verdict *verdict, const struct detector_terms *terms, unsigned streak,
	const char *left, char *text, size_t cap)
{
	const char *weight = terms->flaps ? ", at 10% of its weight at first" : "";

	if (verdict->damped && verdict->reason == PROBE_OK)
		snprintf(text, cap, "held down for flapping: it answers, and comes back in %s%s", left, weight);
	else if (terms->hold_s > 0)
		snprintf(text, cap, "flapping: should it answer, it is held down for %s%s", left, weight);
	else if (streak > 0)
		snprintf(text, cap, "coming back: %u of %u successes that it takes", streak, terms->needed);
}

const char *detector_explain(const struct verdict *verdict, uint16_t streak, const struct detector_terms *terms,
	uint16_t fall, uint32_t last_s, uint64_t now_ms, char text[static DETECTOR_TEXT_MAX])
{
	char left[32];

	text[0] = '\0';
	say_left(left, sizeof left, last_s + terms->hold_s, now_ms);
	if (verdict->state == HEALTH_DOWN)
		say_down(verdict, terms, streak, left, text, DETECTOR_TEXT_MAX);
	else if (verdict->doubt)
		say_doubt(terms, streak, fall, text, DETECTOR_TEXT_MAX);
	else if (verdict->damped)
		snprintf(text, DETECTOR_TEXT_MAX, "flapping: at most 10%% of its weight for %s yet", left);
	else if (terms->needed > fall && fall > 0)
		snprintf(text, DETECTOR_TEXT_MAX,
			"this path loses %u.%u%% of its probes: %u failures in a row take it down, not %u",
			terms->loss_permille / 10u, terms->loss_permille % 10u, terms->needed, fall);
	return text;
}
