# rows of gslb: configuration, the control socket, and gslbctl
noinst_LIBRARIES += libcontrol.a
libcontrol_a_SOURCES = \
	gslb/conf.c gslb/conf.h \
	gslb/conf_shape.c gslb/conf_shape.h \
	gslb/conf_value.c gslb/conf_value.h \
	gslb/conf_yaml.c gslb/conf_yaml.h \
	gslb/control.c gslb/control.h \
	gslb/control_client.c gslb/control_client.h
libcontrol_a_CFLAGS = $(AM_CFLAGS) $(CYAML_CFLAGS) $(JANSSON_CFLAGS)
