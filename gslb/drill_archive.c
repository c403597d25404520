/* "drills/20261125T181200.123Z-NAME.json" in the state folder: ids sort by time. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gslb/drills.h"

enum { REPORT_MAX = 16 << 20 };

static char *folder_of(const char *state_directory)
{
	return mem_printf("%s/drills", state_directory);
}

static int is_report(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end != NULL && strcmp(end, ".json") == 0;
}

/* Names by rising id; free each and the array. */
static int list_names(const char *folder, struct dirent ***names)
{
	int n = scandir(folder, names, is_report, alphasort);

	if (n < 0)
		*names = NULL;
	return n < 0 ? 0 : n;
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static void drop_oldest(const char *folder)
{
	struct dirent **names;
	int n = list_names(folder, &names);

	for (int i = 0; i < n - DRILL_REPORTS_MAX; i++) {
		char *path = mem_printf("%s/%s", folder, names[i]->d_name);

		unlink(path);
		free(path);
	}
	free_names(names, n);
}

void drill_archive_write(const char *state_directory, const json_t *report)
{
	char *folder = folder_of(state_directory), *text = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(6)),
	     *path;
	struct err err = { 0 };

	path = mem_printf("%s/%s.json", folder, json_string_value(json_object_get(report, "id")));
	if (text == NULL)
		err_set(&err, "%s: not UTF-8", path);
	else if (mkdir(folder, 0750) != 0 && errno != EEXIST)
		err_set(&err, "%s: cannot be made: %s", folder, strerror(errno));
	else if (file_replace(path, text, strlen(text), 0640, &err))
		drop_oldest(folder);
	if (err.text[0] != '\0')
		log_error("drill_report=not-written reason=\"%s\"", err.text);
	free(path);
	free(text);
	free(folder);
}

static json_t *read_one(const char *folder, const char *file)
{
	char *path = mem_printf("%s/%s", folder, file), *text;
	json_t *report = NULL;
	size_t len;

	if (file_read(path, REPORT_MAX, &text, &len, NULL)) {
		report = json_loadb(text, len, 0, NULL);
		free(text);
	}
	free(path);
	if (report != NULL && json_string_value(json_object_get(report, "id")) == NULL) {
		json_decref(report); /* another's file */
		return NULL;
	}
	return report;
}

static const char *field(const json_t *report, const char *key)
{
	const char *text = json_string_value(json_object_get(report, key));

	return text != NULL ? text : "";
}

void drill_archive_mend(const char *state_directory, uint64_t now_ms)
{
	char *folder = folder_of(state_directory), now[CLOCK_TEXT_MAX];
	struct dirent **names;
	int n = list_names(folder, &names);

	for (int i = 0; i < n; i++) {
		json_t *report = read_one(folder, names[i]->d_name);

		if (report != NULL && strcmp(field(report, "result"), "RUNNING") == 0) {
			json_object_set_new(report, "result", json_string("ABORTED"));
			json_object_set_new(report, "reason",
				json_string("gslbd ended while the drill ran; what it had set was put back at the next "
					    "start"));
			json_object_set_new(report, "ended", json_string(clock_format(now_ms, now)));
			drill_archive_write(state_directory, report);
		}
		json_decref(report);
	}
	free_names(names, n);
	free(folder);
}

json_t *drill_archive_read(const char *state_directory, const char *id, struct err *err)
{
	char *folder = folder_of(state_directory);
	struct dirent **names;
	int n = list_names(folder, &names);
	json_t *report = NULL;

	for (int i = n - 1; i >= 0 && report == NULL; i--) {
		report = read_one(folder, names[i]->d_name);
		if (id[0] == '\0' || report == NULL)
			continue;
		if (strcmp(field(report, "id"), id) != 0 && strcmp(field(report, "name"), id) != 0) {
			json_decref(report);
			report = NULL;
		}
	}
	free_names(names, n);
	free(folder);
	if (report == NULL && id[0] == '\0')
		err_set(err, "no drill has run yet (gslbctl drill run FILE runs one)");
	else if (report == NULL)
		err_set(err, "%s: no report of a drill of this name or id is kept (gslbctl drill list shows them)", id);
	return report;
}

json_t *drill_archive_list(const char *state_directory)
{
	static const char *const keys[] = { "id", "name", "who", "result", "begun", "ended", "reason" };
	char *folder = folder_of(state_directory);
	struct dirent **names;
	int n = list_names(folder, &names);
	json_t *list = json_array();

	for (int i = n - 1; i >= 0; i--) {
		json_t *report = read_one(folder, names[i]->d_name), *line = json_object();

		for (size_t k = 0; k < COUNT_OF(keys) && report != NULL; k++)
			json_object_set(line, keys[k], json_object_get(report, keys[k]));
		if (report != NULL)
			json_array_append(list, line);
		json_decref(line);
		json_decref(report);
	}
	free_names(names, n);
	free(folder);
	return list;
}
