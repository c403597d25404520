/* force, clear, overrides: what operators decide against the probes, with who, why and until when. */
#include <string.h>

#include "gslb/ctl_text.h"

#define TARGET_SENTENCE "pool:eu, endpoint:eu/lb1, region:NAME or service:www/eu, also with * and ?; eu alone is a pool"

#define WAIT_SENTENCE "until all regions of a fleet have it in force, at most so long (2s); 0s: not"
#define WAIT_MORE \
	"In a fleet the exit status is 3 when not every region said in time that it has it in force: it names those."

static const struct ctl_operand force_operands[] = {
	{ "TARGET", "target", CTL_ONE, NULL, TARGET_SENTENCE },
	{ "ACTION", "action", CTL_ONE, "up|down|drain", "up, down, or drain (no new answers, and no alarm)" },
	{ 0 },
};

static const struct ctl_option force_options[] = {
	{ "for", CTL_DURATION, "for_ms", "TIME", true, "how long, for example 30m; it ends by itself" },
	{ "why", CTL_TEXT, "why", "TEXT", true, "the reason, for those who find it there" },
	{ "wait", CTL_DURATION, "wait_ms", "TIME", false, WAIT_SENTENCE },
	{ "over", CTL_DURATION, "over_ms", "TIME", false, "drain gradually over this time" },
	{ "force", CTL_FLAG, "force", NULL, false, "also when it leaves a service fewer pools than its keep" },
	{ "dry-run", CTL_FLAG, "dry_run", NULL, false, "say what it would change, and change nothing" },
	{ 0 },
};

static const struct ctl_column effect_columns[] = {
	{ "SERVICE", false },
	{ "IN SERVICE BEFORE", true },
	{ "AFTER", true },
	{ "OF", true },
	{ "KEEP", true },
	{ NULL, false },
};

/* ---- the fleet ---- */

static void list_regions(const json_t *regions, const char *state, const char *before, struct buf *out)
{
	json_t *value;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)regions, name, value)
	{
		if (strcmp(json_string_value(value) != NULL ? json_string_value(value) : "", state) != 0)
			continue;
		buf_printf(out, "%s", before);
		ctl_add(out, name);
		before = ", ";
	}
}

/* "in force in 1 of 2 regions after 2004 ms; pending in us": in how many it is, and which are missing. */
static void print_fleet(const json_t *result, struct buf *out)
{
	const json_t *fleet = json_object_get(result, "fleet"), *regions = json_object_get(fleet, "regions");
	const char *trouble = ctl_string(fleet, "trouble");

	if (fleet == NULL)
		return;
	buf_printf(out, "in force in %lld of %lld %s", (long long)ctl_integer(fleet, "in_force"),
		(long long)ctl_integer(fleet, "of"), ctl_true(fleet, "hosts") ? "hosts" : "regions");
	if (json_object_get(fleet, "took_ms") != NULL)
		buf_printf(out, " after %lld ms", (long long)ctl_integer(fleet, "took_ms"));
	list_regions(regions, "pending", "; not yet in ", out);
	list_regions(regions, "refused", "; refused by ", out);
	list_regions(regions, "unknown", "; not known of ", out);
	buf_printf(out, "\n");
	if (*trouble == '\0')
		return;
	ctl_add(out, trouble);
	buf_printf(out, "\nthe others hear of it when that is mended\n");
}

/* ---- force ---- */

/* "pools_in_service": [before, after]. */
static void effect_row(struct ctl_table *table, const json_t *effect)
{
	const json_t *counts = json_object_get(effect, "pools_in_service");
	json_int_t before = json_integer_value(json_array_get(counts, 0)),
		   after = json_integer_value(json_array_get(counts, 1));
	json_int_t keep = ctl_integer(effect, "keep");

	ctl_cell(table, CTL_PLAIN, "%s", ctl_string(effect, "service"));
	ctl_cell(table, CTL_PLAIN, "%lld", (long long)before);
	ctl_cell(table, after < keep ? CTL_RED : after < before ? CTL_YELLOW : CTL_PLAIN, "%lld", (long long)after);
	ctl_cell(table, CTL_PLAIN, "%lld", (long long)ctl_integer(effect, "of"));
	ctl_cell(table, CTL_PLAIN, "%lld", (long long)keep);
}

static const struct ctl_column client_columns[] = {
	{ "SERVICE", false },
	{ "POOL", false },
	{ "NOW", true },
	{ "THEN", true },
	{ "NETWORKS", true },
	{ NULL, false },
};

static void clients_rows(struct ctl_table *table, const json_t *effect)
{
	const json_t *clients = json_object_get(effect, "clients"), *pool;
	size_t i;

	json_array_foreach(json_object_get(clients, "pools"), i, pool)
	{
		const char *name = json_string_value(json_object_get(pool, "pool"));
		double now = json_number_value(json_object_get(pool, "before_percent")),
		       then = json_number_value(json_object_get(pool, "after_percent"));

		if (i == 0)
			ctl_cell(table, CTL_PLAIN, "%s", ctl_string(effect, "service"));
		else
			ctl_blank(table);
		ctl_cell(table, name != NULL ? CTL_PLAIN : CTL_RED, "%s", name != NULL ? name : "none: no address");
		ctl_cell(table, CTL_PLAIN, "%.1f%%", now);
		ctl_cell(table, CTL_PLAIN, "%.1f%%", then);
		if (i == 0)
			ctl_cell(table, CTL_PLAIN, "%lld", (long long)ctl_integer(clients, "networks"));
		else
			ctl_blank(table);
	}
}

/* Where those go who asked in the last minutes: only a dry run asks for it. */
static void print_clients(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const char *since = ctl_string(result, "clients_since");
	const json_t *effect;
	struct ctl_table table;
	char ago[32];
	size_t i;

	if (*since == '\0' || json_array_size(json_object_get(result, "effects")) == 0)
		return;
	ctl_table_init(&table, client_columns);
	json_array_foreach(json_object_get(result, "effects"), i, effect) clients_rows(&table, effect);
	buf_printf(out, "\nWhere the answers to the clients of the last %s go:\n", ctl_ago(view, since, ago));
	ctl_table_print(&table, view, "nobody asked for these services: where clients would go is not known", out);
}

static void print_force(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	bool dry = ctl_true(result, "dry_run");
	const char *action = ctl_string(result, "action");
	struct ctl_table table;
	const json_t *effect;
	size_t i;

	ctl_add(out, ctl_string(result, "target"));
	buf_printf(out, dry ? " would be " : " is ");
	ctl_paint(out, view, ctl_colour_of(action), strcmp(action, "drain") == 0 ? "drained" : action);
	buf_printf(out, " until ");
	ctl_add(out, ctl_string(result, "until"));
	buf_printf(out, "\n");
	print_fleet(result, out);
	ctl_table_init(&table, effect_columns);
	json_array_foreach(json_object_get(result, "effects"), i, effect) effect_row(&table, effect);
	ctl_table_print(&table, view, "no service uses it", out);
	print_clients(result, view, out);
}

const struct ctl_command ctl_force = {
	.name = "force",
	.summary = "hold an endpoint, a pool, a region or a service's pool up, down or drained",
	.operands = force_operands,
	.options = force_options,
	.more = "Any down or drain that covers a thing beats an up. A second override of a target replaces the "
		"first. " WAIT_MORE,
	.print = print_force,
};

static const struct ctl_operand clear_operands[] = {
	{ "TARGET", "target", CTL_ONE, NULL, "as gslbctl overrides lists it, or as it was given to force" },
	{ 0 },
};

static const struct ctl_option clear_options[] = {
	{ "wait", CTL_DURATION, "wait_ms", "TIME", false,
		"until all regions of a fleet have ended it, at most so long (2s); 0s: not" },
	{ 0 },
};

static void print_clear(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	(void)view;
	ctl_add(out, ctl_string(result, "target"));
	buf_printf(out, ": the override is ended\n");
	print_fleet(result, out);
}

const struct ctl_command ctl_clear = {
	.name = "clear",
	.summary = "end an override",
	.operands = clear_operands,
	.options = clear_options,
	.more = WAIT_MORE,
	.print = print_clear,
};

/* In a fleet the last column says where it was decided. */
static const struct ctl_column override_columns[] = {
	{ "TARGET", false },
	{ "ACTION", false },
	{ "LEFT", true },
	{ "OVER", true },
	{ "WHO", false },
	{ "UNTIL", false },
	{ "WHY", false },
	{ NULL, false },
};

static const struct ctl_column shared_columns[] = {
	{ "TARGET", false },
	{ "ACTION", false },
	{ "LEFT", true },
	{ "OVER", true },
	{ "WHO", false },
	{ "UNTIL", false },
	{ "REGION", false },
	{ "WHY", false },
	{ NULL, false },
};

static bool is_shared(const json_t *overrides)
{
	const json_t *override;
	size_t i;

	json_array_foreach(overrides, i, override) if (json_object_get(override, "region") != NULL) return true;
	return false;
}

static void print_overrides(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	struct ctl_table table;
	const json_t *override, *covers;
	char left[32], over[32];
	bool shared = is_shared(json_object_get(result, "overrides"));
	size_t i;

	ctl_table_init(&table, shared ? shared_columns : override_columns);
	json_array_foreach(json_object_get(result, "overrides"), i, override)
	{
		json_int_t over_ms = ctl_integer(override, "over_ms");

		covers = json_object_get(override, "covers");
		ctl_cell(&table, CTL_PLAIN, "%s%s", ctl_string(override, "target"),
			json_is_integer(covers) && json_integer_value(covers) == 0 ? " (nothing here has this name)"
										   : "");
		ctl_state(&table, ctl_string(override, "action"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_duration((uint64_t)ctl_integer(override, "left_s") * 1000, left));
		ctl_cell(&table, CTL_PLAIN, "%s", over_ms > 0 ? ctl_duration((uint64_t)over_ms, over) : "");
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(override, "who"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(override, "until"));
		if (shared)
			ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(override, "region"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(override, "why"));
	}
	ctl_table_print(&table, view, "no overrides", out);
}

const struct ctl_command ctl_overrides = {
	.name = "overrides",
	.summary = "table of the overrides in force: who, why, until when",
	.print = print_overrides,
};
