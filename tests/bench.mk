# Measurements: they print figures, and nothing is asserted. GEO=FILE[,FILE] names your databases; without it, countries are made
# of Debian's tor-geoipdb.
EXTRA_PROGRAMS += tests/bench/dnsload tests/bench/floor tests/bench/flood
BENCH_TOOLS = tests/bench/dnsload$(EXEEXT) tests/bench/floor$(EXEEXT) gslbd$(EXEEXT) gslbctl$(EXEEXT) gslb-health$(EXEEXT)
CLEANFILES += tests/bench/dnsload$(EXEEXT) tests/bench/floor$(EXEEXT) tests/bench/flood$(EXEEXT)
tests_bench_dnsload_SOURCES = tests/bench/dnsload.c tests/bench/cpu.c tests/bench/cpu.h tests/bench/question.c \
	tests/bench/question.h
tests_bench_dnsload_LDADD = libbase.a
tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_flood_SOURCES = tests/bench/flood.c tests/bench/mutate.c tests/bench/mutate.h tests/bench/question.c \
	tests/bench/question.h
tests_bench_flood_LDADD = libbase.a
EXTRA_DIST += tests/bench/instructions.sh tests/bench/mmdb_nest.py tests/bench/peers.py tests/bench/rig.py \
	tests/bench/servers.py tests/bench/soak.py

GEO =
bench_rounds = 20
bench_seconds = 1
bench_ecs = v4
bench_servers =
bench_geo = $(if $(GEO),$(GEO),bench/countries.mmdb)
bench_geo_made = $(if $(GEO),,bench/countries.mmdb)
bench_python = PYTHONDONTWRITEBYTECODE=1 python3
BENCH_PEERS = $(bench_python) $(top_srcdir)/tests/bench/peers.py --build . --rounds $(bench_rounds) \
	--seconds $(bench_seconds) --ecs $(bench_ecs) --geo "$(bench_geo)"

bench/countries.mmdb:
	mkdir -p bench
	$(top_srcdir)/tools/geo-from-tor $@ bench/tor

.PHONY: bench bench-peers bench-instructions soak-packets
# Nanoseconds a stage, then the whole process over loopback beside what the kernel alone takes.
bench: $(BENCHES) $(BENCH_TOOLS) $(bench_geo_made)
	for bench in $(BENCHES); do GEO="$(bench_geo)" ./$$bench || exit 1; done
	$(BENCH_PEERS) floor gslb

# All servers that are installed, in one run; bench_servers="gslb gdnsd" takes some.
bench-peers: $(BENCH_TOOLS) $(bench_geo_made)
	$(BENCH_PEERS) $(bench_servers)

# Instructions an answer takes outside of the kernel, counted: no neighbour disturbs them. Needs valgrind.
bench-instructions: tests/bench/packet_bench$(EXEEXT) $(bench_geo_made)
	GEO="$(bench_geo)" $(SHELL) $(top_srcdir)/tests/bench/instructions.sh tests/bench/packet_bench$(EXEEXT)

# So many random and mutated packets to a gslbd: it must live, answer right and not grow.
packets = 1000000
soak-packets: tests/bench/flood$(EXEEXT) $(BENCH_TOOLS) $(bench_geo_made)
	$(bench_python) $(top_srcdir)/tests/bench/soak.py --build . --packets $(packets) --geo "$(bench_geo)"

# The probe engine at scale, on addresses of 127/8; the backends are a process of their own.
EXTRA_PROGRAMS += tests/bench/farm
CLEANFILES += tests/bench/farm$(EXEEXT)
tests_bench_farm_SOURCES = tests/bench/farm.c
EXTRA_DIST += tests/bench/probes.py
probe_runs = tcp:100000 http-refused:30000 http-503:30000 http-early:30000
probe_seconds = 30
.PHONY: bench-probes
bench-probes: gslb-health$(EXEEXT) tests/bench/farm$(EXEEXT)
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(top_srcdir)/tests/bench/probes.py \
		--seconds $(probe_seconds) $(probe_runs)
