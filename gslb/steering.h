/* steering - orders and their table of classes, compiled for one way of ordering and shared by all services, families and
 * successive snapshots that order alike. Counted; one thread, the one that makes
 * and frees snapshots. */
#ifndef GSLB_STEERING_H
#define GSLB_STEERING_H

#include "gslb/order.h"

/* A counted table. Once made, only the count changes. */
struct steering_table {
	unsigned refs;
	const struct geo *geo;
	uint64_t key_hash;
	struct buf key;
	struct geo_table *table; /* NULL: one order for all clients */
	struct order_set set;
};

/* The tables of one snapshot. Init with { 0 }. */
struct steering_tables {
	struct steering_table **tables;
	size_t ntables, cap;
	uint32_t *index; /* by key_hash, open addressing: a table's place in `tables` plus one; 0: free */
	size_t nindex;   /* a power of two, at least twice ntables; 0 before the first */
	size_t nshared;  /* taken over from the snapshot before */
};

/* What the spec compiles to: from these tables, or from those of the snapshot before, or made now. False with a sentence when
 * there are too many classes. */
bool steering_make(struct steering_tables *tables, const struct steering_tables *before, const struct geo *geo,
	struct order_spec *spec, const char *owner, struct steering *steering, struct err *err);
void steering_tables_fini(struct steering_tables *tables);
size_t steering_tables_bytes(const struct steering_tables *tables);

#endif
