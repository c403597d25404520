/* The order that is held and the one that the estimates make now are compared from their heads: at the first place at which they
 * differ somebody gains, and must do so surely. That keeps a whole order at rest, not only its leader. */
#include "gslb/learned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/meter.h"
#include "gslb/openings.h"

enum { LOOKED_AT = 64 }; /* cells, before others may have the lock */

/* An order of a cell, by its key. */
struct entry {
	uint64_t key;
	uint32_t changed_s;
	uint16_t order;
	uint16_t pass; /* in which its cell was seen last */
};

struct learned {
	struct entry *entries;
	size_t nentries, cap, nmetros;
	uint32_t *slots; /* hash table of entry + 1; 0: free */
	size_t nslots;
	struct order_set set;
	struct openings openings;
	uint16_t pass;
};

struct learned *learned_new(void)
{
	return mem_alloc(sizeof(struct learned));
}

static void learned_empty(struct learned *learned)
{
	free(learned->entries);
	free(learned->slots);
	order_set_fini(&learned->set);
	openings_fini(&learned->openings);
	*learned = (struct learned){ .pass = learned->pass };
}

void learned_free(struct learned *learned)
{
	if (learned == NULL)
		return;
	learned_empty(learned);
	free(learned);
}

size_t learned_metros(const struct learned *learned)
{
	return learned->nmetros;
}

size_t learned_networks(const struct learned *learned)
{
	return learned->nentries - learned->nmetros;
}

/* ---- entries ---- */

static bool is_metro(uint64_t key)
{
	struct latency_cell cell;

	latency_cell_of(key, &cell);
	return cell.level == LATENCY_METRO;
}

static uint32_t *slot_of(const struct learned *learned, uint64_t key)
{
	size_t at = hash_mix(key, 0x6c726e64) & (learned->nslots - 1);

	while (learned->slots[at] != 0 && learned->entries[learned->slots[at] - 1].key != key)
		at = (at + 1) & (learned->nslots - 1);
	return &learned->slots[at];
}

static struct entry *entry_find(const struct learned *learned, uint64_t key)
{
	uint32_t slot = learned->nslots > 0 && key != 0 ? *slot_of(learned, key) : 0;

	return slot != 0 ? &learned->entries[slot - 1] : NULL;
}

static void slots_renew(struct learned *learned, size_t nslots)
{
	free(learned->slots);
	learned->nslots = nslots;
	learned->slots = mem_alloc(nslots * sizeof(*learned->slots));
	for (size_t i = 0; i < learned->nentries; i++)
		*slot_of(learned, learned->entries[i].key) = (uint32_t)i + 1;
}

static struct entry *entry_add(struct learned *learned, uint64_t key)
{
	struct entry *entry;

	if (learned->nentries * 2 >= learned->nslots)
		slots_renew(learned, learned->nslots > 0 ? learned->nslots * 2 : 64);
	learned->entries = mem_grow(learned->entries, learned->nentries, &learned->cap, sizeof(*learned->entries));
	entry = &learned->entries[learned->nentries++];
	*entry = (struct entry){ .key = key };
	*slot_of(learned, key) = (uint32_t)learned->nentries;
	learned->nmetros += is_metro(key);
	return entry;
}

/* Forget those that this pass did not confirm. */
static bool drop_unseen(struct learned *learned)
{
	size_t kept = 0, before = learned->nentries;

	learned->nmetros = 0;
	for (size_t i = 0; i < before; i++) {
		if (learned->entries[i].pass != learned->pass)
			continue;
		learned->nmetros += is_metro(learned->entries[i].key);
		learned->entries[kept++] = learned->entries[i];
	}
	learned->nentries = kept;
	if (kept < before)
		slots_renew(learned, learned->nslots);
	return kept < before;
}

/* ---- deciding about one cell ---- */

struct deciding {
	struct learned *learned;
	const struct order_spec *spec;
	const struct geo *geo;
	const struct latency_map *map;
	uint64_t now_s;
	uint16_t explore_rate;
	int region[SERVICE_POOLS_MAX]; /* of the pool at each position; -1: nobody measured it */
	bool tells[SERVICE_POOLS_MAX]; /* it imports what it measures */
	bool changed;
};

/* What is decided about, and what is known of it by position. */
struct matter {
	uint64_t key;
	struct order base; /* by distance, or of the network's metro */
	struct order wanted;
	double km[SERVICE_POOLS_MAX];
	struct latency_estimate estimate[SERVICE_POOLS_MAX];
};

static const struct latency_estimate *estimate_of(
	const struct deciding *deciding, const struct matter *matter, uint8_t candidate)
{
	uint8_t at = 0;

	while (deciding->spec->pools[at].candidate != candidate)
		at++;
	return &matter->estimate[at];
}

static void estimate_all(const struct deciding *deciding, struct matter *matter, const struct latency_chain *chain,
	enum latency_level level, const struct place *place)
{
	order_distances(deciding->spec, place, matter->km);
	for (uint8_t i = 0; i < deciding->spec->npools; i++)
		latency_estimate(deciding->map, chain, level, deciding->region[i], matter->km[i], deciding->now_s,
			&matter->estimate[i]);
}

/* The order by what is expected. Whoever is not known well enough to lead stands behind the one that leads now, whatever its
 * distance lets hope. */
static void want(const struct deciding *deciding, struct matter *matter, const struct order *held)
{
	const struct latency_estimate *leader = estimate_of(deciding, matter, held->pool[0]);
	double ms[SERVICE_POOLS_MAX], behind = exp(leader->mean) * 1.11 + 5.01;

	for (uint8_t i = 0; i < deciding->spec->npools; i++) {
		const struct latency_estimate *estimate = &matter->estimate[i];

		ms[i] = exp(estimate->mean);
		if (estimate != leader &&
			(estimate->n < LATENCY_SAMPLES_MIN || estimate->sources < LATENCY_SOURCES_MIN))
			ms[i] = fmax(ms[i], behind);
	}
	order_by_latency(deciding->spec, matter->km, ms, &matter->wanted);
}

static bool begins(const struct order *order, unsigned at)
{
	return order->begins >> at & 1;
}

static unsigned group_end(const struct order *order, unsigned at)
{
	for (at++; at < order->npools && !begins(order, at);)
		at++;
	return at;
}

/* The pool that leads the group which ends before `at`, or goes on there. */
static uint8_t leader_before(const struct order *order, unsigned at)
{
	do
		at--;
	while (!begins(order, at));
	return order->pool[at];
}

/* A pool goes back into the group it was taken from when it is within half of what ties. */
static bool is_near(const struct latency_estimate *leader, const struct latency_estimate *other)
{
	double best = exp(leader->mean), cost = exp(other->mean);

	return leader->n >= LATENCY_SAMPLES_MIN && other->n >= LATENCY_SAMPLES_MIN &&
	       (cost <= best * 1.05 || cost <= best + 2.5);
}

static bool is_surely_better(const struct deciding *deciding, const struct matter *matter, const struct order *held)
{
	const struct order *wanted = &matter->wanted;
	const struct latency_estimate *present;
	unsigned at = 0;

	while (at < held->npools && held->pool[at] == wanted->pool[at] && begins(held, at) == begins(wanted, at))
		at++;
	if (at == held->npools)
		return false;
	present = estimate_of(deciding, matter, held->pool[at]);
	if (held->pool[at] != wanted->pool[at]) {
		/* any of those that tie with the one that is wanted here */
		for (unsigned i = at; i < group_end(wanted, at); i++)
			if (latency_lacks(present, estimate_of(deciding, matter, wanted->pool[i])) == 0)
				return true;
		return false;
	}
	if (begins(wanted, at)) /* it no longer ties with those before it */
		return latency_lacks(present, estimate_of(deciding, matter, leader_before(held, at))) == 0;
	return is_near(estimate_of(deciding, matter, leader_before(wanted, at)), present);
}

/* Has what the order stands on faded? */
static bool is_faded(const struct deciding *deciding, const struct matter *matter, const struct order *held)
{
	return estimate_of(deciding, matter, held->pool[0])->n < 1;
}

static void settle(struct deciding *deciding, struct matter *matter)
{
	struct learned *learned = deciding->learned;
	struct entry *entry = entry_find(learned, matter->key);
	const struct order *held = entry != NULL ? &learned->set.orders[entry->order] : &matter->base;
	bool rested = entry == NULL || entry->changed_s + LATENCY_REST_S <= deciding->now_s;
	bool own = !order_equal(held, &matter->base);

	if (own && is_faded(deciding, matter, held))
		return; /* it is not confirmed */
	want(deciding, matter, held);
	if (rested && is_surely_better(deciding, matter, held)) {
		uint16_t order = order_set_add(&learned->set, &matter->wanted);

		entry = entry != NULL ? entry : entry_add(learned, matter->key);
		entry->order = order;
		entry->changed_s = (uint32_t)deciding->now_s;
		entry->pass = learned->pass;
		deciding->changed = true;
	} else if (entry != NULL && (own || !rested)) {
		entry->pass = learned->pass;
	}
}

/* Where the geo database has them wrong, distance counts from where they are: they have an order of their own, whatever else is known. */
static void hold_moved(struct deciding *deciding, const struct matter *matter)
{
	struct learned *learned = deciding->learned;
	struct entry *entry = entry_find(learned, matter->key);
	bool held = entry != NULL && !is_faded(deciding, matter, &learned->set.orders[entry->order]);

	if (!held && (entry == NULL || !order_equal(&learned->set.orders[entry->order], &matter->base))) {
		uint16_t order = order_set_add(&learned->set, &matter->base);

		entry = entry != NULL ? entry : entry_add(learned, matter->key);
		entry->order = order;
		entry->changed_s = (uint32_t)deciding->now_s;
		deciding->changed = true;
	}
	entry->pass = learned->pass;
}

/* ---- exploring ---- */

static bool ties_with_first(const struct order *order, uint8_t candidate)
{
	for (unsigned i = 0; i < group_end(order, 0); i++)
		if (order->pool[i] == candidate)
			return true;
	return false;
}

/* Is the cell's decision open? Then the best of those that might be better is explored. */
static void look_open(struct deciding *deciding, const struct matter *matter)
{
	struct learned *learned = deciding->learned;
	const struct entry *entry = entry_find(learned, matter->key);
	const struct order *held = entry != NULL ? &learned->set.orders[entry->order] : &matter->base;
	const struct latency_estimate *leader = estimate_of(deciding, matter, held->pool[0]), *best = NULL;
	uint8_t candidate = 0;

	for (uint8_t i = 0; i < deciding->spec->npools; i++) {
		const struct latency_estimate *estimate = &matter->estimate[i];

		if (!deciding->tells[i] || ties_with_first(held, deciding->spec->pools[i].candidate) ||
			!openings_worth(leader, estimate) || (best != NULL && best->mean <= estimate->mean))
			continue;
		best = estimate;
		candidate = deciding->spec->pools[i].candidate;
	}
	if (best != NULL && openings_confirm(&learned->openings, matter->key, candidate, best->n,
				    deciding->explore_rate, learned->pass, deciding->now_s))
		deciding->changed = true;
}

static void decide_metro(struct deciding *deciding, uint64_t key)
{
	struct latency_chain chain = latency_chain_of_metro(key);
	struct matter matter = { .key = key };
	struct latency_cell cell;
	struct place place = { 0 };
	double km[SERVICE_POOLS_MAX];
	bool moved;

	latency_cell_of(key, &cell);
	place.located = cell.located;
	place.latitude = cell.latitude;
	place.longitude = cell.longitude;
	moved = misplaced_place(deciding->map, key, &place.latitude, &place.longitude);
	order_distances(deciding->spec, &place, km);
	order_by_latency(deciding->spec, km, NULL, &matter.base);
	estimate_all(deciding, &matter, &chain, LATENCY_METRO, &place);
	if (moved)
		hold_moved(deciding, &matter);
	settle(deciding, &matter);
	if (deciding->explore_rate > 0)
		look_open(deciding, &matter);
}

/* Where all of a network is. False: in several places. */
static bool locate(const struct geo *geo, const struct prefix *net, struct place *place)
{
	unsigned depth;

	geo_locate(geo, &net->addr, place, &depth);
	return depth <= net->len;
}

static void decide_network(struct deciding *deciding, uint64_t key)
{
	struct matter matter = { .key = key };
	struct latency_chain chain;
	struct latency_cell cell;
	struct place place;

	latency_cell_of(key, &cell);
	if (!locate(deciding->geo, &cell.net, &place) || order_is_ruled(deciding->spec, &place))
		return;
	chain = latency_chain_of(&cell.net.addr, &place);
	if (!learned_at(deciding->learned, &place, &matter.base))
		order_at(deciding->spec, &place, &matter.base);
	misplaced_place(deciding->map, chain.key[LATENCY_METRO], &place.latitude, &place.longitude);
	estimate_all(deciding, &matter, &chain, LATENCY_NETWORK, &place);
	settle(deciding, &matter);
	if (deciding->explore_rate > 0 && entry_find(deciding->learned, key) != NULL)
		look_open(deciding, &matter);
}

/* ---- all of them ---- */

static void decide_level(struct deciding *deciding, struct meter *meter, enum latency_level level)
{
	size_t at = 0, ncells = 1;

	while (at < ncells) {
		deciding->map = meter_lock(meter);
		ncells = latency_cells(deciding->map);
		for (unsigned i = 0; i < LOOKED_AT && at < ncells; i++, at++) {
			uint64_t key = latency_key(deciding->map, at);
			struct latency_cell cell;

			latency_cell_of(key, &cell);
			if (cell.level != level || (entry_find(deciding->learned, key) == NULL &&
							   !latency_is_known(deciding->map, at, deciding->now_s)))
				continue;
			if (level == LATENCY_METRO)
				decide_metro(deciding, key);
			else
				decide_network(deciding, key);
		}
		meter_unlock(meter);
	}
}

/* Metros that were moved, and of which nothing else is known. */
static void decide_moved(struct deciding *deciding, struct meter *meter)
{
	const struct misplaced_list *list;

	deciding->map = meter_lock(meter);
	list = misplaced_of(deciding->map);
	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = entry_find(deciding->learned, list->metros[i].key);

		if (list->metros[i].moved_s != 0 && (entry == NULL || entry->pass != deciding->learned->pass))
			decide_metro(deciding, list->metros[i].key);
	}
	meter_unlock(meter);
}

bool learned_decide(struct learned *learned, const struct order_spec *spec, const struct geo *geo, struct meter *meter,
	uint64_t now_s)
{
	struct deciding deciding = { .learned = learned, .spec = spec, .geo = geo, .now_s = now_s };
	const struct latency_map *map = meter_lock(meter);

	deciding.explore_rate = meter_explore_rate(meter);
	for (uint8_t i = 0; i < spec->npools; i++) {
		deciding.region[i] = latency_region_find(map, spec->pools[i].region);
		deciding.tells[i] = deciding.region[i] >= 0 &&
				    latency_vouched_s(map, (unsigned)deciding.region[i]) + OPENINGS_TELLS_S >= now_s;
	}
	learned->pass++;
	if (learned->set.full) { /* of more orders than there can be: begin anew */
		learned_empty(learned);
		deciding.changed = true;
	}
	meter_unlock(meter);
	decide_level(&deciding, meter, LATENCY_METRO); /* which networks differ from, if they do */
	decide_moved(&deciding, meter);
	decide_level(&deciding, meter, LATENCY_NETWORK);
	meter_lock(meter);
	deciding.changed = drop_unseen(learned) || deciding.changed;
	deciding.changed = openings_close(&learned->openings, learned->pass, now_s) || deciding.changed;
	meter_unlock(meter);
	return deciding.changed;
}

/* ---- asking ---- */

bool learned_at(const struct learned *learned, const struct place *place, struct order *order)
{
	struct latency_chain chain;
	const struct entry *entry;

	if (learned->nmetros == 0)
		return false;
	chain = latency_chain_of(&(struct addr){ .family = ADDR_V4 }, place);
	entry = entry_find(learned, chain.key[LATENCY_METRO]);
	if (entry != NULL)
		*order = learned->set.orders[entry->order];
	return entry != NULL;
}

size_t learned_explored(const struct learned *learned)
{
	return learned->openings.nexplored;
}

static void explore_cell(const struct learned *learned, uint64_t key, struct order *order)
{
	const struct opening *opening = openings_find(&learned->openings, key);

	if (opening != NULL)
		order_explore(order, opening->candidate, opening->rate);
}

void learned_explore(const struct learned *learned, const struct place *place, struct order *order)
{
	struct latency_chain chain;

	if (learned->openings.nexplored == 0)
		return;
	chain = latency_chain_of(&(struct addr){ .family = ADDR_V4 }, place);
	explore_cell(learned, chain.key[LATENCY_METRO], order);
}

uint64_t learned_changed_s(const struct learned *learned, uint64_t key)
{
	const struct entry *entry = entry_find(learned, key);

	return entry != NULL ? entry->changed_s : 0;
}

size_t learned_nets(const struct learned *learned, const struct order_spec *spec, const struct geo *geo,
	struct order_set *set, struct geo_overlay *nets)
{
	size_t n = 0;

	for (size_t i = 0; i < learned->nentries; i++) {
		const struct entry *entry = &learned->entries[i];
		struct order order = learned->set.orders[entry->order];
		struct latency_cell cell;
		struct place place;

		latency_cell_of(entry->key, &cell);
		if (cell.level != LATENCY_NETWORK || !locate(geo, &cell.net, &place) ||
			order_is_net_ruled(spec, &cell.net) || order_is_ruled(spec, &place))
			continue;
		order_fit(spec, &order);
		explore_cell(learned, entry->key, &order);
		nets[n++] = (struct geo_overlay){ .net = cell.net, .class = order_set_add(set, &order) };
	}
	return n;
}
