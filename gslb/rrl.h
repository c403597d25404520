/* rrl - how much each source is answered over UDP: loads that decay exponentially, for several prefixes of an address at once,
 * in a table of fixed size. One table for all workers (SO_REUSEPORT spreads a source's ports over them): every item is one
 * atomic word, and no lock is taken. Two workers that write the same word at the same moment lose one count; nothing else can
 * go wrong. */
#ifndef GSLB_RRL_H
#define GSLB_RRL_H

#include <stdatomic.h>

#include "base/base.h"

struct rrl;

enum { RRL_TABLE_LEN = 4 << 20, RRL_PREFIXES_MAX = 5 };
enum { RRL_RATE_MAX = 1000000, RRL_BURST_MAX = 10000000 };

/* What an answer weighs. */
enum rrl_weight {
	RRL_ANSWER, /* 1 */
	RRL_ERROR, /* 10: all that is not NOERROR. Who asks for names that are not there can ask for any number of them */
	RRL_WEIGHTS
};

/* The prefixes of one source: a packet's own. */
struct rrl_keys {
	unsigned n;
	bool v6;
	uint64_t hash[RRL_PREFIXES_MAX]; /* where it stands in the table, and its id there */
};

/* rate: answers a second that one address gets for ever; burst: how many it gets at once after a silence. Whole networks get
 * multiples of both. table_len in bytes, a power of two, at least 128; the dice key the hashes. */
struct rrl *rrl_new(uint32_t rate, uint32_t burst, size_t table_len, struct dice *dice);
void rrl_free(struct rrl *rrl); /* NULL is fine */

/* Find out where the source's loads are, and have them fetched into the cache: to be called while there is other work. */
void rrl_look(const struct rrl *rrl, const struct addr *source, struct rrl_keys *keys);
/* One answer more. False when the address, or a network that it is in, has had its share: it is then not counted, so that who
 * is over the limit still gets the rate. */
bool rrl_take(struct rrl *rrl, const struct rrl_keys *keys, enum rrl_weight weight, uint64_t now_monotonic_ms);

#endif
