# rows of cookies and of the limiter
check_PROGRAMS += tests/unit/cookie_test tests/unit/rrl_test tests/fuzz/fuzz_cookie
tests_unit_cookie_test_SOURCES = tests/unit/cookie.c tests/unit/message.c
tests_unit_cookie_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_cookie_test_LDADD = libabuse.a libbase.a $(CHECK_LIBS)
tests_unit_rrl_test_SOURCES = tests/unit/rrl.c
tests_unit_rrl_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_rrl_test_LDADD = libabuse.a libbase.a $(CHECK_LIBS) -lm
TESTS += tests/unit/cookie_test tests/unit/rrl_test

tests_fuzz_fuzz_cookie_SOURCES = tests/fuzz/fuzz_cookie.c tests/fuzz/replay.c
tests_fuzz_fuzz_cookie_LDADD = libabuse.a libbase.a
TESTS += tests/fuzz/cookie.test
EXTRA_DIST += tests/fuzz/cookie.test tests/fuzz/corpus/cookie

check_PROGRAMS += tests/unit/guard_test
tests_unit_guard_test_SOURCES = tests/unit/guard.c tests/unit/message.c tests/unit/packet_world.c
tests_unit_guard_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_guard_test_LDADD = $(PACKET_WORLD_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/guard_test

TESTS += tests/blackbox/abuse.py
EXTRA_DIST += tests/blackbox/abuse.py

EXTRA_PROGRAMS += tests/bench/abuse_bench
BENCHES += tests/bench/abuse_bench$(EXEEXT)
CLEANFILES += tests/bench/abuse_bench$(EXEEXT)
tests_bench_abuse_bench_SOURCES = tests/bench/abuse_bench.c
tests_bench_abuse_bench_LDADD = libabuse.a libbase.a -lm
