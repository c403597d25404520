RELAY_UNIT = tests/unit/storm_test tests/unit/measure_test tests/unit/hot_test tests/unit/relay_test tests/unit/sign_test \
	tests/unit/state_test tests/unit/relays_test tests/unit/exchange_test tests/unit/renew_test tests/unit/writs_test \
	tests/unit/target_test
RELAY_UNIT_LIBS = librelay.a libbase.a $(RELAY_LIBS) $(CHECK_LIBS)
check_PROGRAMS += $(RELAY_UNIT)
TESTS += $(RELAY_UNIT)
tests_unit_storm_test_SOURCES = tests/unit/storm.c
tests_unit_storm_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_storm_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_measure_test_SOURCES = tests/unit/measure.c
tests_unit_measure_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_measure_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_hot_test_SOURCES = tests/unit/hot.c
tests_unit_hot_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_hot_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_relay_test_SOURCES = tests/unit/relay.c
tests_unit_relay_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_relay_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_sign_test_SOURCES = tests/unit/sign.c
tests_unit_sign_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_sign_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_state_test_SOURCES = tests/unit/state.c
tests_unit_state_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_state_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_relays_test_SOURCES = tests/unit/relays.c
tests_unit_relays_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_relays_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_exchange_test_SOURCES = tests/unit/exchange.c
tests_unit_exchange_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_exchange_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_renew_test_SOURCES = tests/unit/renew.c
tests_unit_renew_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_renew_test_LDADD = $(RELAY_UNIT_LIBS)
tests_unit_writs_test_SOURCES = tests/unit/writs.c
tests_unit_writs_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_writs_test_LDADD = $(RELAY_UNIT_LIBS)
# its own cache takes the place of librelay's
tests_unit_target_test_SOURCES = tests/unit/target.c
tests_unit_target_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_target_test_LDADD = $(RELAY_UNIT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_relay
tests_fuzz_fuzz_relay_SOURCES = tests/fuzz/fuzz_relay.c tests/fuzz/replay.c
tests_fuzz_fuzz_relay_LDADD = librelay.a libbase.a $(RELAY_LIBS)
TESTS += tests/fuzz/relay.test
EXTRA_DIST += tests/fuzz/relay.test tests/fuzz/corpus/relay

# its own wire takes the place of librelay's
check_PROGRAMS += tests/fuzz/fuzz_replies
tests_fuzz_fuzz_replies_SOURCES = tests/fuzz/fuzz_replies.c tests/fuzz/replay.c
tests_fuzz_fuzz_replies_LDADD = librelay.a libbase.a $(RELAY_LIBS)
TESTS += tests/fuzz/replies.test
EXTRA_DIST += tests/fuzz/replies.test tests/fuzz/corpus/replies

RELAY_BLACKBOX = \
	tests/blackbox/relay.py tests/blackbox/fleet.py tests/blackbox/state.py tests/blackbox/ingress.py \
	tests/blackbox/flush.py tests/blackbox/verify.py tests/blackbox/fleet_example.py tests/blackbox/faults_bus.py \
	tests/blackbox/faults_certificates.py tests/blackbox/storm.py tests/blackbox/killed_backend.py \
	tests/blackbox/relay_look.py tests/blackbox/relay_metrics.py tests/blackbox/relay_drain.py tests/blackbox/relay_bench.py \
	tests/blackbox/relay_replay.py tests/blackbox/siblings.py tests/blackbox/relay_hostile.py \
	tests/blackbox/faults_caches.py tests/blackbox/overrides_fleet.py tests/blackbox/summaries_fleet.py \
	tests/blackbox/votes_fleet.py
TESTS += $(RELAY_BLACKBOX)
EXTRA_DIST += $(RELAY_BLACKBOX) tests/blackbox/relay_rig.py tests/blackbox/fleet_rig.py tests/blackbox/caches_rig.py tests/blackbox/relay_load.py

# Faults that take minutes.
.PHONY: check-faults
check-faults: gslb-relay gslbd gslbctl gslb-health
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/blackbox/faults_long.py
EXTRA_DIST += tests/blackbox/faults_long.py tests/FAULTS.md

# Prints figures beside what is promised; fails where one is not met: for a quiet machine.
relay_options =
.PHONY: bench-relay
bench-relay: gslb-relay gslbd gslbctl gslb-health
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/bench/relay.py $(relay_options)
EXTRA_DIST += tests/bench/relay.py

# Fifty failovers of examples/fleet; what is promised of them is held against the clock here only.
.PHONY: bench-failovers
bench-failovers: gslb-relay gslbd gslbctl gslb-health
	GSLB_TEST_FAILOVERS=50 GSLB_TEST_REALTIME=1 top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		$(top_srcdir)/tests/blackbox/killed_backend.py

# The same tests as in ./check and check-faults, with their times held against the clock.
.PHONY: check-promises
check-promises: gslb-relay gslbd gslbctl gslb-health tests/blackbox/mmdb
	for t in overrides_fleet votes_fleet storm faults_long; do \
		GSLB_TEST_REALTIME=1 top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
			$(top_srcdir)/tests/blackbox/$$t.py || exit 1; done
