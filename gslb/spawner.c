/* gslbd drops its privileges, yet must be able to start gslb-health again under another user: so that right stays with a
 * process that does nothing else, reads one byte at a time and knows neither packets nor files. */
#include "gslb/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum order { ORDER_START = 's', ORDER_KILL = 'k' };

struct spawner {
	int sock;
	pid_t pid;
};

/* What the spawner's own process knows. */
struct inside {
	const char *program;
	uid_t uid;
	gid_t gid;
	bool change_user;
	int sock, signals;
	pid_t child; /* 0: none */
};

static bool send_order(int sock, enum order order, int fd)
{
	char byte = (char)order, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *head;

		message.msg_control = room;
		message.msg_controllen = sizeof room;
		head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))
		};
		memcpy(CMSG_DATA(head), &fd, sizeof fd);
	}
	return sendmsg(sock, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* One order and perhaps a descriptor; false when gslbd is gone. */
static bool receive_order(int sock, enum order *order, int *fd)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
	};
	struct cmsghdr *head;

	*fd = -1;
	if (recvmsg(sock, &message, MSG_CMSG_CLOEXEC) != 1)
		return false;
	head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(head), sizeof *fd);
	*order = (enum order)byte;
	return true;
}

static _Noreturn void become_health(const struct inside *inside, int sock)
{
	char number[16];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (inside->change_user && (setgroups(0, NULL) != 0 || setgid(inside->gid) != 0 || setuid(inside->uid) != 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* changing the user clears it */
	fcntl(sock, F_SETFD, 0);
	snprintf(number, sizeof number, "%d", sock);
	execl(inside->program, "gslb-health", "--fd", number, (char *)NULL);
	log_error("program=%s state=not-started reason=\"%s\"", inside->program, strerror(errno));
	_exit(127);
}

static void tell(const struct inside *inside, const struct spawner_event *event)
{
	if (send(inside->sock, event, sizeof *event, MSG_NOSIGNAL) < 0)
		_exit(0);
}

static void start_child(struct inside *inside, int sock)
{
	struct spawner_event event = { .started = true };

	event.pid = fork();
	if (event.pid == 0)
		become_health(inside, sock);
	event.status = event.pid < 0 ? errno : 0;
	if (event.pid > 0)
		inside->child = event.pid;
	tell(inside, &event);
}

static void reap_children(struct inside *inside)
{
	struct signalfd_siginfo taken;
	struct spawner_event event = { .started = false };

	if (read(inside->signals, &taken, sizeof taken) < 0)
		return;
	while ((event.pid = waitpid(-1, &event.status, WNOHANG)) > 0) {
		if (event.pid == inside->child)
			inside->child = 0;
		tell(inside, &event);
	}
}

static _Noreturn void serve(struct inside *inside)
{
	struct pollfd wait[2] = { { .fd = inside->sock, .events = POLLIN },
		{ .fd = inside->signals, .events = POLLIN } };

	for (;;) {
		enum order order;
		int fd;

		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents != 0)
			reap_children(inside);
		if (wait[0].revents == 0)
			continue;
		if (!receive_order(inside->sock, &order, &fd))
			break;
		if (order == ORDER_START && fd >= 0 && inside->child == 0)
			start_child(inside, fd);
		else if (order == ORDER_KILL && inside->child > 0)
			kill(inside->child, SIGKILL);
		if (fd >= 0)
			close(fd);
	}
	if (inside->child > 0)
		kill(inside->child, SIGKILL);
	_exit(0);
}

static bool find_user(const char *user, struct inside *inside, struct err *err)
{
	const struct passwd *entry;

	if (user[0] == '\0' || geteuid() != 0)
		return true;
	entry = getpwnam(user);
	if (entry == NULL)
		return err_set(
			err, "server.probe-user: %s: there is no such user here (adduser --system makes one)", user);
	inside->uid = entry->pw_uid;
	inside->gid = entry->pw_gid;
	inside->change_user = true;
	return true;
}

struct spawner *spawner_open(const char *program, const char *user, struct err *err)
{
	struct inside inside = { .program = program };
	struct spawner *spawner;
	int pair[2];
	pid_t pid;

	if (access(program, X_OK) != 0) {
		err_set(err, "%s: %s (gslb-health stands beside gslbd)", program, strerror(errno));
		return NULL;
	}
	if (!find_user(user, &inside, err))
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		err_set(err, "socketpair: %s", strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid < 0) {
		err_set(err, "fork: %s", strerror(errno));
		close(pair[0]);
		close(pair[1]);
		return NULL;
	}
	if (pid == 0) {
		sigset_t caught;

		close(pair[0]);
		prctl(PR_SET_NAME, "gslbd-spawner");
		sigemptyset(&caught);
		sigaddset(&caught, SIGCHLD);
		sigaddset(&caught, SIGINT); /* Ctrl-C reaches the whole group: gslbd decides when this ends */
		sigaddset(&caught, SIGTERM);
		sigaddset(&caught, SIGHUP);
		sigprocmask(SIG_BLOCK, &caught, NULL);
		sigemptyset(&caught);
		sigaddset(&caught, SIGCHLD);
		inside.signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
		inside.sock = pair[1];
		serve(&inside);
	}
	close(pair[1]);
	spawner = mem_alloc(sizeof *spawner);
	spawner->sock = pair[0];
	spawner->pid = pid;
	return spawner;
}

void spawner_close(struct spawner *spawner)
{
	if (spawner == NULL)
		return;
	if (spawner->sock >= 0)
		close(spawner->sock);
	waitpid(spawner->pid, NULL, 0);
	free(spawner);
}

int spawner_fd(const struct spawner *spawner)
{
	return spawner->sock;
}

bool spawner_start(struct spawner *spawner, int sock)
{
	bool sent = spawner->sock >= 0 && send_order(spawner->sock, ORDER_START, sock);

	close(sock);
	return sent;
}

bool spawner_kill(struct spawner *spawner)
{
	return spawner->sock >= 0 && send_order(spawner->sock, ORDER_KILL, -1);
}

int spawner_next(struct spawner *spawner, struct spawner_event *event)
{
	ssize_t len;

	if (spawner->sock < 0)
		return -1;
	len = recv(spawner->sock, event, sizeof *event, MSG_DONTWAIT);
	if (len == (ssize_t)sizeof *event)
		return 1;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close(spawner->sock);
	spawner->sock = -1;
	return -1;
}
