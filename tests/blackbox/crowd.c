/* crowd - many TCP clients of a bad kind at once, for what they must not do to others.
 *
 * usage: crowd ADDRESS PORT NAME KIND CLIENTS RATE NETWORKS
 *
 *   idle   ask once, read the answer, and stay
 *   silent say nothing
 *   slow   send a query byte by byte, one each 100 ms, and stop before the last one
 *   deaf   send queries until no more can be sent, and read nothing
 *   half   the same, but end the sending side
 *   liar   announce another length than what comes: none, too few to be true, far more than comes, nearly all of 65535
 *   greedy send queries without a pause, and read every answer
 *
 * CLIENTS are kept: whoever is closed comes again, RATE connections a second at most, in turn from NETWORKS networks
 * (127.64.N.1). Prints "full" once, when all have done what they do; at SIGTERM one line, key=value. Loopback only. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { EVENTS = 256, QUERY_MAX = 300, LOT_MAX = 16384, STEP_MS = 100, FILES_BESIDE = 32, NEARLY_ALL = 60000 };

enum kind { IDLE, SILENT, SLOW, DEAF, HALF, LIAR, GREEDY, KINDS };
static const char *const kind_names[KINDS] = { "idle", "silent", "slow", "deaf", "half", "liar", "greedy" };

struct client {
	int fd; /* -1: none */
	unsigned number;
	bool asked, done;
	size_t sent;      /* of what it says */
	uint64_t next_ms; /* slow: its next byte */
};

struct crowd {
	enum kind kind;
	struct sockaddr_in to;
	unsigned nclients, rate, nnetworks;
	int epoll;
	struct client *client;
	uint8_t lot[LOT_MAX]; /* queries, one behind the other */
	size_t query_len, lot_len;
	uint64_t open, most, full, connected, closed, reset, failed, answers_len;
	bool told;
};

static volatile sig_atomic_t enough;

static void stop(int number)
{
	enough = number;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void make_lot(struct crowd *crowd, const char *text)
{
	uint8_t query[QUERY_MAX] = { 0 };
	struct name name;

	if (!name_from_text(&name, text))
		die("crowd: not a name");
	crowd->query_len = 2 + 12 + name.len + 4u;
	query[1] = (uint8_t)(crowd->query_len - 2);
	query[7] = 1;
	memcpy(query + 14, name.wire, name.len);
	memcpy(query + 14 + name.len, "\0\20\0\1", 4); /* TXT */
	while (crowd->lot_len + crowd->query_len <= LOT_MAX) {
		memcpy(crowd->lot + crowd->lot_len, query, crowd->query_len);
		crowd->lot_len += crowd->query_len;
	}
}

static void done(struct crowd *crowd, struct client *client)
{
	if (!client->done)
		crowd->full++;
	client->done = true;
	if (crowd->full < crowd->nclients || crowd->told)
		return;
	crowd->told = true;
	printf("full\n");
	fflush(stdout);
}

static void watch(struct crowd *crowd, struct client *client, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	if (epoll_ctl(crowd->epoll, operation, client->fd, &event) != 0)
		die("epoll_ctl");
}

static void leave(struct crowd *crowd, struct client *client, uint64_t *how)
{
	(*how)++;
	crowd->open--;
	crowd->full -= client->done;
	close(client->fd);
	client->fd = -1;
}

static void join(struct crowd *crowd, struct client *client)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int yes = 1, small = 2048;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		die("crowd: socket");
	from.sin_addr.s_addr = htonl(0x7f400001u | client->number % crowd->nnetworks << 8);
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
	if (crowd->kind == DEAF || crowd->kind == HALF)
		setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (bind(client->fd, (struct sockaddr *)&from, sizeof from) != 0)
		die("crowd: bind");
	client->asked = client->done = false;
	client->sent = 0;
	client->next_ms = 0;
	if (connect(client->fd, (struct sockaddr *)&crowd->to, sizeof crowd->to) != 0 && errno != EINPROGRESS) {
		crowd->failed++;
		close(client->fd);
		client->fd = -1;
		return;
	}
	if (++crowd->open > crowd->most)
		crowd->most = crowd->open;
	watch(crowd, client, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Send up to len bytes. False when the connection is gone. */
static bool put(struct client *client, const void *bytes, size_t len, size_t *sent)
{
	ssize_t n = send(client->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	*sent = n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool lie(struct crowd *crowd, struct client *client)
{
	static const uint8_t none[] = { 0, 0 }, few[] = { 0, 5, 1, 2, 3, 4, 5 }, more[] = { 255, 255, 1, 2, 3 };
	static uint8_t nearly[NEARLY_ALL] = { 255, 255 };
	static const struct {
		const uint8_t *bytes;
		size_t len;
	} lies[] = { { none, sizeof none }, { few, sizeof few }, { more, sizeof more }, { nearly, sizeof nearly } };
	unsigned which = client->number % COUNT_OF(lies);
	size_t sent;
	bool there = put(client, lies[which].bytes + client->sent, lies[which].len - client->sent, &sent);

	client->sent += sent;
	if (client->sent == lies[which].len) {
		watch(crowd, client, EPOLL_CTL_MOD, EPOLLIN);
		done(crowd, client);
	}
	return there;
}

/* As many queries as go. */
static bool pour(struct crowd *crowd, struct client *client, size_t *sent)
{
	size_t at = client->sent % crowd->query_len;
	bool there = put(client, crowd->lot + at, crowd->lot_len - at, sent);

	client->sent += *sent;
	return there;
}

/* The connection takes bytes: say what this kind says. False when it is gone. */
static bool say(struct crowd *crowd, struct client *client, uint64_t now_ms)
{
	size_t sent = 0;
	bool there = true;

	switch (crowd->kind) {
	case IDLE:
		there = put(client, crowd->lot, crowd->query_len, &sent);
		watch(crowd, client, EPOLL_CTL_MOD, EPOLLIN);
		break;
	case SLOW:
		client->next_ms = now_ms + STEP_MS;
		if (client->sent < crowd->query_len - 1)
			there = put(client, crowd->lot + client->sent, 1, &sent);
		client->sent += sent;
		watch(crowd, client, EPOLL_CTL_MOD, EPOLLIN);
		done(crowd, client);
		break;
	case DEAF:
	case HALF:
		there = pour(crowd, client, &sent);
		done(crowd, client);
		if (crowd->kind == HALF && client->sent >= crowd->lot_len / 2) {
			shutdown(client->fd, SHUT_WR);
			watch(crowd, client, EPOLL_CTL_MOD, EPOLLRDHUP);
		}
		break;
	case LIAR:
		there = lie(crowd, client);
		break;
	case GREEDY:
		there = pour(crowd, client, &sent);
		done(crowd, client);
		watch(crowd, client, EPOLL_CTL_MOD, sent > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
		break;
	case SILENT:
	case KINDS:
		watch(crowd, client, EPOLL_CTL_MOD, EPOLLIN);
		done(crowd, client);
		break;
	}
	return there;
}

/* Something came. False when the connection is gone. */
static bool hear(struct crowd *crowd, struct client *client, uint64_t *how[static 1])
{
	static uint8_t bytes[65536];
	ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	*how = got == 0 ? &crowd->closed : &crowd->reset;
	if (got <= 0)
		return false;
	crowd->answers_len += (uint64_t)got;
	if (crowd->kind == IDLE)
		done(crowd, client);
	if (crowd->kind == GREEDY)
		watch(crowd, client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	return true;
}

static void handle(struct crowd *crowd, const struct epoll_event *event, uint64_t now_ms)
{
	struct client *client = event->data.ptr;
	uint64_t *how = &crowd->reset;
	bool there = (event->events & (EPOLLERR | EPOLLHUP)) == 0;

	if (!client->asked && there) {
		client->asked = true;
		crowd->connected++;
	}
	if (there && (event->events & EPOLLIN) != 0)
		there = hear(crowd, client, &how);
	if (there && (event->events & EPOLLOUT) != 0)
		there = say(crowd, client, now_ms);
	if (!there)
		leave(crowd, client, how);
}

/* The slow ones send a byte each. */
static void step(struct crowd *crowd, uint64_t now_ms)
{
	for (unsigned i = 0; i < crowd->nclients; i++) {
		struct client *client = &crowd->client[i];

		if (client->fd >= 0 && client->next_ms != 0 && client->next_ms <= now_ms && !say(crowd, client, now_ms))
			leave(crowd, client, &crowd->reset);
	}
}

static void run(struct crowd *crowd)
{
	uint64_t start_us = clock_monotonic_us(), joined = 0, stepped_ms = 0;
	struct epoll_event events[EVENTS];
	unsigned next = 0;

	while (enough == 0) {
		uint64_t now_us = clock_monotonic_us(), due = (now_us - start_us) * crowd->rate / 1000000;
		int n;

		if (due > joined + crowd->rate / 20) /* what was missed is not caught up with */
			joined = due - crowd->rate / 20;
		for (unsigned looked = 0; joined < due && crowd->open < crowd->nclients && looked < crowd->nclients;
			looked++) {
			next = (next + 1) % crowd->nclients;
			if (crowd->client[next].fd >= 0)
				continue;
			join(crowd, &crowd->client[next]);
			joined++;
		}
		if (crowd->open == crowd->nclients)
			joined = due;
		n = epoll_wait(crowd->epoll, events, EVENTS, 2);
		for (int i = 0; i < n; i++)
			handle(crowd, &events[i], now_us / 1000);
		if (crowd->kind == SLOW && now_us / 1000 >= stepped_ms + STEP_MS / 5) {
			stepped_ms = now_us / 1000;
			step(crowd, stepped_ms);
		}
	}
}

static void raise_files(unsigned clients)
{
	struct rlimit want = { clients + FILES_BESIDE, clients + FILES_BESIDE }, now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur >= want.rlim_cur)
		return;
	if (now.rlim_max > want.rlim_max)
		want.rlim_max = now.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &want) != 0)
		die("crowd: open files");
}

int main(int argc, char **argv)
{
	static struct crowd crowd;

	if (argc != 8 || inet_pton(AF_INET, argv[1], &crowd.to.sin_addr) != 1 || strncmp(argv[1], "127.", 4) != 0) {
		fprintf(stderr, "usage: crowd ADDRESS PORT NAME KIND CLIENTS RATE NETWORKS (loopback only)\n");
		return 2;
	}
	crowd.to.sin_family = AF_INET;
	crowd.to.sin_port = htons((uint16_t)atoi(argv[2]));
	make_lot(&crowd, argv[3]);
	while (crowd.kind < KINDS && strcmp(argv[4], kind_names[crowd.kind]) != 0)
		crowd.kind++;
	crowd.nclients = (unsigned)atoi(argv[5]);
	crowd.rate = (unsigned)atoi(argv[6]);
	crowd.nnetworks = (unsigned)atoi(argv[7]);
	if (crowd.kind == KINDS || crowd.nclients == 0 || crowd.rate == 0 || crowd.nnetworks - 1 > 255) {
		fprintf(stderr, "crowd: no such kind, or not a number\n");
		return 2;
	}
	raise_files(crowd.nclients);
	crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
	crowd.client = mem_alloc(crowd.nclients * sizeof *crowd.client);
	for (unsigned i = 0; i < crowd.nclients; i++)
		crowd.client[i] = (struct client){ .fd = -1, .number = i };
	signal(SIGTERM, stop);
	run(&crowd);
	printf("open=%" PRIu64 " most=%" PRIu64 " connected=%" PRIu64 " closed=%" PRIu64 " reset=%" PRIu64
	       " failed=%" PRIu64 " answers_kb=%" PRIu64 "\n",
		crowd.open, crowd.most, crowd.connected, crowd.closed, crowd.reset, crowd.failed,
		crowd.answers_len / 1024);
	return 0;
}
