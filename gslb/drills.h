/* drills - gslbd's side of drills: the one that is under way, those that run by themselves, and the reports that are kept. Main
 * thread. */
#ifndef GSLB_DRILLS_H
#define GSLB_DRILLS_H

#include "gslb/drill_run.h"

struct daemon;
struct drills;

enum { DRILL_REPORTS_MAX = 50, DRILL_FILES_MAX = 100 };

/* Puts back what drills of a gslbd that died have left, before anything is published. */
struct drills *drills_open(struct daemon *daemon);
/* Ends the one under way, puts all back, and answers who ran it. */
void drills_close(struct drills *drills);
/* All that is due now; when (wall) to come back at the latest. */
uint64_t drills_work(struct drills *drills, uint64_t now_ms);

struct drill_order {
	const char *file, *text; /* of the drill */
	const char *who;
	uint64_t ticket; /* who is answered at the end, and whose going away ends the drill; 0: it runs by itself */
};
/* Begin one. False with a sentence, and nothing changed; mistakes of the file are in the report. */
bool drills_begin(struct drills *drills, const struct drill_order *order, struct report *report, struct err *err);
/* What it would do, step by step: a new reference; also when it would be refused (with the sentence). NULL: the file has mistakes. */
json_t *drills_check(struct drills *drills, const char *file, const char *text, struct report *report, struct err *err);
/* End the one under way; false when there is none. */
bool drills_abort(struct drills *drills, const char *who);
/* The live report of the one under way, NULL when there is none. */
json_t *drills_status(const struct drills *drills);
/* The id of the one under way, "" when there is none. */
const char *drills_running(const struct drills *drills);
/* Those that run by themselves: file, name, every, next, mistakes. A new reference. */
json_t *drills_list(const struct drills *drills);
/* For status: which is under way ("": none), how many run by themselves, the next of them and when. A new reference. */
json_t *drills_brief(const struct drills *drills);
/* Append a sentence for each file with mistakes, and for the last scheduled run when it did not succeed. */
void drills_alarms(const struct drills *drills, json_t *alarms);
/* A kept report by its id, or its name (the last of it), "" for the last of all. NULL with a sentence. */
json_t *drills_report(const struct drills *drills, const char *id, struct err *err);
/* The kept ones, the newest first: id, name, result, begun, reason. */
json_t *drills_reports(const struct drills *drills);

/* ---- inside: drill_folder.c ---- */

/* The folder of drills that run by themselves, read again when a file changed. */
struct drill_folder;
struct drill_folder *drill_folder_new(void);
void drill_folder_free(struct drill_folder *folder);
/* Look at it now; path "": there is none. last_ms: when a drill of a name was last begun (wall, 0: never). */
void drill_folder_look(struct drill_folder *folder, const char *path, uint64_t now_ms,
	uint64_t (*last_ms)(void *context, const char *name), void *context);
/* The file and text of a drill that is due, once; *next_ms: when the next one is (0: none). NULL: none is due. */
const char *drill_folder_due(struct drill_folder *folder, uint64_t now_ms, const char **text, uint64_t *next_ms);
/* The name of the one that is next, and when; NULL: none. *n: how many have a time. */
const char *drill_folder_next(const struct drill_folder *folder, uint64_t *next_ms, size_t *n);
void drill_folder_alarms(const struct drill_folder *folder, json_t *alarms);
json_t *drill_folder_json(const struct drill_folder *folder);
/* All mistakes of a folder's files, for gslbd -t; how many drills there are. */
size_t drill_folder_check(const char *path, struct report *report);

/* ---- inside: drill_archive.c ---- */

/* Reports, a file each, at most DRILL_REPORTS_MAX; a write that fails is logged. */
void drill_archive_write(const char *state_directory, const json_t *report);
/* Those of drills that were under way when gslbd ended become ABORTED. */
void drill_archive_mend(const char *state_directory, uint64_t now_ms);
json_t *drill_archive_read(const char *state_directory, const char *id, struct err *err);
json_t *drill_archive_list(const char *state_directory);

#endif
