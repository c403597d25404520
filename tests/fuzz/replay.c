/* Runs a fuzz target over the files of its corpus, and over mutations of them drawn from a fixed seed, without libFuzzer:
 * what `make check` does. usage: fuzz_NAME CORPUS-FOLDER */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MUTATIONS = 200 };

static void run_mutated(const uint8_t *data, size_t len, struct dice *dice)
{
	uint8_t *copy = mem_dup(data, len);

	for (size_t flips = 1 + dice_below(dice, 4); flips > 0 && len > 0; flips--)
		copy[dice_below(dice, len)] = (uint8_t)dice_next(dice);
	LLVMFuzzerTestOneInput(copy, dice_below(dice, 4) == 0 ? dice_below(dice, len + 1) : len);
	free(copy);
}

int main(int argc, char **argv)
{
	struct dice dice = { 1 };
	struct dirent *entry;
	unsigned n = 0;
	DIR *folder;

	if (argc != 2 || (folder = opendir(argv[1])) == NULL) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder)) != NULL) {
		char *path = mem_printf("%s/%s", argv[1], entry->d_name), *text;
		size_t len;

		if (entry->d_name[0] != '.' && file_read(path, 1 << 20, &text, &len, NULL)) {
			uint8_t *exact =
				mem_dup(text, len); /* no NUL behind it: a sanitizer sees a read past the end */

			LLVMFuzzerTestOneInput(exact, len);
			for (unsigned i = 0; i < MUTATIONS; i++)
				run_mutated(exact, len, &dice);
			free(exact);
			free(text);
			n++;
		}
		free(path);
	}
	closedir(folder);
	printf("1..1\n%s 1 - %u inputs of %s and their mutations replayed\n", n > 0 ? "ok" : "not ok", n, argv[1]);
	return n > 0 ? 0 : 1;
}
