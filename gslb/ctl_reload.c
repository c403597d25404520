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

static void print_reload(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	buf_printf(out, "snapshot %lld is in force after %lld ms\n", (long long)ctl_integer(result, "serial"),
		(long long)ctl_integer(result, "took_ms"));
	ctl_print_zones(json_object_get(result, "zones"), view, out);
}

const struct ctl_command ctl_reload = {
	.name = "reload",
	.summary = "read the configuration, the zones and the geo databases again",
	.more = "Exit status 3: a zone was refused, and is served as it was before.",
	.judge = judge_reload,
	.print = print_reload,
};
