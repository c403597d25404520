/* model - the naive truth that compiled tables are held against: lists of prefixes, searched one by one. */
#ifndef GSLB_TESTS_GEO_MODEL_H
#define GSLB_TESTS_GEO_MODEL_H

#include "base/base.h"

enum { MODEL_DBS = 2, MODEL_PREFIXES = 64, MODEL_NOTHING = -1 };

struct model_prefix {
	struct prefix net;
	int value; /* a place, an ASN or a class */
};

struct model_list {
	struct model_prefix at[MODEL_PREFIXES];
	size_t n;
};

struct model {
	struct model_list places[MODEL_DBS], asns, overlays;
	bool by_asn;
};

/* The IPv4 address that an IPv6 one embeds, or the address itself. */
struct addr model_unwrap(const struct addr *addr);
/* The place and ASN at an address (0: unknown), by its /24's or /56's first address. */
int model_place(const struct model *model, const struct addr *addr);
int model_asn(const struct model *model, const struct addr *addr);
/* The rule that decides alone, or MODEL_NOTHING. */
int model_overlay(const struct model *model, const struct addr *addr);

/* Addresses at which, or just before which, anything may change: of IPv4, IPv6, and of IPv4 embedded in IPv6. Between
 * them nothing changes. The caller frees them. */
struct addr *model_edges(const struct model *model, size_t *nedges);

struct addr addr_step(const struct addr *addr, int by); /* the next (1) or the last (-1) address, wrapping */
/* An IPv4 address in IPv6: way 0 mapped, 1 NAT64, 2 Teredo, 3 6to4. */
struct addr addr_embed(const struct addr *v4, unsigned way);

#endif
