/* intake - what comes in all the time and is learned from: round trips and answers of the workers, loads of pools. At least once a second.
 * Main thread. */
#ifndef GSLB_INTAKE_H
#define GSLB_INTAKE_H

#include "gslb/daemon.h"

/* The handshakes that workers saw, some thousands at a time: they are this region's. */
void intake_rtts(struct daemon *daemon, uint64_t now_ms);
void intake_loads(struct daemon *daemon, uint64_t now_ms);
/* Who was told what: for drills and dry runs, and for plans. */
void intake_answers(struct daemon *daemon, uint64_t now_ms);

#endif
