# rows of the daemon's tests
check_PROGRAMS += tests/unit/slots_test
tests_unit_slots_test_SOURCES = tests/unit/slots.c
tests_unit_slots_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_slots_test_LDADD = libdaemon.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/slots_test
