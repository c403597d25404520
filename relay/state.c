/* Clients connect to a socket of whole packets (SOCK_SEQPACKET) beside the relay's own. Its mode lets everyone connect: who may is decided by
 * the peer's credentials, since gslb-health runs under a user of its own. What a slow client does not take waits, bounded, and is then
 * dropped: the next full one makes it good. */
#include "relay/state.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control_client.h"
#include "relay/state_origin.h"

enum {
	CLIENTS_MAX = 16,
	PACKETS_A_TURN = 256,
	WAITING_MAX = 8 << 20, /* bytes a client */
	AGAIN_MAX = 1024,      /* changes that are to be said again */
	TICK_MS = 1000,
};

static const uint32_t again_ms[] = { 300, 1000 }; /* after the first time */

struct packet {
	size_t len;
	STAILQ_ENTRY(packet) link;
	uint8_t bytes[];
};

struct client {
	int fd;                  /* -1: the place is free */
	unsigned hears, may_say; /* bits of kinds */
	bool greeted;
	size_t waiting;
	STAILQ_HEAD(, packet) out;
};

struct again {
	enum state_kind kind;
	unsigned times;
	uint64_t first_ms;
	size_t len;
	uint8_t *bytes;
	TAILQ_ENTRY(again) link;
};

struct state_hub {
	const struct relay_conf *conf;
	struct state_ops ops;
	char *path;
	int listening, epoll;
	bool bus;
	struct client client[CLIENTS_MAX];
	TAILQ_HEAD(, again) again;
	size_t nagain;
	struct origins origins;
	struct {
		void (*said)(void *arg, const struct state_said *said);
		void *arg;
	} on[STATE_KINDS];
	uint64_t epoch;
	uint64_t own_epoch[STATE_KINDS][2]; /* what is said of a kind here has that one, and had before */
	uint64_t seq[STATE_KINDS];
	uint64_t tick_ms;
	struct state_totals totals;
	struct log_limit refused, alike;
	uint8_t packet[STATE_PACKET_MAX], bytes[STATE_BYTES_MAX];
};

/* ---- to clients ---- */

static void want(struct state_hub *hub, struct client *client, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u32 = (uint32_t)(client - hub->client) };

	epoll_ctl(hub->epoll, op, client->fd, &event);
}

static void drop_client(struct client *client)
{
	while (!STAILQ_EMPTY(&client->out)) {
		struct packet *packet = STAILQ_FIRST(&client->out);

		STAILQ_REMOVE_HEAD(&client->out, link);
		free(packet);
	}
	close(client->fd);
	client->fd = -1;
}

/* Sends what waits. */
static void push_out(struct state_hub *hub, struct client *client)
{
	while (!STAILQ_EMPTY(&client->out)) {
		struct packet *packet = STAILQ_FIRST(&client->out);

		if (send(client->fd, packet->bytes, packet->len, MSG_NOSIGNAL) < 0 && errno != EINTR) {
			if (errno != EAGAIN)
				drop_client(client);
			return;
		}
		client->waiting -= packet->len;
		STAILQ_REMOVE_HEAD(&client->out, link);
		free(packet);
	}
	want(hub, client, EPOLL_CTL_MOD, EPOLLIN);
}

static void send_to(struct state_hub *hub, struct client *client, const uint8_t *bytes, size_t len)
{
	struct packet *packet;

	if (STAILQ_EMPTY(&client->out) && send(client->fd, bytes, len, MSG_NOSIGNAL) >= 0)
		return;
	if (client->waiting + len > WAITING_MAX) {
		hub->totals.dropped++;
		return;
	}
	packet = mem_alloc(sizeof *packet + len);
	packet->len = len;
	memcpy(packet->bytes, bytes, len);
	STAILQ_INSERT_TAIL(&client->out, packet, link);
	client->waiting += len;
	want(hub, client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void send_heard(struct state_hub *hub, struct client *client, const void *bytes, size_t len, uint64_t age_ms)
{
	uint8_t *packet = hub->packet;

	packet[0] = STATE_HEARD;
	for (unsigned i = 0; i < 4; i++)
		packet[1 + i] = (uint8_t)(age_ms >> 8 * i);
	memcpy(packet + 5, bytes, len);
	send_to(hub, client, packet, len + 5);
}

static void welcome(struct state_hub *hub, struct client *client)
{
	char text[2 * STATE_LABEL_MAX + 4];
	int len = snprintf(text, sizeof text, "%c%c%s %s", STATE_WELCOME, hub->bus ? '1' : '0', hub->conf->region,
		hub->conf->node);

	send_to(hub, client, (const uint8_t *)text, (size_t)len);
}

/* What was said before it came. */
static void catch_up(struct state_hub *hub, struct client *client, uint64_t now_ms)
{
	const struct origin *origin;

	LIST_FOREACH(origin, &hub->origins.list, link)
	for (unsigned i = 0; i < STATE_PARTS_MAX && (client->hears >> origin->kind & 1) != 0; i++) {
		const struct origin_part *part = &origin->part[i];

		if (part->bytes != NULL && now_ms < part->at_ms + STATE_FRESH_MS)
			send_heard(hub, client, part->bytes, part->len, now_ms - part->at_ms);
	}
}

/* from: the client that said it; NULL: another host. */
static void spread(
	struct state_hub *hub, const struct client *from, const struct state_said *said, const void *bytes, size_t len)
{
	for (struct client *client = hub->client; client < hub->client + CLIENTS_MAX; client++)
		if (client->fd >= 0 && client != from && (client->hears >> said->kind & 1) != 0)
			send_heard(hub, client, bytes, len, 0);
	if (hub->on[said->kind].said != NULL)
		hub->on[said->kind].said(hub->on[said->kind].arg, said);
}

/* ---- to the bus ---- */

static void say_again_later(struct state_hub *hub, enum state_kind kind, const void *bytes, size_t len, uint64_t now_ms)
{
	struct again *again;

	if (hub->nagain == AGAIN_MAX)
		return; /* it has been said once */
	again = mem_alloc(sizeof *again);
	*again = (struct again){ .kind = kind, .first_ms = now_ms, .len = len, .bytes = mem_dup(bytes, len) };
	TAILQ_INSERT_TAIL(&hub->again, again, link);
	hub->nagain++;
}

static void forget_again(struct state_hub *hub, struct again *again)
{
	TAILQ_REMOVE(&hub->again, again, link);
	hub->nagain--;
	free(again->bytes);
	free(again);
}

static uint64_t say_again(struct state_hub *hub, uint64_t now_ms)
{
	struct again *again = TAILQ_FIRST(&hub->again);
	uint64_t next_ms = UINT64_MAX;

	while (again != NULL) {
		struct again *next = TAILQ_NEXT(again, link);

		while (again->times < COUNT_OF(again_ms) && now_ms >= again->first_ms + again_ms[again->times]) {
			hub->ops.say(hub->ops.arg, hub->conf->node, again->kind, again->bytes, again->len);
			again->times++;
		}
		if (again->times == COUNT_OF(again_ms))
			forget_again(hub, again);
		else if (again->first_ms + again_ms[again->times] < next_ms)
			next_ms = again->first_ms + again_ms[again->times];
		again = next;
	}
	return next_ms;
}

/* What is said on this host: its origin is ours. */
static void say(struct state_hub *hub, const struct client *from, struct state_said *said, uint64_t now_ms)
{
	size_t len;

	snprintf(said->region, sizeof said->region, "%s", hub->conf->region);
	snprintf(said->node, sizeof said->node, "%s", hub->conf->node);
	if (hub->own_epoch[said->kind][0] != said->epoch) {
		hub->own_epoch[said->kind][1] = hub->own_epoch[said->kind][0];
		hub->own_epoch[said->kind][0] = said->epoch;
	}
	hub->totals.said++;
	len = state_format(said, hub->bytes);
	hub->ops.say(hub->ops.arg, hub->conf->node, said->kind, hub->bytes, len);
	if (!said->full)
		say_again_later(hub, said->kind, hub->bytes, len, now_ms);
	said->body = hub->bytes + len - said->len;
	spread(hub, from, said, hub->bytes, len);
}

void state_say(struct state_hub *hub, enum state_kind kind, bool full, unsigned part, unsigned nparts, const void *body,
	size_t len, uint64_t now_ms)
{
	struct state_said said = {
		.kind = kind,
		.epoch = hub->epoch,
		.seq = ++hub->seq[kind],
		.full = full,
		.part = (uint16_t)part,
		.nparts = (uint16_t)nparts,
		.body = body,
		.len = len,
	};

	assert(len <= STATE_BODY_MAX);
	say(hub, NULL, &said, now_ms);
}

void state_on(
	struct state_hub *hub, enum state_kind kind, void (*said)(void *arg, const struct state_said *said), void *arg)
{
	hub->on[kind].said = said;
	hub->on[kind].arg = arg;
}

/* ---- from the bus ---- */

static void refuse(struct state_hub *hub, const char *region, const char *node, const char *why, uint64_t now_ms)
{
	unsigned held;

	hub->totals.refused++;
	if (log_allowed(&hub->refused, now_ms, &held))
		log_error("state=refused from=%s/%s reason=\"%s\" held=%u", region, node, why, held);
}

/* Our own words come back; those of another host with our name do, too. */
static void hear_own(struct state_hub *hub, const struct state_said *said, uint64_t now_ms)
{
	const uint64_t *own = hub->own_epoch[said->kind];
	unsigned held;

	if (said->epoch == own[0] || said->epoch == own[1] || own[0] == 0)
		return;
	hub->totals.alike_ms = now_ms;
	if (log_allowed(&hub->alike, now_ms, &held))
		log_error("state=refused reason=\"another host calls itself %s/%s: give each a server.identity of its "
			  "own\" held=%u",
			said->region, said->node, held);
}

void state_hear(struct state_hub *hub, const char *region, const char *node, const char *kind, const void *bytes,
	size_t len, uint64_t now_ms)
{
	struct state_said said;
	enum state_kind known;

	if (!state_kind_find(kind, &known))
		return; /* of a later version, or bus check */
	if (conf_region(hub->conf, region) == hub->conf->nregions) {
		refuse(hub, region, node, "no such region (bus.regions in gslb.yaml has them)", now_ms);
		return;
	}
	if (!state_parse(bytes, len, &said)) {
		refuse(hub, region, node, "damaged, or of another version", now_ms);
		return;
	}
	if (said.kind != known || strcmp(said.region, region) != 0 || strcmp(said.node, node) != 0) {
		refuse(hub, region, node, "it speaks for another", now_ms);
		return;
	}
	if (strcmp(region, hub->conf->region) == 0 && strcmp(node, hub->conf->node) == 0) {
		hear_own(hub, &said, now_ms);
		return;
	}
	switch (origins_take(&hub->origins, &said, bytes, len, now_ms)) {
	case ORIGIN_NEW:
		hub->totals.heard++;
		spread(hub, NULL, &said, bytes, len);
		break;
	case ORIGIN_KNOWN:
		break;
	case ORIGIN_FULL:
		refuse(hub, region, node, "too many hosts", now_ms);
		break;
	}
}

void state_bus(struct state_hub *hub, bool connected)
{
	if (hub->bus == connected)
		return;
	hub->bus = connected;
	for (struct client *client = hub->client; client < hub->client + CLIENTS_MAX; client++)
		if (client->fd >= 0 && client->greeted)
			welcome(hub, client);
}

/* ---- from clients ---- */

static void take_say(struct state_hub *hub, struct client *client, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
	struct state_said said;

	if (!client->greeted || !state_parse(bytes, len, &said) || (client->may_say >> said.kind & 1) == 0) {
		refuse(hub, hub->conf->region, hub->conf->node,
			"a program of this host said what it may not, or "
			"damaged",
			now_ms);
		return;
	}
	say(hub, client, &said, now_ms);
}

static void take(struct state_hub *hub, struct client *client, const uint8_t *packet, size_t len, uint64_t now_ms)
{
	if (packet[0] == STATE_SAY) {
		take_say(hub, client, packet + 1, len - 1, now_ms);
	} else if (packet[0] == STATE_HELLO && len >= 2) {
		client->hears = packet[1];
		client->greeted = true;
		welcome(hub, client);
		catch_up(hub, client, now_ms);
	}
}

static void pull_in(struct state_hub *hub, struct client *client, uint64_t now_ms)
{
	uint8_t packet[STATE_PACKET_MAX];

	for (unsigned i = 0; i < PACKETS_A_TURN && client->fd >= 0; i++) {
		ssize_t n = recv(client->fd, packet, sizeof packet, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			drop_client(client);
		else
			take(hub, client, packet, (size_t)n, now_ms);
	}
}

static bool is_user(uid_t uid, const char *name)
{
	const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;

	return user != NULL && user->pw_uid == uid;
}

/* A bit for each kind that this user may say. A user that probes only says votes. */
static unsigned rights_of(const struct relay_conf *conf, uid_t uid)
{
	if (uid == 0 || uid == geteuid() || is_user(uid, conf->gslbd_user))
		return (1u << STATE_KINDS) - 1;
	return is_user(uid, conf->probe_user) ? 1u << STATE_VOTES : 0;
}

static void send_away(int fd, const char *sentence)
{
	char text[256];
	int len = snprintf(text, sizeof text, "%c%s", STATE_REFUSED, sentence);

	send(fd, text, (size_t)len, MSG_NOSIGNAL);
	close(fd);
}

static void accept_client(struct state_hub *hub, int fd)
{
	struct control_peer peer;
	struct client *client = hub->client;
	char sentence[192];
	unsigned rights;
	gid_t gid;

	if (!client_identify(fd, &peer, &gid)) {
		send_away(fd, "the kernel does not say who asks");
		return;
	}
	rights = rights_of(hub->conf, peer.uid);
	while (client < hub->client + CLIENTS_MAX && client->fd >= 0)
		client++;
	if (rights == 0) {
		snprintf(sentence, sizeof sentence,
			"%s may not say or hear state: server.user and server.probe-user of gslb.yaml may", peer.name);
		send_away(fd, sentence);
	} else if (client == hub->client + CLIENTS_MAX) {
		send_away(fd, "all places are taken");
	} else {
		*client = (struct client){ .fd = fd, .may_say = rights };
		STAILQ_INIT(&client->out);
		want(hub, client, EPOLL_CTL_ADD, EPOLLIN);
	}
}

/* ---- life ---- */

static bool listen_at(struct state_hub *hub, struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = CLIENTS_MAX };
	bool good;

	if (strlen(hub->path) >= sizeof at.sun_path)
		return err_set(err, "%s: too long for a socket", hub->path);
	memcpy(at.sun_path, hub->path, strlen(hub->path));
	hub->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(hub->path); /* relay.sock beside it is bound: no other gslb-relay has this one */
	good = hub->listening >= 0 && bind(hub->listening, (const struct sockaddr *)&at, sizeof at) == 0 &&
	       chmod(hub->path, 0666) == 0 && listen(hub->listening, CLIENTS_MAX) == 0 &&
	       epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->listening, &event) == 0;
	return good ? true : err_set(err, "%s: %s", hub->path, strerror(errno));
}

struct state_hub *state_open(const struct relay_conf *conf, const struct state_ops *ops, struct err *err)
{
	struct state_hub *hub = mem_alloc(sizeof *hub);

	hub->conf = conf;
	hub->ops = *ops;
	hub->path = state_socket(conf->socket);
	hub->listening = -1;
	hub->epoch = clock_wall_ms();
	hub->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		hub->client[i].fd = -1;
	TAILQ_INIT(&hub->again);
	if (listen_at(hub, err))
		return hub;
	state_close(hub);
	return NULL;
}

void state_close(struct state_hub *hub)
{
	if (hub == NULL)
		return;
	for (struct client *client = hub->client; client < hub->client + CLIENTS_MAX; client++)
		if (client->fd >= 0)
			drop_client(client);
	while (!TAILQ_EMPTY(&hub->again))
		forget_again(hub, TAILQ_FIRST(&hub->again));
	origins_fini(&hub->origins);
	if (hub->listening >= 0) {
		close(hub->listening);
		unlink(hub->path);
	}
	close(hub->epoll);
	free(hub->path);
	free(hub);
}

int state_fd(const struct state_hub *hub)
{
	return hub->epoll;
}

uint64_t state_run(struct state_hub *hub, uint64_t now_ms)
{
	struct epoll_event events[CLIENTS_MAX + 1];
	int n = epoll_wait(hub->epoll, events, COUNT_OF(events), 0), fd;
	bool knocked = false;

	for (int i = 0; i < n; i++) {
		struct client *client = &hub->client[events[i].data.u32 % CLIENTS_MAX];

		if (events[i].data.u32 == CLIENTS_MAX) {
			knocked = true;
			continue;
		}
		if (client->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
			push_out(hub, client);
		if (client->fd >= 0)
			pull_in(hub, client, now_ms);
	}
	while (knocked && (fd = accept4(hub->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		accept_client(hub, fd);
	if (now_ms >= hub->tick_ms + TICK_MS) {
		hub->tick_ms = now_ms;
		origins_tick(&hub->origins, now_ms);
	}
	return say_again(hub, now_ms);
}

/* ---- looking ---- */

struct state_totals state_totals(const struct state_hub *hub)
{
	struct state_totals totals = hub->totals;

	totals.origins = hub->origins.n;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		totals.clients += hub->client[i].fd >= 0;
	return totals;
}

json_t *state_status(const struct state_hub *hub, uint64_t now_ms)
{
	struct state_totals totals = state_totals(hub);
	json_t *list = json_array();
	const struct origin *origin;

	LIST_FOREACH(origin, &hub->origins.list, link)
	json_array_append_new(
		list, json_pack("{s:s,s:s,s:s,s:f,s:I,s:I}", "region", origin->region, "node", origin->node, "kind",
			      state_kind_name(origin->kind), "age_s", (double)(now_ms - origin->heard_ms) / 1000, "seq",
			      (json_int_t)origin->newest, "bytes", (json_int_t)origin->bytes));
	return json_pack("{s:o,s:I,s:I,s:I,s:I,s:I}", "origins", list, "clients", (json_int_t)totals.clients, "said",
		(json_int_t)totals.said, "heard", (json_int_t)totals.heard, "refused", (json_int_t)totals.refused,
		"dropped", (json_int_t)totals.dropped);
}
