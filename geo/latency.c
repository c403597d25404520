/* The formulas and their constants are those of ALGORITHMS 2, but for two things. A country keeps what its samples are beyond
 * their priors, since it is too wide for one mean. And what one network may add to the cells above it is bounded by a third of
 * what they have, so that eight samples there are three networks or more, whoever else shouts. An ASN has no influence on
 * another one at all. */
#include <math.h>
#include <string.h>

#include "geo/geo.h"
#include "geo/latency_map.h"

static const double kappa[LATENCY_LEVELS] = { 6, 6, 12, 20 }; /* samples that the level above is worth */
static const double sigma2 = 0.30 * 0.30, tau2 = 0.25 * 0.25;
static const double rtt_least_ms = 0.5, rtt_most_ms = 1000;
static const double share_max = 0.34; /* of one network in the cells above it */
static const double gain_ms = 5, gain_part = 0.10, certainty_least = 1.28;
static const double nowhere_km = 5000; /* for who cannot be placed */

double latency_prior(double km)
{
	return log(5 + 2.1 * (km < 0 ? nowhere_km : km) / 100);
}

/* Light in fibre takes 1 ms for 100 km there and back; a place may be off by a tenth. */
double latency_floor_ms(double km)
{
	return fmax(rtt_least_ms, km < 0 ? 0 : 0.9 * km / 100);
}

/* ---- taking samples ---- */

static bool came_just_now(struct latency_map *map, const struct latency_sample *sample, uint64_t now_s)
{
	uint64_t hash = hash_bytes(sample->region, &sample->source, sizeof sample->source);
	struct latency_recent *recent = &map->recent[hash % LATENCY_RECENT];
	uint32_t tag = (uint32_t)(hash >> 32);

	if (recent->tag == tag && recent->at_s != 0 && (uint32_t)now_s - recent->at_s < LATENCY_AGAIN_S)
		return true;
	*recent = (struct latency_recent){ .tag = tag, .at_s = (uint32_t)now_s };
	return false;
}

/* Of a network its addresses are the sources, of what lies above it the networks. */
static uint8_t source_bits(const struct latency_sample *sample, enum latency_level level)
{
	uint64_t hash;

	if (sample->vouched)
		return 7;
	if (level == LATENCY_NETWORK)
		hash = hash_bytes(1, &sample->source, sizeof sample->source);
	else
		hash = hash_mix(sample->chain.key[LATENCY_NETWORK], 2);
	return (uint8_t)(1u << (hash >> 61));
}

static uint64_t *word_of(struct latency_map *map, uint64_t key, unsigned region, unsigned tick)
{
	size_t cell = latency_put(map, key, tick); /* which may move them all */

	return &map->stats[cell * map->stride + region];
}

/* What a network adds to a cell above it: what keeps its part there at what it has itself, up to its share. Before the sample it
 * had `before`, of which time has left `left`; now it has `own`. */
static double share(double before, double left, double own, double n_above)
{
	double most = share_max * fmax(n_above, LATENCY_SAMPLES_MIN);
	double kept = before > 0 ? fmin(before, most) * left / before : 0;

	return fmax(fmin(own, most) - kept, 0);
}

static void add_above(struct latency_map *map, const struct latency_sample *sample, enum latency_level level, double y,
	const double own[3], unsigned tick)
{
	uint64_t *word = word_of(map, sample->chain.key[level], sample->region, tick);
	struct latency_stats stats = latency_decayed(*word, tick);
	double weight = share(own[0], own[1], own[2], stats.n);

	if (weight > 0)
		latency_stats_add(&stats, level == LATENCY_COUNTRY ? y - latency_prior(sample->km) : y, weight,
			source_bits(sample, level), tick);
	*word = latency_pack(&stats);
}

enum latency_taken latency_add(struct latency_map *map, const struct latency_sample *sample, uint64_t now_s)
{
	double least = latency_floor_ms(sample->km), y = log(fmin(fmax(sample->rtt_ms, least), rtt_most_ms));
	unsigned tick = latency_tick(now_s);
	struct latency_stats stats;
	uint64_t *word;
	double own[3]; /* samples of the network before, what is left of them, and with this one */

	if (!sample->vouched && came_just_now(map, sample, now_s))
		return LATENCY_TOO_SOON;
	if (sample->vouched)
		map->vouched_s[sample->region] = now_s;
	misplaced_note(&map->misplaced, sample, now_s);
	word = word_of(map, sample->chain.key[LATENCY_NETWORK], sample->region, tick);
	own[0] = latency_unpack(*word).n;
	stats = latency_decayed(*word, tick);
	own[1] = stats.n;
	latency_stats_add(&stats, y, fmin(sample->weight, LATENCY_N_MAX), source_bits(sample, LATENCY_NETWORK), tick);
	own[2] = stats.n;
	*word = latency_pack(&stats);
	for (enum latency_level level = LATENCY_AGGREGATE; level < LATENCY_LEVELS; level++)
		if (sample->chain.key[level] != 0)
			add_above(map, sample, level, y, own, tick);
	return sample->rtt_ms < least && least > rtt_least_ms ? LATENCY_IMPOSSIBLE : LATENCY_TAKEN;
}

/* ---- estimating ---- */

static struct latency_stats stats_at(const struct latency_map *map, uint64_t key, int region, unsigned tick)
{
	ptrdiff_t cell = region < 0 ? LATENCY_NO_CELL : latency_find(map, key);

	if (cell == LATENCY_NO_CELL)
		return (struct latency_stats){ 0 };
	return latency_decayed(map->stats[(size_t)cell * map->stride + (size_t)region], tick);
}

void latency_estimate(const struct latency_map *map, const struct latency_chain *chain, enum latency_level level,
	int region, double km, uint64_t now_s, struct latency_estimate *estimate)
{
	unsigned tick = latency_tick(now_s);

	*estimate = (struct latency_estimate){ .prior = latency_prior(km) };
	estimate->mean = estimate->prior;
	for (int at = LATENCY_COUNTRY; at >= (int)level; at--) {
		struct latency_stats stats = stats_at(map, chain->key[at], region, tick);
		unsigned sources = (unsigned)__builtin_popcount(stats.sources);

		if (at == LATENCY_COUNTRY)
			stats.mean += estimate->prior;
		estimate->mean = (kappa[at] * estimate->mean + stats.n * stats.mean) / (kappa[at] + stats.n);
		estimate->level_n[at] = stats.n;
		estimate->level_ms[at] = stats.n > 0 ? exp(stats.mean) : 0;
		if (stats.n > 0 && sources > estimate->sources)
			estimate->sources = sources;
	}
	estimate->mean = fmax(estimate->mean, log(latency_floor_ms(km)));
	estimate->n = estimate->level_n[level];
	estimate->variance = sigma2 / (kappa[level] + estimate->n) + tau2 / (1 + estimate->n / 4);
}

bool latency_is_measured(const struct latency_map *map, size_t cell, unsigned region, uint64_t now_s)
{
	uint64_t word = map->stats[cell * map->stride + region];

	return latency_decayed(word, latency_tick(now_s)).n >= LATENCY_SAMPLES_MIN;
}

bool latency_is_known(const struct latency_map *map, size_t cell, uint64_t now_s)
{
	unsigned tick = latency_tick(now_s);

	for (unsigned region = 0; region < map->nregions; region++)
		if (latency_decayed(map->stats[cell * map->stride + region], tick).n >= LATENCY_SAMPLES_MIN)
			return true;
	return false;
}

/* ---- deciding ---- */

double latency_gain_ms(const struct latency_estimate *present, const struct latency_estimate *better)
{
	return exp(present->mean) - exp(better->mean);
}

double latency_certainty(const struct latency_estimate *present, const struct latency_estimate *better)
{
	return (present->mean - better->mean) / sqrt(present->variance + better->variance);
}

static double gain_enough_ms(const struct latency_estimate *present)
{
	return fmax(gain_ms, gain_part * exp(present->mean));
}

double latency_enough_ms(const struct latency_estimate *present)
{
	return fmax(exp(present->mean) - gain_enough_ms(present), 0);
}

unsigned latency_lacks(const struct latency_estimate *present, const struct latency_estimate *better)
{
	unsigned lacks = 0;

	if (latency_gain_ms(present, better) < gain_enough_ms(present))
		lacks |= LATENCY_LACKS_GAIN;
	if (latency_certainty(present, better) < certainty_least)
		lacks |= LATENCY_LACKS_CERTAINTY;
	if (better->n < LATENCY_SAMPLES_MIN)
		lacks |= LATENCY_LACKS_SAMPLES;
	if (better->sources < LATENCY_SOURCES_MIN)
		lacks |= LATENCY_LACKS_SOURCES;
	return lacks;
}
