/* override_list - inside the overrides: the list itself, its file and its audit. The set of writs is what is known of each target, also of
 * those that were cleared or have ended; the items are those of it that are in force, as the rest of gslbd sees them. */
#ifndef GSLB_OVERRIDE_LIST_H
#define GSLB_OVERRIDE_LIST_H

#include "base/writ_set.h"
#include "gslb/override.h"

struct override_list {
	char *directory, *path; /* NULL: a scratch */
	char *origin, *host;    /* of what is decided here */
	char *last;             /* the target of what was decided here last; NULL: nothing was */
	struct writ_set *set;
	struct override **items;
	size_t nitems, cap;
	uint64_t opened_ms; /* wall */
	bool unwritten;     /* the last merge is on record and not in the file */
};

/* Where an item is; nitems: it is not there. */
size_t override_list_index(const struct override_list *list, const char *target);
/* Make the item of a target follow its writ. */
void override_list_refresh(struct override_list *list, const char *target, uint64_t now_ms);
/* Put a writ of ours in force, or end what it clears: first the audit, then the file; when either fails nothing changed, and err says so. The
 * writ is the list's now. shown: what the audit shows; no item, which may go. */
bool override_list_commit(struct override_list *list, struct writ *writ, const char *event,
	const struct override *shown, uint64_t now_ms, struct err *err);
/* One that ends what an item has set. */
struct writ *override_list_clearing(
	const struct override_list *list, const struct override *item, const char *who, uint64_t now_ms);
bool override_list_write(const struct override_list *list, struct err *err);
/* by: what did it, and who; NULL: time did, and it is the override's own. */
bool override_list_audit(const struct override_list *list, const char *event, const struct writ *by,
	const struct override *override, uint64_t now_ms, struct err *err);
struct override *override_of(const struct writ *writ);
void override_free(struct override *override); /* NULL is fine */

#endif
