/* audit - who had what dropped, and what was refused and why: a line of JSON each, in state.directory/relay-audit.log. What was taken in is
 * written when the log has it, a turn's lines at once; what strangers can cause is bounded in number, and what is over that is counted. The file
 * is renamed to .1 to .3 as it grows. A disk that is full stops nothing. Main thread. */
#ifndef GSLB_RELAY_AUDIT_H
#define GSLB_RELAY_AUDIT_H

#include "relay/event.h"

enum {
	AUDIT_FILE_MAX = 32 << 20, /* bytes */
	AUDIT_OLDER = 3,           /* files */
	AUDIT_REFUSED_MAX = 1000,  /* lines a second */
};

struct audit;

struct audit_who {
	const char *actor; /* a user, a token's name, a region; "" when nobody knows */
	const char *by;    /* "socket", "http" or "bus" */
};

struct audit *audit_new(const char *directory);
void audit_free(struct audit *audit); /* writes what waits */
/* The event has its number; it is written by the next audit_settle, if the log has it. */
void audit_taken(struct audit *audit, const struct audit_who *who, const struct event *event, uint64_t wall_ms);
/* event: NULL when it was none, or what of it was read. */
void audit_refused(struct audit *audit, const struct audit_who *who, const struct event *event, const char *reason,
	uint64_t wall_ms);
void audit_settle(struct audit *audit, bool committed);
uint64_t audit_failures(const struct audit *audit); /* times that it could not be written */

#endif
