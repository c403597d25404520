# Drills: the plan, its course, and what is measured; gslbd's part of them is in daemon.mk.
noinst_LIBRARIES += libdrill.a
libdrill_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libdrill_a_SOURCES = \
	gslb/drill.c gslb/drill.h \
	gslb/drill_cover.c gslb/drill_cover.h \
	gslb/drill_gauge.c gslb/drill_gauge.h \
	gslb/drill_measure.c gslb/drill_measure.h \
	gslb/drill_plan.c gslb/drill_plan.h \
	gslb/drill_report.c \
	gslb/drill_run.c gslb/drill_run.h \
	gslb/drill_schedule.c gslb/drill_schedule.h \
	gslb/drill_try.c gslb/drill_try.h \
	gslb/drill_words.c
