/* Requests on the control socket: whatever a client sends, each whole line is answered with a line of JSON, and at its end
 * the client is let go. */
#include <assert.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void run_echo(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)peer, (void)ticket;
	reply->result = json_deep_copy(args);
}

static const struct control_command commands[] = { { "echo", false, run_echo }, { NULL, false, NULL } };

static struct control *control;
static struct sockaddr_un at = { .sun_family = AF_UNIX };

static void end(void)
{
	control_close(control);
}

static void start(void)
{
	snprintf(at.sun_path, sizeof at.sun_path, "/tmp/gslb-fuzz-control.%ld", (long)getpid());
	control = control_open(at.sun_path, (gid_t)-1, (gid_t)-1, commands, NULL, NULL);
	assert(control != NULL);
	atexit(end);
}

static void settle(void)
{
	struct pollfd p = { .fd = control_fd(control), .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		control_run(control, 1000);
}

/* Take what is there; true once the other end closed. */
static bool drain(int fd, struct buf *replies)
{
	char chunk[65536];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
		buf_add(replies, chunk, (size_t)n);
	return n == 0;
}

static size_t count_lines(const void *bytes, size_t len)
{
	const char *text = bytes;
	size_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf replies = { 0 };
	size_t sent = 0;
	int fd;

	if (control == NULL)
		start();
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
		abort();
	while (sent < len) {
		ssize_t n = send(fd, data + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		settle();
		if (drain(fd, &replies))
			break; /* sent away: a line was too long */
	}
	shutdown(fd, SHUT_WR);
	do
		settle();
	while (!drain(fd, &replies));
	assert(sent < len || count_lines(replies.text, replies.len) == count_lines(data, len));
	for (size_t i = 0, next; i < replies.len; i = next) {
		size_t line = (size_t)((char *)memchr(replies.text + i, '\n', replies.len - i) - (replies.text + i));
		json_t *reply = json_loadb(replies.text + i, line, 0, NULL);

		assert(json_is_object(reply));
		json_decref(reply);
		next = i + line + 1;
	}
	close(fd);
	settle();
	buf_fini(&replies);
	return 0;
}
