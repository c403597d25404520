/* One epoll descriptor holds the listening socket, the clients, and a timer for the next deadline, so that the daemon's loop
 * waits on a single thing. The socket's mode lets in whom the operator named; who may change things is decided by the
 * peer's credentials:
 *
 *   root, and the user the daemon runs as      everything
 *   without a read-only group: who can connect everything (mode 0660: the owner and the group)
 *   with one: the socket's group               everything
 *             the read-only group              looks
 *             anybody else                     is told so and sent away
 *
 * A file has one group, so with a read-only group the socket's mode is 0666 and the credentials alone decide. */
#include "base/control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control_client.h"

enum { CLIENTS_MAX = CONTROL_PLACES, EVENTS_MAX = 64, ACCEPTS_MAX = 64 };

/* What an epoll event is about: a client's number, or one of these. */
enum { TAG_LISTEN = CLIENTS_MAX, TAG_TIMER };

struct control {
	int epoll, listening, timer;
	char *path;
	dev_t device; /* of the socket's file: another's is not removed at the end */
	ino_t inode;
	uid_t opened_by;
	gid_t group, read_only_group;
	const struct control_command *commands;
	void *context;
	void (*refused)(void *context, const struct control_peer *peer, const char *sentence);
	uint64_t next_ticket, armed_ms;
	struct control_client clients[CLIENTS_MAX];
};

/* ---- opening ---- */

static bool make_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	bool ok;

	if (slash == NULL || slash == path)
		return true;
	folder = mem_printf("%.*s", (int)(slash - path), path);
	ok = mkdir(folder, 0755) == 0 || errno == EEXIST ||
	     err_set(err, "%s: cannot be made for the control socket: %s", folder, strerror(errno));
	free(folder);
	return ok;
}

/* A socket that nobody listens on is left from a daemon that was killed. */
static bool remove_dead(const char *path, const struct sockaddr_un *at, struct err *err)
{
	struct stat st;
	int fd, why;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || err_set(err, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			err, "%s: is there, and is not a socket: move it away or name another control.socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	why = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 ? 0 : errno;
	close(fd);
	if (why == 0 || why == EAGAIN) /* EAGAIN: it listens, and its queue is full */
		return err_set(err, "%s: another gslbd listens there: stop it or name another control.socket", path);
	if (why != ECONNREFUSED)
		return err_set(err, "%s: %s", path, strerror(why));
	return unlink(path) == 0 || errno == ENOENT ||
	       err_set(err, "%s: cannot be replaced: %s", path, strerror(errno));
}

/* The name appears with its mode and group already set: until then nobody can connect. */
static bool bind_listening(struct control *control, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int bound;

	if (strlen(control->path) >= sizeof at.sun_path)
		return err_set(
			err, "%s: too long for a socket (at most %zu bytes)", control->path, sizeof at.sun_path - 1);
	strcpy(at.sun_path, control->path);
	if (!make_folder(control->path, err) || !remove_dead(control->path, &at, err))
		return false;
	control->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	old = umask(0777);
	bound = bind(control->listening, (const struct sockaddr *)&at, sizeof at);
	umask(old);
	if (bound != 0)
		return err_set(err, "%s: %s", control->path, strerror(errno));
	if (stat(control->path, &st) != 0)
		return err_set(err, "%s: %s", control->path, strerror(errno));
	control->device = st.st_dev;
	control->inode = st.st_ino;
	if (control->group != (gid_t)-1 && chown(control->path, (uid_t)-1, control->group) != 0)
		return err_set(err, "%s: cannot be given to group %u: %s", control->path, (unsigned)control->group,
			strerror(errno));
	if (control->group == (gid_t)-1)
		control->group = st.st_gid;
	if (chmod(control->path, control->read_only_group == (gid_t)-1 ? 0660 : 0666) != 0 ||
		listen(control->listening, CLIENTS_MAX) != 0)
		return err_set(err, "%s: %s", control->path, strerror(errno));
	return true;
}

static bool watch(struct control *control, int fd, uint32_t tag, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	return epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct control *control_open(const char *path, gid_t group, gid_t read_only_group,
	const struct control_command *commands, void *context, struct err *err)
{
	struct control *control = mem_alloc(sizeof *control);

	*control = (struct control){
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.listening = -1,
		.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		.path = mem_strdup(path),
		.opened_by = geteuid(),
		.group = group,
		.read_only_group = read_only_group,
		.commands = commands,
		.context = context,
		.next_ticket = 1,
	};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	if (control->epoll < 0 || control->timer < 0)
		err_set(err, "%s: no descriptors left: %s", path, strerror(errno));
	else if (bind_listening(control, err)) {
		if (watch(control, control->listening, TAG_LISTEN, EPOLLIN) &&
			watch(control, control->timer, TAG_TIMER, EPOLLIN))
			return control;
		err_set(err, "%s: %s", path, strerror(errno));
	}
	control_close(control);
	return NULL;
}

void control_close(struct control *control)
{
	struct stat st;

	if (control == NULL)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_close(&control->clients[i]);
	if (control->inode != 0 && stat(control->path, &st) == 0 && st.st_ino == control->inode &&
		st.st_dev == control->device)
		unlink(control->path);
	if (control->listening >= 0)
		close(control->listening);
	if (control->timer >= 0)
		close(control->timer);
	if (control->epoll >= 0)
		close(control->epoll);
	free(control->path);
	free(control);
}

int control_fd(const struct control *control)
{
	return control->epoll;
}

/* ---- commands ---- */

static json_t *document_of(const struct control_reply *reply)
{
	bool ok = reply->result != NULL;
	json_t *document = json_pack("{s:b}", "ok", ok);

	if (!ok || reply->exit != 0)
		json_object_set_new(document, "exit", json_integer(ok || reply->exit != 0 ? reply->exit : 1));
	if (ok)
		json_object_set_new(document, "result", reply->result);
	if (reply->err.text[0] != '\0') {
		json_t *sentence = json_string(reply->err.text);

		json_object_set_new(
			document, "error", sentence != NULL ? sentence : json_string("(a text that is not UTF-8)"));
	} else if (!ok) {
		json_object_set_new(document, "error", json_string("refused"));
	}
	return document;
}

static void finish(struct control_client *client, struct control_reply *reply)
{
	json_t *document = document_of(reply);

	client->ticket = 0;
	client_reply(client, document);
	json_decref(document);
	reply->result = NULL;
}

static const struct control_command *find_command(const struct control *control, const char *name)
{
	for (const struct control_command *c = control->commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static void run_request(struct control *control, struct control_client *client, const json_t *request)
{
	const json_t *args = json_object_get(request, "args");
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct control_command *command = name != NULL ? find_command(control, name) : NULL;
	json_t *none = json_object();
	struct control_reply reply = { 0 };

	client->ticket = control->next_ticket++;
	if (name == NULL)
		err_set(&reply.err, "a request names its command: {\"command\":\"status\",\"args\":{}}");
	else if (command == NULL)
		err_set(&reply.err, "%.40s: this gslbd has no such command", name);
	else if (args != NULL && !json_is_object(args))
		err_set(&reply.err, "%s: \"args\" is an object: {\"command\":\"%s\",\"args\":{}}", command->name,
			command->name);
	else if (command->changes && client->peer.read_only)
		err_set(&reply.err, "%s: %s may look and not change: it is in the read-only group alone", command->name,
			client->peer.name);
	else
		command->run(control->context, args != NULL ? args : none, &client->peer, client->ticket, &reply);
	if (reply.defer == 0)
		finish(client, &reply);
	json_decref(none);
}

static void refuse_line(struct control *control, struct control_client *client, const char *sentence)
{
	if (control->refused != NULL)
		control->refused(control->context, &client->peer, sentence);
	client_reply_error(client, sentence);
}

void control_on_refusal(
	struct control *control, void (*refused)(void *context, const struct control_peer *peer, const char *sentence))
{
	control->refused = refused;
}

static void take_line(struct control *control, struct control_client *client, const char *line, size_t len)
{
	json_error_t why;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);

	client_next(client, len);
	if (json_is_object(request)) {
		run_request(control, client, request);
	} else {
		struct err err;

		err_set(&err, "not a request: %s (a request is one JSON object in one line)",
			request != NULL ? "not an object" : why.text);
		refuse_line(control, client, err.text);
	}
	json_decref(request);
}

bool control_waits(const struct control *control, uint64_t ticket)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].ticket == ticket)
			return true;
	return false;
}

static void wait_for(struct control *control, struct control_client *client)
{
	struct epoll_event event = { .events = client_wants(client),
		.data.u32 = (uint32_t)(client - control->clients) };

	if (event.events == client->events)
		return;
	client->events = event.events;
	epoll_ctl(control->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static void drop(struct control_client *client)
{
	client_close(client); /* a closed descriptor leaves the epoll set by itself */
}

void control_answer(struct control *control, uint64_t ticket, struct control_reply *reply)
{
	assert(ticket != 0); /* that is every client who asks nothing */
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd < 0 || client->ticket != ticket)
			continue;
		finish(client, reply);
		if (client_send(client, client->active_ms) == CLIENT_CLOSED)
			drop(client);
		else
			wait_for(control, client);
		return;
	}
	json_decref(reply->result); /* who asked has gone */
	reply->result = NULL;
}

/* ---- clients ---- */

/* One round of a client: at most one request, so that many of them in one packet do not hold the loop. */
static void serve(struct control *control, struct control_client *client, uint32_t events, uint64_t now_ms)
{
	enum client_step step = CLIENT_WAIT;
	bool early = client->ticket != 0;
	const char *line;
	size_t len;

	if (events & EPOLLIN && !early)
		step = client_receive(client, now_ms);
	if (step == CLIENT_TOO_LONG) {
		buf_fini(&client->in);
		refuse_line(control, client, "a request is at most 1 MiB long");
		client->closing = true;
		step = CLIENT_WAIT;
	}
	if (step == CLIENT_WAIT && client->out.len == 0 && client->ticket == 0 &&
		(line = client_line(client, &len)) != NULL)
		take_line(control, client, line, len);
	if (step == CLIENT_WAIT && client->out.len > 0)
		step = client_send(client, now_ms);
	if (step == CLIENT_WAIT && client->ended && client->ticket == 0 && client->out.len == 0 &&
		client_line(client, &len) == NULL)
		step = CLIENT_CLOSED;
	if (step == CLIENT_CLOSED || (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))) {
		drop(client);
		return;
	}
	/* who waits for an answer seldom says more, and is deafened only then: two calls less for a request */
	if (client->ticket == 0 || early)
		wait_for(control, client);
}

/* A free place; when there is none, that of the client that has been silent for longest with nothing under way, so that
 * forgotten connections do not keep an operator out. */
static struct control_client *find_place(struct control *control)
{
	struct control_client *silent = NULL;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd < 0)
			return client;
		if (client->ticket == 0 && client->out.len == 0 && client->in.len == 0 &&
			(silent == NULL || client->active_ms < silent->active_ms))
			silent = client;
	}
	if (silent != NULL)
		drop(silent);
	return silent;
}

/* False with a sentence for one who has no business here. */
static bool admit(const struct control *control, int fd, struct control_peer *peer, struct err *err)
{
	gid_t gid;

	if (!client_identify(fd, peer, &gid))
		return err_set(err, "the kernel does not say who asks");
	if (control->read_only_group == (gid_t)-1 || peer->uid == 0 || peer->uid == control->opened_by ||
		peer->uid == geteuid() || client_has_group(fd, gid, control->group))
		return true;
	peer->read_only = true;
	if (client_has_group(fd, gid, control->read_only_group))
		return true;
	return err_set(err, "%s is neither in the control group nor in the read-only group", peer->name);
}

static void refuse(int fd, const char *sentence)
{
	struct control_client client = { .fd = fd };

	client_reply_error(&client, sentence);
	client_send(&client, 0); /* a new socket has room for a line */
	client_close(&client);
}

static void accept_clients(struct control *control, uint64_t now_ms)
{
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(control->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct control_client *client;
		struct control_peer peer;
		struct err err;

		if (fd < 0)
			return;
		if (!admit(control, fd, &peer, &err)) {
			refuse(fd, err.text);
			continue;
		}
		client = find_place(control);
		if (client == NULL) {
			refuse(fd, "all places of the control socket are taken: try again in a moment");
			continue;
		}
		*client = (struct control_client){ .fd = fd, .peer = peer, .active_ms = now_ms, .events = EPOLLIN };
		if (!watch(control, fd, (uint32_t)(client - control->clients), EPOLLIN))
			drop(client);
	}
}

/* ---- time ---- */

static void end_stalled(struct control *control, uint64_t now_ms)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct control_client *client = &control->clients[i];
		uint64_t deadline = client->fd >= 0 ? client_deadline(client) : 0;

		if (deadline != 0 && deadline <= now_ms)
			drop(client);
	}
}

static void arm_timer(struct control *control, uint64_t now_ms)
{
	struct itimerspec when = { 0 };
	uint64_t first = 0;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		uint64_t deadline = control->clients[i].fd >= 0 ? client_deadline(&control->clients[i]) : 0;

		if (deadline != 0 && (first == 0 || deadline < first))
			first = deadline;
	}
	if (first == control->armed_ms)
		return;
	control->armed_ms = first;
	if (first != 0) {
		uint64_t left_ms = first > now_ms ? first - now_ms : 1;

		when.it_value.tv_sec = (time_t)(left_ms / 1000);
		when.it_value.tv_nsec = (long)(left_ms % 1000 * 1000000);
	}
	timerfd_settime(control->timer, 0, &when, NULL);
}

void control_run(struct control *control, uint64_t now_monotonic_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(control->epoll, events, EVENTS_MAX, 0);
	bool knocked = false;
	uint64_t rings;

	for (int i = 0; i < n; i++) {
		uint32_t tag = events[i].data.u32;

		if (tag == TAG_LISTEN)
			knocked = true;
		else if (tag == TAG_TIMER && read(control->timer, &rings, sizeof rings) > 0)
			control->armed_ms = 0;
		else if (tag < CLIENTS_MAX && control->clients[tag].fd >= 0)
			serve(control, &control->clients[tag], events[i].events, now_monotonic_ms);
	}
	/* last: a place that is freed and taken again in one round would get its predecessor's event */
	if (knocked)
		accept_clients(control, now_monotonic_ms);
	end_stalled(control, now_monotonic_ms);
	arm_timer(control, now_monotonic_ms);
}
