#include "gslb/drill_try.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/drill_cover.h"
#include "gslb/drill_measure.h"
#include "gslb/drill_run.h"
#include "gslb/target.h"

uint64_t drill_lead_ms(const struct drill_step *step, const struct snapshot *snapshot)
{
	struct overlay *cover;
	uint32_t longest_s = 0;

	if (!step->lead_auto)
		return step->lead_ms;
	cover = drill_cover_new(snapshot, step->target);
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		if (snapshot->services[i].ttl_max_s > longest_s &&
			drill_cover_has_service(cover, snapshot, &snapshot->services[i]))
			longest_s = snapshot->services[i].ttl_max_s;
	overlay_free(cover);
	return (uint64_t)longest_s * 1000;
}

/* The override that stands for the target now; NULL: none, or the target is unknown. */
static const struct override *standing_override(
	const struct override_list *list, const struct snapshot *snapshot, const char *text)
{
	const struct override *const *overrides, *found = NULL;
	size_t n = override_list_get(list, &overrides);
	struct override_target target;
	char *canonical;

	if (!override_target_find(snapshot, text, &target, NULL))
		return NULL;
	canonical = override_target_text(snapshot, &target);
	for (size_t i = 0; i < n && found == NULL; i++)
		if (strcmp(overrides[i]->target, canonical) == 0)
			found = overrides[i];
	free(canonical);
	return found;
}

bool drill_force(const struct drill_step *step, const struct drill_plan *plan, struct override_list *list,
	const struct world *world, const char *id, const char *who, const struct drill_times *times, json_t **effects,
	struct err *err)
{
	const struct override *stands = standing_override(list, world->snapshot, step->target);
	uint64_t from_ms = times->now_ms + times->lead_ms;
	struct override_request request = {
		.target = step->target,
		.action = step->action,
		.over_ms = (uint32_t)step->over_ms,
		.lead_ms = times->lead_ms,
		.who = who,
		.drill = id,
		.dry_run = times->dry_run,
		.recent = times->recent,
	};
	char *why;
	bool good;

	if (effects != NULL)
		*effects = NULL;
	if (stands != NULL && (stands->drill == NULL || strcmp(stands->drill, id) != 0))
		return err_set(err,
			"%s: %s holds it %s (%s): a drill does not replace what an operator decided; clear it first",
			step->target, stands->who, override_action_name(stands->action), stands->why);
	if (from_ms >= times->end_ms)
		return err_set(err, "%s: its lead reaches over the drill's end (make end longer)", step->target);
	request.for_ms = times->end_ms - from_ms;
	if (step->for_ms != 0 && step->for_ms < request.for_ms)
		request.for_ms = step->for_ms;
	request.why = why = mem_printf("drill %s: %s", plan->name, plan->why);
	good = override_set(list, world, &request, times->now_ms, effects, err);
	free(why);
	return good;
}

bool drill_clear(const struct drill_step *step, struct override_list *list, const struct world *world, const char *id,
	const char *who, uint64_t now_ms, struct err *err)
{
	const struct override *stands = standing_override(list, world->snapshot, step->target);

	if (stands == NULL || stands->drill == NULL || strcmp(stands->drill, id) != 0)
		return true;
	return override_clear(list, world, step->target, who, now_ms, err) != OVERRIDE_CLEAR_FAILED;
}

/* ---- trying all of it ---- */

struct trial {
	const struct drill_plan *plan;
	struct override_list *list;
	struct world world;
	struct overlay *overlay;
	uint64_t now_ms, end_ms;
	const struct recent *recent;
};

static void trial_overlay(struct trial *trial)
{
	overlay_free(trial->overlay);
	trial->overlay = overlay_new(trial->list, trial->world.snapshot);
	trial->world.overlay = trial->overlay;
}

/* First what it would change, by those who asked lately; then it stands, for the steps behind it. */
static bool try_force(
	struct trial *trial, const struct drill_step *step, uint64_t lead_ms, json_t **effects, struct err *err)
{
	struct drill_times times = { trial->now_ms, lead_ms, trial->end_ms, true, trial->recent };

	if (!drill_force(step, trial->plan, trial->list, &trial->world, "trial", "", &times, effects, err))
		return false;
	times.dry_run = false;
	return drill_force(step, trial->plan, trial->list, &trial->world, "trial", "", &times, NULL, err);
}

static bool try_step(
	struct trial *trial, const struct drill_step *step, json_t **effects, uint64_t *lead_ms, struct err *err)
{
	uint64_t next_ms;
	bool good = true;

	*lead_ms = 0;
	override_expire(trial->list, trial->now_ms, &next_ms);
	trial_overlay(trial);
	switch (step->verb) {
	case DRILL_FORCE:
		*lead_ms = drill_lead_ms(step, trial->world.snapshot);
		good = try_force(trial, step, *lead_ms, effects, err);
		trial->now_ms += *lead_ms;
		break;
	case DRILL_CLEAR:
		good = drill_clear(step, trial->list, &trial->world, "trial", "", trial->now_ms, err);
		break;
	case DRILL_WAIT:
		trial->now_ms += step->wait_ms;
		break;
	case DRILL_EXPECT:
	case DRILL_NOTE:
		break;
	}
	return good;
}

bool drill_run_check(
	const struct drill_plan *plan, const struct drill_host *host, uint64_t now_ms, json_t **steps, struct err *err)
{
	struct trial trial = {
		.plan = plan,
		.list = override_list_scratch(host->overrides(host->context)),
		.world = *host->world(host->context),
		.now_ms = now_ms,
		.end_ms = now_ms + plan->end_ms,
		.recent = host->recent != NULL ? host->recent(host->context) : NULL,
	};
	bool good = drill_measures_check(plan, &trial.world, now_ms, err);

	*steps = json_array();
	for (size_t i = 0; i < plan->nsteps && good; i++) {
		uint64_t at_ms = trial.now_ms - now_ms, lead_ms;
		json_t *effects = NULL, *line;
		struct err why = { 0 };

		good = try_step(&trial, &plan->steps[i], &effects, &lead_ms, &why) ||
		       err_set(err, "step %zu: %s: would be refused: %s", i + 1, plan->steps[i].text, why.text);
		line = json_pack("{s:i,s:s,s:I,s:I,s:b}", "step", (int)i + 1, "text", plan->steps[i].text, "at_ms",
			(json_int_t)at_ms, "lead_ms", (json_int_t)lead_ms, "refused", !good);
		if (effects != NULL)
			json_object_set_new(line, "effects", effects);
		json_array_append_new(*steps, line);
	}
	overlay_free(trial.overlay);
	override_list_free(trial.list);
	return good;
}
