/* listen - the sockets of the listen addresses, made and bound. */
#ifndef GSLB_LISTEN_H
#define GSLB_LISTEN_H

#include "base/base.h"

enum socket_kind {
	SOCKET_UDP,
	SOCKET_LISTEN,
	SOCKET_TCP, /* all connections: an epoll of their own */
	SOCKET_WAKE
};

/* What an epoll event points to: the head of whatever waits there. */
struct source {
	enum socket_kind kind;
	int fd;        /* -1: closed */
	bool wildcard; /* UDP: bound to no address, so each packet says where it was sent to */
};

/* A UDP and a listening TCP socket, non-blocking, at one address and port; port 0 takes one that is free for both, and
 * *port becomes it. The pair with `first` refuses an address that another process serves; later pairs (of other workers)
 * share it by SO_REUSEPORT. False with a sentence that names the address. */
bool listen_open(
	const struct addr *addr, uint16_t *port, bool first, struct source *udp, struct source *tcp, struct err *err);

#endif
