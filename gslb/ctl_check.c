/* check: zone files read and linked as gslbd would do it, without one. All files that are given are one set, since a service
 * may use pools of another zone. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gslb/ctl_text.h"
#include "zones/zones.h"

static const struct ctl_operand operands[] = {
	{ "FILE", "files", CTL_MANY, NULL, "a zone file, or a folder of *.zone" },
	{ 0 },
};

struct checking {
	char **files;
	size_t nfiles, files_cap;
	struct zone **zones; /* those without a mistake */
	size_t nzones, zones_cap;
	uint64_t seed;
	struct report report;
};

static void add_file(struct checking *c, char *path)
{
	c->files = mem_grow(c->files, c->nfiles, &c->files_cap, sizeof *c->files);
	c->files[c->nfiles++] = path;
}

static int is_zone_file(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end != NULL && strcmp(end, ".zone") == 0;
}

static void add_folder(struct checking *c, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_zone_file, alphasort);

	if (n < 0) {
		report_add(&c->report, REPORT_MISTAKE, folder, 0, "%s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		add_file(c,
			mem_printf("%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	if (n == 0)
		report_add(
			&c->report, REPORT_MISTAKE, folder, 0, "no zone in this folder (a zone's file is NAME.zone)");
}

static void find_files(struct checking *c, const json_t *names)
{
	const json_t *name;
	struct stat st;
	size_t i;

	json_array_foreach(names, i, name)
	{
		const char *path = json_string_value(name);

		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			add_folder(c, path);
		else
			add_file(c, mem_strdup(path));
	}
}

static void load_files(struct checking *c)
{
	for (size_t i = 0; i < c->nfiles; i++) {
		struct zone *zone = zone_load(c->files[i], NULL, c->seed, &c->report);

		if (zone == NULL)
			continue;
		c->zones = mem_grow(c->zones, c->nzones, &c->zones_cap, sizeof *c->zones);
		c->zones[c->nzones++] = zone;
	}
}

/* "eu.other.example." that no file given has is no typing mistake yet: say how to find out. */
static void hint_others(const struct checking *c, struct err *err)
{
	size_t len = strlen(err->text);

	snprintf(err->text + len, sizeof err->text - len, "; zones are checked as one set: %s",
		c->nzones == 1 ? "pools of other zones are found when their files are given too"
			       : "give the files of all zones that belong together");
}

static json_t *zones_json(const struct checking *c)
{
	json_t *list = json_array();
	char name[NAME_TEXT_MAX];

	for (size_t i = 0; i < c->nzones; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "file", c->zones[i]->file, "zone",
				      name_format(&c->zones[i]->apex, name), "serial", (json_int_t)c->zones[i]->serial,
				      "services", (json_int_t)c->zones[i]->nservices, "pools",
				      (json_int_t)c->zones[i]->npools));
	return list;
}

static json_t *lines_json(const struct checking *c, enum report_kind kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->report.nlines; i++) {
		const struct report_line *line = &c->report.lines[i];
		json_t *text = json_string(line->text);

		if (line->kind == kind)
			json_array_append_new(list, json_pack("{s:s, s:i, s:O}", "file", line->file, "line",
							    (int)line->line, "text", text));
		json_decref(text);
	}
	return list;
}

static void fini(struct checking *c)
{
	for (size_t i = 0; i < c->nzones; i++)
		zone_unref(c->zones[i]);
	for (size_t i = 0; i < c->nfiles; i++)
		free(c->files[i]);
	free(c->zones);
	free(c->files);
	report_fini(&c->report);
}

static enum ctl_exit run_check(const json_t *args, json_t **result, struct err *err)
{
	struct dice dice = dice_from_kernel();
	struct checking c = { .seed = dice_next(&dice) };
	struct zone_set *set = NULL;
	bool good, alone;

	find_files(&c, json_object_get(args, "files"));
	load_files(&c);
	/* what a broken zone holds is not known: links into it would all look broken too */
	alone = c.report.nmistakes > 0;
	if (!alone && c.nzones > 0)
		set = zone_set_link(c.zones, c.nzones, c.seed, &c.report);
	zone_set_free(set);
	good = c.report.nmistakes == 0;
	report_sort(&c.report);
	*result = json_pack("{s:o, s:o, s:o}", "zones", zones_json(&c), "mistakes", lines_json(&c, REPORT_MISTAKE),
		"warnings", lines_json(&c, REPORT_WARNING));
	if (!good) {
		err_set(err, "%zu mistake%s in %zu file%s", c.report.nmistakes, c.report.nmistakes == 1 ? "" : "s",
			c.nfiles, c.nfiles == 1 ? "" : "s");
		if (!alone)
			hint_others(&c, err);
	}
	fini(&c);
	return good ? CTL_DONE : CTL_FAILED;
}

static void print_lines(const json_t *lines, const char *mark, struct buf *out)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		ctl_add(out, ctl_string(line, "file"));
		if (ctl_integer(line, "line") > 0)
			buf_printf(out, ":%lld", (long long)ctl_integer(line, "line"));
		buf_printf(out, ": %s", mark);
		ctl_add(out, ctl_string(line, "text"));
		buf_printf(out, "\n");
	}
}

static void print_check(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *zone;
	size_t i;

	(void)view;
	print_lines(json_object_get(result, "mistakes"), "", out);
	print_lines(json_object_get(result, "warnings"), "warning: ", out);
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
