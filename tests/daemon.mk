# rows of the daemon's tests
check_PROGRAMS += tests/unit/slots_test
tests_unit_slots_test_SOURCES = tests/unit/slots.c
tests_unit_slots_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_slots_test_LDADD = libdaemon.a libhealth.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/slots_test

check_PROGRAMS += tests/unit/builder_test
tests_unit_builder_test_SOURCES = tests/unit/builder.c
tests_unit_builder_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_builder_test_LDADD = libdaemon.a libdrill.a libdecide.a libcontrol.a libabuse.a libhealth.a libgeo.a libzones.a libbase.a \
	$(LDNS_LIBS) $(MMDB_LIBS) $(JANSSON_LIBS) $(CYAML_LIBS) $(CHECK_LIBS) -lm
TESTS += tests/unit/builder_test

check_PROGRAMS += tests/unit/kin_test
tests_unit_kin_test_SOURCES = tests/unit/kin.c
tests_unit_kin_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_kin_test_LDADD = libdecide.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/kin_test
