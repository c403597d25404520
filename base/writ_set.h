/* writ_set - the last writ of each target, as far as it is known here: a replicated map. Merging commutes, is associative and idempotent, so
 * that hosts that saw the same writs hold the same set. The clock is handed in. One thread's own. */
#ifndef GSLB_BASE_WRIT_SET_H
#define GSLB_BASE_WRIT_SET_H

#include "base/writ.h"

enum { WRIT_SET_MAX = 16384 }; /* targets; beyond it what ended first is forgotten first */

struct writ_set;

struct writ_set *writ_set_new(void);
void writ_set_free(struct writ_set *set); /* NULL is fine */

enum writ_merged {
	WRIT_TAKEN,  /* it holds now */
	WRIT_KNOWN,  /* it is the one that holds already */
	WRIT_OLDER,  /* a later one holds, or it ended so long ago that nobody remembers what was after it */
	WRIT_REFUSED /* with a sentence: made in the future */
};
/* Take one in: the set owns it when it is WRIT_TAKEN, and *before is then what it replaced: the caller's now, NULL when there was none. */
enum writ_merged writ_set_merge(
	struct writ_set *set, struct writ *writ, uint64_t now_ms, struct writ **before, struct err *err);
/* Take a merge back: `before` (the set's again; NULL: none) instead of what stands for the target, which is the caller's then. */
struct writ *writ_set_restore(struct writ_set *set, const char *target, struct writ *before);
/* What stands for a target, also when it has ended; NULL: nothing is known. */
const struct writ *writ_set_find(const struct writ_set *set, const char *target);
/* All, by target. */
size_t writ_set_get(const struct writ_set *set, const struct writ *const **writs);
/* The made_ms of a new one: now, and later than what is known of the target, so that who saw that decides over it whatever the clocks
 * say. */
uint64_t writ_set_stamp(const struct writ_set *set, const char *target, uint64_t now_ms);
/* Of all that are to be remembered: equal sets have equal ones. */
uint64_t writ_set_digest(const struct writ_set *set, uint64_t now_ms);
/* Drop what need not be remembered any more; how many. */
size_t writ_set_forget(struct writ_set *set, uint64_t now_ms);

#endif
