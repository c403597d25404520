/* votes - a verdict from what the assigned vantages say: a majority of those that are assigned, never of those that happen to
 * report; so a partition freezes the smaller side and takes nothing down. Pure; votes are plain values, from wherever they come.
 * With one vantage its vote is the verdict. */
#ifndef GSLB_HEALTH_VOTES_H
#define GSLB_HEALTH_VOTES_H

#include "health/assign.h"
#include "health/health.h"

enum { VOTES_FRESH_MS = 30000 }; /* after that, what a host said is silence: fleet.h */

enum vote_says { VOTE_SILENT, VOTE_UP, VOTE_DOWN };

/* What one vantage says of an endpoint now. */
struct vote {
	enum vote_says says;
	bool leaning;     /* its last results speak against what it says */
	uint32_t since_s; /* since when it says so, on the wall clock of whoever says so; 0: long ago */
};

struct votes_result {
	enum health_state state;
	bool doubt;     /* some speak against the state, too few to change it; or two lean that way */
	bool unanimous; /* at least two speak, and all that do say the same, which is the state */
	uint16_t up, down, silent;
	uint16_t quorum;
	bool decided; /* there is a quorum; else the state is as before */
	uint32_t
		since_s; /* decided: when those who say so became a quorum, by their clocks; the same wherever it is counted */
};

/* At most ASSIGN_VANTAGES_MAX. before: the verdict so far, which stays without a quorum. */
void votes_count(const struct vote *votes, unsigned assigned, enum health_state before, struct votes_result *result);

/* One more of those that say the same, which are kept by when they began. */
void votes_add_since(uint32_t *since, unsigned *n, uint32_t since_s);

#endif
