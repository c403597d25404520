/* mutate - packets that nobody should send: from pure noise over broken queries to good ones with odd options. */
#ifndef GSLB_BENCH_MUTATE_H
#define GSLB_BENCH_MUTATE_H

#include "base/base.h"

enum { MUTATE_MAX = 4096 };

enum mutate_kind {
	MUTATE_NOISE,   /* any bytes, any length */
	MUTATE_HEADER,  /* a query's header, then noise */
	MUTATE_FLIPPED, /* a query with one to eight bits turned */
	MUTATE_CUT,     /* a query that ends early, or late */
	MUTATE_STAMPED, /* a query with bytes that mean something where they do not belong */
	MUTATE_SPLICED, /* two queries joined at random places */
	MUTATE_OPTIONS, /* a query with any options: ECS, cookies, NSID, padding, keepalive, unknown ones */
	MUTATE_GOOD,    /* a query as resolvers send it */
	MUTATE_KINDS
};

const char *mutate_name(enum mutate_kind kind);
/* Write one. Returns its length, which may be 0. */
size_t mutate_write(enum mutate_kind kind, uint16_t id, struct dice *dice, uint8_t out[static MUTATE_MAX]);

#endif
