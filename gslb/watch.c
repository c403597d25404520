/* Editors write in several steps and copies take their time: a change counts when the folder has been still for a second. */
#include "gslb/watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	STILL_MS = 1000,
	EVENTS = IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB
};

struct watched_file {
	int folder; /* watch descriptor */
	char *name;
};

struct watch {
	int fd, zones;
	struct watched_file *files;
	size_t nfiles;
	uint64_t changed_ms; /* monotonic; 0: nothing to report */
};

struct watch *watch_new(const char *directory, const char *const *files, size_t nfiles)
{
	struct watch *watch = mem_alloc(sizeof *watch);

	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->zones = directory != NULL ? inotify_add_watch(watch->fd, directory, EVENTS) : -1;
	watch->files = mem_alloc((nfiles + 1) * sizeof *watch->files);
	for (size_t i = 0; i < nfiles; i++) {
		const char *slash = strrchr(files[i], '/');
		char *folder =
			slash != NULL ? mem_printf("%.*s", (int)(slash - files[i] + 1), files[i]) : mem_strdup(".");

		watch->files[watch->nfiles].folder = inotify_add_watch(watch->fd, folder, EVENTS);
		watch->files[watch->nfiles++].name = mem_strdup(slash != NULL ? slash + 1 : files[i]);
		free(folder);
	}
	return watch;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	for (size_t i = 0; i < watch->nfiles; i++)
		free(watch->files[i].name);
	free(watch->files);
	close(watch->fd);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}

/* Swap files and hidden ones of editors come and go without meaning. */
static bool matters(const struct watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (event->len == 0)
		return false;
	for (size_t i = 0; i < watch->nfiles; i++)
		if (event->wd == watch->files[i].folder && strcmp(event->name, watch->files[i].name) == 0)
			return true;
	return event->wd == watch->zones && event->name[0] != '.' && event->name[strlen(event->name) - 1] != '~';
}

static void take_events(struct watch *watch, uint64_t monotonic_ms)
{
	_Alignas(struct inotify_event) char events[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t len;

	while ((len = read(watch->fd, events, sizeof events)) > 0) {
		const struct inotify_event *event;

		for (char *at = events; at < events + len; at += sizeof *event + event->len) {
			event = (const struct inotify_event *)(const void *)at;
			if (matters(watch, event))
				watch->changed_ms = monotonic_ms;
		}
	}
}

void watch_forget(struct watch *watch)
{
	take_events(watch, 1);
	watch->changed_ms = 0;
}

void watch_inherit(struct watch *watch, struct watch *from, uint64_t monotonic_ms)
{
	take_events(from, monotonic_ms);
	if (from->changed_ms != 0)
		watch->changed_ms = monotonic_ms;
}

bool watch_run(struct watch *watch, uint64_t monotonic_ms, uint64_t *next_ms)
{
	take_events(watch, monotonic_ms);
	*next_ms = 0;
	if (watch->changed_ms == 0)
		return false;
	if (monotonic_ms < watch->changed_ms + STILL_MS) {
		*next_ms = watch->changed_ms + STILL_MS;
		return false;
	}
	watch->changed_ms = 0;
	return true;
}
