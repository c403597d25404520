/* roster - who is connected, in order of how long each has waited: by what it waits for, by its network, and all together.
 * Whoever is to go next is found at once, however many there are. Knows no sockets, no clock and no limits. One thread's
 * own. */
#ifndef GSLB_ROSTER_H
#define GSLB_ROSTER_H

#include <sys/queue.h>

#include "base/base.h"

enum roster_state {
	ROSTER_OWING,   /* the client owes us (the rest of) a query */
	ROSTER_IDLE,    /* nobody owes anything */
	ROSTER_WRITING, /* the client owes us reading its answers */
	ROSTER_STATES
};

/* A network is what one party is likely to hold: an IPv4 /24, an IPv6 /48 (RFC 6177: a site's). */
enum { ROSTER_V4_BITS = 24, ROSTER_V6_BITS = 48 };

struct roster_network;

/* A client's place; it lies in the client's own memory, from join to leave. */
struct roster_seat {
	enum roster_state state;
	uint64_t since_ms; /* it waits in this state */
	struct roster_network *network;
	TAILQ_ENTRY(roster_seat) link, beside; /* of its state; of its network */
};

struct roster;

struct roster *roster_new(uint64_t seed); /* the seed is secret: strangers choose where they connect from */
void roster_free(struct roster *roster);  /* when all have left; NULL is fine */
/* now_ms never goes back. */
void roster_join(struct roster *roster, struct roster_seat *seat, const struct addr *addr, uint64_t now_ms); /* OWING */
void roster_enter(struct roster *roster, struct roster_seat *seat, enum roster_state state, uint64_t now_ms);
void roster_leave(struct roster *roster, struct roster_seat *seat);

uint32_t roster_count(const struct roster *roster);
/* Who waits longest in a state, or in any; NULL: nobody. */
struct roster_seat *roster_first(const struct roster *roster, enum roster_state state);
struct roster_seat *roster_longest(const struct roster *roster);
/* How many are there from this address's network; *longest is who of them waits longest, when there are any. */
uint32_t roster_neighbours(const struct roster *roster, const struct addr *addr, struct roster_seat **longest);
/* How many from this one's network, itself counted. */
uint32_t roster_beside(const struct roster_seat *seat);

#endif
