/* watch - which files changed, once they have been still for a second. Main thread. */
#ifndef GSLB_WATCH_H
#define GSLB_WATCH_H

#include "base/base.h"

struct watch;

/* The zones folder (all of it) and single files (their folders are watched for these names). */
struct watch *watch_new(const char *directory, const char *const *files, size_t nfiles);
void watch_free(struct watch *watch); /* NULL is fine */
/* Forget what changed so far, for it is about to be read. */
void watch_forget(struct watch *watch);
/* Hand what changed since then over to a watch that takes this one's place: no edit falls between the two. */
void watch_inherit(struct watch *watch, struct watch *from, uint64_t monotonic_ms);
int watch_fd(const struct watch *watch);
/* Take in what the kernel says. True once after a change, when nothing moved for a second; *next_ms: ask again then
 * (monotonic), 0: only when watch_fd is readable. */
bool watch_run(struct watch *watch, uint64_t monotonic_ms, uint64_t *next_ms);

#endif
