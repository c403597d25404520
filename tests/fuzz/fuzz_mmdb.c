/* Any bytes as a database: read, compiled, asked.
 *
 * The metadata at its end are two hundred bytes that must be just so, and the library that reads them tells a fuzzer nothing; so
 * bytes that have no such end get one, of a size and shape that their first two say. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/geo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint16_t classify(void *context, const struct place *place)
{
	(void)context;
	return (uint16_t)(place->latitude + 90);
}

static const char marker[] = "\xab\xcd\xefMaxMind.com";

static bool has_end(const uint8_t *data, size_t len)
{
	return len < 2 || memmem(data, len, marker, sizeof marker - 1) != NULL;
}

/* The metadata, as the format has them, with the three numbers in them that say how the rest is read. */
static bool write_end(int fd, uint8_t nnodes, uint8_t shape)
{
	static const char end[] =
		"%s\xe9Jnode_count\xc1%cKrecord_size\xa1%cJip_version\xa1%c[binary_format_major_version\xa1\x02"
		"[binary_format_minor_version\xa0Kbuild_epoch\x04\x02\x6a\x18\xa5%cMdatabase_typeDSeed"
		"Ilanguages\x01\x04"
		"BenKdescription\xe1"
		"BenAx";
	static const char sizes[] = { 24, 28, 32, 24 };
	char text[512];
	int len = snprintf(text, sizeof text, end, marker, nnodes, sizes[shape % 4], shape & 4 ? 4 : 6, 0);

	return file_write_all(fd, text, (size_t)len);
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

	if (fd < 0)
		abort();
	if (has_end(data, len) ? !file_write_all(fd, data, len)
			       : !file_write_all(fd, data + 2, len - 2) || !write_end(fd, data[0], data[1]))
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
