/* plan_cost - how far a client has it to a pool, in kilometres and in expected milliseconds. */
#ifndef GSLB_PLAN_COST_H
#define GSLB_PLAN_COST_H

#include "gslb/meter.h"

struct cost {
	double km, ms; /* NAN: not known */
	bool measured; /* ms is not by distance alone */
};

/* A client, placed once. */
struct cost_client {
	struct meter *meter; /* NULL: nothing was measured */
	struct place place;
	struct latency_chain chain;
	uint64_t now_s;
};

void cost_client_init(struct cost_client *client, struct meter *meter, const struct snapshot *snapshot,
	const struct addr *addr, uint64_t now_s);
struct cost cost_to(const struct cost_client *client, const struct pool *pool);

#endif
