/* gap - what an origin made and does not come here any more. Our log was put back as an older copy, when the bus had been told that all is here,
 * and the origin had our receipt and forgot it: nobody would bring it again. Later events of that origin are done as they come; but no receipt
 * of ours rises above the gap, and for want of it the origin keeps all that it makes, for good. What does not come for two minutes counts as
 * lost, and all is dropped for it. RELAY 5.3. One thread's own; the clock is handed in. */
#ifndef GSLB_RELAY_GAP_H
#define GSLB_RELAY_GAP_H

#include "relay/store.h"

enum { GAP_MS = 120000 }; /* the bus brings again after 30 s, an origin sends again after 60 s at most */

/* All zero is a good start. */
struct gap {
	uint32_t epoch;
	uint64_t oseq;     /* the floor that stands still */
	uint64_t since_ms; /* monotonic; 0: there is none */
};

/* Look at it once a second. True: it stays, and *upto is the last that is missing. */
bool gap_stays(struct gap *gap, struct store *store, const char *origin, uint64_t now_ms, struct store_mark *upto);

#endif
