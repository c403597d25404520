/* Caches that can only forget everything, at most once a second: dnsmasq (SIGHUP to the process of its pid file) and systemd-resolved
 * (resolvectl flush-caches). All that waits is done by one flush. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/adapter.h"

enum { CLASSES = 1 << EVENT_DNS | 1 << EVENT_ZONE | 1 << EVENT_ALL, BATCH = 4096, KILL_MS = 2000 };

static void *whole_open(const struct cache_conf *conf, struct err *err)
{
	if (strcmp(conf->type, "dnsmasq") == 0 && conf->pid_file[0] == '\0') {
		err_set(err, "pid-file: must be given (the path that dnsmasq has it at)");
		return NULL;
	}
	return (void *)(uintptr_t)conf;
}

static void whole_close(void *state)
{
	(void)state;
}

static unsigned finish(struct adapter_work *work, unsigned n, bool good, const struct err *err)
{
	adapter_say_all(work, n, good ? ADAPTER_DONE : ADAPTER_AWAY, err);
	return n;
}

/* ---- dnsmasq ---- */

static bool is_dnsmasq(pid_t pid)
{
	char *path = mem_printf("/proc/%d/comm", (int)pid), *text = NULL;
	size_t len;
	bool is = file_read(path, 64, &text, &len, NULL) && strcmp(text, "dnsmasq\n") == 0;

	free(text);
	free(path);
	return is;
}

/* A pid file may be old: what has the number now must be called dnsmasq. */
static bool find_process(const struct cache_conf *conf, pid_t *pid, struct err *err)
{
	char *text = NULL;
	uint64_t number;
	size_t len;
	bool good = file_read(conf->pid_file, 64, &text, &len, err);

	if (good) {
		text[strcspn(text, "\n")] = '\0';
		good = number_parse(text, 2, INT32_MAX, &number)
			       ? true
			       : err_set(err, "%s: holds no process number", conf->pid_file);
	}
	free(text);
	if (!good)
		return false;
	*pid = (pid_t)number;
	return is_dnsmasq(*pid) ? true : err_set(err, "%s: process %d is no dnsmasq", conf->pid_file, (int)*pid);
}

static unsigned dnsmasq_run(void *state, struct adapter_work *work, unsigned n)
{
	struct err err = { .text = "" };
	pid_t pid;
	bool good = find_process(state, &pid, &err);

	if (good && kill(pid, SIGHUP) != 0)
		good = err_set(&err, "process %d: %s", (int)pid, strerror(errno));
	return finish(work, n, good, &err);
}

static bool dnsmasq_ping(void *state, uint64_t *lived_s, struct err *err)
{
	pid_t pid;

	*lived_s = UINT64_MAX;
	return find_process(state, &pid, err);
}

/* ---- systemd-resolved ---- */

static bool wait_child(pid_t pid, const char *what, struct err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd poller = { fd, POLLIN, 0 };
	bool ended = fd >= 0 && poll(&poller, 1, KILL_MS) > 0;

	if (!ended)
		kill(pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		return err_set(err, "%s did not end in %d ms", what, KILL_MS);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? true : err_set(err, "%s failed", what);
}

static bool run_resolvectl(const char *verb, struct err *err)
{
	char path[] = "/usr/bin/resolvectl", *argv[] = { path, (char *)(uintptr_t)verb, NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error;

	posix_spawn_file_actions_init(&actions);
	for (int fd = 0; fd <= 2; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	error = posix_spawn(&pid, path, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return error == 0 ? wait_child(pid, "resolvectl", err) : err_set(err, "%s: %s", path, strerror(error));
}

static unsigned resolved_run(void *state, struct adapter_work *work, unsigned n)
{
	struct err err = { .text = "" };

	(void)state;
	return finish(work, n, run_resolvectl("flush-caches", &err), &err);
}

static bool resolved_ping(void *state, uint64_t *lived_s, struct err *err)
{
	(void)state;
	*lived_s = UINT64_MAX;
	return run_resolvectl("statistics", err);
}

const struct adapter adapter_dnsmasq = {
	.type = "dnsmasq",
	.classes = CLASSES,
	.whole = true,
	.batch = BATCH,
	.most = 1,
	.timeout_ms = 500,
	.open = whole_open,
	.close = whole_close,
	.run = dnsmasq_run,
	.ping = dnsmasq_ping,
};

const struct adapter adapter_resolved = {
	.type = "resolved",
	.classes = CLASSES,
	.whole = true,
	.batch = BATCH,
	.most = 1,
	.timeout_ms = KILL_MS,
	.open = whole_open,
	.close = whole_close,
	.run = resolved_run,
	.ping = resolved_ping,
};
