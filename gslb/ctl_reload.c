/* reload: zones, databases and configuration are read again; a zone with a mistake keeps its last good state. */
#include <string.h>

#include "gslb/ctl_text.h"

static enum ctl_exit judge_reload(const json_t *result, struct err *err)
{
	struct buf refused = { 0 };
	const json_t *zone;
	size_t i;

	json_array_foreach(json_object_get(result, "zones"), i, zone)
	{
		const char *name = ctl_string(zone, "name");

		if (strcmp(ctl_string(zone, "state"), "loaded") != 0)
			buf_printf(&refused, "%s%s", refused.len > 0 ? ", " : "",
				*name != '\0' ? name : ctl_string(zone, "file"));
	}
	if (refused.len == 0)
		return CTL_DONE;
	err_set(err, "not taken up: %s (mend the mistakes and reload again)", refused.text);
	buf_fini(&refused);
	return CTL_PART;
}

/* What is not a zone's: the configuration and the databases. */
static void print_refused(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *geo = ctl_at(result, "geo"), *mistake;
	size_t i;

	json_array_foreach(ctl_at(ctl_at(result, "configuration"), "mistakes"), i, mistake)
	{
		ctl_paint(out, view, CTL_RED, json_is_string(mistake) ? json_string_value(mistake) : "?");
		buf_printf(out, "\n");
	}
	if (strcmp(ctl_string(geo, "state"), "refused") == 0) {
		ctl_paint(out, view, CTL_RED, ctl_string(geo, "error"));
		buf_printf(out, "\n");
	}
}

static void print_reload(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	buf_printf(out, "snapshot %lld is in force after %lld ms\n", (long long)ctl_integer(result, "serial"),
		(long long)ctl_integer(result, "took_ms"));
	ctl_print_zones(json_object_get(result, "zones"), view, out);
	print_refused(result, view, out);
}

const struct ctl_command ctl_reload = {
	.name = "reload",
	.summary = "read the configuration, the zones and the geo databases again",
	.more = "Exit status 3: a zone, a database or the configuration was refused, and is in force as it was before.",
	.judge = judge_reload,
	.print = print_reload,
};
