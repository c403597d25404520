/* herd - what tests of shares, moves and agreement have in common: a crowd of clients with a key each, and what they are told, through
 * decide() as the server calls it. Everything comes from fixed seeds: GSLB_SHARES_ROUNDS=N makes N of them, with all of the crowd. */
#ifndef GSLB_TESTS_HERD_H
#define GSLB_TESTS_HERD_H

#include <stdio.h>
#include <string.h>

#include "tests/scenario/sim.h"
#include "tests/unit/unit.h"

enum { POOLS = 5, ANSWERS = 4, CROWD = 1000000 };

extern struct sim herd_sim;
extern unsigned herd_round;
extern bool herd_thorough;

/* Of the seed of this round. */
void herd_init(struct sim *node);
void herd_setup(void); /* herd_sim */
void herd_teardown(void);
/* A suite for each round. */
int herd_run(Suite *(*suite)(void));
/* So many clients, in a thorough run all. */
unsigned herd_size(unsigned n);

/* ---- zones: pools p0 to p4 of endpoints l1, l2, … ---- */

extern const char herd_zone_head[];
/* By the weights of its endpoints; of weight 0: there is no such endpoint. */
void herd_add_pool(struct buf *zone, unsigned pool, const unsigned *weights, unsigned n);
/* www is pools by their weights, three endpoints each; of weight 0: there is no such pool. */
void herd_pools(const unsigned weights[static POOLS], const char *tags);
/* www is one pool, of endpoints by their weights. */
void herd_endpoints(const unsigned weights[static POOLS], const char *tags);
void herd_force(const char *target, enum override_action action, unsigned over_s);
void herd_clear(const char *target);
void herd_probe(const char *target, enum probe_result result); /* as often as it takes */

/* ---- clients, and what they are told ---- */

enum { WAYS = 4 };

/* How a crowd asks: by IPv4 and IPv6, each with keys of the usual length and of another one. */
extern const struct herd_way {
	const char *sticky; /* tags */
	enum family family;
	unsigned bits, key_len; /* the last bits of a client's key are its number */
} herd_ways[WAYS];

/* In terms that all nodes share: numbers are their own. */
struct told {
	uint8_t n, scope, pool;
	uint32_t ttl_s;
	uint16_t endpoint[ANSWERS]; /* its net, and its number in its pool in the low byte */
};

/* Each number has a key of its own, and anything behind it. */
void herd_client(const struct herd_way *way, unsigned number, struct client *client);
void herd_ask(struct sim *node, const struct service_plan *service, enum family family, const struct client *client,
	struct told *told);
/* What clients 0 to n - 1 are told; the caller frees it. */
struct told *herd_told(struct sim *node, const struct herd_way *way, unsigned n);
/* The way's and more; until the next call. */
const char *herd_tags(const struct herd_way *way, const char *more);
bool told_same(const struct told *a, const struct told *b);
/* The number is its pool's. */
bool told_names(const struct told *told, unsigned endpoint);

/* How likely i is among so many that are drawn by weight one after the other, from what those in `gone` leave. */
double herd_likely(const unsigned weights[static POOLS], unsigned gone, unsigned wanted, unsigned i);
/* A part of n clients: no farther off than chance takes it, and with all of the crowd within the tolerance. */
void herd_check_part(const char *what, unsigned i, unsigned n, double part, double wanted, double tolerance);

#endif
