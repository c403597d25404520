/* writs - the overrides of the fleet as this relay has them: the last one of each target, in the log and in memory. Events of class
 * override are merged here as they come in, in the transaction that takes them in, so that their floor rises with it; gslbd fetches what
 * changed, and when every gslbd that is here has put it in force the origin is told. Main thread.
 *
 * A gslbd that comes asks for all, and offers what is not among it: whatever one of the two has lost or missed, both have it then. Between
 * relays digests do the same (writs_repair.c). */
#ifndef GSLB_RELAY_WRITS_H
#define GSLB_RELAY_WRITS_H

#include "base/control.h"
#include "base/writ_set.h"
#include "relay/store.h"
#include "relay/work.h"

enum {
	WRITS_BATCH = 64,        /* of one event or answer, at most */
	WRITS_BYTES = 24 * 1024, /* … and about so long */
	WRITS_HOSTS_MAX = 16,    /* gslbds of this relay */
	WRITS_HANDED_MAX = 1024, /* events that gslbds do not have in force yet */
	WRITS_POLL_MS = 5000,    /* a question waits so long for news */
	WRITS_PRESENT_MS = 15000 /* a gslbd that was not heard for so long is not waited for */
};

struct writs;

/* Reads what the log has. told: as work's; an event is
 * flushed here when every gslbd of this relay has it in force (for the log it is done as it is merged). life: names this run, not 0. NULL with a
 * sentence. */
struct writs *writs_new(struct store *store, const char *region, const char *name, uint64_t life,
	void (*told)(void *arg, const struct work_state *state), void *arg, struct err *err);
void writs_free(struct writs *writs); /* NULL is fine */
/* The wall clock, for what follows; once a turn at least. */
void writs_clock(struct writs *writs, uint64_t wall_ms);
const struct writ_set *writs_set(const struct writs *writs);
uint64_t writs_digest(struct writs *writs); /* of all that is to be remembered */

/* An event of class override has come into the inbox; its writs are merged, with the store's next commit. */
bool writs_take(struct writs *writs, const struct event *event, uint64_t now_ms, struct err *err);
/* The store has committed, or rolled back. */
void writs_settle(struct writs *writs, bool committed);
/* Events for those of the list (borrowed) that are news here, into the outbox; how many of them are none, since they are made in the future or
 * cannot travel, with a sentence. confirm: somebody waits to hear of them. *last: the last event, whose texts live in the arena; oseq 0: there was no news. False: the log. */
bool writs_offer(struct writs *writs, const json_t *list, const char *actor, bool confirm, size_t *refused,
	struct arena *arena, struct event *last, struct err *err);
/* Once an hour: what need not be remembered any more goes from memory, and from the log. */
void writs_forget(struct writs *writs);
/* All that is known as events for one relay of a region alone, into the outbox. */
bool writs_offer_all(struct writs *writs, const char *region, const char *name, struct err *err);

/* ---- writs_hosts.c: gslbd's ---- */

/* A gslbd has in force what changed up to `have` of that life, and waits for more; it is answered by its ticket. */
void writs_ask(struct writs *writs, const char *host, uint64_t life, uint64_t have, uint64_t ticket, uint64_t now_ms);
/* All that came in is settled. Answer those for whom there is news, or time; tell origins what is in force. When to call again at the latest. */
uint64_t writs_run(struct writs *writs, struct control *control, uint64_t now_ms);
/* {"digest", "writs", "refused", "hosts": [{"host", "behind", "heard_s"}], "waiting"} */
json_t *writs_status(struct writs *writs, uint64_t now_ms);

/* ---- writs_repair.c: between relays ---- */

/* A relay of a region says what it has. */
void writs_hear_digest(struct writs *writs, const char *region, const char *name, uint64_t digest, uint64_t now_ms);
/* Send all to relays that have had something else for a while. True: a digest is to be said, since it changed or it is time. */
bool writs_repair(struct writs *writs, uint64_t now_ms, uint64_t *digest);

/* ---- inside ---- */

struct writs_change {
	uint64_t version;
	char *target;
};

struct writs_host {
	char name[256]; /* "": the place is free */
	uint64_t have, seen_ms, ticket, until_ms;
};

/* An event that gslbds are to put in force. */
struct writs_handed {
	char id[EVENT_ID_MAX], origin[EVENT_LABEL_MAX];
	uint64_t version, began_ms;
	bool committed, errors, asked;
};

struct writs_peer {
	char region[EVENT_LABEL_MAX], name[EVENT_LABEL_MAX]; /* "": the place is free */
	uint64_t digest, differs_ms, next_ms, pause_ms;
	uint64_t offered; /* the last event that was made for it, among them; 0: none */
};

struct writs {
	struct store *store;
	const char *region, *name; /* this relay's */
	struct writ_set *set;
	bool torn;                                  /* it has what the log does not */
	uint64_t life, version, wall_ms, forgot_ms; /* wall */
	uint64_t digest, digest_version, digest_ms; /* of which version, and at what time */
	struct writs_change *changes;               /* the last one of each target, in the order of versions */
	size_t nchanges, changes_cap;
	struct writs_host host[WRITS_HOSTS_MAX];
	struct writs_handed handed[WRITS_HANDED_MAX];
	size_t nhanded;
	struct writs_peer peer[CONF_RELAYS_MAX];
	uint64_t said_digest, said_ms, changed_ms;
	uint64_t refused, repairs;
	void (*told)(void *arg, const struct work_state *state);
	void *arg;
};

/* Events gathered from writs: as many of them as one holds. */
struct writs_packing {
	struct writs *writs;
	const char *actor, *why;
	const char *region, *relay; /* NULL: all */
	bool confirm;
	struct arena *arena;
	struct event_item item[WRITS_BATCH];
	size_t n, bytes;
	struct event *last;
};
bool writs_pack(struct writs_packing *packing, const struct writ *writ, struct err *err);
bool writs_pack_end(struct writs_packing *packing, struct err *err);

#endif
