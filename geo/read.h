/* read - the databases' walks, one thread a family. Inside geo/ only. */
#ifndef GSLB_GEO_READ_H
#define GSLB_GEO_READ_H

#include "geo/inside.h"
#include "geo/mmdb.h"

/* What one family's walk of one database found. */
struct finding {
	size_t nprefixes;
	bool has_places, has_asn, nested, flat, coordinates;
};

/* A record of the database that is being walked, once decoded. */
struct known_record {
	uint32_t offset, place, asn;
};

/* A family's walk: one thread's own until it ends. Its layers hold ids of its own two dictionaries. */
struct family {
	enum addr_family family;
	struct mmdb *const *dbs;
	size_t ndbs;
	struct finding *findings; /* one a database */
	struct layer places, asns;
	struct places dictionary;
	struct numbers asn_numbers;
	struct err err;
	bool ok;
	/* of the database that is being walked */
	struct mmdb_reader reader;
	struct finding *finding;
	struct layer new_places, new_asns;
	struct known_record *slots; /* open addressing by offset */
	size_t nslots, nknown;      /* nslots is a power of two */
	struct known_record last;
};

void family_init(struct family *family, enum addr_family which, struct mmdb *const *dbs, size_t ndbs);
void family_fini(struct family *family);
/* Walk all databases for both families; each says in `ok` and `err` how it went. */
void read_families(struct family *v4, struct family *v6);

#endif
