/* steering - orders and their table of classes, compiled for one way of ordering and shared by all services, families and
 * successive snapshots that order alike. Counted; one thread, the one that makes
 * and frees snapshots. */
#ifndef GSLB_STEERING_H
#define GSLB_STEERING_H

#include "gslb/learned.h"

/* A counted table. Once compiled, only the count changes, and what is of use while the next snapshot is made. */
struct steering_table {
	unsigned refs;
	const struct geo *geo;
	uint64_t key_hash;
	struct buf key;
	struct geo_table *table; /* NULL: one order for all clients */
	struct order_set set;
	bool lean;                     /* its table is */
	const struct learned *learned; /* while it is compiled: what latency changes; NULL: nothing */
	uint64_t version;              /* of that */
	uint32_t nwanted;              /* how often the snapshot that is being made asked for it */
	struct order_spec *spec;       /* what is to be compiled; NULL when it is */
};

/* The tables of one snapshot. Init with { 0 }. */
struct steering_tables {
	struct steering_table **tables;
	size_t ntables, cap;
	uint32_t *index; /* by key_hash, open addressing: a table's place in `tables` plus one; 0: free */
	size_t nindex;   /* a power of two, at least twice ntables; 0 before the first */
	size_t nshared;  /* taken over from the snapshot before */
};

/* Three steps: all that a snapshot needs is asked for, the result is a table's number; what neither these tables have nor those of
 * the snapshot before is compiled, on all processors; then what a number stands for can be had, or false when it has too many
 * classes. */
uint32_t steering_want(struct steering_tables *tables, const struct steering_tables *before, const struct geo *geo,
	const struct snapshot_inputs *inputs, const struct order_spec *spec);
void steering_want_again(struct steering_tables *tables, uint32_t number); /* for one more that orders alike */
void steering_compile(struct steering_tables *tables);
bool steering_get(const struct steering_tables *tables, uint32_t number, struct steering *steering);
void steering_tables_fini(struct steering_tables *tables);
size_t steering_tables_bytes(const struct steering_tables *tables);

#endif
