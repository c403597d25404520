/* The probe's own connect, for every check over TCP: a port that refuses costs four system calls and no library. What is
 * connected closes by a reset (SO_LINGER 0), so that thousands of probes a second leave no port in TIME_WAIT. */
#include "health/connect.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_now(struct connecting *connecting)
{
	loop_forget(probe_loop(connecting->probe),
		&connecting->watch); /* the kernel drops it from epoll when it is closed */
	close(connecting->watch.fd);
	connecting->watch.fd = -1;
}

static void connect_ready(struct loop_watch *watch, uint32_t events)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct connecting *connecting = LOOP_OWNER(watch, struct connecting, watch);
	socklen_t len = sizeof(int);
	int error = 0;

	if (events & (EPOLLERR | EPOLLHUP) && getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		setsockopt(watch->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	else
		close_now(connecting);
	connecting->done(connecting, error);
}

int connect_start(
	struct connecting *connecting, struct probe *probe, void (*done)(struct connecting *connecting, int error))
{
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(&probe->target->addr, probe->target->port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	*connecting = (struct connecting){
		.watch = { connect_ready, fd }, .probe = probe, .done = done, .started_us = clock_monotonic_us()
	};
	if (fd < 0)
		return errno;
	if ((connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS) &&
		loop_watch(probe_loop(probe), &connecting->watch, EPOLLOUT | EPOLLONESHOT))
		return 0;
	error = errno;
	close_now(connecting);
	return error;
}

void connect_close(struct connecting *connecting)
{
	if (connecting->watch.fd >= 0)
		close_now(connecting);
}

int connect_hand_over(struct connecting *connecting)
{
	int fd = connecting->watch.fd;

	connecting->watch.fd = -1;
	return fd;
}

uint32_t connect_took_us(const struct connecting *connecting)
{
	uint64_t took_us = clock_monotonic_us() - connecting->started_us;

	return took_us == 0 ? 1 : took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
}
