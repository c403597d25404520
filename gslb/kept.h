/* kept - what gslbd learned of its clients and keeps over a restart: the latency map and the audience. While it runs, the builder saves
 * both (BUILD_LATENCY); what cannot be read is learned anew, and said in the log. Main thread. */
#ifndef GSLB_KEPT_H
#define GSLB_KEPT_H

#include "gslb/daemon.h"

void kept_open(struct daemon *daemon, uint64_t now_ms);
/* Save and free; when the builder has ended. */
void kept_close(struct daemon *daemon);

#endif
