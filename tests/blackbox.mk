# Real programs on loopback, each test program in a folder of its own; they print TAP.
check_PROGRAMS += tests/blackbox/steady tests/blackbox/mmdb
tests_blackbox_steady_SOURCES = tests/blackbox/steady.c
tests_blackbox_steady_LDADD = libbase.a
tests_blackbox_mmdb_SOURCES = tests/blackbox/mmdb.c $(GEO_TEST_SOURCES)
tests_blackbox_mmdb_LDADD = libbase.a
check_PROGRAMS += tests/blackbox/crowd
tests_blackbox_crowd_SOURCES = tests/blackbox/crowd.c
tests_blackbox_crowd_LDADD = libbase.a
check_PROGRAMS += tests/blackbox/wan
tests_blackbox_wan_SOURCES = tests/blackbox/wan.c

BLACKBOX_TESTS = \
	tests/blackbox/aside.py \
	tests/blackbox/capacity.py \
	tests/blackbox/chaos.py \
	tests/blackbox/cookies.py \
	tests/blackbox/detection.py \
	tests/blackbox/drills.py \
	tests/blackbox/ecs.py \
	tests/blackbox/failover.py \
	tests/blackbox/hostile.py \
	tests/blackbox/latency.py \
	tests/blackbox/latency_netns.py \
	tests/blackbox/lookup.py \
	tests/blackbox/mistakes.py \
	tests/blackbox/plan.py \
	tests/blackbox/privileges.py \
	tests/blackbox/prober.py \
	tests/blackbox/probes.py \
	tests/blackbox/protocol.py \
	tests/blackbox/records.py \
	tests/blackbox/reload.py \
	tests/blackbox/resolvers.py \
	tests/blackbox/steering.py \
	tests/blackbox/sticky.py \
	tests/blackbox/transport.py \
	tests/blackbox/tcp_crowd.py \
	tests/blackbox/overrides.py \
	tests/blackbox/names.py \
	tests/blackbox/web.py
EXTRA_DIST += tests/blackbox/lab.py tests/blackbox/recursive.py tests/blackbox/wire.py $(BLACKBOX_TESTS)
TESTS += $(BLACKBOX_TESTS)

# A measurement of large loads: GSLB_BENCH_DATABASES names geo databases; prints figures, asserts nothing.
scale_options = --tenth --steps start,edit,reload
.PHONY: bench-scale
bench-scale: gslbd gslbctl gslb-health tests/blackbox/steady tests/bench/dnsload$(EXEEXT)
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/bench/scale.py $(scale_options)
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/bench/scale.py \
		--services 10 --sets 1 --records 1000000 --steps start,edit
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/bench/scale.py --workers 1 --steps names
EXTRA_DIST += tests/bench/scale.py

# The same with gslb-health killed each second for a minute.
.PHONY: chaos
chaos: gslbd gslbctl gslb-health
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' GSLB_CHAOS_SECONDS=60 \
		$(top_srcdir)/tests/blackbox/chaos.py

# Three regions in network namespaces, a delay apart: what resolvers are told by geography, and when their round trips are known.
.PHONY: demo-latency
demo-latency: gslbd gslbctl gslb-health tests/blackbox/wan tests/blackbox/mmdb
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/blackbox/latency_netns.py --demo
