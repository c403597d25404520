/* gslb.yaml: any bytes are a configuration or mistakes with a line, and nothing is left behind. */
#include <assert.h>
#include <stdint.h>

#include "gslb/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct report report = { 0 };
	struct conf *conf = conf_parse("/tmp/gslb.yaml", (const char *)data, len, &report);

	assert((conf == NULL) == (report.nmistakes > 0));
	conf_free(conf);
	report_fini(&report);
	return 0;
}
