/* dry_run - gslbd -t: read all that gslbd would read, and say what is wrong with it. Main thread, before anything is started. */
#ifndef GSLB_DRY_RUN_H
#define GSLB_DRY_RUN_H

#include "gslb/conf.h"

/* Its mistakes go to stderr, one a line; NULL when there are any. The caller frees it. */
struct conf *dry_run_conf(const char *path);
/* The databases, the zones and the drills: mistakes to stderr, a summary to stdout. Returns the exit status. */
int dry_run(const struct conf *conf);

#endif
