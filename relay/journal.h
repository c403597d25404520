/* journal - the last events that were worked on here, and how far each is: for people, in memory only. What counts is the log.
 * Main thread. */
#ifndef GSLB_RELAY_JOURNAL_H
#define GSLB_RELAY_JOURNAL_H

#include <jansson.h>

#include "relay/event.h"

enum { JOURNAL_MAX = 1024, JOURNAL_SHOW = 50 };

struct journal;
struct work_state;

struct journal *journal_new(void);
void journal_free(struct journal *journal); /* NULL is fine */
/* It came here to be worked on: returns its number. It got so far. now_ms: wall; journal may be NULL. */
uint64_t journal_begin(struct journal *journal, const struct event *event, uint64_t now_ms);
void journal_note(struct journal *journal, uint64_t number, const struct work_state *state, uint64_t now_ms);

/* {"id", "made", "came", "class", "op", "prio", "items", "first", "actor", "why", "state", "caches", "flushed_ms", "done_ms"}, wall
 * times as texts; NULL: it is not among the last ones. */
json_t *journal_event(const struct journal *journal, const char *id);
/* The newest last; of all origins when that is NULL. */
json_t *journal_tail(const struct journal *journal, const char *origin, size_t n);

#endif
