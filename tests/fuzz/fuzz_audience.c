/* Any text as networks of clients. What is read can be printed, and comes back the same; a small audience stays small. */
#include <stdlib.h>

#include "gslb/audience.h"

enum { FUZZ_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static size_t read_text(struct audience *audience, const char *text, size_t len)
{
	struct report report = { 0 };
	size_t nmistakes;

	audience_parse(audience, text, len, "clients.csv", 1767225600, &report);
	nmistakes = report.nmistakes;
	report_fini(&report);
	return nmistakes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct audience *audience = audience_new(FUZZ_MAX), *again = audience_new(FUZZ_MAX);
	struct buf text = { 0 };
	const struct visit *visits;
	size_t n;

	read_text(audience, (const char *)data, len);
	n = audience_visits(audience, &visits);
	must(n <= FUZZ_MAX);
	for (size_t i = 0; i < n; i++)
		must(visits[i].weight > 0 && visits[i].net.len > 0 &&
			*audience_service(audience, visits[i].service) != '\0');
	audience_print(audience, 0, n, &text);
	if (text.len > 0)
		must(read_text(again, text.text, text.len) == 0);
	must(audience_visits(again, &visits) == n);
	audience_age(again, 3600, UINT64_C(1767225600000));
	must(audience_visits(again, &visits) <= n);
	buf_fini(&text);
	audience_free(audience);
	audience_free(again);
	return 0;
}
