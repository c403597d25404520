# rows of gslb: HTTP and metrics
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = \
	gslb/http_request.c gslb/http_request.h
libhttp_a_CFLAGS = $(AM_CFLAGS)

libdaemon_a_SOURCES += \
	gslb/http.c gslb/http.h gslb/http_routes.c gslb/http_endpoints.c gslb/http_endpoints.h \
	gslb/http_page.c gslb/http_page.h \
	gslb/metrics.c gslb/metrics.h gslb/metrics_self.c gslb/metrics_queries.c gslb/metrics_services.c \
	gslb/metrics_zones.c gslb/metrics_health.c gslb/metrics_fleet.c gslb/metrics_endpoints.c \
	gslb/push.c gslb/tallies.c gslb/tallies.h

# A page is easier to write than a string.
gslb/dashboard.h: gslb/dashboard.html
	$(AM_V_GEN)$(MKDIR_P) gslb && $(AWK) '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "\"%s\\n\"\n", $$0 }' \
		$(srcdir)/gslb/dashboard.html >$@.part && mv $@.part $@
gslb/libdaemon_a-http_page.$(OBJEXT): gslb/dashboard.h
EXTRA_DIST += gslb/dashboard.html
CLEANFILES += gslb/dashboard.h
