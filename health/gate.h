/* gate - from the vantages' votes to the verdict that goes to the board, with the mass-failure budget in between. It is there only
 * where more than one vantage is assigned; with one, its detector's state is the verdict. Knows no clock. One thread's own. */
#ifndef GSLB_HEALTH_GATE_H
#define GSLB_HEALTH_GATE_H

#include "health/budget.h"
#include "health/votes.h"

struct gate;

/* For a plan with vantages > 1, whose pools and services, not the plan itself, it borrows. Each slot starts as unknown. */
struct gate *gate_new(const struct health_plan *plan, uint32_t nslots);
void gate_free(struct gate *gate); /* NULL is fine */

/* What the board said of a slot before, and since when. */
void gate_restore(struct gate *gate, uint32_t slot, enum health_state state, uint64_t since_ms);
/* What a vantage says of it: 0 is this one, others come from elsewhere. False when there is no such slot or vantage. */
bool gate_vote(struct gate *gate, uint32_t slot, uint32_t vantage, const struct vote *vote);

struct gate_verdict {
	enum health_state state;
	bool doubt;
	bool held; /* a majority says down, and the budget of a service keeps it */
	struct votes_result votes;
	/* only when held */
	enum budget_says says;
	uint32_t pool, service; /* indices into the plan's */
	uint32_t recent;        /* pools of the service taken out within ten minutes */
};

/* What is so now; a change of state is taken for done. Votes grow old, and the budget frees itself: call it again with time. */
void gate_judge(struct gate *gate, uint32_t slot, uint64_t now_ms, struct gate_verdict *verdict);
/* Why it is held: "us.svc.example stays in service for www.svc.example: 1 of its 4 pools was taken out within ten minutes, …". */
enum { GATE_TEXT_MAX = 768 };
const char *gate_sentence(const struct gate *gate, const struct gate_verdict *verdict, char text[static GATE_TEXT_MAX]);

#endif
