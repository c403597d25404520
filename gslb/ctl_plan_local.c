/* The plan of a CI job: two folders of zones, a file of clients, and databases where places matter. */
#include <stdlib.h>
#include <string.h>

#include "gslb/ctl_plan.h"
#include "gslb/plan.h"

enum { CLIENTS_BYTES_MAX = 256 << 20, MISTAKES_SHOWN = 20, DATABASES_MAX = 8 };

static struct audience *read_clients(const char *path, struct err *err)
{
	struct report report = { 0 };
	struct audience *audience;
	char *text, line[900];
	size_t len;

	if (!file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, CLIENTS_BYTES_MAX, &text, &len, err))
		return NULL;
	audience = audience_new(AUDIENCE_MAX);
	audience_parse(audience, text, len, path, (uint32_t)(clock_wall_ms() / 1000), &report);
	free(text);
	if (report.nmistakes > 0) {
		report_format(&report.lines[0], line, sizeof line);
		err_set(err, "%s%s", line, report.nmistakes > 1 ? " (and more like it)" : "");
		audience_free(audience);
		audience = NULL;
	}
	report_fini(&report);
	return audience;
}

static struct geo *open_geo(const json_t *args, struct err *err)
{
	const char *paths[DATABASES_MAX];
	const json_t *list = json_object_get(args, "geo");
	size_t n = json_array_size(list);

	if (n > DATABASES_MAX) {
		err_set(err, "more than %d databases", DATABASES_MAX);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		paths[i] = json_string_value(json_array_get(list, i));
	return geo_open(paths, n, err);
}

/* The zones as they are; their mistakes are told as those of the edited ones. */
static struct zone_set *link_before(const char *folder, uint64_t seed, json_t **mistakes, struct err *err)
{
	struct ctl_zones zones = { .seed = seed };
	struct zone_set *set;

	ctl_zones_add(&zones, folder);
	set = ctl_zones_link(&zones);
	if (set == NULL)
		*mistakes = ctl_zones_report(&zones, err);
	ctl_zones_fini(&zones);
	return set;
}

static json_t *compare(const struct snapshot *before, const struct snapshot *after, const struct audience *audience)
{
	const struct world worlds[2] = { { .snapshot = before }, { .snapshot = after } };
	const struct plan_question question = {
		.before = &worlds[0], .after = &worlds[1], .audience = audience, .now_ms = clock_wall_ms()
	};
	struct plan *plan = plan_make(&question);
	json_t *json = plan_json(plan, before->set, after->set);

	plan_free(plan);
	json_object_set_new(json, "unresolved", json_array());
	return json;
}

json_t *ctl_plan_local(
	const json_t *args, struct ctl_zones *zones, struct zone_set *set, json_t **mistakes, struct err *err)
{
	const struct snapshot_inputs inputs = { 0 };
	struct audience *audience = read_clients(ctl_string(args, "clients"), err);
	struct geo *geo = audience != NULL ? open_geo(args, err) : NULL;
	struct zone_set *old = geo != NULL ? link_before(ctl_string(args, "before"), zones->seed, mistakes, err) : NULL;
	struct snapshot *before = NULL, *after = NULL;
	json_t *json = NULL;

	if (geo != NULL)
		snapshot_geo_ref(geo);
	if (old != NULL)
		before = snapshot_new(old, geo, &inputs, NULL, err);
	if (before != NULL)
		after = snapshot_new(set, geo, &inputs, before, err);
	else
		zone_set_free(set);
	if (after != NULL)
		json = compare(before, after, audience);
	snapshot_free(after);
	snapshot_free(before);
	snapshot_geo_unref(geo);
	audience_free(audience);
	return json;
}
