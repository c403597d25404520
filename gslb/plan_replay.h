/* plan_replay - the clients of one service, decided for twice. Inside plan: groups of clients whose answers come from the same shares,
 * what of them moves, and what that adds. */
#ifndef GSLB_PLAN_REPLAY_H
#define GSLB_PLAN_REPLAY_H

#include "gslb/plan.h"
#include "gslb/plan_cost.h"

/* A client of a service. */
struct replay_item {
	uint32_t service; /* in plan.services */
	uint32_t visit;   /* in the audience */
	uint32_t classes; /* before << 16 | after */
	uint8_t family;   /* that was asked for */
};

/* What movers gain or lose, weighed: pairs of added and answers. */
struct replay_added {
	double *of;
	size_t n, cap;
};

/* What is worked with, for all services. Init with what plan_make knows. */
struct replay {
	const struct plan_question *question;
	struct plan *plan;
	const struct visit *visits;
	const uint32_t *pool_before, *pool_after; /* by number in the world: in plan.pools */
	/* by pool of the plan; of the group, and of the service */
	double *group_before, *group_after, *before, *after;
	uint32_t *seen; /* pools that are not 0 in those of the service */
	size_t nseen;
	/* what a group's shares differ by: they add up to 0 */
	struct replay_shift {
		uint32_t pool;
		double share;
	} * shifts;
	size_t nshifts;
	struct replay_added km, ms, all_km, all_ms; /* of the service, of all */
};

/* Is the rest to be left out? */
bool replay_stops(const struct replay *replay);
void replay_init(struct replay *replay);
/* items: those of one service, by family and classes. */
void replay_service(struct replay *replay, struct plan_service *service, struct replay_item *items, size_t n);
/* plan_moved.c: a client of a group, `share` of which is in replay.shifts. */
void replay_moved(struct replay *replay, struct plan_service *service, const struct replay_item *item, double share);
/* Weighed by answers; what was noted is used up. */
void replay_sum(struct replay_added *added, struct plan_added *sum);
/* The sums over all services. */
void replay_end(struct replay *replay);

#endif
