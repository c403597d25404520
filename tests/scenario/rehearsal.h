/* rehearsal - a drill in a simulated world: its ticks at the times of the simulated clock, and a crowd of clients with caches that
 * honour TTLs, each of which asks when what it holds has expired. */
#ifndef GSLB_TESTS_REHEARSAL_H
#define GSLB_TESTS_REHEARSAL_H

#include "gslb/drill_run.h"
#include "tests/scenario/sim.h"

enum { CROWD_MAX = 1000, ASK_MS = 100, APART_MS = 200 /* between the first questions of two */, HISTORY_MAX = 20000 };

struct member {
	char client[32], name[64];
	uint64_t expires_ms;
	uint32_t pool;
};

struct rehearsal {
	struct sim *sim;
	struct drill_host host;
	struct drill_run *run; /* NULL: none; stays when it is over */
	bool over;
	uint64_t due_ms;
	struct member crowd[CROWD_MAX];
	size_t ncrowd;
	struct drill_answer answers[HISTORY_MAX];
	size_t nanswers;
	uint64_t queries;
};

void rehearsal_init(struct rehearsal *rehearsal, struct sim *sim);
void rehearsal_fini(struct rehearsal *rehearsal);
/* n clients NET.1, NET.2, …: "198.51.100". */
void rehearsal_crowd(struct rehearsal *rehearsal, const char *net, unsigned n, const char *name);
/* False with the sentence of what refuses it; aborts on a mistake in the text. */
bool rehearsal_begin(struct rehearsal *rehearsal, const char *yaml, struct err *err);
/* Let the clock run to a time (of the scenario): the crowd asks, the drill goes on. */
void rehearsal_to(struct rehearsal *rehearsal, uint64_t at_ms);
/* Part of the crowd that holds an answer of this pool. */
double rehearsal_holds(const struct rehearsal *rehearsal, const char *pool);

#endif
