# rows of gslb: configuration, the control socket, and gslbctl
noinst_LIBRARIES += libcontrol.a
libcontrol_a_SOURCES = \
	gslb/conf.c gslb/conf.h \
	gslb/conf_shape.c gslb/conf_shape.h \
	gslb/conf_value.c gslb/conf_value.h \
	gslb/conf_yaml.c gslb/conf_yaml.h \
	gslb/herald.c gslb/herald.h gslb/line.c gslb/line.h
libcontrol_a_CFLAGS = $(AM_CFLAGS) $(CYAML_CFLAGS) $(JANSSON_CFLAGS)

# gslbctl without its main, for the tests
noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	gslb/ctl.h gslb/ctl_text.h \
	gslb/ctl_args.c gslb/ctl_ask.c gslb/ctl_check.c gslb/ctl_drain.c gslb/ctl_drill.c gslb/ctl_drill_text.c gslb/ctl_drill_text.h \
	gslb/ctl_capacity.c gslb/ctl_explain.c gslb/ctl_help.c gslb/ctl_latency.c gslb/ctl_lists.c gslb/ctl_main.c \
	gslb/ctl_overrides.c gslb/ctl_purge.c gslb/ctl_push.c gslb/ctl_relay.c gslb/ctl_relay.h gslb/ctl_relay_bench.c gslb/ctl_relay_drain.c gslb/ctl_relay_replay.c gslb/ctl_reload.c gslb/ctl_stats.c gslb/ctl_status.c gslb/ctl_table.c gslb/ctl_votes.c \
	gslb/ctl_text.c gslb/ctl_zones.c gslb/ctl_zones.h \
	gslb/ctl_plan.c gslb/ctl_plan.h gslb/ctl_plan_local.c gslb/ctl_plan_text.c
libctl_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

sbin_PROGRAMS += gslbctl
gslbctl_SOURCES = gslb/gslbctl.c
gslbctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
gslbctl_LDADD = libctl.a libdecide.a libhealth.a libgeo.a libzones.a libbase.a $(LDNS_LIBS) $(MMDB_LIBS) $(JANSSON_LIBS) -lm


