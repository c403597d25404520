/* pacer - how many items of a cache may be dropped now, so that what has to be made anew does not overrun its origin. RELAY 5.5: what
 * was dropped is made anew when it is next asked for; with λ questions a second that has happened by t with probability
 * 1 − exp(−λt), and the expectation summed over all that was dropped is held under a budget. Hot ones first: Smith's rule.
 * An item whose rate nobody knows may be asked for at once: each of those is a regeneration, a fifth of a second's budget at a time.
 * Pure; one thread's own. */
#ifndef GSLB_RELAY_PACER_H
#define GSLB_RELAY_PACER_H

#include <stdbool.h>
#include <stdint.h>

enum pacer_kind { PACER_OFF, PACER_BUDGET, PACER_BATCH };

struct pacer_rule {
	enum pacer_kind kind;
	float budget;      /* PACER_BUDGET: regenerations a second */
	uint32_t most;     /* items a second that the channel takes, whatever the kind */
	uint32_t batch;    /* PACER_BATCH: so many … */
	uint32_t apart_ms; /* … then a pause */
};

enum { PACER_BUCKETS = 24 };

struct pacer {
	double left
		[PACER_BUCKETS]; /* by log2 of the rate: how many of those that were dropped are not made anew yet, as expected */
	double soon;             /* regenerations to be expected in the next moment */
	double channel, unknown; /* tokens: of the channel; and of the budget, for items of unknown rate */
	uint32_t batch;
	uint64_t now_ms, batch_ms;
};

void pacer_init(struct pacer *pacer, const struct pacer_rule *rule, uint64_t now_ms);
/* Let time pass. */
void pacer_tick(struct pacer *pacer, const struct pacer_rule *rule, uint64_t now_ms);
/* May an item that is asked for `rate` times a second (0: unknown) be dropped now? If so it is counted. */
bool pacer_allows(struct pacer *pacer, const struct pacer_rule *rule, float rate);
/* The same for what may be urgent, a failover: that is held to the channel only, and counted all the same. */
bool pacer_admits(struct pacer *pacer, const struct pacer_rule *rule, bool urgent, float rate);
/* Regenerations a second that are to be expected just now. */
double pacer_expected(const struct pacer *pacer);

#endif
