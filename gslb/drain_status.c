/* The document of `gslbctl drain-status`, and its verdict as a sentence. */
#include <stdlib.h>
#include <string.h>

#include "gslb/drain.h"
#include "gslb/parts.h"

enum { LOOKED_AT_MOST = 64 };

static const char *const state_names[] = {
	[DRAIN_SAFE] = "safe",
	[DRAIN_HELD] = "held",
	[DRAIN_UNDER_WAY] = "draining",
	[DRAIN_NONE] = "not-drained",
};

static json_t *time_json(uint64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];

	return wall_ms > 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

/* "18:04:07Z", of a whole second */
static const char *of_day(uint64_t wall_ms, char text[static CLOCK_TEXT_MAX])
{
	clock_format(wall_ms, text);
	return strchr(text, 'T') != NULL ? strchr(text, 'T') + 1 : text;
}

static uint64_t until_s(const struct drain_facts *facts)
{
	uint64_t held_s = facts->elsewhere_s > facts->expires_s ? facts->elsewhere_s : facts->expires_s;

	/* while it drains, the last of its clients are yet to come */
	return facts->state == DRAIN_UNDER_WAY && facts->since_ms / 1000 > held_s ? facts->since_ms / 1000 : held_s;
}

/* ---- in words ---- */

static char *verdict_none(const struct drain_question *question, const struct drain_facts *facts)
{
	char owner[NAME_TEXT_MAX];

	if (facts->since_ms == 0)
		return mem_printf("not drained: it is answered as ever (gslbctl force %s drain --for TIME --why TEXT)",
			question->target);
	return mem_printf("not drained as a whole: for %s it is answered as ever",
		name_format(&facts->service->service->owner, owner));
}

static char *verdict_held(const struct drain_question *question, const struct drain_facts *facts)
{
	const struct snapshot *snapshot = question->world->snapshot;
	char when[CLOCK_TEXT_MAX], addr[ADDR_TEXT_MAX], apex[NAME_TEXT_MAX];
	uint64_t end_s = until_s(facts), left_s = end_s - question->now_ms / 1000;

	if (facts->elsewhere_s > facts->expires_s) {
		const struct endpoint *endpoint = &snapshot->endpoints[facts->elsewhere];
		const struct pool *pool = snapshot->pools[endpoint->pool].pool;

		return mem_printf("not yet: %s is also answered from the pool %s.%s, which this does not take in",
			addr_format(&endpoint->addr, addr), pool->label, name_format(&pool->zone->apex, apex));
	}
	if (facts->networks == 0)
		return mem_printf(
			"not yet: safe in %llu s (%s)", (unsigned long long)left_s, of_day(end_s * 1000, when));
	return mem_printf("not yet: safe in %llu s (%s); %.1f %% of recent clients may still hold it",
		(unsigned long long)left_s, of_day(end_s * 1000, when), facts->held_percent);
}

static char *verdict_of(const struct drain_question *question, const struct drain_facts *facts)
{
	char when[CLOCK_TEXT_MAX];

	switch (facts->state) {
	case DRAIN_SAFE:
		return mem_strdup("safe to switch off: no resolver that honours TTLs holds it any more");
	case DRAIN_HELD:
		return verdict_held(question, facts);
	case DRAIN_UNDER_WAY:
		return mem_printf("not yet: it drains until %s, and %.0f %% of its clients are still sent to it",
			of_day(facts->since_ms, when), facts->left / 10.0);
	case DRAIN_NONE:
		return verdict_none(question, facts);
	}
	abort();
}

/* ---- what else there is to know ---- */

static void note(json_t *notes, char *text)
{
	json_array_append_new(notes, json_string(text));
	free(text);
}

static json_t *notes_json(
	const struct drain_question *question, const struct drain_facts *facts, uint64_t since_answers)
{
	const struct snapshot *snapshot = question->world->snapshot;
	json_t *notes = json_array();
	char when[CLOCK_TEXT_MAX];
	uint32_t longest_s = 0;

	for (uint32_t i = 0; i < snapshot->nservices; i++)
		if (snapshot->services[i].ttl_max_s > longest_s)
			longest_s = snapshot->services[i].ttl_max_s;
	if (facts->npairs == 0)
		note(notes, mem_strdup("no service uses it"));
	if (facts->state != DRAIN_NONE && facts->back_ms > 0 && facts->back_ms / 1000 < until_s(facts))
		note(notes, mem_printf("it comes back at %s, before that: force it again with a longer --for",
				    of_day(facts->back_ms, when)));
	if (since_answers > 0)
		note(notes,
			mem_printf("it was answered though it is drained: nothing else was left for those clients"));
	if (question->now_ms < question->started_ms + (uint64_t)(longest_s + LEDGER_WAY_S) * 1000)
		note(notes,
			mem_printf("gslbd started at %s: what was answered before counts as answered then, with the "
				   "longest TTL",
				of_day(question->started_ms, when)));
	return notes;
}

/* Is it a drain or a down that takes in some of what the target does? */
static bool concerns(const struct override *override, const struct parts *parts)
{
	struct override_target target;
	struct parts other;
	bool meet;

	if (override->action == OVERRIDE_UP ||
		!override_target_again(parts->snapshot, override->target, override->glob, &target))
		return false;
	parts_init(&other, parts->snapshot, &target);
	meet = parts_meet(parts, &other);
	parts_fini(&other);
	return meet;
}

static json_t *overrides_json(
	const struct drain_question *question, const struct override_target *target, json_t **answers_since)
{
	const struct override *const *list;
	size_t n = override_list_get(question->overrides, &list);
	char *text = override_target_text(question->world->snapshot, target);
	json_t *found = json_array();
	struct parts parts;

	parts_init(&parts, question->world->snapshot, target);
	for (size_t i = 0; i < n; i++) {
		uint64_t since_ms, answers;

		/* looking at one takes a while where services are many */
		if ((n > LOOKED_AT_MOST && strcmp(text, list[i]->target) != 0) || !concerns(list[i], &parts))
			continue;
		json_array_append_new(found, override_json(list[i]));
		answers = drain_marks_since(question->marks, list[i], question->ledger, &since_ms);
		if (since_ms > 0 && strcmp(text, list[i]->target) == 0)
			*answers_since = json_integer((json_int_t)answers);
	}
	parts_fini(&parts);
	free(text);
	return found;
}

json_t *drain_status(const struct drain_question *question, enum drain_state *state, struct err *err)
{
	json_t *answers_since = NULL, *overrides, *json;
	struct override_target target;
	struct drain_facts facts;
	uint64_t now_s = question->now_ms / 1000, end_s;
	char *text, *verdict;

	if (!override_target_find(question->world->snapshot, question->target, &target, err))
		return NULL;
	drain_look(question, &target, &facts);
	*state = facts.state;
	end_s = until_s(&facts);
	text = override_target_text(question->world->snapshot, &target);
	verdict = verdict_of(question, &facts);
	overrides = overrides_json(question, &target, &answers_since);
	json = json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:o,s:I,s:I,s:o,s:o}", "target", text, "state",
		state_names[facts.state], "verdict", verdict, "drained_since", time_json(facts.since_ms), "expires",
		time_json(end_s * 1000), "left_s",
		(json_int_t)(facts.state != DRAIN_NONE && end_s > now_s ? end_s - now_s : 0), "held_percent",
		facts.networks > 0 ? json_real(facts.held_percent) : json_null(), "networks",
		(json_int_t)facts.networks, "networks_holding", (json_int_t)facts.holding, "back",
		time_json(facts.back_ms), "overrides", overrides);
	json_object_set_new(json, "notes", notes_json(question, &facts, (uint64_t)json_integer_value(answers_since)));
	json_object_set_new(json, "answers_since", answers_since != NULL ? answers_since : json_null());
	free(text);
	free(verdict);
	return json;
}
