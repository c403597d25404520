/* Visits lie in an array in order of arrival, and a table of their places finds them, as in recent. Services are numbered as they come;
 * numbers that nothing has any more go when visits are left out. */
#include "gslb/audience.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 600000, CAP_FIRST = 1024, EXPONENTS = 256, UNKNOWN = 0xffffffff };

struct audience {
	size_t max;
	/* by place */
	struct visit *visits;
	size_t nvisits, cap; /* cap is a power of two; the table is twice as long */
	uint32_t *table;     /* place + 1; 0: free */
	/* services: names one behind the other, each with a NUL */
	struct buf names;
	uint32_t *name_at; /* by number: where its name is */
	size_t nnames, name_cap;
	uint32_t *name_table; /* number + 1; 0: free; as long as the other table */
	/* what the snapshot's pairs are called here */
	uint64_t serial;
	uint32_t npairs, *of_pair; /* UNKNOWN: not looked up yet */
	uint64_t cursor, missed, swept_ms, shuffles;
};

struct audience *audience_new(size_t max)
{
	struct audience *audience = mem_alloc(sizeof *audience);

	audience->max = max;
	audience->cap = CAP_FIRST;
	audience->visits = mem_alloc(audience->cap * sizeof *audience->visits);
	audience->table = mem_alloc(2 * audience->cap * sizeof *audience->table);
	audience->name_table = mem_alloc(2 * audience->cap * sizeof *audience->name_table);
	return audience;
}

void audience_free(struct audience *audience)
{
	if (audience == NULL)
		return;
	free(audience->visits);
	free(audience->table);
	buf_fini(&audience->names);
	free(audience->name_at);
	free(audience->name_table);
	free(audience->of_pair);
	free(audience);
}

struct audience *audience_copy(const struct audience *audience)
{
	struct audience *copy = mem_dup(audience, sizeof *audience);

	copy->visits = mem_dup(audience->visits, audience->cap * sizeof *audience->visits);
	copy->table = mem_dup(audience->table, 2 * audience->cap * sizeof *audience->table);
	copy->name_table = mem_dup(audience->name_table, 2 * audience->cap * sizeof *audience->name_table);
	copy->name_cap = audience->nnames + 1;
	copy->name_at = mem_alloc(copy->name_cap * sizeof *copy->name_at);
	if (audience->nnames > 0)
		memcpy(copy->name_at, audience->name_at, audience->nnames * sizeof *copy->name_at);
	copy->names = (struct buf){ 0 };
	buf_add(&copy->names, audience->names.text, audience->names.len);
	copy->of_pair = NULL;
	copy->npairs = 0;
	copy->serial = 0;
	return copy;
}

/* ---- services by name ---- */

static uint32_t *find_name(const struct audience *audience, const char *name)
{
	size_t mask = 2 * audience->cap - 1, at = hash_bytes(1, name, strlen(name)) & mask;

	while (audience->name_table[at] != 0 &&
		strcmp(audience_service(audience, audience->name_table[at] - 1), name) != 0)
		at = (at + 1) & mask;
	return &audience->name_table[at];
}

/* Its number, which it gets when it has none. */
static uint32_t number_of(struct audience *audience, const char *name)
{
	uint32_t *place = find_name(audience, name);

	if (*place == 0) {
		audience->name_at =
			mem_grow(audience->name_at, audience->nnames, &audience->name_cap, sizeof *audience->name_at);
		audience->name_at[audience->nnames] = (uint32_t)audience->names.len;
		buf_add(&audience->names, name, strlen(name) + 1);
		*place = (uint32_t)++audience->nnames;
	}
	return *place - 1;
}

const char *audience_service(const struct audience *audience, uint32_t number)
{
	return audience->names.text + audience->name_at[number];
}

/* ---- visits ---- */

static bool same(const struct visit *a, const struct visit *b)
{
	return a->service == b->service && a->family == b->family && a->net.len == b->net.len &&
	       addr_equal(&a->net.addr, &b->net.addr);
}

/* Its place, or where it would be. */
static uint32_t *find(const struct audience *audience, const struct visit *visit)
{
	size_t mask = 2 * audience->cap - 1, at;
	uint64_t word;

	memcpy(&word, visit->net.addr.bytes, sizeof word);
	at = hash_mix(hash_mix(word, visit->net.addr.family * 256u + visit->net.len),
		     (uint64_t)visit->service << 1 | (visit->family == FAMILY_V6)) &
	     mask;
	while (audience->table[at] != 0 && !same(&audience->visits[audience->table[at] - 1], visit))
		at = (at + 1) & mask;
	return &audience->table[at];
}

static void index_again(struct audience *audience)
{
	memset(audience->table, 0, 2 * audience->cap * sizeof *audience->table);
	for (size_t i = 0; i < audience->nvisits; i++)
		*find(audience, &audience->visits[i]) = (uint32_t)i + 1;
}

/* Number the services that are left anew. */
static void name_again(struct audience *audience)
{
	struct buf names = audience->names;
	uint32_t *at = audience->name_at;

	audience->names = (struct buf){ 0 };
	audience->name_at = NULL;
	audience->nnames = audience->name_cap = 0;
	memset(audience->name_table, 0, 2 * audience->cap * sizeof *audience->name_table);
	for (size_t i = 0; i < audience->nvisits; i++)
		audience->visits[i].service = number_of(audience, names.text + at[audience->visits[i].service]);
	buf_fini(&names);
	free(at);
	audience->serial = 0;
}

/* Leave out those that weigh nothing any more. */
static void close_up(struct audience *audience)
{
	size_t kept = 0;

	for (size_t i = 0; i < audience->nvisits; i++)
		if (audience->visits[i].weight > 0)
			audience->visits[kept++] = audience->visits[i];
	if (kept == audience->nvisits)
		return;
	audience->nvisits = kept;
	audience->shuffles++;
	name_again(audience);
	index_again(audience);
}

static unsigned exponent_of(float weight)
{
	int exponent;

	frexpf(weight, &exponent);
	exponent += EXPONENTS / 2;
	return exponent < 0 ? 0 : exponent >= EXPONENTS ? EXPONENTS - 1 : (unsigned)exponent;
}

/* Leave out the lightest quarter; of those that weigh about the same, who came first. */
static void make_room(struct audience *audience)
{
	size_t of[EXPONENTS] = { 0 }, left = audience->nvisits / 4 + 1;
	unsigned most = 0;

	for (size_t i = 0; i < audience->nvisits; i++)
		of[exponent_of(audience->visits[i].weight)]++;
	for (; of[most] < left; most++)
		left -= of[most];
	for (size_t i = 0; i < audience->nvisits; i++) {
		unsigned exponent = exponent_of(audience->visits[i].weight);

		if (exponent < most || (exponent == most && left > 0 && left-- > 0))
			audience->visits[i].weight = 0;
	}
	close_up(audience);
}

static void grow(struct audience *audience)
{
	size_t cap = 2 * audience->cap;

	audience->visits = mem_resize(audience->visits, cap * sizeof *audience->visits);
	free(audience->table);
	free(audience->name_table);
	audience->table = mem_alloc(2 * cap * sizeof *audience->table);
	audience->name_table = mem_alloc(2 * cap * sizeof *audience->name_table);
	audience->cap = cap;
	name_again(audience);
	index_again(audience);
}

void audience_add(struct audience *audience, const struct visit *visit, const char *service)
{
	struct visit added = *visit;
	uint32_t *place;

	if (audience->nvisits == audience->max)
		make_room(audience);
	if (audience->nvisits == audience->cap || audience->nnames == audience->cap)
		grow(audience);
	added.service = number_of(audience, service);
	place = find(audience, &added);
	if (*place == 0) {
		audience->visits[audience->nvisits] = added;
		*place = (uint32_t)++audience->nvisits;
		return;
	}
	audience->visits[*place - 1].weight += added.weight;
	if (added.last_s > audience->visits[*place - 1].last_s)
		audience->visits[*place - 1].last_s = added.last_s;
}

size_t audience_visits(const struct audience *audience, const struct visit **visits)
{
	*visits = audience->visits;
	return audience->nvisits;
}

uint64_t audience_shuffles(const struct audience *audience)
{
	return audience->shuffles;
}

/* ---- taking ---- */

void audience_age(struct audience *audience, uint64_t elapsed_s, uint64_t now_ms)
{
	float left = (float)exp2(-(double)elapsed_s / AUDIENCE_HALF_S);
	uint64_t now_s = now_ms / 1000;

	for (size_t i = 0; i < audience->nvisits; i++) {
		struct visit *visit = &audience->visits[i];

		visit->weight *= (uint64_t)visit->last_s + AUDIENCE_HORIZON_S < now_s ? 0 : left;
	}
	close_up(audience);
}

static void sweep(struct audience *audience, uint64_t now_ms)
{
	if (audience->swept_ms == 0 || now_ms < audience->swept_ms) /* the first time, or the clock was set */
		audience->swept_ms = now_ms;
	if (now_ms < audience->swept_ms + SWEEP_MS)
		return;
	audience_age(audience, (now_ms - audience->swept_ms) / 1000, now_ms);
	audience->swept_ms = now_ms;
}

static void begin(struct audience *audience, const struct snapshot *snapshot)
{
	if (audience->serial == snapshot->serial)
		return;
	audience->serial = snapshot->serial;
	audience->npairs = snapshot->nservice_pools;
	free(audience->of_pair);
	audience->of_pair = mem_resize(NULL, (audience->npairs + 1) * sizeof *audience->of_pair);
	memset(audience->of_pair, 0xff, audience->npairs * sizeof *audience->of_pair);
}

/* Services have their pairs one behind the other. */
static const struct service_plan *service_of(const struct snapshot *snapshot, uint32_t pair)
{
	uint32_t low = 0, high = snapshot->nservices;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (snapshot->services[middle].first_override <= pair)
			low = middle;
		else
			high = middle;
	}
	return &snapshot->services[low];
}

/* The service of a pair; its name is looked up once a snapshot. */
static void take_one(struct audience *audience, const struct snapshot *snapshot, const struct ledger_entry *entry)
{
	struct visit visit = {
		.net = { entry->client, entry->client.family == ADDR_V6 ? LEDGER_NET_V6 : LEDGER_NET_V4 },
		.family = entry->family,
		.last_s = (uint32_t)(entry->time_ms / 1000),
		.weight = (float)entry->weight,
	};
	char owner[NAME_TEXT_MAX];
	uint32_t number;

	begin(audience, snapshot); /* adding may have numbered services anew */
	if (entry->pair >= audience->npairs)
		return;
	number = audience->of_pair[entry->pair];
	if (number != UNKNOWN) {
		strcpy(owner, audience_service(audience, number));
	} else {
		name_format(&service_of(snapshot, entry->pair)->service->owner, owner);
	}
	audience_add(audience, &visit, owner);
	if (number == UNKNOWN && audience->serial == snapshot->serial)
		audience->of_pair[entry->pair] = number_of(audience, owner);
}

void audience_take(
	struct audience *audience, const struct recent *recent, const struct snapshot *snapshot, uint64_t now_ms)
{
	struct ledger_entry entry;

	while (recent_read(recent, &audience->cursor, &entry, &audience->missed))
		take_one(audience, snapshot, &entry);
	sweep(audience, now_ms);
}
