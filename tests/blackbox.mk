# Real programs on loopback, each test program in a folder of its own; they print TAP.
check_PROGRAMS += tests/blackbox/steady tests/blackbox/mmdb
tests_blackbox_steady_SOURCES = tests/blackbox/steady.c
tests_blackbox_steady_LDADD = libbase.a
tests_blackbox_mmdb_SOURCES = tests/blackbox/mmdb.c $(GEO_TEST_SOURCES)
tests_blackbox_mmdb_LDADD = libbase.a
check_PROGRAMS += tests/blackbox/crowd
tests_blackbox_crowd_SOURCES = tests/blackbox/crowd.c
tests_blackbox_crowd_LDADD = libbase.a

BLACKBOX_TESTS = \
	tests/blackbox/cookies.py \
	tests/blackbox/detection.py \
	tests/blackbox/ecs.py \
	tests/blackbox/failover.py \
	tests/blackbox/lookup.py \
	tests/blackbox/mistakes.py \
	tests/blackbox/privileges.py \
	tests/blackbox/prober.py \
	tests/blackbox/protocol.py \
	tests/blackbox/records.py \
	tests/blackbox/reload.py \
	tests/blackbox/resolvers.py \
	tests/blackbox/steering.py \
	tests/blackbox/transport.py \
	tests/blackbox/tcp_crowd.py \
	tests/blackbox/names.py
EXTRA_DIST += tests/blackbox/lab.py tests/blackbox/wire.py $(BLACKBOX_TESTS)
TESTS += $(BLACKBOX_TESTS)
