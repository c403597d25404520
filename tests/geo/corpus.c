/* Writes the seeds of tests/fuzz/corpus/mmdb. usage: corpus FOLDER */
#include <stdio.h>
#include <stdlib.h>

#include "tests/geo/mmdb_write.h"

static const struct seed {
	const char *name;
	unsigned ip_version, record_bits;
	const char *v6_record, *v4_record;
} seeds[] = {
	{ "nested-24", 6, 24, "{'country':^{'iso_code':'DE'} 'location':{'latitude':50.0 'longitude':7.0}}",
		"{'registered_country':{'iso_code':'FR'} 'subdivisions':[{'iso_code':'IDF'}] "
		"'continent':{'code':'EU'}}" },
	{ "flat-28", 6, 28, "{'country_code':'JP' 'latitude':35.5f 'longitude':139.5f 'state1':'Tokyo'}",
		"{'country_code':'AU' 'latitude':'-33.5' 'longitude':'151.25' 'state':'NSW'}" },
	{ "asn-32", 6, 32, "{'autonomous_system_number':64500}", "{'asn':'AS64501' 'name':['a' [1 -2] {}]}" },
	{ "v4-24", 4, 24, NULL, "{'country_code':'BR'}" },
};

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		char *path = mem_printf("%s/%s", argv[1], seeds[i].name);
		struct buf bytes = { 0 };
		struct mmdb_write w;
		struct err err;

		mmdb_write_init(&w, seeds[i].ip_version, seeds[i].record_bits, "Seed");
		if (seeds[i].v6_record != NULL)
			mmdb_write_put(&w, "2001:db8::/32", seeds[i].v6_record);
		mmdb_write_put(&w, "10.0.0.0/9", seeds[i].v4_record);
		mmdb_write_put(&w, "10.0.0.64/26", "{'country_code':'DE'}");
		if (seeds[i].ip_version == 6)
			mmdb_write_alias(&w, "2002::/16");
		mmdb_write_bytes(&w, &bytes);
		if (!file_replace(path, bytes.text, bytes.len, 0644, &err)) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		mmdb_write_fini(&w);
		buf_fini(&bytes);
		free(path);
	}
	return 0;
}
