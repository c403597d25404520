/* learned - the orders that measured latency puts in place of those by distance, for one way of ordering.
 *
 * Two kinds of clients have one: all of an ASN within a square degree, and single networks (/24, /48) that differ from them. An
 * order stays until another one is surely better (latency.h), for LATENCY_REST_S at least, or until what it stands on has
 * faded: then distance decides again. What is explored meanwhile is in openings.h: metros, and networks with an order of their
 * own, so that exploring makes no scope longer than learning does. Decided and asked in the thread that compiles snapshots; who
 * else looks does so under the meter's lock, under which it is changed. */
#ifndef GSLB_LEARNED_H
#define GSLB_LEARNED_H

#include "gslb/order.h"

struct learned;
struct meter;

struct learned *learned_new(void);
void learned_free(struct learned *learned); /* NULL is fine */
/* Look at all that was measured; true when an order changed. */
bool learned_decide(struct learned *learned, const struct order_spec *spec, const struct geo *geo, struct meter *meter,
	uint64_t now_s);
/* How many orders of each kind there are. */
size_t learned_networks(const struct learned *learned);
size_t learned_metros(const struct learned *learned);
/* The order of a place's metro. False when there is none. */
bool learned_at(const struct learned *learned, const struct place *place, struct order *order);
/* Cells that are explored (openings.h), and what that makes of the order of a place. */
size_t learned_explored(const struct learned *learned);
void learned_explore(const struct learned *learned, const struct place *place, struct order *order);
/* When the order of a cell (latency.h) changed last, in seconds since 1970; 0: it has none of its own. */
uint64_t learned_changed_s(const struct learned *learned, uint64_t key);
/* The networks that have an order of their own, but for those that a map rule covers: at most learned_networks. */
size_t learned_nets(const struct learned *learned, const struct order_spec *spec, const struct geo *geo,
	struct order_set *set, struct geo_overlay *nets);

#endif
