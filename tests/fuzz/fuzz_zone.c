/* A zone file is read, linked, printed and read again; the second reading must find what the first did. */
#include <assert.h>

#include "zones/zones.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SEED = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct report report = { 0 };
	struct buf printed = { 0 };
	struct zone *zone, *again;
	struct name origin;

	name_from_text(&origin, "svc.example");
	zone = zone_parse("fuzz", (const char *)data, len, &origin, SEED, &report);
	assert((zone != NULL) == (report.nmistakes == 0));
	if (zone != NULL) {
		zone_set_free(zone_set_link(&zone, 1, SEED, &report));
		zone_print(zone, &printed);
		again = zone_parse("printed", printed.text, printed.len, &origin, SEED, &report);
		assert(again != NULL && again->nservices == zone->nservices && again->npools == zone->npools &&
			again->serial == zone->serial);
		zone_unref(again);
		zone_unref(zone);
	}
	buf_fini(&printed);
	report_fini(&report);
	return 0;
}
