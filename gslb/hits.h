/* hits - how often each service was asked for, told to gslb-relay every ten seconds: it drops what is hot first, and paces the rest by it.
 * From what the workers write into the ledger; the packet path knows nothing of it. Main thread. */
#ifndef GSLB_HITS_H
#define GSLB_HITS_H

#include "gslb/herald.h"
#include "gslb/ledger.h"

enum { HITS_MS = 10000, HITS_MAX = 1000 };

/* { 0 } at first. */
struct hits {
	uint64_t serial;  /* of the snapshot whose services `before` has; a ledger may lie where one before it lay */
	uint64_t *before; /* answers, by service; NULL: none yet */
	uint64_t next_ms;
};

/* Another ledger takes the place of this one: tell what it has. */
void hits_leave(struct hits *hits, const struct ledger *ledger, struct herald *herald);
/* Tell it when it is time. When to call again (monotonic). */
uint64_t hits_look(struct hits *hits, const struct ledger *ledger, struct herald *herald, uint64_t now_ms);
void hits_fini(struct hits *hits);

#endif
