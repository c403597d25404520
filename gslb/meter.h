/* meter - the daemon's latency map: who feeds it, who asks it, and where it is kept.
 *
 * The main thread takes samples in and shows them; the builder's thread decides what they mean for each way of ordering, while
 * a snapshot is compiled. They share the map under a lock that neither holds for long; workers never look at it. */
#ifndef GSLB_METER_H
#define GSLB_METER_H

#include <jansson.h>

#include "gslb/snapshot.h"

struct meter;
struct learned;
struct order_spec;

struct meter *meter_new(size_t bytes_max);
void meter_free(struct meter *meter); /* NULL is fine */

/* The map, until it is unlocked. */
struct latency_map *meter_lock(struct meter *meter);
void meter_unlock(struct meter *meter);

/* ---- taking samples in: main thread ---- */

struct meter_counts {
	uint64_t taken, too_soon, impossible, refused;
};

/* One measured round trip of a client or of all of a network. region: a name; false when there are too many regions, or the
 * address is not the Internet's. */
bool meter_take(struct meter *meter, const struct snapshot *snapshot, const struct prefix *client, const char *region,
	double rtt_ms, double weight, bool vouched, uint64_t now_s);
struct meter_counts meter_counts(const struct meter *meter);
/* Call it with the networks of which a region has samples enough. */
void meter_measured(struct meter *meter, const char *region, uint64_t now_s,
	void (*visit)(void *context, const struct prefix *net), void *context);
/* The cells of a client, and where its network is. */
struct latency_chain meter_chain(const struct snapshot *snapshot, const struct addr *client, struct place *place);
/* Where a region is: the first of its pools that says where it is. NULL: none does. */
const struct pool *meter_region_pool(const struct snapshot *snapshot, const char *region);
/* Look for metros that the geo database has in the wrong place (geo/misplaced.h), and log them; before orders are decided anew. */
void meter_look_for_moved(struct meter *meter, const struct snapshot *snapshot, uint64_t now_s);
/* When an order of its network or metro changed last, in seconds since 1970; 0: none was learned. */
uint64_t meter_changed_s(struct meter *meter, const struct latency_chain *chain);

/* ---- deciding: the builder's thread ---- */

enum meter_how {
	METER_KNOWN, /* what was decided holds; decided anew when it is asked for the first time, or with other geo data */
	METER_ANEW,
	METER_TRIAL, /* for a snapshot that will not be in force: leaves no trace in what was decided for others */
};
/* What was learned for one way of ordering, by its key (order_spec_key). *version changes with it; 0: nothing was learned. */
const struct learned *meter_learned(struct meter *meter, const struct order_spec *spec, const struct buf *key,
	const struct geo *geo, enum meter_how how, uint64_t now_s, uint64_t *version);
/* Of 65536 answers so many are to explore where a decision is open (explore.h), from the next look on; 0, as at first: none. Any
 * thread. True when that is new. */
bool meter_explore(struct meter *meter, uint16_t rate);
uint16_t meter_explore_rate(const struct meter *meter);
/* Begin another snapshot; and forget ways of ordering that the one before did not ask for. */
void meter_next(struct meter *meter);

/* ---- the file: any thread, one at a time ---- */

/* path: latency.map in the state folder. A file that is not there is an empty map; one that is damaged is put aside, with a
 * sentence. */
bool meter_load(struct meter *meter, const char *path, uint64_t now_s, struct err *err);
bool meter_save(struct meter *meter, const char *path, uint64_t now_s, struct err *err);

/* Take over what another host saved, but for a region (latency_merge). */
bool meter_merge(struct meter *meter, const char *path, const char *but, uint64_t now_s, struct err *err);

/* ---- between the regions of a fleet: main thread ---- */

/* Some of what our region measured, as bytes for the others, from *cursor on, which moves. False: there is nothing. */
bool meter_say(
	struct meter *meter, const char *region, size_t bytes_max, uint64_t now_s, size_t *cursor, struct buf *bytes);
/* What another region measured. */
bool meter_hear(
	struct meter *meter, const char *region, const void *bytes, size_t len, uint64_t now_s, struct err *err);

/* ---- showing: main thread ---- */

/* Cells that are explored, in all ways of ordering. */
size_t meter_explored(struct meter *meter);

/* What is known of a client's round trips, and what it means for each list of pools (latency_show.c). NULL with a sentence. */
json_t *meter_show(
	struct meter *meter, const struct snapshot *snapshot, const char *client, uint64_t now_s, struct err *err);
/* The metros that were moved, and why. */
json_t *meter_moved(struct meter *meter, const struct snapshot *snapshot);
/* The estimate for one pool, for explain: {"ms":…,"plus_minus_ms":…,"samples":…,"prior_ms":…}; NULL: its region has no samples. */
json_t *meter_pool(struct meter *meter, const struct snapshot *snapshot, const struct addr *client,
	const struct pool *pool, uint64_t now_s);

#endif
