/* store - the relay's log: an outbox of what this relay made, an inbox of what is to be done here, how far each origin was received
 * and done, each relay's receipts, and what could not be done. SQLite, WAL, synchronous=FULL: what was committed is there after a
 * power loss. One thread's own.
 *
 * An origin is a relay by its name on the bus, and its epoch names one life of its outbox: it rises when the file is made anew, and numbers then begin at 1
 * again. A floor is the number up to which nothing is missing. */
#ifndef GSLB_RELAY_STORE_H
#define GSLB_RELAY_STORE_H

#include "relay/event.h"

struct store;

struct store_mark {
	char origin[EVENT_LABEL_MAX];
	uint32_t epoch;
	uint64_t oseq;
};

/* Opens or makes the file. One that is damaged is put aside as PATH.bad and made anew; *fresh tells that this relay's past is not
 * known: everything it caches must be dropped (a coarse flush). now_ms: wall; a new epoch is made of it. A file that was
 * another name's goes on as a new life of this one's. */
struct store *store_open(const char *path, const char *name, uint64_t now_ms, bool *fresh, struct err *err);
void store_close(struct store *store);
uint32_t store_epoch(const struct store *store);

/* The log turned out to be an old copy, or its epoch not above one that was here before (the clock had been set back): what relays have done
 * says so. What is in the outbox, and all that comes, is of an epoch above that one, and committed. */
bool store_begin_anew(struct store *store, uint32_t above, struct err *err);

/* A coarse flush is owed: since the log was new, or another's began anew. It is remembered until it was done, also over a crash. */
bool store_coarse_due(struct store *store);
bool store_coarse_done(struct store *store, struct err *err);

/* Changes are gathered, and written with the next commit: many for one fsync. After a failed commit none of them happened. */
bool store_commit(struct store *store, struct err *err);
/* Can it be written? Writes a number; with nothing gathered. */
bool store_probe(struct store *store, uint64_t number, struct err *err);
/* How many commits have failed: what was added before one of them, and not committed before that, is not there. */
uint64_t store_rollbacks(const struct store *store);
bool store_is_dirty(const struct store *store);

/* ---- outbox ---- */

/* Takes in an event of this relay: gives it origin, epoch, oseq and time. */
bool store_add(struct store *store, struct event *event, uint64_t now_ms, struct err *err);
/* Events in order behind `after`, at most max of them; their bytes live until take returns. It returns false to stop. */
bool store_outbox(struct store *store, uint64_t after, size_t max,
	bool (*take)(void *arg, uint64_t oseq, const char *bytes, size_t len), void *arg, struct err *err);
/* The number of the last one, with and without what is not committed yet. */
uint64_t store_last(const struct store *store);
uint64_t store_committed(const struct store *store);
/* Forget what all these relays have receipts for, and so have those that the file does not name any more: they may be named again. How many rows are left, and when the oldest of them was made (0: none). */
bool store_trim(struct store *store, const char *const *relays, size_t nrelays, struct err *err);
bool store_outbox_left(struct store *store, uint64_t *rows, uint64_t *oldest_ms, uint64_t *last_oseq);

/* ---- store_kept.c: what is not kept for a relay that is away ---- */

/* Forget what was made before then_ms, and all but the last `most`, though some relay has no receipt for it; how many rows those were. */
bool store_let_go(struct store *store, uint64_t then_ms, uint64_t most, uint64_t *rows, struct err *err);
/* Up to where the outbox was forgotten without everybody's receipt; 0: nowhere. */
uint64_t store_gone(struct store *store);
/* Adds an event that has that relay of the region drop everything, since what is gone does not come any more. */
bool store_say_gone(struct store *store, const char *region, const char *relay, uint64_t now_ms, struct err *err);
/* When the first one behind that number was made (wall); 0: there is none. */
uint64_t store_made_after(struct store *store, uint64_t oseq);
/* Of all relays that ever had a receipt of this epoch; UINT64_MAX: none. */
uint64_t store_least_receipt(struct store *store);
/* Each of them, by name. */
void store_receipts(struct store *store, void (*take)(void *arg, const char *relay, uint64_t oseq), void *arg);

/* ---- inbox ---- */

enum store_taken {
	STORE_NEW,       /* to be done */
	STORE_DUPLICATE, /* was here before */
	STORE_EPOCH, /* the origin began anew, or what it made before never came here: a coarse flush is due; the event is to be done, too */
	STORE_FAILED
};
enum store_taken store_take(
	struct store *store, const struct event *event, const char *bytes, size_t len, struct err *err);
/* All that is to be done still, in order of arrival; after a start. */
bool store_inbox(
	struct store *store, bool (*take)(void *arg, const char *bytes, size_t len), void *arg, struct err *err);
/* It was done, with or without errors. */
bool store_done(struct store *store, const struct store_mark *mark, bool errors, struct err *err);
/* Up to where an origin was received without a gap, and done without a gap; zero when it is unknown. */
void store_floors(
	struct store *store, const char *origin, struct store_mark *received, struct store_mark *done, bool *errors);
void store_received(struct store *store, const char *origin, struct store_mark *received);
/* Is something of the origin here, and not what is before it? *upto: the last that is missing. */
bool store_gap(struct store *store, const char *origin, struct store_mark *upto);
/* Everything of the origin up to the mark counts as received and done; a coarse flush is owed for it. */
bool store_jump(struct store *store, const struct store_mark *mark, struct err *err);

/* ---- receipts of the relays for what this one made ---- */

/* Is that more than was ever made here? */
bool store_is_ahead(const struct store *store, uint32_t epoch, uint64_t oseq);
/* A relay has done all up to oseq of that epoch. It never goes back within an epoch. */
bool store_receipt(struct store *store, const char *relay, uint32_t epoch, uint64_t oseq, bool errors, struct err *err);
uint64_t store_receipt_of(struct store *store, const char *relay, bool *errors);

/* ---- what could not be done ---- */

struct store_dead {
	int64_t id;
	const char *target, *event, *item, *reason; /* live until take returns */
	uint64_t at_ms;
};
enum { STORE_DEAD_MAX = 10000 }; /* the oldest go */
bool store_bury(struct store *store, const struct store_dead *dead, struct err *err);
bool store_dead(
	struct store *store, bool (*take)(void *arg, const struct store_dead *dead), void *arg, struct err *err);
bool store_dead_drop(struct store *store, int64_t id, struct err *err); /* 0: all */
uint64_t store_dead_count(struct store *store);

/* ---- store_writs.c: the last override of each target, as JSON ---- */

bool store_writ_put(struct store *store, const char *target, const char *bytes, size_t len, struct err *err);
bool store_writ_drop(struct store *store, const char *target, struct err *err);
bool store_writs(
	struct store *store, void (*take)(void *arg, const char *bytes, size_t len), void *arg, struct err *err);

#endif
