check_PROGRAMS += tests/unit/relay_test
tests_unit_relay_test_SOURCES = tests/unit/relay.c
tests_unit_relay_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_relay_test_LDADD = librelay.a libbase.a $(RELAY_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/relay_test
