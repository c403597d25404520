# rows of the geo tests
GEO_TEST_SOURCES = tests/geo/mmdb_write.c tests/geo/mmdb_write.h
GEO_TEST_LIBS = libgeo.a libbase.a $(MMDB_LIBS) -lm

check_PROGRAMS += tests/unit/geo_test tests/unit/geo_scope_test tests/unit/runs_test tests/fuzz/fuzz_mmdb
tests_unit_geo_test_SOURCES = tests/unit/geo.c tests/unit/geo_damage.c $(GEO_TEST_SOURCES)
tests_unit_geo_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_geo_test_LDADD = $(GEO_TEST_LIBS) $(CHECK_LIBS)

tests_unit_geo_scope_test_SOURCES = tests/unit/geo_scope.c tests/geo/model.c tests/geo/model.h $(GEO_TEST_SOURCES)
tests_unit_geo_scope_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_geo_scope_test_LDADD = $(GEO_TEST_LIBS) $(CHECK_LIBS)

tests_unit_runs_test_SOURCES = tests/unit/runs.c
tests_unit_runs_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_runs_test_LDADD = $(GEO_TEST_LIBS) $(CHECK_LIBS)

tests_fuzz_fuzz_mmdb_SOURCES = tests/fuzz/fuzz_mmdb.c tests/fuzz/replay.c
tests_fuzz_fuzz_mmdb_LDADD = $(GEO_TEST_LIBS)

TESTS += tests/unit/geo_test tests/unit/geo_scope_test tests/unit/runs_test tests/fuzz/mmdb.test
EXTRA_DIST += tests/fuzz/mmdb.test tests/fuzz/corpus/mmdb tests/tools/brute-force-geo.py tools/geo-from-tor

# made by hand: figures, not verdicts; and the corpus's seeds
EXTRA_PROGRAMS = tests/bench/geo_bench tests/geo/corpus
tests_bench_geo_bench_SOURCES = tests/bench/geo_bench.c
tests_bench_geo_bench_LDADD = $(GEO_TEST_LIBS)
tests_geo_corpus_SOURCES = tests/geo/corpus.c $(GEO_TEST_SOURCES)
tests_geo_corpus_LDADD = libbase.a
