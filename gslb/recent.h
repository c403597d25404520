/* recent - the answers of the last minutes, taken out of the ledger's rings: one after the other for drills, and which network of
 * clients was last told what, for dry runs, drain-status and plan. Bounded in memory; outlives reloads. Main thread.
 *
 * When answers are many, a part of them is taken by chance, so that about RECENT_RATE a second come in; each then stands for
 * `weight` answers. Addresses of resolvers are kept for seconds, networks of clients for RECENT_HORIZON_S. */
#ifndef GSLB_RECENT_H
#define GSLB_RECENT_H

#include "gslb/ledger.h"

enum {
	RECENT_RATE = 2000,         /* entries a second, of all workers */
	RECENT_HORIZON_S = 600,     /* networks that were not heard of for so long are forgotten */
	RECENT_CLIENTS_MAX = 65536, /* when there are more, those that asked longest ago are forgotten first */
	RECENT_ENTRIES_MAX = 32768, /* a power of two */
};

struct recent;

struct recent *recent_new(uint64_t now_ms);
void recent_free(struct recent *recent); /* NULL is fine */
/* Take what the workers wrote, and adapt how much they write. At least once a second. */
void recent_take(struct recent *recent, struct ledger *ledger, uint64_t now_ms);
/* A ledger that is about to be written in: at the rate that the one before had. */
void recent_begin(const struct recent *recent, struct ledger *ledger);
/* Pairs and slots have other numbers from now on. After what was written beside the ledger before was taken. */
void recent_carry(struct recent *recent, const struct ledger_map *map);

/* ---- one after the other ---- */

/* Where entries begin that come from now on. */
uint64_t recent_end(const struct recent *recent);
/* The entry at the cursor, which moves on; false when there is none yet. Entries of different workers are in order to a second or
 * so. When entries were forgotten before they were read, the cursor jumps, and *missed rises. pair is LEDGER_NONE when a reload has
 * removed it. */
bool recent_read(const struct recent *recent, uint64_t *cursor, struct ledger_entry *entry, uint64_t *missed);

/* ---- networks of clients ---- */

struct recent_client {
	struct addr net; /* LEDGER_NET_V4 or LEDGER_NET_V6 bits */
	uint32_t pair;   /* a client has an entry for each pair and family */
	enum family family;
	bool one;           /* the last answer named `slot` alone */
	uint32_t slot;      /* or others, too */
	uint32_t last_s;    /* wall: when it was last answered so */
	uint32_t expires_s; /* the latest, as in the ledger */
	float weight;       /* answers, those of the last minutes above all: a minute old counts 7/8, two 49/64 … */
};
/* A copy, those of a network next to each other, in them by family, then pair (pairs of a service are neighbours). The caller frees it.
 * NULL with *n 0 when there are none. */
struct recent_client *recent_clients(const struct recent *recent, size_t *n);

struct recent_facts {
	uint64_t since_ms; /* wall: of networks that asked since then, none was forgotten */
	unsigned shift;    /* one answer in 2^shift is taken */
	uint64_t lost;     /* entries that came faster than they were taken, since the beginning */
	size_t nclients;
};
struct recent_facts recent_facts(const struct recent *recent, uint64_t now_ms);

#endif
