/* unit - what the unit programs share: a suite runs, and prints TAP. Cases are tables and loop tests; a test's name is the
 * sentence it proves. CK_FORK=no keeps it in one process for a debugger. */
#ifndef GSLB_TESTS_UNIT_H
#define GSLB_TESTS_UNIT_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIT_FOLDER_MAX = 64 };

/* An empty folder of a test's own, by its whole path. It goes with the program, a failed test's too. */
static inline void unit_folder(char folder[static UNIT_FOLDER_MAX])
{
	snprintf(folder, UNIT_FOLDER_MAX, "%s/XXXXXX", getenv("GSLB_UNIT_FOLDER"));
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline int unit_remove(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	char place[] = "/tmp/gslb-unit.XXXXXX";
	int failed;

	if (mkdtemp(place) == NULL || chmod(place, 0711) != 0 || setenv("GSLB_UNIT_FOLDER", place, 1) != 0)
		return EXIT_FAILURE;
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	nftw(place, unit_remove, 16, FTW_DEPTH | FTW_PHYS);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
