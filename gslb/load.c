/* Pools with load= are few beside all pools: they are searched one by one. What nobody has told of yet is not stale, but for
 * the first LOAD_STALE_MS only. */
#include "gslb/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* To others: a document has about so many bytes, and a part so many beside its name; of a pool at most so many parts are heard. */
enum { SAY_BYTES = 30000, SAY_PART_BYTES = 64, SAY_PARTS_MAX = 4096 };
#define SAY_MS_MAX (UINT64_C(400) * 86400000)

struct part {
	char *name; /* "": the whole */
	uint64_t milli, at_ms, until_ms;
	bool elsewhere; /* it was reported to another host */
};

struct entry {
	struct name name;
	const struct pool *pool; /* of the snapshot in force */
	uint32_t number;         /* its, there */
	uint32_t id;
	char *place; /* load=, as it was written */
	struct part *parts;
	size_t nparts, cap;
	uint64_t begun_ms, known_ms, known_milli;
	const char *trouble;
	bool stale; /* as it was said last */
};

struct loads {
	struct entry **entries;
	size_t nentries, cap;
	uint32_t next_id;
	uint64_t version;
};

struct loads *loads_new(void)
{
	return mem_alloc(sizeof(struct loads));
}

static void drop_parts(struct entry *entry)
{
	for (size_t i = 0; i < entry->nparts; i++)
		free(entry->parts[i].name);
	entry->nparts = 0;
}

static void entry_free(struct entry *entry)
{
	drop_parts(entry);
	free(entry->parts);
	free(entry->place);
	free(entry);
}

void loads_free(struct loads *loads)
{
	if (loads == NULL)
		return;
	for (size_t i = 0; i < loads->nentries; i++)
		entry_free(loads->entries[i]);
	free(loads->entries);
	free(loads);
}

static struct entry *find(const struct loads *loads, const struct pool *pool)
{
	for (size_t i = 0; i < loads->nentries; i++)
		if (name_equal(&loads->entries[i]->name, &pool->name))
			return loads->entries[i];
	return NULL;
}

static void add(struct loads *loads, const struct pool *pool, uint32_t number, uint64_t now_ms)
{
	struct entry *entry = mem_alloc(sizeof *entry);

	*entry = (struct entry){ .name = pool->name,
		.pool = pool,
		.number = number,
		.id = ++loads->next_id,
		.place = mem_strdup(pool->load.text),
		.begun_ms = now_ms };
	loads->entries = mem_grow(loads->entries, loads->nentries, &loads->cap, sizeof(struct entry *));
	loads->entries[loads->nentries++] = entry;
}

void loads_begin(struct loads *loads, const struct snapshot *snapshot, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < loads->nentries; i++)
		loads->entries[i]->pool = NULL;
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		const struct pool *pool = snapshot->pools[i].pool;
		struct entry *entry = pool->load.source != LOAD_NONE ? find(loads, pool) : NULL;

		if (pool->load.source != LOAD_NONE && (entry == NULL || strcmp(entry->place, pool->load.text) != 0)) {
			add(loads, pool, i, now_ms);
		} else if (entry != NULL) {
			entry->pool = pool;
			entry->number = i;
		}
	}
	for (size_t i = 0; i < loads->nentries; i++) {
		if (loads->entries[i]->pool != NULL)
			loads->entries[kept++] = loads->entries[i];
		else
			entry_free(loads->entries[i]);
	}
	loads->nentries = kept;
}

/* ---- what is told ---- */

/* What is silent for long goes; so do parts when the whole is told, and the whole when a part is. */
static void tidy(struct entry *entry, bool whole, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < entry->nparts; i++) {
		struct part *part = &entry->parts[i];

		if ((part->name[0] == '\0') == whole && now_ms < part->until_ms + LOAD_FORGET_MS - LOAD_STALE_MS)
			entry->parts[kept++] = *part;
		else
			free(part->name);
	}
	entry->nparts = kept;
}

/* Of those that were heard of lately. */
static bool sum_up(const struct entry *entry, uint64_t now_ms, uint64_t *milli, uint64_t *at_ms)
{
	uint64_t sum = 0, heard = 0, fresh = 0;

	*at_ms = 0;
	for (size_t i = 0; i < entry->nparts; i++) {
		const struct part *part = &entry->parts[i];

		heard += now_ms < part->until_ms + LOAD_FORGET_MS - LOAD_STALE_MS;
		if (now_ms >= part->until_ms)
			continue;
		fresh++;
		sum += part->milli;
		if (part->at_ms > *at_ms)
			*at_ms = part->at_ms;
	}
	if (fresh == 0 || fresh * 2 < heard)
		return false;
	*milli = sum / fresh * heard + sum % fresh * heard / fresh;
	return true;
}

static struct part *find_part(const struct entry *entry, const char *name)
{
	for (size_t i = 0; i < entry->nparts; i++)
		if (strcmp(entry->parts[i].name, name) == 0)
			return &entry->parts[i];
	return NULL;
}

static void put(struct entry *entry, const char *name, const struct part *report, uint64_t now_ms)
{
	struct part *to;
	char *kept;

	tidy(entry, name[0] == '\0', now_ms);
	to = find_part(entry, name);
	if (to == NULL) {
		entry->parts = mem_grow(entry->parts, entry->nparts, &entry->cap, sizeof *entry->parts);
		to = &entry->parts[entry->nparts++];
		to->name = mem_strdup(name);
	}
	kept = to->name;
	*to = *report;
	to->name = kept;
	entry->trouble = NULL;
	sum_up(entry, now_ms, &entry->known_milli, &entry->known_ms);
}

void loads_report(struct loads *loads, const struct pool *pool, const char *part, uint64_t milli, uint64_t now_ms,
	uint64_t for_ms)
{
	struct entry *entry = find(loads, pool);
	const struct part report = {
		.milli = milli, .at_ms = now_ms, .until_ms = now_ms + (for_ms > 0 ? for_ms : LOAD_STALE_MS)
	};

	if (entry == NULL)
		return;
	put(entry, part, &report, now_ms);
	loads->version++;
}

static void take_gauge(struct loads *loads, const struct health_message *message, uint64_t now_ms)
{
	for (size_t i = 0; i < loads->nentries; i++) {
		struct entry *entry = loads->entries[i];

		if (entry->id != message->slot || entry->pool->load.source != LOAD_URL)
			continue;
		if (message->ok)
			loads_report(loads, entry->pool, "", message->value, now_ms, 0);
		else
			entry->trouble = message->generation == PROBE_NONE ? "the name does not resolve"
									   : probe_result_name(message->generation);
	}
}

/* What was on the answer to a check: of each of the pool's endpoints that the check is of. */
static void take_header(struct loads *loads, const struct snapshot *snapshot, const struct entry *entry,
	const struct health_message *message, uint64_t now_ms)
{
	const struct pool_plan *plan = &snapshot->pools[entry->number];

	assert(plan->pool == entry->pool);
	for (unsigned family = 0; family < FAMILIES; family++)
		for (uint32_t i = 0; i < plan->part[family].n; i++) {
			const struct endpoint *endpoint = &snapshot->endpoints[plan->part[family].first + i];
			char addr[ADDR_TEXT_MAX];

			if (endpoint->slot == message->slot && endpoint->generation == message->generation)
				loads_report(loads, entry->pool, addr_format(&endpoint->addr, addr), message->value,
					now_ms, 0);
		}
}

void loads_take(
	struct loads *loads, const struct snapshot *snapshot, const struct health_message *message, uint64_t now_ms)
{
	if (message->state == 0) {
		take_gauge(loads, message, now_ms);
		return;
	}
	for (size_t i = 0; i < loads->nentries; i++)
		if (loads->entries[i]->pool->load.source == LOAD_HEADER)
			take_header(loads, snapshot, loads->entries[i], message, now_ms);
}

/* ---- between hosts ---- */

uint64_t loads_version(const struct loads *loads)
{
	return loads->version;
}

static json_t *entry_json(const struct entry *entry, uint64_t now_ms, size_t *bytes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < entry->nparts; i++) {
		const struct part *part = &entry->parts[i];

		if (part->elsewhere || now_ms >= part->until_ms)
			continue;
		*bytes += strlen(part->name) + SAY_PART_BYTES;
		json_array_append_new(
			list, json_pack("[s,I,I,I]", part->name, (json_int_t)part->milli,
				      (json_int_t)(now_ms - part->at_ms), (json_int_t)(part->until_ms - now_ms)));
	}
	return list;
}

void loads_say(const struct loads *loads, uint64_t now_ms, void (*say)(void *arg, const json_t *json), void *arg)
{
	json_t *all = json_object();
	size_t bytes = 0;

	for (size_t i = 0; i < loads->nentries; i++) {
		json_t *list = entry_json(loads->entries[i], now_ms, &bytes);
		char name[NAME_TEXT_MAX];

		name_format(&loads->entries[i]->name, name);
		if (json_array_size(list) > 0)
			json_object_set(all, name, list);
		json_decref(list);
		if (bytes < SAY_BYTES)
			continue;
		say(arg, all);
		json_object_clear(all);
		bytes = 0;
	}
	if (json_object_size(all) > 0)
		say(arg, all);
	json_decref(all);
}

static bool get_number(const json_t *list, size_t at, uint64_t most, uint64_t *number)
{
	const json_t *value = json_array_get(list, at);
	json_int_t n = json_integer_value(value);

	*number = (uint64_t)n;
	return json_is_integer(value) && n >= 0 && (uint64_t)n <= most;
}

/* Is the other sort of it told here: parts for a whole, or the whole for parts? */
static bool is_told_otherwise(const struct entry *entry, const char *name, uint64_t now_ms)
{
	for (size_t i = 0; i < entry->nparts; i++) {
		const struct part *part = &entry->parts[i];

		if (!part->elsewhere && now_ms < part->until_ms && (part->name[0] == '\0') != (name[0] == '\0'))
			return true;
	}
	return false;
}

static void hear_part(struct entry *entry, const json_t *list, uint64_t said_ms, uint64_t now_ms)
{
	const char *name = json_string_value(json_array_get(list, 0));
	const struct part *known = name != NULL ? find_part(entry, name) : NULL;
	struct part report = { .elsewhere = true };
	uint64_t age_ms, left_ms;

	if (name == NULL || !get_number(list, 1, INT64_MAX / 1000, &report.milli) ||
		!get_number(list, 2, SAY_MS_MAX, &age_ms) || !get_number(list, 3, SAY_MS_MAX, &left_ms))
		return;
	report.at_ms = said_ms > age_ms ? said_ms - age_ms : 0;
	report.until_ms = said_ms + left_ms;
	if (now_ms >= report.until_ms || is_told_otherwise(entry, name, now_ms) ||
		(known == NULL && entry->nparts >= SAY_PARTS_MAX))
		return;
	if (known != NULL && now_ms < known->until_ms && (!known->elsewhere || known->at_ms > report.at_ms))
		return;
	put(entry, name, &report, now_ms);
}

void loads_hear(struct loads *loads, const json_t *json, uint64_t said_ms, uint64_t now_ms)
{
	const json_t *list, *part;
	size_t i;

	for (size_t at = 0; at < loads->nentries; at++) {
		char name[NAME_TEXT_MAX];

		name_format(&loads->entries[at]->name, name);
		list = json_object_get(json, name);
		json_array_foreach(list, i, part) hear_part(loads->entries[at], part, said_ms, now_ms);
	}
}

/* ---- what is known ---- */

struct load loads_of(const struct loads *loads, const struct pool *pool, uint64_t now_ms)
{
	const struct entry *entry = find(loads, pool);
	struct load load = { 0 };

	if (entry == NULL)
		return load;
	load.milli = entry->known_milli;
	load.at_ms = entry->known_ms;
	load.trouble = entry->trouble;
	load.known = sum_up(entry, now_ms, &load.milli, &load.at_ms);
	if (!load.known)
		load.at_ms = entry->known_ms;
	return load;
}

struct health_gauge *loads_gauges(const struct loads *loads, size_t *n)
{
	struct health_gauge *gauges = mem_alloc((loads->nentries + 1) * sizeof *gauges);

	*n = 0;
	for (size_t i = 0; i < loads->nentries; i++) {
		const struct entry *entry = loads->entries[i];
		const struct load_place *place = &entry->pool->load;

		if (place->source == LOAD_URL)
			gauges[(*n)++] = (struct health_gauge){
				.id = entry->id,
				.tls = place->tls,
				.port = place->port,
				.host = place->host,
				.path = place->path,
			};
	}
	return gauges;
}

void loads_look(struct loads *loads, uint64_t now_ms)
{
	for (size_t i = 0; i < loads->nentries; i++) {
		struct entry *entry = loads->entries[i];
		uint64_t milli, at_ms;
		bool stale = !sum_up(entry, now_ms, &milli, &at_ms) && now_ms >= entry->begun_ms + LOAD_STALE_MS;

		if (stale == entry->stale)
			continue;
		entry->stale = stale;
		if (stale)
			log_warning("pool=%s load=unknown was=%llu.%03llu reason=\"%s\" load_from=\"%s\"",
				entry->pool->label, (unsigned long long)(entry->known_milli / 1000),
				(unsigned long long)(entry->known_milli % 1000),
				entry->trouble != NULL ? entry->trouble : "no report came", entry->place);
		else
			log_notice("pool=%s load=%llu.%03llu was=unknown", entry->pool->label,
				(unsigned long long)(milli / 1000), (unsigned long long)(milli % 1000));
	}
}

const struct pool *loads_stale(const struct loads *loads, unsigned *n)
{
	const struct pool *first = NULL;

	*n = 0;
	for (size_t i = 0; i < loads->nentries; i++) {
		if (!loads->entries[i]->stale)
			continue;
		if ((*n)++ == 0)
			first = loads->entries[i]->pool;
	}
	return first;
}
