/* Each connection has a seat in the roster, which knows who has waited longest for what. That is all the bookkeeping there is:
 * deadlines, limits and shedding are a look at the head of a queue.
 *
 * The connections have an epoll of their own inside the worker's, because the kernel hands ready descriptors out in turn: in
 * one epoll a UDP socket would have to wait for all the connections that are ready before it. Events that a slice leaves over
 * are kept for the next one; those of a connection that was closed meanwhile find its descriptor gone, or a newcomer in its
 * place that has nothing to say yet. */
#include "gslb/tcp.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/tcp_client.h"

enum {
	SLICE_US = 50,     /* for each of serving, accepting and closing, before UDP has its turn */
	ACCEPTS_MAX = 8,   /* a turn */
	EXPIRES_MAX = 8,   /* a turn: thousands that came together go together */
	UNREAD_MS = 10000, /* answers may lie unread */
	PAUSE_MS = 100,    /* without accepting, when the system is out of something */
};

struct tcp *tcp_new(int epoll, struct packet_context *context, const struct tcp_limits *limits, uint32_t *promise_ms,
	struct err *err)
{
	struct tcp *tcp = mem_alloc(sizeof *tcp);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &tcp->source };

	tcp->source = (struct source){ .kind = SOCKET_TCP, .fd = epoll_create1(EPOLL_CLOEXEC) };
	tcp->epoll = epoll;
	tcp->context = context;
	tcp->limits = limits;
	tcp->promise_ms = promise_ms;
	tcp->roster = roster_new(dice_from_kernel().state);
	TAILQ_INIT(&tcp->unused);
	TAILQ_INIT(&tcp->holders);
	if (tcp->source.fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, tcp->source.fd, &event) == 0)
		return tcp;
	err_set(err, "epoll of TCP connections: %s", strerror(errno));
	tcp_free(tcp);
	return NULL;
}

void tcp_measure_into(struct tcp *tcp, struct rtt_ring *ring)
{
	tcp->rtts = ring;
}

uint32_t tcp_clients(const struct tcp *tcp)
{
	return roster_count(tcp->roster);
}

static struct tcp_client *client_at(struct roster_seat *seat)
{
	return (struct tcp_client *)((char *)seat - offsetof(struct tcp_client, seat));
}

static uint64_t slice_end_us(void)
{
	return clock_monotonic_us() + SLICE_US;
}

static struct tcp_client *client_new(struct tcp *tcp)
{
	struct tcp_client *client;

	if (TAILQ_EMPTY(&tcp->unused)) {
		struct tcp_chunk *chunk = mem_alloc(sizeof *chunk);

		chunk->next = tcp->chunks;
		tcp->chunks = chunk;
		for (unsigned i = 0; i < TCP_CHUNK; i++)
			TAILQ_INSERT_TAIL(&tcp->unused, &chunk->client[i], link);
	}
	client = TAILQ_FIRST(&tcp->unused);
	TAILQ_REMOVE(&tcp->unused, client, link);
	return client;
}

static void client_open(struct tcp *tcp, int fd, const struct addr *addr, uint16_t port)
{
	struct tcp_client *client = client_new(tcp);

	client->fd = fd;
	client->watched = 0;
	client->eof = client->measured = false;
	client->addr = *addr;
	client->port = port;
	client->held = 0;
	client->out = NULL;
	stream_init(&client->in);
	roster_join(tcp->roster, &client->seat, addr, tcp->now_ms);
	count(tcp->context->counters, COUNT_tcp_accepted);
	if (tcp_client_watch(tcp, client, EPOLLIN))
		return;
	count(tcp->context->counters, COUNT_tcp_refused);
	tcp_client_close(tcp, client, true);
}

/* Close one that is in the way of others. */
static void client_shed(struct tcp *tcp, struct tcp_client *client, enum counter why)
{
	count(tcp->context->counters, why);
	tcp_client_close(tcp, client, client->seat.state != ROSTER_IDLE);
}

/* ---- whose turn it is ---- */

static size_t heap_max(const struct tcp *tcp)
{
	size_t len = (size_t)tcp_limit(&tcp->limits->clients) * TCP_HEAP_EACH;

	return len > TCP_HEAP_MIN ? len : TCP_HEAP_MIN;
}

void tcp_serve(struct tcp *tcp, uint64_t now_monotonic_ms)
{
	uint64_t end_us = slice_end_us();

	tcp->now_ms = now_monotonic_ms;
	if (tcp->event_at == tcp->nevents) {
		tcp->event_at = 0;
		tcp->nevents = epoll_wait(tcp->source.fd, tcp->events, TCP_EVENTS_MAX, 0);
		if (tcp->nevents < 0)
			tcp->nevents = 0;
	}
	while (tcp->event_at < tcp->nevents) {
		struct tcp_client *client = tcp->events[tcp->event_at++].data.ptr;

		if (client->fd >= 0)
			tcp_client_turn(tcp, client);
		while (tcp->held > heap_max(tcp))
			client_shed(tcp, TAILQ_FIRST(&tcp->holders), COUNT_tcp_shed_memory);
		if (clock_monotonic_us() >= end_us)
			return;
	}
}

/* ---- who comes and who goes ---- */

/* The system has no more descriptors or memory, and we hold nothing that would help: a listening socket stays ready, and we
 * would spin on it. */
static void pause_listener(struct tcp *tcp, struct source *listener)
{
	struct epoll_event none = { .data.ptr = listener };

	if (tcp->npaused == COUNT_OF(tcp->paused) || epoll_ctl(tcp->epoll, EPOLL_CTL_MOD, listener->fd, &none) != 0)
		return;
	count(tcp->context->counters, COUNT_tcp_paused);
	tcp->paused[tcp->npaused++] = listener;
	tcp->resume_ms = tcp->now_ms + PAUSE_MS;
}

static void resume_listeners(struct tcp *tcp)
{
	while (tcp->npaused > 0) {
		struct source *listener = tcp->paused[--tcp->npaused];
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = listener };

		if (listener->fd >= 0)
			epoll_ctl(tcp->epoll, EPOLL_CTL_MOD, listener->fd, &event);
	}
}

/* A place for one from this address. */
static void make_room(struct tcp *tcp, const struct addr *addr)
{
	struct roster_seat *longest;

	if (roster_neighbours(tcp->roster, addr, &longest) >= tcp_limit(&tcp->limits->per_prefix))
		client_shed(tcp, client_at(longest), COUNT_tcp_shed_prefix);
	/* two, so that a limit that a reload made lower is reached */
	for (int i = 0; i < 2 && tcp_clients(tcp) >= tcp_limit(&tcp->limits->clients); i++)
		client_shed(tcp, client_at(roster_longest(tcp->roster)), COUNT_tcp_shed);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static bool shed_for_descriptor(struct tcp *tcp, struct source *listener)
{
	struct roster_seat *longest = roster_longest(tcp->roster);

	if (longest != NULL)
		client_shed(tcp, client_at(longest), COUNT_tcp_shed);
	else
		pause_listener(tcp, listener);
	return longest != NULL;
}

bool tcp_accept(struct tcp *tcp, struct source *listener, uint64_t now_monotonic_ms)
{
	uint64_t end_us = slice_end_us();

	tcp->now_ms = now_monotonic_ms;
	for (unsigned i = 0; i < ACCEPTS_MAX && (i == 0 || clock_monotonic_us() < end_us); i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof from;
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct addr addr;
		uint16_t port;

		if (fd >= 0) {
			addr_from_sockaddr(&addr, &port, &from);
			make_room(tcp, &addr);
			client_open(tcp, fd, &addr, port);
		} else if (errno == EAGAIN) {
			return false;
		} else if (is_shortage(errno)) {
			/* told before the kernel looks whether anybody waits: surely somebody does at first only */
			if (i > 0 || !shed_for_descriptor(tcp, listener))
				return false;
		} /* else the client went away before we came */
	}
	return true;
}

/* When those of a state are over their time; all the same, so that the queues are in the order of deadlines. */
static uint64_t patience_ms(const struct tcp *tcp, enum roster_state state)
{
	uint32_t idle_ms = tcp_limit(&tcp->limits->idle_ms);

	switch (state) {
	case ROSTER_OWING:
		return TCP_QUERY_MS;
	case ROSTER_WRITING:
		return idle_ms < UNREAD_MS ? idle_ms : UNREAD_MS;
	case ROSTER_IDLE:
	case ROSTER_STATES:
		break;
	}
	return tcp->closing ? 0 : idle_ms;
}

static const enum counter expired[ROSTER_STATES] = {
	[ROSTER_OWING] = COUNT_tcp_late,
	[ROSTER_IDLE] = COUNT_tcp_idle_closed,
	[ROSTER_WRITING] = COUNT_tcp_unread,
};

void tcp_expire(struct tcp *tcp, uint64_t now_monotonic_ms, bool idle_too)
{
	uint64_t end_us = slice_end_us();
	unsigned left = EXPIRES_MAX;

	tcp->closing = idle_too;
	for (enum roster_state state = 0; state < ROSTER_STATES; state++) {
		struct roster_seat *seat;

		while (left > 0 && (seat = roster_first(tcp->roster, state)) != NULL &&
			seat->since_ms + patience_ms(tcp, state) <= now_monotonic_ms) {
			client_shed(tcp, client_at(seat), expired[state]);
			left = clock_monotonic_us() < end_us ? left - 1 : 0;
		}
	}
	if (tcp->npaused > 0 && tcp->resume_ms <= now_monotonic_ms)
		resume_listeners(tcp);
}

uint64_t tcp_next_ms(const struct tcp *tcp)
{
	uint64_t next_ms = tcp->npaused > 0 ? tcp->resume_ms : UINT64_MAX;

	for (enum roster_state state = 0; state < ROSTER_STATES; state++) {
		const struct roster_seat *seat = roster_first(tcp->roster, state);

		if (seat != NULL && seat->since_ms + patience_ms(tcp, state) < next_ms)
			next_ms = seat->since_ms + patience_ms(tcp, state);
	}
	return next_ms;
}

void tcp_free(struct tcp *tcp)
{
	struct roster_seat *seat;

	if (tcp == NULL)
		return;
	while ((seat = roster_longest(tcp->roster)) != NULL)
		tcp_client_close(tcp, client_at(seat), true);
	while (tcp->chunks != NULL) {
		struct tcp_chunk *next = tcp->chunks->next;

		free(tcp->chunks);
		tcp->chunks = next;
	}
	roster_free(tcp->roster);
	if (tcp->source.fd >= 0)
		close(tcp->source.fd);
	free(tcp);
}
