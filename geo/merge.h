/* merge - places, ASNs and net: rules of one family walked together, as stretches of one class. Inside geo/ only. */
#ifndef GSLB_GEO_MERGE_H
#define GSLB_GEO_MERGE_H

#include "geo/inside.h"
#include "geo/overlay.h"

/* The class of each place, or of each (place, ASN). One thread's own, except that classes_of() may be asked by several
 * when by_asn is false. */
struct classes {
	const struct geo *geo;
	const struct geo_classify *classify;
	uint16_t *class; /* by place id; with by_asn by the pair's number */
	size_t cap;
	struct numbers pairs; /* place id << 24 | ASN id */
};

void classes_init(struct classes *classes, const struct geo *geo, const struct geo_classify *classify);
void classes_fini(struct classes *classes);

/* A walk over all addresses of a family. */
struct merge {
	struct classes *classes;
	const struct segment *segment;
	size_t nsegments; /* with this one */
	struct layer_cursor place, asn;
	unsigned shift;                /* from a layer's blocks to addresses */
	unsigned __int128 first, last; /* the stretch; its neighbours may have the same value */
	uint32_t value;                /* a class, or a segment's value */
};

void merge_begin(struct merge *merge, struct classes *classes, const struct geo_layers *layers,
	const struct segment *segments, size_t nsegments);
bool merge_next(struct merge *merge); /* false at the end */

#endif
