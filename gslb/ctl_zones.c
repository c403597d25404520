#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gslb/ctl_zones.h"

static void add_file(struct ctl_zones *zones, char *path)
{
	zones->files = mem_grow(zones->files, zones->nfiles, &zones->files_cap, sizeof *zones->files);
	zones->files[zones->nfiles++] = path;
}

static int is_zone_file(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end != NULL && strcmp(end, ".zone") == 0;
}

static void add_folder(struct ctl_zones *zones, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_zone_file, alphasort);

	if (n < 0) {
		report_add(&zones->report, REPORT_MISTAKE, folder, 0, "%s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		add_file(zones,
			mem_printf("%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	if (n == 0)
		report_add(&zones->report, REPORT_MISTAKE, folder, 0,
			"no zone in this folder (a zone's file is NAME.zone)");
}

void ctl_zones_add(struct ctl_zones *zones, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add_folder(zones, path);
	else
		add_file(zones, mem_strdup(path));
}

static void load_files(struct ctl_zones *zones)
{
	for (size_t i = 0; i < zones->nfiles; i++) {
		struct zone *zone = zone_load(zones->files[i], NULL, zones->seed, &zones->report);

		if (zone == NULL)
			continue;
		zones->zones = mem_grow(zones->zones, zones->nzones, &zones->zones_cap, sizeof *zones->zones);
		zones->zones[zones->nzones++] = zone;
	}
}

/* "eu.other.example." that no file given has is no typing mistake yet: say how to find out. */
static void hint_others(const struct ctl_zones *zones, struct err *err)
{
	size_t len = strlen(err->text);

	snprintf(err->text + len, sizeof err->text - len, "; zones are checked as one set: %s",
		zones->nzones == 1 ? "pools of other zones are found when their files are given too"
				   : "give the files of all zones that belong together");
}

static json_t *lines_json(const struct ctl_zones *zones, enum report_kind kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < zones->report.nlines; i++) {
		const struct report_line *line = &zones->report.lines[i];
		json_t *text = json_string(line->text);

		if (line->kind == kind)
			json_array_append_new(list, json_pack("{s:s, s:i, s:O}", "file", line->file, "line",
							    (int)line->line, "text", text));
		json_decref(text);
	}
	return list;
}

struct zone_set *ctl_zones_link(struct ctl_zones *zones)
{
	load_files(zones);
	/* what a broken zone holds is not known: links into it would all look broken too */
	zones->alone = zones->report.nmistakes > 0;
	if (zones->alone || zones->nzones == 0)
		return NULL;
	return zone_set_link(zones->zones, zones->nzones, zones->seed, &zones->report);
}

json_t *ctl_zones_report(struct ctl_zones *zones, struct err *err)
{
	size_t n = zones->report.nmistakes;

	report_sort(&zones->report);
	if (n > 0) {
		err_set(err, "%zu mistake%s in %zu file%s", n, n == 1 ? "" : "s", zones->nfiles,
			zones->nfiles == 1 ? "" : "s");
		if (!zones->alone)
			hint_others(zones, err);
	}
	return json_pack("{s:o, s:o}", "mistakes", lines_json(zones, REPORT_MISTAKE), "warnings",
		lines_json(zones, REPORT_WARNING));
}

void ctl_zones_fini(struct ctl_zones *zones)
{
	for (size_t i = 0; i < zones->nzones; i++)
		zone_unref(zones->zones[i]);
	for (size_t i = 0; i < zones->nfiles; i++)
		free(zones->files[i]);
	free(zones->zones);
	free(zones->files);
	report_fini(&zones->report);
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

void ctl_zones_print(const json_t *result, struct buf *out)
{
	print_lines(json_object_get(result, "mistakes"), "", out);
	print_lines(json_object_get(result, "warnings"), "warning: ", out);
}
