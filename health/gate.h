/* gate - the mass-failure budget between votes and verdicts: which of the endpoints that a majority calls down are held up, since their pools
 * must not leave service yet (budget.h). It has no memory: what is held follows from what the votes come to, and since when by the clocks of
 * those who vote, so that every host that heard the same holds the same. Of pools that fell one after the other the first ones are out, and
 * the next one ten minutes after them; of a pool that is held the endpoints that fell last stay. Knows no clock. One thread's own. */
#ifndef GSLB_HEALTH_GATE_H
#define GSLB_HEALTH_GATE_H

#include "health/budget.h"
#include "health/votes.h"

struct gate;

/* For a plan with pools and services, which it borrows. No slot is down. */
struct gate *gate_new(const struct health_plan *plan, uint32_t nslots);
void gate_free(struct gate *gate); /* NULL is fine */

/* What the votes come to. unanimous: of at least two vantages, or there is only one, which has no budget. since_ms: wall. True when other
 * slots may be held, or not be held any more, for that: gate_kin has them. */
bool gate_put(struct gate *gate, uint32_t slot, bool down, bool unanimous, uint64_t since_ms);
/* The slots that are down in pools of the services that use the slot's pools, with the slot itself; twice perhaps those that are
 * in two of the pools. */
void gate_kin(struct gate *gate, uint32_t slot, void (*each)(void *arg, uint32_t slot), void *arg);

struct gate_hold {
	enum budget_says says;
	uint32_t pool, service; /* indices into the plan's */
	uint32_t recent;        /* pools of the service taken out within ten minutes */
};

/* Is the slot, which is down by the votes, held up? Budgets free themselves with time. */
bool gate_holds(const struct gate *gate, uint32_t slot, uint64_t now_ms, struct gate_hold *hold);
/* Why: "us.svc.example stays in service for www.svc.example: 1 of its 4 pools was taken out within ten minutes, …". */
enum { GATE_TEXT_MAX = 768 };
const char *gate_sentence(const struct gate *gate, const struct gate_hold *hold, const struct votes_result *votes,
	char text[static GATE_TEXT_MAX]);

#endif
