#include "health/budget.h"

uint32_t budget_most(uint32_t npools)
{
	return npools / 4 > 1 ? npools / 4 : 1;
}

enum budget_says budget_ask(
	const struct budget_pool *pools, uint32_t npools, uint32_t keep, uint64_t now_ms, uint32_t *recent)
{
	uint32_t in_service = 0;

	*recent = 0;
	for (uint32_t i = 0; i < npools; i++) {
		in_service += pools[i].in_service;
		*recent += !pools[i].in_service && pools[i].since_ms + BUDGET_WINDOW_MS > now_ms;
	}
	if (in_service <= keep)
		return BUDGET_KEEP;
	return *recent < budget_most(npools) ? BUDGET_ALLOWS : BUDGET_SPENT;
}
