#include "health/assign.h"

#include <string.h>

#include "base/base.h"

static uint64_t score(const char *region, uint64_t identity)
{
	return hash_mix(hash_bytes(UINT64_C(0x67736c62766f7465), region, strlen(region)), identity);
}

/* Equal scores: the name decides. */
static bool beats(const char *a, uint64_t a_score, const char *b, uint64_t b_score)
{
	return a_score != b_score ? a_score > b_score : strcmp(a, b) < 0;
}

unsigned assign_regions(const char *const *regions, unsigned nregions, uint64_t identity, unsigned vantages,
	uint8_t chosen[static ASSIGN_VANTAGES_MAX])
{
	unsigned most = vantages < ASSIGN_VANTAGES_MAX ? vantages : ASSIGN_VANTAGES_MAX, n = 0;
	uint64_t scores[ASSIGN_VANTAGES_MAX];

	for (unsigned i = 0; i < nregions; i++) {
		uint64_t own = score(regions[i], identity);
		unsigned at = n;

		while (at > 0 && beats(regions[i], own, regions[chosen[at - 1]], scores[at - 1]))
			at--;
		if (at == most)
			continue;
		n += n < most;
		for (unsigned k = n - 1; k > at; k--) {
			chosen[k] = chosen[k - 1];
			scores[k] = scores[k - 1];
		}
		chosen[at] = (uint8_t)i;
		scores[at] = own;
	}
	return n;
}
