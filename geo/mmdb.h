/* mmdb - one MaxMind DB file, read record by record. The only file that knows libmaxminddb is mmdb.c. Inside geo/ only.
 *
 * A struct mmdb is read-only once open; several threads may walk it, each with a struct mmdb_reader of its own. No file,
 * damaged or made to harm, can make it read out of bounds, recurse without bound or run without end. */
#ifndef GSLB_GEO_MMDB_H
#define GSLB_GEO_MMDB_H

#include "geo/geo.h"

struct mmdb;

struct mmdb *mmdb_open(const char *path, struct err *err);
void mmdb_close(struct mmdb *db); /* NULL is fine */
const char *mmdb_path(const struct mmdb *db);
const char *mmdb_type(const struct mmdb *db); /* the database_type of its metadata */
uint64_t mmdb_build_epoch_s(const struct mmdb *db);

struct mmdb_reader {
	const struct mmdb *db;
	uint64_t steps; /* values it may still decode */
};

void mmdb_reader_init(struct mmdb_reader *reader, const struct mmdb *db);

/* What one record says, in whichever schema; what it does not say is empty. */
struct mmdb_record {
	struct place place; /* with asn */
	bool nested;        /* it had keys of MaxMind's nested schema */
	bool flat;          /* it had place keys of the flat one */
	bool coordinates;   /* of its own: not the country's centre */
};

bool mmdb_read(struct mmdb_reader *reader, uint32_t offset, struct mmdb_record *record, struct err *err);

enum { MMDB_NOTHING = UINT32_MAX }; /* the offset of a record where the tree has none */

/* Takes the tree's leaves in the order of their addresses, with no gaps between them: from `block` on (a /24 or a /56, see
 * geo/layer.h) the record at `offset` holds. False stops the walk; err is set then. */
struct mmdb_visitor {
	bool (*leaf)(void *context, uint64_t block, uint32_t offset, struct err *err);
	void *context;
};

/* Walk the addresses of one family; a leaf longer than a block counts when it holds the block's first address. The IPv6
 * walk leaves out what embeds IPv4. A file without that family has no leaves. */
bool mmdb_walk(const struct mmdb *db, enum addr_family family, const struct mmdb_visitor *visitor, struct err *err);

#endif
