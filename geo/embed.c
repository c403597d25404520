/* Four ways to carry an IPv4 address in an IPv6 one are known by their prefix alone: v4-mapped (RFC 4291, 2.5.5.2), NAT64's
 * well-known prefix (RFC 6052), Teredo (RFC 4380) and 6to4 (RFC 3056). Their clients are IPv4 clients: where the IPv4
 * host is tells where they are. Teredo's server address (bits 32 to 63) tells nothing about the client. */
#include "geo/embed.h"

#include "geo/depth.h"
#include "geo/geo.h"

const struct embed_range embed_ranges[EMBED_RANGES] = {
	{ .hi = 0, .lo = 0x0000ffff00000000, .len = 96, .at = 96 },
	{ .hi = 0x0064ff9b00000000, .lo = 0, .len = 96, .at = 96 },
	{ .hi = 0x2001000000000000, .lo = 0, .len = 32, .at = 96, .inverted = true },
	{ .hi = 0x2002000000000000, .lo = 0, .len = 16, .at = 16 },
};

static bool range_holds(const struct embed_range *range, uint64_t hi, uint64_t lo)
{
	if (range->len <= 64)
		return (hi ^ range->hi) >> (64 - range->len) == 0;
	return hi == range->hi && (lo ^ range->lo) >> (128 - range->len) == 0;
}

const struct embed_range *embed_find(uint64_t hi, uint64_t lo, uint32_t *v4)
{
	for (const struct embed_range *range = embed_ranges; range < embed_ranges + EMBED_RANGES; range++) {
		if (!range_holds(range, hi, lo))
			continue;
		*v4 = range->at == 96 ? (uint32_t)lo : (uint32_t)(hi >> (32 - range->at));
		if (range->inverted)
			*v4 = ~*v4;
		return range;
	}
	return NULL;
}

void embed_keep_off(uint64_t hi, uint64_t lo, unsigned *depth)
{
	for (size_t i = 0; i < EMBED_RANGES; i++) {
		const struct embed_range *range = &embed_ranges[i];

		*depth = depth_larger(*depth, depth_apart_v6(hi, lo, range->hi, range->lo));
	}
}

bool geo_unwrap(const struct addr *addr, struct addr *v4)
{
	uint32_t word;

	if (addr->family != ADDR_V6 ||
		embed_find(embed_load64(addr->bytes), embed_load64(addr->bytes + 8), &word) == NULL)
		return false;
	*v4 = (struct addr){ .family = ADDR_V4 };
	word = __builtin_bswap32(word);
	__builtin_memcpy(v4->bytes, &word, sizeof(word));
	return true;
}
