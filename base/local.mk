noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/base.h \
	base/addr.c base/addr.h \
	base/arena.c base/arena.h \
	base/buf.c base/buf.h \
	base/clock.c base/clock.h \
	base/control.c base/control.h \
	base/control_client.c base/control_client.h \
	base/dice.c base/dice.h \
	base/err.c base/err.h \
	base/file.c base/file.h \
	base/hash.c base/hash.h \
	base/huge.c base/huge.h \
	base/likely.h \
	base/log.c base/log.h \
	base/mem.c base/mem.h \
	base/name.c base/name.h \
	base/slice.c base/slice.h \
	base/state.c base/state.h \
	base/state_client.c base/state_client.h \
	base/units.c base/units.h \
	base/writ.c base/writ.h base/writ_set.c base/writ_set.h
libbase_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) $(JANSSON_CFLAGS)
