/* Each connection is in one of three states, and stands in that state's queue. All of a state's connections have the same
 * time, so that a queue is in the order of their deadlines, and its head is the next to go.
 *
 * Answers are made in one buffer that all connections share, and mostly sent from there at once. What the kernel does not
 * take is copied aside for that connection, which is then not read from until it is gone. */
#include "gslb/tcp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "gslb/stream.h"

enum tcp_state {
	TCP_OWING,   /* the client owes us (the rest of) a query */
	TCP_IDLE,    /* nobody owes anything */
	TCP_WRITING, /* the client owes us reading its answers */
	TCP_STATES
};

enum {
	ACCEPTS_MAX = 64,  /* a turn, so that UDP has its own */
	READS_MAX = 8,     /* a connection's turn */
	FLUSH_LEN = 16384, /* answers gathered before they are sent */
	CHUNK = 64,        /* connections allocated together */
};

struct tcp_client {
	struct source source; /* first: epoll events point to it */
	enum tcp_state state;
	bool eof; /* it will send no more, but may still read */
	uint16_t port;
	struct addr addr;
	uint64_t deadline_ms;
	TAILQ_ENTRY(tcp_client) link;
	uint8_t *out; /* heap: answers that the kernel did not take; NULL: none */
	size_t out_at, out_len;
	struct stream in;
};

TAILQ_HEAD(tcp_queue, tcp_client);

struct tcp_chunk {
	struct tcp_chunk *next;
	struct tcp_client client[CHUNK];
};

struct tcp {
	int epoll;
	struct packet_context *context;
	const struct tcp_limits *limits;
	uint64_t now_ms; /* of this turn */
	uint32_t nclients;
	struct tcp_queue queue[TCP_STATES], unused;
	struct tcp_chunk *chunks;
	size_t out_len;
	uint8_t out[FLUSH_LEN + 2 + PACKET_TCP_MAX];
};

struct tcp *tcp_new(int epoll, struct packet_context *context, const struct tcp_limits *limits)
{
	struct tcp *tcp = mem_alloc(sizeof *tcp);

	tcp->epoll = epoll;
	tcp->context = context;
	tcp->limits = limits;
	for (unsigned i = 0; i < TCP_STATES; i++)
		TAILQ_INIT(&tcp->queue[i]);
	TAILQ_INIT(&tcp->unused);
	return tcp;
}

uint32_t tcp_clients(const struct tcp *tcp)
{
	return tcp->nclients;
}

/* ---- states ---- */

static uint32_t idle_ms(const struct tcp *tcp)
{
	return atomic_load_explicit(&tcp->limits->idle_ms, memory_order_relaxed);
}

static void client_enter(struct tcp *tcp, struct tcp_client *client, enum tcp_state state)
{
	TAILQ_REMOVE(&tcp->queue[client->state], client, link);
	client->state = state;
	client->deadline_ms = tcp->now_ms + (state == TCP_OWING ? TCP_QUERY_MS : idle_ms(tcp));
	TAILQ_INSERT_TAIL(&tcp->queue[state], client, link);
}

static bool client_watch(struct tcp *tcp, struct tcp_client *client, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = &client->source };

	return epoll_ctl(tcp->epoll, operation, client->source.fd, &event) == 0;
}

/* Reset: the client learns at once that no answer will come. */
static void client_close(struct tcp *tcp, struct tcp_client *client, bool reset)
{
	static const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(client->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(client->source.fd); /* which takes it out of epoll, too */
	client->source.fd = -1;
	stream_fini(&client->in);
	free(client->out);
	client->out = NULL;
	TAILQ_REMOVE(&tcp->queue[client->state], client, link);
	TAILQ_INSERT_HEAD(&tcp->unused, client, link);
	tcp->nclients--;
}

static struct tcp_client *client_new(struct tcp *tcp)
{
	struct tcp_client *client;

	if (TAILQ_EMPTY(&tcp->unused)) {
		struct tcp_chunk *chunk = mem_alloc(sizeof *chunk);

		chunk->next = tcp->chunks;
		tcp->chunks = chunk;
		for (unsigned i = 0; i < CHUNK; i++)
			TAILQ_INSERT_TAIL(&tcp->unused, &chunk->client[i], link);
	}
	client = TAILQ_FIRST(&tcp->unused);
	TAILQ_REMOVE(&tcp->unused, client, link);
	return client;
}

static void client_open(struct tcp *tcp, int fd, const struct sockaddr_storage *from)
{
	struct tcp_client *client = client_new(tcp);

	client->source = (struct source){ .kind = SOCKET_TCP, .fd = fd };
	client->eof = false;
	client->out = NULL;
	addr_from_sockaddr(&client->addr, &client->port, from);
	stream_init(&client->in);
	client->state = TCP_OWING;
	TAILQ_INSERT_TAIL(&tcp->queue[TCP_OWING], client, link);
	client_enter(tcp, client, TCP_OWING);
	tcp->nclients++;
	count(tcp->context->counters, COUNT_tcp_accepted);
	if (!client_watch(tcp, client, EPOLL_CTL_ADD, EPOLLIN))
		client_close(tcp, client, true);
}

/* ---- answers ---- */

/* Send what was gathered; keep what the kernel does not take. False when the client is gone. */
static bool client_flush(struct tcp *tcp, struct tcp_client *client)
{
	size_t len = tcp->out_len;
	ssize_t sent;

	tcp->out_len = 0;
	if (len == 0)
		return true;
	sent = send(client->source.fd, tcp->out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		count(tcp->context->counters, COUNT_send_failed);
		return false;
	}
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len) {
		client->out = mem_dup(tcp->out + sent, len - (size_t)sent);
		client->out_at = 0;
		client->out_len = len - (size_t)sent;
	}
	return true;
}

/* Answer one message into the gathered ones. False when it deserves no answer, over TCP hence no connection. */
static bool client_answer(struct tcp *tcp, const struct tcp_client *client, const uint8_t *message, size_t len)
{
	uint8_t *out = tcp->out + tcp->out_len;
	size_t answer_len;

	tcp->context->transport = TRANSPORT_TCP;
	tcp->context->source = client->addr;
	tcp->context->source_port = client->port;
	answer_len = packet_answer(tcp->context, message, len, out + 2, PACKET_TCP_MAX);
	out[0] = (uint8_t)(answer_len >> 8);
	out[1] = (uint8_t)answer_len;
	tcp->out_len += 2 + answer_len;
	return answer_len > 0;
}

/* Answer the whole messages that are there, as long as the client takes the answers. False when it is to be reset.
 * *answered: whether there were any. */
static bool client_serve(struct tcp *tcp, struct tcp_client *client, bool *answered)
{
	const uint8_t *message;
	size_t len;

	while (client->out == NULL) {
		switch (stream_next(&client->in, &message, &len)) {
		case STREAM_MORE:
			return client_flush(tcp, client);
		case STREAM_BAD:
			client_flush(tcp, client);
			return false;
		case STREAM_MESSAGE:
			*answered = true;
			if (!client_answer(tcp, client, message, len)) {
				tcp->out_len -= 2;
				client_flush(tcp, client);
				return false;
			}
			break;
		}
		if (tcp->out_len >= FLUSH_LEN && !client_flush(tcp, client))
			return false;
	}
	return true;
}

/* ---- events ---- */

/* After a turn: what does the client wait for now? */
static void client_settle(struct tcp *tcp, struct tcp_client *client, bool answered)
{
	enum tcp_state before = client->state;

	if (client->out != NULL) {
		if (before == TCP_WRITING)
			return; /* its time runs on until all is read */
		client_enter(tcp, client, TCP_WRITING);
		if (!client_watch(tcp, client, EPOLL_CTL_MOD, EPOLLOUT))
			client_close(tcp, client, true);
		return;
	}
	if (client->eof) {
		client_close(tcp, client, stream_waiting(&client->in) > 0);
		return;
	}
	if (stream_waiting(&client->in) == 0)
		stream_fini(&client->in); /* memory for a long one goes back */
	if (before == TCP_WRITING && !client_watch(tcp, client, EPOLL_CTL_MOD, EPOLLIN))
		client_close(tcp, client, true);
	else if (stream_waiting(&client->in) > 0 && (answered || before != TCP_OWING))
		client_enter(tcp, client, TCP_OWING);
	else if (stream_waiting(&client->in) == 0 && answered)
		client_enter(tcp, client, TCP_IDLE);
}

/* Read until there is no more, or enough for one turn. False when the client is to be reset. */
static bool client_read(struct tcp *tcp, struct tcp_client *client, bool *answered)
{
	for (unsigned reads = 0; reads < READS_MAX && client->out == NULL && !client->eof; reads++) {
		size_t room;
		uint8_t *at = stream_room(&client->in, &room);
		ssize_t got = recv(client->source.fd, at, room, MSG_DONTWAIT);

		if (got < 0 && errno != EINTR)
			return errno == EAGAIN;
		client->eof = got == 0;
		if (got <= 0)
			continue;
		stream_took(&client->in, (size_t)got);
		if (!client_serve(tcp, client, answered))
			return false;
		if ((size_t)got < room)
			return true;
	}
	return true;
}

/* Send on what was kept, then serve what had to wait behind it. False when the client is to be reset. */
static bool client_write(struct tcp *tcp, struct tcp_client *client, bool *answered)
{
	ssize_t sent = send(client->source.fd, client->out + client->out_at, client->out_len - client->out_at,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	client->out_at += (size_t)sent;
	if (client->out_at < client->out_len)
		return true;
	free(client->out);
	client->out = NULL;
	*answered = true;
	if (!client_serve(tcp, client, answered))
		return false;
	if (client->out != NULL) /* it read one lot, and gets time for the next */
		client_enter(tcp, client, TCP_WRITING);
	return true;
}

void tcp_ready(struct tcp *tcp, struct source *source, uint64_t now_monotonic_ms)
{
	struct tcp_client *client = (struct tcp_client *)source; /* its first member */
	bool answered = false, alive;

	tcp->now_ms = now_monotonic_ms;
	alive = client->out != NULL ? client_write(tcp, client, &answered) : client_read(tcp, client, &answered);
	tcp->out_len = 0;
	if (alive)
		client_settle(tcp, client, answered);
	else
		client_close(tcp, client, true);
}

/* ---- who comes and who goes ---- */

/* The one to go when there is no room: idle for longest, else the slowest with its query. Never one that was answered and
 * is still reading. False when there is none. */
static bool shed_one(struct tcp *tcp)
{
	struct tcp_client *client = TAILQ_FIRST(&tcp->queue[TCP_IDLE]);

	if (client == NULL)
		client = TAILQ_FIRST(&tcp->queue[TCP_OWING]);
	if (client == NULL)
		return false;
	count(tcp->context->counters, COUNT_tcp_shed);
	client_close(tcp, client, client->state != TCP_IDLE);
	return true;
}

void tcp_accept(struct tcp *tcp, const struct source *listener, uint64_t now_monotonic_ms)
{
	uint32_t most = atomic_load_explicit(&tcp->limits->clients, memory_order_relaxed);

	tcp->now_ms = now_monotonic_ms;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof from;
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && shed_one(tcp))
			continue;
		if (fd < 0)
			return; /* what it was comes again, or the client went away */
		if (tcp->nclients >= most && !shed_one(tcp)) {
			count(tcp->context->counters, COUNT_tcp_refused);
			close(fd);
			continue;
		}
		client_open(tcp, fd, &from);
	}
}

static void expire_queue(struct tcp *tcp, enum tcp_state state, uint64_t until_ms)
{
	struct tcp_client *client;

	while ((client = TAILQ_FIRST(&tcp->queue[state])) != NULL && client->deadline_ms <= until_ms) {
		count(tcp->context->counters, COUNT_tcp_idle_closed);
		client_close(tcp, client, state != TCP_IDLE);
	}
}

void tcp_expire(struct tcp *tcp, uint64_t now_monotonic_ms, bool idle_too)
{
	expire_queue(tcp, TCP_OWING, now_monotonic_ms);
	expire_queue(tcp, TCP_WRITING, now_monotonic_ms);
	expire_queue(tcp, TCP_IDLE, idle_too ? UINT64_MAX : now_monotonic_ms);
}

uint64_t tcp_next_ms(const struct tcp *tcp)
{
	uint64_t next_ms = UINT64_MAX;

	for (unsigned i = 0; i < TCP_STATES; i++) {
		const struct tcp_client *client = TAILQ_FIRST(&tcp->queue[i]);

		if (client != NULL && client->deadline_ms < next_ms)
			next_ms = client->deadline_ms;
	}
	return next_ms;
}

void tcp_free(struct tcp *tcp)
{
	struct tcp_client *client;

	if (tcp == NULL)
		return;
	for (unsigned i = 0; i < TCP_STATES; i++)
		while ((client = TAILQ_FIRST(&tcp->queue[i])) != NULL)
			client_close(tcp, client, true);
	while (tcp->chunks != NULL) {
		struct tcp_chunk *next = tcp->chunks->next;

		free(tcp->chunks);
		tcp->chunks = next;
	}
	free(tcp);
}
