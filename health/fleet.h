/* fleet - what one host knows of the fleet's votes, and the verdicts that follow. Every host computes the same from the same: who probes what
 * (assign.h), which votes count, the quorum of those assigned, the budget (gate.h). Integers only, and the clock is handed in; it knows no
 * socket: what fleet_write makes is carried to the others' fleet_hear by whatever there is (base/state_client.h; a simulator).
 *
 * - A vantage is a region. Of several hosts of it the majority of those that are alive, and trust their eyes, is its vote; a tie is none.
 * - What was not confirmed for 30 s (VOTES_FRESH_MS) is silence. Without a quorum of those assigned the verdict stays as it was; where hosts
 *   remember otherwise, the latest one that ever had a quorum is what stays, since each tells what it keeps.
 * - A region's own view: while at least two hosts of it are alive and all of those say the same of an endpoint that their region probes, that
 *   is what the region's clients are answered by; the budget binds it where it takes away.
 * - Staleness: no quorum for 60 s is doubt (minimum TTL), for 5 minutes an alarm; the verdict stays for as long as that takes.
 *
 * A region that the plan does not name probes nothing and only watches.
 *
 * One thread's own. Use: fleet_vote for what this host sees; fleet_hear for what comes; then fleet_next until it is false, and fleet_judge of
 * each; fleet_tick once a second, and again fleet_next; fleet_write_changes at once and after each tick; fleet_write every STATE_FULL_MS,
 * and whenever fleet_full_wanted. */
#ifndef GSLB_HEALTH_FLEET_H
#define GSLB_HEALTH_FLEET_H

#include "base/state.h"
#include "health/assign.h"
#include "health/gate.h"

enum {
	FLEET_HOSTS_MAX = 256,
	FLEET_DOUBT_MS = 60000, /* without a quorum */
	FLEET_ALARM_MS = 300000,
	FLEET_DIFFERS_MS = 30000, /* another digest than ours for so long */
	FLEET_ROUNDS = 10,        /* ticks in which each endpoint is looked at once */
};

struct fleet;

struct fleet_now {
	uint64_t monotonic_ms; /* how old what was heard is */
	uint64_t wall_ms;      /* since when; the budget's ten minutes */
};

/* Labels as in base/state.h. node may be "": this host's own votes count as those of any host of its region. */
struct fleet *fleet_new(const char *node);
void fleet_free(struct fleet *fleet); /* NULL is fine */
/* A plan, of which it borrows pools, services and the texts of plan->fleet until the next one; whose targets with vantages > 0 it judges.
 * Votes on endpoints that stay are kept. */
void fleet_set(struct fleet *fleet, const struct health_plan *plan, uint32_t nslots, const struct fleet_now *now);
void fleet_set_node(struct fleet *fleet, const char *node);
bool fleet_has(const struct fleet *fleet, uint32_t slot); /* it is judged here; others are their own host's matter */
bool fleet_assigned(const struct fleet *fleet, uint32_t slot); /* and probed by this region */
bool fleet_is_ours(const struct fleet *fleet, uint8_t region); /* an index into the plan's regions */
/* What stood before, since when: for one that was never judged since it came. It stays here until a quorum is heard of; since nobody knows
 * whether it ever had one, others are not told. */
void fleet_restore(struct fleet *fleet, uint32_t slot, enum health_state state, uint32_t since_s);

/* ---- in ---- */

/* What this host says now, since when (Unix seconds); it is confirmed for as long as it is not changed. Nothing happens for one that is
 * not assigned. */
void fleet_vote(struct fleet *fleet, uint32_t slot, enum vote_says says, bool leaning, uint32_t since_s);
void fleet_abstain(struct fleet *fleet, bool abstains);
/* What another host says. False: damaged, from a region that the plan does not know, or one host too many. */
bool fleet_hear(struct fleet *fleet, const struct state_said *said, const struct fleet_now *now);
/* A tenth of the endpoints is to be looked at again, since votes grow old. */
void fleet_tick(struct fleet *fleet, const struct fleet_now *now);

/* ---- verdicts ---- */

/* The next slot whose verdict may be another one now. *suspect: another vantage begins to see it fail; if this host probes it, it should do
 * so now, and again 0.5 and 1 s later. */
bool fleet_next(struct fleet *fleet, uint32_t *slot, bool *suspect);

struct fleet_verdict {
	enum health_state state;
	bool doubt;
	bool held;                 /* down by the votes, and the budget keeps it up: `hold` says why */
	bool regional;             /* the region's own view, which is another than that of all */
	bool frozen;               /* there is no quorum: it is as it was */
	bool old;                  /* frozen for a minute */
	uint32_t since_s;          /* of the state; 0: not known, or of long ago */
	struct votes_result votes; /* of all regions */
	struct gate_hold hold;
	unsigned nassigned;
	struct fleet_says {
		uint8_t region; /* index into the plan's regions */
		enum vote_says says;
		bool leaning;
	} says[ASSIGN_VANTAGES_MAX];
};

/* What is so now. For one that it has. */
void fleet_judge(struct fleet *fleet, uint32_t slot, const struct fleet_now *now, struct fleet_verdict *verdict);
const char *fleet_sentence(
	const struct fleet *fleet, const struct fleet_verdict *verdict, char text[static GATE_TEXT_MAX]);

/* ---- out ---- */

/* The bodies of a full state: part after part, until it returns false; begin with *part = 0, which it counts up. *nparts is how many there
 * will be. The buf is emptied first. */
bool fleet_write(struct fleet *fleet, unsigned *part, unsigned *nparts, const struct fleet_now *now, struct buf *body);
/* The body of a change; false: there is none (any more). After a tick there is always one, if only as a sign of life: a host that was not
 * heard for some seconds has missed changes, so whoever hears it again wants to say all. */
bool fleet_write_changes(struct fleet *fleet, struct buf *body);
/* Somebody came (back): say all at once. Asking makes it false. */
bool fleet_full_wanted(struct fleet *fleet);

/* ---- the whole ---- */

struct fleet_totals {
	size_t members, assigned;     /* endpoints that are judged, and probed here */
	size_t frozen, old, alarming; /* without a quorum: at all, for a minute, for five */
	size_t held, regional;
	size_t hosts, alive, agree; /* others: known, heard within 30 s, and with our digest */
	uint64_t digest;  /* of what all regions say and what follows for all; equal on all hosts that heard the same */
	uint64_t refused; /* what was heard and made no sense */
	bool differs;     /* a host's digest has been another one for FLEET_DIFFERS_MS */
	char differing[2 * STATE_LABEL_MAX]; /* "region/node" */
};
void fleet_totals(const struct fleet *fleet, const struct fleet_now *now, struct fleet_totals *totals);

#endif
