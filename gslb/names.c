#include "gslb/names.h"

#include <stdlib.h>
#include <string.h>

enum { PROLONG_LEFT_MS = 1500, PROLONG_BY_MS = 5000, LINE_MS = 1000, LINES_AHEAD_MS = 10000 };

struct entry {
	struct resolved resolved;
	char *text; /* absolute, as gslb-health wants it */
	uint32_t id;
	uint32_t last_round;
	bool known; /* there was a good answer */
	bool failing;
	uint64_t lines_ms; /* the lines about it are paid for until then, a second each */
};

struct names {
	struct entry **entries; /* few: searched one by one */
	size_t nentries, cap;
	uint32_t next_id, round;
	struct health_lookup *lookups;
};

struct names *names_new(void)
{
	return mem_alloc(sizeof(struct names));
}

static void entry_free(struct entry *entry)
{
	free(entry->text);
	free(entry);
}

void names_free(struct names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < names->nentries; i++)
		entry_free(names->entries[i]);
	free(names->entries);
	free(names->lookups);
	free(names);
}

static struct entry *entry_of(const struct names *names, const struct name *name)
{
	for (size_t i = 0; i < names->nentries; i++)
		if (name_equal(&names->entries[i]->resolved.name, name))
			return names->entries[i];
	return NULL;
}

static struct entry *entry_for(struct names *names, const struct name *name)
{
	struct entry *entry = entry_of(names, name);
	char text[NAME_TEXT_MAX];

	if (entry != NULL)
		return entry;
	entry = mem_alloc(sizeof *entry);
	entry->resolved.name = *name;
	entry->text = mem_printf("%s.", name_format(name, text));
	entry->id = ++names->next_id;
	names->entries = mem_grow(names->entries, names->nentries, &names->cap, sizeof(struct entry *));
	names->entries[names->nentries++] = entry;
	return entry;
}

const struct resolved *names_find(struct names *names, const struct name *name)
{
	struct entry *entry = entry_for(names, name);

	entry->last_round = names->round;
	return entry->known ? &entry->resolved : NULL;
}

const struct resolved *names_known(const struct names *names, const struct name *name)
{
	const struct entry *entry = entry_of(names, name);

	return entry != NULL && entry->known ? &entry->resolved : NULL;
}

static bool same_addresses(const struct resolved *resolved, const struct health_message *message)
{
	if (resolved->naddrs != message->naddrs)
		return false;
	for (size_t i = 0; i < message->naddrs; i++)
		if (!addr_equal(&resolved->addrs[i], &message->addrs[i]))
			return false;
	return true;
}

/* Whoever answers for a name can make it flip at will: ten lines at once, then one a second. */
static bool may_log(struct entry *entry, uint64_t now_ms)
{
	if (entry->lines_ms < now_ms)
		entry->lines_ms = now_ms;
	if (entry->lines_ms >= now_ms + LINES_AHEAD_MS)
		return false;
	entry->lines_ms += LINE_MS;
	return true;
}

bool names_take(struct names *names, const struct health_message *message, uint64_t now_ms)
{
	struct entry *entry = NULL;
	bool changed;

	for (size_t i = 0; i < names->nentries && entry == NULL; i++)
		if (names->entries[i]->id == message->value)
			entry = names->entries[i];
	if (entry == NULL)
		return false;
	if (!message->ok || message->naddrs == 0 || message->naddrs > HEALTH_ADDRS_MAX) {
		if (!entry->failing && may_log(entry, now_ms))
			log_warning("name=%s state=unresolved kept=%u", entry->text, entry->resolved.naddrs);
		entry->failing = true;
		return false;
	}
	changed = !entry->known || !same_addresses(&entry->resolved, message);
	if ((changed || entry->failing) && may_log(entry, now_ms))
		log_notice("name=%s state=resolved addresses=%u ttl=%u", entry->text, message->naddrs, message->ttl_s);
	entry->known = true;
	entry->failing = false;
	entry->resolved.naddrs = message->naddrs;
	for (size_t i = 0; i < message->naddrs; i++) {
		entry->resolved.addrs[i] = message->addrs[i];
		/* what crossed a process boundary is made canonical: equal addresses compare equal */
		entry->resolved.addrs[i].family = message->addrs[i].family == ADDR_V6 ? ADDR_V6 : ADDR_V4;
		if (entry->resolved.addrs[i].family == ADDR_V4)
			memset(entry->resolved.addrs[i].bytes + 4, 0, 12);
	}
	atomic_store_explicit(
		&entry->resolved.expires_ms, now_ms + (uint64_t)message->ttl_s * 1000, memory_order_relaxed);
	return changed;
}

/* The last good answer is kept while nobody brings a newer one: it is prolonged in small steps, so that what is answered from it
 * is soon asked again. */
void names_prolong(struct names *names, uint64_t now_ms)
{
	for (size_t i = 0; i < names->nentries; i++) {
		struct entry *entry = names->entries[i];

		if (entry->known && atomic_load_explicit(&entry->resolved.expires_ms, memory_order_relaxed) <
					    now_ms + PROLONG_LEFT_MS)
			atomic_store_explicit(
				&entry->resolved.expires_ms, now_ms + PROLONG_BY_MS, memory_order_relaxed);
	}
}

size_t names_lookups(struct names *names, struct health_lookup **lookups)
{
	names->lookups = mem_resize(names->lookups, (names->nentries + 1) * sizeof *names->lookups);
	for (size_t i = 0; i < names->nentries; i++)
		names->lookups[i] =
			(struct health_lookup){ .id = names->entries[i]->id, .name = names->entries[i]->text };
	*lookups = names->lookups;
	return names->nentries;
}

void names_sweep(struct names *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->nentries; i++) {
		if (names->entries[i]->last_round == names->round)
			names->entries[kept++] = names->entries[i];
		else
			entry_free(names->entries[i]);
	}
	names->nentries = kept;
	names->round++;
}
