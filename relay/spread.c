#include "relay/spread.h"

static const unsigned bounds_ms[SPREAD_BOUNDS] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2500, 10000 };

void spread_add(struct spread *spread, uint64_t took_ms)
{
	unsigned i = 0;

	while (i < SPREAD_BOUNDS && took_ms > bounds_ms[i])
		i++;
	spread->count[i]++;
	spread->sum_ms += took_ms;
}

void spread_print(const struct spread *spread, const char *name, const char *labels, struct buf *text)
{
	uint64_t total = 0;

	for (unsigned i = 0; i <= SPREAD_BOUNDS; i++)
		total += spread->count[i];
	if (total == 0)
		return;
	total = 0;
	for (unsigned i = 0; i < SPREAD_BOUNDS; i++) {
		total += spread->count[i];
		buf_printf(text, "%s_bucket{%s,le=\"%g\"} %llu\n", name, labels, bounds_ms[i] / 1000.0,
			(unsigned long long)total);
	}
	total += spread->count[SPREAD_BOUNDS];
	buf_printf(text, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.3f\n%s_count{%s} %llu\n", name, labels,
		(unsigned long long)total, name, labels, (double)spread->sum_ms / 1000, name, labels,
		(unsigned long long)total);
}
