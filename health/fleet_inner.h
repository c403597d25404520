/* fleet_inner - what fleet.c, fleet_count.c and fleet_say.c share, and nobody else. */
#ifndef GSLB_HEALTH_FLEET_INNER_H
#define GSLB_HEALTH_FLEET_INNER_H

#include "health/ballot.h"
#include "health/fleet.h"

enum { FLEET_OWN = 0, FLEET_NOWHERE = 0xff, FLEET_NONE = -1 };

/* What a host last said of an endpoint. */
struct said {
	uint64_t seq;   /* in the host's epoch; 0: of an epoch before */
	uint64_t at_ms; /* monotonic; of this host: it does not matter */
	uint32_t since_s;
	uint16_t host;
	uint8_t says; /* enum vote_says */
	bool leaning;
};

struct member {
	uint64_t id; /* ballot_id */
	uint32_t slot;
	uint8_t nassigned, chosen[ASSIGN_VANTAGES_MAX]; /* regions */
	bool own;                                       /* ours is one of them */
	/* by the votes of all */
	enum health_state state;
	bool decided, unanimous;
	bool quorate; /* it had a quorum, here or where it was kept; else it is what this host came with, and nobody else's matter */
	uint32_t since_s;   /* of the state */
	uint64_t frozen_ms; /* monotonic: there is no quorum since then; only while not decided */
	uint64_t print;     /* its part of the digest */
	bool held, regional;
	bool queued, suspect, changed;
	uint16_t nsaid;
	struct said *said;
};

/* hosts[FLEET_OWN] is this one. */
struct host {
	char region[STATE_LABEL_MAX], node[STATE_LABEL_MAX];
	uint8_t number; /* of the region; FLEET_NOWHERE: the plan does not know it */
	uint64_t epoch, seq;
	uint64_t heard_ms; /* monotonic */
	bool alive, abstains;
	uint64_t digest, differs_ms; /* differs_ms: since then it is another one than ours; 0: it is not */
};

struct fleet {
	struct health_fleet plan;
	struct gate *all, *own; /* the budget of the verdicts for all, and of our region's */
	struct member *members; /* by id */
	uint32_t nmembers;
	uint32_t *member_of; /* by slot: number + 1, or 0 */
	uint32_t nslots;
	struct host hosts[FLEET_HOSTS_MAX];
	unsigned nhosts;
	uint32_t *queue, queue_first, queue_len; /* of members, as a ring of nmembers */
	uint32_t next_look;
	uint32_t nchanged;
	uint64_t digest;
	bool full_wanted, beacon;
	uint64_t refused;
};

static inline struct member *fleet_member(const struct fleet *fleet, uint32_t slot)
{
	uint32_t number = slot < fleet->nslots ? fleet->member_of[slot] : 0;

	return number == 0 ? NULL : &fleet->members[number - 1];
}

static inline struct said *member_said(const struct member *member, unsigned host)
{
	for (unsigned i = 0; i < member->nsaid; i++)
		if (member->said[i].host == host)
			return &member->said[i];
	return NULL;
}

static inline bool fleet_counts(const struct fleet *fleet, const struct said *said, uint64_t now_ms)
{
	const struct host *host = &fleet->hosts[said->host];

	return !host->abstains && host->number != FLEET_NOWHERE &&
	       (said->host == FLEET_OWN || now_ms < said->at_ms + VOTES_FRESH_MS);
}

void fleet_queue(struct fleet *fleet, struct member *member);

#endif
