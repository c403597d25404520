/* zones - zone files read into a model, and names found in it.
 *
 * zone_load reads one master file (RFC 1035 5) into a struct zone: every name with its records, and the services, maps
 * and pools that its TXT records declare (DESIGN 3). zone_set_link joins the loaded zones, checks what crosses them, and
 * numbers services, pools and targets through. Both report every mistake they find and return NULL when there is one.
 *
 * A struct zone and a struct zone_set are immutable once made: any thread may read them, without locks. A zone is
 * reference-counted (from one thread, the one that loads and links): a set holds its zones, so that a reload shares what did not change. */
#ifndef GSLB_ZONES_H
#define GSLB_ZONES_H

#include <stdalign.h>

#include "base/base.h"

/* ---- records ---- */

enum rrtype {
	RR_A = 1,
	RR_NS = 2,
	RR_CNAME = 5,
	RR_SOA = 6,
	RR_PTR = 12,
	RR_MX = 15,
	RR_TXT = 16,
	RR_AAAA = 28,
	RR_LOC = 29,
	RR_SRV = 33,
	RR_DNAME = 39,
	RR_DS = 43,
	RR_RRSIG = 46,
	RR_NSEC = 47,
	RR_DNSKEY = 48,
	RR_NSEC3 = 50,
	RR_SVCB = 64,
	RR_HTTPS = 65,
	RR_ANY = 255,
};

/* One RRset, rendered for the wire: `count` records, each C0 0C (the question's name), type, class IN, TTL, RDLENGTH and
 * RDATA (names in it uncompressed). A record's length is 12 + its RDLENGTH. */
struct rrset {
	uint16_t type;
	uint16_t count;
	uint32_t ttl_s; /* one for all records (RFC 2181 5.2) */
	uint32_t wire_len;
	const uint8_t *wire;
};

/* Walk the records of an RRset: at = rrset_first(set); then rrset_next(at) while at < set->wire + set->wire_len. */
static inline const uint8_t *rr_rdata(const uint8_t *record, uint16_t *rdlen)
{
	*rdlen = (uint16_t)(record[10] << 8 | record[11]);
	return record + 12;
}

struct service;

enum { NAME_HEAD = 11 };

/* The start of an owner's name, kept beside what is wanted of that owner: most names are that, and the zone's apex. */
struct name_head {
	uint8_t len; /* of the whole name */
	uint8_t bytes[NAME_HEAD];
};

static inline struct name_head name_head(const uint8_t *wire, uint8_t len)
{
	struct name_head head = { .len = len };

	memcpy(head.bytes, wire, len < NAME_HEAD ? len : NAME_HEAD);
	return head;
}

/* A name that exists in a zone: it owns records, or something below it does (an empty non-terminal). A cache line. */
struct node {
	alignas(MEM_LINE) uint64_t hash; /* of the whole name, with the seed of the set */
	const uint8_t *wire;             /* the name, lower case */
	struct name_head head;
	uint8_t nlabels;
	uint16_t nrrsets;
	const struct rrset *rrsets;  /* by rising type; 0 for an empty non-terminal, and for what is occluded */
	const struct node *wildcard; /* its child "*", or NULL */
	const struct node *cut; /* the topmost delegation at or above it below the apex, or NULL (RFC 1034 4.3.2 3b) */
	const struct service *service; /* this name is steered, or NULL */
};

const struct rrset *node_rrset(const struct node *node, uint16_t type); /* NULL: no such type */

/* ---- the model: services, maps, pools ---- */

enum rank_by { RANK_LATENCY, RANK_GEO, RANK_ORDER, RANK_WEIGHT, RANK_LOAD };
enum spread { SPREAD_RANDOM, SPREAD_STICKY };
enum down_policy { DOWN_ALL, DOWN_LAST, DOWN_NODATA, DOWN_SERVFAIL };
enum { POOL_NEEDS_MAX = 64 }; /* pools that one may need, with those that they need */
enum { SERVICE_POOLS_MAX = 32, SERVICE_RANKS_MAX = 4, SERVICE_ANSWERS_MAX = 16 };
enum { POOL_NONE = 0xffffffff, SERVICE_NONE = 0xffffffff }; /* no such number */

/* A pool as a service names it. */
struct pool_use {
	const struct name *name; /* absolute; shared by all uses in a zone */
	uint32_t weight;         /* for ties, default 1 */
	uint32_t pool;           /* its number in the set, in the set's own copy */
};

enum map_kind { MAP_NET, MAP_ASN, MAP_REGION, MAP_COUNTRY, MAP_CONTINENT };

/* One rule of a _map: clients it matches get these pools, in this order, in place of the service's. */
struct map_rule {
	enum map_kind kind;
	struct prefix net; /* MAP_NET */
	uint32_t asn;      /* MAP_ASN */
	char code[12];     /* upper case: "CN" (country), "EU" (continent), "US-CA" (region, ISO 3166-2) */
	const char *file;  /* of its TXT */
	unsigned line;
	uint8_t npools;
	struct pool_use *pools; /* weight is always 1 */
};

struct service {
	uint32_t number;      /* in the set; set by zone_set_link (in a zone: its place there) */
	uint32_t zone_number; /* its zone's, in the set alone */
	const struct zone *zone;
	struct name owner; /* "www.svc.example", "*.app.svc.example" */
	const char *file;  /* of its TXT */
	unsigned line;
	uint8_t npools, nranks, answers;
	struct pool_use *pools;
	enum rank_by ranks[SERVICE_RANKS_MAX];
	enum spread spread;
	uint8_t sticky_v4, sticky_v6; /* key lengths in bits, 20 and 40 by default */
	uint32_t ttl_max_s, ttl_min_s;
	enum down_policy down;
	bool has_fallback;
	struct pool_use fallback;
	uint32_t keep;
	uint16_t nrules;
	struct map_rule *rules;  /* as written; the most specific match wins, see map_kind's order */
	bool via_cname;          /* all its pools have via=cname */
	uint32_t negative_ttl_s; /* NODATA: min(SOA minimum, SOA TTL, ttl_min_s) */
};

/* What tells a service's owner from all others of a set. */
struct service_owner {
	uint32_t zone_number; /* in the set */
	struct name_head head;
};

static inline struct service_owner service_owner(const struct service *service)
{
	return (struct service_owner){ service->zone_number, name_head(service->owner.wire, service->owner.len) };
}

enum check_type {
	CHECK_NONE,
	CHECK_TCP,
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_GRPC,
	CHECK_GRPCS, /* the same over TLS */
	CHECK_DNS,
	CHECK_EXEC,
	CHECK_PUSH
};

struct status_range {
	uint16_t from, to;
};

enum { STATUS_RANGES_MAX = 8 };

/* How a pool's endpoints are probed. Strings are "" when not given; they live in the zone. */
struct check {
	enum check_type type;
	const char *host; /* "": the SRV target's name */
	const char *path;
	uint8_t nstatus;
	struct status_range status[STATUS_RANGES_MAX];
	const char *body;
	bool verify;
	uint32_t cert_days;
	const char *qname; /* check=dns: text, "" means the zone's origin */
	uint16_t qtype;
	const char *command;
	uint32_t interval_ms, timeout_ms;
	uint32_t rise, fall;
};

/* An SRV target of a pool. Its addresses stand in a loaded zone, or it is dynamic: gslb-health resolves it. */
struct target {
	uint32_t number; /* in the set */
	struct name name;
	unsigned line;
	uint16_t priority, weight, port;
	bool dynamic;
	uint16_t naddrs;
	const struct addr *addrs; /* static ones: A first, then AAAA; each once in the pool; set by zone_set_link */
	uint32_t ttl_s;           /* of those records, the smallest */
};

/* Where a pool's load is read. */
enum load_source { LOAD_NONE, LOAD_PUSH, LOAD_URL, LOAD_HEADER };
struct load_place {
	enum load_source source;
	const char *text; /* as written; NULL: none */
	bool tls;         /* LOAD_URL, with the three that follow */
	const char *host; /* a name or an address */
	const char *path; /* with its query */
	uint16_t port;
	const char *header; /* LOAD_HEADER: its name, on the answers of the health check */
};

struct pool {
	uint32_t number; /* in the set */
	const struct zone *zone;
	struct name name;  /* "eu._pool.svc.example" */
	const char *label; /* "eu" */
	const char *file;
	unsigned line;
	bool located;
	double latitude, longitude; /* degrees, from LOC (RFC 1876) */
	const char *region;
	struct check check;
	int bias;          /* -99 to 99 */
	uint32_t capacity; /* load units; 0: none */
	struct load_place load;
	uint32_t ramp_ms;
	uint32_t min_up;
	uint32_t vantages; /* 1 to 7 */
	bool via_cname;
	bool private_ok; /* private=yes */
	uint8_t nneeds;
	struct pool_use *needs;    /* as written; weight is always 1 */
	uint16_t nall_needs;       /* with what those need: */
	const uint32_t *all_needs; /* numbers in the set, each once; set by zone_set_link, which refuses circles */
	uint16_t ntargets;
	struct target *targets; /* by rising priority, then by name: the same on every host */
};

/* ---- zones ---- */

struct zone {
	struct name apex;
	const char *file; /* the path it was read from */
	uint32_t serial;
	const struct node *apex_node;
	uint32_t soa_negative_ttl_s; /* min(SOA TTL, SOA minimum), RFC 2308 5 */
	size_t nnodes, nservices, npools;
	const struct service *services;
	const struct pool *pools;
	struct zone_inner *inner; /* the rest: hash table, arena, reference count */
};

/* Read a file (with its $INCLUDEs). Its origin is the file's name without ".zone" unless one is given. The seed keys the
 * table of names: one for all zones of a server. Mistakes and warnings go to the report; NULL when there is a mistake. */
struct zone *zone_load(const char *path, const struct name *origin, uint64_t seed, struct report *report);
/* The same from text in memory; `file` is the name that mistakes carry and the folder $INCLUDE starts from. */
struct zone *zone_parse(const char *file, const char *text, size_t len, const struct name *origin, uint64_t seed,
	struct report *report);
struct zone *zone_ref(struct zone *zone);
void zone_unref(struct zone *zone); /* NULL is fine */
/* All files that were read for it: the file itself first, then its includes. */
size_t zone_files(const struct zone *zone, const char *const **files);
/* The names whose answers an edit may have changed: records that are others, services and maps that are (at their owners); of two zones of
 * one apex and seed. What a pool's edit does shows in what is in service, and is not told here. A name may be told twice. */
void zone_diff(const struct zone *before, const struct zone *after,
	void (*changed)(void *arg, const struct name *owner), void *arg);
/* The pools of both whose own records (LOC, TXT, SRV) are others. */
void zone_diff_pools(const struct zone *before, const struct zone *after,
	void (*changed)(void *arg, const struct name *pool), void *arg);
/* The zone as a master file that parses to the same zone. */
void zone_print(const struct zone *zone, struct buf *out);

/* The set: all zones, linked. Arrays are indexed by number; pools, services and their parts are the set's own copies. */
struct zone_set {
	size_t nzones, nservices, npools, ntargets;
	struct zone *const *zones;
	const struct service *services;
	const struct pool *pools;
	const struct target *const *targets;
	struct zone_set_inner *inner;
};

/* Check across zones and join them; keeps a reference to each. Mistakes carry the file and line of the one that refers.
 * With mistakes it returns NULL. Zones of the same apex are a mistake. */
struct zone_set *zone_set_link(struct zone *const *zones, size_t nzones, uint64_t seed, struct report *report);
void zone_set_free(struct zone_set *set); /* NULL is fine */

/* ---- finding a name (RFC 1034 4.3.2, RFC 4592, RFC 6672 for DNAME is not synthesised) ---- */

enum found_kind {
	FOUND_NO_ZONE, /* REFUSED */
	FOUND_NODE,    /* the name exists, or a wildcard stands for it: look at service and node */
	FOUND_CUT,     /* node is the delegation point that answers it: a referral */
	FOUND_NOTHING, /* NXDOMAIN */
};

struct found {
	const struct zone *zone;
	const struct node *node;       /* NULL after zone_seek_is_service, which does not look at it */
	const struct service *service; /* of the set; NULL when not steered */
	bool wildcard;
};

/* A DS question at a cut is answered by the parent's side (RFC 4035 3.1.4.1), also when the zone below is loaded here. Takes no lock,
 * allocates nothing. */
enum found_kind zone_set_find(const struct zone_set *set, const struct name *name, uint16_t qtype, struct found *found);
/* The same in steps, for batches: each begins the memory reads that the next one needs. The end may follow after any of them. */
struct zone_seek {
	const struct zone_place *place;
	const struct node *node;
	uint64_t hash;    /* of the whole name */
	uint32_t service; /* the number of one whose owner has such a hash, or SERVICE_NONE */
	bool of_services; /* it is looked for among their owners first */
};
/* services: whether any service would be what is asked for, as the question's type has it; never for a DS, which may be the parent's. */
void zone_seek_name(struct zone_seek *seek, const struct zone_set *set, const struct name *name, bool services);
void zone_seek_service(struct zone_seek *seek, const struct zone_set *set, const struct name *name);
void zone_seek_slot(const struct zone_seek *seek);
void zone_seek_node(struct zone_seek *seek);
/* When seek->service is one: is it what zone_set_find would find? Then it is found, but for its node, of which nothing was read.
 * owner: the service's, which the caller keeps beside what it will want of the service. */
bool zone_seek_is_service(const struct zone_seek *seek, const struct zone_set *set, const struct name *name,
	const struct service_owner *owner, struct found *found);
enum found_kind zone_seek_end(const struct zone_seek *seek, const struct zone_set *set, const struct name *name,
	uint16_t qtype, struct found *found);
/* A node of a zone by its whole name; NULL when it does not exist. For glue. */
const struct node *zone_node(const struct zone *zone, const uint8_t *wire, size_t len);

/* "eu" or "eu.svc.example" or "eu._pool.svc.example" → pool number, as operators write it; same for "www" and services.
 * POOL_NONE, or SERVICE_NONE, with a sentence when there is none or more than one. */
uint32_t zone_set_pool(const struct zone_set *set, const char *text, struct err *err);
uint32_t zone_set_service(const struct zone_set *set, const char *text, struct err *err);

const char *rank_name(enum rank_by rank);
const char *pool_check_name(enum check_type type);
const char *down_name(enum down_policy down);
/* "A", "TXT", "TYPE1234" both ways. */
bool rrtype_parse(const char *text, uint16_t *type);
const char *rrtype_format(uint16_t type, char text[static 16]);

#endif
