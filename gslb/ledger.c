/* A row is an array of pairs, one of slots and a ring; an answer touches a line of each of the first two. Times only rise: an
 * answer with a short TTL does not shorten what an earlier one with a longer TTL left in caches.
 *
 * The ring is read while it is written. Each word of an entry is stored with release, each is loaded with acquire: who reads a word
 * of a newer entry then also sees the head that was stored before it, and discards what the head has overtaken.
 *
 * Sampling draws how many answers to let pass until the next one is written, and writes down how many did pass. */
#include "gslb/ledger.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_WORDS = 6, SHIFT_MAX = 24, FLAG_V6 = 1, FLAG_ECS = 2, FLAG_RESOLVER_V6 = 4, FLAG_NET_V6 = 8 };

struct pair {
	_Atomic uint64_t answers;
	_Atomic uint32_t expires_s;
	uint32_t unused; /* so that none lies on two lines */
};

struct entry {
	_Atomic uint64_t word[ENTRY_WORDS];
};

struct ledger_row {
	alignas(MEM_LINE) struct pair *pairs;
	_Atomic uint32_t *slots;
	_Atomic uint64_t answers; /* noted */
	_Atomic uint64_t
		sample_at;      /* write the answer that brings the count here; main may set it to 0: the next one */
	_Atomic uint64_t head;  /* entries written */
	_Atomic unsigned shift; /* main's */
	uint64_t sampled;       /* answers when the last one was written */
	struct dice dice;
	struct entry *ring;
	uint32_t nendpoints;
	alignas(MEM_LINE) uint64_t tail; /* main's: entries taken or lost */
};

struct ledger {
	const struct snapshot *snapshot;
	uint32_t nrows, npairs, nslots;
	struct ledger_row *rows;
	/* what came over from before */
	uint64_t *base_answers;
	uint32_t *base_pairs_s, *base_slots_s;
};

/* ---- making ---- */

/* Rows on lines of their own. They are written when they are made (mem.h): a worker that is the first to touch a page would wait for
 * whoever has the address space. */
struct ledger *ledger_new(const struct snapshot *snapshot, unsigned nrows)
{
	struct ledger *ledger = mem_alloc(sizeof *ledger);
	struct dice dice = dice_from_kernel();

	ledger->snapshot = snapshot;
	ledger->nrows = nrows;
	ledger->npairs = snapshot->nservice_pools;
	ledger->nslots = snapshot->nendpoints + (uint32_t)snapshot->set->ntargets;
	ledger->rows = mem_lines(nrows * sizeof *ledger->rows);
	for (unsigned i = 0; i < nrows; i++) {
		struct ledger_row *row = &ledger->rows[i];

		row->pairs = mem_lines(ledger->npairs * sizeof *row->pairs);
		row->slots = mem_lines(ledger->nslots * sizeof *row->slots);
		row->ring = mem_lines(LEDGER_RING_LEN * sizeof *row->ring);
		row->nendpoints = snapshot->nendpoints;
		row->dice.state = dice_next(&dice);
	}
	ledger->base_answers = mem_alloc((ledger->npairs + 1) * sizeof *ledger->base_answers);
	ledger->base_pairs_s = mem_alloc((ledger->npairs + 1) * sizeof *ledger->base_pairs_s);
	ledger->base_slots_s = mem_alloc((ledger->nslots + 1) * sizeof *ledger->base_slots_s);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	for (unsigned i = 0; i < ledger->nrows; i++) {
		free(ledger->rows[i].pairs);
		free(ledger->rows[i].slots);
		free(ledger->rows[i].ring);
	}
	free(ledger->rows);
	free(ledger->base_answers);
	free(ledger->base_pairs_s);
	free(ledger->base_slots_s);
	free(ledger);
}

const struct snapshot *ledger_snapshot(const struct ledger *ledger)
{
	return ledger->snapshot;
}

unsigned ledger_nrows(const struct ledger *ledger)
{
	return ledger->nrows;
}

uint32_t ledger_npairs(const struct ledger *ledger)
{
	return ledger->npairs;
}

uint32_t ledger_target_slot(const struct ledger *ledger, uint32_t target)
{
	return ledger->snapshot->nendpoints + target;
}

/* ---- a worker writes ---- */

struct ledger_row *ledger_row(const struct ledger *ledger, unsigned row)
{
	return ledger != NULL ? &ledger->rows[row] : NULL;
}

const void *ledger_ahead(const struct ledger_row *row, const struct service_plan *service)
{
	return &row->pairs[service->first_override];
}

static inline void raise_to(_Atomic uint32_t *latest_s, uint32_t expires_s)
{
	if (UNLIKELY(atomic_load_explicit(latest_s, memory_order_relaxed) < expires_s)) /* once a second */
		atomic_store_explicit(latest_s, expires_s, memory_order_relaxed);
}

static uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof word);
	return word;
}

/* The network's bytes, at most seven, and the flags behind them. */
static uint64_t net_word(const struct ledger_answer *answer)
{
	const struct addr *client = &answer->client->addr;
	uint64_t word = 0, flags = (answer->family == FAMILY_V6 ? FLAG_V6 : 0) | (answer->client->ecs ? FLAG_ECS : 0) |
				   (answer->resolver->family == ADDR_V6 ? FLAG_RESOLVER_V6 : 0) |
				   (client->family == ADDR_V6 ? FLAG_NET_V6 : 0);

	memcpy(&word, client->bytes, client->family == ADDR_V6 ? LEDGER_NET_V6 / 8 : LEDGER_NET_V4 / 8);
	memcpy((uint8_t *)&word + 7, &flags, 1); /* little-endian, as all that we run on */
	return word;
}

/* What it names, or names first. */
static uint32_t slot_of(const struct ledger_row *row, const struct decision *decision)
{
	return decision->kind == DECIDE_CNAME ? row->nendpoints + decision->target : decision->endpoint[0];
}

__attribute__((noinline)) void ledger_write(struct ledger_row *row, const struct ledger_answer *answer)
{
	const struct decision *decision = answer->decision;
	uint64_t answers = atomic_load_explicit(&row->answers, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&row->head, memory_order_relaxed), weight = answers - row->sampled;
	unsigned shift = atomic_load_explicit(&row->shift, memory_order_relaxed);
	struct entry *entry = &row->ring[head % LEDGER_RING_LEN];
	uint32_t named = decision->nendpoints > 0 ? decision->nendpoints : 1;
	uint64_t words[ENTRY_WORDS] = {
		answer->now_ms,
		(uint64_t)(answer->service->first_override + decision->candidate) << 32 | slot_of(row, decision),
		word_at(answer->resolver->bytes),
		word_at(answer->resolver->bytes + 8),
		net_word(answer),
		(weight < UINT32_MAX ? weight : UINT32_MAX) << 32 |
			(uint64_t)(decision->ttl_s < 1 << 24 ? decision->ttl_s : (1 << 24) - 1) << 8 | named,
	};

	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		atomic_store_explicit(&entry->word[i], words[i], memory_order_release);
	atomic_store_explicit(&row->head, head + 1, memory_order_release);
	row->sampled = answers;
	atomic_store_explicit(&row->sample_at,
		answers + 1 + (shift > 0 ? dice_below(&row->dice, (UINT64_C(2) << shift) - 1) : 0),
		memory_order_relaxed);
}

bool ledger_note(
	struct ledger_row *row, const struct service_plan *service, const struct decision *decision, uint32_t now_s)
{
	struct pair *pair = &row->pairs[service->first_override + decision->candidate];
	uint32_t expires_s = now_s + decision->ttl_s + LEDGER_WAY_S;
	uint64_t answers = atomic_load_explicit(&row->answers, memory_order_relaxed) + 1;

	atomic_store_explicit(
		&pair->answers, atomic_load_explicit(&pair->answers, memory_order_relaxed) + 1, memory_order_relaxed);
	raise_to(&pair->expires_s, expires_s);
	if (UNLIKELY(decision->kind == DECIDE_CNAME)) {
		raise_to(&row->slots[slot_of(row, decision)], expires_s);
	} else {
		for (uint32_t i = 0; i < decision->nendpoints; i++)
			raise_to(&row->slots[decision->endpoint[i]], expires_s);
	}
	atomic_store_explicit(&row->answers, answers, memory_order_relaxed);
	return answers >= atomic_load_explicit(&row->sample_at, memory_order_relaxed);
}

/* ---- sums ---- */

uint64_t ledger_answers(const struct ledger *ledger, uint32_t pair)
{
	uint64_t sum = ledger->base_answers[pair];

	for (unsigned i = 0; i < ledger->nrows; i++)
		sum += atomic_load_explicit(&ledger->rows[i].pairs[pair].answers, memory_order_relaxed);
	return sum;
}

static uint32_t later(uint32_t a, const _Atomic uint32_t *b)
{
	uint32_t is = atomic_load_explicit(b, memory_order_relaxed);

	return is > a ? is : a;
}

uint32_t ledger_pair_expires_s(const struct ledger *ledger, uint32_t pair)
{
	uint32_t latest_s = ledger->base_pairs_s[pair];

	for (unsigned i = 0; i < ledger->nrows; i++)
		latest_s = later(latest_s, &ledger->rows[i].pairs[pair].expires_s);
	return latest_s;
}

uint32_t ledger_slot_expires_s(const struct ledger *ledger, uint32_t slot)
{
	uint32_t latest_s = ledger->base_slots_s[slot];

	for (unsigned i = 0; i < ledger->nrows; i++)
		latest_s = later(latest_s, &ledger->rows[i].slots[slot]);
	return latest_s;
}

uint64_t ledger_noted(const struct ledger *ledger)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ledger->nrows; i++)
		sum += atomic_load_explicit(&ledger->rows[i].answers, memory_order_relaxed);
	return sum;
}

/* ---- over restarts and reloads ---- */

static void raise_base(uint32_t *latest_s, uint32_t expires_s)
{
	if (*latest_s < expires_s)
		*latest_s = expires_s;
}

void ledger_assume(struct ledger *ledger, uint32_t now_s)
{
	const struct snapshot *snapshot = ledger->snapshot;
	uint32_t *pool_s = mem_alloc((snapshot->npools + 1) * sizeof *pool_s);

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *service = &snapshot->services[i];
		uint32_t expires_s = now_s + service->ttl_max_s + LEDGER_WAY_S;

		for (uint32_t k = 0; k < service->list->n; k++) {
			raise_base(&ledger->base_pairs_s[service->first_override + k], expires_s);
			raise_base(&pool_s[service->list->candidate[k].pool], expires_s);
		}
	}
	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		raise_base(&ledger->base_slots_s[i], pool_s[snapshot->endpoints[i].pool]);
	for (uint32_t i = 0; i < snapshot->npools; i++)
		for (uint16_t k = 0; k < snapshot->pools[i].pool->ntargets; k++)
			raise_base(&ledger->base_slots_s[ledger_target_slot(
					   ledger, snapshot->pools[i].pool->targets[k].number)],
				pool_s[i]);
	free(pool_s);
}

/* Identities of the pairs or the slots of one snapshot, by number, and where they are: open addressing, made when it is needed. */
struct finder {
	uint32_t n;
	uint64_t *key;    /* 0: none */
	size_t nplaces;   /* a power of two; 0: not made yet */
	uint32_t *number; /* + 1; 0: free */
};

static void finder_init(struct finder *finder, uint32_t n)
{
	*finder = (struct finder){ .n = n, .key = mem_alloc((n + 1) * sizeof *finder->key) };
}

static void finder_fini(struct finder *finder)
{
	free(finder->key);
	free(finder->number);
}

static size_t finder_at(const struct finder *finder, uint64_t key)
{
	size_t at = key & (finder->nplaces - 1);

	while (finder->number[at] != 0 && finder->key[finder->number[at] - 1] != key)
		at = (at + 1) & (finder->nplaces - 1);
	return at;
}

static void finder_make(struct finder *finder)
{
	finder->nplaces = 16;
	while (finder->nplaces < finder->n * UINT64_C(2))
		finder->nplaces *= 2;
	finder->number = mem_alloc(finder->nplaces * sizeof *finder->number);
	for (uint32_t i = 0; i < finder->n; i++)
		if (finder->key[i] != 0)
			finder->number[finder_at(finder, finder->key[i])] = i + 1;
}

/* The number of what has this key; most reloads leave it as it was. */
static uint32_t finder_get(struct finder *finder, uint64_t key, uint32_t was)
{
	uint32_t number;

	if (key == 0)
		return LEDGER_NONE;
	if (was < finder->n && finder->key[was] == key)
		return was;
	if (finder->nplaces == 0)
		finder_make(finder);
	number = finder->number[finder_at(finder, key)];
	return number > 0 ? number - 1 : LEDGER_NONE;
}

/* A pool has an address once, so that the two tell an endpoint. */
static void name_slots(const struct ledger *ledger, uint64_t *key)
{
	const struct snapshot *snapshot = ledger->snapshot;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		key[i] = hash_mix(snapshot->endpoints[i].identity,
				 snapshot->pools[snapshot->endpoints[i].pool].identity) |
			 1;
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		const struct pool *pool = snapshot->pools[i].pool;

		for (uint16_t k = 0; k < pool->ntargets && pool->via_cname; k++) {
			const struct target *target = &pool->targets[k];

			key[ledger_target_slot(ledger, target->number)] =
				hash_mix(hash_bytes(1, target->name.wire, target->name.len),
					snapshot->pools[i].identity) |
				1;
		}
	}
}

static void name_pairs(const struct ledger *ledger, uint64_t *key)
{
	const struct snapshot *snapshot = ledger->snapshot;

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *service = &snapshot->services[i];

		for (uint32_t k = 0; k < service->list->n; k++)
			key[service->first_override + k] =
				hash_mix(
					service->identity, snapshot->pools[service->list->candidate[k].pool].identity) |
				1;
	}
}

/* What became of each pair or slot. */
static void map_all(const struct ledger *ledger, const struct ledger *before, uint32_t n, uint32_t nbefore,
	void (*name)(const struct ledger *ledger, uint64_t *key), uint32_t *map)
{
	struct finder finder;
	uint64_t *key = mem_alloc((nbefore + 1) * sizeof *key);

	finder_init(&finder, n);
	name(ledger, finder.key);
	name(before, key);
	for (uint32_t i = 0; i < nbefore; i++)
		map[i] = finder_get(&finder, key[i], i);
	finder_fini(&finder);
	free(key);
}

static void take_over(struct ledger *ledger, const struct ledger *before, const struct ledger_map *map)
{
	for (uint32_t i = 0; i < map->npairs; i++) {
		uint32_t to = map->pair[i];

		if (to == LEDGER_NONE)
			continue;
		ledger->base_answers[to] += ledger_answers(before, i);
		raise_base(&ledger->base_pairs_s[to], ledger_pair_expires_s(before, i));
	}
	for (uint32_t i = 0; i < map->nslots; i++)
		if (map->slot[i] != LEDGER_NONE)
			raise_base(&ledger->base_slots_s[map->slot[i]], ledger_slot_expires_s(before, i));
}

/* The names of a snapshot with another seed cannot be told from its identities: all may have been answered until now. */
static void carry_nothing(struct ledger *ledger, struct ledger_map *map)
{
	memset(map->pair, 0xff, map->npairs * sizeof *map->pair);
	memset(map->slot, 0xff, map->nslots * sizeof *map->slot);
	ledger_assume(ledger, (uint32_t)(clock_wall_ms() / 1000));
}

struct ledger_map *ledger_carry(struct ledger *ledger, const struct ledger *before)
{
	struct ledger_map *map = mem_alloc(sizeof *map);

	*map = (struct ledger_map){ .npairs = before->npairs, .nslots = before->nslots };
	map->pair = mem_alloc((map->npairs + 1) * sizeof *map->pair);
	map->slot = mem_alloc((map->nslots + 1) * sizeof *map->slot);
	if (memcmp(ledger->snapshot->seed, before->snapshot->seed, sizeof before->snapshot->seed) != 0) {
		carry_nothing(ledger, map);
		return map;
	}
	map_all(ledger, before, ledger->npairs, before->npairs, name_pairs, map->pair);
	map_all(ledger, before, ledger->nslots, before->nslots, name_slots, map->slot);
	take_over(ledger, before, map);
	return map;
}

void ledger_map_free(struct ledger_map *map)
{
	if (map == NULL)
		return;
	free(map->pair);
	free(map->slot);
	free(map);
}

/* ---- the rings, read ---- */

static void entry_read(const struct entry *from, struct ledger_entry *entry)
{
	uint64_t words[ENTRY_WORDS];
	uint8_t net[8];

	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		words[i] = atomic_load_explicit(&from->word[i], memory_order_acquire);
	memcpy(net, &words[4], sizeof net);
	*entry = (struct ledger_entry){
		.time_ms = words[0],
		.pair = (uint32_t)(words[1] >> 32),
		.slot = (uint32_t)words[1],
		.weight = (uint32_t)(words[5] >> 32),
		.ttl_s = (uint32_t)words[5] >> 8,
		.nnamed = (uint8_t)words[5],
		.family = net[7] & FLAG_V6 ? FAMILY_V6 : FAMILY_V4,
		.ecs = (net[7] & FLAG_ECS) != 0,
		.resolver.family = net[7] & FLAG_RESOLVER_V6 ? ADDR_V6 : ADDR_V4,
		.client.family = net[7] & FLAG_NET_V6 ? ADDR_V6 : ADDR_V4,
	};
	memcpy(entry->resolver.bytes, &words[2], 16);
	memcpy(entry->client.bytes, net, 7);
}

size_t ledger_take(struct ledger *ledger, unsigned number, struct ledger_entry *entries, size_t max, uint64_t *lost)
{
	struct ledger_row *row = &ledger->rows[number];
	uint64_t head = atomic_load_explicit(&row->head, memory_order_acquire), first = row->tail, sound;
	size_t n, gone = 0;

	if (head - first > LEDGER_RING_LEN)
		first = head - LEDGER_RING_LEN;
	n = head - first < max ? (size_t)(head - first) : max;
	for (size_t i = 0; i < n; i++)
		entry_read(&row->ring[(first + i) % LEDGER_RING_LEN], &entries[i]);
	/* what was overtaken meanwhile, and the one that may be written right now */
	head = atomic_load_explicit(&row->head, memory_order_relaxed);
	sound = head >= LEDGER_RING_LEN ? head - LEDGER_RING_LEN + 1 : 0;
	while (gone < n && first + gone < sound)
		gone++;
	memmove(entries, entries + gone, (n - gone) * sizeof *entries);
	*lost += first + gone - row->tail;
	row->tail = first + n;
	return n - gone;
}

void ledger_sample(struct ledger *ledger, unsigned shift)
{
	assert(shift <= SHIFT_MAX);
	for (unsigned i = 0; i < ledger->nrows; i++) {
		struct ledger_row *row = &ledger->rows[i];
		uint64_t answers = atomic_load_explicit(&row->answers, memory_order_relaxed);

		atomic_store_explicit(&row->shift, shift, memory_order_relaxed);
		/* drawn when more answers were to be let pass */
		if (atomic_load_explicit(&row->sample_at, memory_order_relaxed) > answers + (UINT64_C(2) << shift))
			atomic_store_explicit(&row->sample_at, 0, memory_order_relaxed);
	}
}
