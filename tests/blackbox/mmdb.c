/* A MaxMind DB file from lines on stdin, each a prefix and its record as tests/geo/mmdb_write.h has it; the shortest prefix
 * first. A line "alias PREFIX" lets the prefix lead to the IPv4 tree. usage: mmdb 4|6 FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/geo/mmdb_write.h"

static void put_line(struct mmdb_write *w, char *line)
{
	char *record = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (record == NULL)
		return;
	*record++ = '\0';
	if (strcmp(line, "alias") == 0)
		mmdb_write_alias(w, record);
	else
		mmdb_write_put(w, line, record);
}

int main(int argc, char **argv)
{
	struct buf bytes = { 0 };
	struct mmdb_write w;
	struct err err;
	char line[1024];

	if (argc != 3)
		return 2;
	mmdb_write_init(&w, (unsigned)atoi(argv[1]), 28, "Test");
	while (fgets(line, sizeof line, stdin) != NULL)
		put_line(&w, line);
	mmdb_write_bytes(&w, &bytes);
	if (!file_replace(argv[2], bytes.text, bytes.len, 0644, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	mmdb_write_fini(&w);
	buf_fini(&bytes);
	return 0;
}
