/* push: the state of an endpoint whose pool has check=push, or the load of a pool that has load=push. */
#include "gslb/ctl_text.h"

static const struct ctl_operand operands[] = {
	{ "POOL[/ENDPOINT]", "endpoint", CTL_ONE, NULL,
		"for example eu/lb1, or eu/192.0.2.10; a load may be all of eu's" },
	{ "STATE", "state", CTL_ONE, "up|down|load=NUMBER", "what its owner found" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "for", CTL_DURATION, "for_ms", "TIME", false,
		"how long it holds, for example 5m (default: three of the pool's intervals; a load: 60s)" },
	{ 0 },
};

static void print_push(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const char *state = ctl_string(result, "state");

	ctl_add(out, ctl_string(result, "endpoint"));
	if (json_object_get(result, "load") != NULL) {
		buf_printf(out, ": pushed load %.15g until %s\n", json_number_value(json_object_get(result, "load")),
			ctl_string(result, "until"));
		return;
	}
	buf_printf(out, ": pushed ");
	ctl_paint(out, view, ctl_colour_of(state), state);
	buf_printf(out, " until %s\n", ctl_string(result, "until"));
}

const struct ctl_command ctl_push = {
	.name = "push",
	.summary = "report an endpoint of a check=push pool up or down, or the load of a load=push pool",
	.operands = operands,
	.options = options,
	.more = "Push again before the time is over; then the endpoint's state is unknown, and it counts as up; a load "
		"is unknown, too, and moves nobody.",
	.print = print_push,
};
