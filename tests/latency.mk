# rows of the latency tests
check_PROGRAMS += tests/unit/latency_test
tests_unit_latency_test_SOURCES = tests/unit/latency.c
tests_unit_latency_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_latency_test_LDADD = $(GEO_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/latency_test

check_PROGRAMS += tests/unit/learned_test
tests_unit_learned_test_SOURCES = tests/unit/learned.c $(SIM_SOURCES)
tests_unit_learned_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_learned_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/learned_test
