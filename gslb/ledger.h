/* ledger - what the workers wrote down of steered answers, beside one snapshot: how many named each pool of each service, until
 * when caches may hold what named a pool or an endpoint, and a ring of the answers themselves.
 *
 * A pair is a service's candidate: number service_plan.first_override + candidate. A slot is what an answer names: an endpoint's
 * number, or, for via=cname, ledger_target_slot().
 *
 * Threads: a row is one worker's, who alone writes it, with relaxed stores and without a lock; what an answer costs is in the
 * middle of ledger_note(). All else is the main thread's. Times in seconds are wall, since 1970. */
#ifndef GSLB_LEDGER_H
#define GSLB_LEDGER_H

#include "gslb/decide.h"

enum {
	LEDGER_RING_LEN = 8192, /* answers; a power of two */
	LEDGER_WAY_S = 2,       /* added to a TTL: a second that has begun, and a second for the way to the cache */
	LEDGER_NET_V4 = 24,     /* bits of a client that are kept */
	LEDGER_NET_V6 = 56,
	LEDGER_NONE = 0xffffffff,
};

struct ledger;
struct ledger_row;

/* rows: one a worker, from 0. The snapshot must live as long as it does. */
struct ledger *ledger_new(const struct snapshot *snapshot, unsigned nrows);
void ledger_free(struct ledger *ledger); /* NULL is fine */
const struct snapshot *ledger_snapshot(const struct ledger *ledger);

/* ---- a worker's ---- */

struct ledger_row *ledger_row(const struct ledger *ledger, unsigned row); /* of NULL: NULL */

/* Note an answer that was sent, with addresses or a CNAME. True when it is to be written into the ring, too, by ledger_write. */
bool ledger_note(
	struct ledger_row *row, const struct service_plan *service, const struct decision *decision, uint32_t now_s);
/* The same answer with more of it. What it points to is borrowed. */
struct ledger_answer {
	const struct service_plan *service;
	const struct decision *decision; /* with a candidate */
	const struct client *client;
	const struct addr *resolver; /* who asked: the packet's source */
	enum family family;          /* that was asked for */
	uint64_t now_ms;             /* wall */
};
void ledger_write(struct ledger_row *row, const struct ledger_answer *answer);
/* Where ledger_note will count the service's answers: to be read ahead. */
const void *ledger_ahead(const struct ledger_row *row, const struct service_plan *service);

/* ---- sums, over all workers and all snapshots since gslbd began ---- */

unsigned ledger_nrows(const struct ledger *ledger);
uint32_t ledger_npairs(const struct ledger *ledger);
uint32_t ledger_target_slot(const struct ledger *ledger, uint32_t target);
uint64_t ledger_answers(const struct ledger *ledger, uint32_t pair);
/* From this second on no cache that honours TTLs holds an answer that names it; 0: none was given. */
uint32_t ledger_pair_expires_s(const struct ledger *ledger, uint32_t pair);
uint32_t ledger_slot_expires_s(const struct ledger *ledger, uint32_t slot);

/* What a gslbd that ran before this one answered is not known. Assume that, until now_s, it named everything with the longest TTL. */
void ledger_assume(struct ledger *ledger, uint32_t now_s);

/* A snapshot follows another: take over what was written down beside the one before, which no worker writes any more. By the
 * service's and the pool's names and the endpoint's address, unless the seed is another. The map tells what became of pairs and
 * slots (LEDGER_NONE: gone); free it with ledger_map_free. */
struct ledger_map {
	uint32_t npairs, nslots;
	uint32_t *pair, *slot;
};
struct ledger_map *ledger_carry(struct ledger *ledger, const struct ledger *before);
void ledger_map_free(struct ledger_map *map);

/* ---- the answers themselves ---- */

struct ledger_entry {
	uint64_t time_ms; /* wall, of its batch */
	uint32_t pair;
	uint32_t slot; /* the first that it names */
	uint32_t ttl_s;
	uint32_t
		weight; /* answers of this worker that it stands for, itself among them: weights add up to all answers */
	uint8_t nnamed;     /* endpoints in it; 1 for a CNAME */
	enum family family; /* that was asked for */
	bool ecs;           /* the client is from ECS, else it is the resolver */
	struct addr resolver;
	struct addr client; /* the first LEDGER_NET_V4 or LEDGER_NET_V6 bits */
};

/* Take the answers of a row that were not taken yet, oldest first, at most max. *lost rises by the entries that were overwritten
 * before they were taken; the weights of what is left do not stand for those. */
size_t ledger_take(struct ledger *ledger, unsigned row, struct ledger_entry *entries, size_t max, uint64_t *lost);
/* Write every 2^shift-th answer into the rings, by chance, from now on. At first: every one. */
void ledger_sample(struct ledger *ledger, unsigned shift);
/* Answers noted beside this snapshot. */
uint64_t ledger_noted(const struct ledger *ledger);

#endif
