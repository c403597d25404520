/* A client is in one of three states: it sends a request (in grows), a command runs for it (ticket), or it takes a reply
 * (out shrinks). Only one request is in hand at a time: what else it sends stays in the kernel's buffer, which is bounded,
 * so a client that only talks and never listens costs us one line of memory. */
#include "base/control_client.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 16384 };

const char *client_line(const struct control_client *client, size_t *len)
{
	const char *end = client->in.len > 0 ? memchr(client->in.text, '\n', client->in.len) : NULL;

	if (end == NULL)
		return NULL;
	*len = (size_t)(end - client->in.text);
	return client->in.text;
}

void client_next(struct control_client *client, size_t len)
{
	buf_drop(&client->in, len + 1);
	if (client->in.len == 0)
		buf_fini(&client->in); /* a long request's memory does not stay */
}

enum client_step client_receive(struct control_client *client, uint64_t now_ms)
{
	char chunk[CHUNK];
	ssize_t n;

	n = recv(client->fd, chunk, sizeof chunk, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? CLIENT_WAIT : CLIENT_CLOSED;
	if (n == 0) {
		client->ended = true;
		return CLIENT_WAIT;
	}
	client->active_ms = now_ms;
	buf_add(&client->in, chunk, (size_t)n);
	if (client->in.len > CONTROL_LINE_MAX && memchr(client->in.text, '\n', CONTROL_LINE_MAX) == NULL)
		return CLIENT_TOO_LONG;
	return CLIENT_WAIT;
}

enum client_step client_send(struct control_client *client, uint64_t now_ms)
{
	while (client->sent < client->out.len) {
		ssize_t n = send(client->fd, client->out.text + client->sent, client->out.len - client->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? CLIENT_WAIT : CLIENT_CLOSED;
		client->sent += (size_t)n;
		client->active_ms = now_ms;
	}
	buf_fini(&client->out);
	client->sent = 0;
	return client->closing ? CLIENT_CLOSED : CLIENT_WAIT;
}

static int append(const char *bytes, size_t len, void *context)
{
	struct buf *out = context;

	if (out->len + len > CONTROL_REPLY_MAX)
		return -1;
	buf_add(out, bytes, len);
	return 0;
}

void client_reply(struct control_client *client, json_t *document)
{
	struct buf line = { 0 };

	if (json_dump_callback(document, append, &line, JSON_COMPACT) == 0) {
		buf_add(&client->out, line.text, line.len);
		buf_add(&client->out, "\n", 1);
	} else {
		client_reply_error(client, "the reply is too large (ask for less with a filter)");
	}
	buf_fini(&line);
}

void client_reply_error(struct control_client *client, const char *sentence)
{
	json_t *document = json_pack("{s:b, s:i, s:s}", "ok", 0, "exit", 1, "error", sentence);

	client_reply(client, document);
	json_decref(document);
}

uint32_t client_wants(const struct control_client *client)
{
	size_t len;

	if (client->sent < client->out.len)
		return EPOLLOUT;
	if (client->ticket != 0)
		return 0;
	/* a request that is here already is taken up when the socket can take its reply: in the next round */
	if (client_line(client, &len) != NULL)
		return EPOLLOUT;
	return EPOLLIN;
}

uint64_t client_deadline(const struct control_client *client)
{
	bool talking = client->in.len > 0 && client->ticket == 0, listening = client->sent < client->out.len;

	return talking || listening ? client->active_ms + CONTROL_STALL_MS : 0;
}

bool client_identify(int fd, struct control_peer *peer, gid_t *gid)
{
	struct ucred who;
	socklen_t len = sizeof who;
	const struct passwd *entry;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return false;
	*peer = (struct control_peer){ .uid = who.uid };
	*gid = who.gid;
	entry = getpwuid(who.uid);
	if (entry != NULL)
		snprintf(peer->name, sizeof peer->name, "%s", entry->pw_name);
	else
		snprintf(peer->name, sizeof peer->name, "%u", (unsigned)who.uid);
	return true;
}

bool client_has_group(int fd, gid_t gid, gid_t group)
{
	socklen_t len = 64 * sizeof(gid_t);
	gid_t *groups = mem_alloc(len);
	int got = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	bool member = gid == group;

	if (got != 0 && errno == ERANGE) {
		groups = mem_resize(groups, len); /* the kernel said how much it takes */
		got = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	}
	for (size_t i = 0; got == 0 && i < len / sizeof(gid_t) && !member; i++)
		member = groups[i] == group;
	free(groups);
	return member;
}

void client_close(struct control_client *client)
{
	close(client->fd);
	buf_fini(&client->in);
	buf_fini(&client->out);
	*client = (struct control_client){ .fd = -1 };
}
