# rows of the drills' tests
DRILL_TEST_LIBS = libdrill.a libdecide.a libcontrol.a libabuse.a libzones.a libgeo.a libhealth.a libbase.a $(LDNS_LIBS) \
	$(MMDB_LIBS) $(CYAML_LIBS) $(JANSSON_LIBS) -lm

check_PROGRAMS += tests/unit/drill_plan_test tests/unit/drill_test tests/fuzz/fuzz_drill
tests_unit_drill_plan_test_SOURCES = tests/unit/drill_plan.c
tests_unit_drill_plan_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_drill_plan_test_LDADD = $(DRILL_TEST_LIBS) $(CHECK_LIBS)
tests_unit_drill_test_SOURCES = tests/unit/drill.c
tests_unit_drill_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_drill_test_LDADD = $(DRILL_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/drill_plan_test tests/unit/drill_test

tests_fuzz_fuzz_drill_SOURCES = tests/fuzz/fuzz_drill.c tests/fuzz/replay.c
tests_fuzz_fuzz_drill_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_drill_LDADD = $(DRILL_TEST_LIBS)
TESTS += tests/fuzz/drill.test
EXTRA_DIST += tests/fuzz/drill.test tests/fuzz/corpus/drill
