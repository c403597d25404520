/* http_reason - what went wrong, out of what TLS and the library say. */
#ifndef GSLB_HEALTH_HTTP_REASON_H
#define GSLB_HEALTH_HTTP_REASON_H

#include "health/health.h"

/* A certificate that was refused: verify is OpenSSL's number (X509_V_…). *why: a few words, or NULL. */
enum probe_result http_result_of_verify(long verify, const char **why);
/* A connection that broke: by the words of the error. */
enum probe_result http_result_of_break(const char *error, enum probe_result otherwise);
/* The last part of "OpenSSL/3.0: error:0A00010B:SSL routines::wrong version number"; NULL when it says nothing more. */
const char *http_last_part(const char *text);
/* The earlier of a time and the one in a line "Expire date:Nov 22 10:20:30 2027 GMT"; of any other line, the time. */
uint32_t http_earlier_end_s(uint32_t first_s, const char *line);

#endif
