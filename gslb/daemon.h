/* daemon - gslbd's main thread: what is in force, and how it changes. Every part it joins has a header of its own. */
#ifndef GSLB_DAEMON_H
#define GSLB_DAEMON_H

#include "gslb/conf.h"
#include "gslb/control.h"
#include "gslb/guard.h"
#include "gslb/loader.h"
#include "gslb/override.h"
#include "gslb/prober.h"
#include "gslb/worker.h"

enum { DAEMON_TICKETS_MAX = 64, DAEMON_ALARMS_MAX = 16 };

struct changes;

/* A world and what of it is owned by it alone. */
struct published {
	struct world world;
	struct snapshot *snapshot;
	struct overlay *overlay;
	_Atomic uint64_t *shares;
};

/* A database file as it was when it was read. */
struct file_stamp {
	int64_t modified_ns, len;
	uint64_t inode, path; /* path: its hash */
};

struct daemon {
	const char *conf_file;
	struct conf *conf;
	struct workers *workers;
	struct prober *prober;
	struct loader *loader;
	struct override_list *overrides;
	struct control *control;
	struct changes *changes;
	struct geo *geo; /* counted: snapshot_geo_ref */
	struct file_stamp geo_stamp[CONF_DATABASES_MAX];
	struct published *published;
	struct guard *guard;
	struct packet_identity identity;
	uint64_t name_seed, serial;
	uint8_t sticky_seed[16];
	uint64_t started_ms;                                        /* wall */
	uint64_t reloads, last_reload_ms;                           /* done; wall */
	char last_reload[1024];                                     /* its result as a sentence */
	char geo_alarm[1024], health_alarm[256], state_alarm[1024]; /* "" when there is none */
	uint64_t tickets[DAEMON_TICKETS_MAX];                       /* reloads asked for over the control socket */
	size_t ntickets;
	bool reload_wanted, watch_wanted, names_wanted, stop_wanted;
	uint64_t names_after_ms;   /* monotonic: not before, so that refreshes coalesce */
	uint64_t override_next_ms; /* wall: when an override ends or moves; 0: none */
	uint64_t counted[COUNTERS_N], counted_ms;
	double qps;
	int lock_fd;
};

/* Compile and put in force; true when it worked. set is taken over. */
bool daemon_publish(struct daemon *daemon, struct zone_set *set, struct err *err);
/* The overrides changed: the same snapshot under a new overlay. */
void daemon_publish_overlay(struct daemon *daemon);
/* Read configuration, databases and zones anew (all that changed). What cannot be read stays as it was. The result is the
 * document of `gslbctl reload`; *exit as gslbctl returns it. */
json_t *daemon_reload(struct daemon *daemon, int *exit);
/* The zones folder changed: zones alone. */
void daemon_watch(struct daemon *daemon);
/* Names resolved to something else: compile again. */
void daemon_names(struct daemon *daemon);
bool daemon_read_geo(struct daemon *daemon, bool *changed, struct err *err);
/* Put the configuration's cookie secrets and rate limit in force, in so far as they changed; before has the rate and the burst
 * that hold now, NULL at start. What cannot be read stays as it was. */
bool daemon_guard(struct daemon *daemon, const struct conf *conf, const struct conf *before, struct err *err);
/* Put the configuration's limits of TCP clients in force. */
void daemon_limits(struct daemon *daemon, const struct conf *conf);

/* commands.c: the table that control serves; the context is the daemon. */
extern const struct control_command daemon_commands[];

/* documents.c: what gslbctl shows. New references. */
json_t *document_status(const struct daemon *daemon);
json_t *document_services(const struct daemon *daemon);
json_t *document_pools(const struct daemon *daemon);
json_t *document_endpoints(const struct daemon *daemon);
json_t *document_overrides(const struct daemon *daemon);
json_t *document_stats(const struct daemon *daemon);
json_t *document_zones(const struct daemon *daemon);

/* changes.c: a log line for each change of an answer. */
struct changes *changes_new(void);
void changes_free(struct changes *changes);
/* Compare what is in service now with what was at the last call, and log it. */
void changes_look(struct changes *changes, const struct world *world, uint64_t now_ms);

#endif
