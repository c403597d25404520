/* One request, one reply, over the socket of gslbd or gslb-relay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "gslb/ctl.h"

enum { REPLY_MAX = 128 << 20, PATIENCE_S = 120 /* a reload of many zones takes its time */ };

/* A connected socket, or -1. */
static int dial(const char *path, const char *program, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, why;

	if (strlen(path) >= sizeof at.sun_path) {
		err_set(err, "%s: too long for a socket (at most %zu bytes)", path, sizeof at.sun_path - 1);
		return -1;
	}
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err_set(err, "%s: %s", path, strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	why = errno;
	close(fd);
	if (why == ENOENT || why == ECONNREFUSED)
		err_set(err, "%s: no %s listens there (is it running? -s SOCKET names another)", path, program);
	else if (why == EACCES || why == EPERM)
		err_set(err, "%s: you may not use it (try as root, or as a member of the group in gslb.yaml)", path);
	else
		err_set(err, "%s: %s", path, strerror(why));
	return -1;
}

static bool send_request(
	int fd, const char *path, const char *program, const char *command, const json_t *args, struct err *err)
{
	json_t *request = json_pack("{s:s, s:O}", "command", command, "args", args);
	char *text = json_dumps(request, JSON_COMPACT);
	struct buf line = { 0 };
	size_t sent = 0;

	buf_printf(&line, "%s\n", text);
	json_decref(request);
	free(text);
	while (sent < line.len) {
		ssize_t n = send(fd, line.text + sent, line.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* it may have sent us away with a sentence: the reply tells */
		sent += (size_t)n;
	}
	buf_fini(&line);
	return sent > 0 || err_set(err, "%s: %s closed the connection", path, program);
}

static bool receive_line(int fd, const char *path, const char *program, struct buf *line, struct err *err)
{
	char chunk[65536];

	while (line->len < REPLY_MAX) {
		ssize_t n = recv(fd, chunk, sizeof chunk, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return err_set(err, "%s: %s has not answered for %d s", path, program, PATIENCE_S);
		if (n <= 0)
			return err_set(err, "%s: %s closed the connection without an answer", path, program);
		buf_add(line, chunk, (size_t)n);
		if (memchr(chunk, '\n', (size_t)n) != NULL)
			return true;
	}
	return err_set(err, "%s: the answer is larger than %d MiB", path, REPLY_MAX >> 20);
}

static const char *program_of(bool relay)
{
	return relay ? "gslb-relay" : "gslbd";
}

int ctl_begin(const char *socket, bool relay, const char *command, const json_t *args, struct err *err)
{
	int fd = dial(socket, program_of(relay), err);

	/* also when sending failed: a daemon that sends one away says why before it closes */
	if (fd >= 0)
		send_request(fd, socket, program_of(relay), command, args, err);
	return fd;
}

json_t *ctl_finish(int fd, const char *socket, bool relay, struct err *err)
{
	struct buf line = { 0 };
	json_t *reply = NULL;

	if (receive_line(fd, socket, program_of(relay), &line, err)) {
		reply = json_loadb(line.text, line.len, JSON_DISABLE_EOF_CHECK, NULL);
		if (!json_is_object(reply)) {
			json_decref(reply);
			reply = NULL;
			err_set(err, "%s: what listens there does not speak the language of %s", socket,
				program_of(relay));
		}
	}
	buf_fini(&line);
	close(fd);
	return reply;
}

void ctl_leave(int fd)
{
	close(fd);
}

json_t *ctl_ask(const char *socket, bool relay, const char *command, const json_t *args, struct err *err)
{
	int fd = ctl_begin(socket, relay, command, args, err);

	return fd >= 0 ? ctl_finish(fd, socket, relay, err) : NULL;
}
