/* tally - gslb-health's own numbers: what each probe adds to the statistics area, and what runs and waits now. */
#ifndef GSLB_HEALTH_TALLY_H
#define GSLB_HEALTH_TALLY_H

#include "health/probe.h"

/* Of a gslb-health that begins: nothing runs, nothing was late. */
void tally_begin(struct board_stats *stats, uint32_t max_descriptors);
void tally_late(struct board_stats *stats, uint64_t late_us);
void tally_ended(struct board_stats *stats, enum health_check check, const struct probe_report *report);

struct tally_now {
	uint32_t running, queued;                      /* of the check */
	uint32_t running_all, queued_all, descriptors; /* of all */
};
void tally_now(struct board_stats *stats, enum health_check check, const struct tally_now *now);

#endif
