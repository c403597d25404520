/* standing - what is in service: the board's verdicts with the overrides laid over them, and a pool's summary of its
 * endpoints. Inside the decision core; decide.h has the part that others use. */
#ifndef GSLB_STANDING_H
#define GSLB_STANDING_H

#include "gslb/decide.h"
#include "gslb/strength.h"

/* Both families at once: for via=cname, where a name stands for all of its addresses. */
enum { FAMILY_ANY = FAMILIES };

/* How to look at things. The later ones are for when nothing is in service; those after SIGHT_HELD do not ask for min-up and needs. */
enum sight_mode {
	SIGHT_NORMAL,
	SIGHT_HELD,  /* what is held down for flapping, but answers its probes, counts as up */
	SIGHT_LAST,  /* down=last: what went down after last_s counts as up */
	SIGHT_ALL,   /* down=all: probes are ignored, and min-up; overrides are not */
	SIGHT_BLIND, /* nothing else remains: overrides are ignored too */
};

struct sight {
	const struct world *world;
	uint64_t now_ms;
	enum sight_mode mode;
	bool names;      /* via=cname: a name is answered, which does not expire with an address that it had */
	uint32_t ttl_s;  /* the most that the asking service's answers are kept; 0: no service asks */
	uint32_t last_s; /* SIGHT_LAST */
};

/* All overrides that cover a thing, as one. */
struct cover {
	enum override_action action; /* any down or drain beats an up */
	uint16_t permille;           /* what the drains leave: 1000 without, 0 when drained or down */
	uint64_t change_ms;          /* the next dated change; 0: none */
};

/* An endpoint through a sight. */
struct endpoint_view {
	bool expired; /* its resolved address may not be answered any more */
	bool available;
	bool doubt;
	uint16_t permille; /* of its weight, after ramp, damping and drain */
	uint16_t drain;    /* the part of that which is drain */
	struct cover cover;
	struct verdict verdict;
	uint64_t change_ms; /* the next one by date; without ramp, which is: */
	uint64_t step_ms;
};

/* A pool through a sight. doubt and change_ms are of what the answer depends on: not of a lower tier than answers, and not of what has
 * weight 0 beside what has some; all of it with min-up. */
struct pool_view {
	bool in_service;
	bool doubt;
	bool any_available;   /* false with in_service false: nothing is up; true: too few for min-up */
	bool all_expired;     /* it has endpoints of the family, and each one's address is too old */
	uint16_t drain;       /* permille of its weight that drains leave */
	uint32_t up, of;      /* endpoints of the family */
	uint32_t last_down_s; /* when the last of its endpoints that are down went down; 0: none is */
	struct vigour vigour; /* full but in SIGHT_NORMAL */
	uint32_t
		missing; /* a pool that it needs, and without which it is not in service; POOL_NONE; only in SIGHT_NORMAL */
	struct cover cover;
	uint64_t change_ms;
};

static inline uint64_t sooner(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* How long an endpoint that came back climbs to all of its weight; never faster than the TTL, so that no more than a step of it is handed
 * out while a cache keeps an answer. 0: no ramp. */
static inline uint64_t ramp_whole_ms(const struct sight *sight, uint32_t ramp_ms)
{
	uint64_t ttl_ms = (uint64_t)sight->ttl_s * 1000;

	return ramp_ms > 0 && ttl_ms > ramp_ms ? ttl_ms : ramp_ms;
}

/* service_pair: the overlay's entry for this pool in the asking service; NULL when no service asks. */
struct cover pool_cover(const struct sight *sight, uint32_t pool, const uint16_t *service_pair);
void endpoint_look(const struct sight *sight, uint32_t endpoint, const struct cover *pool, struct endpoint_view *view);
void pool_look(const struct sight *sight, uint32_t pool, unsigned family, const uint16_t *service_pair,
	struct pool_view *view);

/* An SRV target as via=cname sees it: in service while one of its addresses of either family is; and while none is known,
 * since nothing waits for a first probe. at[]: where its endpoints begin, moved on behind them; start with the parts' first. */
void target_look(const struct sight *sight, const struct pool_plan *pool, uint32_t target, const struct cover *cover,
	uint32_t at[static FAMILIES], struct endpoint_view *view);

/* Pools that a service is left with (its pools= and its map's), each in service for at least one family. settled: count
 * gradual drains as whole. */
uint32_t service_pools_in_service(
	const struct world *world, const struct service_plan *service, uint64_t now_ms, bool settled, uint32_t *of);

#endif
