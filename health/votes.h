/* votes - a verdict from what the assigned vantages say: a majority of those that are assigned, never of those that happen to
 * report; so a partition freezes the smaller side and takes nothing down. Pure; votes are plain values, from wherever they come.
 * With one vantage its vote is the verdict. */
#ifndef GSLB_HEALTH_VOTES_H
#define GSLB_HEALTH_VOTES_H

#include "health/health.h"

enum { VOTES_FRESH_MS = 30000, VOTES_MAX = 64 };

enum vote_says { VOTE_SILENT, VOTE_UP, VOTE_DOWN };

/* What one vantage last said of an endpoint. It counts for VOTES_FRESH_MS, and not while the vantage abstains. */
struct vote {
	enum vote_says says;
	bool leaning;      /* its last results speak against what it says */
	bool abstains;     /* the vantage does */
	uint64_t at_ms;    /* when it said so, or confirmed it; on the clock that now_ms is on */
	uint64_t since_ms; /* since when it says so, on the wall clock of whoever says so; 0: long ago */
};

struct votes_result {
	enum health_state state;
	bool doubt;     /* some speak against the state, too few to change it; or two lean that way */
	bool unanimous; /* at least two speak, and all that do say the same, which is the state */
	uint16_t up, down, silent;
	uint16_t quorum;
	bool decided; /* there is a quorum; else the state is as before */
	uint64_t
		since_ms; /* decided: when those who say so became a quorum, by their clocks; the same wherever it is counted */
};

/* now_ms is handed in. before: the verdict so far, which stays without a quorum. */
void votes_count(const struct vote *votes, unsigned assigned, enum health_state before, uint64_t now_ms,
	struct votes_result *result);

#endif
