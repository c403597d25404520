/* target - one cache: what it has to forget, and the thread that tells it. All functions are the main thread's; the target's own thread
 * does nothing but run the adapter on a batch, so that a cache that hangs holds up nobody but itself. */
#ifndef GSLB_RELAY_TARGET_H
#define GSLB_RELAY_TARGET_H

#include "relay/adapter.h"
#include "relay/breaker.h"
#include "relay/pacer.h"
#include "relay/spread.h"

struct target;

struct target_stats {
	uint64_t done, retried, refused, satisfied; /* entries; satisfied: by a restart of the cache */
	uint64_t verified[3];                       /* answers: fresh, stale, unknown */
	uint64_t found[2]; /* items that were there when they were dropped, that were not: where the cache says so */
	struct spread verified_in; /* from an item being asked for to an answer that was seen to be fresh */
	uint64_t batches, took_us; /* the adapter's time, summed */
	size_t pending;
	uint64_t coalesced, collapsed;
	double budget_used; /* of what may be made anew, a second; 0 where there is no budget */
	enum breaker_state breaker;
	bool paused;
	char trouble[256]; /* the last failure's sentence; "" once it works again */
};

struct target_events {
	void *arg;
	/* An entry was refused for good: for the list of what could not be done. */
	void (*refused)(void *arg, const struct target *target, const struct pending_entry *entry, const char *reason);
	/* How often an item is asked for, a second at most; 0: not known. */
	float (*rate)(void *arg, enum event_class class, const char *text);
};

/* Starts the thread. event_fd is written to when there is something to collect. NULL with a sentence: the conf is wrong. */
struct target *target_new(const struct cache_conf *conf, const struct pacer_rule *rule, int event_fd,
	const struct target_events *events, struct err *err);
void target_free(struct target *target); /* waits for what is under way: at most the adapter's timeout */
const struct cache_conf *target_conf(const struct target *target);
/* Can it do something with events of this class? Then the event's items are added, and the job waits for them. */
bool target_takes(const struct target *target, enum event_class class);
void target_add(struct target *target, struct job *job, const struct event *event, uint64_t now_ms);
/* Collect what was done, and hand out what is due. Returns when to call again at the latest (monotonic). */
uint64_t target_run(struct target *target, uint64_t now_ms);
void target_pause(struct target *target, bool paused);
/* What waits for it: see pending_look. */
size_t target_pending(const struct target *target, struct pending_view *views, size_t max, uint64_t now_ms);
struct target_stats target_stats(const struct target *target);

#endif
