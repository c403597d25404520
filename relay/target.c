/* The thread and the main thread hand one batch back and forth under a lock; nothing else is shared. The pending queue, the pacer and
 * the breaker are the main thread's. */
#include "relay/target.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/control.h"
#include "relay/verify.h"

enum {
	BATCH_MAX = 4096,
	RETRY_MS = 100,
	RETRY_MAX_MS = 30000,
	GIVE_UP_MS = 24 * 3600 * 1000,
	PACE_MS = 10,
	BOOT_ROUND_MS = 2000,
	FLUSHES_MAX = 3 /* after which a resolver still gives an old answer */
};

enum phase { IDLE, ORDERED, DONE };

struct target {
	/* the main thread's */
	const struct cache_conf *conf;
	const struct adapter *adapter;
	struct pacer_rule rule;
	struct target_events events;
	struct pending *pending;
	struct pacer pacer;
	struct breaker breaker;
	struct dice dice;
	struct target_stats stats;
	uint32_t retry_ms;
	/* under the lock */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum phase phase;
	bool stop, ping, ping_good;
	uint64_t ping_lived_s, took_us;
	struct err ping_err;
	unsigned nwork;
	struct adapter_work *work;          /* between IDLE and DONE the thread's */
	struct pending_entry *copy;         /* of the entries: more may be asked of these meanwhile */
	const struct pending_entry **entry; /* the main thread's: what the work is of */
	/* the thread's */
	void *state;
	int event_fd;
};

/* ---- the thread ---- */

static bool has_type(const struct pending_entry *entry, uint16_t type)
{
	for (unsigned i = 0; i < entry->ntypes; i++)
		if (entry->type[i] == type)
			return true;
	return false;
}

static bool is_stopped(struct target *target)
{
	bool stop;

	pthread_mutex_lock(&target->lock);
	stop = target->stop;
	pthread_mutex_unlock(&target->lock);
	return stop;
}

/* A failover's name after its last flush. What is stale all the same is flushed again; in the end it is said. */
static void verify(struct target *target, struct adapter_work *work, uint16_t type)
{
	for (unsigned tries = 0;; tries++) {
		struct err why;
		enum verify_result result = verify_name(target->conf, work->entry->text, type, &why);

		work->verified[0] += result == VERIFY_FRESH;
		work->verified[1] += result == VERIFY_STALE;
		work->verified[2] += result == VERIFY_UNKNOWN;
		if (result != VERIFY_STALE)
			return;
		if (tries == FLUSHES_MAX) {
			adapter_say(work, ADAPTER_REFUSED, "%s", why.text);
			return;
		}
		target->adapter->run(target->state, work, 1);
		if (work->result != ADAPTER_DONE)
			return;
	}
}

static void verify_work(struct target *target, struct adapter_work *work, unsigned n)
{
	static const uint16_t types[] = { 1, 28 };

	for (; target->conf->verify[0] != '\0' && n > 0; work++, n--) {
		const struct pending_entry *entry = work->entry;

		if (entry->class != EVENT_DNS || entry->prio != EVENT_FAILOVER || entry->round < PENDING_LAST_ROUND ||
			is_stopped(target))
			continue;
		if (strncmp(entry->text, "*.", 2) == 0)
			continue;
		for (unsigned i = 0; i < COUNT_OF(types) && work->result == ADAPTER_DONE; i++)
			if (entry->ntypes == 0 || has_type(entry, types[i]))
				verify(target, work, types[i]);
	}
}

/* A cache that does not answer is not asked for the rest: with a timeout for each, a batch would take minutes, and so would an end. */
static void run_work(struct target *target)
{
	struct adapter_work *work = target->work;
	unsigned n = target->nwork;
	struct err away = { .text = "it was to stop" };

	for (unsigned did = 0; n > 0; work += did, n -= did) {
		if (is_stopped(target) || (did > 0 && work[-1].result == ADAPTER_AWAY)) {
			away = did > 0 ? work[-1].err : away;
			adapter_say_all(work, n, ADAPTER_AWAY, &away);
			return;
		}
		did = target->adapter->run(target->state, work, n);
		assert(did > 0 && did <= n);
		verify_work(target, work, did);
	}
}

static void do_order(struct target *target)
{
	uint64_t began_us = clock_monotonic_us();

	if (target->ping)
		target->ping_good = target->adapter->ping(target->state, &target->ping_lived_s, &target->ping_err);
	else
		run_work(target);
	target->took_us = clock_monotonic_us() - began_us;
}

static void *thread_main(void *arg)
{
	struct target *target = arg;

	pthread_mutex_lock(&target->lock);
	while (!target->stop) {
		if (target->phase != ORDERED) {
			pthread_cond_wait(&target->wake, &target->lock);
			continue;
		}
		pthread_mutex_unlock(&target->lock);
		do_order(target);
		pthread_mutex_lock(&target->lock);
		target->phase = DONE;
		eventfd_write(target->event_fd, 1);
	}
	pthread_mutex_unlock(&target->lock);
	return NULL;
}

static void order(struct target *target, bool ping, unsigned n)
{
	pthread_mutex_lock(&target->lock);
	target->ping = ping;
	target->nwork = n;
	target->phase = ORDERED;
	pthread_mutex_unlock(&target->lock);
	pthread_cond_signal(&target->wake); /* outside, or who wakes up waits for the lock at once */
}

static void set_idle(struct target *target)
{
	pthread_mutex_lock(&target->lock);
	target->phase = IDLE;
	pthread_mutex_unlock(&target->lock);
}

static enum phase phase_of(struct target *target)
{
	enum phase phase;

	pthread_mutex_lock(&target->lock);
	phase = target->phase;
	pthread_mutex_unlock(&target->lock);
	return phase;
}

/* ---- life ---- */

static void release(struct target *target)
{
	target->adapter->close(target->state);
	pending_free(target->pending);
	free(target->work);
	free(target->copy);
	free(target->entry);
	free(target);
}

struct target *target_new(const struct cache_conf *conf, const struct pacer_rule *rule, int event_fd,
	const struct target_events *events, struct err *err)
{
	const struct adapter *adapter = adapter_find(conf->type);
	struct target *target;
	void *state;
	int error;

	assert(adapter != NULL); /* or the file was refused */
	state = adapter->open(conf, err);
	if (state == NULL)
		return NULL;
	target = mem_alloc(sizeof *target);
	*target = (struct target){
		.conf = conf,
		.adapter = adapter,
		.rule = *rule,
		.events = *events,
		.pending = pending_new(),
		.dice = dice_from_kernel(),
		.retry_ms = RETRY_MS,
		.work = mem_alloc(adapter->batch * sizeof *target->work),
		.copy = mem_alloc(adapter->batch * sizeof *target->copy),
		.entry = mem_alloc(adapter->batch * sizeof *target->entry),
		.state = state,
		.event_fd = event_fd,
	};
	assert(adapter->batch <= BATCH_MAX);
	pacer_init(&target->pacer, rule, clock_monotonic_ms());
	breaker_init(&target->breaker);
	pthread_mutex_init(&target->lock, NULL);
	pthread_cond_init(&target->wake, NULL);
	error = pthread_create(&target->thread, NULL, thread_main, target);
	if (error == 0)
		return target;
	err_set(err, "no thread for it: %s", strerror(error));
	release(target);
	return NULL;
}

void target_free(struct target *target)
{
	if (target == NULL)
		return;
	pthread_mutex_lock(&target->lock);
	target->stop = true;
	pthread_cond_signal(&target->wake);
	pthread_mutex_unlock(&target->lock);
	pthread_join(target->thread, NULL);
	release(target);
}

const struct cache_conf *target_conf(const struct target *target)
{
	return target->conf;
}

bool target_takes(const struct target *target, enum event_class class)
{
	if (class == EVENT_ALL && target->adapter->by_consent && !target->conf->flush_all)
		return false;
	return (target->adapter->classes & 1u << class) != 0;
}

void target_pause(struct target *target, bool paused)
{
	target->stats.paused = paused;
}

size_t target_pending(const struct target *target, struct pending_view *views, size_t max, uint64_t now_ms)
{
	return pending_look(target->pending, views, max, now_ms);
}

struct target_stats target_stats(const struct target *target)
{
	struct target_stats stats = target->stats;

	stats.pending = pending_count(target->pending);
	stats.coalesced = pending_coalesced(target->pending);
	stats.breaker = target->breaker.state;
	if (target->rule.kind == PACER_BUDGET)
		stats.budget_used = pacer_expected(&target->pacer) / target->rule.budget;
	return stats;
}

/* ---- what comes in ---- */

/* Too much waits for a cache that may not be emptied: this is not done, and neither is that hidden. */
static void give_up(struct target *target, struct job *job, const struct event *event, const struct event_item *item)
{
	const struct pending_entry entry = { .class = event->class, .text = item != NULL ? item->text : "" };

	job->errors = true;
	target->stats.refused++;
	target->events.refused(target->events.arg, target, &entry,
		"too many items wait for this cache, and it is not to be emptied instead (flush-all)");
}

void target_add(struct target *target, struct job *job, const struct event *event, uint64_t now_ms)
{
	for (size_t i = 0; i < event->nitems || (i == 0 && event->class == EVENT_ALL); i++) {
		const struct event_item *item = event->nitems > 0 ? &event->items[i] : NULL;
		float rate = item != NULL ? target->events.rate(target->events.arg, event->class, item->text) : 0;

		if (pending_add(target->pending, job, event, item, rate, now_ms))
			continue;
		if (target_takes(target, EVENT_ALL)) {
			log_warning("target=%s pending=%zu collapsed=yes: all that it caches is dropped once instead",
				target->conf->name, pending_count(target->pending));
			target->stats.collapsed++;
			pending_collapse(target->pending, now_ms);
			pending_add(target->pending, job, event, item, rate, now_ms);
			continue;
		}
		give_up(target, job, event, item);
	}
}

/* ---- what is done ---- */

static double luck(struct target *target)
{
	return (double)dice_below(&target->dice, 1000) / 1000;
}

static void take_breaker(struct target *target, bool good, const char *why, uint64_t now_ms)
{
	bool changed = breaker_take(&target->breaker, good, luck(target), now_ms);

	snprintf(target->stats.trouble, sizeof target->stats.trouble, "%s", good ? "" : why);
	if (!changed)
		return;
	if (good)
		log_notice("target=%s state=works", target->conf->name);
	else
		log_warning("target=%s state=fails reason=\"%s\" pending=%zu", target->conf->name, why,
			pending_count(target->pending));
}

static void bury(struct target *target, const struct pending_entry *entry, const char *reason, uint64_t now_ms)
{
	target->stats.refused++;
	target->events.refused(target->events.arg, target, entry, reason);
	pending_finish(target->pending, entry, false, now_ms);
}

static void take_work(
	struct target *target, const struct pending_entry *entry, const struct adapter_work *work, uint64_t now_ms)
{
	switch (work->result) {
	case ADAPTER_DONE:
		target->stats.done++;
		target->retry_ms = RETRY_MS;
		pending_finish(target->pending, entry, true, now_ms);
		return;
	case ADAPTER_RETRY:
	case ADAPTER_AWAY:
		target->stats.retried++;
		if (now_ms >= entry->changed_ms + GIVE_UP_MS)
			bury(target, entry, work->err.text, now_ms);
		else
			pending_retry(
				target->pending, entry, (uint64_t)(target->retry_ms * (0.5 + luck(target))), now_ms);
		return;
	case ADAPTER_REFUSED:
		bury(target, entry, work->err.text, now_ms);
		return;
	}
}

/* A cache in memory that began anew holds nothing of what was to be forgotten before that; a second is the roundness of its clock. */
static void satisfy(struct target *target, uint64_t lived_s, uint64_t now_ms)
{
	uint64_t lived_ms = lived_s * 1000, born_ms = now_ms > lived_ms ? now_ms - lived_ms : 0;
	size_t n = pending_count(target->pending);
	const struct pending_entry *entry;

	while (n-- > 0 && (entry = pending_take(target->pending, now_ms)) != NULL) {
		if (entry->changed_ms + BOOT_ROUND_MS >= born_ms) {
			pending_retry(target->pending, entry, 1, now_ms);
			continue;
		}
		target->stats.satisfied++;
		pending_finish(target->pending, entry, true, now_ms);
	}
}

static void take_ping(struct target *target, uint64_t now_ms)
{
	take_breaker(target, target->ping_good, target->ping_err.text, now_ms);
	if (target->ping_good && target->ping_lived_s < UINT64_MAX / 1000)
		satisfy(target, target->ping_lived_s, now_ms);
}

/* An item that the cache cannot do now says nothing against the cache, where another one was done. */
static bool answered(const struct target *target, const char **why)
{
	bool good = false;

	for (unsigned i = 0; i < target->nwork; i++) {
		const struct adapter_work *work = &target->work[i];

		good |= work->result == ADAPTER_DONE || work->result == ADAPTER_REFUSED;
		if (work->result == ADAPTER_RETRY)
			*why = work->err.text;
		if (work->result == ADAPTER_AWAY) {
			*why = work->err.text;
			return false;
		}
	}
	return good;
}

/* Whether it was there says something of what is dropped, and nothing when it was a measurement. */
static bool is_telling(const struct pending_entry *entry)
{
	return !event_class_is_broad(entry->class) && entry->round == 0 &&
	       strncmp(entry->text, CONTROL_BENCH_KEYS, strlen(CONTROL_BENCH_KEYS)) != 0;
}

/* What the thread has seen. Of a whole zone something is always there, and an item that is dropped
 * again is not expected to be. */
static void note_work(struct target *target, unsigned i, uint64_t now_ms)
{
	const struct adapter_work *work = &target->work[i];
	struct target_stats *stats = &target->stats;

	for (unsigned k = 0; k < COUNT_OF(work->verified); k++)
		stats->verified[k] += work->verified[k];
	if (work->result != ADAPTER_DONE)
		return;
	if (work->verified[0] > 0)
		spread_add(&stats->verified_in, (now_ms - work->entry->changed_ms) * 1000);
	if (work->found != FOUND_UNKNOWN && is_telling(work->entry))
		stats->found[work->found == FOUND_NOTHING]++;
}

static void collect(struct target *target, uint64_t now_ms)
{
	const char *why = "";

	if (target->ping) {
		take_ping(target, now_ms);
	} else {
		bool good = answered(target, &why);

		target->stats.batches++;
		target->stats.took_us += target->took_us;
		take_breaker(target, good, why, now_ms);
		if (!good && target->retry_ms < RETRY_MAX_MS)
			target->retry_ms *= 2;
		for (unsigned i = 0; i < target->nwork; i++) {
			note_work(target, i, now_ms);
			take_work(target, target->entry[i], &target->work[i], now_ms);
		}
	}
	set_idle(target);
}

/* ---- what is handed out ---- */

static bool is_allowed(struct target *target, const struct pending_entry *entry)
{
	return pacer_admits(&target->pacer, &target->rule, entry->prio == EVENT_FAILOVER, pending_rate(entry));
}

/* What is held back by the pacer goes back, so that something more urgent may come before it. */
static unsigned gather(struct target *target, uint64_t now_ms)
{
	unsigned n = 0;

	pacer_tick(&target->pacer, &target->rule, now_ms);
	while (n < target->adapter->batch) {
		const struct pending_entry *entry = pending_take(target->pending, now_ms);

		if (entry == NULL)
			break;
		if (!(n > 0 && target->adapter->whole) && !is_allowed(target, entry)) {
			pending_retry(target->pending, entry, 0, now_ms);
			break;
		}
		target->entry[n] = entry;
		target->copy[n] = *entry;
		target->work[n] = (struct adapter_work){ .entry = &target->copy[n] };
		n++;
	}
	return n;
}

uint64_t target_run(struct target *target, uint64_t now_ms)
{
	enum phase phase =
		phase_of(target); /* once: the thread may be done between two looks, and what it did would be lost */
	uint64_t next_ms;
	unsigned n;

	if (phase == DONE)
		collect(target, now_ms);
	if (phase == ORDERED)
		return UINT64_MAX; /* its event will wake us */
	next_ms = pending_next_ms(target->pending);
	if (target->stats.paused || next_ms == UINT64_MAX)
		return UINT64_MAX;
	switch (breaker_look(&target->breaker, now_ms)) {
	case BREAKER_OPEN:
		return target->breaker.until_ms;
	case BREAKER_TRYING:
		order(target, true, 0);
		return UINT64_MAX;
	case BREAKER_CLOSED:
		break;
	}
	if (next_ms > now_ms)
		return next_ms;
	n = gather(target, now_ms);
	if (n == 0)
		return now_ms + PACE_MS;
	order(target, false, n);
	return UINT64_MAX;
}
