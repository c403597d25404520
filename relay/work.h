/* work - events being worked on: from the store's inbox to the targets, and back as done. Main thread. */
#ifndef GSLB_RELAY_WORK_H
#define GSLB_RELAY_WORK_H

#include "relay/conf.h"
#include "relay/store.h"
#include "relay/target.h"

struct work;

/* How far one event is. */
struct work_state {
	char id[EVENT_ID_MAX];
	char origin[EVENT_LABEL_MAX];
	bool flushed, done, errors; /* every cache was told; and told again where that is due */
	bool asked;                 /* its origin wants to hear of it at once */
	unsigned targets;           /* that it concerns here */
	uint32_t took_ms;           /* from its arrival to flushed */
};

struct work_totals {
	uint64_t events, duplicates, moot, flushed, failed;
	size_t active;
	uint64_t took_us_p50, took_us_p99; /* of the last ones that were flushed */
};

/* told is called for each event that is flushed, and again when it is done. */
struct work *work_new(const struct relay_conf *conf, struct store *store, int event_fd,
	void (*told)(void *arg, const struct work_state *state), void *arg, struct err *err);
void work_free(struct work *work);
/* Who knows how often items are asked for; borrowed. NULL, as at first: nobody. */
struct heat;
void work_heat(struct work *work, struct heat *heat);
/* Who writes down what becomes of events; the same. */
struct journal;
void work_journal(struct work *work, struct journal *journal);
/* Begin an event that the inbox has. */
void work_begin(struct work *work, const struct event *event, uint64_t now_ms);
/* What has come to its end since work_written, for the store: it is told again until that has committed. */
bool work_write(struct work *work, struct err *err);
void work_written(struct work *work);
/* All caches drop all they have of ours: the past is not known. */
void work_coarse(struct work *work, const char *reason, uint64_t now_ms);
/* Collect and hand out; when to call again at the latest (monotonic). */
uint64_t work_run(struct work *work, uint64_t now_ms);
/* Events and coarse flushes that were begun; and of the first n of them, those that have not come to their end. */
uint64_t work_begun(const struct work *work);
size_t work_left(const struct work *work, uint64_t n);
/* Has something ended of which the store does not know yet? */
bool work_owes(const struct work *work);
struct work_totals work_totals(const struct work *work);
size_t work_targets(const struct work *work, struct target *const **targets);
struct target *work_target(const struct work *work, const char *name); /* NULL: there is none */
/* Which of the targets does something for a class? */
unsigned work_takers(const struct work *work, enum event_class class);

#endif
