/* Union-find over pools and networks: an endpoint ties its pool to its network. */
#include "gslb/kin.h"

#include <stdlib.h>

enum { NOBODY = 0xffffffff };

/* Networks by their prefix: open addressing, at most half full. */
struct networks {
	struct entry {
		struct addr prefix;
		uint32_t node;
	} * entries;
	size_t mask;
	uint32_t nodes; /* given out so far, pools included */
};

static uint32_t network_node(struct networks *networks, const struct addr *addr)
{
	struct addr prefix = *addr;
	uint64_t high = 0, low = 0;
	size_t at;

	addr_mask(&prefix, addr->family == ADDR_V4 ? KIN_V4_BITS : KIN_V6_BITS);
	memcpy(&high, prefix.bytes, 8);
	low = prefix.family;
	for (at = hash_mix(high, low) & networks->mask; networks->entries[at].prefix.family != ADDR_NONE;
		at = (at + 1) & networks->mask)
		if (addr_equal(&networks->entries[at].prefix, &prefix))
			return networks->entries[at].node;
	networks->entries[at] = (struct entry){ prefix, networks->nodes++ };
	return networks->entries[at].node;
}

static uint32_t root_of(uint32_t *parent, uint32_t node)
{
	while (parent[node] != node)
		node = parent[node] = parent[parent[node]];
	return node;
}

uint32_t kin_groups(const struct kin_member *members, size_t n, uint32_t npools, uint32_t *group)
{
	uint32_t *parent = mem_alloc((npools + n + 1) * sizeof *parent), *number, ngroups = 0;
	struct networks networks = { .mask = 15, .nodes = npools };

	while (networks.mask < 2 * n)
		networks.mask = networks.mask * 2 + 1;
	networks.entries = mem_alloc((networks.mask + 1) * sizeof *networks.entries);
	for (uint32_t i = 0; i < npools + n; i++)
		parent[i] = i;
	for (size_t i = 0; i < n; i++)
		parent[root_of(parent, members[i].pool)] = root_of(parent, network_node(&networks, &members[i].addr));
	number = mem_alloc((npools + n + 1) * sizeof *number);
	for (size_t i = 0; i < npools + n; i++)
		number[i] = NOBODY;
	for (size_t i = 0; i < n; i++) {
		uint32_t root = root_of(parent, members[i].pool);

		if (number[root] == NOBODY)
			number[root] = ngroups++;
		group[i] = number[root];
	}
	free(number);
	free(parent);
	free(networks.entries);
	return ngroups;
}
