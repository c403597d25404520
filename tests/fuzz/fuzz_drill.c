/* Drill files: any bytes are a plan or mistakes, a plan's next run is not blocked, and nothing is left behind. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gslb/drill_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint64_t now_ms = UINT64_C(1795600000000);
	struct report report = { 0 };
	struct drill_plan *plan = drill_plan_parse("drill.yaml", (const char *)data, len, &report);
	uint64_t next_ms;

	assert((plan == NULL) == (report.nmistakes > 0));
	if (plan != NULL) {
		assert(plan->nsteps > 0 && drill_plan_longest_ms(plan) <= plan->end_ms);
		next_ms = drill_schedule_next(&plan->schedule, now_ms, now_ms, plan->end_ms);
		assert(next_ms == 0 || (next_ms > now_ms && !drill_schedule_blocked(
								    &plan->schedule, next_ms, next_ms + plan->end_ms)));
	}
	drill_plan_free(plan);
	report_fini(&report);
	return 0;
}
