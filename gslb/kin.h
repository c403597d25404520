/* kin - which endpoints have something in common that can fail: a pool, or an IPv4 /24 or IPv6 /48 that they are in. For
 * gslb-health, to whom many failures in one group are one failure. Pure. */
#ifndef GSLB_KIN_H
#define GSLB_KIN_H

#include "base/base.h"

enum { KIN_V4_BITS = 24, KIN_V6_BITS = 48 };

struct kin_member {
	uint32_t pool; /* < npools */
	struct addr addr;
};

/* group[i]: the number, from 0, of the group that member i is of; kin of kin are kin. Returns how many groups there are. */
uint32_t kin_groups(const struct kin_member *members, size_t n, uint32_t npools, uint32_t *group);

#endif
