/* order - which pools a client is offered, and in which order, before health: map rules first, then the ranking criteria.
 * Compiled per class of clients: equal orders are one class, so that ECS scopes come out as short as they can be. */
#ifndef GSLB_ORDER_H
#define GSLB_ORDER_H

#include "gslb/rank.h"
#include "gslb/snapshot.h"

/* A map rule with its pools as candidates of the service; those without an address of the family are left out. */
struct order_rule {
	const struct map_rule *rule;
	uint8_t npools;
	uint8_t pool[SERVICE_POOLS_MAX];
};

/* One way of ordering: all that an order depends on besides the client. */
struct order_spec {
	uint8_t nranks;
	enum rank_by ranks[SERVICE_RANKS_MAX];
	uint8_t npools;
	struct rank_pool pools[SERVICE_POOLS_MAX];
	uint16_t nrules;
	struct order_rule *rules; /* by kind and key, for a binary search */
	uint8_t ranked; /* so many pools are ranked, the rest follow in list order: less than npools only if there are more
			 * than 65535 different orders */
};

/* rules is room for the service's rules. usable[i]: candidate i has an address of the family. */
void order_spec_init(struct order_spec *spec, const struct service *service, const struct service_plan *plan,
	const struct pool_plan *pools, const bool *usable, struct order_rule *rules);
/* Does the order differ by client? Without that no table is needed. */
bool order_spec_by_client(const struct order_spec *spec);
bool order_spec_by_asn(const struct order_spec *spec);
/* Equal bytes, equal orders for every client. */
void order_spec_key(const struct order_spec *spec, struct buf *key);

/* Does measured latency count? */
bool order_spec_by_latency(const struct order_spec *spec);

/* The order for clients at a place; net: rules are not looked at (they go over the table as overlays). */
void order_at(const struct order_spec *spec, const struct place *place, struct order *order);
/* The same, from the place's point; quicker. */
void order_at_spot(
	const struct order_spec *spec, const struct place *place, const struct geo_spot *spot, struct order *order);
void order_of_rule(const struct order_rule *rule, struct order *order);

/* For who knows more than the place, by each pool's position in the list: kilometres, -1 when one of the two cannot be placed;
 * and milliseconds. Map rules are not looked at. */
void order_distances(const struct order_spec *spec, const struct place *place, double km[static SERVICE_POOLS_MAX]);
void order_by_latency(const struct order_spec *spec, const double *km, const double *ms, struct order *order);
/* Does a net: rule cover all of a network? */
bool order_is_net_ruled(const struct order_spec *spec, const struct prefix *net);
/* Is the order at a place that of a map rule? net: rules are not looked at. */
bool order_is_ruled(const struct order_spec *spec, const struct place *place);
/* Rank no more pools than the spec says. */
void order_fit(const struct order_spec *spec, struct order *order);
/* Of 65536 answers so many go to a candidate, unless the order has it in its first group, or not at all. */
void order_explore(struct order *order, uint8_t candidate, uint16_t rate);
bool order_equal(const struct order *a, const struct order *b);

/* Orders by class, each once. Init with { 0 }. */
struct order_set {
	struct order *orders;
	size_t norders, cap;
	uint32_t *slots; /* hash table of order + 1; 0: free */
	size_t nslots;
	uint32_t last; /* the one that came last */
	bool full;     /* more than GEO_CLASS_MAX were asked for */
};

uint16_t order_set_add(struct order_set *set, const struct order *order);
void order_set_fini(struct order_set *set);

#endif
