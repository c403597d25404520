/* loader - the zones folder: which files are there, which zones they gave, and which are in force. A zone with a mistake
 * does not replace what was served; at start the last good copy from the state folder stands in. The builder's thread. */
#ifndef GSLB_LOADER_H
#define GSLB_LOADER_H

#include "base/base.h"
#include "zones/zones.h"

enum zone_standing { ZONE_LOADED, ZONE_LAST_GOOD, ZONE_REFUSED };

struct loaded_zone {
	char *file;                  /* path of NAME.zone */
	struct zone *zone;           /* in force, or NULL when refused with nothing to stand in */
	enum zone_standing standing; /* LAST_GOOD: the file has a mistake, an older state is served */
	uint64_t loaded_ms;          /* wall: when `zone` came into force */
	struct report mistakes;      /* of the file as it is now; warnings too */
	bool gone;                   /* the file is no longer there, and no reload was asked for */
	struct loaded_zone_inner *inner;
};

struct loader;

/* state_directory: last good copies go to its folder "zones". */
struct loader *loader_new(const char *zones_directory, const char *state_directory, uint64_t name_seed);
void loader_free(struct loader *loader);
void loader_move(struct loader *loader, const char *zones_directory); /* a reload changed the folder's name */

enum loader_mode {
	LOADER_START,  /* last good copies may stand in */
	LOADER_RELOAD, /* asked for: a zone whose file is gone is unloaded */
	LOADER_WATCH,  /* a file changed: nothing is unloaded */
};

/* Read what is new or changed, link. Returns the linked set of all zones in force (perhaps empty), or NULL with a
 * sentence when the folder cannot be read. *changed: at least one zone came, went or is another than before. */
struct zone_set *loader_load(
	struct loader *loader, enum loader_mode mode, uint64_t now_ms, bool *changed, struct err *err);
/* Keep one more zone that came into force as a last good copy; false when all are kept. For when there is time. */
bool loader_keep_copy(struct loader *loader);
/* The zones in force linked once more (for a snapshot with other resolved addresses). */
struct zone_set *loader_relink(struct loader *loader);

/* The zones as they stand now, for another thread to look at while this one loads. Immutable; made and freed by the loader's
 * thread, for it holds the zones. */
struct zones_view {
	size_t nzones;
	struct loaded_zone *zones; /* without their inner part */
};
struct zones_view *loader_view(const struct loader *loader);
void zones_view_free(struct zones_view *view); /* NULL is fine */

/* Remove a state folder made for a check alone. */
void loader_remove_copies(const char *state_directory);

size_t loader_zones(const struct loader *loader, const struct loaded_zone *const **zones);

#endif
