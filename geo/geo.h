/* geo - where on Earth a client is, and which class it belongs to.
 *
 * A struct geo is the databases, read once into sorted layers (places, ASNs) of prefixes. A struct geo_table is compiled
 * from it for one way of ranking: it maps an address to a class (a number that the caller chose) and the exact depth for
 * which that class holds. libmaxminddb is used while reading only. Both are immutable once made: any thread may ask
 * them, without locks, and they allocate nothing when asked.
 *
 * Exact scope: a table is runs of addresses of one class, neighbours differing. The shortest prefix around x that has
 * one class throughout is 1 + max(common bits of x with the run's predecessor, with its successor). */
#ifndef GSLB_GEO_H
#define GSLB_GEO_H

#include "base/base.h"

struct geo;
struct geo_table;

struct place {
	double latitude, longitude; /* degrees, north and east positive; only with `located` */
	bool located;
	char country[3];   /* ISO 3166-1 alpha-2, upper case, or "" */
	char continent[3]; /* AF AN AS EU NA OC SA, or "" */
	char region[12];   /* ISO 3166-2 ("US-CA"), or "" */
	uint32_t asn;      /* 0: not known */
};

/* What one database gave, for status and `explain`. */
struct geo_source {
	const char *path;
	const char *type;   /* the database_type of its metadata */
	const char *schema; /* "nested" or "flat", found by itself */
	uint64_t build_epoch_s;
	size_t nv4, nv6; /* prefixes that it added */
	bool has_places, has_asn, country_only;
};

/* Read the databases (npaths may be 0: nothing is known). The first that knows an address's place wins; the same for ASNs.
 * NULL with one sentence that names the file when one cannot be read, is damaged, or holds nothing of use. */
struct geo *geo_open(const char *const *paths, size_t npaths, struct err *err);
void geo_free(struct geo *geo); /* NULL is fine */
size_t geo_sources(const struct geo *geo, const struct geo_source **sources);

/* What is known of an address. depth: the prefix length (in the address's own family) for which all of it holds.
 * IPv4 inside IPv6 (v4-mapped, 64:ff9b::/96, 6to4, Teredo) is looked up as the IPv4 address. */
void geo_locate(const struct geo *geo, const struct addr *addr, struct place *place, unsigned *depth);

/* The IPv4 address that an IPv6 one carries (those four); false when it carries none. */
bool geo_unwrap(const struct addr *addr, struct addr *v4);

/* ---- compiled tables ---- */

enum { GEO_CLASS_MAX = 0xffff };

/* A place as a point of the unit sphere. */
struct geo_spot {
	double x, y, z;
};

/* The class of all clients at one place. Called once for each distinct (place, ASN) that occurs, from one thread; the
 * unknown place (all fields empty) too. */
struct geo_classify {
	uint16_t (*classify)(void *context, const struct place *place);
	void *context;
	bool by_asn; /* false: classify does not look at place->asn, and the table is smaller for it */
	/* Without by_asn, and if given: all places at once, in place of one call each. spots[i] is where places[i] is, if it is
	 * located. */
	void (*classify_all)(
		void *context, const struct place *places, const struct geo_spot *spots, size_t n, uint16_t *class);
	/* Rather small than quick: without by_asn and overlays the table borrows the runs of the geo, which must outlive it. It is a
	 * twentieth as large and made in a fraction of the time, but a find reads several places of memory more. */
	bool lean;
};

/* A prefix whose clients get a class whatever their place: a net: rule. The longest match wins. Not cut to /24 or /56.
 * Clients that embed IPv4 are IPv4 clients: IPv4 rules hold for them, IPv6 rules inside 2002::/16 and the like do not. */
struct geo_overlay {
	struct prefix net;
	uint16_t class;
};

/* Compile. Places count to /24 and /56 at most: a longer leaf takes the place of its /24's or /56's first address. */
struct geo_table *geo_table_new(const struct geo *geo, const struct geo_classify *classify,
	const struct geo_overlay *overlays, size_t noverlays);
void geo_table_free(struct geo_table *table); /* NULL is fine */
size_t geo_table_bytes(const struct geo_table *table);

struct geo_hit {
	uint16_t class;
	uint8_t depth; /* bits, in the family that was asked with: 0–32 or 0–128 */
};

struct geo_hit geo_table_find(const struct geo_table *table, const struct addr *addr);
/* Begin the memory reads of a find that follows soon, for batches: first those of the index, and when they have had time the rest. */
void geo_table_prefetch_index(const struct geo_table *table, const struct addr *addr);
void geo_table_prefetch(const struct geo_table *table, const struct addr *addr);

/* ---- distance ---- */

/* Great-circle kilometres (haversine on a sphere of 6371.0088 km). */
double geo_distance_km(double lat1, double lon1, double lat2, double lon2);
/* The same from points, which is quicker; within 3 mm of it, and up to 6000 km within a micrometre. */
struct geo_spot geo_spot(double latitude, double longitude);
double geo_spots_km(const struct geo_spot *a, const struct geo_spot *b);
/* The centre of a country; false for a code that is not ISO 3166-1 alpha-2 (or XK), upper case. continent (3 bytes) may be
 * NULL. */
bool geo_country(const char code[static 2], double *latitude, double *longitude, char *continent);
bool geo_is_continent(const char *code);

#include "geo/latency.h"
#include "geo/misplaced.h"

#endif
