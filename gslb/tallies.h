/* tallies - why services answered as they did, where that is not the usual way: what workers count for one snapshot (world->reasons), and
 * what was counted for the snapshots before it, so that the numbers only ever rise. How often each candidate answered is in the
 * ledger. The main thread's, but for the rows of the workers. */
#ifndef GSLB_TALLIES_H
#define GSLB_TALLIES_H

#include "gslb/decide.h"
#include "gslb/ledger.h"

struct tallies {
	unsigned nworkers;
	uint32_t nservices;
	_Atomic uint64_t *reasons; /* a row a worker: by service times WHYS, see snapshot.h */
	uint64_t *before;          /* a row: of the snapshots before */
};

struct tallies *tallies_new(const struct snapshot *snapshot, unsigned nworkers);
void tallies_free(struct tallies *tallies); /* NULL is fine */
/* Go on from what another snapshot's services counted, by their names; nobody counts there any more. */
void tallies_inherit(struct tallies *tallies, const struct snapshot *snapshot, const struct tallies *from,
	const struct snapshot *of);
/* Answers of service number `service` by reason; why may be any. The ledger is the same snapshot's. */
uint64_t tallies_reason(const struct tallies *tallies, const struct snapshot *snapshot, const struct ledger *ledger,
	uint32_t service, enum decide_why why);

#endif
