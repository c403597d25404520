/* judge - from one target's results to the verdict that its slot shows. The detector says what this vantage makes of them; unless it
 * does not trust its eyes (eyes.h), that is its vote; and in a fleet the votes of all decide (fleet.h). Lies in the target. One thread's
 * own. */
#ifndef GSLB_HEALTH_JUDGE_H
#define GSLB_HEALTH_JUDGE_H

#include "health/eyes.h"
#include "health/fleet.h"

/* What all targets share. */
struct court {
	struct eyes *eyes;
	struct fleet *fleet;
};

struct judge {
	bool held;                  /* this vantage's failures do not count for now */
	uint32_t epoch;             /* of the eyes, when the last result came */
	struct crowd_member member; /* the target's place in the crowd */
	uint64_t failing_ms;        /* monotonic: since when it fails; only while it does */
	enum health_state own;      /* what this host's detector says, and whether it flaps */
	bool own_damped;
	uint64_t says; /* of the regions: the board's word */
	struct verdict
		shown; /* its state, doubt, recovered, damped, held and since; reason and generation are the target's */
};

/* One result of a target. */
struct hearing {
	struct detector *detector;
	const struct detector_rule *rule;
	struct observation seen;
	uint32_t slot;
	const char *label;
	uint64_t now_ms; /* wall */
};

/* A target begins with what its slot says, or with nothing. */
void judge_begin(
	struct judge *judge, const struct court *court, const struct detector *detector, const struct verdict *was);
/* What its slot has shown so far, which in a fleet is not what this vantage saw. */
void judge_shows(struct judge *judge, const struct verdict *was);
/* The crowd is a new one with each plan. CROWD_ALONE: what is pushed shows nothing of our own network. */
void judge_join(struct judge *judge, const struct court *court, const struct detector *detector, uint32_t group);
/* It is in the fleet's plan now, perhaps: what was shown so far is what it begins with. */
void judge_pass_fleet(struct judge *judge, const struct court *court, const struct detector *detector, uint32_t slot);

/* Take in a result. True when what is shown has changed. *next_ms: how long until the next probe. *suspicious: it begins to fail,
 * though it is up: others should be probed now, to see whether it is us. */
bool judge_result(struct judge *judge, const struct court *court, const struct hearing *hearing, uint32_t *next_ms,
	bool *suspicious);
/* Others have voted on it, which the fleet has. True when what is shown has changed. */
bool judge_again(struct judge *judge, const struct court *court, uint32_t slot, const char *label, uint64_t now_ms);

#endif
