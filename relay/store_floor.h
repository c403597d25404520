/* store_floor - what the store knows by heart: how far each origin was received, and what each relay has a receipt for. An event would
 * otherwise cost five statements that read or write the same row; so they are read once, and written with the commit. For
 * store.c. One thread's own. */
#ifndef GSLB_RELAY_STORE_FLOOR_H
#define GSLB_RELAY_STORE_FLOOR_H

#include "relay/store_sql.h"

/* An origin: `floor` is in memory what the row will be after the next commit. */
struct origin {
	struct store_mark floor;
	bool known;       /* something of it was here before */
	bool dirty;       /* to be written */
	uint64_t nahead;  /* rows above the floor, behind a gap */
	uint64_t nerrors; /* events of it that were not done everywhere */
	STAILQ_ENTRY(origin) link;
};

/* The origin, which is read when it is first asked for. Never NULL. */
struct origin *floor_of(struct store *store, const char *name);
/* How many rows lie behind a gap, as the file has them. */
bool floor_recount(struct store *store, struct origin *origin, struct err *err);
/* It stands at this mark. */
void floor_set(struct origin *origin, const struct store_mark *mark);
bool floor_write(struct store *store, struct err *err); /* for the commit */

/* A relay's receipt. */
struct receipt {
	char relay[EVENT_LABEL_MAX];
	uint32_t epoch;
	uint64_t oseq;
	bool errors;
	STAILQ_ENTRY(receipt) link;
};
struct receipt *receipt_of(struct store *store, const char *relay);

/* A rollback: all of it is read anew. Also the end. */
void floor_forget(struct store *store);

/* store_anew.c: the file was another name's, under which its outbox had numbers: it goes on as a new life. */
bool anew_if_renamed(struct store *store, struct err *err);

#endif
