/* layer - which id holds where, over all addresses of one family. Inside geo/ only.
 *
 * A layer is a sorted list of runs (first block → id), neighbours differing; a block is a /24 or a /56, the finest that a
 * database counts to. Runs are kept small, since there are millions: blocks that share their leading bits (a /16, a /32)
 * form a group that says them once, and a run holds its last 8 bits and a 24-bit id in one word, IPv6 16 more bits
 * beside it. Append in order while building; afterwards it is immutable. */
#ifndef GSLB_GEO_LAYER_H
#define GSLB_GEO_LAYER_H

#include <stdbool.h>

#include "geo/pages.h"

#include <stdint.h>

enum { LAYER_V4_BITS = 24, LAYER_V6_BITS = 56, LAYER_ID_MAX = (1 << 24) - 1 };

struct layer_group {
	uint32_t lead;  /* the blocks' leading bits: 16 of 24, 32 of 56 */
	uint32_t first; /* its first run */
};

struct layer {
	unsigned bits;       /* LAYER_V4_BITS or LAYER_V6_BITS */
	uint32_t last_id;    /* of the run that was appended last */
	struct pages groups; /* struct layer_group */
	struct pages runs;   /* uint32_t: last 8 bits << 24 | id */
	struct pages middle; /* uint16_t: the 16 bits before those, IPv6 only */
	struct pages
		index; /* uint32_t: how many groups lie before those of an index's chunk; empty before layer_index */
};

void layer_init(struct layer *layer, unsigned bits);
void layer_fini(struct layer *layer);
/* From `block` on, `id` holds. Blocks come in rising order, the first is 0; id at most LAYER_ID_MAX. */
void layer_append(struct layer *layer, uint64_t block, uint32_t id);
void layer_trim(struct layer *layer);
/* Nothing more will be appended: make finds quick, and give the memory back that was for more. */
void layer_index(struct layer *layer);
/* Give each id another name; different ids stay different. */
void layer_rename(struct layer *layer, const uint32_t *names);
/* Let `lower` show through where `upper` has the id 0; lower is empty afterwards. */
void layer_put_under(struct layer *upper, struct layer *lower);
size_t layer_bytes(const struct layer *layer);

static inline size_t layer_count(const struct layer *layer)
{
	return layer->runs.len / sizeof(uint32_t);
}

static inline uint32_t layer_id(const struct layer *layer, size_t run)
{
	return ((const uint32_t *)layer->runs.at)[run] & LAYER_ID_MAX;
}

/* A run's first block; group is one near to the run's. */
uint64_t layer_first(const struct layer *layer, size_t run, size_t group);

/* One run after the other. */
struct layer_cursor {
	const struct layer *layer;
	size_t run, group;
	uint64_t first, last; /* the run's blocks, both included */
	uint32_t id;
};

void layer_begin(
	const struct layer *layer, struct layer_cursor *cursor); /* the first run; an empty layer is one run of id 0 */
bool layer_next(struct layer_cursor *cursor);                    /* false at the end */
/* The run that holds a block, by its number and its group's; and with all that is known of it. */
size_t layer_run(const struct layer *layer, uint64_t block, size_t *group);
void layer_find(const struct layer *layer, uint64_t block, struct layer_cursor *cursor);
void layer_prefetch_index(const struct layer *layer, uint64_t block);
size_t layer_prefetch(const struct layer *layer, uint64_t block); /* a run near to the one that holds it */

#endif
