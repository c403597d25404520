/* disk - simulated disks under the relay's real log: a file system in memory that SQLite takes for its own. What was not synced is lost with
 * the power, page by page by the dice; a full disk refuses to grow; a disk can be lost, copied, and put back as it was. One thread's own. */
#ifndef GSLB_TESTS_FLEET_DISK_H
#define GSLB_TESTS_FLEET_DISK_H

#include "base/base.h"

enum { DISKS_MAX = 32, DISK_PATH_MAX = 32 };

/* SQLite's default from now on. */
void disk_setup(void);
/* All disks are new and empty. */
void disk_reset(void);

/* A file on a disk: "3/relay.db". */
const char *disk_path(unsigned disk, const char *name, char text[static DISK_PATH_MAX]);

/* Whoever has files open is dead: what it writes from now on, as it is put away, does not get there. */
void disk_freeze(unsigned disk, bool frozen);
void disk_lose_power(unsigned disk, struct dice *dice); /* no file of it is open */
void disk_lose(unsigned disk);                          /* likewise; a new one takes its place */
void disk_fill(unsigned disk, bool full);
/* What was synced, kept beside it, and put back later; false without a copy. */
void disk_copy(unsigned disk);
bool disk_put_back(unsigned disk); /* no file of it is open */

/* A small file that is read and replaced as a whole, as by write, fsync and rename. False: the disk is full. */
bool disk_write(unsigned disk, const char *name, const void *bytes, size_t len);
/* NULL: there is none. Lives until the disk changes. */
const void *disk_read(unsigned disk, const char *name, size_t *len);

/* Does the medium hold all that was written? */
bool disk_is_safe(unsigned disk);

/* How often SQLite asked for a sync, all disks together: that it does. */
uint64_t disk_syncs(void);

#endif
