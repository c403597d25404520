/* accord - the overrides of this host and those of the fleet, brought to agree through the gslb-relay of this host. What others decided comes in
 * by a question that waits for news; asking again tells that what came is in force here. What is known here and not there is offered: what an
 * operator decides now, and whatever either side lost or missed. Without gslb-relay this host goes on alone, and offers it all later.
 *
 * Never blocks. Main thread. */
#ifndef GSLB_ACCORD_H
#define GSLB_ACCORD_H

#include <jansson.h>

#include "base/writ_set.h"

enum { ACCORD_WAITERS = 16, ACCORD_WAIT_MS = 2000, ACCORD_WAIT_MAX_MS = 60000 };

struct accord;

struct accord_ops {
	void *arg;
	/* All that is known here. */
	const struct writ_set *(*known)(void *arg);
	/* Put in force what others decided (borrowed). False: it cannot be stored; it comes again. */
	bool (*take)(void *arg, const struct writ *const *writs, size_t n);
	/* How far one that was waited for came: `in_force` is a new reference, as accord_wait tells. */
	void (*settled)(void *arg, uint64_t ticket, json_t *result, json_t *in_force);
};

/* socket: gslb-relay's; host: names this gslbd among those of the relay. Both are borrowed. */
struct accord *accord_new(const char *socket, const char *host, const struct accord_ops *ops);
void accord_free(struct accord *accord); /* NULL is fine; who waits is not told */
/* What is known here may have changed. */
void accord_changed(struct accord *accord);
/* Offer one that was decided now, and tell `settled` in how many regions it is in force after wait_ms at most, with the result (kept until
 * then). {"regions": {"eu": "in force", "us": "pending"}, "in_force": 1, "of": 2, "took_ms"}, and "trouble", a sentence, where there is one.
 * False: gslb-relay is away, as *in_force says (a new reference); nobody is told later. */
bool accord_wait(struct accord *accord, const struct writ *writ, uint64_t wait_ms, uint64_t ticket, json_t *result,
	json_t **in_force);
int accord_fd(const struct accord *accord); /* readable: call accord_run */
/* When to call again at the latest (monotonic). */
uint64_t accord_run(struct accord *accord, uint64_t now_ms, uint64_t wall_ms);

struct accord_status {
	bool agreed;         /* all that gslb-relay knows is in force here, and it was there in the last seconds */
	size_t unsaid;       /* decided here, and gslb-relay does not have it yet */
	uint64_t refused;    /* what gslb-relay would not take */
	const char *trouble; /* "": none */
};
struct accord_status accord_status(const struct accord *accord);

#endif
