/* inner - what the files of zones/ share among themselves: a zone while it is read (the draft), and the parts of a zone
 * that others need not know. */
#ifndef GSLB_ZONES_INNER_H
#define GSLB_ZONES_INNER_H

#include "zones/parse.h"
#include "zones/zones.h"

enum { NONE = 0xffffffff }; /* no such index */

/* ---- table.c: open addressing from a name's hash to an index; at most half full ---- */

struct slot {
	uint32_t mark;  /* the hash's upper half */
	uint32_t index; /* one more than the index; 0: free */
};

struct table {
	struct slot *slots;
	uint32_t mask, used; /* mask: one less than slots, which are a power of two */
};

void table_init(struct table *table, size_t nitems); /* room for that many */
void table_fini(struct table *table);
void table_put(struct table *table, uint64_t hash, uint32_t index); /* there must be room */
static inline bool table_full(const struct table *table)
{
	return (size_t)table->used * 2 > table->mask;
}
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
	__builtin_prefetch(&table->slots[hash & table->mask]);
}
/* The next index under that hash, NONE at the end; starts at *at = hash. Names are still to be compared. */
static inline uint32_t table_next(const struct table *table, uint64_t hash, uint64_t *at)
{
	for (;;) {
		const struct slot *slot = &table->slots[(*at)++ & table->mask];

		if (UNLIKELY(slot->index == 0))
			return NONE;
		if (LIKELY(slot->mark == (uint32_t)(hash >> 32)))
			return slot->index - 1;
	}
}

/* ---- draft.c: the zone while it is read ---- */

struct draft_record {
	size_t rdata;  /* where its bytes start in draft->rdata */
	uint32_t next; /* of the same name, in the file's order; NONE: the last */
	uint32_t line, ttl_s;
	uint16_t type, rdlen, file;
	bool dropped; /* a duplicate, or occluded */
};

/* A pool's name as services write it; each once in a zone. */
struct pool_name {
	struct name name;
	uint64_t hash;
};

struct draft_node {
	uint64_t hash;
	size_t wire;          /* where its name starts in draft->names */
	uint32_t first, last; /* records; NONE: an empty non-terminal so far */
	uint32_t parent;      /* NONE: the apex, or configuration */
	uint32_t cut;         /* the topmost delegation at or above it; NONE */
	uint32_t wildcard;    /* its child "*"; NONE */
	uint32_t service;     /* NONE: not steered */
	uint8_t len, nlabels;
	bool config; /* under _gslb, _map or _pool */
	bool has_dname, under_dname;
};

struct draft {
	struct name apex;
	uint64_t seed;
	struct report *report;
	struct table table;
	struct draft_node *nodes; /* [0] is the apex */
	size_t nnodes, nodes_cap;
	struct draft_record *records;
	size_t nrecords, records_cap;
	struct buf names, rdata;
	const char **files; /* their paths, on the heap */
	size_t nfiles, files_cap;
	struct arena *arena; /* becomes the zone's */
	struct service *services;
	size_t nservices, services_cap;
	struct pool *pools;
	size_t npools, pools_cap;
	struct pool_name **pool_names;
	size_t npool_names, pool_names_cap;
	struct table pool_table;
};

struct draft *draft_new(const struct name *apex, uint64_t seed, struct report *report);
void draft_free(struct draft *draft); /* NULL is fine */
/* The index of a name, added with the names above it when it is new. */
uint32_t draft_intern(struct draft *draft, const struct name *name);
uint32_t draft_find(const struct draft *draft, const struct name *name); /* NONE: not there */
void draft_add(struct draft *draft, uint32_t node, const struct draft_record *record, const uint8_t *rdata);
uint16_t draft_file(struct draft *draft, const char *path); /* its number */
void draft_name(const struct draft *draft, const struct draft_node *node, struct name *name);
/* The first record of a type at a node, NULL when there is none; and the next one of that type. */
const struct draft_record *draft_first(const struct draft *draft, const struct draft_node *node, uint16_t type);
const struct draft_record *draft_next(const struct draft *draft, const struct draft_record *record);
static inline const uint8_t *draft_rdata(const struct draft *draft, const struct draft_record *record)
{
	return (const uint8_t *)draft->rdata.text + record->rdata;
}
/* A mistake or warning at a record of a node: "owner: …". */
void draft_report(const struct draft *draft, enum report_kind kind, const struct draft_node *node,
	const struct draft_record *record, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- the steps from text to zone, in this order; each adds its mistakes to the draft's report ---- */

void reader_read(struct draft *draft, const char *file, const char *text, size_t len); /* reader.c */
void rrsets_tidy(struct draft *draft);        /* rrset.c: duplicates, TTLs, sizes, types that stand alone */
void model_read(struct draft *draft);         /* model.c: services, maps, pools */
void shape_check(struct draft *draft);        /* shape.c: apex, delegations, what is occluded */
struct zone *zone_build(struct draft *draft); /* zone.c: takes over what the zone needs */

/* ---- names of pools (poolname.c) ---- */

/* Read "eu" or "eu._pool.example.org." as a service writes it; its place in draft->pool_names goes into the use. */
bool pool_use_parse(struct draft *draft, const char *text, struct pool_use *use, struct err *err);
/* Read a list "eu,us:3,ap" into the zone's arena: no name twice, at most SERVICE_POOLS_MAX. */
bool pool_uses_parse(
	struct draft *draft, const char *list, bool weights, struct pool_use **uses, uint8_t *nuses, struct err *err);
/* The zone's own "_pool.<apex>"; false when the apex leaves no room for it. */
bool pool_parent(const struct draft *draft, struct name *parent);

/* A mistake at a service's TXT, or at its map's when there is a rule: "_gslb.www: …" (service.c). */
void service_mistake(struct report *report, const struct name *apex, const struct service *service,
	const struct map_rule *rule, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

struct zone_inner {
	struct arena *arena;
	uint64_t seed;
	unsigned refs;
	struct table table;
	struct node *nodes;
	struct node *config; /* what stands under _gslb, _map and _pool, for zone_print alone */
	size_t nconfig;
	uint8_t *names, *wires;
	struct rrset *rrsets;
	const char **files;
	size_t nfiles;
	struct service *services;
	struct pool *pools;
	struct pool_name **pool_names; /* pool_use.pool of the zone's own services counts here */
	size_t npool_names;
};

/* RFC 1034 4.3.2 within one zone (find.c). */
enum found_kind zone_find(const struct zone *zone, const struct name *name, uint16_t qtype, struct found *found);
/* One of the labels that hold configuration: _gslb, _map, _pool. */
bool label_is_config(const uint8_t *label);

#endif
