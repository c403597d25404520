check_PROGRAMS += tests/unit/health_test
tests_unit_health_test_SOURCES = tests/unit/health.c
tests_unit_health_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS) -lm
TESTS += tests/unit/health_test

check_PROGRAMS += tests/unit/detector_test
tests_unit_detector_test_SOURCES = tests/unit/detector.c
tests_unit_detector_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_detector_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS) -lm
TESTS += tests/unit/detector_test

# False alarms are counted on 3000 endpoints here; check-health-simulation takes as many as the manual speaks of.
check_PROGRAMS += tests/health/simulation
tests_health_simulation_SOURCES = tests/health/simulation.c tests/health/chain.c tests/health/chain.h
tests_health_simulation_LDADD = libhealth.a libbase.a -lm
TESTS += tests/health/simulation
.PHONY: check-health-simulation
check-health-simulation: tests/health/simulation$(EXEEXT)
	tests/health/simulation$(EXEEXT) 10000 24

# The same medians with a real gslb-health and real sockets, held to what the manual promises; for a quiet machine.
.PHONY: bench-detection
bench-detection: gslb-health$(EXEEXT) gslbd$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 GSLB_DETECTION_STRICT=1 \
		$(top_srcdir)/tests/blackbox/detection.py medians

check_PROGRAMS += tests/unit/probing_test
tests_unit_probing_test_SOURCES = tests/unit/probing.c
tests_unit_probing_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_probing_test_LDADD = libprobe.a libhealth.a libbase.a $(CHECK_LIBS) $(CURL_LIBS) $(CARES_LIBS) -lm
TESTS += tests/unit/probing_test

check_PROGRAMS += tests/unit/lookup_test
tests_unit_lookup_test_SOURCES = tests/unit/lookup.c
tests_unit_lookup_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_lookup_test_LDADD = libprobe.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/lookup_test

check_PROGRAMS += tests/unit/wheel_test
tests_unit_wheel_test_SOURCES = tests/unit/wheel.c
tests_unit_wheel_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_wheel_test_LDADD = libprobe.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/wheel_test

check_PROGRAMS += tests/fuzz/fuzz_health
tests_fuzz_fuzz_health_SOURCES = tests/fuzz/fuzz_health.c tests/fuzz/replay.c
tests_fuzz_fuzz_health_LDADD = libhealth.a libbase.a -lm
TESTS += tests/fuzz/health.test
EXTRA_DIST += tests/fuzz/health.test tests/fuzz/corpus/health

TESTS += tests/blackbox/health_test.py
EXTRA_DIST += tests/blackbox/health_test.py tests/blackbox/health_rig.py tests/blackbox/tcp_rig.py tests/blackbox/netns_rig.py

check_PROGRAMS += tests/unit/abstain_test
tests_unit_abstain_test_SOURCES = tests/unit/abstain.c
tests_unit_abstain_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_abstain_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/abstain_test

TESTS += tests/blackbox/abstain.py
EXTRA_DIST += tests/blackbox/abstain.py

check_PROGRAMS += tests/unit/votes_test
tests_unit_votes_test_SOURCES = tests/unit/votes.c
tests_unit_votes_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_votes_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/votes_test

check_PROGRAMS += tests/unit/fleet_test
tests_unit_fleet_test_SOURCES = tests/unit/fleet.c
tests_unit_fleet_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_fleet_test_LDADD = libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/fleet_test
