/* drain - when what was taken out of the answers can be switched off: until when caches hold answers that name it, and who may hold
 * them. From the overrides in force, the ledger and the answers of the last minutes. Main thread. */
#ifndef GSLB_DRAIN_H
#define GSLB_DRAIN_H

#include <jansson.h>

#include "gslb/override.h"
#include "gslb/recent.h"
#include "gslb/target.h"

/* ---- answers since a thing was drained ---- */

/* For each drain or down in force, how many answers there had been when it was whole. */
struct drain_marks;
struct drain_marks *drain_marks_new(void);
void drain_marks_free(struct drain_marks *marks); /* NULL is fine */
/* After each change of overrides, and when *next_ms comes, which is when a gradual drain will be whole; 0: none is under way. */
void drain_marks_look(struct drain_marks *marks, const struct override_list *overrides, const struct ledger *ledger,
	uint64_t now_ms, uint64_t *next_ms);

/* How many answers named the override's target since its mark, and when that was made; 0 and *since_ms 0: there is none. */
uint64_t drain_marks_since(const struct drain_marks *marks, const struct override *override,
	const struct ledger *ledger, uint64_t *since_ms);

/* ---- drain-status ---- */

enum drain_state {
	DRAIN_SAFE,      /* out of all answers, and out of all caches that honour TTLs */
	DRAIN_HELD,      /* out of new answers, not of caches */
	DRAIN_UNDER_WAY, /* gradual, not whole yet */
	DRAIN_NONE,      /* some or all of it is not drained */
};

struct drain_question {
	const char *target; /* as typed */
	const struct world *world;
	const struct ledger *ledger;
	const struct recent *recent;
	const struct override_list *overrides;
	const struct drain_marks *marks; /* may be NULL */
	uint64_t now_ms, started_ms;     /* wall */
};

struct drain_facts {
	enum drain_state state;
	uint32_t npairs; /* ways by which it is answered; 0: no service uses it */
	uint16_t left;   /* permille of its clients that are still sent to it, where that is most: */
	const struct service_plan *service;
	uint64_t since_ms; /* when it was whole, or will be; 0: nothing drains it */
	uint64_t back_ms;  /* when the first override that drains it ends */
	uint32_t
		expires_s; /* from then on no cache that honours TTLs holds an answer that names it; 0: none was given */
	size_t networks, holding; /* of clients of the last minutes, once for each service; that may hold it */
	double held_percent;      /* of their answers */
	uint32_t elsewhere;       /* another endpoint that has one of its addresses, or LEDGER_NONE */
	uint32_t elsewhere_s;     /* until when that is held */
};
void drain_look(const struct drain_question *question, const struct override_target *target, struct drain_facts *facts);

/* {"target":…,"state":"safe|held|draining|not-drained","verdict": a sentence,"expires": RFC 3339 or null,"left_s":…,
 * "held_percent": of recent clients, or null when none is known,"networks":…,"networks_holding":…,"drained_since":…,"back":…,
 * "answers_since": or null,"overrides":[…],"notes":[…]}; NULL with a sentence when there is no such target. */
json_t *drain_status(const struct drain_question *question, enum drain_state *state, struct err *err);

#endif
