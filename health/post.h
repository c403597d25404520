/* post - what gslb-health tells gslbd. Nothing here ever waits: when gslbd does not read, changes are kept once a slot and
 * answers once a name, and follow when there is room; signs of life are simply left out. One thread's own. */
#ifndef GSLB_HEALTH_POST_H
#define GSLB_HEALTH_POST_H

#include "health/health.h"
#include "health/loop.h"

struct post;

struct post *post_new(int sock); /* sock is borrowed */
void post_free(struct post *post);
/* The board in force, whose words go into HEALTH_CHANGED. Borrowed until the next. */
void post_set_board(struct post *post, const struct board_slot *slots, uint32_t nslots);

/* These only note it down: post_flush sends. */
void post_changed(struct post *post, uint32_t slot);
void post_resolved(struct post *post, const struct health_message *message);
void post_taken(struct post *post, uint64_t serial);
void post_abstain(struct post *post, const struct health_message *message); /* the last one counts */
void post_alive(struct post *post);                                         /* sent at once or not at all */

/* Send what was noted. False when some is still there: then wait for EPOLLOUT and call again. */
bool post_flush(struct post *post);

#endif
