/* A file that does not change is read once. Times that passed while nobody looked are not made up for: a drill never runs at an hour
 * that nobody expects. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gslb/drills.h"

enum { LATE_MS = 600000 /* what was due longer ago is skipped */ };

struct entry {
	char *path, *name_of_file;
	uint64_t mtime_ms;
	off_t size;
	struct drill_plan *plan; /* NULL: it has mistakes */
	struct report mistakes;
	uint64_t last_ms, next_ms; /* wall; 0: not yet, and never */
	bool seen;
};

struct drill_folder {
	char *path, *trouble;
	struct entry *entries;
	size_t nentries, cap;
};

struct drill_folder *drill_folder_new(void)
{
	struct drill_folder *folder = mem_alloc(sizeof *folder);

	folder->path = mem_strdup("");
	return folder;
}

static void entry_fini(struct entry *entry)
{
	free(entry->path);
	free(entry->name_of_file);
	drill_plan_free(entry->plan);
	report_fini(&entry->mistakes);
}

void drill_folder_free(struct drill_folder *folder)
{
	if (folder == NULL)
		return;
	for (size_t i = 0; i < folder->nentries; i++)
		entry_fini(&folder->entries[i]);
	free(folder->entries);
	free(folder->trouble);
	free(folder->path);
	free(folder);
}

/* ---- reading ---- */

static int is_drill(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

static void entry_read(struct entry *entry)
{
	struct err err;
	char *text;
	size_t len;

	drill_plan_free(entry->plan);
	entry->plan = NULL;
	report_fini(&entry->mistakes);
	entry->mistakes = (struct report){ 0 };
	if (!file_read(entry->path, DRILL_FILE_MAX, &text, &len, &err)) {
		report_add(&entry->mistakes, REPORT_MISTAKE, entry->name_of_file, 0, "%s", err.text);
		return;
	}
	entry->plan = drill_plan_parse(entry->name_of_file, text, len, &entry->mistakes);
	free(text);
}

static void log_entry(const struct entry *entry)
{
	char line[1400], next[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < entry->mistakes.nlines; i++) {
		report_format(&entry->mistakes.lines[i], line, sizeof line);
		log_error("drill=refused reason=\"%s\"", line);
	}
	if (entry->plan != NULL)
		log_notice("drill=%s file=%s next=%s", entry->plan->name, entry->name_of_file,
			entry->next_ms > 0 ? clock_format(entry->next_ms, next) : "never");
}

static void entry_schedule(struct entry *entry, uint64_t now_ms)
{
	uint64_t since_ms = entry->last_ms > entry->mtime_ms ? entry->last_ms : entry->mtime_ms;

	entry->next_ms = entry->plan != NULL
				 ? drill_schedule_next(&entry->plan->schedule, since_ms, now_ms, entry->plan->end_ms)
				 : 0;
}

static struct entry *entry_of(struct drill_folder *folder, const char *name)
{
	struct entry *entry;

	for (size_t i = 0; i < folder->nentries; i++)
		if (strcmp(folder->entries[i].name_of_file, name) == 0)
			return &folder->entries[i];
	folder->entries = mem_grow(folder->entries, folder->nentries, &folder->cap, sizeof *folder->entries);
	entry = &folder->entries[folder->nentries++];
	*entry = (struct entry){ .path = mem_printf("%s/%s", folder->path, name), .name_of_file = mem_strdup(name) };
	return entry;
}

/* Two drills of one name would share their last run. */
static bool name_is_taken(const struct drill_folder *folder, const struct entry *entry)
{
	for (size_t i = 0; i < folder->nentries; i++)
		if (&folder->entries[i] != entry && folder->entries[i].plan != NULL &&
			strcmp(folder->entries[i].plan->name, entry->plan->name) == 0)
			return true;
	return false;
}

static void look_at_file(struct drill_folder *folder, const char *name, uint64_t now_ms,
	uint64_t (*last_ms)(void *context, const char *name), void *context)
{
	struct entry *entry = entry_of(folder, name);
	struct stat st;
	uint64_t mtime_ms;

	entry->seen = true;
	if (stat(entry->path, &st) != 0)
		return;
	mtime_ms = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
	if (entry->mtime_ms == mtime_ms && entry->size == st.st_size)
		return;
	entry->mtime_ms = mtime_ms;
	entry->size = st.st_size;
	entry_read(entry);
	if (entry->plan != NULL && name_is_taken(folder, entry)) {
		report_add(&entry->mistakes, REPORT_MISTAKE, name, 0, "name: %s: another file has this name already",
			entry->plan->name);
		drill_plan_free(entry->plan);
		entry->plan = NULL;
	}
	entry->last_ms = entry->plan != NULL && last_ms != NULL ? last_ms(context, entry->plan->name) : 0;
	entry_schedule(entry, now_ms);
	if (last_ms != NULL)
		log_entry(entry);
}

static void forget_unseen(struct drill_folder *folder)
{
	size_t kept = 0;

	for (size_t i = 0; i < folder->nentries; i++)
		if (folder->entries[i].seen)
			folder->entries[kept++] = folder->entries[i];
		else
			entry_fini(&folder->entries[i]);
	folder->nentries = kept;
}

static void note_trouble(struct drill_folder *folder, const char *why)
{
	bool known = folder->trouble != NULL && why != NULL && strcmp(folder->trouble, why) == 0;

	if (why != NULL && !known)
		log_error("drills=not-read reason=\"%s: %s\"", folder->path, why);
	free(folder->trouble);
	folder->trouble = why != NULL ? mem_strdup(why) : NULL;
}

void drill_folder_look(struct drill_folder *folder, const char *path, uint64_t now_ms,
	uint64_t (*last_ms)(void *context, const char *name), void *context)
{
	struct dirent **names = NULL;
	int n = 0;

	for (size_t i = 0; i < folder->nentries; i++)
		folder->entries[i].seen = false;
	if (strcmp(folder->path, path) != 0) {
		forget_unseen(folder);
		free(folder->path);
		folder->path = mem_strdup(path);
	}
	if (*path != '\0') {
		n = scandir(path, &names, is_drill, alphasort);
		note_trouble(folder, n < 0                 ? strerror(errno)
				     : n > DRILL_FILES_MAX ? "too many files, some are left out"
							   : NULL);
		if (n < 0)
			return; /* what was read stays */
	}
	for (int i = 0; i < n; i++) {
		if (i < DRILL_FILES_MAX)
			look_at_file(folder, names[i]->d_name, now_ms, last_ms, context);
		free(names[i]);
	}
	free(names);
	forget_unseen(folder);
}

const char *drill_folder_due(struct drill_folder *folder, uint64_t now_ms, const char **text, uint64_t *next_ms)
{
	const char *due = NULL;

	*next_ms = 0;
	for (size_t i = 0; i < folder->nentries; i++) {
		struct entry *entry = &folder->entries[i];

		if (due == NULL && entry->next_ms != 0 && now_ms >= entry->next_ms) {
			bool late = now_ms > entry->next_ms + LATE_MS;

			if (!late)
				entry->last_ms = now_ms;
			entry_schedule(entry, now_ms);
			due = late ? NULL : entry->name_of_file;
			*text = entry->plan->text;
		}
		if (entry->next_ms != 0 && (*next_ms == 0 || entry->next_ms < *next_ms))
			*next_ms = entry->next_ms;
	}
	return due;
}

/* ---- showing ---- */

static json_t *time_json(uint64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];

	return wall_ms > 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

const char *drill_folder_next(const struct drill_folder *folder, uint64_t *next_ms, size_t *n)
{
	const char *name = NULL;

	*next_ms = *n = 0;
	for (size_t i = 0; i < folder->nentries; i++) {
		const struct entry *entry = &folder->entries[i];

		if (entry->next_ms == 0)
			continue;
		++*n;
		if (*next_ms != 0 && entry->next_ms >= *next_ms)
			continue;
		*next_ms = entry->next_ms;
		name = entry->plan->name;
	}
	return name;
}

void drill_folder_alarms(const struct drill_folder *folder, json_t *alarms)
{
	for (size_t i = 0; i < folder->nentries; i++) {
		const struct entry *entry = &folder->entries[i];
		size_t n = entry->mistakes.nmistakes;

		if (n > 0)
			json_array_append_new(alarms,
				json_sprintf("drill %s: %zu mistake%s, it does not run (gslbctl drill list shows them)",
					entry->name_of_file, n, n == 1 ? "" : "s"));
	}
}

json_t *drill_folder_json(const struct drill_folder *folder)
{
	json_t *list = json_array();
	char line[1400];

	for (size_t i = 0; i < folder->nentries; i++) {
		const struct entry *entry = &folder->entries[i];
		json_t *mistakes = json_array();

		for (size_t k = 0; k < entry->mistakes.nlines; k++) {
			report_format(&entry->mistakes.lines[k], line, sizeof line);
			json_array_append_new(mistakes, json_string(line));
		}
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "file", entry->name_of_file, "name",
				      entry->plan != NULL ? entry->plan->name : "", "why",
				      entry->plan != NULL ? entry->plan->why : "", "last", time_json(entry->last_ms),
				      "next", time_json(entry->next_ms), "mistakes", mistakes));
	}
	return list;
}

size_t drill_folder_check(const char *path, struct report *report)
{
	struct drill_folder *folder = drill_folder_new();
	size_t n;

	drill_folder_look(folder, path, clock_wall_ms(), NULL, NULL);
	n = folder->nentries;
	if (folder->trouble != NULL)
		report_add(report, REPORT_MISTAKE, path, 0, "%s", folder->trouble);
	for (size_t i = 0; i < n; i++)
		report_move(report, &folder->entries[i].mistakes);
	drill_folder_free(folder);
	return n;
}
