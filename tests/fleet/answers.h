/* answers - what gslbd of a host would answer: the real decision over a small zone whose pools are the fleet's endpoints, by what the host's
 * board shows and by the overrides that it knows, merged as gslbd merges what it hears. It knows neither hosts nor engine: beside the real gslb
 * nothing of the simulator has room, since both have worlds and probers. One thread's own. */
#ifndef GSLB_TESTS_FLEET_ANSWERS_H
#define GSLB_TESTS_FLEET_ANSWERS_H

#include "base/writ_set.h"
#include "health/health.h"

struct answers;

/* A host that starts: it knows no override. */
struct answers *answers_new(void);
void answers_free(struct answers *answers); /* NULL is fine */
/* It knows this one from now on. False: it is none that it takes, and err says why. */
bool answers_take(struct answers *answers, const struct writ *writ, uint64_t wall_ms, struct err *err);
uint64_t answers_overrides(const struct answers *answers, uint64_t wall_ms); /* as writ_set_digest has it */

/* Ask for each service, and from each region, for addresses of both families. slots: by endpoint; is_bare: as if
 * nothing was in doubt, nor held down for flapping. False: somebody got an empty answer, and err says who. *hash is of all that was answered, TTLs apart: equal for equal answers. */
bool answers_look(const struct answers *answers, const struct board_slot *slots, unsigned nslots, bool is_bare,
	uint64_t wall_ms, uint64_t *hash, struct err *err);

#endif
