/* planner - plans of edited zones, made for gslbctl beside the zones in force: the edited ones come over the control socket, are
 * compiled and replayed in the builder's thread, one plan at a time, and are gone with it. Main thread. */
#ifndef GSLB_PLANNER_H
#define GSLB_PLANNER_H

#include <jansson.h>

#include "gslb/daemon.h"

enum {
	PLANNER_BYTES_MAX = 256 << 20, /* of all zones of a plan */
	PLANNER_IDLE_MS = 30000,       /* who sends nothing for so long makes room for another */
};

struct planner *planner_new(struct daemon *daemon);
/* No more plans; one under way ends soon. Before the builder is freed. */
void planner_stop(struct planner *planner);
void planner_free(struct planner *planner); /* after it; NULL is fine */

/* A plan's number, by which the rest names it; 0 with a sentence when another one is being made. */
uint64_t planner_open(struct planner *planner, const char *who, struct err *err);
/* A piece of a zone's text ("svc.example.zone"); pieces of a zone one after the other. */
bool planner_put(
	struct planner *planner, uint64_t plan, const char *file, const char *text, size_t len, struct err *err);
/* All zones are there: the ticket is answered when the plan is made. */
bool planner_run(struct planner *planner, uint64_t plan, uint64_t ticket, struct err *err);
/* "waiting", "compiling" or "replaying", and how far that is; NULL: no such plan is under way. */
const char *planner_phase(const struct planner *planner, uint64_t plan, uint32_t *permille);

/* Is there anything to begin, or to let go? */
bool planner_waits(const struct planner *planner);
/* The builder has nothing to do: begin what is ready. */
void planner_begin(struct planner *planner);
/* It has done what was begun: answer. */
void planner_end(struct planner *planner);

#endif
