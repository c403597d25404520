# Real programs on loopback, each test program in a folder of its own; they print TAP.
BLACKBOX_TESTS = \
	tests/blackbox/failover.py
EXTRA_DIST += tests/blackbox/lab.py $(BLACKBOX_TESTS)
TESTS += $(BLACKBOX_TESTS)
