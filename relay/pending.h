/* pending - what one cache still has to forget: one entry an item, however many events ask for it; who is urgent and hot goes first.
 * Pure: the clock is handed in, nothing is sent. One thread's own. RELAY 5.5.
 *
 * The first change of an item is done at once; what follows soon is gathered, and an item that changes again and again is dropped from the
 * cache once a second. In a fleet every region's gslbd tells of the same failover: what ours says is counted on its own, since its resolvers
 * ask it, and must not wait behind the others. The last change is always done. A name is dropped
 * more than once: a resolver may have had a question on its way when it was told to forget, and keeps the old answer that comes back. */
#ifndef GSLB_RELAY_PENDING_H
#define GSLB_RELAY_PENDING_H

#include "relay/event.h"

enum {
	PENDING_EDIT_MS = 20,     /* so long after an item was flushed the next edit of it waits for others … */
	PENDING_APP_MS = 100,     /* … and what applications say */
	PENDING_STORM = 3,        /* so many changes of an item, by this region or by others … */
	PENDING_STORM_MS = 10000, /* … in so long, and it is done once a second */
	PENDING_STORM_APART_MS = 1000,
	PENDING_REFLUSH_MS = 2500, /* a resolver's upstream timeout, with room */
	/* Most answers that are on their way come much earlier than that: a failover's name is flushed so long after its first time, too, unless so
	 * many entries wait that the cache has better things to do. */
	PENDING_SOON_MS = 200,
	PENDING_LATER_MS = 450,
	PENDING_YET_LATER_MS = 800,
	PENDING_SOON_MAX = 1000,
	PENDING_MAX = 100000, /* entries; beyond it they collapse into a coarser one */
};

/* An event at work here; the caller's, until gone is called. */
struct job {
	uint32_t todo;    /* entries, over all targets, that were not flushed yet */
	uint32_t reflush; /* entries that were, and are to be flushed once more */
	bool errors;
	bool ours;                        /* this relay made the event */
	void (*flushed)(struct job *job); /* todo reached 0 */
	void (*gone)(struct job *job);    /* and reflush, too: the last call */
};

enum { PENDING_LAST_ROUND = 4 };

struct pending;

struct pending_entry {
	enum event_class class;
	enum event_op op;
	enum event_prio prio;
	uint64_t generation; /* the highest */
	uint8_t round; /* 0: the first time; up to PENDING_LAST_ROUND, after which no answer can be on its way any more */
	uint64_t changed_ms; /* when it was last asked for */
	uint8_t ntypes;
	uint16_t type[EVENT_TYPES_MAX];
	const char *text;
};

struct pending *pending_new(void);
void pending_free(struct pending *pending); /* jobs are not told */

/* rate: how often this item is asked for, a second; 0: not known. False when it is full: see pending_collapse. */
bool pending_add(struct pending *pending, struct job *job, const struct event *event, const struct event_item *item,
	float rate, uint64_t now_ms);
/* All that waits becomes one entry of EVENT_ALL, which the jobs wait for: for a cache that can do that. */
void pending_collapse(struct pending *pending, uint64_t now_ms);

/* The most urgent entry that is due, and is to be worked on now: it is out of the queue until pending_finish. NULL: nothing is due. */
const struct pending_entry *pending_take(struct pending *pending, uint64_t now_ms);
/* It went well, or it failed for good (its jobs get an error). */
void pending_finish(struct pending *pending, const struct pending_entry *entry, bool good, uint64_t now_ms);
/* It failed and is to be tried again in wait_ms. */
void pending_retry(struct pending *pending, const struct pending_entry *entry, uint64_t wait_ms, uint64_t now_ms);

/* When the next entry is due (wall or monotonic, as now_ms); UINT64_MAX: none. */
uint64_t pending_next_ms(const struct pending *pending);
float pending_rate(const struct pending_entry *entry);
/* Entries that wait or are worked on, as they lie, at most max of them. in_ms: until one is due; 0: now, or it is worked on. */
struct pending_view {
	const struct pending_entry *entry;
	float rate;
	uint64_t in_ms;
};
size_t pending_look(const struct pending *pending, struct pending_view *views, size_t max, uint64_t now_ms);
size_t pending_count(const struct pending *pending);
/* How many additions were joined with one that waited already. */
uint64_t pending_coalesced(const struct pending *pending);

#endif
