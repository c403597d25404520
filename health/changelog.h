/* changelog - a log line for each change of a target's state, and at most so many a second when a whole region goes: the
 * rest is counted, and the count is said. */
#ifndef GSLB_HEALTH_CHANGELOG_H
#define GSLB_HEALTH_CHANGELOG_H

#include "health/health.h"
#include "health/probe.h"

struct changelog {
	uint64_t second; /* monotonic */
	unsigned said, held;
};

struct changelog_entry {
	const char *label, *check;
	enum health_state state, was;
	const struct probe_report *report;
	uint64_t after_ms; /* since the first result that spoke against the old state */
};

void changelog_add(struct changelog *changelog, const struct changelog_entry *entry);
/* Call once a second: says how many lines were held back, if any. */
void changelog_tick(struct changelog *changelog);

/* "HTTP status 503 (a redirect)": the result, its number and its detail. */
enum { REASON_TEXT_MAX = 96 };
const char *reason_format(const struct probe_report *report, char text[static REASON_TEXT_MAX]);

#endif
