#include "health/changelog.h"

#include <stdio.h>

enum { LINES_A_SECOND = 50 };

static const char *const state_names[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
};

const char *reason_format(const struct probe_report *report, char text[static REASON_TEXT_MAX])
{
	const char *name = probe_result_name(report->result), *detail = report->detail;
	int len = report->number != 0 ? snprintf(text, REASON_TEXT_MAX, "%s %u", name, report->number)
				      : snprintf(text, REASON_TEXT_MAX, "%s", name);

	if (detail[0] != '\0')
		snprintf(text + len, REASON_TEXT_MAX - (size_t)len, " (%s)", detail);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '"')
			*at = '\''; /* it stands between quotes in a log line */
	return text;
}

void changelog_tick(struct changelog *changelog)
{
	uint64_t second = clock_monotonic_ms() / 1000;

	if (second == changelog->second)
		return;
	if (changelog->held > 0)
		log_notice("suppressed=%u more changes of state, beyond %d lines a second", changelog->held,
			LINES_A_SECOND);
	*changelog = (struct changelog){ .second = second };
}

void changelog_add(struct changelog *changelog, const struct changelog_entry *entry)
{
	/* a target's first verdict is no news to wake anyone for, unless it is bad */
	bool first = entry->was == HEALTH_UNKNOWN && entry->state == HEALTH_UP;
	char reason[REASON_TEXT_MAX];

	changelog_tick(changelog);
	if (changelog->said >= LINES_A_SECOND) {
		changelog->held++;
		return;
	}
	changelog->said++;
	log_at(first ? LOG_INFO : LOG_NOTICE, "target=\"%s\" state=%s was=%s probe=%s reason=\"%s\" after_ms=%llu",
		entry->label, state_names[entry->state], state_names[entry->was], entry->check,
		reason_format(entry->report, reason), (unsigned long long)entry->after_ms);
}
