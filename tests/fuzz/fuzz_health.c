/* What gslb-health and gslbd read from each other: the first byte says whether the rest is a plan or a message. */
#include <stdlib.h>

#include "health/message.h"
#include "health/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_plan(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	struct health_plan plan;
	struct buf again = { 0 };

	/* what was read can be written, and is then the same */
	if (plan_parse(data, len, arena, &plan, NULL) && (!plan_format(&plan, &again, NULL) || again.len != len))
		abort();
	for (size_t i = 0; again.text != NULL && i < plan.ntargets; i++)
		health_identity(&plan.targets[i].addr, plan.targets[i].port, &plan.targets[i].probe);
	buf_fini(&again);
	arena_free(arena);
}

static void read_message(const uint8_t *data, size_t len)
{
	uint8_t again[MESSAGE_LEN_MAX];
	struct health_message message;

	if (message_parse(data, len, &message) && message_format(&message, again) != len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] == 'p')
		read_plan(data + 1, len - 1);
	else
		read_message(data + 1, len - 1);
	return 0;
}
