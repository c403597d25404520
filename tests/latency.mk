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

check_PROGRAMS += tests/unit/explore_test
tests_unit_explore_test_SOURCES = tests/unit/explore.c $(SIM_SOURCES)
tests_unit_explore_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_explore_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/explore_test

check_PROGRAMS += tests/unit/misplaced_test
tests_unit_misplaced_test_SOURCES = tests/unit/misplaced.c $(SIM_SOURCES)
tests_unit_misplaced_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_misplaced_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/misplaced_test

# The simulated world: GSLB_BENCH_DATABASES names City databases to take its places from.
check_PROGRAMS += tests/latency/world
tests_latency_world_SOURCES = tests/latency/world.c tests/latency/earth.c tests/latency/earth.h $(SIM_SOURCES)
tests_latency_world_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_latency_world_LDADD = $(DECIDE_TEST_LIBS)
TESTS += tests/latency/world

EXTRA_PROGRAMS += tests/bench/latency_bench
BENCHES += tests/bench/latency_bench$(EXEEXT)
CLEANFILES += tests/bench/latency_bench$(EXEEXT)
tests_bench_latency_bench_SOURCES = tests/bench/latency_bench.c
tests_bench_latency_bench_LDADD = $(GEO_TEST_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_latency
tests_fuzz_fuzz_latency_SOURCES = tests/fuzz/fuzz_latency.c tests/fuzz/replay.c
tests_fuzz_fuzz_latency_LDADD = $(GEO_TEST_LIBS)
TESTS += tests/fuzz/latency.test
EXTRA_DIST += tests/fuzz/latency.test tests/fuzz/corpus/latency

check_PROGRAMS += tests/unit/sampler_test
tests_unit_sampler_test_SOURCES = tests/unit/sampler.c
tests_unit_sampler_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_sampler_test_LDADD = libpacket.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/sampler_test
