/* drill_gauge - what one step of a drill did to the answers: how soon they moved away from what was forced, which of them came late,
 * and how long caches held the ones given before. Fed with answers as gslbd gave them; knows no drill. One thread's own. */
#ifndef GSLB_DRILL_GAUGE_H
#define GSLB_DRILL_GAUGE_H

#include <jansson.h>

#include "gslb/decide.h"

/* An answer that was given; numbers are those of the snapshot in force. */
struct drill_answer {
	uint64_t at_ms;     /* wall */
	uint32_t service;   /* number */
	uint32_t candidate; /* index into the service's */
	uint32_t endpoint;  /* the first it names; CANDIDATE_NONE: a name */
	uint32_t ttl_s;
	uint32_t weight;              /* answers that it stands for */
	struct addr resolver, client; /* the client's network where ECS says it, else the resolver */
};

struct drill_gauge;

/* effective_ms: when the step is in force, which may be ahead. returns: the step gives back what was taken (clear, force up), so that
 * what is looked for are answers from what it covers, not those from elsewhere. */
struct drill_gauge *drill_gauge_new(size_t step, uint64_t effective_ms, bool returns);
void drill_gauge_free(struct drill_gauge *gauge);
size_t drill_gauge_step(const struct drill_gauge *gauge);
/* What the step covers in this snapshot: taken over, freed with overlay_free. Anew after each reload. */
void drill_gauge_cover(struct drill_gauge *gauge, const struct snapshot *snapshot, struct overlay *covers);
/* An answer, in the order they were given; also those from before it is in force. */
void drill_gauge_answer(struct drill_gauge *gauge, const struct drill_answer *answer);
/* No answer after this time belongs to it: the next step is in force, or the drill is over. */
void drill_gauge_close(struct drill_gauge *gauge, uint64_t at_ms);

/* ---- what came of it ---- */

enum { DRILL_QUANTILES = 3 };                           /* 50, 90 and 99 % */
extern const unsigned drill_quantiles[DRILL_QUANTILES]; /* percent */

/* Milliseconds since the step was in force; -1: not (yet). */
struct drill_moved {
	int64_t first_ms; /* the first answer that went elsewhere (returns: came back) to one who had been told so before */
	int64_t answers_ms
		[DRILL_QUANTILES]; /* from then on so many of the answers that had been the old pool's went elsewhere */
	int64_t clients_ms[DRILL_QUANTILES]; /* by then so many of the old answers in caches had expired */
	double share_before, share_after;    /* percent of the answers, of what is covered; < 0: no answers */
	uint64_t old_after, all_after;       /* answers given since */
	uint64_t held;                       /* old answers in caches when it came in force */
	uint64_t held_until_ms;              /* wall: the last of the old answers expires; 0: none was held */
};
/* service NULL: all together. False: no answers of this service were seen. */
bool drill_gauge_moved(const struct drill_gauge *gauge, const char *service, struct drill_moved *moved);
/* All of it as JSON: services, and the resolvers that were told the old pool. A new reference. */
json_t *drill_gauge_json(const struct drill_gauge *gauge);

#endif
