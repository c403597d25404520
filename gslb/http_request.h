/* http_request - what somebody asks over HTTP, read into a plain struct, and what is said back. Knows no library, no socket and
 * no daemon: pure. */
#ifndef GSLB_HTTP_REQUEST_H
#define GSLB_HTTP_REQUEST_H

#include "base/base.h"

enum {
	HTTP_URI_MAX = 4096,
	HTTP_SEGMENTS_MAX = 8,
	HTTP_PARAMS_MAX = 32,
	HTTP_BODY_MAX = 1024,
	HTTP_LATENCY_MAX = 256 << 10 /* measurements: some thousands at once */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_param {
	const char *name, *value; /* value "" without one */
};

/* "/v1/push/eu/lb1?for=5m": segments v1, push, eu, lb1; parameters for. "/" has the one segment "". All is valid UTF-8 without
 * control characters; strings point into `text`. */
struct http_request {
	enum http_method method;
	unsigned nsegments, nparams;
	const char *segment[HTTP_SEGMENTS_MAX];
	struct http_param param[HTTP_PARAMS_MAX];
	char text[HTTP_URI_MAX];
	/* set by the caller; borrowed, NULL: not there */
	const char *authorization, *host;
	const char *body;
	size_t body_len;
	bool to_loopback; /* the listener is on a loopback address */
};

enum http_verdict { HTTP_FINE, HTTP_MALFORMED, HTTP_TOO_LONG };

/* Read the request's target as it came. */
enum http_verdict http_request_parse(struct http_request *request, const char *uri);
/* A parameter's value; NULL when it is not there. */
const char *http_param(const struct http_request *request, const char *name);

/* Does it show this token ("Authorization: Bearer …")? In a time that tells nothing of where the two differ. */
bool http_shows_token(const char *authorization, const char *token);
/* Is the Host header one that a listener on loopback is called by? Else a page of another site may have had its own name
 * resolve to us, to read what is ours through somebody's browser. NULL (HTTP/1.0) is fine. */
bool http_host_is_local(const char *host);

/* What a push says: "up", "down for=5m", "load=412"; words apart by blanks, line ends or &. */
struct http_push {
	const char *state; /* "up", "down"; NULL: a load */
	char load[40];     /* as it was written; "" with a state */
	uint64_t for_ms;   /* 0: not given */
};
/* The body, then for= and ttl= of the query. False with a sentence. */
bool http_push_parse(struct http_push *push, const struct http_request *request, struct err *err);

/* A body that is made piece by piece. */
struct http_stream {
	/* Add about len bytes, or what is left; false when that is nothing. */
	bool (*next)(void *context, struct buf *piece, size_t len);
	void (*end)(void *context); /* also when nobody reads it to its end */
	void *context;              /* NULL: nothing (HEAD) */
};

/* An answer: a body, or a stream. */
struct http_reply {
	unsigned status;
	const char *type; /* constant */
	struct buf body;  /* taken over by who sends it */
	bool streams;     /* no body, but: */
	struct http_stream stream;
	const char *allow;      /* with 405; constant */
	const char *policy;     /* Content-Security-Policy, or NULL; constant */
	unsigned retry_after_s; /* with 503; 0: none */
	bool challenge;         /* with 401 */
};

/* How much of the main thread's time answers may take: a quarter, and half a second at once. One thread's own; init with { 0 }. */
struct http_budget {
	uint64_t debt_us, at_us; /* of time used up; as of then (monotonic) */
};
/* 0: go on; else in how many seconds to come back. */
unsigned http_budget_wait_s(struct http_budget *budget, uint64_t now_us);
void http_budget_use(struct http_budget *budget, uint64_t now_us, uint64_t us);

#endif
