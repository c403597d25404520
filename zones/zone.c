/* A draft without mistakes becomes a zone: names, records and nodes each in one block, so that a million of them cost no
 * more than they hold, and dropping a zone is a few calls of free. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/model.h"

enum { FILE_LEN_MAX = 1 << 30 };

/* ---- from draft to zone ---- */

struct sizes {
	size_t nnodes, nconfig, nrrsets, wire_len;
};

static struct sizes measure(const struct draft *draft)
{
	struct sizes sizes = { 0 };

	for (size_t i = 0; i < draft->nnodes; i++) {
		const struct draft_node *node = &draft->nodes[i];
		int type = -1;

		sizes.nnodes += !node->config;
		sizes.nconfig += node->config;
		for (uint32_t r = node->first; r != NONE; r = draft->records[r].next) {
			const struct draft_record *record = &draft->records[r];

			if (record->dropped)
				continue;
			sizes.nrrsets += record->type != type;
			sizes.wire_len += 12 + (size_t)record->rdlen;
			type = record->type;
		}
	}
	return sizes;
}

static uint8_t *render(const struct draft *draft, const struct draft_record *record, uint8_t *to)
{
	uint8_t head[12] = { 0xc0, 0x0c, (uint8_t)(record->type >> 8), (uint8_t)record->type, 0, 1,
		(uint8_t)(record->ttl_s >> 24), (uint8_t)(record->ttl_s >> 16), (uint8_t)(record->ttl_s >> 8),
		(uint8_t)record->ttl_s, (uint8_t)(record->rdlen >> 8), (uint8_t)record->rdlen };

	memcpy(to, head, sizeof head);
	memcpy(to + sizeof head, draft_rdata(draft, record), record->rdlen);
	return to + sizeof head + record->rdlen;
}

/* Where the next RRset and the next record go. */
struct filler {
	struct rrset *rrset;
	uint8_t *wire;
};

static void fill_rrsets(
	const struct draft *draft, const struct draft_node *from, struct node *to, struct filler *filler)
{
	struct rrset *set = NULL;

	to->rrsets = filler->rrset;
	for (uint32_t r = from->first; r != NONE; r = draft->records[r].next) {
		const struct draft_record *record = &draft->records[r];

		if (record->dropped)
			continue;
		if (set == NULL || set->type != record->type) {
			set = filler->rrset++;
			*set = (struct rrset){ .type = record->type, .ttl_s = record->ttl_s, .wire = filler->wire };
			to->nrrsets++;
		}
		filler->wire = render(draft, record, filler->wire);
		set->wire_len = (uint32_t)(filler->wire - set->wire);
		set->count++;
	}
	if (to->nrrsets == 0)
		to->rrsets = NULL;
}

static void fill_nodes(const struct draft *draft, struct zone *zone)
{
	struct zone_inner *inner = zone->inner;
	struct filler filler = { inner->rrsets, inner->wires };
	uint32_t *place = mem_alloc(draft->nnodes * sizeof *place); /* of a draft's node in its array */
	uint32_t nnodes = 0, nconfig = 0;

	for (size_t i = 0; i < draft->nnodes; i++)
		place[i] = draft->nodes[i].config ? nconfig++ : nnodes++;
	for (size_t i = 0; i < draft->nnodes; i++) {
		const struct draft_node *from = &draft->nodes[i];
		struct node *to = from->config ? &inner->config[place[i]] : &inner->nodes[place[i]];

		*to = (struct node){
			.hash = from->hash,
			.wire = inner->names + from->wire,
			.head = name_head(inner->names + from->wire, from->len),
			.nlabels = from->nlabels,
			.wildcard = from->wildcard == NONE ? NULL : &inner->nodes[place[from->wildcard]],
			.cut = from->cut == NONE ? NULL : &inner->nodes[place[from->cut]],
			.service = from->service == NONE ? NULL : &zone->services[from->service],
		};
		fill_rrsets(draft, from, to, &filler);
		if (!from->config)
			table_put(&inner->table, from->hash, place[i]);
	}
	free(place);
}

static void fill_model(struct draft *draft, struct zone *zone)
{
	struct zone_inner *inner = zone->inner;

	for (size_t i = 0; i < draft->nservices; i++)
		draft->services[i].zone = zone;
	for (size_t i = 0; i < draft->npools; i++)
		draft->pools[i].zone = zone;
	zone->services = inner->services = draft->services;
	zone->nservices = draft->nservices;
	zone->pools = inner->pools = draft->pools;
	zone->npools = draft->npools;
	inner->pool_names = draft->pool_names;
	inner->npool_names = draft->npool_names;
}

/* RFC 1035 3.3.13: two names, then SERIAL first of five numbers. */
static uint32_t soa_serial(const uint8_t *rdata, uint16_t rdlen)
{
	const uint8_t *at = rdata + rdlen - 20;

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

struct zone *zone_build(struct draft *draft)
{
	const struct draft_record *soa = draft_first(draft, &draft->nodes[0], RR_SOA);
	struct zone_inner *inner = mem_alloc(sizeof *inner);
	struct zone *zone = mem_alloc(sizeof *zone);
	struct sizes sizes = measure(draft);

	zone->apex = draft->apex;
	zone->inner = inner;
	zone->nnodes = sizes.nnodes;
	zone->serial = soa_serial(draft_rdata(draft, soa), soa->rdlen);
	zone->soa_negative_ttl_s = soa_negative_ttl_s(draft_rdata(draft, soa), soa->rdlen, soa->ttl_s);
	*inner = (struct zone_inner){
		.seed = draft->seed,
		.refs = 1,
		.names = (uint8_t *)draft->names.text,
		.nodes = huge_alloc(sizes.nnodes * sizeof(struct node)),
		.config = mem_lines(sizes.nconfig * sizeof(struct node)),
		.nconfig = sizes.nconfig,
		.rrsets = mem_alloc(sizes.nrrsets * sizeof(struct rrset)),
		.wires = mem_alloc(sizes.wire_len),
		.files = draft->files,
		.nfiles = draft->nfiles,
	};
	table_init(&inner->table, sizes.nnodes);
	zone->file = inner->files[0];
	zone->apex_node = inner->nodes;
	fill_model(draft, zone);
	fill_nodes(draft, zone);
	inner->arena = draft->arena;
	/* what the zone has now is the draft's no more */
	draft->arena = NULL;
	draft->services = NULL;
	draft->pools = NULL;
	draft->pool_names = NULL;
	draft->names = (struct buf){ 0 };
	draft->files = NULL;
	draft->nfiles = 0;
	return zone;
}

struct zone *zone_parse(
	const char *file, const char *text, size_t len, const struct name *origin, uint64_t seed, struct report *report)
{
	struct report own = { 0 };
	struct draft *draft = draft_new(origin, seed, &own);
	struct zone *zone = NULL;

	reader_read(draft, file, text, len);
	rrsets_tidy(draft);
	model_read(draft);
	shape_check(draft);
	if (own.nmistakes == 0)
		zone = zone_build(draft);
	draft_free(draft);
	report_sort(&own);
	report_move(report, &own);
	return zone;
}

/* "zones/svc.example.zone" is the zone svc.example. */
static bool origin_of(const char *path, struct name *origin)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t len = strlen(base);
	char text[NAME_TEXT_MAX];

	if (len <= 5 || len - 5 >= sizeof text || strcmp(base + len - 5, ".zone") != 0)
		return false;
	memcpy(text, base, len - 5);
	text[len - 5] = '\0';
	return name_from_text(origin, text);
}

struct zone *zone_load(const char *path, const struct name *origin, uint64_t seed, struct report *report)
{
	struct zone *zone;
	struct name own;
	struct err err;
	char *text;
	size_t len;

	if (origin == NULL && !origin_of(path, &own)) {
		report_add(report, REPORT_MISTAKE, path, 0,
			"the file's name is not that of a zone and .zone (try svc.example.zone)");
		return NULL;
	}
	if (!file_read(path, FILE_LEN_MAX, &text, &len, &err)) {
		const char *why = strncmp(err.text, path, strlen(path)) == 0 ? err.text + strlen(path) : err.text;

		report_add(report, REPORT_MISTAKE, path, 0, "%s", why[0] == ':' ? why + 2 : why);
		return NULL;
	}
	zone = zone_parse(path, text, len, origin == NULL ? &own : origin, seed, report);
	free(text);
	return zone;
}

/* ---- a zone's life ---- */

struct zone *zone_ref(struct zone *zone)
{
	zone->inner->refs++;
	return zone;
}

void zone_unref(struct zone *zone)
{
	struct zone_inner *inner;

	if (zone == NULL)
		return;
	inner = zone->inner;
	assert(inner->refs > 0);
	if (--inner->refs > 0)
		return;
	table_fini(&inner->table);
	arena_free(inner->arena);
	for (size_t i = 0; i < inner->nfiles; i++)
		free((char *)(uintptr_t)inner->files[i]);
	free(inner->files);
	free(inner->services);
	free(inner->pools);
	free(inner->pool_names);
	huge_free(inner->nodes, zone->nnodes * sizeof(struct node));
	free(inner->config);
	free(inner->rrsets);
	free(inner->wires);
	free(inner->names);
	free(inner);
	free(zone);
}

size_t zone_files(const struct zone *zone, const char *const **files)
{
	*files = zone->inner->files;
	return zone->inner->nfiles;
}
