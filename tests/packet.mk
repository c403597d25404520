# rows of the tests of the packet path and the workers
EXTRA_DIST += tests/unit/message.h tests/unit/packet_world.h
PACKET_WORLD_LIBS = libpacket.a libabuse.a libdecide.a libhealth.a libgeo.a libzones.a libbase.a $(LDNS_LIBS) $(MMDB_LIBS) -lm

check_PROGRAMS += tests/unit/packet_test
tests_unit_packet_test_SOURCES = tests/unit/packet.c tests/unit/message.c tests/unit/packet_world.c
tests_unit_packet_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_packet_test_LDADD = $(PACKET_WORLD_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/packet_test

check_PROGRAMS += tests/unit/plain_test
tests_unit_plain_test_SOURCES = tests/unit/plain.c
tests_unit_plain_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_plain_test_LDADD = $(PACKET_WORLD_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/plain_test

check_PROGRAMS += tests/unit/worker_test
tests_unit_worker_test_SOURCES = tests/unit/worker.c tests/unit/message.c tests/unit/packet_world.c
tests_unit_worker_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_worker_test_LDADD = libworker.a $(PACKET_WORLD_LIBS) $(URCU_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/worker_test

check_PROGRAMS += tests/unit/roster_test tests/unit/tcp_test
tests_unit_roster_test_SOURCES = tests/unit/roster.c
tests_unit_roster_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_roster_test_LDADD = libworker.a libbase.a $(CHECK_LIBS)
tests_unit_tcp_test_SOURCES = tests/unit/tcp.c tests/unit/message.c tests/unit/packet_world.c
tests_unit_tcp_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_tcp_test_LDADD = libworker.a $(PACKET_WORLD_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/roster_test tests/unit/tcp_test

check_PROGRAMS += tests/fuzz/fuzz_packet tests/fuzz/fuzz_tcp
tests_fuzz_fuzz_packet_SOURCES = tests/fuzz/fuzz_packet.c tests/fuzz/replay.c tests/unit/message.c tests/unit/packet_world.c
tests_fuzz_fuzz_packet_LDADD = $(PACKET_WORLD_LIBS)
tests_fuzz_fuzz_tcp_SOURCES = tests/fuzz/fuzz_tcp.c tests/fuzz/replay.c
tests_fuzz_fuzz_tcp_LDADD = libworker.a libbase.a
TESTS += tests/fuzz/packet.test tests/fuzz/tcp.test
EXTRA_DIST += tests/fuzz/packet.test tests/fuzz/tcp.test tests/fuzz/corpus/packet tests/fuzz/corpus/tcp

# A measurement, not a test: `make bench` builds and runs it.
EXTRA_PROGRAMS += tests/bench/packet_bench
BENCHES = tests/bench/packet_bench$(EXEEXT)
CLEANFILES += tests/bench/packet_bench$(EXEEXT)
tests_bench_packet_bench_SOURCES = tests/bench/packet_bench.c tests/bench/locate.c tests/bench/locate.h tests/unit/message.c tests/unit/packet_world.c
tests_bench_packet_bench_LDFLAGS = $(GSLB_LDFLAGS) $(LTO_LDFLAGS)
tests_bench_packet_bench_LDADD = $(PACKET_WORLD_LIBS)
