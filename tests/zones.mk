# rows of the zones tests
check_PROGRAMS += tests/unit/zones_test tests/fuzz/fuzz_zone
tests_unit_zones_test_SOURCES = tests/unit/zones.h tests/unit/zones.c tests/unit/zones_find.c tests/unit/zones_model.c \
	tests/unit/zones_reader.c tests/unit/zones_rules.c tests/unit/zones_set.c
tests_unit_zones_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_zones_test_LDADD = libzones.a libbase.a $(LDNS_LIBS) $(CHECK_LIBS)
TESTS += tests/unit/zones_test

tests_fuzz_fuzz_zone_SOURCES = tests/fuzz/fuzz_zone.c tests/fuzz/replay.c
tests_fuzz_fuzz_zone_LDADD = libzones.a libbase.a $(LDNS_LIBS)
TESTS += tests/fuzz/zone.test
EXTRA_DIST += tests/fuzz/zone.test tests/fuzz/corpus/zone
