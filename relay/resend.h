/* resend - which rows of the outbox to hand to the bus now: those that it has not had yet; again, with doubling pauses, those for which some
 * relay has no receipt; and all of those at once when the bus has lost something. What a bus acknowledges counts for nothing here. RELAY
 * 5.3. One thread's own; the clock is handed in. */
#ifndef GSLB_RELAY_RESEND_H
#define GSLB_RELAY_RESEND_H

#include "relay/store.h"

/* All zero is a good start. */
struct resend {
	uint32_t epoch;
	uint64_t offered; /* up to which number the bus was given it */
	uint64_t pause_ms, progress_ms, least;
	uint64_t again; /* rows that were given once more */
};

struct resend_way {
	const char *const *relays; /* whose receipts count */
	size_t nrelays;
	size_t waiting; /* rows that the bus was given, and has not taken yet */
	size_t room;    /* for more */
	bool lost;      /* the bus has less than it once took */
	void (*offer)(void *arg, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len);
	void *arg;
};

/* Offers what is due. When to call again at the latest. */
uint64_t resend_run(struct resend *resend, struct store *store, const struct resend_way *way, uint64_t now_ms);

#endif
