/* overlay - nested prefixes, flattened to segments. Inside geo/ only. */
#ifndef GSLB_GEO_OVERLAY_H
#define GSLB_GEO_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* From `first` on the value holds, up to the next segment. Addresses are 32 or 128 bits. */
struct segment {
	unsigned __int128 first;
	uint32_t value;
};

enum { SEGMENT_NONE = UINT32_MAX }; /* no prefix holds here */

struct nested {
	unsigned __int128 first, last;
	uint32_t value;
	unsigned len;
};

/* The prefix's first and last address as numbers. */
struct nested nested_from(const struct prefix *prefix, uint32_t value);
/* Flatten: everywhere the longest prefix's value. Sorts the prefixes; of two equal ones the later wins. The caller frees the
 * segments; there is at least one, and the first begins at 0. */
struct segment *overlay_flatten(struct nested *prefixes, size_t n, unsigned bits, size_t *nsegments);

#endif
