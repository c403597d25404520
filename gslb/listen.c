/* SO_REUSEPORT would let a second server of the same user slip in and take half of the packets. So the first socket of an
 * address is bound without it, which fails when anyone is there, and gets it afterwards, so that the other workers' sockets
 * may join. */
#include "gslb/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4 << 20, PORT_TRIES = 16, TFO_QUEUE = 256 };
enum {
	TCP_SEND_BYTES = 32768,
	TCP_RECEIVE_BYTES = 16384,
	TCP_GONE_MS = 10000
}; /* of which the kernel makes twice as many */

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* A burst waits here while the worker is busy; beyond net.core.rmem_max only for root. */
static void set_buffers(int fd)
{
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES))
		set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES))
		set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
}

/* Fragments and path MTU messages that a stranger forges must not matter: answers are short enough, and go as they are. */
static bool set_udp(int fd, const struct addr *addr, bool wildcard)
{
	set_buffers(fd);
	if (addr->family == ADDR_V4) {
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
		return !wildcard || set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	return !wildcard || set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static bool bind_socket(int fd, int type, const struct addr *addr, uint16_t port, bool first)
{
	struct sockaddr_storage to;
	socklen_t to_len = addr_to_sockaddr(addr, port, &to);

	if (addr->family == ADDR_V6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return false;
	/* what an earlier run left in TIME_WAIT must not keep us out */
	if (type == SOCK_STREAM && !set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return false;
	if (!first && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return false;
	if (bind(fd, (struct sockaddr *)&to, to_len) != 0)
		return false;
	return !first || set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

static bool is_wildcard(const struct addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, sizeof zero) == 0;
}

/* Connections inherit all this. With fixed buffers the kernel's memory for one is bounded, too, where it would let buffers
 * grow to megabytes for a client that pipelines and does not read. TCP_USER_TIMEOUT takes what we closed with answers under
 * way from a client that is gone. No TCP_DEFER_ACCEPT: silent connections would wait in the kernel's queue, which refuses
 * newcomers when it is full; ours sheds the oldest. */
static bool set_tcp(int fd)
{
	set(fd, SOL_SOCKET, SO_SNDBUF, TCP_SEND_BYTES);
	set(fd, SOL_SOCKET, SO_RCVBUF, TCP_RECEIVE_BYTES);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_GONE_MS);
	set(fd, IPPROTO_TCP, TCP_FASTOPEN, TFO_QUEUE); /* where net.ipv4.tcp_fastopen allows it */
	return set(fd, IPPROTO_TCP, TCP_NODELAY, 1) && listen(fd, SOMAXCONN) == 0;
}

/* One socket, bound; -1 with errno. */
static int open_one(int type, const struct addr *addr, uint16_t port, bool first)
{
	int fd = socket(addr->family == ADDR_V4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	if (bind_socket(fd, type, addr, port, first) &&
		(type == SOCK_STREAM ? set_tcp(fd) : set_udp(fd, addr, is_wildcard(addr))))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;
	struct addr addr;
	uint16_t port = 0;

	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		addr_from_sockaddr(&addr, &port, &at);
	return port;
}

static bool refuse(struct err *err, const struct addr *addr, uint16_t port, const char *protocol)
{
	char text[ADDR_TEXT_MAX];
	const char *advice = errno == EACCES          ? ": start as root, or take a port above 1023"
			     : errno == EADDRINUSE    ? ": another server is there (see ss -lnp)"
			     : errno == EADDRNOTAVAIL ? ": give the address to an interface first"
						      : "";

	return err_set(err, "%s@%u: %s: %s%s", addr_format(addr, text), port, protocol, strerror(errno), advice);
}

bool listen_open(
	const struct addr *addr, uint16_t *port, bool first, struct source *udp, struct source *tcp, struct err *err)
{
	for (int tries = 0;; tries++) {
		int udp_fd = open_one(SOCK_DGRAM, addr, *port, first), tcp_fd;
		uint16_t got;

		if (udp_fd < 0)
			return refuse(err, addr, *port, "UDP");
		got = bound_port(udp_fd);
		tcp_fd = open_one(SOCK_STREAM, addr, got, first);
		if (tcp_fd >= 0) {
			*udp = (struct source){ SOCKET_UDP, udp_fd, is_wildcard(addr) };
			*tcp = (struct source){ SOCKET_LISTEN, tcp_fd, is_wildcard(addr) };
			*port = got;
			return true;
		}
		if (*port != 0 || errno != EADDRINUSE || tries == PORT_TRIES) {
			refuse(err, addr, got, "TCP");
			close(udp_fd);
			return false;
		}
		close(udp_fd); /* free for UDP, taken for TCP: let the kernel pick another */
	}
}
