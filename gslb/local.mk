# The daemon's room: each part names its files in a small mk of its own.
include gslb/decide.mk
include gslb/packet.mk
include gslb/abuse.mk
include gslb/control.mk
include gslb/drill.mk
include gslb/daemon.mk
include gslb/http.mk
