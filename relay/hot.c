/* A heap with the least counter on top, and a hash table into it. Rates are counts over a window that halves when they do: what is asked for
 * evenly has the same rate just before and just after. */
#include "relay/hot.h"

#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 2 * HOT_MAX,
	WINDOW_MIN_MS = 1000, /* the first hits of all are no rate yet */
};

#define NEARLY_NOTHING 0.25 /* of a hit, after some halvings */

struct counter {
	enum event_class class;
	char *text;
	uint64_t hash;
	double count;
	size_t at; /* in the heap */
	struct counter *next;
};

struct hot {
	struct counter *heap[HOT_MAX];
	size_t n;
	struct counter *bucket[BUCKETS];
	uint64_t seed, halved_ms;
	double window_ms; /* when it was halved last */
	unsigned known;   /* classes, a bit each */
};

struct hot *hot_new(uint64_t now_ms)
{
	struct hot *hot = mem_alloc(sizeof *hot);
	struct dice dice = dice_from_kernel();

	hot->seed = dice_next(&dice);
	hot->halved_ms = now_ms;
	return hot;
}

void hot_free(struct hot *hot)
{
	if (hot == NULL)
		return;
	for (size_t i = 0; i < hot->n; i++) {
		free(hot->heap[i]->text);
		free(hot->heap[i]);
	}
	free(hot);
}

/* ---- heap and table ---- */

static void place(struct hot *hot, size_t at, struct counter *counter)
{
	hot->heap[at] = counter;
	counter->at = at;
}

static void sink(struct hot *hot, struct counter *counter)
{
	size_t at = counter->at, child;

	for (; (child = 2 * at + 1) < hot->n; at = child) {
		if (child + 1 < hot->n && hot->heap[child + 1]->count < hot->heap[child]->count)
			child++;
		if (counter->count <= hot->heap[child]->count)
			break;
		place(hot, at, hot->heap[child]);
	}
	place(hot, at, counter);
}

static void rise(struct hot *hot, struct counter *counter)
{
	size_t at = counter->at;

	for (; at > 0 && counter->count < hot->heap[(at - 1) / 2]->count; at = (at - 1) / 2)
		place(hot, at, hot->heap[(at - 1) / 2]);
	place(hot, at, counter);
}

static struct counter *find(const struct hot *hot, enum event_class class, const char *text, uint64_t hash)
{
	struct counter *counter = hot->bucket[hash % BUCKETS];

	while (counter != NULL &&
		(counter->hash != hash || counter->class != class || strcmp(counter->text, text) != 0))
		counter = counter->next;
	return counter;
}

static void unlink_counter(struct hot *hot, const struct counter *counter)
{
	struct counter **at = &hot->bucket[counter->hash % BUCKETS];

	while (*at != counter)
		at = &(*at)->next;
	*at = counter->next;
}

static void name_counter(
	struct hot *hot, struct counter *counter, enum event_class class, const char *text, uint64_t hash)
{
	counter->class = class;
	counter->text = mem_strdup(text);
	counter->hash = hash;
	counter->next = hot->bucket[hash % BUCKETS];
	hot->bucket[hash % BUCKETS] = counter;
}

/* ---- time ---- */

static void halve(struct hot *hot)
{
	size_t kept = 0;

	hot->window_ms = (hot->window_ms + HOT_HALVE_MS) / 2;
	hot->halved_ms += HOT_HALVE_MS;
	for (size_t i = 0; i < hot->n; i++) {
		struct counter *counter = hot->heap[i];

		counter->count /= 2;
		if (counter->count >= NEARLY_NOTHING) {
			place(hot, kept++, counter);
			continue;
		}
		unlink_counter(hot, counter);
		free(counter->text);
		free(counter);
	}
	hot->n = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sink(hot, hot->heap[i]);
}

static void let_time_pass(struct hot *hot, uint64_t now_ms)
{
	enum { LONG = 64 }; /* halvings after which nothing is left */

	if (now_ms > hot->halved_ms + (uint64_t)LONG * HOT_HALVE_MS)
		hot->halved_ms = now_ms - (uint64_t)LONG * HOT_HALVE_MS;
	while (now_ms >= hot->halved_ms + HOT_HALVE_MS)
		halve(hot);
}

static double window_s(const struct hot *hot, uint64_t now_ms)
{
	double ms = hot->window_ms + (double)(now_ms - hot->halved_ms);

	return (ms > WINDOW_MIN_MS ? ms : WINDOW_MIN_MS) / 1000;
}

/* ---- counting ---- */

void hot_add(struct hot *hot, enum event_class class, const char *text, double times, uint64_t now_ms)
{
	uint64_t hash = hash_bytes(hot->seed + class, text, strlen(text));
	struct counter *counter;

	let_time_pass(hot, now_ms);
	hot->known |= 1u << class;
	counter = find(hot, class, text, hash);
	if (counter == NULL && hot->n < HOT_MAX) {
		counter = mem_alloc(sizeof *counter);
		name_counter(hot, counter, class, text, hash);
		counter->count = times;
		counter->at = hot->n++;
		rise(hot, counter);
		return;
	}
	if (counter == NULL) {
		counter = hot->heap[0];
		unlink_counter(hot, counter);
		free(counter->text);
		name_counter(hot, counter, class, text, hash);
	}
	counter->count += times;
	sink(hot, counter);
}

bool hot_knows(const struct hot *hot, enum event_class class)
{
	return (hot->known & 1u << class) != 0;
}

double hot_rate(struct hot *hot, enum event_class class, const char *text, uint64_t now_ms)
{
	const struct counter *counter;
	double least;

	if (!hot_knows(hot, class))
		return 0;
	let_time_pass(hot, now_ms);
	counter = find(hot, class, text, hash_bytes(hot->seed + class, text, strlen(text)));
	least = hot->n == HOT_MAX ? hot->heap[0]->count : 1;
	return (counter != NULL ? counter->count : least) / window_s(hot, now_ms);
}

size_t hot_count(const struct hot *hot)
{
	return hot->n;
}

static int hotter(const void *a, const void *b)
{
	const struct counter *x = *(struct counter *const *)a, *y = *(struct counter *const *)b;

	return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->text, y->text);
}

size_t hot_top(struct hot *hot, struct hot_item *items, size_t n, uint64_t now_ms)
{
	struct counter **sorted = mem_alloc(HOT_MAX * sizeof *sorted);

	let_time_pass(hot, now_ms);
	memcpy(sorted, hot->heap, hot->n * sizeof *sorted);
	qsort(sorted, hot->n, sizeof *sorted, hotter);
	n = n < hot->n ? n : hot->n;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct hot_item){ sorted[i]->class, sorted[i]->text,
			sorted[i]->count / window_s(hot, now_ms) };
	free(sorted);
	return n;
}
