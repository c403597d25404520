#include "base/state_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { RETRY_MS = 100, RETRY_MAX_MS = 2000, PACKETS_A_TURN = 256, TROUBLE_MAX = 256 };

struct state_client {
	char *path;
	unsigned kinds;
	struct state_client_ops ops;
	int fd;
	bool welcome, bus;
	uint64_t epoch, seq[STATE_KINDS];
	uint64_t retry_at_ms, retry_ms;
	char region[STATE_LABEL_MAX], node[STATE_LABEL_MAX];
	char trouble[TROUBLE_MAX];
	uint8_t packet[STATE_PACKET_MAX];
};

struct state_client *state_client_new(
	const char *relay_socket, unsigned kinds, uint64_t epoch, const struct state_client_ops *ops)
{
	struct state_client *client = mem_alloc(sizeof *client);

	client->path = state_socket(relay_socket);
	client->kinds = kinds;
	client->ops = *ops;
	client->fd = -1;
	client->epoch = epoch;
	client->retry_ms = RETRY_MS;
	return client;
}

void state_client_free(struct state_client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->path);
	free(client);
}

static void tell(struct state_client *client)
{
	const struct state_link link = {
		.relay = client->welcome,
		.bus = client->bus,
		.region = client->region,
		.node = client->node,
		.trouble = client->trouble,
	};

	client->ops.link(client->ops.arg, &link);
}

static void lose(struct state_client *client, const char *why, size_t len, uint64_t now_ms)
{
	char trouble[TROUBLE_MAX];
	bool news;

	snprintf(trouble, sizeof trouble, "%s: %.*s", client->path, (int)len, why);
	news = client->welcome || strcmp(trouble, client->trouble) != 0;
	memcpy(client->trouble, trouble, sizeof trouble);
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->welcome = client->bus = false;
	client->region[0] = client->node[0] = '\0';
	client->retry_at_ms = now_ms + client->retry_ms;
	client->retry_ms = client->retry_ms * 2 < RETRY_MAX_MS ? client->retry_ms * 2 : RETRY_MAX_MS;
	if (news)
		tell(client);
}

static void lose_for(struct state_client *client, const char *why, uint64_t now_ms)
{
	lose(client, why, strlen(why), now_ms);
}

static void reach(struct state_client *client, uint64_t now_ms)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const uint8_t hello[2] = { STATE_HELLO, (uint8_t)client->kinds };

	if (strlen(client->path) >= sizeof at.sun_path) {
		lose_for(client, "too long for a socket", now_ms);
		return;
	}
	memcpy(at.sun_path, client->path, strlen(client->path));
	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&at, sizeof at) != 0)
		lose_for(client, strerror(errno), now_ms);
	else
		(void)!send(client->fd, hello, sizeof hello, MSG_NOSIGNAL); /* why it is refused is there to be read */
}

/* ---- in ---- */

static void take_welcome(struct state_client *client, const char *text, size_t len, uint64_t now_ms)
{
	char copy[2 * STATE_LABEL_MAX + 1];

	snprintf(copy, sizeof copy, "%.*s", (int)(len > 0 ? len - 1 : 0), len > 0 ? text + 1 : "");
	if (sscanf(copy, "%63s %63s", client->region, client->node) != 2) {
		lose_for(client, "what listens there does not speak gslb-relay's language", now_ms);
		return;
	}
	client->bus = text[0] == '1';
	client->welcome = true;
	client->retry_ms = RETRY_MS;
	client->trouble[0] = '\0';
	tell(client);
}

static void take_heard(struct state_client *client, const uint8_t *bytes, size_t len)
{
	struct state_said said;

	if (len < 4 || !state_parse(bytes + 4, len - 4, &said))
		return;
	said.age_ms =
		(uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
	client->ops.said(client->ops.arg, &said);
}

static void take(struct state_client *client, size_t len, uint64_t now_ms)
{
	const uint8_t *packet = client->packet;

	if (packet[0] == STATE_WELCOME)
		take_welcome(client, (const char *)packet + 1, len - 1, now_ms);
	else if (packet[0] == STATE_HEARD)
		take_heard(client, packet + 1, len - 1);
	else if (packet[0] == STATE_REFUSED)
		lose(client, (const char *)packet + 1, len - 1, now_ms);
}

/* Returns whether there may be more. */
static bool pull_in(struct state_client *client, uint64_t now_ms)
{
	for (unsigned i = 0; i < PACKETS_A_TURN && client->fd >= 0; i++) {
		ssize_t n = recv(client->fd, client->packet, sizeof client->packet, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n <= 0)
			lose_for(client, n < 0 ? strerror(errno) : "gslb-relay is away", now_ms);
		else
			take(client, (size_t)n, now_ms);
	}
	return client->fd >= 0;
}

int state_client_fd(const struct state_client *client)
{
	return client->fd;
}

uint64_t state_client_run(struct state_client *client, uint64_t now_ms)
{
	if (client->fd < 0 && now_ms >= client->retry_at_ms)
		reach(client, now_ms);
	if (client->fd >= 0 && pull_in(client, now_ms))
		return now_ms;
	return client->fd >= 0 ? UINT64_MAX : client->retry_at_ms;
}

/* ---- out ---- */

bool state_client_say(struct state_client *client, enum state_kind kind, bool full, unsigned part, unsigned nparts,
	const void *body, size_t len)
{
	struct state_said said = {
		.kind = kind,
		.region = "-",
		.node = "-",
		.epoch = client->epoch,
		.seq = ++client->seq[kind],
		.full = full,
		.part = (uint16_t)part,
		.nparts = (uint16_t)nparts,
		.body = body,
		.len = len,
	};

	uint8_t packet[STATE_PACKET_MAX]; /* not the client's: the caller may say something while it hears something */

	if (client->fd < 0 || !client->welcome)
		return false;
	packet[0] = STATE_SAY;
	len = 1 + state_format(&said, packet + 1);
	return send(client->fd, packet, len, MSG_NOSIGNAL) >= 0; /* what ended is seen by the next recv */
}
