/* A zone while it is read: names in the order of the file, found by their hash; records in one array, chained by name.
 * Plain growing arrays and indexes, so that a million records cost a million small structs and no more. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/inner.h"

struct draft *draft_new(const struct name *apex, uint64_t seed, struct report *report)
{
	struct draft *draft = mem_alloc(sizeof *draft);

	draft->apex = *apex;
	draft->seed = seed;
	draft->report = report;
	draft->arena = arena_new();
	table_init(&draft->table, 64);
	table_init(&draft->pool_table, 64);
	buf_add(&draft->rdata, "", 0);
	draft_intern(draft, apex);
	return draft;
}

void draft_free(struct draft *draft)
{
	if (draft == NULL)
		return;
	table_fini(&draft->table);
	table_fini(&draft->pool_table);
	for (size_t i = 0; i < draft->nfiles; i++)
		free((char *)(uintptr_t)draft->files[i]);
	free(draft->files);
	free(draft->nodes);
	free(draft->records);
	buf_fini(&draft->names);
	buf_fini(&draft->rdata);
	free(draft->services);
	free(draft->pools);
	free(draft->pool_names);
	arena_free(draft->arena);
	free(draft);
}

static uint32_t find(const struct draft *draft, const uint8_t *wire, size_t len, uint64_t hash)
{
	uint64_t at = hash;
	uint32_t i;

	while ((i = table_next(&draft->table, hash, &at)) != NONE)
		if (draft->nodes[i].len == len && memcmp(draft->names.text + draft->nodes[i].wire, wire, len) == 0)
			break;
	return i;
}

uint32_t draft_find(const struct draft *draft, const struct name *name)
{
	return find(draft, name->wire, name->len, name_hash(name, 0, draft->seed));
}

static void grow_table(struct draft *draft)
{
	table_fini(&draft->table);
	table_init(&draft->table, draft->nnodes * 2);
	for (size_t i = 0; i < draft->nnodes; i++)
		table_put(&draft->table, draft->nodes[i].hash, (uint32_t)i);
}

static uint32_t add_node(struct draft *draft, const uint8_t *wire, size_t len, size_t nlabels, uint64_t hash)
{
	uint32_t index = (uint32_t)draft->nnodes;

	assert(draft->nnodes < NONE);
	draft->nodes = mem_grow(draft->nodes, draft->nnodes, &draft->nodes_cap, sizeof *draft->nodes);
	draft->nodes[draft->nnodes++] = (struct draft_node){
		.hash = hash,
		.wire = draft->names.len,
		.first = NONE,
		.last = NONE,
		.parent = NONE,
		.cut = NONE,
		.wildcard = NONE,
		.service = NONE,
		.len = (uint8_t)len,
		.nlabels = (uint8_t)nlabels,
	};
	buf_add(&draft->names, wire, len);
	if (table_full(&draft->table))
		grow_table(draft);
	else
		table_put(&draft->table, hash, index);
	return index;
}

bool label_is_config(const uint8_t *label)
{
	return label[0] >= 4 && label[1] == '_' &&
	       ((label[0] == 5 && (memcmp(label + 2, "gslb", 4) == 0 || memcmp(label + 2, "pool", 4) == 0)) ||
		       (label[0] == 4 && memcmp(label + 2, "map", 3) == 0));
}

static bool is_config(const struct draft *draft, const struct name *name)
{
	for (unsigned i = 0; i + draft->apex.nlabels < name->nlabels; i++)
		if (label_is_config(name->wire + name->label[i]))
			return true;
	return false;
}

/* The names between this one and the apex exist, too: empty non-terminals, unless the file gives them records. */
static void intern_parents(struct draft *draft, const struct name *name, uint32_t child)
{
	for (unsigned i = 1; i + draft->apex.nlabels <= name->nlabels; i++) {
		const uint8_t *wire = name->wire + name->label[i], *below = name->wire + name->label[i - 1];
		size_t len = (size_t)name->len - name->label[i];
		uint64_t hash = name_hash(name, i, draft->seed);
		uint32_t parent = find(draft, wire, len, hash);
		bool known = parent != NONE;

		if (!known)
			parent = add_node(draft, wire, len, name->nlabels - i, hash);
		draft->nodes[child].parent = parent;
		if (below[0] == 1 && below[1] == '*')
			draft->nodes[parent].wildcard = child;
		if (known)
			return;
		child = parent;
	}
}

uint32_t draft_intern(struct draft *draft, const struct name *name)
{
	uint64_t hash = name_hash(name, 0, draft->seed);
	uint32_t index = find(draft, name->wire, name->len, hash);

	if (index != NONE)
		return index;
	index = add_node(draft, name->wire, name->len, name->nlabels, hash);
	if (is_config(draft, name))
		draft->nodes[index].config = true;
	else
		intern_parents(draft, name, index);
	return index;
}

void draft_add(struct draft *draft, uint32_t index, const struct draft_record *record, const uint8_t *rdata)
{
	struct draft_node *node = &draft->nodes[index];
	uint32_t added = (uint32_t)draft->nrecords;

	assert(draft->nrecords < NONE);
	draft->records = mem_grow(draft->records, draft->nrecords, &draft->records_cap, sizeof *draft->records);
	draft->records[draft->nrecords] = *record;
	draft->records[draft->nrecords].rdata = draft->rdata.len;
	draft->records[draft->nrecords++].next = NONE;
	buf_add(&draft->rdata, rdata, record->rdlen);
	if (node->first == NONE)
		node->first = added;
	else
		draft->records[node->last].next = added;
	node->last = added;
}

uint16_t draft_file(struct draft *draft, const char *path)
{
	for (size_t i = 0; i < draft->nfiles; i++)
		if (strcmp(draft->files[i], path) == 0)
			return (uint16_t)i;
	assert(draft->nfiles < UINT16_MAX);
	draft->files = mem_grow(draft->files, draft->nfiles, &draft->files_cap, sizeof *draft->files);
	draft->files[draft->nfiles] = mem_strdup(path);
	return (uint16_t)draft->nfiles++;
}

void draft_name(const struct draft *draft, const struct draft_node *node, struct name *name)
{
	name_from_wire(name, (const uint8_t *)draft->names.text + node->wire, node->len);
}

const struct draft_record *draft_next(const struct draft *draft, const struct draft_record *record)
{
	uint16_t type = record->type;

	for (uint32_t i = record->next; i != NONE; i = draft->records[i].next)
		if (draft->records[i].type == type && !draft->records[i].dropped)
			return &draft->records[i];
	return NULL;
}

const struct draft_record *draft_first(const struct draft *draft, const struct draft_node *node, uint16_t type)
{
	for (uint32_t i = node->first; i != NONE; i = draft->records[i].next)
		if (draft->records[i].type == type && !draft->records[i].dropped)
			return &draft->records[i];
	return NULL;
}

void draft_report(const struct draft *draft, enum report_kind kind, const struct draft_node *node,
	const struct draft_record *record, const char *fmt, ...)
{
	char owner[NAME_TEXT_MAX];
	struct name name;
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	draft_name(draft, node, &name);
	name_format_under(&name, &draft->apex, owner);
	report_add(draft->report, kind, draft->files[record == NULL ? 0 : record->file],
		record == NULL ? 0 : record->line, "%s: %s", owner, what.text);
}
