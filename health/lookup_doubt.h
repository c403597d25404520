/* lookup_doubt - is a name's new answer to be believed at once? One that lost all its addresses, or has many times as many as
 * before, is more often somebody's mistake than a wish: what was there stays until the resolvers have gone on saying so. Pure: the
 * clock is handed in. */
#ifndef GSLB_HEALTH_LOOKUP_DOUBT_H
#define GSLB_HEALTH_LOOKUP_DOUBT_H

#include "base/base.h"

enum lookup_change { LOOKUP_USUAL, LOOKUP_VANISHES, LOOKUP_EXPLODES };

enum {
	LOOKUP_EXPLODES_TIMES = 4,      /* more than so many times the addresses of before … */
	LOOKUP_EXPLODES_FROM = 8,       /* … and more than this many */
	LOOKUP_SEEN = 3,                /* believed when it was said so often … */
	LOOKUP_VANISHES_MS = 60 * 1000, /* … over so long: a negative answer is cached, too */
	LOOKUP_EXPLODES_MS = 30 * 1000,
};

/* Of one family of one name; all zero to begin with. */
struct lookup_doubt {
	enum lookup_change change; /* in doubt; LOOKUP_USUAL: nothing is */
	unsigned seen;
	uint64_t since_ms; /* monotonic */
};

enum lookup_belief { LOOKUP_TAKE, LOOKUP_DOUBTED, LOOKUP_STILL_DOUBTED };

/* The family had so many addresses, and a new answer has so many. LOOKUP_TAKE: put it in place of the old one; else keep the old
 * one and ask again soon. */
enum lookup_belief lookup_doubt_step(struct lookup_doubt *doubt, unsigned had, unsigned has, uint64_t now_ms);

#endif
