noinst_LIBRARIES += libdaemon.a
libdaemon_a_SOURCES = \
	gslb/daemon.h gslb/daemon.c gslb/commands.c gslb/documents.c gslb/alarms.c gslb/loads.c gslb/spilling.c gslb/changes.c gslb/edits.c gslb/edits.h \
	gslb/builder.h gslb/builder.c \
	gslb/accord.h gslb/accord.c gslb/fleet.h gslb/fleet.c gslb/summary.h gslb/summary.c \
	gslb/drills.h gslb/drills.c gslb/drill_archive.c gslb/drill_folder.c \
	gslb/drill_commands.h gslb/drill_commands.c \
	gslb/hits.h gslb/hits.c \
	gslb/intake.h gslb/intake.c \
	gslb/kept.h gslb/kept.c \
	gslb/planner.h gslb/planner.c \
	gslb/plan_commands.h gslb/plan_commands.c \
	gslb/loader.h gslb/loader.c \
	gslb/probe_of.h gslb/probe_of.c \
	gslb/prober.h gslb/prober.c \
	gslb/slots.h gslb/slots.c \
	gslb/names.h gslb/names.c \
	gslb/spawner.h gslb/spawner.c \
	gslb/watch.h gslb/watch.c \
	gslb/host.h gslb/host.c
libdaemon_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(URCU_CFLAGS) $(MICROHTTPD_CFLAGS)

sbin_PROGRAMS += gslbd
gslbd_SOURCES = gslb/gslbd.c gslb/dry_run.h gslb/dry_run.c
gslbd_LDFLAGS = $(GSLB_LDFLAGS) $(LTO_LDFLAGS)
gslbd_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(URCU_CFLAGS)
gslbd_LDADD = libdaemon.a libhttp.a libdrill.a libworker.a libpacket.a libdecide.a libcontrol.a libabuse.a libhealth.a libgeo.a libzones.a libbase.a \
	$(URCU_LIBS) $(LDNS_LIBS) $(MMDB_LIBS) $(JANSSON_LIBS) $(CYAML_LIBS) $(MICROHTTPD_LIBS) -lm
