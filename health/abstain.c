#include "health/abstain.h"

#include <stdio.h>

static bool two_thirds(uint64_t part, uint64_t whole)
{
	return whole > 0 && part * 3 >= whole * 2;
}

static bool most_groups_fail(const struct abstain_counts *counts)
{
	return counts->groups_failing >= ABSTAIN_GROUPS_MIN &&
	       two_thirds(counts->groups_failing, (uint64_t)counts->groups_failing + counts->groups_seen);
}

static bool something_answers(const struct abstain_counts *counts)
{
	return counts->groups_seen > 0 || counts->anchors > counts->anchors_failing + counts->anchors_unsure;
}

/* The reason there is now, patience aside. */
static enum abstain_why reason(const struct abstain_counts *counts)
{
	if (two_thirds(counts->anchors_failing, counts->anchors))
		return ABSTAIN_ANCHORS;
	return most_groups_fail(counts) ? ABSTAIN_ENDPOINTS : ABSTAIN_NOT;
}

static bool end(struct abstain *abstain, uint64_t now_ms)
{
	abstain->why = ABSTAIN_NOT;
	abstain->since_ms = now_ms;
	abstain->calm_ms = 0;
	return true;
}

static bool step_abstaining(
	struct abstain *abstain, const struct abstain_rule *rule, enum abstain_why why, uint64_t now_ms)
{
	if (why != ABSTAIN_NOT) {
		abstain->calm_ms = 0;
		abstain->why = why;
		if (why == ABSTAIN_ENDPOINTS && something_answers(&abstain->counts) &&
			now_ms - abstain->since_ms >= rule->patience_ms) {
			abstain->believed = true;
			return end(abstain, now_ms);
		}
		return false;
	}
	if (abstain->calm_ms == 0)
		abstain->calm_ms = now_ms;
	return now_ms - abstain->calm_ms >= rule->calm_ms && end(abstain, now_ms);
}

bool abstain_step(
	struct abstain *abstain, const struct abstain_rule *rule, const struct abstain_counts *counts, uint64_t now_ms)
{
	enum abstain_why why = reason(counts);

	abstain->counts = *counts;
	if (!most_groups_fail(counts))
		abstain->believed = false;
	if (abstain->why != ABSTAIN_NOT)
		return step_abstaining(abstain, rule, why, now_ms);
	if (why == ABSTAIN_NOT || (why == ABSTAIN_ENDPOINTS && abstain->believed))
		return false;
	abstain->why = why;
	abstain->since_ms = now_ms;
	return true;
}

bool abstain_allows_down(const struct abstain *abstain)
{
	const struct abstain_counts *counts = &abstain->counts;

	return abstain->why == ABSTAIN_NOT &&
	       !two_thirds((uint64_t)counts->anchors_failing + counts->anchors_unsure, counts->anchors);
}

void abstain_numbers(const struct abstain *abstain, uint32_t *failing, uint32_t *of)
{
	const struct abstain_counts *counts = &abstain->counts;
	bool anchors = abstain->why == ABSTAIN_ANCHORS;

	*failing = anchors ? counts->anchors_failing : counts->groups_failing;
	*of = anchors ? counts->anchors : counts->groups_failing + counts->groups_seen;
}

const char *abstain_sentence(enum abstain_why why, uint32_t failing, uint32_t of, char text[static ABSTAIN_TEXT_MAX])
{
	switch (why) {
	case ABSTAIN_NOT:
		text[0] = '\0';
		break;
	case ABSTAIN_ANCHORS:
		snprintf(text, ABSTAIN_TEXT_MAX, "%u of %u anchors fail: no endpoint is taken down until they answer",
			failing, of);
		break;
	case ABSTAIN_ENDPOINTS:
		snprintf(text, ABSTAIN_TEXT_MAX,
			"%u of %u unrelated groups of endpoints fail at once: no endpoint is taken down for that",
			failing, of);
		break;
	}
	return text;
}
