/* Timers lie in a timing wheel. A look at epoll hands out at most a batch of events; a watch that is dropped by another's callback is struck from what is left of
 * the batch, so no callback ever sees freed memory. */
#include "health/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128, LOOKS = 2, TIMERS = 1024 };

struct loop {
	int epoll;
	bool stopped;
	struct wheel wheel;
	struct epoll_event batch[BATCH];
	int nbatch, at; /* the events of this round, and the one being handled */
};

struct loop *loop_new(struct err *err)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct loop *loop;

	if (epoll < 0) {
		err_set(err, "no epoll: %s", strerror(errno));
		return NULL;
	}
	loop = mem_alloc(sizeof *loop);
	loop->epoll = epoll;
	wheel_init(&loop->wheel, clock_monotonic_us());
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll);
	free(loop);
}

/* ---- timers ---- */

void loop_set(struct loop *loop, struct loop_timer *timer, uint64_t at_us)
{
	wheel_set(&loop->wheel, &timer->wheel, at_us);
}

void loop_clear(struct loop *loop, struct loop_timer *timer)
{
	wheel_clear(&loop->wheel, &timer->wheel);
}

/* Not all, however many are late: sockets get their turn in between. */
static void fire_due(struct loop *loop)
{
	struct wheel_timer *due;

	wheel_advance(&loop->wheel, clock_monotonic_us());
	for (int i = 0; i < TIMERS && !loop->stopped && (due = wheel_take(&loop->wheel)) != NULL; i++) {
		struct loop_timer *timer = (struct loop_timer *)(void *)due;

		timer->fire(timer);
	}
}

/* How long epoll may sleep: to the next timer, rounded up so that it never wakes just before. */
static int wait_ms(const struct loop *loop)
{
	uint64_t next_us = wheel_next_us(&loop->wheel), now_us, left_ms;

	if (next_us == 0 || next_us == UINT64_MAX)
		return next_us == 0 ? 0 : -1;
	now_us = clock_monotonic_us();
	if (next_us <= now_us)
		return 0;
	left_ms = (next_us - now_us + 999) / 1000;
	return left_ms < 60000 ? (int)left_ms : 60000;
}

/* ---- watches ---- */

static bool control(struct loop *loop, int op, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll, op, watch->fd, &event) == 0;
}

bool loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

bool loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
	control(loop, EPOLL_CTL_DEL, watch, 0);
	loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, struct loop_watch *watch)
{
	for (int i = loop->at; i < loop->nbatch; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

/* The events of one look at epoll. True when there may be more. */
static bool handle_events(struct loop *loop, int most_ms)
{
	int n = epoll_wait(loop->epoll, loop->batch, BATCH, most_ms);

	assert(n >= 0 || errno == EINTR);
	loop->nbatch = n > 0 ? n : 0;
	for (loop->at = 0; loop->at < loop->nbatch && !loop->stopped; loop->at++) {
		struct loop_watch *watch = loop->batch[loop->at].data.ptr;

		if (watch != NULL)
			watch->ready(watch, loop->batch[loop->at].events);
	}
	loop->nbatch = 0;
	return n == BATCH;
}

/* Events come before timers, since events end probes and timers begin them: whoever is behind is late then, and knows it, and
 * does not have ever more under way. */
void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int looks = 0;

		while (handle_events(loop, looks == 0 ? wait_ms(loop) : 0) && !loop->stopped && looks < LOOKS)
			looks++;
		fire_due(loop);
	}
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
