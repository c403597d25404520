/* A resolver's word: 32 bits of its hash, 28 of the time in seconds, which wraps after eight years, and 4 of the count. Two workers that
 * write the same one lose a count, which harms nobody. */
#include "gslb/sampler.h"

enum { STEP = 16 /* answers until the next look, when this one's resolver is not to be asked */ };

static const uint64_t seed =
	0x73616d706c65; /* who fills the table with names of its own gains nothing: see rrl for those who flood */

static uint64_t word_of(uint64_t hash, uint64_t now_s, unsigned tries)
{
	return (hash & 0xffffffff00000000) | (now_s & 0xfffffff) << 4 | (tries & 15);
}

static bool sampler_knows(const struct sampler *sampler, const struct addr *source)
{
	struct addr network = *source;
	uint64_t bit;

	addr_mask(&network, network.family == ADDR_V4 ? 24 : 48);
	bit = hash_bytes(seed, &network, sizeof(network)) % SAMPLER_KNOWN_BITS;
	return atomic_load_explicit(&sampler->known[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

/* Whether it is due, and how often it was asked in vain. */
static bool is_due(uint64_t word, uint64_t hash, uint64_t now_s, unsigned *tries)
{
	uint64_t ago_s = (now_s - (word >> 4)) & 0xfffffff;

	*tries = 0;
	if ((word ^ hash) >> 32 != 0 || word == 0)
		return true; /* a stranger */
	*tries = word & 15;
	if (*tries < SAMPLER_TRIES)
		return ago_s >= SAMPLER_AGAIN_S;
	if (ago_s < SAMPLER_BROKEN_S)
		return false;
	*tries = 0;
	return true;
}

bool sampler_take(struct sampling *sampling, const struct addr *source, uint64_t now_s)
{
	_Atomic uint64_t *word;
	unsigned tries;
	uint64_t hash;

	if (++sampling->credit < SAMPLER_EACH)
		return false;
	sampling->credit = SAMPLER_EACH - STEP;
	hash = hash_bytes(seed, source, sizeof(*source));
	word = &sampling->sampler->resolver[hash % SAMPLER_RESOLVERS];
	if (!is_due(atomic_load_explicit(word, memory_order_relaxed), hash, now_s, &tries) ||
		sampler_knows(sampling->sampler, source))
		return false;
	atomic_store_explicit(word, word_of(hash, now_s, tries + 1), memory_order_relaxed);
	sampling->credit = 0;
	return true;
}

void sampler_came(struct sampler *sampler, const struct addr *source, uint64_t now_s)
{
	uint64_t hash = hash_bytes(seed, source, sizeof(*source)), was;
	_Atomic uint64_t *word = &sampler->resolver[hash % SAMPLER_RESOLVERS];

	was = atomic_load_explicit(word, memory_order_relaxed);
	if (was != 0 && (was ^ hash) >> 32 == 0)
		atomic_store_explicit(word, word_of(hash, now_s, 0), memory_order_relaxed);
}

void sampler_forget_known(struct sampler *sampler)
{
	for (unsigned i = 0; i < COUNT_OF(sampler->known); i++)
		atomic_store_explicit(&sampler->known[i], 0, memory_order_relaxed);
}

void sampler_set_known(struct sampler *sampler, const struct addr *network)
{
	uint64_t bit = hash_bytes(seed, network, sizeof(*network)) % SAMPLER_KNOWN_BITS;

	atomic_fetch_or_explicit(&sampler->known[bit / 64], UINT64_C(1) << bit % 64, memory_order_relaxed);
}
