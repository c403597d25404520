/* The report is one document; gslbctl makes the text of it. */
#include <stdlib.h>

#include "gslb/drill_run.h"

static json_t *time_json(uint64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];

	return wall_ms > 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *value_json(struct drill_value value)
{
	return value.known ? json_real(value.value) : json_null();
}

static const char *stage_name(const struct drill *drill, size_t step)
{
	if (drill->stage[step].ended_ms != 0)
		return "done";
	if (step == drill->at && drill->state == DRILL_RUNNING)
		return drill->stage[step].effective_ms > 0 ? "announced" : "under way";
	if (step == drill->at && drill->stage[step].begun_ms != 0)
		return drill->step_failed ? "failed" : "cut short";
	return "not begun";
}

static json_t *steps_json(const struct drill_report_source *source)
{
	const struct drill *drill = source->drill;
	json_t *list = json_array();

	for (size_t i = 0; i < drill->plan->nsteps; i++) {
		const struct drill_stage *stage = &drill->stage[i];
		json_t *line = json_pack("{s:i,s:s,s:s,s:o,s:o,s:o}", "step", (int)i + 1, "text",
			drill->plan->steps[i].text, "state", stage_name(drill, i), "begun", time_json(stage->begun_ms),
			"in_force", time_json(stage->effective_ms), "ended", time_json(stage->ended_ms));

		if (stage->begun_ms != 0)
			json_object_set_new(
				line, "begun_after_ms", json_integer((json_int_t)(stage->begun_ms - drill->begun_ms)));
		if (drill->plan->steps[i].verb == DRILL_EXPECT)
			json_object_set_new(line, "measured", value_json(stage->value));
		json_array_append_new(list, line);
	}
	return list;
}

static json_t *rules_json(const struct drill_report_source *source)
{
	const struct drill_plan *plan = source->drill->plan;
	json_t *list = json_array();
	char worst[48];

	for (size_t i = 0; i < plan->nconditions; i++) {
		const struct drill_condition *condition = &plan->conditions[i];
		const struct drill_extreme *extreme = &source->drill->extreme[i];
		bool holds;

		if (condition->role == DRILL_EXPECTED)
			continue;
		holds = extreme->worst.known && drill_condition_holds(condition, extreme->worst.value);
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:b,s:o,s:s,s:o,s:o}", "rule",
				      condition->role == DRILL_ALWAYS ? "always" : "abort", "text", condition->text,
				      "kept", !extreme->worst.known || holds == (condition->role == DRILL_ALWAYS),
				      "worst", value_json(extreme->worst), "worst_text",
				      drill_value_format(condition, extreme->worst, worst), "worst_at",
				      time_json(extreme->at_ms), "now", value_json(source->values[i])));
	}
	return list;
}

static json_t *measured_json(const struct drill_report_source *source)
{
	json_t *list = json_array();

	for (size_t i = 0; i < source->drill->plan->nsteps; i++)
		if (source->gauges[i] != NULL)
			json_array_append_new(list, drill_gauge_json(source->gauges[i]));
	return list;
}

json_t *drill_report(const struct drill_report_source *source)
{
	const struct drill *drill = source->drill;

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:I,s:o,s:o,s:I,s:i,s:o,s:o,s:o}", "id", source->id, "name",
		drill->plan->name, "why", drill->plan->why, "who", source->who, "result",
		drill_state_name(drill->state), "reason", drill->reason, "begun", time_json(drill->begun_ms),
		"begun_ms", (json_int_t)drill->begun_ms, "ended", time_json(drill->ended_ms), "end",
		time_json(drill->end_ms), "took_ms",
		(json_int_t)((drill->ended_ms != 0 ? drill->ended_ms : source->now_ms) - drill->begun_ms), "step",
		(int)(drill->at < drill->plan->nsteps ? drill->at + 1 : drill->plan->nsteps), "steps",
		steps_json(source), "rules", rules_json(source), "measured", measured_json(source));
}
