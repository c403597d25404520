/* Tables with runs of their own are the quickest to ask and take megabytes; the few that most services use get them, the others are
 * lean (geo.h), and know nothing of latency: single networks need runs of their own. Threads that compile are like the one that asks for it: they inherit its priority. */
#include "gslb/steering.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/meter.h"

enum { QUICK_MAX = 8, THREADS_MAX = 4 };

static void table_unref(struct steering_table *table)
{
	if (--table->refs > 0)
		return;
	geo_table_free(table->table);
	order_set_fini(&table->set);
	buf_fini(&table->key);
	if (table->spec != NULL)
		free(table->spec->rules);
	free(table->spec);
	free(table);
}

static bool is_for(const struct steering_table *table, const struct geo *geo, uint64_t hash, const struct buf *key)
{
	return table->geo == geo && table->key_hash == hash && table->key.len == key->len &&
	       memcmp(table->key.text, key->text, key->len) == 0;
}

enum { TABLE_NONE = 0xffffffff };

/* A table's number. */
static uint32_t tables_find(
	const struct steering_tables *tables, const struct geo *geo, uint64_t hash, const struct buf *key)
{
	if (tables->nindex == 0)
		return TABLE_NONE;
	for (size_t i = hash & (tables->nindex - 1); tables->index[i] != 0; i = (i + 1) & (tables->nindex - 1))
		if (is_for(tables->tables[tables->index[i] - 1], geo, hash, key))
			return tables->index[i] - 1;
	return TABLE_NONE;
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
	const struct learned *learned;
	struct order_set *set;
};

static uint16_t classify(void *context, const struct place *place)
{
	const struct classing *classing = context;
	struct order order;

	if (classing->set->full) /* what comes out is thrown away */
		return 0;
	if (classing->learned != NULL && !order_is_ruled(classing->spec, place) &&
		learned_at(classing->learned, place, &order))
		order_fit(classing->spec, &order);
	else
		order_at(classing->spec, place, &order);
	if (classing->learned != NULL && !order_is_ruled(classing->spec, place))
		learned_explore(classing->learned, place, &order);
	return order_set_add(classing->set, &order);
}

static void classify_all(
	void *context, const struct place *places, const struct geo_spot *spots, size_t n, uint16_t *class)
{
	const struct classing *classing = context;

	for (size_t i = 0; i < n && !classing->set->full; i++) {
		struct order order;

		order_at_spot(classing->spec, &places[i], &spots[i], &order);
		class[i] = order_set_add(classing->set, &order);
	}
}

/* net: rules. */
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
	const struct learned *learned = table->lean ? NULL : table->learned;
	size_t nlearned = learned != NULL ? learned_networks(learned) : 0;
	struct geo_overlay *nets = mem_alloc((spec->nrules + nlearned + 1u) * sizeof(*nets));
	struct classing classing = { .spec = spec, .learned = learned, .set = &table->set };
	const struct geo_classify how = {
		.classify = classify,
		.classify_all = classify_all,
		.context = &classing,
		.lean = table->lean,
		.by_asn = order_spec_by_asn(spec) ||
			  (learned != NULL && learned_metros(learned) + learned_explored(learned) > 0),
	};
	size_t nnets = 0;

	if (nlearned > 0)
		nnets = learned_nets(learned, spec, table->geo, &table->set, nets);
	nnets += collect_nets(spec, &table->set, nets + nnets); /* of two equal ones the later wins */

	table->table = geo_table_new(table->geo, &how, nets, nnets);
	free(nets);
}

/* One order for everyone: no table, hence scope 0. */
static void table_flatten(struct steering_table *table)
{
	geo_table_free(table->table);
	table->table = NULL;
}

static void table_make(struct steering_table *table)
{
	struct order_spec *spec = table->spec;

	if (!order_spec_by_client(spec)) {
		struct order order;

		order_at(spec, &(struct place){ 0 }, &order);
		order_set_add(&table->set, &order);
		return;
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
}

/* ---- asking for them ---- */

static struct steering_table *table_new(
	const struct geo *geo, const struct order_spec *spec, uint64_t hash, const struct buf *key)
{
	struct steering_table *table = mem_alloc(sizeof(*table));

	*table = (struct steering_table){ .refs = 1, .geo = geo, .key = *key, .key_hash = hash };
	table->spec = mem_dup(spec, sizeof(*spec));
	table->spec->rules = mem_dup(spec->rules, spec->nrules * sizeof(*spec->rules));
	return table;
}

uint32_t steering_want(struct steering_tables *tables, const struct steering_tables *before, const struct geo *geo,
	const struct snapshot_inputs *inputs, const struct order_spec *spec)
{
	const struct learned *learned = NULL;
	struct steering_table *table;
	uint64_t hash, version = 0;
	struct buf key = { 0 };
	uint32_t number;

	order_spec_key(spec, &key);
	hash = hash_bytes(0, key.text, key.len);
	number = tables_find(tables, geo, hash, &key);
	if (number != TABLE_NONE) {
		buf_fini(&key);
		tables->tables[number]->nwanted++;
		return number;
	}
	if (inputs->meter != NULL && order_spec_by_latency(spec))
		learned = meter_learned(inputs->meter, spec, &key, geo,
			inputs->trial   ? METER_TRIAL
			: inputs->learn ? METER_ANEW
					: METER_KNOWN,
			inputs->now_s, &version);
	number = before != NULL ? tables_find(before, geo, hash, &key) : TABLE_NONE;
	if (number != TABLE_NONE && before->tables[number]->version == version) {
		buf_fini(&key);
		table = before->tables[number];
		table->refs++;
		tables->nshared++;
	} else {
		table = table_new(geo, spec, hash, &key);
		table->version = version;
		table->learned = version != 0 ? learned : NULL;
	}
	table->nwanted = 1;
	tables_add(tables, table);
	return (uint32_t)tables->ntables - 1;
}

void steering_want_again(struct steering_tables *tables, uint32_t number)
{
	tables->tables[number]->nwanted++;
}

/* ---- compiling all ---- */

struct work {
	struct steering_table **tables;
	size_t ntables;
	_Atomic size_t next;
};

static void *make_tables(void *context)
{
	struct work *work = context;
	size_t i;

	while ((i = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed)) < work->ntables)
		table_make(work->tables[i]);
	return NULL;
}

static int by_wanted(const void *a, const void *b)
{
	const struct steering_table *const *x = a, *const *y = b;

	return (*x)->nwanted < (*y)->nwanted ? 1 : -((*x)->nwanted > (*y)->nwanted);
}

/* The most wanted first, which are the quick ones and take the longest. */
static void make_all(struct work *work, size_t nquick)
{
	long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MAX];
	size_t nthreads = 0;

	qsort(work->tables, work->ntables, sizeof(struct steering_table *), by_wanted);
	for (size_t i = 0; i < work->ntables; i++)
		work->tables[i]->lean = order_spec_by_client(work->tables[i]->spec) && nquick++ >= QUICK_MAX;
	while (nthreads + 1 < THREADS_MAX && (long)nthreads + 1 < nprocessors && nthreads + 1 < work->ntables &&
		pthread_create(&threads[nthreads], NULL, make_tables, work) == 0)
		nthreads++;
	make_tables(work);
	for (size_t i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
}

void steering_compile(struct steering_tables *tables)
{
	struct work work = { .tables = mem_alloc((tables->ntables + 1) * sizeof(struct steering_table *)) };
	size_t nquick = 0;

	for (size_t i = 0; i < tables->ntables; i++) {
		struct steering_table *table = tables->tables[i];

		if (table->spec != NULL)
			work.tables[work.ntables++] = table;
		else if (table->table != NULL && !table->lean)
			nquick++;
	}
	if (work.ntables > 0)
		make_all(&work, nquick);
	for (size_t i = 0; i < work.ntables; i++) {
		free(work.tables[i]->spec->rules);
		free(work.tables[i]->spec);
		work.tables[i]->spec = NULL;
		work.tables[i]->learned = NULL;
	}
	free(work.tables);
}

bool steering_get(const struct steering_tables *tables, uint32_t number, struct steering *steering)
{
	const struct steering_table *table = tables->tables[number];

	if (table->set.full)
		return false;
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
