# The packet path, which knows no sockets; and the workers, which know little else.
noinst_LIBRARIES += libpacket.a libworker.a
libpacket_a_SOURCES = \
	gslb/answer.c gslb/answer.h \
	gslb/chaos.c gslb/chaos.h \
	gslb/counters.c gslb/counters.h \
	gslb/packet.c gslb/packet.h \
	gslb/query.c gslb/query.h \
	gslb/bytes.h gslb/plain.c gslb/plain.h gslb/reply.c gslb/reply.h \
	gslb/sampler.c gslb/sampler.h
libpacket_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS)
libworker_a_SOURCES = \
	gslb/listen.c gslb/listen.h \
	gslb/roster.c gslb/roster.h \
	gslb/rtt_ring.h \
	gslb/stream.c gslb/stream.h \
	gslb/tcp.c gslb/tcp.h \
	gslb/tcp_client.c gslb/tcp_client.h \
	gslb/udp.c gslb/udp.h \
	gslb/worker.c gslb/worker.h
libworker_a_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) $(URCU_CFLAGS)
