#include "relay/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITEMS_SHOWN = 3 };

struct audit {
	char *path;
	struct buf taken, refused;
	uint64_t second, nrefused, held, failures;
};

struct audit *audit_new(const char *directory)
{
	struct audit *audit = mem_alloc(sizeof *audit);

	audit->path = mem_printf("%s/relay-audit.log", directory);
	return audit;
}

/* ---- lines ---- */

/* Texts that passed the gate are shown; keys may have bytes that are no UTF-8, and are then left out. */
static json_t *items_json(const struct event *event)
{
	json_t *list = json_array();

	for (size_t i = 0; i < event->nitems && i < ITEMS_SHOWN; i++)
		if (event->items[i].text != NULL)
			json_array_append_new(list, json_string(event->items[i].text));
	return list;
}

static json_t *line_json(const char *what, const struct audit_who *who, uint64_t wall_ms)
{
	char at[CLOCK_TEXT_MAX];

	return json_pack("{s:s,s:s,s:s,s:s}", "at", clock_format(wall_ms, at), "event", what, "by", who->by, "actor",
		who->actor);
}

static void add_event(json_t *line, const struct event *event)
{
	char id[EVENT_ID_MAX];

	if (event->oseq != 0)
		json_object_set_new(line, "id", json_string(event_id(event, id)));
	json_object_set_new(line, "class", json_string(event_class_name(event->class)));
	json_object_set_new(line, "items", json_integer((json_int_t)event->nitems));
	json_object_set_new(line, "first", items_json(event));
	if (event->why != NULL && event->why[0] != '\0')
		json_object_set_new(line, "why", json_string(event->why));
}

static void put(struct buf *buf, json_t *line)
{
	char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;

	if (text != NULL)
		buf_printf(buf, "%s\n", text);
	free(text);
	json_decref(line);
}

void audit_taken(struct audit *audit, const struct audit_who *who, const struct event *event, uint64_t wall_ms)
{
	json_t *line = line_json("taken", who, wall_ms);

	add_event(line, event);
	put(&audit->taken, line);
}

/* What was held back in a second is said with the first of the next one. */
void audit_refused(struct audit *audit, const struct audit_who *who, const struct event *event, const char *reason,
	uint64_t wall_ms)
{
	json_t *line;

	if (audit->second != wall_ms / 1000) {
		audit->second = wall_ms / 1000;
		audit->nrefused = 0;
	}
	if (audit->nrefused++ >= AUDIT_REFUSED_MAX) {
		audit->held++;
		return;
	}
	line = line_json("refused", who, wall_ms);
	json_object_set_new(line, "reason", json_string(reason));
	if (event != NULL && event->nitems > 0)
		add_event(line, event);
	if (audit->held > 0)
		json_object_set_new(line, "held", json_integer((json_int_t)audit->held));
	audit->held = 0;
	put(&audit->refused, line);
}

/* ---- the file ---- */

static void rotate(const struct audit *audit)
{
	struct stat st;

	if (stat(audit->path, &st) != 0 || st.st_size < AUDIT_FILE_MAX)
		return;
	for (int i = AUDIT_OLDER - 1; i >= 0; i--) {
		char *from = i > 0 ? mem_printf("%s.%d", audit->path, i) : mem_strdup(audit->path);
		char *to = mem_printf("%s.%d", audit->path, i + 1);

		if (rename(from, to) != 0 && errno != ENOENT)
			log_error("audit=not-renamed file=%s reason=\"%s\"", from, strerror(errno));
		free(from);
		free(to);
	}
}

/* A line that does not fit is taken back, so that what follows is not glued to half of it. */
static bool append(const struct audit *audit, const struct buf *lines)
{
	int fd = open(audit->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	struct stat before;
	bool good = fd >= 0 && fstat(fd, &before) == 0 && file_write_all(fd, lines->text, lines->len);
	int error = errno;

	if (!good && fd >= 0 && ftruncate(fd, before.st_size) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return good;
}

static void write_lines(struct audit *audit, struct buf *lines)
{
	static struct log_limit limit;
	unsigned held;

	if (lines->len == 0)
		return;
	rotate(audit);
	if (!append(audit, lines)) {
		audit->failures++;
		if (log_allowed(&limit, clock_monotonic_ms(), &held))
			log_error(
				"audit=not-written file=%s reason=\"%s\" held=%u", audit->path, strerror(errno), held);
	}
	buf_fini(lines);
	*lines = (struct buf){ 0 };
}

void audit_settle(struct audit *audit, bool committed)
{
	if (!committed) {
		buf_fini(&audit->taken);
		audit->taken = (struct buf){ 0 };
	}
	write_lines(audit, &audit->taken);
	write_lines(audit, &audit->refused);
}

void audit_free(struct audit *audit)
{
	if (audit == NULL)
		return;
	audit_settle(audit, false);
	buf_fini(&audit->taken);
	buf_fini(&audit->refused);
	free(audit->path);
	free(audit);
}

uint64_t audit_failures(const struct audit *audit)
{
	return audit->failures;
}
