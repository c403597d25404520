/* A farm of backends for the probe engine's measurement: one listener on all of 127/8 stands for as many endpoints as there are
 * addresses. It does as little as it can, in a process of its own, so that its CPU is not taken for the prober's.
 *
 * usage: farm PORT accept|early|silent|STATUS     prints "ready", runs until it is killed */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, BACKLOG = 4096 };

static int epoll;
static int listener;
static char answer[128]; /* "": it closes when a request has come */
static size_t answer_len;
static int reads_requests, never_answers;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void take_connections(void)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		if (!reads_requests || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			close(fd);
	}
}

static void take_request(int fd)
{
	char request[4096];
	ssize_t len = recv(fd, request, sizeof request, 0);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len > 0 && answer_len > 0 && send(fd, answer, answer_len, MSG_NOSIGNAL) == (ssize_t)answer_len)
		return; /* the prober says whether it goes on */
	if (len <= 0 || !never_answers)
		close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct epoll_event event = { .events = EPOLLIN }, events[BATCH];
	int one = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: farm PORT accept|early|silent|STATUS\n");
		return 2;
	}
	here.sin_port = htons((uint16_t)atoi(argv[1]));
	reads_requests = strcmp(argv[2], "accept") != 0;
	never_answers = strcmp(argv[2], "silent") == 0;
	if (reads_requests && !never_answers && strcmp(argv[2], "early") != 0)
		answer_len = (size_t)snprintf(
			answer, sizeof answer, "HTTP/1.1 %s Farm\r\nContent-Length: 2\r\n\r\nok", argv[2]);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
		bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, BACKLOG) != 0)
		fail("listen");
	epoll = epoll_create1(0);
	event.data.fd = listener;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		fail("epoll");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				take_connections();
			else
				take_request(events[i].data.fd);
		}
	}
}
