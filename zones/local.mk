noinst_LIBRARIES += libzones.a
libzones_a_SOURCES = \
	zones/zones.h \
	zones/inner.h \
	zones/model.h \
	zones/set.h \
	zones/diff.c \
	zones/draft.c \
	zones/find.c \
	zones/lexer.c zones/lexer.h \
	zones/link.c \
	zones/load.c \
	zones/loc.c zones/loc.h \
	zones/lookup.c \
	zones/map.c \
	zones/model.c \
	zones/needs.c \
	zones/parse.c zones/parse.h \
	zones/pool.c \
	zones/poolname.c \
	zones/print.c \
	zones/reader.c \
	zones/rrset.c \
	zones/service.c \
	zones/set.c \
	zones/shape.c \
	zones/table.c \
	zones/tags.c zones/tags.h \
	zones/targets.c \
	zones/zone.c
libzones_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) $(LDNS_CFLAGS)
