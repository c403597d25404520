/* hot - what is asked for most: Space-Saving (Metwally, Agrawal, El Abbadi 2005). HOT_MAX counters; an item that has none takes over the
 * least one and goes on from its count, so that a count is never too low, and whatever has no counter was asked for at most as often as the
 * least says. Counts halve each minute, and what is nearly nothing then is forgotten. RELAY 5.5.
 * Pure; one thread's own. */
#ifndef GSLB_RELAY_HOT_H
#define GSLB_RELAY_HOT_H

#include "relay/event.h"

enum { HOT_MAX = 4096, HOT_HALVE_MS = 60000 };

struct hot;

struct hot_item {
	enum event_class class;
	const char *text; /* the list's, until it is changed */
	double rate;      /* a second: an estimate, not too low */
};

/* now_ms: monotonic, everywhere. */
struct hot *hot_new(uint64_t now_ms);
void hot_free(struct hot *hot); /* NULL is fine */
/* It was asked for so many times more. */
void hot_add(struct hot *hot, enum event_class class, const char *text, double times, uint64_t now_ms);
/* Has anybody told of this class? Of one that nobody tells of, nothing is known. */
bool hot_knows(const struct hot *hot, enum event_class class);
/* How often it is asked for, a second, at most; of an item without a counter, what the least one says. 0: nothing is known. */
double hot_rate(struct hot *hot, enum event_class class, const char *text, uint64_t now_ms);
size_t hot_count(const struct hot *hot);
/* The hottest, at most n. Returns how many. */
size_t hot_top(struct hot *hot, struct hot_item *items, size_t n, uint64_t now_ms);

#endif
