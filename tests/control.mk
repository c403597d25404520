# rows of the tests of conf, control and gslbctl
check_PROGRAMS += tests/unit/conf_test
tests_unit_conf_test_SOURCES = tests/unit/conf.c
tests_unit_conf_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_conf_test_LDADD = libcontrol.a libabuse.a libbase.a $(CYAML_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS) -lm
TESTS += tests/unit/conf_test

check_PROGRAMS += tests/unit/control_test
tests_unit_control_test_SOURCES = tests/unit/control.c
tests_unit_control_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_control_test_LDADD = libcontrol.a libbase.a $(JANSSON_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/control_test

check_PROGRAMS += tests/unit/ctl_test
tests_unit_ctl_test_SOURCES = tests/unit/ctl.c
tests_unit_ctl_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ctl_test_LDADD = libctl.a libcontrol.a libdecide.a libhealth.a libgeo.a libzones.a libbase.a $(LDNS_LIBS) $(MMDB_LIBS) \
	$(JANSSON_LIBS) $(CHECK_LIBS) -lm
TESTS += tests/unit/ctl_test
EXTRA_DIST += tests/unit/golden

check_PROGRAMS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/replay.c
tests_fuzz_fuzz_conf_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_conf_LDADD = libcontrol.a libabuse.a libbase.a $(CYAML_LIBS) $(JANSSON_LIBS) -lm
TESTS += tests/fuzz/conf.test
EXTRA_DIST += tests/fuzz/conf.test tests/fuzz/corpus/conf

check_PROGRAMS += tests/fuzz/fuzz_control
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c tests/fuzz/replay.c
tests_fuzz_fuzz_control_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_control_LDADD = libcontrol.a libbase.a $(JANSSON_LIBS)
TESTS += tests/fuzz/control.test
EXTRA_DIST += tests/fuzz/control.test tests/fuzz/corpus/control
