#include "gslb/line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { RETRY_MS = 100, RETRY_MAX_MS = 2000, ANSWER_MAX = 4 << 20, CHUNK = 16384 };

void line_init(struct line *line, const char *path)
{
	*line = (struct line){ .path = mem_strdup(path), .fd = -1, .retry_ms = RETRY_MS };
}

static void hang_up(struct line *line)
{
	if (line->fd >= 0)
		close(line->fd);
	line->fd = -1;
	line->waiting = false;
	line->sent = 0;
	buf_fini(&line->out);
	buf_fini(&line->in);
}

void line_fini(struct line *line)
{
	hang_up(line);
	free(line->path);
}

bool line_is_free(const struct line *line, uint64_t now_ms)
{
	return !line->waiting && (line->fd >= 0 || now_ms >= line->retry_at_ms);
}

short line_events(const struct line *line)
{
	return (short)(POLLIN | (line->sent < line->out.len ? POLLOUT : 0));
}

void line_watch(int epoll, int fd, short events)
{
	struct epoll_event event = { .events = (uint32_t)events };

	if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void lose(struct line *line, const char *why, uint64_t now_ms)
{
	snprintf(line->trouble, sizeof line->trouble, "%.150s: %.90s", line->path, why);
	hang_up(line);
	line->retry_at_ms = now_ms + line->retry_ms;
	line->retry_ms = line->retry_ms * 2 < RETRY_MAX_MS ? line->retry_ms * 2 : RETRY_MAX_MS;
}

/* ---- asking ---- */

static bool dial(struct line *line, uint64_t now_ms)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(line->path) >= sizeof at.sun_path) {
		lose(line, "too long for a socket", now_ms);
		return false;
	}
	memcpy(at.sun_path, line->path, strlen(line->path));
	line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (line->fd >= 0 && connect(line->fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return true;
	lose(line, errno == ENOENT || errno == ECONNREFUSED ? "nobody listens there" : strerror(errno), now_ms);
	return false;
}

static bool push_out(struct line *line, uint64_t now_ms)
{
	while (line->sent < line->out.len) {
		ssize_t n = send(line->fd, line->out.text + line->sent, line->out.len - line->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			lose(line, strerror(errno), now_ms);
			return false;
		}
		line->sent += (size_t)n;
	}
	return true;
}

/* A connection that the other end closed while nothing was asked is made again at once. */
bool line_ask(struct line *line, const char *command, json_t *args, uint64_t patience_ms, uint64_t now_ms)
{
	json_t *request = json_pack("{s:s,s:o}", "command", command, "args", args);
	char *text = json_dumps(request, JSON_COMPACT);
	bool kept = line->fd >= 0;

	json_decref(request);
	buf_drop(&line->out, line->out.len);
	line->sent = 0;
	if (kept || dial(line, now_ms)) {
		buf_printf(&line->out, "%s\n", text);
		if (!push_out(line, now_ms) && kept && dial(line, now_ms)) {
			buf_printf(&line->out, "%s\n", text);
			push_out(line, now_ms);
		}
	}
	free(text);
	line->waiting = line->fd >= 0;
	line->deadline_ms = now_ms + patience_ms;
	return line->waiting;
}

/* ---- being answered ---- */

static bool pull_in(struct line *line, uint64_t now_ms)
{
	char chunk[CHUNK];

	for (;;) {
		ssize_t n = recv(line->fd, chunk, sizeof chunk, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0 || line->in.len + (size_t)n > ANSWER_MAX) {
			lose(line,
				n < 0    ? strerror(errno)
				: n == 0 ? "it closed the connection"
					 : "its answer has no end",
				now_ms);
			return false;
		}
		buf_add(&line->in, chunk, (size_t)n);
		if (memchr(chunk, '\n', (size_t)n) != NULL)
			return true;
	}
}

static enum line_event take_answer(struct line *line, uint64_t now_ms, json_t **answer)
{
	const char *end = line->in.len > 0 ? memchr(line->in.text, '\n', line->in.len) : NULL;
	bool waited = line->waiting;

	if (end == NULL)
		return LINE_NOTHING;
	*answer = json_loadb(line->in.text, (size_t)(end - line->in.text), 0, NULL);
	if (!waited || !json_is_object(*answer)) {
		json_decref(*answer);
		*answer = NULL;
		lose(line, "what listens there does not speak gslb-relay's language", now_ms);
		return waited ? LINE_LOST : LINE_NOTHING;
	}
	buf_drop(&line->in, (size_t)(end - line->in.text) + 1);
	line->waiting = false;
	line->retry_ms = RETRY_MS;
	line->trouble[0] = '\0';
	return LINE_ANSWERED;
}

enum line_event line_run(struct line *line, uint64_t now_ms, json_t **answer, uint64_t *next_ms)
{
	bool waited = line->waiting;
	enum line_event event;

	if (line->fd < 0)
		return LINE_NOTHING;
	if (!push_out(line, now_ms) || !pull_in(line, now_ms))
		return waited ? LINE_LOST : LINE_NOTHING;
	event = take_answer(line, now_ms, answer);
	if (event != LINE_NOTHING || !line->waiting)
		return event;
	if (now_ms >= line->deadline_ms) {
		lose(line, "no answer in time", now_ms);
		return LINE_LOST;
	}
	*next_ms = line->deadline_ms < *next_ms ? line->deadline_ms : *next_ms;
	return LINE_NOTHING;
}
