/* tcp_client - one connection: its bytes, its answers, its turn. Inner to tcp.c, which decides who comes, who goes, and whose
 * turn it is. */
#ifndef GSLB_TCP_CLIENT_H
#define GSLB_TCP_CLIENT_H

#include <sys/epoll.h>

#include "gslb/conf.h"
#include "gslb/roster.h"
#include "gslb/stream.h"
#include "gslb/tcp.h"

enum {
	TCP_TURN_LEN = 32768, /* bytes of answers that end a connection's turn */
	TCP_EVENTS_MAX = 64,  /* fetched together */
	TCP_CHUNK = 64,       /* connections allocated together */
};

struct tcp_client {
	struct roster_seat seat;
	int fd;           /* -1: closed */
	uint32_t watched; /* epoll events */
	bool eof;         /* it will send no more, but may still read */
	bool measured;    /* its handshake was looked at */
	uint16_t port;
	struct addr addr;
	size_t held;                  /* bytes of heap, as counted */
	TAILQ_ENTRY(tcp_client) link; /* of those that hold heap, or are not in use */
	uint8_t *out;                 /* heap: answers that the kernel did not take; NULL: none */
	size_t out_at, out_len;
	struct stream in;
};

_Static_assert(sizeof(struct tcp_client) + 256 <= TCP_PLACE_LEN, "a place and its network's entry");

TAILQ_HEAD(tcp_queue, tcp_client);

struct tcp_chunk {
	struct tcp_chunk *next;
	struct tcp_client client[TCP_CHUNK];
};

struct tcp {
	struct source source; /* the connections' epoll, as the worker's epoll knows it */
	int epoll;            /* the worker's */
	struct packet_context *context;
	const struct tcp_limits *limits;
	uint32_t *promise_ms;
	struct rtt_ring *rtts; /* NULL: nobody wants them */
	uint64_t now_ms;       /* of this turn */
	bool closing;          /* idle connections go, too */
	struct roster *roster;
	struct tcp_queue unused, holders; /* holders: who has held heap for longest is first */
	size_t held;                      /* by all of them */
	struct tcp_chunk *chunks;
	int nevents, event_at;
	struct epoll_event events[TCP_EVENTS_MAX];
	size_t npaused;
	uint64_t resume_ms;
	struct source *paused[CONF_LISTEN_MAX];
	size_t out_len;
	uint8_t out[TCP_TURN_LEN + 2 + PACKET_TCP_MAX];
};

static inline uint32_t tcp_limit(const _Atomic uint32_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* Wait for these events. False when the system refuses. */
bool tcp_client_watch(struct tcp *tcp, struct tcp_client *client, uint32_t events);
/* One turn: send what waits, read, answer. Whoever is to go then is closed. */
void tcp_client_turn(struct tcp *tcp, struct tcp_client *client);
/* Reset: the client learns at once that no answer will come. */
void tcp_client_close(struct tcp *tcp, struct tcp_client *client, bool reset);

#endif
