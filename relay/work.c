/* An event's job lives from its arrival to its last cache. What the store says of it (done, with or without errors) is written when that
 * has come: a crash before means that it is done once more, which does no harm. */
#include "relay/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/heat.h"
#include "relay/journal.h"

enum { TOOK_MAX = 1024 };

struct active {
	struct job job;
	struct work *work;
	struct store_mark mark; /* oseq 0: of no event, a coarse flush */
	struct work_state state;
	uint64_t number; /* in the journal */
	uint64_t nth;    /* that was begun */
	uint64_t began_us;
	LIST_ENTRY(active) link;
};

struct work {
	struct store *store;
	const char *region, *name; /* this relay's */
	struct heat *heat;         /* NULL: nothing is known */
	struct journal *journal;
	struct target *target[CONF_CACHES_MAX];
	size_t ntargets;
	void (*told)(void *arg, const struct work_state *state);
	void *arg;
	struct work_totals totals;
	uint64_t begun;
	uint32_t took_us[TOOK_MAX]; /* a ring */
	uint64_t ntook;
	LIST_HEAD(, active) active;
	size_t ncoarse;      /* of the active ones */
	struct ended *ended; /* what the store is to be told, until it has it committed */
	size_t nended, nwritten, ended_cap;
};

struct ended {
	struct store_mark mark;
	bool errors;
};

/* ---- the end of an event ---- */

static void tell(struct active *active)
{
	if (active->mark.oseq == 0)
		return;
	journal_note(active->work->journal, active->number, &active->state, clock_wall_ms());
	active->work->told(active->work->arg, &active->state);
}

static void job_flushed(struct job *job)
{
	struct active *active = (struct active *)(void *)job;
	struct work *work = active->work;
	uint64_t took_us = clock_monotonic_us() - active->began_us;

	work->totals.flushed++;
	work->took_us[work->ntook++ % TOOK_MAX] = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
	active->state.flushed = true;
	active->state.errors = job->errors;
	active->state.took_ms = (uint32_t)(took_us / 1000);
	tell(active);
}

static void job_gone(struct job *job)
{
	struct active *active = (struct active *)(void *)job;
	struct work *work = active->work;

	work->totals.active--;
	work->totals.failed += job->errors;
	active->state.done = true;
	active->state.errors = job->errors;
	work->ended = mem_grow(work->ended, work->nended, &work->ended_cap, sizeof *work->ended);
	work->ended[work->nended++] = (struct ended){ active->mark, job->errors };
	work->ncoarse -= active->mark.oseq == 0;
	tell(active);
	LIST_REMOVE(active, link);
	free(active);
}

/* ---- the beginning ---- */

static struct active *active_new(struct work *work)
{
	struct active *active = mem_alloc(sizeof *active);

	*active = (struct active){
		.job = { .flushed = job_flushed, .gone = job_gone }, .work = work, .began_us = clock_monotonic_us()
	};
	active->nth = ++work->begun;
	LIST_INSERT_HEAD(&work->active, active, link);
	work->totals.active++;
	return active;
}

/* A hold on the job while it is handed out keeps it from ending before all targets have it. */
static void hand_out(struct work *work, struct active *active, const struct event *event, uint64_t now_ms)
{
	active->job.todo = 1;
	for (size_t i = 0; i < work->ntargets; i++) {
		if (!target_takes(work->target[i], event->class))
			continue;
		active->state.targets++;
		target_add(work->target[i], &active->job, event, now_ms);
	}
	if (--active->job.todo > 0)
		return;
	job_flushed(&active->job);
	job_gone(&active->job);
}

void work_begin(struct work *work, const struct event *event, uint64_t now_ms)
{
	struct active *active = active_new(work);

	work->totals.events++;
	event_id(event, active->state.id);
	active->mark = (struct store_mark){ .epoch = event->epoch, .oseq = event->oseq };
	snprintf(active->mark.origin, sizeof active->mark.origin, "%s", event->origin);
	snprintf(active->state.origin, sizeof active->state.origin, "%s", event->origin);
	active->number = journal_begin(work->journal, event, clock_wall_ms());
	active->job.ours = strcmp(event->origin, work->name) == 0;
	active->state.asked = event->confirm || event->prio == EVENT_FAILOVER;
	if (!event_is_for(event, work->region, work->name) ||
		(event->moot_ms != 0 && clock_wall_ms() > event->moot_ms)) {
		work->totals.moot++;
		job_flushed(&active->job);
		job_gone(&active->job);
	} else {
		hand_out(work, active, event, now_ms);
	}
}

void work_coarse(struct work *work, const char *reason, uint64_t now_ms)
{
	const struct event event = { .class = EVENT_ALL, .prio = EVENT_FAILOVER };

	work->ncoarse++;
	log_notice("coarse_flush=begin reason=\"%s\" targets=%u", reason, work_takers(work, EVENT_ALL));
	hand_out(work, active_new(work), &event, now_ms);
}

/* ---- life ---- */

static void bury(void *arg, const struct target *target, const struct pending_entry *entry, const char *reason)
{
	struct work *work = arg;
	const char *name = target_conf(target)->name;
	const struct store_dead dead = {
		.target = name,
		.event = event_class_name(entry->class),
		.item = entry->text,
		.reason = reason,
		.at_ms = clock_wall_ms(),
	};
	struct err err;

	log_warning("target=%s class=%s item=\"%s\" state=refused reason=\"%s\"", name, dead.event, dead.item, reason);
	if (!store_bury(work->store, &dead, &err))
		log_error("target=%s item=\"%s\" cannot be kept: %s", name, dead.item, err.text);
}

static float rate(void *arg, enum event_class class, const char *text)
{
	const struct work *work = arg;

	return work->heat != NULL ? (float)heat_rate(work->heat, class, text, clock_monotonic_ms()) : 0;
}

void work_heat(struct work *work, struct heat *heat)
{
	work->heat = heat;
}

void work_journal(struct work *work, struct journal *journal)
{
	work->journal = journal;
}

struct work *work_new(const struct relay_conf *conf, struct store *store, int event_fd,
	void (*told)(void *arg, const struct work_state *state), void *arg, struct err *err)
{
	struct work *work = mem_alloc(sizeof *work);
	const struct target_events events = { work, bury, rate };
	struct err why;

	*work = (struct work){ .store = store, .region = conf->region, .name = conf->name, .told = told, .arg = arg };
	for (size_t i = 0; i < conf->ncaches; i++) {
		work->target[i] = target_new(&conf->cache[i], &conf->rule[i], event_fd, &events, &why);
		if (work->target[i] == NULL) {
			err_set(err, "caches: %s: %s", conf->cache[i].name, why.text);
			work_free(work);
			return NULL;
		}
		work->ntargets++;
	}
	return work;
}

bool work_write(struct work *work, struct err *err)
{
	work->nwritten = 0; /* of a commit that failed */
	for (size_t i = 0; i < work->nended; i++) {
		const struct ended *ended = &work->ended[i];

		if (ended->mark.oseq != 0 && !store_done(work->store, &ended->mark, ended->errors, err))
			return false;
		if (ended->mark.oseq == 0 && work->ncoarse == 0 && !store_coarse_done(work->store, err))
			return false;
	}
	work->nwritten = work->nended;
	return true;
}

void work_written(struct work *work)
{
	if (work->nwritten == 0)
		return;
	work->nended -= work->nwritten;
	memmove(work->ended, work->ended + work->nwritten, work->nended * sizeof *work->ended);
	work->nwritten = 0;
}

uint64_t work_begun(const struct work *work)
{
	return work->begun;
}

size_t work_left(const struct work *work, uint64_t n)
{
	const struct active *active;
	size_t left = 0;

	LIST_FOREACH(active, &work->active, link)
	left += active->nth <= n;
	return left;
}

bool work_owes(const struct work *work)
{
	return work->nended > 0;
}

/* Jobs that are under way are forgotten: the store has them. */
void work_free(struct work *work)
{
	if (work == NULL)
		return;
	for (size_t i = 0; i < work->ntargets; i++)
		target_free(work->target[i]);
	while (!LIST_EMPTY(&work->active)) {
		struct active *active = LIST_FIRST(&work->active);

		LIST_REMOVE(active, link);
		free(active);
	}
	free(work->ended);
	free(work);
}

uint64_t work_run(struct work *work, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (size_t i = 0; i < work->ntargets; i++) {
		uint64_t then_ms = target_run(work->target[i], now_ms);

		next_ms = then_ms < next_ms ? then_ms : next_ms;
	}
	return next_ms;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct work_totals work_totals(const struct work *work)
{
	struct work_totals totals = work->totals;
	size_t n = work->ntook < TOOK_MAX ? (size_t)work->ntook : TOOK_MAX;
	uint32_t sorted[TOOK_MAX];

	memcpy(sorted, work->took_us, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_size);
	totals.took_us_p50 = n > 0 ? sorted[n / 2] : 0;
	totals.took_us_p99 = n > 0 ? sorted[n * 99 / 100] : 0;
	return totals;
}

size_t work_targets(const struct work *work, struct target *const **targets)
{
	*targets = work->target;
	return work->ntargets;
}

struct target *work_target(const struct work *work, const char *name)
{
	for (size_t i = 0; i < work->ntargets; i++)
		if (strcmp(target_conf(work->target[i])->name, name) == 0)
			return work->target[i];
	return NULL;
}

unsigned work_takers(const struct work *work, enum event_class class)
{
	unsigned n = 0;

	for (size_t i = 0; i < work->ntargets; i++)
		n += target_takes(work->target[i], class);
	return n;
}
