/* tcp - DNS over TCP (RFC 7766): many queries a connection, answered in order. One worker's own.
 *
 * Nothing that a client does or leaves undone holds memory or a place for long: a query must be whole within two seconds of
 * its first byte (the first one within two seconds of the connection), answers must be read within ten seconds, or tcp-idle
 * when that is shorter, and an idle connection is closed after tcp-idle. A client that does not read its answers is not read
 * from either.
 *
 * Three limits, and over each of them whoever has waited longest makes room, so that a newcomer is always served: of a
 * network over tcp-per-prefix, of all over tcp-clients, and of those that hold heap, over TCP_HEAP_EACH for each place.
 *
 * UDP goes first: all of this is one descriptor in the worker's epoll, and what is done for it in a turn is bounded, in time
 * for all connections and in answers for each. Another transport would be a file like this one beside it: packet.h answers,
 * and knows none of them. */
#ifndef GSLB_TCP_H
#define GSLB_TCP_H

#include "gslb/listen.h"
#include "gslb/packet.h"
#include "gslb/rtt_ring.h"

enum {
	TCP_QUERY_MS = 2000,
	TCP_HEAP_EACH = 8192,      /* bytes for each place, for all of a worker's connections together */
	TCP_HEAP_MIN = 256 * 1024, /* a worker's, however few places it has */
	TCP_PLACE_LEN = 2048,      /* what a place takes without heap, at most */
};

/* A worker's part of the limits, all at least 1; a reload may change them. */
struct tcp_limits {
	_Atomic uint32_t clients, per_prefix, idle_ms;
};

struct tcp;

/* The context, the limits, the promise and the epoll descriptor are borrowed for as long as it lives; the descriptor gets an
 * event of kind SOCKET_TCP. *promise_ms is where answers read how long a connection may be idle (RFC 7828): the limit, and 0
 * when the client does well to close. NULL with a sentence. */
struct tcp *tcp_new(int epoll, struct packet_context *context, const struct tcp_limits *limits, uint32_t *promise_ms,
	struct err *err);
/* Put the handshake's round trip of each connection from now on into the ring. */
void tcp_measure_into(struct tcp *tcp, struct rtt_ring *ring);
void tcp_free(struct tcp *tcp); /* resets what is still open; NULL is fine */
/* Take some new connections from a listening socket. True when there may be more. */
bool tcp_accept(struct tcp *tcp, struct source *listener, uint64_t now_monotonic_ms);
/* Something happened: serve some connections. What is left is there in the next turn. */
void tcp_serve(struct tcp *tcp, uint64_t now_monotonic_ms);
/* Close some of what is over its time; with `idle_too` whatever waits for nothing, from now on. */
void tcp_expire(struct tcp *tcp, uint64_t now_monotonic_ms, bool idle_too);
/* When there is something to expire; UINT64_MAX: never. */
uint64_t tcp_next_ms(const struct tcp *tcp);
uint32_t tcp_clients(const struct tcp *tcp);

#endif
