# Unit programs link only what their folder may use, so a call in the wrong direction does not link.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_LOG_DRIVER = $(LOG_DRIVER)
# libcheck gives a test four seconds, which a sanitizer on a busy machine does not need to keep to.
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CK_DEFAULT_TIMEOUT=120; export top_srcdir top_builddir CK_DEFAULT_TIMEOUT;
EXTRA_DIST += tests/unit/unit.h tests/fuzz/run.sh tests/fuzz/dict

check_PROGRAMS += tests/unit/base_test
tests_unit_base_test_SOURCES = tests/unit/base.c
tests_unit_base_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_base_test_LDADD = libbase.a $(CHECK_LIBS)
TESTS += tests/unit/base_test

check_PROGRAMS += tests/unit/writ_test
tests_unit_writ_test_SOURCES = tests/unit/writ.c
tests_unit_writ_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_writ_test_LDADD = libbase.a $(CHECK_LIBS) $(JANSSON_LIBS)
TESTS += tests/unit/writ_test

TESTS += tests/layers.test
EXTRA_DIST += tests/layers.test

include tests/drill.mk
include tests/zones.mk
include tests/geo.mk
include tests/health.mk
include tests/relay.mk
include tests/fleet.mk
include tests/gslb.mk
include tests/latency.mk
include tests/blackbox.mk
include tests/bench.mk

# Large sums of one thread.
ONE_THREAD_TESTS = tests/unit/capacity_test tests/unit/geo_scope_test tests/unit/runs_test tests/unit/shares_test tests/unit/moves_test tests/health/simulation \
	tests/fleet/fleet tests/latency/world
# What a second compiler and the sanitizer builds run: all but the black box.
QUICK_TESTS = $(filter-out tests/blackbox/%,$(TESTS))
