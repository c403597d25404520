include tests/decide.mk
include tests/packet.mk
include tests/abuse.mk
include tests/control.mk
include tests/daemon.mk
include tests/http.mk
