/* load - what pools say of their load: pushed, read from a URL, or found on the answers of their health checks; each with its age. By the
 * pool's name, so that it outlives reloads. Main thread. Numbers are thousandths of a pool's own units; times are wall. */
#ifndef GSLB_LOAD_H
#define GSLB_LOAD_H

#include <jansson.h>

#include "gslb/snapshot.h"

enum {
	LOAD_STALE_MS = 60000,   /* what is older says nothing, unless it was pushed for longer */
	LOAD_FORGET_MS = 120000, /* an endpoint that said nothing for so long is none of the pool's any more */
};

struct loads;

struct loads *loads_new(void);
void loads_free(struct loads *loads); /* NULL is fine */
/* A snapshot is in force: pools that it does not have, or that take loads from elsewhere now, are forgotten. */
void loads_begin(struct loads *loads, const struct snapshot *snapshot, uint64_t now_ms);

/* A part of the pool's load; "": all of it. The load is the sum of its parts. Who fell silent lately is taken for as loaded as the others.
 * for_ms 0: LOAD_STALE_MS. */
void loads_report(struct loads *loads, const struct pool *pool, const char *part, uint64_t milli, uint64_t now_ms,
	uint64_t for_ms);
/* A HEALTH_LOAD message; of the snapshot that it began with. */
void loads_take(
	struct loads *loads, const struct snapshot *snapshot, const struct health_message *message, uint64_t now_ms);

/* ---- between the regions of a fleet ---- */

/* Rises with each report here. */
uint64_t loads_version(const struct loads *loads);
/* What was reported here and is not stale: {"eu.svc.example": [["", 12500, 300, 59700]]}, of each part its load, how many ms ago that was, and
 * for how many more it holds. In as many documents as it takes, borrowed. */
void loads_say(const struct loads *loads, uint64_t now_ms, void (*say)(void *arg, const json_t *json), void *arg);
/* What another host said at that time. What was reported here counts more, while it is not stale; what makes no sense is passed over. */
void loads_hear(struct loads *loads, const json_t *json, uint64_t said_ms, uint64_t now_ms);

struct load {
	bool known;     /* and not stale */
	uint64_t milli; /* the last that was known */
	uint64_t at_ms; /* when it was; 0: never */
	const char
		*trouble; /* why it is not known, of what is read from a URL; NULL: nothing is known of that either */
};
struct load loads_of(const struct loads *loads, const struct pool *pool, uint64_t now_ms);

/* The URLs to be read, for a plan: strings lie in the snapshot. The caller frees it. */
struct health_gauge *loads_gauges(const struct loads *loads, size_t *n);
/* Call once a second: one line for each load that became stale, and for each that is known again. */
void loads_look(struct loads *loads, uint64_t now_ms);
/* The first pool whose load is stale, and how many there are; NULL: none. */
const struct pool *loads_stale(const struct loads *loads, unsigned *n);

#endif
