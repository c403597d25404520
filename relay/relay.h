/* relay - gslb-relay drops what has become stale from the caches of its region: at least once, nothing lost over a crash. It takes
 * events from a local socket, keeps them in a log of its own, and tells each cache in the cache's own protocol. */
#ifndef GSLB_RELAY_H
#define GSLB_RELAY_H

#include "base/base.h"

/* gslb-relay's main: serves until SIGTERM or SIGINT. Exit status: 0, 1 when it could not start or -t found a mistake, 2 usage. */
int relay_main(int argc, char **argv);

#endif
