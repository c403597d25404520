/* check=tcp: does somebody accept a connection? It is closed by a reset (SO_LINGER 0), so that thousands of probes a second
 * leave no port in TIME_WAIT. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/probe.h"

struct tcp_work {
	struct loop_watch watch;
	struct probe *probe;
};

static void tcp_release(struct tcp_work *work)
{
	loop_unwatch(probe_loop(work->probe), &work->watch);
	close(work->watch.fd);
	free(work);
}

static void tcp_ready(struct loop_watch *watch, uint32_t events)
{
	struct tcp_work *work = LOOP_OWNER(watch, struct tcp_work, watch);
	struct probe *probe = work->probe;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)events;
	if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	tcp_release(work);
	if (error == 0)
		probe_end(probe, PROBE_OK, 0, NULL);
	else
		probe_end_errno(probe, error);
}

static void tcp_start(struct probe *probe)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(&probe->target->addr, probe->target->port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;
	struct tcp_work *work;

	if (fd < 0) {
		probe_end(probe, PROBE_LOCAL, 0, strerror(errno));
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (connect(fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS) {
		error = errno;
		close(fd);
		probe_end_errno(probe, error);
		return;
	}
	work = mem_alloc(sizeof *work);
	*work = (struct tcp_work){ .watch = { .ready = tcp_ready, .fd = fd }, .probe = probe };
	probe->work = work;
	if (!loop_watch(probe_loop(probe), &work->watch, EPOLLOUT)) {
		error = errno;
		tcp_release(work);
		probe_end(probe, PROBE_LOCAL, 0, strerror(error));
	}
}

static void tcp_stop(struct probe *probe, struct probe_report *report)
{
	if (report != NULL)
		probe_set_detail(report, "no answer to connect");
	tcp_release(probe->work);
}

const struct probe_method probe_tcp = { .descriptors = 1, .most = UINT_MAX, .start = tcp_start, .stop = tcp_stop };
