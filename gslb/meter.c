#include "gslb/meter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/learned.h"

enum { FILE_MAX = LATENCY_BYTES_MAX + (1 << 20), NETWORK_V4_BITS = 24, NETWORK_V6_BITS = 48 };

/* What was learned for one way of ordering. */
struct lesson {
	uint64_t hash;
	struct buf key;
	const struct geo *geo; /* that it was decided with; only compared */
	struct learned *learned;
	uint64_t version;
	bool wanted; /* by the snapshot that is made now, or last */
	struct lesson *next;
};

struct meter {
	pthread_mutex_t lock;
	struct latency_map *map;
	struct lesson *lessons; /* changed by the builder under the lock */
	uint64_t versions;
	_Atomic uint16_t explore_rate;
	/* the main thread's */
	struct meter_counts counts;
	uint64_t impossible_said_s;
};

struct meter *meter_new(size_t bytes_max)
{
	struct meter *meter = mem_alloc(sizeof(*meter));

	pthread_mutex_init(&meter->lock, NULL);
	meter->map = latency_map_new(bytes_max);
	return meter;
}

static void lesson_free(struct lesson *lesson)
{
	learned_free(lesson->learned);
	buf_fini(&lesson->key);
	free(lesson);
}

void meter_free(struct meter *meter)
{
	if (meter == NULL)
		return;
	while (meter->lessons != NULL) {
		struct lesson *next = meter->lessons->next;

		lesson_free(meter->lessons);
		meter->lessons = next;
	}
	latency_map_free(meter->map);
	pthread_mutex_destroy(&meter->lock);
	free(meter);
}

struct latency_map *meter_lock(struct meter *meter)
{
	pthread_mutex_lock(&meter->lock);
	return meter->map;
}

void meter_unlock(struct meter *meter)
{
	pthread_mutex_unlock(&meter->lock);
}

/* ---- samples ---- */

const struct pool *meter_region_pool(const struct snapshot *snapshot, const char *region)
{
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		const struct pool *pool = snapshot->pools[i].pool;

		if (pool->located && strcmp(pool->region, region) == 0)
			return pool;
	}
	return NULL;
}

static double pool_km(const struct pool *pool, const struct place *place)
{
	if (pool == NULL || !place->located)
		return -1;
	return geo_distance_km(place->latitude, place->longitude, pool->latitude, pool->longitude);
}

/* Where a network is: at its first address, as the tables have it. */
struct latency_chain meter_chain(const struct snapshot *snapshot, const struct addr *client, struct place *place)
{
	struct addr first;
	unsigned depth;

	if (!geo_unwrap(client, &first))
		first = *client;
	addr_mask(&first, first.family == ADDR_V4 ? NETWORK_V4_BITS : NETWORK_V6_BITS);
	snapshot_place(snapshot, &first, place, &depth);
	return latency_chain_of(&first, place);
}

static void count_taken(struct meter *meter, enum latency_taken taken, const struct latency_sample *sample,
	const struct place *place, const char *region, uint64_t now_s)
{
	char addr[ADDR_TEXT_MAX];

	switch (taken) {
	case LATENCY_TAKEN:
		meter->counts.taken++;
		return;
	case LATENCY_TOO_SOON:
		meter->counts.too_soon++;
		return;
	case LATENCY_IMPOSSIBLE:
		meter->counts.taken++;
		meter->counts.impossible++;
		break;
	}
	if (now_s == meter->impossible_said_s)
		return;
	meter->impossible_said_s = now_s; /* strangers cause it: once a second */
	log_notice("latency=impossible client=%s country=%s asn=%u region=%s rtt_ms=%.1f distance_km=%.0f "
		   "reason=\"sooner than light: "
		   "the geo database has it in the wrong place\"",
		addr_format(&sample->source, addr), place->country, place->asn, region, sample->rtt_ms, sample->km);
}

bool meter_take(struct meter *meter, const struct snapshot *snapshot, const struct prefix *client, const char *region,
	double rtt_ms, double weight, bool vouched, uint64_t now_s)
{
	struct latency_sample sample = {
		.source = client->addr, .rtt_ms = rtt_ms, .weight = weight, .vouched = vouched
	};
	enum latency_taken taken = LATENCY_TAKEN;
	const struct pool *pool = meter_region_pool(snapshot, region);
	struct place place;
	int number;

	sample.chain = meter_chain(snapshot, &client->addr, &place);
	sample.said_km = pool_km(pool, &place);
	pthread_mutex_lock(&meter->lock);
	misplaced_place(meter->map, sample.chain.key[LATENCY_METRO], &place.latitude, &place.longitude);
	sample.km = pool_km(pool, &place);
	number = latency_region_add(meter->map, region);
	if (number >= 0) {
		sample.region = (unsigned)number;
		taken = latency_add(meter->map, &sample, now_s);
	}
	pthread_mutex_unlock(&meter->lock);
	if (number < 0)
		meter->counts.refused++;
	else
		count_taken(meter, taken, &sample, &place, region, now_s);
	return number >= 0;
}

struct meter_counts meter_counts(const struct meter *meter)
{
	return meter->counts;
}

void meter_measured(struct meter *meter, const char *region, uint64_t now_s,
	void (*visit)(void *context, const struct prefix *net), void *context)
{
	int number;

	pthread_mutex_lock(&meter->lock);
	number = latency_region_find(meter->map, region);
	for (size_t i = 0; number >= 0 && i < latency_cells(meter->map); i++) {
		struct latency_cell cell;

		latency_cell_of(latency_key(meter->map, i), &cell);
		if (cell.level == LATENCY_NETWORK && latency_is_measured(meter->map, i, (unsigned)number, now_s))
			visit(context, &cell.net);
	}
	pthread_mutex_unlock(&meter->lock);
}

/* ---- lessons ---- */

static struct lesson *lesson_find(const struct meter *meter, uint64_t hash, const struct buf *key)
{
	struct lesson *lesson = meter->lessons;

	while (lesson != NULL && (lesson->hash != hash || lesson->key.len != key->len ||
					 memcmp(lesson->key.text, key->text, key->len) != 0))
		lesson = lesson->next;
	return lesson;
}

static struct lesson *lesson_new(struct meter *meter, uint64_t hash, const struct buf *key)
{
	struct lesson *lesson = mem_alloc(sizeof(*lesson));

	lesson->hash = hash;
	buf_add(&lesson->key, key->text, key->len);
	lesson->learned = learned_new();
	pthread_mutex_lock(&meter->lock);
	lesson->next = meter->lessons;
	meter->lessons = lesson;
	pthread_mutex_unlock(&meter->lock);
	return lesson;
}

const struct learned *meter_learned(struct meter *meter, const struct order_spec *spec, const struct buf *key,
	const struct geo *geo, enum meter_how how, uint64_t now_s, uint64_t *version)
{
	uint64_t hash = hash_bytes(0, key->text, key->len);
	struct lesson *lesson = lesson_find(meter, hash, key);
	bool first = lesson == NULL;

	if (first)
		lesson = lesson_new(meter, hash, key);
	lesson->wanted = lesson->wanted || how != METER_TRIAL;
	if (first || how == METER_ANEW || (how == METER_KNOWN && lesson->geo != geo)) {
		lesson->geo = geo;
		if (learned_decide(lesson->learned, spec, geo, meter, now_s))
			lesson->version = ++meter->versions;
	}
	*version = learned_networks(lesson->learned) + learned_metros(lesson->learned) +
					   learned_explored(lesson->learned) >
				   0
			   ? lesson->version
			   : 0;
	return lesson->learned;
}

uint64_t meter_changed_s(struct meter *meter, const struct latency_chain *chain)
{
	uint64_t last_s = 0;

	pthread_mutex_lock(&meter->lock);
	for (const struct lesson *lesson = meter->lessons; lesson != NULL; lesson = lesson->next) {
		uint64_t of_network_s = learned_changed_s(lesson->learned, chain->key[LATENCY_NETWORK]);
		uint64_t of_metro_s = learned_changed_s(lesson->learned, chain->key[LATENCY_METRO]);

		last_s = of_network_s > last_s ? of_network_s : last_s;
		last_s = of_metro_s > last_s ? of_metro_s : last_s;
	}
	pthread_mutex_unlock(&meter->lock);
	return last_s;
}

bool meter_explore(struct meter *meter, uint16_t rate)
{
	return atomic_exchange_explicit(&meter->explore_rate, rate, memory_order_relaxed) != rate;
}

uint16_t meter_explore_rate(const struct meter *meter)
{
	return atomic_load_explicit(&meter->explore_rate, memory_order_relaxed);
}

size_t meter_explored(struct meter *meter)
{
	size_t n = 0;

	pthread_mutex_lock(&meter->lock);
	for (const struct lesson *lesson = meter->lessons; lesson != NULL; lesson = lesson->next)
		n += learned_explored(lesson->learned);
	pthread_mutex_unlock(&meter->lock);
	return n;
}

void meter_next(struct meter *meter)
{
	struct lesson **at = &meter->lessons;

	pthread_mutex_lock(&meter->lock);
	while (*at != NULL) {
		struct lesson *lesson = *at;

		if (lesson->wanted) {
			lesson->wanted = false;
			at = &lesson->next;
			continue;
		}
		*at = lesson->next;
		lesson_free(lesson);
	}
	pthread_mutex_unlock(&meter->lock);
}

/* ---- the file ---- */

static void put_aside(const char *path)
{
	char *aside = mem_printf("%s.bad", path);

	if (rename(path, aside) != 0)
		log_warning("latency_map=%s state=not-put-aside", path);
	free(aside);
}

bool meter_load(struct meter *meter, const char *path, uint64_t now_s, struct err *err)
{
	struct err inner = { 0 };
	FILE *there = fopen(path, "re");
	char *bytes;
	size_t len;
	bool good;

	if (there == NULL)
		return true;
	fclose(there);
	if (!file_read(path, FILE_MAX, &bytes, &len, err))
		return false;
	pthread_mutex_lock(&meter->lock);
	good = latency_restore(meter->map, bytes, len, now_s, &inner);
	pthread_mutex_unlock(&meter->lock);
	free(bytes);
	if (good)
		return true;
	put_aside(path);
	return err_set(err, "%s: %s: latency is learned anew (the file is kept as latency.map.bad)", path, inner.text);
}

bool meter_save(struct meter *meter, const char *path, uint64_t now_s, struct err *err)
{
	struct buf bytes = { 0 };
	bool good;

	pthread_mutex_lock(&meter->lock);
	latency_sweep(meter->map, now_s);
	latency_save(meter->map, now_s, &bytes);
	pthread_mutex_unlock(&meter->lock);
	good = file_replace(path, bytes.text, bytes.len, 0640, err);
	buf_fini(&bytes);
	return good;
}

bool meter_merge(struct meter *meter, const char *path, const char *but, uint64_t now_s, struct err *err)
{
	struct err inner = { 0 };
	char *bytes;
	size_t len;
	bool good;

	if (!file_read(path, FILE_MAX, &bytes, &len, err))
		return false;
	pthread_mutex_lock(&meter->lock);
	good = latency_merge(meter->map, bytes, len, but, now_s, &inner);
	pthread_mutex_unlock(&meter->lock);
	free(bytes);
	return good || err_set(err, "%s: %s", path, inner.text);
}

bool meter_say(
	struct meter *meter, const char *region, size_t bytes_max, uint64_t now_s, size_t *cursor, struct buf *bytes)
{
	int number;

	pthread_mutex_lock(&meter->lock);
	number = latency_region_find(meter->map, region);
	if (number >= 0)
		*cursor = latency_save_some(meter->map, (unsigned)number, *cursor, bytes_max, now_s, bytes);
	pthread_mutex_unlock(&meter->lock);
	return number >= 0;
}

bool meter_hear(struct meter *meter, const char *region, const void *bytes, size_t len, uint64_t now_s, struct err *err)
{
	bool good;

	pthread_mutex_lock(&meter->lock);
	good = latency_merge_one(meter->map, bytes, len, region, now_s, err);
	pthread_mutex_unlock(&meter->lock);
	return good;
}
