/* sampler - whom to ask to come over TCP, once in a while, so that its round trip can be measured: an answer that is truncated on
 * purpose. Politely: few, each resolver seldom, only where samples are missing, and never again those who do not come.
 *
 * One for all workers, of atomic words; the main thread makes it, and who decides about latency says what is known. */
#ifndef GSLB_SAMPLER_H
#define GSLB_SAMPLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum {
	SAMPLER_EACH = 200,               /* answers to one that may be truncated: 0.5 % */
	SAMPLER_AGAIN_S = 600,            /* for one resolver */
	SAMPLER_TRIES = 3,                /* in vain, and then: */
	SAMPLER_BROKEN_S = 7 * 24 * 3600, /* left alone */
	SAMPLER_RESOLVERS = 1 << 16,      /* remembered: half a MiB */
	SAMPLER_KNOWN_BITS = 1 << 20,     /* networks that need none: a bit for each hash */
};

struct sampler {
	_Atomic uint64_t resolver[SAMPLER_RESOLVERS]; /* a hash, when it was asked, how often in vain */
	_Atomic uint64_t known[SAMPLER_KNOWN_BITS / 64];
};

/* A worker's own. */
struct sampling {
	struct sampler *sampler; /* NULL: do not */
	uint32_t credit;         /* answers since the last that was truncated */
};

/* May this answer over UDP be truncated? It is noted that it is. */
bool sampler_take(struct sampling *sampling, const struct addr *source, uint64_t now_s);
/* A resolver came over TCP. */
void sampler_came(struct sampler *sampler, const struct addr *source, uint64_t now_s);
/* From now on networks need samples, but for those that are set again. */
void sampler_forget_known(struct sampler *sampler);
void sampler_set_known(struct sampler *sampler, const struct addr *network);

#endif
