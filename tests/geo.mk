# rows of the geo tests
EXTRA_PROGRAMS = tests/bench/geo_bench
tests_bench_geo_bench_SOURCES = tests/bench/geo_bench.c
tests_bench_geo_bench_LDADD = libgeo.a libbase.a $(MMDB_LIBS) -lm
