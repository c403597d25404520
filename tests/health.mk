check_PROGRAMS += tests/unit/health_test
tests_unit_health_test_SOURCES = tests/unit/health.c
tests_unit_health_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/health_test

check_PROGRAMS += tests/unit/probing_test
tests_unit_probing_test_SOURCES = tests/unit/probing.c
tests_unit_probing_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_probing_test_LDADD = libprobe.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/probing_test

check_PROGRAMS += tests/unit/lookup_test
tests_unit_lookup_test_SOURCES = tests/unit/lookup.c
tests_unit_lookup_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_lookup_test_LDADD = libprobe.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/lookup_test

check_PROGRAMS += tests/fuzz/fuzz_health
tests_fuzz_fuzz_health_SOURCES = tests/fuzz/fuzz_health.c tests/fuzz/replay.c
tests_fuzz_fuzz_health_LDADD = libhealth.a libbase.a
TESTS += tests/fuzz/health.test
EXTRA_DIST += tests/fuzz/health.test tests/fuzz/corpus/health

TESTS += tests/blackbox/health_test.py
EXTRA_DIST += tests/blackbox/health_test.py tests/blackbox/health_rig.py
