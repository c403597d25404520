/* check: zone files read and linked as gslbd would do it, without one. */
#include "gslb/ctl_zones.h"

static const struct ctl_operand operands[] = {
	{ "FILE", "files", CTL_MANY, NULL, "a zone file, or a folder of *.zone" },
	{ 0 },
};

static json_t *zones_json(const struct ctl_zones *zones)
{
	json_t *list = json_array();
	char name[NAME_TEXT_MAX];

	for (size_t i = 0; i < zones->nzones; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:I}", "file", zones->zones[i]->file, "zone",
				name_format(&zones->zones[i]->apex, name), "serial",
				(json_int_t)zones->zones[i]->serial, "services", (json_int_t)zones->zones[i]->nservices,
				"pools", (json_int_t)zones->zones[i]->npools));
	return list;
}

static enum ctl_exit run_check(const json_t *args, json_t **result, struct err *err)
{
	struct ctl_zones zones = { .seed = dice_from_kernel().state };
	enum ctl_exit code;
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(args, "files"), i, name) ctl_zones_add(&zones, json_string_value(name));
	zone_set_free(ctl_zones_link(&zones));
	*result = ctl_zones_report(&zones, err);
	json_object_set_new(*result, "zones", zones_json(&zones));
	code = zones.report.nmistakes == 0 ? CTL_DONE : CTL_FAILED;
	ctl_zones_fini(&zones);
	return code;
}

static void print_check(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *zone;
	size_t i;

	(void)view;
	ctl_zones_print(result, out);
	if (json_array_size(json_object_get(result, "mistakes")) > 0)
		return;
	json_array_foreach(json_object_get(result, "zones"), i, zone)
	{
		ctl_add(out, ctl_string(zone, "file"));
		buf_printf(out, ": zone %s, serial %lld, services %lld, pools %lld: good\n", ctl_string(zone, "zone"),
			(long long)ctl_integer(zone, "serial"), (long long)ctl_integer(zone, "services"),
			(long long)ctl_integer(zone, "pools"));
	}
}

const struct ctl_command ctl_check = {
	.name = "check",
	.summary = "find all mistakes in zone files (no gslbd needed)",
	.operands = operands,
	.more = "All files given are checked as one set. Exit status 1: there is a mistake.",
	.run = run_check,
	.print = print_check,
};
