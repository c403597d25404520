/* line - a connection to gslb-relay's socket that carries one request at a time and its answer. Made when there is something to ask, kept,
 * and made again with pauses of 0.1 to 2 s. Never blocks. Main thread. */
#ifndef GSLB_LINE_H
#define GSLB_LINE_H

#include <jansson.h>

#include "base/base.h"

struct line {
	char *path; /* of its own: a reload frees what it came from */
	int fd;     /* -1: not connected */
	struct buf out, in;
	size_t sent;  /* of out */
	bool waiting; /* a request is under way */
	uint64_t deadline_ms, retry_at_ms, retry_ms;
	char trouble[256]; /* why the last connection was lost; "" once an answer came */
};

void line_init(struct line *line, const char *path);
void line_fini(struct line *line);
/* May it be asked now? Not while an answer is awaited, nor in a pause after a failure. */
bool line_is_free(const struct line *line, uint64_t now_ms);
/* Ask (the request is the line's now): answered within patience_ms, or lost. False with `trouble` set: nobody listens there. */
bool line_ask(struct line *line, const char *command, json_t *args, uint64_t patience_ms, uint64_t now_ms);
/* Send and receive what can be. LINE_ANSWERED: *answer is a new reference. LINE_LOST: a request was under way, and is gone; trouble says why.
 * *next_ms: when to call again at the latest, if nothing comes. */
enum line_event { LINE_NOTHING, LINE_ANSWERED, LINE_LOST };
enum line_event line_run(struct line *line, uint64_t now_ms, json_t **answer, uint64_t *next_ms);
short line_events(const struct line *line); /* POLLIN, POLLOUT */
/* Have epoll watch a descriptor (-1: none) for these, whether it did or not: a closed one leaves it by itself, and another may have its
 * number. */
void line_watch(int epoll, int fd, short events);

#endif
