/* http - gslbd's HTTP server: health of itself, metrics, the tables of gslbctl as JSON, a page for people, and pushed states.
 *
 * Runs in the main thread's event loop, and never blocks it: connections are bounded in number (HTTP_PLACES, HTTP_OF_ONE of an
 * address), in time (http.c) and in memory, long answers are made in pieces, and all answers together get a part of the
 * thread's time (struct http_budget). Who is over a time is cut off, so that connections that do nothing keep nobody out. */
#ifndef GSLB_HTTP_H
#define GSLB_HTTP_H

#include "gslb/conf.h"

enum { HTTP_PLACES = 64, HTTP_OF_ONE = 16 };

struct daemon;
struct http;

/* Bind, before privileges are dropped; the port is set to the one that is bound. A default that cannot be bound is logged, and
 * leaves *http NULL, as `none` does. False with a sentence when one that stands in the file cannot be. */
bool http_open(struct http **http, struct conf_listen *listen, bool must, struct err *err);
/* Answer from now on. The daemon is borrowed. */
bool http_start(struct http *http, struct daemon *daemon, struct err *err);
void http_close(struct http *http); /* before what it shows is taken down; NULL is fine */

/* To wait on; -1 for NULL. */
int http_fd(const struct http *http);
/* Serve what is ready; never blocks. *next_ms: call again no later than this (monotonic). */
void http_run(struct http *http, uint64_t now_monotonic_ms, uint64_t *next_ms);

/* For metrics: answers by status, those that the thread's time did not suffice for, and connections. */
enum { HTTP_STATUSES = 16 };
struct http_counts {
	struct {
		unsigned status;
		uint64_t n;
	} answers[HTTP_STATUSES]; /* unused ones last, with status 0 */
	uint64_t cut_off;         /* connections over their time */
	unsigned connections;     /* now */
};
void http_counts(const struct http *http, struct http_counts *counts); /* NULL: none */

struct http_request;
struct http_reply;
struct http_budget;

/* http_routes.c: the answer to a request; the part that knows the daemon. With a body that is still to come, it says whether it
 * would be taken (reply->status 0: send it). */
size_t http_body_max(
	const struct http_request *request); /* bytes that it may send; known with its method and address */
void http_route(struct daemon *daemon, const struct http_request *request, struct http_budget *budget, bool whole,
	struct http_reply *reply);

#endif
