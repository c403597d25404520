/* drain-status: may it be switched off? One sentence first, then what it rests on. */
#include <string.h>

#include "gslb/ctl_text.h"

enum { WAIT_MOST_MS = 5000, WAIT_LEAST_MS = 250 };

static const struct ctl_operand operands[] = {
	{ "TARGET", "target", CTL_ONE, NULL, "as for force" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "wait", CTL_FLAG, "wait", NULL, false, "until it is safe, or not drained any more" },
	{ 0 },
};

static uint32_t again(const json_t *result, const json_t *args)
{
	const char *state = ctl_string(result, "state");
	json_int_t left_ms = ctl_integer(result, "left_s") * 1000;

	if (!ctl_true(args, "wait") || strcmp(state, "safe") == 0 || strcmp(state, "not-drained") == 0)
		return 0;
	if (left_ms < WAIT_LEAST_MS)
		return WAIT_LEAST_MS;
	return left_ms < WAIT_MOST_MS ? (uint32_t)left_ms : WAIT_MOST_MS;
}

static enum ctl_colour colour_of(const char *state)
{
	if (strcmp(state, "safe") == 0)
		return CTL_GREEN;
	return strcmp(state, "not-drained") == 0 ? CTL_RED : CTL_YELLOW;
}

static void field(struct buf *out, const char *name)
{
	buf_printf(out, "  %-22s", name);
}

static void print_overrides(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *override;
	size_t i;

	json_array_foreach(json_object_get(result, "overrides"), i, override)
	{
		field(out, i == 0 ? "by" : "and by");
		ctl_paint(out, view, ctl_colour_of(ctl_string(override, "action")), ctl_string(override, "action"));
		buf_printf(out, " of ");
		ctl_add(out, ctl_string(override, "target"));
		buf_printf(out, ", ");
		ctl_add(out, ctl_string(override, "who"));
		buf_printf(out, ", until ");
		ctl_add(out, ctl_string(override, "until"));
		buf_printf(out, ": ");
		ctl_add(out, ctl_string(override, "why"));
		buf_printf(out, "\n");
	}
}

static void print_holders(const json_t *result, struct buf *out)
{
	field(out, "may still hold it");
	if (ctl_integer(result, "networks") == 0) {
		buf_printf(out, "no client is known of the last 10m\n");
		return;
	}
	buf_printf(out, "%.1f%% of recent clients (%lld of %lld networks)\n",
		json_number_value(json_object_get(result, "held_percent")),
		(long long)ctl_integer(result, "networks_holding"), (long long)ctl_integer(result, "networks"));
}

static void print_time(const json_t *result, const char *name, const char *key, struct buf *out)
{
	const char *time = ctl_string(result, key);

	if (*time == '\0')
		return;
	field(out, name);
	ctl_add(out, time);
	buf_printf(out, "\n");
}

static void print(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *note;
	size_t i;

	ctl_add(out, ctl_string(result, "target"));
	buf_printf(out, ": ");
	ctl_paint(out, view, colour_of(ctl_string(result, "state")), ctl_string(result, "verdict"));
	buf_printf(out, "\n");
	print_time(result, "drained as of", "drained_since", out);
	print_overrides(result, view, out);
	print_time(result, "last answer expires", "expires", out);
	print_holders(result, out);
	if (json_is_integer(json_object_get(result, "answers_since"))) {
		field(out, "answers since");
		buf_printf(out, "%lld\n", (long long)ctl_integer(result, "answers_since"));
	}
	json_array_foreach(json_object_get(result, "notes"), i, note)
	{
		field(out, "note");
		ctl_add(out, json_string_value(note));
		buf_printf(out, "\n");
	}
}

const struct ctl_command ctl_drain_status = {
	.name = "drain-status",
	.summary = "may it be switched off: until when caches hold it, and who",
	.operands = operands,
	.options = options,
	.more = "Exit status 0: safe to switch off; 3: not yet; 4: it is not drained.",
	.again = again,
	.print = print,
};
