/* mmdb_write - small MaxMind DB files for tests, written from text. Aborts on a mistake of the test's author. */
#ifndef GSLB_TESTS_MMDB_WRITE_H
#define GSLB_TESTS_MMDB_WRITE_H

#include "base/base.h"

enum { MMDB_WRITE_EMPTY = 0 };

struct mmdb_write {
	unsigned ip_version, record_bits; /* 4 or 6; 24, 28 or 32 */
	const char *type, *meta_extra;    /* meta_extra: NULL, or a value for the metadata key "extra" */
	uint64_t (*nodes)[2];             /* EMPTY, or a node's or record's mark and number */
	size_t nnodes, cap;
	struct buf data;
};

void mmdb_write_init(struct mmdb_write *w, unsigned ip_version, unsigned record_bits, const char *type);
void mmdb_write_fini(struct mmdb_write *w);

/* Add a record, in JSON with little changes: 1.5 is a double, 1.5f a float, 7 a uint32, -7 an int32, 'text' may be quoted
 * with single quotes, and ^value is a pointer to the value. Returns its offset in the data section. */
uint32_t mmdb_write_record(struct mmdb_write *w, const char *json);
/* Put a record at a prefix; what is there is overwritten, so insert the shortest first. IPv4 goes to ::/96 of an IPv6 tree. */
void mmdb_write_insert(struct mmdb_write *w, const struct prefix *prefix, uint32_t record);
void mmdb_write_put(struct mmdb_write *w, const char *prefix, const char *json);
/* Let a prefix lead to the IPv4 tree, as MaxMind does for 2002::/16 and others. */
void mmdb_write_alias(struct mmdb_write *w, const char *prefix);

/* The whole file. */
void mmdb_write_bytes(const struct mmdb_write *w, struct buf *out);
/* A path (of a memfd) that stays valid until close(*fd). */
const char *mmdb_write_memfd(const void *bytes, size_t len, int *fd, char path[static 64]);
const char *mmdb_write_file(const struct mmdb_write *w, int *fd, char path[static 64]);

#endif
