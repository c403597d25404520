/* demand - what classes of clients ask for, and which pools their caches have it from now: told from the answers that the ledger wrote
 * down. A flow is a class of one service's clients; a cell of it is a pool of the class's order. Only services that capacity or
 * load has a say in are followed. Main thread; times are wall. ALGORITHMS 4. */
#ifndef GSLB_DEMAND_H
#define GSLB_DEMAND_H

#include "gslb/recent.h"
#include "gslb/spill.h"

enum {
	DEMAND_FLOWS_MAX = 4096, /* others go as they were ordered, and are in nobody's account */
	DEMAND_BUCKET_S = 2,
	DEMAND_BUCKETS = 128,
	DEMAND_FORGET_S = 900, /* a flow that was not heard of for so long */
};

/* Answers of a class that named a pool. */
struct demand_cell {
	uint64_t newest; /* bucket: seconds since 1970 / DEMAND_BUCKET_S */
	float answers[DEMAND_BUCKETS];
	float slow;  /* a second, over five TTLs */
	double held; /* what capacity makes of it: that caches held when the load of the pool was measured */
};

struct demand_flow {
	uint64_t identity; /* of the service, the family and the order: the same on every host and after a reload */
	uint64_t service_identity;
	uint32_t service; /* number */
	enum family family;
	const struct order *order; /* the snapshot's */
	uint32_t ttl_s;
	uint32_t last_s;
	uint32_t score[SERVICE_POOLS_MAX]; /* by place: spill_class.score, of a client of the class */
	struct addr client;                /* that one */
	struct demand_cell *cells;         /* by place in the order */
	bool begun;                        /* the slow means have */
	/* What capacity makes of it: */
	double asks;     /* for an answer that a cache holds: thousandths of load units; 0: not known yet */
	uint64_t demand; /* thousandths of load units */
	uint64_t at[SERVICE_POOLS_MAX]; /* by place: how much of that its pools have now */
	float lean
		[SERVICE_POOLS_MAX]; /* by place: what weights are multiplied by for requests to come out as they are */
	uint64_t leaned_s;
	uint64_t lists;                   /* of which shares are: a hash; 0: none are */
	uint16_t (*shares)[SPILL_RANKS];  /* by member of its home group */
	bool split;                       /* it is not as it was ordered: */
	bool gives;                       /* a pool of its home group gives some of it away */
	uint32_t row;                     /* of the split that was made last, + 1 */
	uint32_t home;                    /* a bit for each place of its home group */
	uint16_t part[SERVICE_POOLS_MAX]; /* by place, of SPLIT_ONE */
};

struct demand {
	const struct snapshot *snapshot;
	bool *followed; /* by service number */
	uint64_t cursor, missed;
	uint64_t slow_s; /* when the slow means went on */
	size_t nflows;
	struct demand_flow *flows[DEMAND_FLOWS_MAX];
	uint32_t index[2 * DEMAND_FLOWS_MAX]; /* number + 1; 0: free */
};

struct demand *demand_new(void);
void demand_free(struct demand *demand); /* NULL is fine */
/* A snapshot is in force: flows that it does not have any more are forgotten. */
void demand_begin(struct demand *demand, const struct snapshot *snapshot);
/* What came since the last time; of the snapshot's own pairs. */
void demand_take(struct demand *demand, const struct recent *recent);
/* The flow of clients of this order; NULL: nobody of them asked. */
const struct demand_flow *demand_find(
	const struct demand *demand, uint32_t service, enum family family, const struct order *order);
void demand_note(struct demand *demand, const struct ledger_entry *entry);
/* Every ten seconds or so. True when a flow was forgotten that was not as it was ordered. */
bool demand_step(struct demand *demand, uint64_t now_s);
/* How many answers caches hold at a time that was, at most minutes ago. */
double demand_held(const struct demand_flow *flow, unsigned place, uint64_t at_s);

#endif
