#include "gslb/steering.h"

#include <stdlib.h>
#include <string.h>

static void table_unref(struct steering_table *table)
{
	if (--table->refs > 0)
		return;
	geo_table_free(table->table);
	order_set_fini(&table->set);
	buf_fini(&table->key);
	free(table);
}

static bool is_for(const struct steering_table *table, const struct geo *geo, uint64_t hash, const struct buf *key)
{
	return table->geo == geo && table->key_hash == hash && table->key.len == key->len &&
	       memcmp(table->key.text, key->text, key->len) == 0;
}

static struct steering_table *tables_find(
	const struct steering_tables *tables, const struct geo *geo, uint64_t hash, const struct buf *key)
{
	if (tables->nindex == 0)
		return NULL;
	for (size_t i = hash & (tables->nindex - 1); tables->index[i] != 0; i = (i + 1) & (tables->nindex - 1))
		if (is_for(tables->tables[tables->index[i] - 1], geo, hash, key))
			return tables->tables[tables->index[i] - 1];
	return NULL;
}

static void index_add(struct steering_tables *tables, size_t place)
{
	size_t i = tables->tables[place]->key_hash & (tables->nindex - 1);

	while (tables->index[i] != 0)
		i = (i + 1) & (tables->nindex - 1);
	tables->index[i] = (uint32_t)place + 1;
}

static void tables_add(struct steering_tables *tables, struct steering_table *table)
{
	tables->tables = mem_grow(tables->tables, tables->ntables, &tables->cap, sizeof(struct steering_table *));
	tables->tables[tables->ntables++] = table;
	if (tables->ntables * 2 > tables->nindex) {
		free(tables->index);
		tables->nindex = tables->nindex > 0 ? tables->nindex * 2 : 16;
		tables->index = mem_alloc(tables->nindex * sizeof(*tables->index));
		for (size_t i = 0; i + 1 < tables->ntables; i++)
			index_add(tables, i);
	}
	index_add(tables, tables->ntables - 1);
}

/* ---- making one ---- */

struct classing {
	const struct order_spec *spec;
	struct order_set *set;
};

static uint16_t classify(void *context, const struct place *place)
{
	const struct classing *classing = context;
	struct order order;

	if (classing->set->full) /* what comes out is thrown away */
		return 0;
	order_at(classing->spec, place, &order);
	return order_set_add(classing->set, &order);
}

static size_t collect_nets(const struct order_spec *spec, struct order_set *set, struct geo_overlay *nets)
{
	size_t n = 0;

	for (uint16_t i = 0; i < spec->nrules; i++) {
		const struct order_rule *rule = &spec->rules[i];
		struct order order;

		if (rule->rule->kind != MAP_NET)
			continue;
		order_of_rule(rule, &order);
		nets[n++] = (struct geo_overlay){ .net = rule->rule->net, .class = order_set_add(set, &order) };
	}
	return n;
}

static void table_compile(struct steering_table *table, const struct order_spec *spec)
{
	struct geo_overlay *nets = mem_alloc((spec->nrules + 1u) * sizeof(*nets));
	struct classing classing = { .spec = spec, .set = &table->set };
	const struct geo_classify how = {
		.classify = classify,
		.context = &classing,
		.by_asn = order_spec_by_asn(spec),
	};
	size_t nnets = collect_nets(spec, &table->set, nets);

	table->table = geo_table_new(table->geo, &how, nets, nnets);
	free(nets);
}

/* One order for everyone: no table, hence scope 0. */
static void table_flatten(struct steering_table *table)
{
	geo_table_free(table->table);
	table->table = NULL;
}

static struct steering_table *table_new(const struct geo *geo, struct order_spec *spec)
{
	struct steering_table *table = mem_alloc(sizeof(*table));

	table->refs = 1;
	table->geo = geo;
	if (!order_spec_by_client(spec)) {
		struct order order;

		order_at(spec, &(struct place){ 0 }, &order);
		order_set_add(&table->set, &order);
		return table;
	}
	table_compile(table, spec);
	/* With many pools the far ones make most of the differences, and they hardly ever answer: rank fewer. */
	while (table->set.full && spec->ranked > 1) {
		spec->ranked /= 2;
		order_set_fini(&table->set);
		geo_table_free(table->table);
		table_compile(table, spec);
	}
	if (table->set.norders == 1)
		table_flatten(table);
	return table;
}

bool steering_make(struct steering_tables *tables, const struct steering_tables *before, const struct geo *geo,
	struct order_spec *spec, const char *owner, struct steering *steering, struct err *err)
{
	struct steering_table *table;
	struct buf key = { 0 };
	uint64_t hash;

	order_spec_key(spec, &key);
	hash = hash_bytes(0, key.text, key.len);
	table = tables_find(tables, geo, hash, &key);
	if (table == NULL && before != NULL && (table = tables_find(before, geo, hash, &key)) != NULL) {
		table->refs++;
		tables->nshared++;
		tables_add(tables, table);
	}
	if (table != NULL) {
		buf_fini(&key);
	} else {
		table = table_new(geo, spec);
		table->key = key;
		table->key_hash = hash;
		tables_add(tables, table);
	}
	if (table->set.full)
		return err_set(err, "%s: its map makes more than %d different orders of pools, use fewer", owner,
			GEO_CLASS_MAX);
	*steering = (struct steering){
		.table = table->table,
		.orders = table->set.orders,
		.norders = (uint32_t)table->set.norders,
	};
	return true;
}

void steering_tables_fini(struct steering_tables *tables)
{
	for (size_t i = 0; i < tables->ntables; i++)
		table_unref(tables->tables[i]);
	free(tables->tables);
	free(tables->index);
	*tables = (struct steering_tables){ 0 };
}

size_t steering_tables_bytes(const struct steering_tables *tables)
{
	size_t bytes = 0;

	for (size_t i = 0; i < tables->ntables; i++) {
		const struct steering_table *table = tables->tables[i];

		bytes += sizeof(*table) + table->key.len + table->set.norders * sizeof(struct order);
		if (table->table != NULL)
			bytes += geo_table_bytes(table->table);
	}
	return bytes;
}
