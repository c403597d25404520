#include "gslb/needs.h"

/* The reason of an endpoint that is down; NULL when none is. */
static const char *down_reason(const struct world *world, uint32_t number)
{
	const struct pool_plan *plan = &world->snapshot->pools[number];

	for (enum family family = 0; family < FAMILIES; family++)
		for (uint32_t i = plan->part[family].first; i < plan->part[family].first + plan->part[family].n; i++) {
			const struct endpoint *endpoint = &world->snapshot->endpoints[i];
			struct verdict verdict =
				board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);

			if (verdict.state == HEALTH_DOWN)
				return probe_result_name(verdict.reason);
		}
	return NULL;
}

void needs_text(const struct world *world, uint32_t pool, uint32_t missing, uint64_t now_ms, struct buf *text)
{
	const struct pool *needy = world->snapshot->pools[pool].pool, *needed = world->snapshot->pools[missing].pool;
	struct standing standing = pool_standing(world, missing, FAMILY_V4, now_ms);
	const char *reason = down_reason(world, missing);
	char name[NAME_TEXT_MAX];

	buf_printf(text, "needs %s, which is ",
		needed->zone == needy->zone ? needed->label : name_format(&needed->name, name));
	if (standing.forced == OVERRIDE_DOWN)
		buf_printf(text, "forced down");
	else if (standing.forced == OVERRIDE_DRAIN)
		buf_printf(text, "drained");
	else if (reason != NULL)
		buf_printf(text, "down (%s)", reason);
	else
		buf_printf(
			text, "not in service"); /* endpoints taken out one by one, or of addresses that are too old */
}
