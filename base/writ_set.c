/* An array in the order of targets, found by halving: there are some dozens of them, and thousands at most. */
#include "base/writ_set.h"

#include <stdlib.h>
#include <string.h>

struct writ_set {
	struct writ **writs;
	uint64_t *hashes;
	size_t n, cap, hashes_cap;
};

struct writ_set *writ_set_new(void)
{
	return mem_alloc(sizeof(struct writ_set));
}

void writ_set_free(struct writ_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		writ_free(set->writs[i]);
	free(set->writs);
	free(set->hashes);
	free(set);
}

/* Where it is, or belongs. */
static size_t place(const struct writ_set *set, const char *target, bool *found)
{
	size_t low = 0, high = set->n;

	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(set->writs[middle]->target, target);

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*found = order == 0;
	}
	return *found ? high : low;
}

static void put(struct writ_set *set, size_t at, struct writ *writ)
{
	set->writs[at] = writ;
	set->hashes[at] = writ_hash(writ);
}

static void insert(struct writ_set *set, size_t at, struct writ *writ)
{
	set->writs = mem_grow(set->writs, set->n, &set->cap, sizeof *set->writs);
	set->hashes = mem_grow(set->hashes, set->n, &set->hashes_cap, sizeof *set->hashes);
	memmove(&set->writs[at + 1], &set->writs[at], (set->n - at) * sizeof *set->writs);
	memmove(&set->hashes[at + 1], &set->hashes[at], (set->n - at) * sizeof *set->hashes);
	set->n++;
	put(set, at, writ);
}

static struct writ *take_out(struct writ_set *set, size_t at)
{
	struct writ *writ = set->writs[at];

	set->n--;
	memmove(&set->writs[at], &set->writs[at + 1], (set->n - at) * sizeof *set->writs);
	memmove(&set->hashes[at], &set->hashes[at + 1], (set->n - at) * sizeof *set->hashes);
	return writ;
}

enum writ_merged writ_set_merge(
	struct writ_set *set, struct writ *writ, uint64_t now_ms, struct writ **before, struct err *err)
{
	bool found;
	size_t at = place(set, writ->target, &found);
	int order = found ? writ_compare(writ, set->writs[at]) : 1;

	*before = NULL;
	if (order == 0)
		return WRIT_KNOWN;
	if (order < 0 || !writ_is_kept(writ, now_ms))
		return WRIT_OLDER;
	if (!writ_is_timely(writ, now_ms, err))
		return WRIT_REFUSED;
	if (found) {
		*before = set->writs[at];
		put(set, at, writ);
	} else {
		insert(set, at, writ);
	}
	return WRIT_TAKEN;
}

struct writ *writ_set_restore(struct writ_set *set, const char *target, struct writ *before)
{
	bool found;
	size_t at = place(set, target, &found);
	struct writ *standing = found ? set->writs[at] : NULL;

	if (found && before != NULL)
		put(set, at, before);
	else if (found)
		take_out(set, at);
	else if (before != NULL)
		insert(set, at, before);
	return standing;
}

const struct writ *writ_set_find(const struct writ_set *set, const char *target)
{
	bool found;
	size_t at = place(set, target, &found);

	return found ? set->writs[at] : NULL;
}

size_t writ_set_get(const struct writ_set *set, const struct writ *const **writs)
{
	*writs = (const struct writ *const *)set->writs;
	return set->n;
}

uint64_t writ_set_stamp(const struct writ_set *set, const char *target, uint64_t now_ms)
{
	const struct writ *last = writ_set_find(set, target);

	return last != NULL && last->made_ms >= now_ms ? last->made_ms + 1 : now_ms;
}

uint64_t writ_set_digest(const struct writ_set *set, uint64_t now_ms)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < set->n; i++)
		if (writ_is_kept(set->writs[i], now_ms))
			digest ^= hash_mix(set->hashes[i], 1); /* the order does not count */
	return digest;
}

/* ---- forgetting ---- */

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The end up to which what is in force no more must go, so that no more than WRIT_SET_MAX are left; 0: none need to. */
static uint64_t crowded_ms(const struct writ_set *set, uint64_t now_ms)
{
	size_t over = set->n > WRIT_SET_MAX ? set->n - WRIT_SET_MAX : 0, n = 0;
	uint64_t *ends, crowded = 0;

	if (over == 0)
		return 0;
	ends = mem_alloc(set->n * sizeof *ends);
	for (size_t i = 0; i < set->n; i++)
		if (!writ_in_force(set->writs[i], now_ms))
			ends[n++] = set->writs[i]->until_ms;
	qsort(ends, n, sizeof *ends, by_number);
	if (n > 0)
		crowded = ends[(over < n ? over : n) - 1];
	free(ends);
	return crowded;
}

size_t writ_set_forget(struct writ_set *set, uint64_t now_ms)
{
	uint64_t crowded = crowded_ms(set, now_ms);
	size_t kept = 0, n = set->n;

	for (size_t i = 0; i < n; i++) {
		struct writ *writ = set->writs[i];

		if (!writ_is_kept(writ, now_ms) || (!writ_in_force(writ, now_ms) && writ->until_ms <= crowded)) {
			writ_free(writ);
			continue;
		}
		set->writs[kept] = writ;
		set->hashes[kept++] = set->hashes[i];
	}
	set->n = kept;
	return n - kept;
}
