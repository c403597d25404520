/* Timers lie in a binary heap that knows each one's place, so that moving and clearing is as cheap as setting. A round of
 * epoll hands out at most a batch of events; a watch that is dropped by another's callback is struck from what is left of
 * the batch, so no callback ever sees freed memory. */
#include "health/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128 };

struct loop {
	int epoll;
	bool stopped;
	uint64_t lag_us;
	struct loop_timer **heap; /* [1 … ntimers] */
	size_t ntimers, cap;
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
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll);
	free(loop->heap);
	free(loop);
}

/* ---- timers ---- */

static void heap_place(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

static void heap_rise(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	for (; place > 1 && loop->heap[place / 2]->at_us > timer->at_us; place /= 2)
		heap_place(loop, place, loop->heap[place / 2]);
	heap_place(loop, place, timer);
}

static void heap_sink(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	for (;;) {
		size_t child = place * 2;

		if (child < loop->ntimers && loop->heap[child + 1]->at_us < loop->heap[child]->at_us)
			child++;
		if (child > loop->ntimers || loop->heap[child]->at_us >= timer->at_us)
			break;
		heap_place(loop, place, loop->heap[child]);
		place = child;
	}
	heap_place(loop, place, timer);
}

void loop_set(struct loop *loop, struct loop_timer *timer, uint64_t at_us)
{
	if (timer->place == 0) {
		loop->heap = mem_grow(loop->heap, loop->ntimers + 1, &loop->cap, sizeof *loop->heap);
		timer->place = ++loop->ntimers;
	}
	timer->at_us = at_us;
	heap_rise(loop, timer);
	heap_sink(loop, timer);
}

void loop_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *last;
	size_t place = timer->place;

	if (place == 0)
		return;
	timer->place = 0;
	last = loop->heap[loop->ntimers--];
	if (last == timer)
		return;
	heap_place(loop, place, last);
	heap_rise(loop, last);
	heap_sink(loop, last);
}

static void fire_due(struct loop *loop)
{
	uint64_t now_us = clock_monotonic_us();

	while (!loop->stopped && loop->ntimers > 0 && loop->heap[1]->at_us <= now_us) {
		struct loop_timer *timer = loop->heap[1];

		loop_clear(loop, timer);
		if (timer->at_us > 0) /* 0 is "next", and never late */
			loop->lag_us = clock_monotonic_us() - timer->at_us;
		timer->fire(timer);
	}
}

uint64_t loop_lag_us(const struct loop *loop)
{
	return loop->lag_us;
}

/* How long epoll may sleep: to the next timer, rounded up so that it never wakes just before. */
static int wait_ms(const struct loop *loop)
{
	uint64_t now_us = clock_monotonic_us(), left_ms;

	if (loop->ntimers == 0)
		return -1;
	if (loop->heap[1]->at_us <= now_us)
		return 0;
	left_ms = (loop->heap[1]->at_us - now_us + 999) / 1000;
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
	for (int i = loop->at; i < loop->nbatch; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop));

		assert(n >= 0 || errno == EINTR);
		loop->nbatch = n > 0 ? n : 0;
		for (loop->at = 0; loop->at < loop->nbatch && !loop->stopped; loop->at++) {
			struct loop_watch *watch = loop->batch[loop->at].data.ptr;

			if (watch != NULL)
				watch->ready(watch, loop->batch[loop->at].events);
		}
		loop->nbatch = 0;
		fire_due(loop);
	}
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
