/* writ - what an operator decided of one target, as it is kept and as it goes from host to host: forced up, down or drained, or cleared;
 * by whom, why and until when; and when and where that was decided. Of two for one target the later one holds on every host, in whatever
 * order they came: a last-writer-wins register (Shapiro et al. 2011), ordered by time, then region, then host, then all of the text.
 * Pure; writ_set.h gathers them. */
#ifndef GSLB_BASE_WRIT_H
#define GSLB_BASE_WRIT_H

#include <jansson.h>

#include "base/base.h"

enum writ_action { WRIT_CLEAR, WRIT_UP, WRIT_DRAIN, WRIT_DOWN };

enum {
	WRIT_TARGET_MAX = 600, /* bytes, as are the next ones */
	WRIT_WHO_MAX = 128,
	WRIT_WHY_MAX = 4096,  /* of what travels; one that stays on its host may be of any length */
	WRIT_LABEL_MAX = 255, /* of a region, a host, a drill */
	WRIT_ID_MAX = 21 + 2 * (WRIT_LABEL_MAX + 1),
	WRIT_SKEW_MS = 60000, /* how far a clock may be ahead of ours */
};
#define WRIT_LONGEST_MS (UINT64_C(400) * 86400000) /* from its making to its end */
#define WRIT_KEPT_MS (UINT64_C(31) * 86400000)     /* it is remembered for so long behind its end */

struct writ {
	char *target; /* canonical: "pool:eu.svc.example" */
	bool glob;    /* "pool:eu-*": whatever matches it */
	enum writ_action action;
	char *who, *why;
	char *drill;                /* the id of the drill that it belongs to; NULL: none */
	uint64_t from_ms, until_ms; /* wall; of WRIT_CLEAR, until_ms is the end that was cut off */
	uint32_t over_ms;           /* WRIT_DRAIN: gradually */
	uint64_t made_ms;           /* wall clock of who made it; no two of one target and host have the same */
	char *origin, *host;        /* region and host that made it; "" before there was a fleet */
};

/* Heap. A copy; free takes NULL. */
struct writ *writ_copy(const struct writ *from);
void writ_free(struct writ *writ);

const char *writ_action_name(enum writ_action action); /* "clear", "up", "drain", "down" */
bool writ_action_parse(const char *text, enum writ_action *action);

/* As JSON, a new reference; members stand in one order, so that equal ones give equal texts. */
json_t *writ_json(const struct writ *writ);
/* Read and check the shape: known action and target, texts in bounds and without control characters, times in order. Unknown members are
 * passed over. What an older gslbd kept has neither made_ms nor origin: it was made as it began. NULL with a sentence. */
struct writ *writ_parse(const json_t *json, struct err *err);

bool writ_can_travel(const struct writ *writ, struct err *err); /* false with a sentence: its reason is too long */

/* Below zero when a is the older one; zero: they are the same. Of one target. */
int writ_compare(const struct writ *a, const struct writ *b);
uint64_t writ_hash(const struct writ *writ); /* of all of it; the same on every host */
/* "1764082800123.eu-west.ns1": names it in logs, and is unique for a target. */
const char *writ_id(const struct writ *writ, char id[static WRIT_ID_MAX]);
bool writ_in_force(const struct writ *writ, uint64_t now_ms); /* or will be: it has neither ended nor was it cleared */
/* Must it be remembered still, so that what is older and comes late does not hold? */
bool writ_is_kept(const struct writ *writ, uint64_t now_ms);
/* False with a sentence: it was made in the future, by our clock; it would hold against all that is decided until then. */
bool writ_is_timely(const struct writ *writ, uint64_t now_ms, struct err *err);

#endif
