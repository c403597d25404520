# rows of the decision core
SIM_SOURCES = tests/scenario/sim.c tests/scenario/sim.h tests/geo/mmdb_write.c tests/geo/mmdb_write.h
DECIDE_TEST_LIBS = libdecide.a libzones.a libgeo.a libhealth.a libbase.a $(LDNS_LIBS) $(MMDB_LIBS) $(JANSSON_LIBS) -lm

check_PROGRAMS += tests/scenario/scenario
tests_scenario_scenario_SOURCES = tests/scenario/scenario.c tests/scenario/rehearsal.c tests/scenario/rehearsal.h tests/scenario/pressure.c tests/scenario/pressure.h $(SIM_SOURCES)
tests_scenario_scenario_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_scenario_scenario_LDADD = $(DRILL_TEST_LIBS)

TESTS += tests/scenario/scenarios.test
EXTRA_DIST += tests/unit/told.h
EXTRA_DIST += tests/scenario/scenarios.test \
	tests/scenario/abstain-anchors.txt \
	tests/scenario/abstain-endpoints.txt \
	tests/scenario/budget.txt \
	tests/scenario/budget-keep.txt \
	tests/scenario/capacity.txt \
	tests/scenario/cname.txt \
	tests/scenario/damped.txt \
	tests/scenario/down-all.txt \
	tests/scenario/down-last.txt \
	tests/scenario/down-nodata.txt \
	tests/scenario/down-servfail.txt \
	tests/scenario/drain.txt \
	tests/scenario/drills.txt \
	tests/scenario/expiry.txt \
	tests/scenario/explore.txt \
	tests/scenario/failover.txt \
	tests/scenario/fallback.txt \
	tests/scenario/families.txt \
	tests/scenario/flapping.txt \
	tests/scenario/foresees.txt \
	tests/scenario/globs.txt \
	tests/scenario/keep.txt \
	tests/scenario/loss.txt \
	tests/scenario/maps.txt \
	tests/scenario/min-up.txt \
	tests/scenario/needs.txt \
	tests/scenario/overrides.txt \
	tests/scenario/panic.txt \
	tests/scenario/ramp.txt \
	tests/scenario/regions.txt \
	tests/scenario/reload.txt \
	tests/scenario/spill.txt \
	tests/scenario/spill-sticky.txt \
	tests/scenario/sticky.txt \
	tests/scenario/tiers.txt \
	tests/scenario/tolerance.txt \
	tests/scenario/ttl.txt \
	tests/scenario/unplaced.txt \
	tests/scenario/votes.txt \
	tests/scenario/weights.txt \
	tests/scenario/wildcard.txt

check_PROGRAMS += tests/unit/decide_test tests/unit/pick_test tests/unit/override_test
tests_unit_decide_test_SOURCES = tests/unit/decide.c $(SIM_SOURCES)
tests_unit_decide_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_decide_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)

tests_unit_pick_test_SOURCES = tests/unit/pick.c
tests_unit_pick_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_pick_test_LDADD = libdecide.a libbase.a $(CHECK_LIBS) -lm

tests_unit_override_test_SOURCES = tests/unit/override.c $(SIM_SOURCES)
tests_unit_override_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_override_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/drain_test
tests_unit_drain_test_SOURCES = tests/unit/drain.c $(SIM_SOURCES)
tests_unit_drain_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_drain_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/audience_test
tests_unit_audience_test_SOURCES = tests/unit/audience.c $(SIM_SOURCES)
tests_unit_audience_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_audience_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/audience_test

check_PROGRAMS += tests/unit/forecast_test
tests_unit_forecast_test_SOURCES = tests/unit/forecast.c $(SIM_SOURCES)
tests_unit_forecast_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_forecast_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/ledger_test
tests_unit_ledger_test_SOURCES = tests/unit/ledger.c $(SIM_SOURCES)
tests_unit_ledger_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ledger_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/spill_test
tests_unit_spill_test_SOURCES = tests/unit/spill.c
tests_unit_spill_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_spill_test_LDADD = libdecide.a libbase.a $(CHECK_LIBS) -lm
TESTS += tests/unit/spill_test

check_PROGRAMS += tests/unit/capacity_test
tests_unit_capacity_test_SOURCES = tests/unit/capacity.c tests/unit/crowd.c tests/unit/crowd.h $(SIM_SOURCES)
tests_unit_capacity_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_capacity_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/capacity_test

HERD_SOURCES = tests/unit/herd.c tests/unit/herd.h $(SIM_SOURCES)
check_PROGRAMS += tests/unit/shares_test tests/unit/moves_test tests/unit/nodes_test
tests_unit_shares_test_SOURCES = tests/unit/shares.c $(HERD_SOURCES)
tests_unit_shares_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_shares_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
tests_unit_moves_test_SOURCES = tests/unit/moves.c $(HERD_SOURCES)
tests_unit_moves_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_moves_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
tests_unit_nodes_test_SOURCES = tests/unit/nodes.c $(HERD_SOURCES)
tests_unit_nodes_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_nodes_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/shares_test tests/unit/moves_test tests/unit/nodes_test

# The same with all of a million clients each time, and so many seeds.
shares_rounds = 3
.PHONY: shares
shares: tests/unit/shares_test tests/unit/moves_test tests/unit/nodes_test
	for test in shares moves nodes; do GSLB_SHARES_ROUNDS=$(shares_rounds) tests/unit/$${test}_test || exit 1; done

TESTS += tests/unit/decide_test tests/unit/pick_test tests/unit/override_test tests/unit/ledger_test tests/unit/forecast_test \
	tests/unit/drain_test

check_PROGRAMS += tests/unit/plan_test
tests_unit_plan_test_SOURCES = tests/unit/plan.c $(SIM_SOURCES)
tests_unit_plan_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_plan_test_LDADD = $(DECIDE_TEST_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/plan_test

check_PROGRAMS += tests/fuzz/fuzz_audience
tests_fuzz_fuzz_audience_SOURCES = tests/fuzz/fuzz_audience.c tests/fuzz/replay.c
tests_fuzz_fuzz_audience_LDADD = $(DECIDE_TEST_LIBS)
TESTS += tests/fuzz/audience.test
EXTRA_DIST += tests/fuzz/audience.test tests/fuzz/corpus/audience
