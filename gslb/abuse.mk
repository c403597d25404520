# What bounds strangers. The guard itself is a part of the packet path; what it stands on knows no packets.
noinst_LIBRARIES += libabuse.a
libabuse_a_SOURCES = \
	gslb/cookie.c gslb/cookie.h \
	gslb/rrl.c gslb/rrl.h
libpacket_a_SOURCES += gslb/guard.c gslb/guard.h
libabuse_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS)
