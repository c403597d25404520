#include "relay/limit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct limit_actor *find(struct limit *limit, const char *name)
{
	struct limit_actor *oldest = &limit->actor[0];

	for (unsigned i = 0; i < LIMIT_ACTORS; i++) {
		struct limit_actor *actor = &limit->actor[i];

		if (actor->asked_ms != 0 && strncmp(actor->name, name, LIMIT_NAME_MAX - 1) == 0)
			return actor;
		if (actor->asked_ms < oldest->asked_ms)
			oldest = actor;
	}
	*oldest = (struct limit_actor){ .items = LIMIT_ITEMS_BURST, .broad = LIMIT_BROAD_BURST };
	snprintf(oldest->name, sizeof oldest->name, "%s", name);
	return oldest;
}

static void refill(struct limit_actor *actor, uint64_t now_ms)
{
	double gone_ms = actor->asked_ms != 0 && now_ms > actor->asked_ms ? (double)(now_ms - actor->asked_ms) : 0;

	actor->items = fmin(actor->items + gone_ms * LIMIT_ITEMS / 1000, LIMIT_ITEMS_BURST);
	actor->broad = fmin(actor->broad + gone_ms / LIMIT_BROAD_MS, LIMIT_BROAD_BURST);
	actor->asked_ms = now_ms;
}

bool limit_take(struct limit *limit, const char *name, unsigned items, bool broad, uint64_t now_ms, uint32_t *after_s)
{
	struct limit_actor *actor = find(limit, name);
	double wait_s = 0;

	refill(actor, now_ms);
	if (actor->items < items)
		wait_s = (items - actor->items) / LIMIT_ITEMS;
	if (broad && actor->broad < 1)
		wait_s = fmax(wait_s, (1 - actor->broad) * LIMIT_BROAD_MS / 1000);
	*after_s = (uint32_t)ceil(wait_s);
	if (wait_s > 0)
		return false;
	actor->items -= items;
	actor->broad -= broad;
	return true;
}
