/* plan - what another world would tell the clients of the last day: each network that asked a service is decided for twice, by the
 * code that answers packets, in the world as it is and as it would be. Pure but for the two worlds' board; any thread that may read
 * the worlds.
 *
 * A service that spreads at random has no clients that stay: what moves is what the shares of all clients of one class differ by
 * (half the sum of the differences). A sticky one's clients are looked at one by one. */
#ifndef GSLB_PLAN_H
#define GSLB_PLAN_H

#include <jansson.h>

#include "gslb/audience.h"
#include "gslb/decide.h"

struct meter;

enum { PLAN_MOVERS = 10, PLAN_NAMES = 200 };

struct plan_question {
	const struct world *before, *after;
	const struct audience *audience;
	struct meter *meter; /* what was measured; NULL: distance alone */
	const double *loads; /* by pool of the world before, in its units; NAN: not known; NULL: none is */
	uint64_t now_ms;
	_Atomic uint32_t *permille; /* how far it is; may be NULL */
	const _Atomic bool *stop;   /* true: nobody wants it any more, and what is made is not whole; may be NULL */
};

/* What those who move gain (below zero) or lose: kilometres or expected milliseconds. */
struct plan_added {
	double answers; /* of which it is known */
	double mean, p50, p95;
};

/* A pool of either world by its name; shares in answers. */
struct plan_share {
	uint32_t pool; /* in plan.pools; 0: no pool */
	double before, after;
};

struct plan_service {
	const struct service *before, *after; /* after NULL: it is gone */
	size_t networks;
	double answers;
	double moved_networks, moved_answers;
	double within_networks; /* sticky: the pool stays, an address in it does not */
	size_t nshares;
	struct plan_share *shares; /* those that are not 0 in both */
	struct plan_added km, ms;
};

struct plan_mover {
	struct prefix net;
	enum family family;
	uint32_t service, from, to; /* of plan.services, of plan.pools */
	double answers;
	double km, ms; /* added; NAN: not known */
	bool measured; /* the milliseconds are not by distance alone */
};

struct plan_pool {
	const struct pool *before, *after; /* NULL: it has none */
	double answers_before, answers_after;
	double load; /* now; NAN: not known */
};

struct plan {
	size_t networks, strangers; /* strangers: of services that the world before does not have; not counted */
	double answers, moved_networks, moved_answers;
	size_t nservices;
	struct plan_service *services; /* that have clients */
	size_t npools;
	struct plan_pool *pools; /* all of both worlds; [0] is no pool */
	size_t nmovers;
	struct plan_mover movers[PLAN_MOVERS]; /* the worst first */
	struct plan_added km, ms;
};

struct plan *plan_make(const struct plan_question *question);
void plan_free(struct plan *plan); /* NULL is fine */

/* The document of `gslbctl plan`; the two sets are those of the worlds that the plan was made of. */
json_t *plan_json(const struct plan *plan, const struct zone_set *before, const struct zone_set *after);
/* plan_edits.c: zones and services that come and go, and names whose records changed. */
void plan_edits_json(const struct zone_set *before, const struct zone_set *after, json_t *json);

#endif
