/* abstain - does this vantage trust its own eyes? A prober that has lost its network sees everything fail. It abstains, and takes
 * nothing down, while two thirds of its anchors fail, or of the unrelated groups of endpoints that were up (crowd.h).
 *
 * Two thirds of the groups are at least three of them, so that a service's two pools that fail together are believed. And while
 * something else does answer (an anchor, another group), that is only a strong suspicion: after patience_ms the failures are
 * believed, so that a fallback gets its turn. With nothing at all that answers nothing can be known, however long it lasts.
 *
 * Pure: counts and the time are handed in. */
#ifndef GSLB_HEALTH_ABSTAIN_H
#define GSLB_HEALTH_ABSTAIN_H

#include "health/health.h"

enum { ABSTAIN_GROUPS_MIN = 3, ABSTAIN_PATIENCE_MS = 60000, ABSTAIN_CALM_MS = 3000 };

struct abstain_rule {
	uint32_t patience_ms; /* how long most groups are held for liars while something answers */
	uint32_t calm_ms;     /* how long all must be well before it ends: else it would flap, an alarm a flap */
};

struct abstain_counts {
	uint32_t anchors, anchors_failing;
	uint32_t anchors_unsure; /* failed once, and are being asked again */
	uint32_t groups_failing; /* unrelated groups that are up and fail */
	uint32_t groups_seen;    /* unrelated groups with a success since the failures began */
};

struct abstain {
	enum abstain_why why;         /* ABSTAIN_NOT: it votes */
	bool believed;                /* most groups fail, and patience is over: until that is no longer so */
	uint64_t since_ms;            /* when it began, or ended */
	uint64_t calm_ms;             /* since when no reason is left; 0: there is one */
	struct abstain_counts counts; /* of the last step */
};

/* Take in what is counted now. True when abstaining began or ended; now_ms (monotonic) never goes back. */
bool abstain_step(
	struct abstain *abstain, const struct abstain_rule *rule, const struct abstain_counts *counts, uint64_t now_ms);
/* May an endpoint be taken down now? Also not while it is unclear whether most anchors fail. */
bool abstain_allows_down(const struct abstain *abstain);
/* What fails, and of how many: the numbers of abstain_sentence (health.h). */
void abstain_numbers(const struct abstain *abstain, uint32_t *failing, uint32_t *of);

#endif
