/* Pools with load= are few beside all pools: they are searched one by one. What nobody has told of yet is not stale, but for
 * the first LOAD_STALE_MS only. */
#include "gslb/load.h"

#include <stdlib.h>
#include <string.h>

struct part {
	char *name; /* "": the whole */
	uint64_t milli, at_ms, until_ms;
};

struct entry {
	struct name name;
	const struct pool *pool; /* of the snapshot in force */
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

static void add(struct loads *loads, const struct pool *pool, uint64_t now_ms)
{
	struct entry *entry = mem_alloc(sizeof *entry);

	*entry = (struct entry){ .name = pool->name,
		.pool = pool,
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

		if (pool->load.source != LOAD_NONE && (entry == NULL || strcmp(entry->place, pool->load.text) != 0))
			add(loads, pool, now_ms);
		else if (entry != NULL)
			entry->pool = pool;
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

void loads_report(struct loads *loads, const struct pool *pool, const char *part, uint64_t milli, uint64_t now_ms,
	uint64_t for_ms)
{
	struct entry *entry = find(loads, pool);
	struct part *to = NULL;

	if (entry == NULL)
		return;
	tidy(entry, part[0] == '\0', now_ms);
	for (size_t i = 0; i < entry->nparts && to == NULL; i++)
		if (strcmp(entry->parts[i].name, part) == 0)
			to = &entry->parts[i];
	if (to == NULL) {
		entry->parts = mem_grow(entry->parts, entry->nparts, &entry->cap, sizeof *entry->parts);
		to = &entry->parts[entry->nparts++];
		to->name = mem_strdup(part);
	}
	to->milli = milli;
	to->at_ms = now_ms;
	to->until_ms = now_ms + (for_ms > 0 ? for_ms : LOAD_STALE_MS);
	entry->trouble = NULL;
	sum_up(entry, now_ms, &entry->known_milli, &entry->known_ms);
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
			entry->trouble = message->generation == PROBE_NONE
						 ? "the name does not resolve"
						 : probe_result_name(message->generation);
	}
}

void loads_take(struct loads *loads, const struct snapshot *snapshot, const struct health_message *message,
	uint64_t now_ms)
{
	if (message->state == 0) {
		take_gauge(loads, message, now_ms);
		return;
	}
	for (uint32_t i = 0; i < snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &snapshot->endpoints[i];
		const struct pool *pool = snapshot->pools[endpoint->pool].pool;
		char addr[ADDR_TEXT_MAX];

		if (endpoint->slot == message->slot && endpoint->generation == message->generation &&
			pool->load.source == LOAD_HEADER)
			loads_report(loads, pool, addr_format(&endpoint->addr, addr), message->value, now_ms, 0);
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
