/* builder - what is served is made aside: configuration, databases and zones are read and compiled in a thread of its own, one
 * build at a time, so that the main thread never waits for a file. The thread owns the loader, the databases and every count of
 * references: only it makes and frees snapshots. The main thread hands an order in, and takes what came of it. */
#ifndef GSLB_BUILDER_H
#define GSLB_BUILDER_H

#include "gslb/audience.h"
#include "gslb/conf.h"
#include "gslb/edits.h"
#include "gslb/ledger.h"
#include "gslb/loader.h"
#include "gslb/snapshot.h"

struct builder;

enum build_kind {
	BUILD_START,  /* all, and last good copies may stand in */
	BUILD_RELOAD, /* configuration, databases and zones, so far as they changed */
	BUILD_WATCH,  /* databases and zones; a zone whose file is gone stays */
	BUILD_NAMES,  /* the same zones, for names that resolved to something else */
	BUILD_ASIDE,  /* nothing: order.aside runs, and the build says that it has */
	BUILD_LATENCY, /* the same zones, for what round trips were measured; without a snapshot when they change nothing */
};

/* What runs in the builder's thread, where snapshots are made and freed; while it does, none is put in force. */
struct build_aside {
	void (*run)(void *context, struct geo *geo, uint64_t name_seed);
	void *context;
};

struct build_order {
	enum build_kind kind;
	bool names;                    /* names resolved anew: compile even if no file changed */
	const struct conf *conf;       /* in force; stays until the build is taken */
	const struct snapshot *before; /* in force, or NULL */
	struct build_aside aside;      /* BUILD_ASIDE */
	struct audience *audience;     /* BUILD_LATENCY: to be kept, and freed; may be NULL */
	uint8_t seed[16];              /* of rendezvous hashing, unless the configuration read anew has one */
};

enum build_geo { BUILD_GEO_UNCHANGED, BUILD_GEO_LOADED, BUILD_GEO_REFUSED };

struct build {
	enum build_kind kind;
	uint64_t begun_ms;         /* monotonic */
	struct conf *conf;         /* BUILD_RELOAD: as it is now; the taker's. NULL: it has mistakes */
	struct report conf_report; /* of BUILD_RELOAD */
	uint8_t seed[16];
	enum build_geo geo;
	char geo_alarm[1024]; /* "": the databases are as they should be */
	struct snapshot
		*snapshot;     /* to be put in force, then freed by builder_drop; NULL: nothing changed, or it failed */
	struct edits *edits;   /* what its zones changed, when gslb-relay is to hear of it; or NULL */
	struct ledger *ledger; /* of the snapshot, to be taken with it */
	struct zones_view *zones; /* the zones after it, for builder_drop; NULL: they could not be read */
	bool good;                /* all that there is was taken up */
	struct err err;           /* else what was not, and why */
};

/* inputs are asked in the builder's thread; what they need must outlive it. */
struct builder *builder_new(
	const char *conf_file, const struct conf *conf, uint64_t name_seed, const struct snapshot_inputs *inputs);
/* Waits for a build under way, and frees what that made; NULL is fine. Snapshots and views that were taken are to be dropped before.
 * False when the build does not end in time (a file that cannot be read just now): then it goes on, and all that it uses must stay. */
bool builder_free(struct builder *builder, uint32_t patience_ms);

/* The order is carried out before it returns: before anything is served. */
struct build *builder_run(struct builder *builder, const struct build_order *order);
/* The order is carried out aside; one at a time. */
void builder_begin(struct builder *builder, const struct build_order *order);
bool builder_busy(const struct builder *builder);    /* from builder_begin until its build is taken */
int builder_fd(const struct builder *builder);       /* readable when a build can be taken */
struct build *builder_take(struct builder *builder); /* NULL: not yet */
void build_free(struct build *build);                /* but for what was taken out of it */

/* What nobody reads any more is freed aside; NULL is fine. */
void builder_drop(struct builder *builder, struct snapshot *snapshot, struct zones_view *zones);

#endif
