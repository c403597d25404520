/* The clients lie in an array in order of arrival, and a table of their places finds them. Nothing is taken out one by one: once a
 * minute, or when the array is full, the old ones are left out and the table is made anew. */
#include "gslb/recent.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_LEN = 2 * RECENT_CLIENTS_MAX, SWEEP_MS = 60000, ADAPT_MS = 1000, SHIFT_MOST = 20, TAKE_AT_ONCE = 1024 };

struct recent {
	uint64_t begun_ms, swept_ms, adapted_ms;
	uint64_t forgotten_s; /* networks that last asked before this were forgotten for want of room; 0: none */
	uint64_t noted;       /* answers beside the present ledger when it was last adapted to */
	unsigned shift;
	uint64_t lost;
	uint64_t end; /* entries that ever came */
	struct ledger_entry *entries;
	size_t nclients;
	struct recent_client *clients;
	uint32_t *table; /* place + 1; 0: free */
};

struct recent *recent_new(uint64_t now_ms)
{
	struct recent *recent = mem_alloc(sizeof *recent);

	recent->begun_ms = recent->swept_ms = recent->adapted_ms = now_ms;
	recent->entries = mem_alloc(RECENT_ENTRIES_MAX * sizeof *recent->entries);
	recent->clients = mem_alloc(RECENT_CLIENTS_MAX * sizeof *recent->clients);
	recent->table = mem_alloc(TABLE_LEN * sizeof *recent->table);
	return recent;
}

void recent_free(struct recent *recent)
{
	if (recent == NULL)
		return;
	free(recent->entries);
	free(recent->clients);
	free(recent->table);
	free(recent);
}

/* ---- the table ---- */

static uint64_t hash_of(const struct addr *net, uint32_t pair, enum family family)
{
	uint64_t word;

	memcpy(&word, net->bytes, sizeof word);
	return hash_mix(hash_mix(word, net->family), (uint64_t)pair << 1 | (family == FAMILY_V6));
}

static bool is_of(const struct recent_client *client, const struct addr *net, uint32_t pair, enum family family)
{
	return client->pair == pair && client->family == family && addr_equal(&client->net, net);
}

/* Its place, or where it would be. */
static uint32_t *find(const struct recent *recent, const struct addr *net, uint32_t pair, enum family family)
{
	size_t at = hash_of(net, pair, family) % TABLE_LEN;

	while (recent->table[at] != 0 && !is_of(&recent->clients[recent->table[at] - 1], net, pair, family))
		at = (at + 1) % TABLE_LEN;
	return &recent->table[at];
}

static void index_again(struct recent *recent)
{
	memset(recent->table, 0, TABLE_LEN * sizeof *recent->table);
	for (size_t i = 0; i < recent->nclients; i++) {
		const struct recent_client *client = &recent->clients[i];

		*find(recent, &client->net, client->pair, client->family) = (uint32_t)i + 1;
	}
}

/* Leave out who was not answered since then. */
static void forget_before(struct recent *recent, uint64_t since_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < recent->nclients; i++)
		if (recent->clients[i].last_s >= since_s)
			recent->clients[kept++] = recent->clients[i];
	recent->nclients = kept;
	index_again(recent);
}

static void sweep(struct recent *recent, uint64_t now_ms)
{
	if (now_ms >= recent->swept_ms && now_ms < recent->swept_ms + SWEEP_MS)
		return;
	recent->swept_ms = now_ms;
	for (size_t i = 0; i < recent->nclients; i++)
		recent->clients[i].weight *= 0.875F;
	forget_before(recent, now_ms / 1000 - RECENT_HORIZON_S);
}

/* Half of the time that is remembered, and half of the rest, until a quarter of the room is free. */
static void make_room(struct recent *recent, uint64_t now_s)
{
	uint64_t keep_s = RECENT_HORIZON_S;

	while (recent->nclients > RECENT_CLIENTS_MAX / 4 * 3 && keep_s > 0) {
		keep_s /= 2;
		forget_before(recent, now_s - keep_s);
	}
	if (recent->nclients > RECENT_CLIENTS_MAX / 4 * 3)
		forget_before(recent, now_s + 1); /* so many in one second */
	recent->forgotten_s = now_s - keep_s;
}

static void remember(struct recent *recent, const struct ledger_entry *entry)
{
	uint32_t now_s = (uint32_t)(entry->time_ms / 1000), expires_s = now_s + entry->ttl_s + LEDGER_WAY_S;
	uint32_t *place = find(recent, &entry->client, entry->pair, entry->family);
	struct recent_client *client;

	if (*place == 0 && recent->nclients == RECENT_CLIENTS_MAX) {
		make_room(recent, now_s);
		place = find(recent, &entry->client, entry->pair, entry->family);
	}
	if (*place == 0) {
		recent->clients[recent->nclients] =
			(struct recent_client){ .net = entry->client, .pair = entry->pair, .family = entry->family };
		*place = (uint32_t)++recent->nclients;
	}
	client = &recent->clients[*place - 1];
	/* two endpoints of a pool, one after the other: either may be held while the first one's TTL lasts */
	client->one = entry->nnamed == 1 && (client->slot == entry->slot || client->expires_s <= now_s);
	client->slot = entry->slot;
	client->last_s = now_s;
	if (expires_s > client->expires_s)
		client->expires_s = expires_s;
	client->weight += (float)entry->weight;
}

/* ---- taking ---- */

/* As many answers as come are to make about RECENT_RATE entries. */
static void adapt(struct recent *recent, struct ledger *ledger, uint64_t now_ms)
{
	uint64_t noted = ledger_noted(ledger), rate;

	if (now_ms < recent->adapted_ms) /* the clock was set */
		recent->adapted_ms = now_ms;
	if (now_ms < recent->adapted_ms + ADAPT_MS)
		return;
	rate = (noted - recent->noted) * 1000 / (now_ms - recent->adapted_ms);
	recent->shift = 0;
	while (rate >> recent->shift > RECENT_RATE && recent->shift < SHIFT_MOST)
		recent->shift++;
	ledger_sample(ledger, recent->shift);
	recent->noted = noted;
	recent->adapted_ms = now_ms;
}

void recent_take(struct recent *recent, struct ledger *ledger, uint64_t now_ms)
{
	static struct ledger_entry taken[TAKE_AT_ONCE];
	size_t n;

	for (unsigned row = 0; row < ledger_nrows(ledger); row++)
		do {
			n = ledger_take(ledger, row, taken, COUNT_OF(taken), &recent->lost);
			for (size_t i = 0; i < n; i++) {
				recent->entries[recent->end++ % RECENT_ENTRIES_MAX] = taken[i];
				remember(recent, &taken[i]);
			}
		} while (n == COUNT_OF(taken));
	sweep(recent, now_ms);
	adapt(recent, ledger, now_ms);
}

static uint32_t mapped(const uint32_t *map, uint32_t n, uint32_t number)
{
	return number < n ? map[number] : LEDGER_NONE;
}

void recent_begin(const struct recent *recent, struct ledger *ledger)
{
	ledger_sample(ledger, recent->shift);
}

void recent_carry(struct recent *recent, const struct ledger_map *map)
{
	uint64_t first = recent->end > RECENT_ENTRIES_MAX ? recent->end - RECENT_ENTRIES_MAX : 0;
	size_t kept = 0;

	for (uint64_t i = first; i < recent->end; i++) {
		struct ledger_entry *entry = &recent->entries[i % RECENT_ENTRIES_MAX];

		entry->pair = mapped(map->pair, map->npairs, entry->pair);
		entry->slot = mapped(map->slot, map->nslots, entry->slot);
	}
	for (size_t i = 0; i < recent->nclients; i++) {
		struct recent_client client = recent->clients[i];

		client.pair = mapped(map->pair, map->npairs, client.pair);
		client.slot = mapped(map->slot, map->nslots, client.slot);
		if (client.pair != LEDGER_NONE)
			recent->clients[kept++] = client;
	}
	recent->nclients = kept;
	recent->noted = 0;
	index_again(recent);
}

/* ---- reading ---- */

uint64_t recent_end(const struct recent *recent)
{
	return recent->end;
}

bool recent_read(const struct recent *recent, uint64_t *cursor, struct ledger_entry *entry, uint64_t *missed)
{
	uint64_t first = recent->end > RECENT_ENTRIES_MAX ? recent->end - RECENT_ENTRIES_MAX : 0;

	if (*cursor < first) {
		*missed += first - *cursor;
		*cursor = first;
	}
	if (*cursor >= recent->end)
		return false;
	*entry = recent->entries[(*cursor)++ % RECENT_ENTRIES_MAX];
	return true;
}

static int by_network(const void *a, const void *b)
{
	const struct recent_client *one = a, *other = b;
	int order = addr_compare(&one->net, &other->net);

	if (order != 0)
		return order;
	if (one->family != other->family)
		return one->family < other->family ? -1 : 1;
	return one->pair < other->pair ? -1 : one->pair > other->pair;
}

struct recent_client *recent_clients(const struct recent *recent, size_t *n)
{
	struct recent_client *clients;

	*n = recent->nclients;
	if (*n == 0)
		return NULL;
	clients = mem_dup(recent->clients, *n * sizeof *clients);
	qsort(clients, *n, sizeof *clients, by_network);
	return clients;
}

struct recent_facts recent_facts(const struct recent *recent, uint64_t now_ms)
{
	uint64_t since_ms = now_ms - RECENT_HORIZON_S * UINT64_C(1000);

	if (since_ms < recent->forgotten_s * 1000)
		since_ms = recent->forgotten_s * 1000;
	return (struct recent_facts){
		.since_ms = since_ms > recent->begun_ms ? since_ms : recent->begun_ms,
		.shift = recent->shift,
		.lost = recent->lost,
		.nclients = recent->nclients,
	};
}
