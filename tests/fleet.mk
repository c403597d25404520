# The fleet simulator: gslb-relay's log, turn and overrides, gslb-health's probing, detectors, votes and verdicts, gslbd's decision, of many hosts in one
# process.
# What they ask the machine goes to the simulated one, by the linker.
FLEET_WRAPPED = clock_wall_ms clock_monotonic_ms clock_monotonic_us dice_from_kernel work_begin work_coarse control_waits control_answer fleet_vote
check_PROGRAMS += tests/fleet/fleet
tests_fleet_fleet_SOURCES = \
	tests/fleet/answers.c tests/fleet/answers.h \
	tests/fleet/deed.c tests/fleet/deed.h \
	tests/fleet/disk.c tests/fleet/disk.h \
	tests/fleet/engine.c tests/fleet/engine.h \
	tests/fleet/fault.c tests/fleet/fault.h \
	tests/fleet/fleet.c \
	tests/fleet/gslbd.c tests/fleet/gslbd.h \
	tests/fleet/host.c tests/fleet/host.h \
	tests/fleet/oracle.c tests/fleet/oracle.h tests/fleet/oracle_answers.c tests/fleet/oracle_votes.c tests/fleet/oracle_writs.c \
	tests/fleet/prober.c tests/fleet/prober.h \
	tests/fleet/run.c tests/fleet/run.h \
	tests/fleet/stream.c tests/fleet/stream.h \
	tests/fleet/world.c tests/fleet/world.h \
	$(SIM_SOURCES)
tests_fleet_fleet_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
tests_fleet_fleet_LDFLAGS = $(AM_LDFLAGS) $(foreach name,$(FLEET_WRAPPED),-Wl,--wrap=$(name))
tests_fleet_fleet_LDADD = librelay.a libdecide.a libzones.a libgeo.a libprobe.a libhealth.a libbase.a $(RELAY_LIBS) $(LDNS_LIBS) $(MMDB_LIBS) -lm
TESTS += tests/fleet/fleet

# Many seeds; tests/fleet/fleet --seed N --trace --shrink shows one.
seeds = 10000
from = 1
.PHONY: simulate
simulate: tests/fleet/fleet$(EXEEXT)
	nice tests/fleet/fleet$(EXEEXT) --seeds $(seeds) --from $(from) --jobs $$(nproc)

# Each of the rules that it checks, broken on purpose: it must be found.
.PHONY: mutants
mutants: tests/fleet/fleet$(EXEEXT)
	top_srcdir=$(top_srcdir) $(top_srcdir)/tests/fleet/mutants.py
EXTRA_DIST += tests/fleet/mutants.py
