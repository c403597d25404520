# rows of the tests of conf, control and gslbctl
check_PROGRAMS += tests/unit/conf_test
tests_unit_conf_test_SOURCES = tests/unit/conf.c
tests_unit_conf_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_conf_test_LDADD = libcontrol.a libbase.a $(CYAML_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/conf_test

check_PROGRAMS += tests/unit/control_test
tests_unit_control_test_SOURCES = tests/unit/control.c
tests_unit_control_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_control_test_LDADD = libcontrol.a libbase.a $(JANSSON_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/control_test
