/* decide - which endpoints a client is told: a pure function of (world, client, time, dice). The server, `gslbctl explain`
 * and the scenario tests call this very function. Takes no lock, allocates nothing. DESIGN 4, steps 3 to 5. */
#ifndef GSLB_DECIDE_H
#define GSLB_DECIDE_H

#include "gslb/snapshot.h"
#include "gslb/strength.h"
#include "gslb/ttl.h"

/* Who asks: the zero-filled ECS address, or the packet's source. */
struct client {
	struct addr addr;
	bool ecs; /* addr comes from ECS with SOURCE PREFIX-LENGTH source_len > 0 */
	uint8_t source_len;
	bool explore; /* the answer may explore (explore.h): there were enough that did not */
};

enum decide_kind { DECIDE_ADDRESSES, DECIDE_CNAME, DECIDE_NODATA, DECIDE_SERVFAIL };

/* Why this pool answers. */
enum decide_why {
	WHY_RANKED,
	WHY_FALLBACK,
	WHY_HELD, /* nothing is up, but what flaps answers its probes: it is held down no longer */
	WHY_ALL_DOWN,
	WHY_LAST_UP,
	WHY_NO_FAMILY, /* NODATA: no pool that this client can be given has an address of the family */
	WHY_PANIC,     /* ranked, but so little of it is up, and no other pool can help, that its probes are ignored */
	WHY_SPILL, /* in service, but full: this client is one of those that lose least by going elsewhere (split.h) */
	WHY_UNRESOLVED, /* SERVFAIL: no address is known (yet, or any more); a NODATA would be a lie that is cached */
	WHY_EXPLORED,   /* the second best, so that it is measured: explore.h */
	WHYS
};
const char *decide_why_name(enum decide_why why);

enum { CANDIDATE_NONE = 0xffffffff };

struct decision {
	enum decide_kind kind;
	enum decide_why why;
	uint32_t pool; /* number; POOL_NONE without */
	uint32_t
		candidate; /* the same as an index into the service's candidates: for the ledger; CANDIDATE_NONE without */
	uint32_t nendpoints;
	uint32_t endpoint[SERVICE_ANSWERS_MAX]; /* numbers */
	uint32_t target;                        /* DECIDE_CNAME: number of the target whose name is answered */
	uint32_t ttl_s;
	uint8_t scope; /* bits, for ECS: exact and minimal; 0 when all clients get the same candidates */
	uint16_t class;
};

/* What each step saw, for explain; decide fills it when it is not NULL. */
enum { TRACE_POOLS_MAX = 256, TRACE_ENDPOINTS_MAX = 64 };

enum trace_fate {
	FATE_CHOSEN,
	FATE_ELIGIBLE,
	FATE_LOWER_RANK,
	FATE_DOWN,
	FATE_DRAINED,
	FATE_FORCED_DOWN,
	FATE_NO_FAMILY,
	FATE_MIN_UP,
	FATE_LOWER_TIER,
	FATE_UNRESOLVED,
	FATE_DOUBT /* eligible, in doubt */,
	FATE_LEAKED /* draining: this client is moved on */,
	FATE_NEEDS /* a pool that it needs is not in service */,
	FATE_SPILLED /* too little of it is up for all of its clients: this one is moved on */,
	FATE_FULL /* it is full, and this client goes elsewhere */,
	FATES
};
const char *trace_fate_name(enum trace_fate fate);

struct trace_pool {
	uint32_t pool; /* number */
	uint8_t group; /* tie group, from 0 */
	enum trace_fate fate;
	uint32_t up, of; /* endpoints of the family */
	uint32_t weight;
	uint32_t share_permille; /* of the tie group, by weight */
	bool split;              /* the weight is a part of SPLIT_ONE that capacity gives it; and: */
	bool home;               /* clients of the class are its own, or would be if it were not full */
	bool in_service;
	struct vigour vigour;
	uint32_t missing; /* FATE_NEEDS: the pool that it needs */
	uint64_t score;   /* sticky: its rendezvous score, the lowest wins; 0 when it was not compared */
};

struct trace_endpoint {
	uint32_t endpoint;
	enum trace_fate fate;
	struct verdict verdict;
	enum override_action forced;
	uint32_t weight_permille; /* after ramp and drain: 1000 is all of it */
	uint64_t score;
};

struct trace {
	uint8_t depth; /* of the class: what the table gave */
	uint16_t rule; /* map rule or ORDER_NO_RULE */
	uint32_t npools, nendpoints;
	struct trace_pool pool[TRACE_POOLS_MAX];
	struct trace_endpoint endpoint[TRACE_ENDPOINTS_MAX]; /* of the pool that answers */
	bool sticky;
	uint8_t key_len; /* bits of the stickiness key */
	uint64_t draw;   /* the dice for the pool */
	char ttl_reason[96];
};

void decide(const struct world *world, const struct service_plan *service, const struct client *client,
	enum family family, uint64_t now_ms, struct dice *dice, struct decision *decision, struct trace *trace);
/* The same in two steps, for who has other things to do while the client's order comes from memory. */
struct geo_hit decide_place(const struct service_plan *service, const struct client *client, enum family family);
void decide_from(const struct world *world, const struct service_plan *service, const struct client *client,
	enum family family, struct geo_hit hit, uint64_t now_ms, struct dice *dice, struct decision *decision,
	struct trace *trace);
/* The order of those clients, as the snapshot has it. */
static inline const struct order *decide_order(const struct steering *steering, struct geo_hit hit)
{
	return &steering->orders[hit.class < steering->norders ? hit.class : 0];
}

/* What jitter may take of its longest TTL. */
static inline uint32_t decide_ttl_span(const struct service_plan *service)
{
	return ttl_span(service->ttl_max_s, service->ttl_min_s);
}

/* Is the endpoint, is the pool, in service now? The same code decide uses; for tables, keep and change logs. */
struct standing {
	enum health_state state; /* after overrides: UP or DOWN (unknown counts as up) */
	bool doubt;
	enum override_action forced;
	uint32_t weight_permille; /* 0 when drained */
	uint64_t next_change_ms;  /* wall: when a dated change is due; 0: none */
	uint32_t missing;         /* of a pool: one that it needs, and that is not in service; POOL_NONE */
};
struct standing endpoint_standing(const struct world *world, uint32_t endpoint, uint64_t now_ms);
struct standing pool_standing(const struct world *world, uint32_t pool, enum family family, uint64_t now_ms);

#endif
