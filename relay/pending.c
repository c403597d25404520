/* A hash table finds an item's entry; a heap orders entries by when they are due, and once due, by priority and rate. An entry that is
 * being worked on stays in the table: what comes in for it meanwhile makes it dirty, and it goes back into the queue when the
 * work is finished. One that is finished is remembered for a while, so that a storm is known for one. */
#include "relay/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum place {
	WAITING,
	DUE,
	WORKING,
	IDLE
}; /* in the heap by time; in the heap by urgency; handed out; only remembered */

/* A job that waits for an entry. */
struct wait {
	struct job *job;
	struct wait *next;
	bool flushed; /* once; more is owed, until PENDING_REFLUSH_MS have passed since then */
	uint64_t flushed_ms;
};

struct item {
	struct pending_entry entry;
	uint64_t hash;
	float rate;
	enum place place;
	size_t at; /* in its heap, from 1 */
	uint64_t due_ms;
	struct changes {
		uint64_t at_ms[PENDING_STORM]; /* the last ones, a ring */
		unsigned n;
	} changes[2];        /* by others; by this region */
	uint64_t last_ms;    /* last flushed; 0: never */
	bool dirty;          /* changed while it was worked on, … */
	uint64_t apart_ms;   /* … and is due so long after that */
	struct wait *waits;  /* the newest first */
	struct wait *served; /* while it is worked on: the newest that was there when that began */
	struct item *next;   /* of the bucket */
	TAILQ_ENTRY(item) idle;
};

struct heap {
	struct item **items; /* from 1 */
	size_t n, cap;
	bool (*before)(const struct item *a, const struct item *b);
};

struct pending {
	struct item **buckets;
	size_t nbuckets, nitems, nidle;
	TAILQ_HEAD(, item) idle; /* the longest idle first */
	uint64_t seed, coalesced;
	struct heap waiting, due;
};

/* ---- heaps ---- */

static bool sooner(const struct item *a, const struct item *b)
{
	return a->due_ms < b->due_ms;
}

static bool more_urgent(const struct item *a, const struct item *b)
{
	if (a->entry.prio != b->entry.prio)
		return a->entry.prio < b->entry.prio;
	return a->rate != b->rate ? a->rate > b->rate : a->due_ms < b->due_ms;
}

static void heap_place(struct heap *heap, size_t at, struct item *item)
{
	heap->items[at] = item;
	item->at = at;
}

static void heap_move(struct heap *heap, struct item *item)
{
	size_t at = item->at;

	for (; at > 1 && heap->before(item, heap->items[at / 2]); at /= 2)
		heap_place(heap, at, heap->items[at / 2]);
	heap_place(heap, at, item);
	for (;;) {
		size_t child = at * 2;

		if (child < heap->n && heap->before(heap->items[child + 1], heap->items[child]))
			child++;
		if (child > heap->n || !heap->before(heap->items[child], item))
			break;
		heap_place(heap, at, heap->items[child]);
		at = child;
	}
	heap_place(heap, at, item);
}

static void heap_add(struct heap *heap, struct item *item)
{
	heap->items = mem_grow(heap->items, heap->n + 1, &heap->cap, sizeof(struct item *));
	item->at = ++heap->n;
	heap_move(heap, item);
}

static void heap_drop(struct heap *heap, struct item *item)
{
	struct item *last = heap->items[heap->n--];

	if (last == item)
		return;
	heap_place(heap, item->at, last);
	heap_move(heap, last);
}

/* ---- items ---- */

static void wait_for_time(struct pending *pending, struct item *item, uint64_t due_ms)
{
	item->place = WAITING;
	item->due_ms = due_ms;
	heap_add(&pending->waiting, item);
}

static uint64_t hash_item(const struct pending *pending, enum event_class class, const char *text)
{
	return hash_bytes(pending->seed ^ (uint64_t) class, text, strlen(text));
}

static struct item **bucket_of(const struct pending *pending, uint64_t hash)
{
	return &pending->buckets[hash & (pending->nbuckets - 1)];
}

static struct item *find(const struct pending *pending, enum event_class class, const char *text, uint64_t hash)
{
	struct item *item = *bucket_of(pending, hash);

	while (item != NULL &&
		(item->hash != hash || item->entry.class != class || strcmp(item->entry.text, text) != 0))
		item = item->next;
	return item;
}

static void grow(struct pending *pending)
{
	size_t nold = pending->nbuckets;
	struct item **old = pending->buckets;

	pending->nbuckets = nold > 0 ? nold * 2 : 64;
	pending->buckets = mem_alloc(pending->nbuckets * sizeof *pending->buckets);
	for (size_t i = 0; i < nold; i++) {
		while (old[i] != NULL) {
			struct item *item = old[i], **bucket = bucket_of(pending, item->hash);

			old[i] = item->next;
			item->next = *bucket;
			*bucket = item;
		}
	}
	free(old);
}

static struct item *item_new(struct pending *pending, enum event_class class, const char *text, uint64_t hash)
{
	struct item *item = mem_alloc(sizeof *item), **bucket;

	if (pending->nitems >= pending->nbuckets)
		grow(pending);
	bucket = bucket_of(pending, hash);
	item->entry.class = class;
	item->entry.prio = EVENT_BULK;
	item->entry.text = mem_strdup(text);
	item->hash = hash;
	item->place = WORKING; /* out of both heaps */
	item->next = *bucket;
	*bucket = item;
	pending->nitems++;
	return item;
}

static void item_free(struct item *item)
{
	while (item->waits != NULL) {
		struct wait *wait = item->waits;

		item->waits = wait->next;
		free(wait);
	}
	free((char *)(uintptr_t)item->entry.text);
	free(item);
}

static void item_drop(struct pending *pending, struct item *item)
{
	struct item **at = bucket_of(pending, item->hash);

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	pending->nitems--;
	item_free(item);
}

/* ---- remembering ---- */

static void rest(struct pending *pending, struct item *item)
{
	item->place = IDLE;
	item->entry.round = 0;
	item->entry.prio = EVENT_BULK;
	item->entry.ntypes = 0;
	TAILQ_INSERT_TAIL(&pending->idle, item, idle);
	pending->nidle++;
}

static void wake(struct pending *pending, struct item *item)
{
	TAILQ_REMOVE(&pending->idle, item, idle);
	pending->nidle--;
	item->place = WORKING; /* out of both heaps */
}

static void forget_old(struct pending *pending, uint64_t now_ms)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&pending->idle)) != NULL &&
		(now_ms >= item->last_ms + PENDING_STORM_MS || pending->nidle > PENDING_MAX)) {
		wake(pending, item);
		item_drop(pending, item);
	}
}

/* ---- what is asked for ---- */

static void add_types(struct pending_entry *entry, const struct event_item *item)
{
	for (unsigned i = 0; i < item->ntypes; i++) {
		unsigned k = 0;

		while (k < entry->ntypes && entry->type[k] != item->type[i])
			k++;
		if (k == entry->ntypes && k < EVENT_TYPES_MAX)
			entry->type[entry->ntypes++] = item->type[i];
	}
}

/* Had it changed so often of late that it is a storm? This change counts for the next one. */
static bool is_storm(struct changes *changes, uint64_t now_ms)
{
	uint64_t *oldest_ms = &changes->at_ms[changes->n % PENDING_STORM];
	bool storm = changes->n >= PENDING_STORM && now_ms < *oldest_ms + PENDING_STORM_MS;

	*oldest_ms = now_ms;
	changes->n++;
	return storm;
}

/* How long after its last flush is a change due? */
static uint64_t apart_ms(struct item *item, bool ours, uint64_t now_ms)
{
	if (is_storm(&item->changes[ours], now_ms))
		return PENDING_STORM_APART_MS;
	switch (item->entry.prio) {
	case EVENT_FAILOVER:
	case EVENT_PRIOS:
		break;
	case EVENT_EDIT:
		return PENDING_EDIT_MS;
	case EVENT_HOT:
	case EVENT_BULK:
		return PENDING_APP_MS;
	}
	return 0;
}

static void add_wait(struct item *item, struct job *job)
{
	struct wait *wait = mem_alloc(sizeof *wait);

	*wait = (struct wait){ .job = job, .next = item->waits };
	item->waits = wait;
	job->todo++;
}

bool pending_add(struct pending *pending, struct job *job, const struct event *event, const struct event_item *what,
	float rate, uint64_t now_ms)
{
	const char *text = what != NULL ? what->text : "";
	uint64_t hash = hash_item(pending, event->class, text), apart, due;
	struct item *item = pending->nbuckets > 0 ? find(pending, event->class, text, hash) : NULL;
	bool fresh = item == NULL || item->place == IDLE;

	if (fresh && pending_count(pending) >= PENDING_MAX)
		return false;
	if (item == NULL)
		item = item_new(pending, event->class, text, hash);
	else if (fresh)
		wake(pending, item);
	else
		pending->coalesced++;
	if (event->prio < item->entry.prio)
		item->entry.prio = event->prio;
	if (fresh || event->op == EVENT_FLUSH) /* a flush is more than a soft one */
		item->entry.op = event->op;
	if (event->generation > item->entry.generation)
		item->entry.generation = event->generation;
	if (what != NULL)
		add_types(&item->entry, what);
	item->rate = rate > item->rate ? rate : item->rate;
	item->entry.changed_ms = now_ms;
	add_wait(item, job);
	apart = apart_ms(item, job->ours, now_ms);
	due = item->last_ms == 0 || now_ms >= item->last_ms + apart ? now_ms : item->last_ms + apart;
	if (fresh) {
		wait_for_time(pending, item, due);
	} else if (item->place == WORKING) {
		item->apart_ms = item->dirty && item->apart_ms < apart ? item->apart_ms : apart;
		item->dirty = true;
	} else if (item->entry.round > 0 || due < item->due_ms) {
		heap_drop(item->place == DUE ? &pending->due : &pending->waiting, item);
		item->entry.round = 0;
		wait_for_time(pending, item, due);
	}
	return true;
}

/* ---- work ---- */

static void wake_due(struct pending *pending, uint64_t now_ms)
{
	while (pending->waiting.n > 0 && pending->waiting.items[1]->due_ms <= now_ms) {
		struct item *item = pending->waiting.items[1];

		heap_drop(&pending->waiting, item);
		item->place = DUE;
		heap_add(&pending->due, item);
	}
}

const struct pending_entry *pending_take(struct pending *pending, uint64_t now_ms)
{
	struct item *item;

	wake_due(pending, now_ms);
	if (pending->due.n == 0)
		return NULL;
	item = pending->due.items[1];
	heap_drop(&pending->due, item);
	item->place = WORKING;
	if (item->dirty) /* it changed while a round failed: that change has none behind it */
		item->entry.round = 0;
	item->dirty = false;
	item->served = item->waits;
	return &item->entry;
}

static struct item *item_of(const struct pending_entry *entry)
{
	struct item *item = (struct item *)(void *)((char *)(uintptr_t)entry - offsetof(struct item, entry));

	assert(item->place == WORKING);
	return item;
}

/* Failovers and edits of names, which resolvers may have asked about just before. */
static bool wants_again(const struct pending_entry *entry)
{
	return (entry->class == EVENT_DNS || entry->class == EVENT_ZONE) && entry->prio <= EVENT_EDIT;
}

/* After a round that is finished now, which one is next, and in what time? A zone is no light work for a cache: it has the last one only. */
static uint64_t next_round(const struct pending *pending, struct pending_entry *entry)
{
	static const uint32_t at_ms[PENDING_LAST_ROUND + 1] = { 0, PENDING_SOON_MS, PENDING_LATER_MS,
		PENDING_YET_LATER_MS, PENDING_REFLUSH_MS };
	uint8_t before = entry->round;
	bool soon = entry->class == EVENT_DNS && entry->prio == EVENT_FAILOVER &&
		    pending_count(pending) <= PENDING_SOON_MAX;

	entry->round = soon ? before + 1 : PENDING_LAST_ROUND;
	return at_ms[entry->round] - at_ms[before];
}

/* Tell the jobs. Those that owe nothing more are taken off; the others wait for the next time. */
static void tell(struct item *item, bool good, bool again, uint64_t now_ms)
{
	struct wait **at = &item->waits;

	while (*at != item->served) /* whoever came meanwhile is not served by a flush that had begun */
		at = &(*at)->next;
	while (*at != NULL) {
		struct wait *wait = *at;
		struct job *job = wait->job;
		bool first = !wait->flushed,
		     owed = again && good && (first || now_ms < wait->flushed_ms + PENDING_REFLUSH_MS);

		job->errors |= !good;
		if (first)
			job->todo--;
		if (first && owed)
			job->reflush++;
		if (!first && !owed)
			job->reflush--;
		if (first && job->todo == 0 && job->flushed != NULL)
			job->flushed(job);
		if (owed) {
			wait->flushed_ms = first ? now_ms : wait->flushed_ms;
			wait->flushed = true;
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		free(wait);
		if (job->todo == 0 && job->reflush == 0)
			job->gone(job);
	}
}

void pending_finish(struct pending *pending, const struct pending_entry *entry, bool good, uint64_t now_ms)
{
	struct item *item = item_of(entry);
	bool again = wants_again(entry) && entry->round < PENDING_LAST_ROUND;

	item->last_ms = now_ms;
	tell(item, good, again, now_ms);
	if (item->dirty) {
		item->entry.round = 0;
		item->dirty = false;
		wait_for_time(pending, item, now_ms + item->apart_ms);
		return;
	}
	if (item->waits == NULL) {
		rest(pending, item);
		forget_old(pending, now_ms);
		return;
	}
	wait_for_time(pending, item, now_ms + next_round(pending, &item->entry));
}

void pending_retry(struct pending *pending, const struct pending_entry *entry, uint64_t wait_ms, uint64_t now_ms)
{
	wait_for_time(pending, item_of(entry), now_ms + wait_ms);
}

/* ---- all of it ---- */

struct pending *pending_new(void)
{
	struct pending *pending = mem_alloc(sizeof *pending);
	struct dice dice = dice_from_kernel();

	pending->seed = dice_next(&dice);
	TAILQ_INIT(&pending->idle);
	pending->waiting.before = sooner;
	pending->due.before = more_urgent;
	return pending;
}

void pending_free(struct pending *pending)
{
	if (pending == NULL)
		return;
	TAILQ_INIT(&pending->idle);
	for (size_t i = 0; i < pending->nbuckets; i++)
		while (pending->buckets[i] != NULL)
			item_drop(pending, pending->buckets[i]);
	free(pending->buckets);
	free(pending->waiting.items);
	free(pending->due.items);
	free(pending);
}

/* The jobs of one item wait for another instead. */
static void join_waits(struct item *into, struct item *from)
{
	struct wait **end = &from->waits;

	while (*end != NULL)
		end = &(*end)->next;
	*end = into->waits;
	into->waits = from->waits;
	from->waits = NULL;
}

void pending_collapse(struct pending *pending, uint64_t now_ms)
{
	uint64_t hash = hash_item(pending, EVENT_ALL, "");
	struct item *all = find(pending, EVENT_ALL, "", hash);
	bool working = all != NULL && all->place == WORKING; /* then it began too early for what waits */

	if (all != NULL && all->place == IDLE)
		wake(pending, all);
	else if (all != NULL && all->place != WORKING)
		heap_drop(all->place == DUE ? &pending->due : &pending->waiting, all);
	if (all == NULL)
		all = item_new(pending, EVENT_ALL, "", hash);
	for (size_t i = 0; i < pending->nbuckets; i++) {
		struct item *next;

		for (struct item *item = pending->buckets[i]; item != NULL; item = next) {
			next = item->next;
			if (item == all || item->place == WORKING || item->place == IDLE)
				continue;
			if (item->entry.prio < all->entry.prio)
				all->entry.prio = item->entry.prio;
			if (item->entry.generation > all->entry.generation)
				all->entry.generation = item->entry.generation;
			if (item->entry.changed_ms > all->entry.changed_ms)
				all->entry.changed_ms = item->entry.changed_ms;
			join_waits(all, item);
			heap_drop(item->place == DUE ? &pending->due : &pending->waiting, item);
			item_drop(pending, item);
		}
	}
	if (working) {
		all->apart_ms = 0;
		all->dirty = true;
	} else {
		wait_for_time(pending, all, now_ms);
	}
}

uint64_t pending_next_ms(const struct pending *pending)
{
	if (pending->due.n > 0)
		return 0;
	return pending->waiting.n > 0 ? pending->waiting.items[1]->due_ms : UINT64_MAX;
}

float pending_rate(const struct pending_entry *entry)
{
	return ((const struct item *)(const void *)((const char *)entry - offsetof(struct item, entry)))->rate;
}

size_t pending_count(const struct pending *pending)
{
	return pending->nitems - pending->nidle;
}

uint64_t pending_coalesced(const struct pending *pending)
{
	return pending->coalesced;
}

size_t pending_look(const struct pending *pending, struct pending_view *views, size_t max, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < pending->nbuckets; i++)
		for (const struct item *item = pending->buckets[i]; item != NULL && n < max; item = item->next)
			if (item->place != IDLE)
				views[n++] = (struct pending_view){ &item->entry, item->rate,
					item->place == WAITING && item->due_ms > now_ms ? item->due_ms - now_ms : 0 };
	return n;
}
