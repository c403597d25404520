/* n has 12 bits (in 64ths, so that 64 is the most: more would say nothing new), the mean and the variance 16 each, the time of
 * the last sample 12, and 8 say which eighths of all sources were heard: three of them are three sources or more. */
#include "geo/latency_cell.h"

#include <math.h>

#include "geo/geo.h"

static const double mean_least = -8, mean_range = 16, variance_range = 8;
static const double deviation_least = 0.1; /* of one path at rest */
enum { CLIPPED_FROM = 4 };                 /* samples: before that there is nothing to clip by */

static uint64_t fixed(double value, double range, unsigned bits)
{
	double most = (double)((UINT64_C(1) << bits) - 1), scaled = value / range * (most + 1) + 0.5;

	return (uint64_t)(scaled < 0 ? 0 : scaled > most ? most : scaled);
}

static double whole(uint64_t bytes, unsigned at, double range, unsigned bits)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	return (double)(bytes >> at & mask) * range / (double)(mask + 1);
}

struct latency_stats latency_unpack(uint64_t bytes)
{
	return (struct latency_stats){ .mean = whole(bytes, 48, mean_range, 16) + mean_least,
		.variance = whole(bytes, 32, variance_range, 16),
		.n = whole(bytes, 20, 64, 12),
		.tick = (unsigned)(bytes >> 8 & (TICKS - 1)),
		.sources = (uint8_t)bytes };
}

uint64_t latency_pack(const struct latency_stats *stats)
{
	uint64_t n = fixed(stats->n, 64, 12);

	if (n == 0)
		return 0;
	return fixed(stats->mean - mean_least, mean_range, 16) << 48 |
	       fixed(stats->variance, variance_range, 16) << 32 | n << 20 | (uint64_t)stats->tick << 8 | stats->sources;
}

unsigned latency_age(unsigned then, unsigned now)
{
	unsigned age = (now - then) % TICKS;

	return age > TICKS - 64 ? 0 : age; /* a clock that was set back a little */
}

struct latency_stats latency_decayed(uint64_t bytes, unsigned tick)
{
	struct latency_stats stats = latency_unpack(bytes);

	if (stats.n > 0)
		stats.n *= exp2(-(double)latency_age(stats.tick, tick) / TICKS_HALF_LIFE);
	return stats;
}

void latency_stats_add(struct latency_stats *stats, double y, double weight, uint8_t sources, unsigned tick)
{
	double n = stats->n + weight, off = y - stats->mean, most = 3 * fmax(sqrt(stats->variance), deviation_least);

	if (stats->n < 0.5) { /* what was is of no account */
		*stats = (struct latency_stats){ .mean = y };
		off = 0;
	}
	if (stats->n >= CLIPPED_FROM)
		off = off > most ? most : off < -most ? -most : off;
	stats->mean += off * weight / n;
	stats->variance = stats->n / n * (stats->variance + weight / n * off * off);
	stats->n = n < LATENCY_N_MAX ? n : LATENCY_N_MAX;
	stats->sources |= sources;
	stats->tick = tick;
}

/* ---- keys: the level above, then what the cell is ---- */

enum { LEVEL_AT = 61, V6_AT = 60, COUNTRY_BITS = 10, LON_BITS = 9, LAT_BITS = 8, NOWHERE = 255 };

static uint64_t key_of(enum latency_level level, uint64_t rest)
{
	return (uint64_t)(level + 1) << LEVEL_AT | rest;
}

static uint64_t net_key(enum latency_level level, const struct addr *addr, unsigned v4_bits, unsigned v6_bits)
{
	bool v6 = addr->family == ADDR_V6;
	uint64_t bits = 0;

	for (unsigned i = 0; i < 6; i++)
		bits = bits << 8 | addr->bytes[i];
	return key_of(level, (uint64_t)v6 << V6_AT | bits >> (48 - (v6 ? v6_bits : v4_bits)));
}

static void net_cell(uint64_t key, struct latency_cell *cell, unsigned v4_bits, unsigned v6_bits)
{
	bool v6 = key >> V6_AT & 1;
	unsigned len = v6 ? v6_bits : v4_bits;
	uint64_t bits = (key & ((UINT64_C(1) << len) - 1)) << (48 - len);

	cell->net = (struct prefix){ .addr.family = v6 ? ADDR_V6 : ADDR_V4, .len = (uint8_t)len };
	for (unsigned i = 0; i < 6; i++)
		cell->net.addr.bytes[i] = (uint8_t)(bits >> (40 - 8 * i));
}

static uint64_t country_bits(const char country[3])
{
	return country[0] >= 'A' && country[0] <= 'Z' && country[1] >= 'A' && country[1] <= 'Z'
		       ? 1 + (uint64_t)(country[0] - 'A') * 26 + (uint64_t)(country[1] - 'A')
		       : 0;
}

static uint64_t metro_bits(const struct place *place)
{
	uint64_t lat = NOWHERE, lon = 0;

	if (place->located) {
		lat = (uint64_t)(place->latitude + 90);
		lon = (uint64_t)(place->longitude + 180);
		lat = lat > 179 ? 179 : lat;
		lon = lon % 360;
	}
	return (((uint64_t)place->asn << LAT_BITS | lat) << LON_BITS | lon) << COUNTRY_BITS |
	       country_bits(place->country);
}

struct latency_chain latency_chain_of(const struct addr *addr, const struct place *place)
{
	struct latency_chain chain = { { 0 } };
	struct addr v4;

	if (geo_unwrap(addr, &v4))
		addr = &v4;
	chain.key[LATENCY_NETWORK] = net_key(LATENCY_NETWORK, addr, 24, 48);
	chain.key[LATENCY_AGGREGATE] = net_key(LATENCY_AGGREGATE, addr, 20, 40);
	if (place->located || place->asn != 0)
		chain.key[LATENCY_METRO] = key_of(LATENCY_METRO, metro_bits(place));
	if (place->country[0] != '\0')
		chain.key[LATENCY_COUNTRY] =
			key_of(LATENCY_COUNTRY, (uint64_t)place->asn << COUNTRY_BITS | country_bits(place->country));
	return chain;
}

void latency_cell_of(uint64_t key, struct latency_cell *cell)
{
	unsigned country = key & ((1 << COUNTRY_BITS) - 1), lat, lon;

	*cell = (struct latency_cell){ .level = (enum latency_level)((key >> LEVEL_AT) - 1) };
	if (cell->level == LATENCY_NETWORK || cell->level == LATENCY_AGGREGATE) {
		net_cell(key, cell, cell->level == LATENCY_NETWORK ? 24 : 20, cell->level == LATENCY_NETWORK ? 48 : 40);
		return;
	}
	if (country > 0) {
		cell->country[0] = (char)('A' + (country - 1) / 26);
		cell->country[1] = (char)('A' + (country - 1) % 26);
	}
	key >>= COUNTRY_BITS;
	if (cell->level == LATENCY_METRO) {
		lon = key & ((1 << LON_BITS) - 1);
		lat = key >> LON_BITS & ((1 << LAT_BITS) - 1);
		key >>= LON_BITS + LAT_BITS;
		cell->located = lat != NOWHERE;
		cell->latitude = cell->located ? (double)lat - 90 + 0.5 : 0;
		cell->longitude = cell->located ? (double)lon - 180 + 0.5 : 0;
	}
	cell->asn = (uint32_t)key;
}

struct latency_chain latency_chain_of_metro(uint64_t key)
{
	struct latency_chain chain = { .key = { [LATENCY_METRO] = key } };
	struct latency_cell cell;

	latency_cell_of(key, &cell);
	if (cell.country[0] != '\0')
		chain.key[LATENCY_COUNTRY] =
			key_of(LATENCY_COUNTRY, (uint64_t)cell.asn << COUNTRY_BITS | country_bits(cell.country));
	return chain;
}
