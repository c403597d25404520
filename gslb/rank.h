/* rank - the criteria by which pools are ordered for a client: each is one file with one struct of methods, and a row in
 * order.c. They run while a snapshot is compiled, never for a packet. */
#ifndef GSLB_RANK_H
#define GSLB_RANK_H

#include "geo/geo.h"
#include "zones/zones.h"

/* What a criterion may know of a pool. */
struct rank_pool {
	uint8_t candidate; /* its index in the service */
	uint8_t position;  /* in the list that is being ranked */
	bool located;
	int bias;
	double latitude, longitude; /* degrees */
	struct geo_spot spot;       /* the same as a point */
	const char *region;
};

struct rank_criterion {
	bool by_place; /* the cost differs by client: needs a table of classes */
	/* The lower the better. km: from the client, or -1 when one of the two cannot be placed; ms: the round trip as measured, 0
	 * when nothing is known of the client's. */
	double (*cost)(const struct rank_pool *pool, double km, double ms);
	/* May a pool of this cost share a group with the best one? cost >= best. NULL: always. */
	bool (*tied)(double best, double cost);
};

extern const struct rank_criterion rank_geo, rank_order, rank_latency, rank_weight, rank_load;

/* Costs from here on are places in the list, of what has no distance: a client or a pool that cannot be placed. */
#define RANK_GEO_UNPLACED 1e9

#endif
