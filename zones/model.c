/* Names under _gslb, _map and _pool are read into services, maps and pools. They hold nothing else. */
#include "zones/model.h"

#include <stdlib.h>
#include <string.h>

enum place { PLACE_SERVICE, PLACE_MAP, PLACE_POOL, PLACE_WRONG };

static bool label_is(const struct name *name, unsigned i, const char *text)
{
	const uint8_t *label = name->wire + name->label[i];

	return label[0] == strlen(text) && memcmp(label + 1, text, label[0]) == 0;
}

/* What stands at a configuration name; rest is the service's owner. */
static enum place place_of(const struct draft *draft, const struct name *name, struct name *rest)
{
	unsigned below = (unsigned)name->nlabels - draft->apex.nlabels, nconfig = 0;

	for (unsigned i = 0; i < below; i++)
		nconfig += label_is_config(name->wire + name->label[i]);
	if (nconfig != 1)
		return PLACE_WRONG;
	name_suffix(name, 1, rest);
	if (label_is(name, 0, "_gslb"))
		return PLACE_SERVICE;
	if (label_is(name, 0, "_map"))
		return PLACE_MAP;
	return below == 2 && label_is(name, 1, "_pool") ? PLACE_POOL : PLACE_WRONG;
}

/* Types that have no meaning there: one mistake each. */
static void check_types(const struct tag_reader *reader, enum place place)
{
	const struct draft_node *node = &reader->draft->nodes[reader->node];
	char type[16];

	for (uint32_t i = node->first; i != NONE; i = reader->draft->records[i].next) {
		const struct draft_record *record = &reader->draft->records[i];

		if (record->type == RR_TXT ||
			(place == PLACE_POOL && (record->type == RR_SRV || record->type == RR_LOC)))
			continue;
		draft_report(reader->draft, REPORT_MISTAKE, node, record, "%s: has no place here (a %s is made of %s)",
			rrtype_format(record->type, type),
			place == PLACE_POOL  ? "pool"
			: place == PLACE_MAP ? "map"
					     : "service",
			place == PLACE_POOL ? "TXT, SRV and LOC" : "TXT");
	}
}

/* The one TXT of a service or pool, split and of this version; false when a mistake was reported. */
static bool open_single(struct tag_reader *reader, const struct tag_table *table)
{
	const struct draft_node *node = &reader->draft->nodes[reader->node];
	const struct draft_record *second;
	struct err err;

	reader->record = draft_first(reader->draft, node, RR_TXT);
	if (reader->record == NULL) {
		reader->record = &reader->draft->records[node->first];
		tags_mistake(reader, "no TXT record, which makes a %s (try TXT \"v=%s\")", table->what, table->version);
		return false;
	}
	second = draft_next(reader->draft, reader->record);
	if (second != NULL) {
		draft_report(reader->draft, REPORT_MISTAKE, node, second, "TXT: a second one (a %s is one TXT record)",
			table->what);
		return false;
	}
	if (!tags_split(reader, &err)) {
		tags_mistake(reader, "%s", err.text);
		return false;
	}
	return tags_version(reader, table);
}

static void read_node(struct tag_reader *reader, enum place place, const struct name *name, const struct name *rest)
{
	struct name label;

	check_types(reader, place);
	if (place == PLACE_SERVICE && open_single(reader, &service_tags)) {
		service_read(reader, rest);
	} else if (place == PLACE_POOL && open_single(reader, &pool_tags)) {
		char text[NAME_TEXT_MAX];

		memcpy(label.wire, name->wire, name->label[1]);
		label.wire[name->label[1]] = 0;
		pool_read(reader, name_format_wire(label.wire, text));
	}
}

static void read_map(struct tag_reader *reader, const struct name *owner)
{
	struct draft *draft = reader->draft;
	uint32_t node = draft_find(draft, owner), steered = NONE;
	struct name gslb;

	if (node != NONE)
		steered = draft->nodes[node].service;
	if (steered != NONE) {
		map_read(reader, &draft->services[steered]);
		return;
	}
	if (name_prepend(owner, (const uint8_t *)"_gslb", 5, &gslb) && draft_find(draft, &gslb) != NONE)
		return; /* its mistakes are reported */
	reader->record = &draft->records[draft->nodes[reader->node].first];
	tags_mistake(reader, "a map without a service (add a _gslb record for the same owner)");
}

/* ---- pools of this zone that services, and other pools, name ---- */

static bool is_missing(const struct draft *draft, const struct name *name)
{
	struct name parent, above;
	uint32_t node;

	if (name->nlabels == 0 || !pool_parent(draft, &parent))
		return false;
	name_suffix(name, 1, &above);
	if (!name_equal(&above, &parent))
		return false; /* another zone's: zone_set_link looks */
	node = draft_find(draft, name);
	return node == NONE || draft->nodes[node].first == NONE;
}

static void check_use(const struct draft *draft, const struct service *service, const struct map_rule *rule,
	const bool *missing, const struct pool_use *use)
{
	char text[NAME_TEXT_MAX];

	if (missing[use->pool])
		service_mistake(draft->report, &draft->apex, service, rule,
			"%s: no such pool in this zone (correct it, or add the pool)",
			name_format_under(use->name, &draft->apex, text));
}

static void check_needs(const struct draft *draft, const struct pool *pool, const bool *missing)
{
	char text[NAME_TEXT_MAX];

	for (uint8_t i = 0; i < pool->nneeds; i++)
		if (missing[pool->needs[i].pool])
			report_add(draft->report, REPORT_MISTAKE, pool->file, pool->line,
				"%s._pool: needs: %s: no such pool in this zone (correct it, or add the pool)",
				pool->label, name_format_under(pool->needs[i].name, &draft->apex, text));
}

static void check_uses(const struct draft *draft)
{
	bool *missing = mem_alloc(draft->npool_names * sizeof *missing);

	for (size_t i = 0; i < draft->npool_names; i++)
		missing[i] = is_missing(draft, &draft->pool_names[i]->name);
	for (size_t i = 0; i < draft->nservices; i++) {
		const struct service *service = &draft->services[i];

		for (size_t k = 0; k < service->npools; k++)
			check_use(draft, service, NULL, missing, &service->pools[k]);
		if (service->has_fallback)
			check_use(draft, service, NULL, missing, &service->fallback);
		for (size_t r = 0; r < service->nrules; r++)
			for (size_t k = 0; k < service->rules[r].npools; k++)
				check_use(draft, service, &service->rules[r], missing, &service->rules[r].pools[k]);
	}
	for (size_t i = 0; i < draft->npools; i++)
		check_needs(draft, &draft->pools[i], missing);
	free(missing);
}

void model_read(struct draft *draft)
{
	struct tag_reader reader = { .draft = draft };
	size_t nnodes = draft->nnodes; /* services add nodes, none of them configuration */
	struct name name, rest;

	for (int maps = 0; maps < 2; maps++) {
		for (uint32_t i = 0; i < nnodes; i++) {
			enum place place;

			if (!draft->nodes[i].config || draft->nodes[i].first == NONE)
				continue;
			reader.node = i;
			draft_name(draft, &draft->nodes[i], &name);
			place = place_of(draft, &name, &rest);
			if (maps == 0 && place == PLACE_WRONG)
				draft_report(draft, REPORT_MISTAKE, &draft->nodes[i],
					&draft->records[draft->nodes[i].first],
					"not the name of a service, map or pool (they are _gslb.NAME, _map.NAME and "
					"LABEL._pool)");
			else if (maps == 0)
				read_node(&reader, place, &name, &rest);
			else if (place == PLACE_MAP)
				read_map(&reader, &rest);
		}
	}
	tags_fini(&reader);
	check_uses(draft);
}
