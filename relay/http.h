/* http - the relay's door for applications and for what scrapes it: POST /v1/invalidate, GET /metrics, GET /healthz. Main thread: nothing is
 * called but from within http_run. Bounded in connections, bytes and time. */
#ifndef GSLB_RELAY_HTTP_H
#define GSLB_RELAY_HTTP_H

#include <jansson.h>

#include "relay/conf.h"

struct http;
struct http_request;

struct http_ops {
	void *arg;
	/* A POST of somebody whose token is good: http_answer is to be called, now or later. wait_ms: as `Prefer: wait=` says. */
	void (*invalidate)(void *arg, struct http_request *request, const char *actor, const char *body, size_t len,
		uint64_t wait_ms);
	/* He was turned away at the door; "" when nobody knows who he is. */
	void (*refused)(void *arg, const char *actor, const char *reason);
	void (*metrics)(void *arg, struct buf *text);
	bool (*healthy)(void *arg, struct err *err);
};

enum { HTTP_BODY_MAX = 65536, HTTP_CONNECTIONS = 256, HTTP_IDLE_S = 15 };

/* NULL with a sentence. */
struct http *http_open(const struct relay_conf *conf, const struct http_ops *ops, struct err *err);
void http_close(struct http *http); /* all requests were answered */
int http_fd(
	const struct http *http); /* an epoll descriptor: when it is readable, or after http_left_ms, call http_run */
uint64_t http_left_ms(const struct http *http);
void http_run(struct http *http);
/* The body is taken over. after_s: 0, or what Retry-After says. */
void http_answer(struct http_request *request, unsigned status, uint32_t after_s, json_t *body);

#endif
