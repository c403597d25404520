# rows of geo/
noinst_LIBRARIES += libgeo.a
libgeo_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) $(MMDB_CFLAGS)
libgeo_a_SOURCES = \
	geo/geo.h \
	geo/country.c \
	geo/depth.h \
	geo/distance.c \
	geo/embed.c geo/embed.h \
	geo/fields.c geo/fields.h \
	geo/geo.c geo/inside.h \
	geo/guard.c geo/guard.h \
	geo/latency.c geo/latency.h \
	geo/latency_cell.c geo/latency_cell.h \
	geo/latency_file.c \
	geo/latency_map.c geo/latency_map.h \
	geo/layer.c geo/layer.h \
	geo/lean.c geo/lean.h \
	geo/merge.c geo/merge.h \
	geo/misplaced.c geo/misplaced.h \
	geo/mmdb.c geo/mmdb.h \
	geo/numbers.c geo/numbers.h \
	geo/overlay.c geo/overlay.h \
	geo/pages.c geo/pages.h \
	geo/places.c geo/places.h \
	geo/read.c geo/read.h \
	geo/runs.h geo/runs4.c geo/runs6.c \
	geo/table.c
