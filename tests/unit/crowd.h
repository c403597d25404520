/* crowd - resolvers with clients behind them, in simulated time: each asks again when its TTL is over, is answered by decide() as the
 * server does it, and its clients make load on the pool that it holds. The answers go through the ledger and what takes it to
 * capacity, and its split is in force for the next ones: the whole loop, but for the sockets. */
#ifndef GSLB_TESTS_CROWD_H
#define GSLB_TESTS_CROWD_H

#include "gslb/capacity.h"
#include "tests/scenario/sim.h"

enum { CROWD_MOST = 16384, CROWD_POOLS = 8, CROWD_LATE_MOST_S = 60 };

/* Somebody else than capacity may rule: called in each second, after the loads were measured. */
struct crowd_rig;
typedef void (*crowd_ruler)(struct crowd_rig *rig);

struct crowd_resolver {
	struct client client;
	const char *service;
	double asks; /* load units of its clients */
	uint64_t expires_s;
	uint32_t pool; /* that it holds */
	bool slow;     /* keeps answers five times as long */
};

struct crowd_rig {
	struct sim sims[2], *sim; /* one of them */
	const char *const *places;
	struct ledger *ledger;
	struct recent *recent;
	struct capacity *capacity;
	struct split *split;
	crowd_ruler ruler; /* NULL: capacity */
	unsigned nresolvers;
	struct crowd_resolver resolvers[CROWD_MOST];
	double level;           /* what all ask for is multiplied by */
	uint32_t late_s;        /* so old is what is reported */
	uint32_t hold_permille; /* of the TTL: for how long caches keep an answer */
	bool silent[CROWD_POOLS];
	double load[CROWD_POOLS][CROWD_LATE_MOST_S]; /* of the last seconds, by pool number */
	uint64_t second, answers, spilled;
};

/* The zone is svc.example; places as sim_place has them. */
void crowd_init(struct crowd_rig *rig, const char *zone, const char *const *places);
void crowd_fini(struct crowd_rig *rig);
/* So many resolvers more, of which each is in a /24 of net (a /8), and their clients ask for so much in all; skew: of the heaviest, as of
 * Zipf's law; 0: all alike. */
void crowd_add(struct crowd_rig *rig, const char *service, unsigned net, unsigned n, double asks, double skew);
/* One second. */
void crowd_tick(struct crowd_rig *rig);
/* Other overrides are in force. */
void crowd_publish(struct crowd_rig *rig);
/* Another zone is; who was told a pool by its number is told anew before long. */
void crowd_reload(struct crowd_rig *rig, const char *zone);
uint32_t crowd_pool(const struct crowd_rig *rig, const char *label);
double crowd_load(const struct crowd_rig *rig, const char *label);
/* How much of a service's requests in a net goes to the pool. */
double crowd_part(const struct crowd_rig *rig, const char *service, unsigned net, const char *label);

#endif
