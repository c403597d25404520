/* loop - one thread's epoll and its timers. Watches and timers are embedded in what they belong to: the loop owns none of
 * them, and LOOP_OWNER leads from one back to its owner. */
#ifndef GSLB_HEALTH_LOOP_H
#define GSLB_HEALTH_LOOP_H

#include <stddef.h>
#include <sys/epoll.h>

#include "base/base.h"
#include "health/wheel.h"

struct loop;

struct loop_timer {
	struct wheel_timer wheel; /* first */
	void (*fire)(struct loop_timer *timer);
};

static inline bool loop_is_set(const struct loop_timer *timer)
{
	return timer->wheel.place != 0;
}

/* When it fires, or fired last: monotonic. */
static inline uint64_t loop_at_us(const struct loop_timer *timer)
{
	return timer->wheel.at_us;
}

struct loop_watch {
	void (*ready)(struct loop_watch *watch, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
	int fd;
};

#define LOOP_OWNER(part, type, member) ((type *)(void *)((char *)(part)-offsetof(type, member)))

struct loop *loop_new(struct err *err); /* NULL when the kernel has no epoll for us */
void loop_free(struct loop *loop);

/* Set, or move, a timer; it fires once, within a millisecond after its time, which is 0 for "in the next round". loop_clear of
 * one that is not set does nothing. */
void loop_set(struct loop *loop, struct loop_timer *timer, uint64_t at_us);
void loop_clear(struct loop *loop, struct loop_timer *timer);

/* False when the kernel refuses: out of memory or of watches. */
bool loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events);
bool loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Before the descriptor is closed. After it the watch may be freed, also in the midst of a round. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);
/* The same in short, for a descriptor that is closed right after and that nobody else has: the kernel then drops it by itself. */
void loop_forget(struct loop *loop, struct loop_watch *watch);

void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);

#endif
