/* Every queue is in the order of since_ms, because whoever enters a state goes to the tail of both of its queues. A network
 * is made for its first client and freed behind its last one. */
#include "gslb/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 };

TAILQ_HEAD(roster_queue, roster_seat);

struct roster_network {
	LIST_ENTRY(roster_network) chain;
	struct addr addr; /* masked */
	uint32_t nseats;
	struct roster_queue queue;
};

LIST_HEAD(roster_bucket, roster_network);

struct roster {
	uint64_t seed;
	uint32_t nseats, nnetworks;
	struct roster_queue queue[ROSTER_STATES];
	uint32_t nbuckets; /* a power of two */
	struct roster_bucket *bucket;
};

struct roster *roster_new(uint64_t seed)
{
	struct roster *roster = mem_alloc(sizeof *roster);

	roster->seed = seed;
	for (unsigned i = 0; i < ROSTER_STATES; i++)
		TAILQ_INIT(&roster->queue[i]);
	roster->nbuckets = BUCKETS_MIN;
	roster->bucket = mem_alloc(roster->nbuckets * sizeof *roster->bucket);
	return roster;
}

void roster_free(struct roster *roster)
{
	if (roster == NULL)
		return;
	assert(roster->nseats == 0 && roster->nnetworks == 0);
	free(roster->bucket);
	free(roster);
}

/* ---- networks ---- */

static struct addr network_of(const struct addr *addr)
{
	struct addr network = *addr;

	addr_mask(&network, addr->family == ADDR_V4 ? ROSTER_V4_BITS : ROSTER_V6_BITS);
	return network;
}

static struct roster_bucket *bucket_of(const struct roster *roster, const struct addr *network)
{
	uint64_t hash = hash_bytes(roster->seed ^ network->family, network->bytes, sizeof network->bytes);

	return &roster->bucket[hash & (roster->nbuckets - 1)];
}

static struct roster_network *find(const struct roster *roster, const struct addr *addr)
{
	struct addr wanted = network_of(addr);
	struct roster_network *network;

	LIST_FOREACH(network, bucket_of(roster, &wanted), chain)
	if (addr_equal(&network->addr, &wanted))
		return network;
	return NULL;
}

/* Twice as many buckets, so that a chain holds about one. */
static void widen(struct roster *roster)
{
	struct roster_bucket *old = roster->bucket;
	uint32_t nold = roster->nbuckets;
	struct roster_network *network;

	roster->nbuckets *= 2;
	roster->bucket = mem_alloc(roster->nbuckets * sizeof *roster->bucket);
	for (uint32_t i = 0; i < nold; i++)
		while ((network = LIST_FIRST(&old[i])) != NULL) {
			LIST_REMOVE(network, chain);
			LIST_INSERT_HEAD(bucket_of(roster, &network->addr), network, chain);
		}
	free(old);
}

static struct roster_network *network_new(struct roster *roster, const struct addr *addr)
{
	struct roster_network *network = mem_alloc(sizeof *network);

	if (roster->nnetworks == roster->nbuckets)
		widen(roster);
	roster->nnetworks++;
	network->addr = network_of(addr);
	TAILQ_INIT(&network->queue);
	LIST_INSERT_HEAD(bucket_of(roster, &network->addr), network, chain);
	return network;
}

/* ---- seats ---- */

static void seat_append(struct roster *roster, struct roster_seat *seat, enum roster_state state, uint64_t now_ms)
{
	seat->state = state;
	seat->since_ms = now_ms;
	TAILQ_INSERT_TAIL(&roster->queue[state], seat, link);
	TAILQ_INSERT_TAIL(&seat->network->queue, seat, beside);
}

static void seat_remove(struct roster *roster, struct roster_seat *seat)
{
	TAILQ_REMOVE(&roster->queue[seat->state], seat, link);
	TAILQ_REMOVE(&seat->network->queue, seat, beside);
}

void roster_join(struct roster *roster, struct roster_seat *seat, const struct addr *addr, uint64_t now_ms)
{
	seat->network = find(roster, addr);
	if (seat->network == NULL)
		seat->network = network_new(roster, addr);
	seat->network->nseats++;
	roster->nseats++;
	seat_append(roster, seat, ROSTER_OWING, now_ms);
}

void roster_enter(struct roster *roster, struct roster_seat *seat, enum roster_state state, uint64_t now_ms)
{
	seat_remove(roster, seat);
	seat_append(roster, seat, state, now_ms);
}

void roster_leave(struct roster *roster, struct roster_seat *seat)
{
	struct roster_network *network = seat->network;

	seat_remove(roster, seat);
	roster->nseats--;
	if (--network->nseats > 0)
		return;
	LIST_REMOVE(network, chain);
	free(network);
	roster->nnetworks--;
}

/* ---- who and how many ---- */

uint32_t roster_count(const struct roster *roster)
{
	return roster->nseats;
}

struct roster_seat *roster_first(const struct roster *roster, enum roster_state state)
{
	return TAILQ_FIRST(&roster->queue[state]);
}

struct roster_seat *roster_longest(const struct roster *roster)
{
	/* at the same moment the idle one, which loses nothing */
	static const enum roster_state order[] = { ROSTER_IDLE, ROSTER_OWING, ROSTER_WRITING };
	struct roster_seat *longest = NULL;

	for (unsigned i = 0; i < COUNT_OF(order); i++) {
		struct roster_seat *seat = roster_first(roster, order[i]);

		if (seat != NULL && (longest == NULL || seat->since_ms < longest->since_ms))
			longest = seat;
	}
	return longest;
}

uint32_t roster_neighbours(const struct roster *roster, const struct addr *addr, struct roster_seat **longest)
{
	const struct roster_network *network = find(roster, addr);

	if (network == NULL)
		return 0;
	*longest = TAILQ_FIRST(&network->queue);
	return network->nseats;
}

uint32_t roster_beside(const struct roster_seat *seat)
{
	return seat->network->nseats;
}
