#include "relay/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool wait_for(const struct wire *wire, short events, struct err *err)
{
	struct pollfd poller = { wire->fd, events, 0 };

	for (;;) {
		uint64_t now_ms = clock_monotonic_ms();
		int left_ms = now_ms < wire->deadline_ms ? (int)(wire->deadline_ms - now_ms) : 0;
		int n = poll(&poller, 1, left_ms);

		if (n > 0)
			return true;
		if (n == 0)
			return err_set(err, "no answer in time");
		if (errno != EINTR)
			return err_set(err, "%s", strerror(errno));
	}
}

void wire_timeout(struct wire *wire, uint32_t timeout_ms)
{
	wire->deadline_ms = clock_monotonic_ms() + timeout_ms;
}

/* ---- opening ---- */

static bool address_of(const char *to, struct sockaddr_storage *at, socklen_t *len, struct err *err)
{
	char text[ADDR_TEXT_MAX];
	const char *sign = strrchr(to, '@');
	struct addr addr;
	uint64_t port;

	if (to[0] == '/') {
		struct sockaddr_un *un = (struct sockaddr_un *)at;

		if (strlen(to) >= sizeof un->sun_path)
			return err_set(err, "%s: a socket's path has at most %zu bytes", to, sizeof un->sun_path - 1);
		*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
		memcpy(un->sun_path, to, strlen(to));
		*len = sizeof *un;
		return true;
	}
	if (sign == NULL || (size_t)(sign - to) >= sizeof text || !number_parse(sign + 1, 1, 65535, &port))
		return err_set(err, "%s: neither a path nor ADDRESS@PORT", to);
	memcpy(text, to, (size_t)(sign - to));
	text[sign - to] = '\0';
	if (!addr_parse(text, &addr))
		return err_set(err, "%s: neither a path nor ADDRESS@PORT", to);
	*len = addr_to_sockaddr(&addr, (uint16_t)port, at);
	return true;
}

static bool connect_to(struct wire *wire, const struct sockaddr_storage *at, socklen_t len, struct err *err)
{
	int error = 0, one = 1;
	socklen_t size = sizeof error;

	wire->fd = socket(at->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (wire->fd < 0)
		return err_set(err, "%s", strerror(errno));
	if (at->ss_family != AF_UNIX)
		setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(wire->fd, (const struct sockaddr *)at, len) == 0)
		return true;
	if (errno != EINPROGRESS)
		return err_set(err, "%s", strerror(errno));
	if (!wait_for(wire, POLLOUT, err))
		return false;
	getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error == 0 ? true : err_set(err, "%s", strerror(error));
}

bool wire_open(struct wire *wire, const char *to, uint32_t timeout_ms, struct err *err)
{
	struct sockaddr_storage at = { 0 };
	struct err why = { .text = "" };
	socklen_t len = 0;

	wire->fd = -1;
	wire_timeout(wire, timeout_ms);
	if (!address_of(to, &at, &len, err))
		return false;
	if (connect_to(wire, &at, len, &why))
		return true;
	wire_close(wire);
	return err_set(err, "%s: %s", to, why.text);
}

void wire_close(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
}

/* ---- bytes ---- */

bool wire_send(struct wire *wire, const void *bytes, size_t len, struct err *err)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(wire->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return err_set(err, "%s", strerror(errno));
		if (n < 0 && !wait_for(wire, POLLOUT, err))
			return false;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* At least one byte, or 0 when the other side has closed; -1 with a sentence. */
static ssize_t get_some(struct wire *wire, void *bytes, size_t len, struct err *err)
{
	for (;;) {
		ssize_t n = recv(wire->fd, bytes, len, 0);

		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			err_set(err, "%s", strerror(errno));
			return -1;
		}
		if (!wait_for(wire, POLLIN, err))
			return -1;
	}
}

bool wire_get(struct wire *wire, void *bytes, size_t len, struct err *err)
{
	for (char *at = bytes; len > 0;) {
		ssize_t n = get_some(wire, at, len, err);

		if (n < 0)
			return false;
		if (n == 0)
			return err_set(err, "the connection was closed");
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool wire_line(struct wire *wire, char *line, size_t cap, struct err *err)
{
	for (size_t n = 0; n + 1 < cap; n++) {
		if (!wire_get(wire, line + n, 1, err))
			return false;
		if (line[n] == '\n') {
			line[n > 0 && line[n - 1] == '\r' ? n - 1 : n] = '\0';
			return true;
		}
	}
	return err_set(err, "the answer's line is longer than %zu bytes", cap - 1);
}

bool wire_rest(struct wire *wire, char *text, size_t cap, struct err *err)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = len + 1 < cap ? get_some(wire, text + len, cap - 1 - len, err) : 0;

		if (n < 0)
			return false;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return true;
}
