# libhealth.a is what gslbd links, too; libprobe.a, with curl and c-ares, is gslb-health's alone.
noinst_LIBRARIES += libhealth.a libprobe.a
libhealth_a_SOURCES = \
	health/health.h \
	health/abstain.c health/abstain.h \
	health/assign.c health/assign.h \
	health/ballot.c health/ballot.h \
	health/crowd.c health/crowd.h \
	health/board.c health/board.h \
	health/damping.c health/damping.h \
	health/budget.c health/budget.h \
	health/gate.c health/gate.h \
	health/votes.c health/votes.h \
	health/detector.c \
	health/evidence.c health/evidence.h \
	health/fleet.c health/fleet.h \
	health/fleet_count.c health/fleet_inner.h \
	health/fleet_say.c \
	health/identity.c \
	health/load_read.c \
	health/message.c health/message.h \
	health/plan.c health/plan.h \
	health/terms.c \
	health/verdict.c
libprobe_a_SOURCES = \
	health/anchors.c health/anchors.h \
	health/eyes.c health/eyes.h \
	health/changelog.c health/changelog.h \
	health/connect.c health/connect.h \
	health/council.c health/council.h \
	health/gauge.c health/gauge.h \
	health/grpc.c health/grpc.h \
	health/http_answer.c health/http_answer.h \
	health/judge.c health/judge.h \
	health/http_ask.c health/http_ask.h \
	health/http_kept.c health/http_kept.h \
	health/http_reason.c health/http_reason.h \
	health/lookup.c health/lookup.h \
	health/lookup_doubt.c health/lookup_doubt.h \
	health/loop.c health/loop.h \
	health/once.c health/once.h \
	health/post.c health/post.h \
	health/probe.c health/probe.h \
	health/probe_dns.c \
	health/probe_exec.c \
	health/probe_http.c \
	health/probe_none.c \
	health/probe_push.c \
	health/probe_tcp.c \
	health/probing.c health/probing.h health/probing_board.c health/probing_inner.h \
	health/process.c \
	health/service.c health/service.h \
	health/tally.c health/tally.h \
	health/wheel.c health/wheel.h
libprobe_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CARES_CFLAGS)

sbin_PROGRAMS += gslb-health
gslb_health_SOURCES = health/main.c
gslb_health_LDADD = libprobe.a libhealth.a libbase.a $(CURL_LIBS) $(CARES_LIBS) -lm
