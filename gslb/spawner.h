/* spawner - a small process, forked before privileges are dropped and before there are threads, that starts gslb-health
 * under its own user, ends it when told to, and says when it has ended. It lives as long as gslbd's end of its socket. */
#ifndef GSLB_SPAWNER_H
#define GSLB_SPAWNER_H

#include <sys/types.h>

#include "base/base.h"

struct spawner;

struct spawner_event {
	bool started; /* else: ended */
	pid_t pid;    /* started: -1 when it could not be started */
	int status;   /* ended: as waitpid gives it; started with pid -1: errno */
};

/* program: absolute path of gslb-health. user: "" for the user we are. Call it while single-threaded. */
struct spawner *spawner_open(const char *program, const char *user, struct err *err);
void spawner_close(struct spawner *spawner); /* also ends gslb-health; NULL is fine */
int spawner_fd(
	const struct spawner *spawner); /* readable when spawner_next has something; -1 once the spawner is gone */
/* Start gslb-health on its end of the socket pair; that end is closed here. */
bool spawner_start(struct spawner *spawner, int sock);
bool spawner_kill(struct spawner *spawner); /* SIGKILL for what was started last */
/* 1 an event, 0 nothing now, -1 the spawner itself is gone. */
int spawner_next(struct spawner *spawner, struct spawner_event *event);

#endif
