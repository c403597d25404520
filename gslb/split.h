/* split - orders as capacity changes them: for classes of clients of whom a pool that is full gives some away, or whose pools are chosen
 * by load, which pools share them now. Made by capacity.h every ten seconds at most, for one snapshot; immutable once published,
 * packets look it up without a lock. */
#ifndef GSLB_SPLIT_H
#define GSLB_SPLIT_H

#include "gslb/snapshot.h"

enum { SPLIT_ONE = 10000 }; /* all of a class */

struct split_row {
	struct order order; /* its first group are the pools that share the class; behind it the others, as they were */
	uint32_t home;      /* a bit for each place in it that would have clients of the class without this row */
	uint16_t part[SERVICE_POOLS_MAX]; /* by place, of the first group: of SPLIT_ONE, above 0 */
};

struct split {
	uint32_t nservices, nrows;
	bool full; /* a pool gives clients away; else they are only shared out by load, or by weights in requests */
	size_t cap;
	struct split_row *rows;
	uint32_t **
		row; /* by service * FAMILIES + family, then class: number + 1, 0 for none; NULL: the service has none */
};

struct split *split_new(const struct snapshot *snapshot);
void split_free(struct split *split); /* NULL is fine */
/* order: the classes' own; part: by its places, of SPLIT_ONE in all; home: by its places. Returns the row's number + 1. */
uint32_t split_add(struct split *split, const struct order *order, const uint16_t *part, uint32_t home);
/* That row is for this class. */
void split_map(struct split *split, const struct snapshot *snapshot, uint32_t service, enum family family,
	uint32_t class, uint32_t row);

/* NULL: the class is as it was ordered. */
static inline const struct split_row *split_find(
	const struct split *split, uint32_t service, enum family family, uint32_t class)
{
	const uint32_t *row = split->row[service * FAMILIES + family];

	return row != NULL && row[class] != 0 ? &split->rows[row[class] - 1] : NULL;
}

#endif
