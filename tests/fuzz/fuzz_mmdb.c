/* Any bytes as a database: read, compiled, asked. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/geo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint16_t classify(void *context, const struct place *place)
{
	(void)context;
	return (uint16_t)(place->latitude + 90);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const clients[] = { "10.0.0.1", "255.255.255.255", "2001:db8::1", "2002:a00:1::", "::" };
	const struct geo_classify ranking = { .classify = classify, .by_asn = len % 2 == 0 };
	struct err err = { 0 };
	struct geo *geo;
	char path[64];
	const char *paths[] = { path };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || !file_write_all(fd, data, len))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	geo = geo_open(paths, 1, &err);
	close(fd);
	assert(geo != NULL || err.text[0] != '\0');
	if (geo != NULL) {
		struct geo_table *table = geo_table_new(geo, &ranking, NULL, 0);

		for (size_t i = 0; i < COUNT_OF(clients); i++) {
			struct place place;
			struct addr addr;
			unsigned depth;

			addr_parse(clients[i], &addr);
			geo_locate(geo, &addr, &place, &depth);
			assert(depth <= addr_bits(&addr));
			assert(geo_table_find(table, &addr).depth <= addr_bits(&addr));
		}
		geo_table_free(table);
	}
	geo_free(geo);
	return 0;
}
