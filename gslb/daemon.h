/* daemon - gslbd's main thread: what is in force, and how it changes. Every part it joins has a header of its own. */
#ifndef GSLB_DAEMON_H
#define GSLB_DAEMON_H

#include "base/control.h"
#include "gslb/builder.h"
#include "gslb/capacity.h"
#include "gslb/conf.h"
#include "gslb/drain.h"
#include "gslb/guard.h"
#include "gslb/herald.h"
#include "gslb/hits.h"
#include "gslb/http.h"
#include "gslb/ledger.h"
#include "gslb/load.h"
#include "gslb/meter.h"
#include "gslb/override.h"
#include "gslb/prober.h"
#include "gslb/recent.h"
#include "gslb/tallies.h"
#include "gslb/worker.h"

/* tickets: fewer than the control socket has places, so that reloads that wait keep nobody out */
enum { DAEMON_TICKETS_MAX = 64, DAEMON_ALARMS_MAX = 16 };

#define PUSH_FOR_MAX_MS (UINT64_C(366) * 86400000)

struct changes;
struct drills;
struct fleet;
struct planner;

/* A snapshot in service and what is counted for it; what is published holds it. */
struct stock {
	struct snapshot *snapshot;
	struct ledger *ledger;
	struct tallies *tallies;
	unsigned nholders;
};

/* A world and what of it is owned by it alone. */
struct published {
	struct world world;
	struct snapshot *snapshot; /* stock's */
	struct stock *stock;
	struct overlay *overlay;
	struct split *split;
	struct ledger *ledger; /* stock's */
	unsigned
		nholders; /* the daemon while it is in force, and who looks at it for longer than a turn: daemon_hold */
};

struct daemon {
	const char *conf_file;
	struct conf *conf;
	struct workers *workers;
	struct prober *prober;
	struct builder *builder;
	struct meter *meter;
	struct zones_view *zones; /* as the last build left them */
	struct override_list *overrides;
	struct control *control;
	struct http *http; /* NULL: none */
	struct changes *changes;
	struct herald *herald; /* NULL: there is no gslb-relay to tell */
	struct fleet *fleet;   /* NULL: there is no gslb-relay */
	struct hits hits;
	struct recent *recent; /* answers */
	struct loads *loads;   /* of pools, as they were reported */
	struct audience *audience;
	struct planner *planner;
	uint64_t audience_next_ms; /* monotonic: when it is kept again */
	struct capacity *capacity;
	struct drain_marks *marks;
	uint64_t marks_next_ms; /* wall: when a gradual drain will be whole; 0: none */
	struct drills *drills;
	struct published *published;
	struct guard *guard;
	struct packet_identity identity;
	uint64_t name_seed, serial;
	uint8_t sticky_seed[16];
	uint64_t started_ms;                                        /* wall */
	uint64_t reloads, last_reload_ms;                           /* done; wall */
	char last_reload[1024];                                     /* its result as a sentence */
	char geo_alarm[1024], health_alarm[256], state_alarm[1024]; /* "" when there is none */
	/* reloads asked for over the control socket: those that wait for one to begin, and those that the one under way answers */
	uint64_t tickets[DAEMON_TICKETS_MAX], begun[DAEMON_TICKETS_MAX];
	size_t ntickets, nbegun;
	bool reload_wanted, watch_wanted, names_wanted, latency_wanted, stop_wanted;
	uint64_t build_began_ms;   /* monotonic */
	bool plan_passed;          /* one that is ready has waited for files */
	uint64_t rest_until_ms;    /* monotonic: files are not read again before */
	uint64_t latency_next_ms;  /* monotonic: when what was measured is looked at again */
	uint64_t names_after_ms;   /* monotonic: not before, so that refreshes coalesce */
	uint64_t override_next_ms; /* wall: when an override ends or moves; 0: none */
	uint64_t counted[COUNTERS_N], counted_ms;
	double qps;
	int lock_fd;
};

/* Read everything and put it in force, before anything is served. False when there is nothing to serve. */
bool daemon_load(struct daemon *daemon, struct err *err);
/* Begin to read and compile aside what changed. */
void daemon_begin(struct daemon *daemon, enum build_kind kind);
/* A build is done: put in force what came of it. What could not be read stays as it was. For a reload the result is the document of
 * `gslbctl reload`, and *exit as gslbctl returns it; else NULL. */
json_t *daemon_finish(struct daemon *daemon, struct build *build, int *exit);
/* The overrides changed: the same snapshot under a new overlay. */
void daemon_publish_overlay(struct daemon *daemon);
/* Keep what is in force now, as it is, until it is let go: for who shows it in pieces. What resolved names point to may go all the
 * same: endpoint_standing and what asks it is for what is in force alone. */
struct published *daemon_hold(struct daemon *daemon);
void daemon_let_go(struct daemon *daemon, struct published *published);
/* Put the configuration's cookie secrets and rate limit in force, in so far as they changed; before has the rate and the burst
 * that hold now, NULL at start. What cannot be read stays as it was. */
bool daemon_guard(struct daemon *daemon, const struct conf *conf, const struct conf *before, struct err *err);
/* Put the configuration's limits of TCP clients in force. */
void daemon_limits(struct daemon *daemon, const struct conf *conf);

/* push.c: an endpoint's state, told by its owner. for_ms 0: three of its pool's intervals. */
enum push_verdict {
	PUSH_TAKEN,
	PUSH_MALFORMED,
	PUSH_UNKNOWN,   /* no such pool or endpoint */
	PUSH_NOT_ASKED, /* the pool's check is another */
	PUSH_NOT_NOW,   /* gslb-health cannot take it */
};
enum push_verdict daemon_push(struct daemon *daemon, const char *endpoint, const char *state, uint64_t for_ms,
	json_t **result, struct err *err);

/* The load of a pool with load=push, or of one of its endpoints ("eu", "eu/lb1"): a number. for_ms 0: LOAD_STALE_MS. */
enum push_verdict daemon_push_load(struct daemon *daemon, const char *target, const char *number, uint64_t for_ms,
	json_t **result, struct err *err);

/* spilling.c: take in what was answered, and every ten seconds look who is to be sent elsewhere. Call once a second. */
void daemon_look_at_capacity(struct daemon *daemon, uint64_t now_ms);

/* commands.c: the table that control serves; the context is the daemon. */
extern const struct control_command daemon_commands[];

/* documents.c: what gslbctl shows. New references. */
json_t *document_alarms(const struct daemon *daemon); /* alarms.c: a list of sentences */
json_t *document_status(const struct daemon *daemon);
json_t *document_services(const struct daemon *daemon);
json_t *document_pools(const struct daemon *daemon);
json_t *document_load(const struct daemon *daemon, const struct pool *pool, uint64_t now_ms); /* loads.c; null: none */
json_t *document_endpoints(const struct daemon *daemon);
json_t *document_endpoint(const struct world *world, uint32_t number, const struct standing *standing, uint64_t now_ms);
json_t *document_overrides(const struct daemon *daemon);
json_t *document_stats(const struct daemon *daemon);
json_t *document_zones(const struct daemon *daemon);

/* changes.c: a log line for each change of an answer; and gslb-relay hears of the names that must not be answered from caches any more. */
struct changes *changes_new(struct herald *herald); /* who is told of them, too; may be NULL */
void changes_free(struct changes *changes);
/* Compare what is in service now with what was at the last call, and log it. */
void changes_look(struct changes *changes, const struct world *world, uint64_t now_ms);

#endif
