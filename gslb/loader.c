/* Zones are checked as one set, so a load is a search for the newest set that links: each zone offers its new state, falls
 * back to the one in force (or, at start, to its last good copy), and in the end is left out. Every step back is for a zone
 * that is named by a mistake, or, where only unchanged zones are named, for all that changed. */
#include "gslb/loader.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct stamp {
	char *path;
	struct timespec modified;
	off_t len;
	ino_t inode;
};

struct loaded_zone_inner {
	struct stamp *stamps; /* of the file and its includes when it was read last, also when it was refused */
	size_t nstamps;
	struct zone *offer; /* during a load: what is tried */
	bool fresh;         /* the offer is not the zone in force */
	bool copied;        /* the offer is the last good copy */
	bool uncopied;      /* in force, and not yet kept as the last good copy */
	bool seen, tried;
};

struct loader {
	char *folder, *copies;
	uint64_t seed;
	struct loaded_zone **zones; /* by file name */
	size_t nzones, cap;
	size_t next_copy; /* zones before it are kept */
};

struct loader *loader_new(const char *zones_directory, const char *state_directory, uint64_t name_seed)
{
	struct loader *loader = mem_alloc(sizeof *loader);

	loader->folder = mem_strdup(zones_directory);
	loader->copies = mem_printf("%s/zones", state_directory);
	loader->seed = name_seed;
	mkdir(loader->copies, 0750);
	return loader;
}

static void forget_stamps(struct loaded_zone *zone)
{
	for (size_t i = 0; i < zone->inner->nstamps; i++)
		free(zone->inner->stamps[i].path);
	free(zone->inner->stamps);
	zone->inner->stamps = NULL;
	zone->inner->nstamps = 0;
}

static void zone_drop(struct loaded_zone *zone)
{
	forget_stamps(zone);
	report_fini(&zone->mistakes);
	zone_unref(zone->zone);
	free(zone->file);
	free(zone->inner);
	free(zone);
}

void loader_free(struct loader *loader)
{
	if (loader == NULL)
		return;
	for (size_t i = 0; i < loader->nzones; i++)
		zone_drop(loader->zones[i]);
	free(loader->zones);
	free(loader->folder);
	free(loader->copies);
	free(loader);
}

void loader_move(struct loader *loader, const char *zones_directory)
{
	if (strcmp(loader->folder, zones_directory) == 0)
		return;
	free(loader->folder);
	loader->folder = mem_strdup(zones_directory);
}

/* ---- which files ---- */

static bool is_zone_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".zone") == 0;
}

static int by_file(const void *a, const void *b)
{
	const struct loaded_zone *const *x = a, *const *y = b;

	return strcmp((*x)->file, (*y)->file);
}

static struct loaded_zone *find_file(struct loader *loader, const char *file)
{
	struct loaded_zone key, *wanted = &key, **found;

	if (loader->nzones == 0) /* and no array yet, which bsearch does not allow */
		return NULL;
	key = (struct loaded_zone){ .file = mem_strdup(file) };
	found = bsearch(&wanted, loader->zones, loader->nzones, sizeof(struct loaded_zone *), by_file);
	free(key.file);
	return found != NULL ? *found : NULL;
}

/* Mark what is there, add what is new. */
static bool list_folder(struct loader *loader, struct err *err)
{
	size_t known = loader->nzones, all = known;
	struct dirent *entry;
	DIR *folder = opendir(loader->folder);

	if (folder == NULL)
		return err_set(err, "%s: %s", loader->folder, strerror(errno));
	while ((entry = readdir(folder)) != NULL) {
		struct loaded_zone *zone;
		char *file;

		if (!is_zone_file(entry))
			continue;
		file = mem_printf("%s/%s", loader->folder, entry->d_name);
		loader->nzones = known; /* only what was sorted before is searched */
		zone = find_file(loader, file);
		if (zone == NULL) {
			zone = mem_alloc(sizeof *zone);
			zone->file = file;
			zone->inner = mem_alloc(sizeof *zone->inner);
			loader->zones = mem_grow(loader->zones, all, &loader->cap, sizeof(struct loaded_zone *));
			loader->zones[all++] = zone;
		} else {
			free(file);
		}
		zone->inner->seen = true;
	}
	loader->nzones = all;
	closedir(folder);
	if (loader->nzones > 0)
		qsort(loader->zones, loader->nzones, sizeof(struct loaded_zone *), by_file);
	return true;
}

static void drop_unseen(struct loader *loader, enum loader_mode mode, bool *changed)
{
	size_t kept = 0;

	for (size_t i = 0; i < loader->nzones; i++) {
		struct loaded_zone *zone = loader->zones[i];

		if (zone->inner->seen || mode == LOADER_WATCH) {
			zone->gone = !zone->inner->seen;
			loader->zones[kept++] = zone;
			continue;
		}
		*changed = *changed || zone->zone != NULL;
		log_notice("zone_file=%s state=unloaded reason=\"the file is gone\"", zone->file);
		zone_drop(zone);
	}
	loader->nzones = kept;
}

/* ---- has it changed ---- */

static bool take_stamp(const char *path, struct stamp *stamp)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	stamp->modified = st.st_mtim;
	stamp->len = st.st_size;
	stamp->inode = st.st_ino;
	return true;
}

static bool is_unchanged(const struct loaded_zone *zone)
{
	for (size_t i = 0; i < zone->inner->nstamps; i++) {
		const struct stamp *was = &zone->inner->stamps[i];
		struct stamp now = { 0 };

		if (!take_stamp(was->path, &now) || now.len != was->len || now.inode != was->inode ||
			now.modified.tv_sec != was->modified.tv_sec || now.modified.tv_nsec != was->modified.tv_nsec)
			return false;
	}
	return zone->inner->nstamps > 0;
}

static void remember_stamps(struct loaded_zone *zone, const struct stamp *before, const struct zone *read)
{
	const char *const *files;
	size_t n = read != NULL ? zone_files(read, &files) : 0;

	forget_stamps(zone);
	zone->inner->stamps = mem_alloc((n + 1) * sizeof *zone->inner->stamps);
	for (size_t i = 1; i < n; i++) {
		struct stamp *stamp = &zone->inner->stamps[zone->inner->nstamps + 1];

		stamp->path = mem_strdup(files[i]);
		if (take_stamp(files[i], stamp))
			zone->inner->nstamps++;
		else
			free(stamp->path);
	}
	/* The file's own stamp is from before it was read: a write meanwhile is seen as a change the next time. */
	zone->inner->stamps[0] = *before;
	zone->inner->stamps[0].path = mem_strdup(zone->file);
	zone->inner->nstamps++;
}

/* ---- one zone's offer ---- */

static char *copy_path(const struct loader *loader, const struct loaded_zone *zone)
{
	const char *slash = strrchr(zone->file, '/');

	return mem_printf("%s/%s", loader->copies, slash != NULL ? slash + 1 : zone->file);
}

static void offer_new(struct loader *loader, struct loaded_zone *zone)
{
	struct stamp before = { 0 };

	/* what was refused is tried again each time: the mistake may have been another zone's */
	if (!take_stamp(zone->file, &before) || (zone->standing == ZONE_LOADED && is_unchanged(zone))) {
		zone->inner->offer = zone->zone;
		return;
	}
	zone->inner->tried = true;
	report_fini(&zone->mistakes);
	zone->inner->offer = zone_load(zone->file, NULL, loader->seed, &zone->mistakes);
	remember_stamps(zone, &before, zone->inner->offer);
	zone->inner->fresh = zone->inner->offer != NULL;
}

/* The next thing to try when the offer cannot stand: what is in force, then the last good copy, then nothing. */
static void step_back(struct loader *loader, struct loaded_zone *zone, enum loader_mode mode)
{
	struct loaded_zone_inner *inner = zone->inner;
	bool was_copy = inner->copied, was_fresh = inner->fresh;

	if (was_fresh || was_copy)
		zone_unref(inner->offer);
	inner->fresh = inner->copied = false;
	inner->offer = NULL;
	if (was_fresh && zone->zone != NULL) {
		inner->offer = zone->zone;
	} else if (mode == LOADER_START && !was_copy) {
		struct report ignored = { 0 };
		char *path = copy_path(loader, zone);

		inner->offer = zone_load(path, NULL, loader->seed, &ignored);
		inner->copied = inner->offer != NULL;
		report_fini(&ignored);
		free(path);
	}
}

/* ---- the set ---- */

static bool file_is_of(const struct zone *zone, const char *file)
{
	const char *const *files;
	size_t n = zone_files(zone, &files);

	for (size_t i = 0; i < n; i++)
		if (strcmp(files[i], file) == 0)
			return true;
	return false;
}

static bool is_named(const struct report *report, const struct zone *zone)
{
	for (size_t i = 0; i < report->nlines; i++)
		if (report->lines[i].kind == REPORT_MISTAKE && file_is_of(zone, report->lines[i].file))
			return true;
	return false;
}

static void keep_mistakes(const struct report *from, struct report *to)
{
	for (size_t i = 0; i < from->nlines; i++)
		report_add(
			to, from->lines[i].kind, from->lines[i].file, from->lines[i].line, "%s", from->lines[i].text);
}

/* The set does not link: take steps back. False when there is nothing left to step back from. */
static bool retreat(struct loader *loader, enum loader_mode mode, struct report *report)
{
	bool named = false, any = false;

	for (int pass = 0; pass < 3 && !any; pass++)
		for (size_t i = 0; i < loader->nzones; i++) {
			struct loaded_zone *zone = loader->zones[i];
			struct loaded_zone_inner *inner = zone->inner;

			if (inner->offer == NULL)
				continue;
			named = is_named(report, inner->offer);
			/* first what is new and named, then all that is new, then whatever is named */
			if (pass == 0       ? !(named && (inner->fresh || inner->copied))
				: pass == 1 ? !inner->fresh
					    : !named)
				continue;
			keep_mistakes(report, &zone->mistakes);
			step_back(loader, zone, mode);
			any = true;
		}
	return any;
}

static struct zone_set *link_offers(struct loader *loader, struct report *report)
{
	struct zone **zones = mem_alloc((loader->nzones + 1) * sizeof(struct zone *));
	struct zone_set *set;
	size_t n = 0;

	for (size_t i = 0; i < loader->nzones; i++)
		if (loader->zones[i]->inner->offer != NULL)
			zones[n++] = loader->zones[i]->inner->offer;
	set = zone_set_link(zones, n, loader->seed, report);
	free(zones);
	return set;
}

static void keep_copy(const struct loader *loader, const struct loaded_zone *zone)
{
	char *path = copy_path(loader, zone);
	struct buf text = { 0 };
	struct err err;

	zone_print(zone->zone, &text);
	if (!file_replace(path, text.text, text.len, 0640, &err))
		log_error("zone_file=%s state=no-last-good-copy reason=\"%s\"", zone->file, err.text);
	buf_fini(&text);
	free(path);
}

bool loader_keep_copy(struct loader *loader)
{
	for (; loader->next_copy < loader->nzones; loader->next_copy++) {
		struct loaded_zone *zone = loader->zones[loader->next_copy];

		if (!zone->inner->uncopied)
			continue;
		zone->inner->uncopied = false;
		keep_copy(loader, zone);
		return true;
	}
	return false;
}

static void log_mistakes(const struct loaded_zone *zone)
{
	char line[1400];

	for (size_t i = 0; i < zone->mistakes.nlines; i++) {
		report_format(&zone->mistakes.lines[i], line, sizeof line);
		log_at(zone->mistakes.lines[i].kind == REPORT_MISTAKE ? LOG_ERROR : LOG_WARNING, "%s", line);
	}
}

static void settle(struct loaded_zone *zone, uint64_t now_ms, bool *changed)
{
	struct loaded_zone_inner *inner = zone->inner;
	bool other = inner->offer != zone->zone;

	if (other) {
		zone_unref(zone->zone);
		zone->zone = inner->offer;
		zone->loaded_ms = now_ms;
		*changed = true;
	}
	if (zone->mistakes.nmistakes == 0)
		zone->standing = ZONE_LOADED;
	else
		zone->standing = zone->zone != NULL ? ZONE_LAST_GOOD : ZONE_REFUSED;
	if (inner->fresh) {
		inner->uncopied = true;
		log_mistakes(zone); /* warnings */
		log_notice("zone_file=%s state=loaded serial=%u names=%zu services=%zu pools=%zu", zone->file,
			zone->zone->serial, zone->zone->nnodes, zone->zone->nservices, zone->zone->npools);
	} else if (zone->standing != ZONE_LOADED && inner->tried) {
		log_mistakes(zone);
		log_error("zone_file=%s state=refused mistakes=%zu served=\"%s\"", zone->file, zone->mistakes.nmistakes,
			zone->zone == NULL ? "nothing: there is no last good copy"
			: inner->copied    ? "the last good copy"
					   : "what was loaded before");
	}
	inner->fresh = inner->copied = inner->seen = inner->tried = false;
	inner->offer = NULL;
}

struct zone_set *loader_load(
	struct loader *loader, enum loader_mode mode, uint64_t now_ms, bool *changed, struct err *err)
{
	struct zone_set *set;

	*changed = false;
	if (!list_folder(loader, err))
		return NULL;
	drop_unseen(loader, mode, changed);
	for (size_t i = 0; i < loader->nzones; i++) {
		offer_new(loader, loader->zones[i]);
		if (loader->zones[i]->inner->offer == NULL) {
			loader->zones[i]->inner->fresh = true; /* a refused file is new too: step back from it */
			step_back(loader, loader->zones[i], mode);
		}
	}
	for (;;) {
		struct report report = { 0 };
		bool retreated;

		set = link_offers(loader, &report);
		retreated = set != NULL || retreat(loader, mode, &report);
		report_fini(&report);
		if (set != NULL)
			break;
		assert(retreated); /* no zones at all always link */
	}
	for (size_t i = 0; i < loader->nzones; i++)
		settle(loader->zones[i], now_ms, changed);
	loader->next_copy = 0;
	return set;
}

struct zone_set *loader_relink(struct loader *loader)
{
	struct report report = { 0 };
	struct zone_set *set;

	for (size_t i = 0; i < loader->nzones; i++)
		loader->zones[i]->inner->offer = loader->zones[i]->zone;
	set = link_offers(loader, &report);
	for (size_t i = 0; i < loader->nzones; i++)
		loader->zones[i]->inner->offer = NULL;
	assert(set != NULL); /* it linked before */
	report_fini(&report);
	return set;
}

struct zones_view *loader_view(const struct loader *loader)
{
	struct zones_view *view = mem_alloc(sizeof *view);

	view->nzones = loader->nzones;
	view->zones = mem_alloc((loader->nzones + 1) * sizeof *view->zones);
	for (size_t i = 0; i < loader->nzones; i++) {
		const struct loaded_zone *from = loader->zones[i];
		struct loaded_zone *to = &view->zones[i];

		*to = (struct loaded_zone){ .file = mem_strdup(from->file),
			.zone = from->zone != NULL ? zone_ref(from->zone) : NULL,
			.standing = from->standing,
			.loaded_ms = from->loaded_ms,
			.gone = from->gone };
		keep_mistakes(&from->mistakes, &to->mistakes);
	}
	return view;
}

void zones_view_free(struct zones_view *view)
{
	if (view == NULL)
		return;
	for (size_t i = 0; i < view->nzones; i++) {
		zone_unref(view->zones[i].zone);
		report_fini(&view->zones[i].mistakes);
		free(view->zones[i].file);
	}
	free(view->zones);
	free(view);
}

size_t loader_zones(const struct loader *loader, const struct loaded_zone *const **zones)
{
	*zones = (const struct loaded_zone *const *)loader->zones;
	return loader->nzones;
}

void loader_remove_copies(const char *state_directory)
{
	char *folder = mem_printf("%s/zones", state_directory);
	DIR *copies = opendir(folder);
	struct dirent *entry;

	while (copies != NULL && (entry = readdir(copies)) != NULL) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		unlink(path);
		free(path);
	}
	if (copies != NULL)
		closedir(copies);
	rmdir(folder);
	rmdir(state_directory);
	free(folder);
}
