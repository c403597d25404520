/* tcp - DNS over TCP (RFC 7766): many queries a connection, answered in order. One worker's own.
 *
 * Nothing that a client does or leaves undone holds memory or a place for long: a query must be whole within two seconds of
 * its first byte (the first one within two seconds of the connection), an idle connection is closed after tcp-idle, and a
 * client that does not read its answers is not read from either, and is closed after the same time. Over the limit, the
 * connection that was idle for longest makes room. */
#ifndef GSLB_TCP_H
#define GSLB_TCP_H

#include "gslb/listen.h"
#include "gslb/packet.h"

enum { TCP_QUERY_MS = 2000 };

/* A worker's part of the limits; a reload may change them. */
struct tcp_limits {
	_Atomic uint32_t clients, idle_ms;
};

struct tcp;

/* The context, the limits and the epoll descriptor are borrowed for as long as it lives. */
struct tcp *tcp_new(int epoll, struct packet_context *context, const struct tcp_limits *limits);
void tcp_free(struct tcp *tcp); /* resets what is still open; NULL is fine */
/* Take new connections from a listening socket. */
void tcp_accept(struct tcp *tcp, const struct source *listener, uint64_t now_monotonic_ms);
/* Something happened on a connection: source is what its epoll event points to. */
void tcp_ready(struct tcp *tcp, struct source *source, uint64_t now_monotonic_ms);
/* Close what is over its time; with `idle_too` whatever waits for nothing. */
void tcp_expire(struct tcp *tcp, uint64_t now_monotonic_ms, bool idle_too);
/* When the next one is over its time; UINT64_MAX: none. */
uint64_t tcp_next_ms(const struct tcp *tcp);
uint32_t tcp_clients(const struct tcp *tcp);

#endif
