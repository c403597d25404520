/* snapshot - all that answers are made from, compiled ahead: zones linked, endpoints numbered, orders of pools per class of
 * clients. Immutable once made; workers read it under RCU (QSBR); everything it points to lives as long as it does.
 *
 * A world is what a worker sees at one moment: a snapshot, the overrides compiled for it, and the board. */
#ifndef GSLB_SNAPSHOT_H
#define GSLB_SNAPSHOT_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base/base.h"
#include "geo/geo.h"
#include "health/health.h"
#include "zones/zones.h"

enum family { FAMILY_V4, FAMILY_V6, FAMILIES };

static inline enum family family_of(const struct addr *addr)
{
	return addr->family == ADDR_V6 ? FAMILY_V6 : FAMILY_V4;
}

enum { SLOT_NONE = 0xffffffff };

/* One address of one target of one pool: what is probed and what is answered. A cache line. */
struct endpoint {
	struct addr addr;
	uint16_t nsharers;     /* addresses that its target has in this family, with this one: they are neighbours */
	uint32_t pool, target; /* numbers in the zone set */
	uint32_t slot;         /* on the board; SLOT_NONE: check=none, always up */
	uint16_t generation;
	uint16_t port;
	uint16_t priority, weight; /* of its SRV record */
	uint64_t identity;         /* of the address, the same on every host: for rendezvous hashing */
	const _Atomic uint64_t
		*expires_ms; /* wall: when a resolved address's TTL ends; NULL: static. Answers never outlive
				  * it; who resolves prolongs it in place, without another snapshot */
	uint64_t unused;
};
_Static_assert(sizeof(struct endpoint) == 64, "an endpoint is a cache line");

static inline uint64_t endpoint_expires_ms(const struct endpoint *endpoint)
{
	return endpoint->expires_ms != NULL ? atomic_load_explicit(endpoint->expires_ms, memory_order_relaxed) : 0;
}

/* A pool's endpoints of one family are neighbours, by rising priority: tier after tier. */
struct pool_part {
	uint32_t first, n;
	bool dated; /* it has an address that was resolved, and expires */
	bool needs; /* the pool needs others: a glance at it is not enough */
	bool even; /* the first tier has weight, and no target there has two addresses: whole is what has weight in it */
	uint32_t ramp_ms; /* the pool's */
	/* A bit for each endpoint, of the first 64, that must be up for the pool to serve all of its clients without a closer look. */
	uint64_t whole;
};

struct pool_plan {
	const struct pool *pool;
	uint64_t identity; /* of its name: for rendezvous hashing */
	struct pool_part part[FAMILIES];
	uint32_t min_up; /* the pool's */
	bool unresolved; /* it has a target whose name was never resolved: it may yet gain addresses */
};

/* Candidates in order for one class of clients: indices into the service's candidates. Bit i of `begins` is set when
 * pool[i] begins a tie group. */
struct order {
	uint32_t begins;
	uint16_t explore_rate; /* of 65536 answers; and to which pool, by its place here: explore.h. 0: none */
	uint8_t explore;
	uint8_t npools;
	uint8_t pool[SERVICE_POOLS_MAX];
};

enum { ORDER_NO_RULE = 0xffff };

struct steering {
	const struct geo_table *table; /* NULL: one order for all clients, orders[0] */
	uint32_t norders;
	const struct order *orders; /* by class */
};

struct candidate {
	uint32_t pool;   /* number in the zone set */
	uint32_t weight; /* for ties */
};

enum { CANDIDATES_MAX = 255 };

/* The pools of a service, of which each has an index: pools=, then those that only maps name, then a fallback that neither does. Nothing lies
 * between its parts, so that lists can be compared as they lie. */
struct candidate_list {
	uint16_t n;                  /* at most CANDIDATES_MAX */
	uint16_t nlisted;            /* how many of them, the first ones, are pools= */
	uint32_t fallback_candidate; /* its index; only with a fallback */
	uint32_t fallback;           /* pool number or POOL_NONE */
	struct candidate candidate[];
};
_Static_assert(sizeof(struct candidate_list) == 12, "nothing lies between a list's parts");

/* What an answer wants to know of a service, with its owner's name, on one cache line; what services have in common lies elsewhere,
 * once. */
struct service_plan {
	alignas(MEM_LINE) uint64_t identity; /* of its owner's name: for rendezvous hashing, and for jitter */
	const struct candidate_list *list;   /* shared by services that have the same */
	const struct steering *steering; /* by family; shared. With via=cname both are the same: all are candidates */
	const struct service *service;
	/* where its candidates' entries begin in overlay.service_pool, and their pairs in the ledger */
	uint32_t first_override;
	uint32_t ttl_max_s, ttl_min_s;
	struct service_owner owner;
	uint8_t answers, sticky_v4, sticky_v6;
	bool via_cname : 1, sticky : 1;
	/* a bit a family: sticky, and there is something to choose from, so that the key's length counts for scope */
	uint8_t keyed : FAMILIES;
};
_Static_assert(sizeof(struct service_plan) == MEM_LINE, "a service's plan is a cache line");

/* An address that gslb-health found for a dynamic target. */
struct resolved {
	struct name name;
	uint16_t naddrs;
	struct addr addrs[HEALTH_ADDRS_MAX];
	_Atomic uint64_t expires_ms; /* wall; snapshots point to it */
};

struct meter;

/* What compiling takes besides the zones: where an endpoint's slot is, and what names resolved to. */
struct snapshot_inputs {
	const struct resolved *(*resolve)(void *context, const struct name *name); /* NULL result: not resolved (yet) */
	bool (*slot)(void *context, const struct endpoint *endpoint, const struct pool *pool,
		const struct target *target, uint32_t *slot, uint16_t *generation);
	/* Keeps what the two give as it is while a pool is made from it, for who compiles aside; may be NULL. */
	void (*hold)(void *context, bool on);
	void *context;
	/* What was measured, of which orders take account; NULL: nothing. With `learn` it is looked at anew, as it is at now_s (since
	 * 1970); else what is known of it. */
	struct meter *meter;
	bool learn;
	bool trial; /* it will not be in force: what was learned so far is used as it is */
	uint64_t now_s;
	uint8_t seed[16]; /* selection.seed-file: keys the rendezvous hash; the same on every host */
};

struct snapshot {
	uint64_t serial;      /* rises with each one that is published */
	uint64_t made_ms;     /* wall */
	struct zone_set *set; /* owned */
	struct geo *geo;      /* shared, see snapshot_geo_ref */
	uint8_t seed[16];
	uint32_t nendpoints, npools, nservices, nservice_pools;
	const struct endpoint *endpoints;
	const struct pool_plan *pools;       /* by pool number */
	const struct service_plan *services; /* by service number */
	struct snapshot_inner *inner;        /* arena, tables and their references */
};

/* The geo databases, counted, so that snapshots share them; one thread, the one that makes and frees snapshots. The first reference adopts the geo, the last one
 * that goes frees it. */
struct geo *snapshot_geo_ref(struct geo *geo);
void snapshot_geo_unref(struct geo *geo);

/* Compile. Takes over `set` (also on failure) and a reference to geo (which may not be NULL). `before` may be NULL; tables that it has and this needs unchanged are shared.
 * NULL with a sentence when a limit is broken. Making and freeing is for one thread (builder.h): it counts what snapshots share. */
struct snapshot *snapshot_new(struct zone_set *set, struct geo *geo, const struct snapshot_inputs *inputs,
	const struct snapshot *before, struct err *err);
void snapshot_free(struct snapshot *snapshot); /* after a grace period, same thread; NULL is fine */
size_t snapshot_bytes(const struct snapshot *snapshot);
/* How many tables of classes it has, and how many of them it shares with the snapshot it was made from. */
void snapshot_tables(const struct snapshot *snapshot, size_t *ntables, size_t *nshared);

/* What is known of a client's place, and for how many bits: as the tables have it, by the first address of its /24 or /56. */
void snapshot_place(const struct snapshot *snapshot, const struct addr *addr, struct place *place, unsigned *depth);

/* The map rule that a client falls under: an index into service->rules, or ORDER_NO_RULE. A rule none of whose pools has an
 * address of the family does not match (a tailored NODATA would be cached for everyone). For explain: decide has it compiled. */
uint16_t snapshot_rule(const struct snapshot *snapshot, const struct service_plan *service, enum family family,
	const struct addr *addr, const struct place *place);

/* ---- overrides as the packet path sees them ---- */

enum override_action { OVERRIDE_NONE, OVERRIDE_UP, OVERRIDE_DRAIN, OVERRIDE_DOWN };

/* In force from from_ms until until_ms (wall). A drain takes over_ms to become whole: the weight falls linearly. */
struct effect {
	enum override_action action;
	uint64_t from_ms, until_ms;
	uint32_t over_ms;
};

/* Up to three may cover a thing; any down or drain beats an up. 0 means none; else index into effects. */
struct overlay {
	uint32_t neffects;
	struct effect *effects;      /* effects[0] is unused */
	uint16_t (*endpoint)[2];     /* by endpoint number: the strongest up, the strongest drain or down */
	uint16_t (*pool)[2];         /* by pool number; pool and region targets */
	uint16_t (*service_pool)[2]; /* by service_plan.first_override + candidate index */
};

/* ---- a world ---- */

struct ledger;
struct split;

struct world {
	const struct snapshot *snapshot;
	const struct overlay *overlay;
	const struct board_slot *slots;
	uint32_t nslots;
	const struct split *split; /* split.h: what capacity makes of orders; NULL: nothing */
	const struct board *board; /* that they are of: what the regions say lies there; NULL: nothing is known of it */
	struct ledger *ledger;     /* ledger.h: what workers write down of steered answers; NULL: nothing */
	/* Why, for what is not of the first choice: a row a worker, each of nservices times WHYS (decide.h). The place of
	 * WHY_RANKED counts those of the others that a candidate gave: what of the ledger's answers was not ranked. May be NULL. */
	_Atomic uint64_t *reasons;
};

#endif
