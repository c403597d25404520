/* Overrides compiled for the packet path: for each thing the strongest `up`, and the strongest `drain` or `down`. One of a kind
 * is enough: when it ends the list changes, and the overlay is compiled anew. */
#include <stdlib.h>
#include <string.h>

#include "gslb/target.h"

static struct overlay *overlay_make(const struct snapshot *snapshot, size_t neffects)
{
	struct overlay *overlay = mem_alloc(sizeof(*overlay));

	overlay->neffects = 1;
	overlay->effects = mem_alloc((neffects + 1) * sizeof(*overlay->effects));
	overlay->endpoint = mem_alloc(snapshot->nendpoints * sizeof(*overlay->endpoint));
	overlay->pool = mem_alloc(snapshot->npools * sizeof(*overlay->pool));
	overlay->service_pool = mem_alloc(snapshot->nservice_pools * sizeof(*overlay->service_pool));
	return overlay;
}

void overlay_free(struct overlay *overlay)
{
	if (overlay == NULL)
		return;
	free(overlay->effects);
	free(overlay->endpoint);
	free(overlay->pool);
	free(overlay->service_pool);
	free(overlay);
}

/* down before drain; of two drains the one that is whole first; then what lasts longer. */
static bool stronger(const struct effect *a, const struct effect *b)
{
	if (a->action != b->action)
		return a->action == OVERRIDE_DOWN;
	if (a->action == OVERRIDE_DRAIN && a->from_ms + a->over_ms != b->from_ms + b->over_ms)
		return a->from_ms + a->over_ms < b->from_ms + b->over_ms;
	return a->until_ms > b->until_ms;
}

static void pair_set(const struct overlay *overlay, uint16_t pair[2], uint16_t effect, bool replace)
{
	unsigned at = overlay->effects[effect].action == OVERRIDE_UP ? 0 : 1;

	if (replace)
		pair[0] = pair[1] = 0;
	if (pair[at] == 0 || stronger(&overlay->effects[effect], &overlay->effects[pair[at]]))
		pair[at] = effect;
}

static void cover_endpoints(struct overlay *overlay, const struct snapshot *snapshot,
	const struct override_target *target, uint16_t effect, bool replace)
{
	for (uint32_t pool = target->glob ? 0 : target->pool;
		pool < (target->glob ? snapshot->npools : target->pool + 1); pool++)
		for (enum family family = 0; family < FAMILIES; family++)
			for (uint32_t i = 0; i < snapshot->pools[pool].part[family].n; i++) {
				uint32_t endpoint = snapshot->pools[pool].part[family].first + i;

				if (override_target_has_endpoint(snapshot, target, endpoint))
					pair_set(overlay, overlay->endpoint[endpoint], effect, replace);
			}
}

static void cover_pools(struct overlay *overlay, const struct snapshot *snapshot, const struct override_target *target,
	uint16_t effect, bool replace)
{
	for (uint32_t i = 0; i < snapshot->npools; i++)
		if (override_target_has_pool(snapshot, target, i))
			pair_set(overlay, overlay->pool[i], effect, replace);
}

static void cover_service(struct overlay *overlay, const struct snapshot *snapshot,
	const struct override_target *target, const struct service_plan *service, uint16_t effect, bool replace)
{
	for (uint32_t i = 0; i < service->list->n; i++)
		if (override_target_has_pair(snapshot, target, service, i))
			pair_set(overlay, overlay->service_pool[service->first_override + i], effect, replace);
}

void overlay_cover(struct overlay *overlay, const struct snapshot *snapshot, const struct override_target *target,
	const struct effect *effect, bool replace)
{
	uint16_t number = (uint16_t)overlay->neffects++;

	overlay->effects[number] = *effect;
	switch (target->kind) {
	case OVERRIDE_ENDPOINT:
		cover_endpoints(overlay, snapshot, target, number, replace);
		return;
	case OVERRIDE_POOL:
		if (!target->glob) {
			pair_set(overlay, overlay->pool[target->pool], number, replace);
			return;
		}
		cover_pools(overlay, snapshot, target, number, replace);
		return;
	case OVERRIDE_REGION:
		cover_pools(overlay, snapshot, target, number, replace);
		return;
	case OVERRIDE_SERVICE_POOL:
		if (!target->glob)
			cover_service(overlay, snapshot, target, &snapshot->services[target->service], number, replace);
		for (uint32_t i = 0; target->glob && i < snapshot->nservices; i++)
			cover_service(overlay, snapshot, target, &snapshot->services[i], number, replace);
		return;
	}
}

struct overlay *overlay_copy(const struct overlay *overlay, const struct snapshot *snapshot)
{
	size_t neffects = overlay != NULL ? overlay->neffects : 1;
	struct overlay *copy = overlay_make(snapshot, neffects + OVERRIDES_MAX);

	if (overlay == NULL)
		return copy;
	copy->neffects = overlay->neffects;
	memcpy(copy->effects, overlay->effects, neffects * sizeof(*copy->effects));
	memcpy(copy->endpoint, overlay->endpoint, snapshot->nendpoints * sizeof(*copy->endpoint));
	memcpy(copy->pool, overlay->pool, snapshot->npools * sizeof(*copy->pool));
	memcpy(copy->service_pool, overlay->service_pool, snapshot->nservice_pools * sizeof(*copy->service_pool));
	return copy;
}

struct overlay *overlay_new(const struct override_list *list, const struct snapshot *snapshot)
{
	const struct override *const *overrides;
	size_t n = override_list_get(list, &overrides);
	struct overlay *overlay = overlay_make(snapshot, n);

	for (size_t i = 0; i < n; i++) {
		const struct override *from = overrides[i];
		struct override_target target;

		if (!override_target_again(snapshot, from->target, from->glob, &target))
			continue;
		overlay_cover(overlay, snapshot, &target,
			&(struct effect){ .action = from->action,
				.from_ms = from->from_ms,
				.until_ms = from->until_ms,
				.over_ms = from->over_ms },
			false);
	}
	return overlay;
}
