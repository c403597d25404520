/* explore - a few answers that name the second best pool, so that it is measured where it might be better.
 *
 * Where a decision about latency is open (openings.h) the order of that class of clients says which pool, and how many of 65536
 * answers it is given. Such an answer is only for who can bear it: nothing of the service may be down, in doubt, damped, forced or
 * ramping, no pool at all so full that it gives clients away (split.h), the class not be shared out otherwise than it is ordered, and it
 * may not stick. It has the minimum TTL, and the scope of its class, as any other. Inside the decision core: no lock, no allocation. */
#ifndef GSLB_EXPLORE_H
#define GSLB_EXPLORE_H

#include "gslb/decide.h"

struct sight;
struct glance_choice;

enum {
	EXPLORE_ALL = 65536, /* what rates are parts of */
	EXPLORE_MOST = 655,  /* 1 % of them */
	EXPLORE_EACH = 100,  /* queries to a worker for one that explores, whatever the rates */
	EXPLORE_SAVED = 400  /* queries that count at most: four in a row */
};

/* A worker's own: what its queries earned, each of them, whoever asks for whatever and whether it explores or not; less what those that
 * explored have used up. */
struct exploring {
	uint32_t credit;
};

static inline void exploring_earn(struct exploring *exploring, unsigned queries)
{
	exploring->credit += queries;
	exploring->credit = exploring->credit < EXPLORE_SAVED ? exploring->credit : EXPLORE_SAVED;
}

/* Why an answer of an open class, whose own order that is, may not explore. */
enum explore_bar { EXPLORE_FREE, EXPLORE_STICKY, EXPLORE_CNAME, EXPLORE_FULL, EXPLORE_SHARED, EXPLORE_UNSTEADY };
enum explore_bar explore_barred(
	const struct sight *sight, const struct service_plan *service, enum family family, const struct order *order);

/* For an order with something to explore: draw whether this answer does, and make it if so. */
bool explore_try(const struct sight *sight, const struct service_plan *service, const struct client *client,
	enum family family, const struct order *order, const struct glance_choice *choice, struct decision *decision);

#endif
