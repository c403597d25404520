#include "gslb/drill_cover.h"

#include "gslb/override.h"

enum { TRIAL_MS = 86400000 };

struct overlay *drill_cover_new(const struct snapshot *snapshot, const char *target)
{
	const struct world world = { .snapshot = snapshot };
	const struct override_request request = {
		.target = target,
		.action = OVERRIDE_DOWN,
		.for_ms = TRIAL_MS,
		.why = "what it covers",
		.force = true,
	};
	struct override_list *scratch = override_list_scratch(NULL);
	struct overlay *cover;

	override_set(scratch, &world, &request, 0, NULL, NULL);
	cover = overlay_new(scratch, snapshot);
	override_list_free(scratch);
	return cover;
}

bool drill_cover_has_pool(const struct overlay *cover, const struct snapshot *snapshot, uint32_t pool)
{
	const struct pool_plan *plan = &snapshot->pools[pool];

	if (drill_cover_is_set(cover->pool[pool]))
		return true;
	for (unsigned family = 0; family < FAMILIES; family++)
		for (uint32_t i = 0; i < plan->part[family].n; i++)
			if (drill_cover_is_set(cover->endpoint[plan->part[family].first + i]))
				return true;
	return false;
}

bool drill_cover_has_service(
	const struct overlay *cover, const struct snapshot *snapshot, const struct service_plan *plan)
{
	for (uint32_t i = 0; i < plan->list->n; i++)
		if (drill_cover_is_set(cover->service_pool[plan->first_override + i]) ||
			drill_cover_has_pool(cover, snapshot, plan->list->candidate[i].pool))
			return true;
	return false;
}
