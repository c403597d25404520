# librelay.a is all of gslb-relay but its main, for the tests.
noinst_LIBRARIES += librelay.a
librelay_a_SOURCES = \
	relay/relay.h \
	relay/adapter.c relay/adapter.h \
	relay/adapter_bind.c \
	relay/adapter_http.c \
	relay/adapter_knot.c \
	relay/adapter_memcached.c \
	relay/adapter_powerdns.c \
	relay/adapter_redis.c \
	relay/adapter_unbound.c \
	relay/adapter_whole.c \
	relay/audit.c relay/audit.h \
	relay/breaker.c relay/breaker.h \
	relay/bus.h relay/bus_local.c relay/bus_nats.c relay/bus_nats_check.c relay/bus_nats_check.h relay/bus_nats_fetch.c relay/bus_nats_fetch.h relay/bus_nats_link.c relay/bus_nats_link.h relay/bus_nats_publish.c relay/bus_nats_publish.h relay/bus_nats_replay.c relay/bus_nats_replay.h relay/bus_queue.c relay/bus_queue.h \
	relay/certificates.c relay/certificates.h \
	relay/check.c relay/check.h \
	relay/conf.c relay/conf.h \
	relay/conf_bus.c relay/conf_bus.h \
	relay/crypto.c relay/crypto.h \
	relay/errand.c relay/errand.h \
	relay/event.c relay/event.h \
	relay/doubt.c relay/doubt.h \
	relay/exchange.c relay/exchange.h \
	relay/expiry.c relay/expiry.h \
	relay/gap.c relay/gap.h \
	relay/heat.c relay/heat.h \
	relay/hits.c relay/hits.h \
	relay/hot.c relay/hot.h \
	relay/http.c relay/http.h \
	relay/ingress.c relay/ingress.h \
	relay/intake.c \
	relay/intake_drain.c \
	relay/intake_hot.c \
	relay/intake_lag.c \
	relay/intake_look.c \
	relay/intake_replay.c \
	relay/journal.c relay/journal.h \
	relay/limit.c relay/limit.h \
	relay/lint.c relay/lint.h \
	relay/metrics.c \
	relay/pacer.c relay/pacer.h \
	relay/pending.c relay/pending.h \
	relay/policy.c relay/policy.h \
	relay/sign.c relay/sign.h \
	relay/process.c \
	relay/renew.c relay/renew.h \
	relay/resend.c relay/resend.h \
	relay/service.c relay/service.h \
	relay/spread.c relay/spread.h \
	relay/strangers.c relay/strangers.h \
	relay/state.c relay/state.h \
	relay/state_origin.c relay/state_origin.h \
	relay/store.c relay/store.h \
	relay/store_anew.c \
	relay/store_floor.c relay/store_floor.h \
	relay/store_kept.c \
	relay/store_sql.c relay/store_sql.h \
	relay/store_writs.c \
	relay/target.c relay/target.h \
	relay/verify.c relay/verify.h \
	relay/waiting.c \
	relay/wire.c relay/wire.h \
	relay/work.c relay/work.h \
	relay/writs.c relay/writs.h relay/writs_hosts.c relay/writs_repair.c relay/intake_writs.c
librelay_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CYAML_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS) $(HIREDIS_CFLAGS) $(NATS_CFLAGS) $(CRYPTO_CFLAGS) $(MICROHTTPD_CFLAGS)
RELAY_LIBS = $(CURL_LIBS) $(CYAML_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(HIREDIS_LIBS) $(NATS_LIBS) $(CRYPTO_LIBS) $(MICROHTTPD_LIBS) -lm

sbin_PROGRAMS += gslb-relay
gslb_relay_SOURCES = relay/main.c
gslb_relay_LDADD = librelay.a libbase.a $(RELAY_LIBS)
