#include "relay/spread.h"

#include <stdio.h>

static const uint64_t bounds_us[SPREAD_BOUNDS] = { 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000,
	1000000, 2500000, 5000000, 10000000 };

void spread_add(struct spread *spread, uint64_t took_us)
{
	unsigned i = 0;

	while (i < SPREAD_BOUNDS && took_us > bounds_us[i])
		i++;
	spread->count[i]++;
	spread->sum_us += took_us;
}

/* One line: the suffix, the labels with what is added to them, and the value. */
static void print_line(
	struct buf *text, const char *name, const char *suffix, const char *labels, const char *more, double value)
{
	bool both = labels[0] != '\0' && more[0] != '\0', any = labels[0] != '\0' || more[0] != '\0';

	buf_printf(text, "%s%s%s%s%s%s%s %.15g\n", name, suffix, any ? "{" : "", labels, both ? "," : "", more,
		any ? "}" : "", value);
}

void spread_print(const struct spread *spread, const char *name, const char *labels, struct buf *text)
{
	uint64_t total = 0, upto = 0;
	char bound[32];

	for (unsigned i = 0; i <= SPREAD_BOUNDS; i++)
		total += spread->count[i];
	if (total == 0)
		return;
	for (unsigned i = 0; i < SPREAD_BOUNDS; i++) {
		upto += spread->count[i];
		snprintf(bound, sizeof bound, "le=\"%g\"", (double)bounds_us[i] / 1e6);
		print_line(text, name, "_bucket", labels, bound, (double)upto);
	}
	print_line(text, name, "_bucket", labels, "le=\"+Inf\"", (double)total);
	print_line(text, name, "_sum", labels, "", (double)spread->sum_us / 1e6);
	print_line(text, name, "_count", labels, "", (double)total);
}
