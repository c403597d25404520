# rows of the tests of HTTP
check_PROGRAMS += tests/unit/http_request_test
tests_unit_http_request_test_SOURCES = tests/unit/http_request.c
tests_unit_http_request_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_http_request_test_LDADD = libhttp.a libbase.a $(CHECK_LIBS)
TESTS += tests/unit/http_request_test
