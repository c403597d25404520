#include "health/eyes.h"

#include <stdlib.h>

#include "health/anchors.h"

enum { CALLS_APART_MS = 1000, MEMORY_MS = 6000 };

static const struct abstain_rule rule = { .patience_ms = ABSTAIN_PATIENCE_MS, .calm_ms = ABSTAIN_CALM_MS };

struct eyes {
	struct anchors *anchors;
	struct crowd *crowd;
	uint32_t ngroups;
	struct abstain abstain;
	uint32_t epoch;
	uint64_t failed_ms; /* monotonic: since when what made us abstain failed */
	uint64_t called_ms;
	uint64_t since_ms; /* wall: of abstaining */
	void (*news)(void *arg, const struct health_message *message);
	void *arg;
	struct health_message told;
};

static void log_begin(const struct health_message *now)
{
	char text[ABSTAIN_TEXT_MAX];

	log_error("abstaining=yes reason=\"%s\"",
		abstain_sentence((enum abstain_why)now->state, now->slot, now->ttl_s, text));
}

static void log_end(const struct eyes *eyes, uint64_t now_ms)
{
	const struct abstain_counts *counts = &eyes->abstain.counts;

	log_notice("abstaining=no reason=\"%s\" anchors_failing=%u anchors=%u groups_failing=%u lasted_s=%llu",
		eyes->abstain.believed ? "something answers all the while: the failures are believed"
				       : "what failed is back",
		counts->anchors_failing, counts->anchors, counts->groups_failing,
		(unsigned long long)(now_ms - eyes->since_ms) / 1000);
}

static void tell(struct eyes *eyes)
{
	struct health_message now = { .kind = HEALTH_ABSTAIN, .state = (uint16_t)eyes->abstain.why };
	const struct health_message *told = &eyes->told;

	if (now.state != ABSTAIN_NOT) {
		abstain_numbers(&eyes->abstain, &now.slot, &now.ttl_s);
		now.value = eyes->since_ms;
	}
	if (now.state == told->state && now.slot == told->slot && now.ttl_s == told->ttl_s && now.value == told->value)
		return;
	eyes->told = now;
	eyes->news(eyes->arg, &now);
}

/* since_ms: successes before that do not count. groups: count them, too. */
static void look(struct eyes *eyes, uint64_t since_ms, bool groups)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct abstain_counts counts = { 0 };
	bool changed;

	if (groups) {
		counts.groups_failing = crowd_failing(eyes->crowd);
		counts.groups_seen = crowd_seen_since(eyes->crowd, since_ms);
	}
	anchors_count(eyes->anchors, &counts);
	changed = abstain_step(&eyes->abstain, &rule, &counts, now_ms);
	if (changed && eyes->abstain.why != ABSTAIN_NOT) {
		eyes->since_ms = clock_wall_ms();
		eyes->failed_ms = since_ms;
	}
	if (changed && eyes->abstain.why == ABSTAIN_NOT) {
		eyes->epoch++;
		log_end(eyes, clock_wall_ms());
	}
	tell(eyes);
	if (changed && eyes->abstain.why != ABSTAIN_NOT)
		log_begin(&eyes->told);
}

/* What answered before the failures began says nothing, nor what is long ago. Groups make us abstain only when one of them would go
 * down: before that, some of many are always in doubt, and after a start not all were asked. */
static void look_again(struct eyes *eyes)
{
	bool groups = eyes->abstain.why != ABSTAIN_NOT || eyes->abstain.believed;
	uint64_t since_ms = clock_monotonic_ms() - MEMORY_MS;

	if (eyes->abstain.why != ABSTAIN_NOT && eyes->failed_ms > since_ms)
		since_ms = eyes->failed_ms;
	look(eyes, since_ms, groups);
}

static void anchors_changed(void *arg)
{
	look_again(arg);
}

struct eyes *eyes_new(struct loop *loop, struct probe_runner *runner,
	void (*news)(void *arg, const struct health_message *message), void *arg)
{
	struct eyes *eyes = mem_alloc(sizeof *eyes);

	*eyes = (struct eyes){ .crowd = crowd_new(0), .news = news, .arg = arg };
	eyes->anchors = anchors_new(loop, runner, anchors_changed, eyes);
	return eyes;
}

void eyes_free(struct eyes *eyes)
{
	if (eyes == NULL)
		return;
	anchors_free(eyes->anchors);
	crowd_free(eyes->crowd);
	free(eyes);
}

void eyes_set(struct eyes *eyes, const struct health_plan *plan)
{
	crowd_free(eyes->crowd);
	eyes->crowd = crowd_new(plan->ngroups);
	eyes->ngroups = plan->ngroups;
	anchors_set(eyes->anchors, plan->anchors, plan->nanchors);
}

struct crowd *eyes_crowd(struct eyes *eyes)
{
	return eyes->crowd;
}

bool eyes_abstain(const struct eyes *eyes)
{
	return eyes->abstain.why != ABSTAIN_NOT;
}

uint32_t eyes_epoch(const struct eyes *eyes)
{
	return eyes->epoch;
}

bool eyes_allow_down(struct eyes *eyes, uint64_t since_ms)
{
	if (!eyes_abstain(eyes))
		look(eyes, since_ms, true);
	return abstain_allows_down(&eyes->abstain);
}

bool eyes_call_witnesses(struct eyes *eyes)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (eyes_abstain(eyes) || now_ms < eyes->called_ms + CALLS_APART_MS)
		return false;
	eyes->called_ms = now_ms;
	anchors_hurry(eyes->anchors);
	return eyes->ngroups >= ABSTAIN_GROUPS_MIN;
}

void eyes_tick(struct eyes *eyes)
{
	look_again(eyes);
}
