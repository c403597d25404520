/* The pools are taken out in the order in which they fell, each at the time when the budget has room for it. */
#include "health/budget.h"

#include <stdlib.h>

uint32_t budget_most(uint32_t npools)
{
	return npools / 4 > 1 ? npools / 4 : 1;
}

static int by_fall(const void *a, const void *b)
{
	const struct budget_pool *x = a, *y = b;

	if (x->since_ms != y->since_ms)
		return x->since_ms < y->since_ms ? -1 : 1;
	return (x->identity > y->identity) - (x->identity < y->identity);
}

/* How many of the outs lie within ten minutes before at_ms, and when the first of those leaves that window. */
static uint32_t count_recent(const uint64_t *out_ms, uint32_t nout, uint64_t at_ms, uint64_t *free_ms)
{
	uint32_t recent = 0;

	*free_ms = UINT64_MAX;
	for (uint32_t i = 0; i < nout; i++) {
		uint64_t end_ms = out_ms[i] + BUDGET_WINDOW_MS;

		if (out_ms[i] > at_ms || end_ms <= at_ms)
			continue;
		recent++;
		*free_ms = end_ms < *free_ms ? end_ms : *free_ms;
	}
	return recent;
}

enum budget_says budget_ask(struct budget_pool *fallen, uint32_t n, uint32_t npools, uint32_t keep, uint32_t number,
	uint64_t now_ms, uint32_t *recent)
{
	uint64_t out_ms[BUDGET_POOLS_MAX], free_ms;
	uint32_t nout = 0;

	*recent = 0;
	qsort(fallen, n, sizeof *fallen, by_fall);
	for (uint32_t i = 0; i < n && nout < BUDGET_POOLS_MAX; i++) {
		enum budget_says says = BUDGET_ALLOWS;
		uint64_t at_ms = fallen[i].since_ms;

		if (!fallen[i].unanimous) {
			if (npools - nout <= keep)
				says = BUDGET_KEEP;
			while (says == BUDGET_ALLOWS && at_ms <= now_ms &&
				count_recent(out_ms, nout, at_ms, &free_ms) >= budget_most(npools))
				at_ms = free_ms;
			if (says == BUDGET_ALLOWS && at_ms > now_ms && at_ms > fallen[i].since_ms)
				says = BUDGET_SPENT;
		}
		if (fallen[i].number == number) {
			*recent = count_recent(out_ms, nout, now_ms, &free_ms);
			return says;
		}
		if (says == BUDGET_ALLOWS)
			out_ms[nout++] = at_ms;
	}
	return BUDGET_ALLOWS;
}
