/* http_answer - is an HTTP answer the one a probe wants? What arrives is fed in piece by piece, and it says when it has heard
 * enough. It knows no library and no socket. */
#ifndef GSLB_HEALTH_HTTP_ANSWER_H
#define GSLB_HEALTH_HTTP_ANSWER_H

#include "health/health.h"

enum { HTTP_HEADER_MAX = 16384, HTTP_BODY_MAX = 65536 };

struct http_answer {
	const struct health_probe *probe; /* borrowed */
	enum probe_result decided;        /* PROBE_NONE: not yet */
	unsigned number;                  /* the status, with PROBE_STATUS */
	const char *why;                  /* a few words, or NULL */
	size_t header_len, body_len;
	char *body; /* kept only when a text or a number is to be found in it */
	bool has_load;
	uint64_t load_milli;
};

void http_answer_init(struct http_answer *answer, const struct health_probe *probe);
void http_answer_fini(struct http_answer *answer);

/* Each is true as long as more is to be read. Lines of the header, trailers and interim answers count together. */
bool http_answer_header(struct http_answer *answer, size_t len);
bool http_answer_status(struct http_answer *answer, long status); /* at the end of a header */
bool http_answer_body(struct http_answer *answer, const char *bytes, size_t len);
/* A line of the header: is it the one that tells of load? */
void http_answer_line(struct http_answer *answer, const char *line, size_t len);
/* It arrived whole. */
void http_answer_end(struct http_answer *answer);

#endif
