/* unit - what the unit programs share: a suite runs, and prints TAP. Cases are tables and loop tests; a test's name is the
 * sentence it proves. CK_FORK=no keeps it in one process for a debugger. */
#ifndef GSLB_TESTS_UNIT_H
#define GSLB_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
