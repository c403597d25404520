/* http_kept - a TLS connection that stays open from one probe of an endpoint to the next. The library that made it owns its
 * descriptor and closes it when it likes; this is what we know of it. */
#ifndef GSLB_HEALTH_HTTP_KEPT_H
#define GSLB_HEALTH_HTTP_KEPT_H

#include "health/probe.h"

enum { HTTP_KEPT_MAX = 256, HTTP_KEPT_USES = 10, HTTP_KEPT_US = 60000000 };

struct http_kept {
	void **at; /* the one pointer that leads to it; NULL: none does, it waits to be closed */
	struct probe_runner *runner;
	unsigned *count;
	int fd;
	unsigned uses;
	uint64_t made_us;
	uint32_t cert_end_s; /* of the chain that the handshake showed; 0: not known */
};

/* One for a connection that is about to be secured. count: how many there are of those counted together, at most
 * HTTP_KEPT_MAX. False: there is no room for one. *at becomes
 * NULL when the connection is dropped or closed. */
bool http_kept_new(struct probe *probe, int fd, unsigned *count, void **at);
/* Another pointer leads to it from now on. */
void http_kept_move(void **from, void **to);
/* Whether the next probe may still go over it. */
bool http_kept_is_good(const struct http_kept *kept);
/* A probe over it went well. cert_end_s: when its handshake was now, else 0. */
void http_kept_served(struct http_kept *kept, uint32_t cert_end_s);
/* Whether such a result over a kept connection may be the connection's fault and not the server's. */
bool http_kept_is_to_blame(enum probe_result result);
/* It is nobody's any more, and the library is to find it dead. NULL is nothing. */
void http_kept_drop(struct http_kept *kept);
void http_kept_forget(struct probe *probe); /* its own, when it has no next one */
/* The library has closed it. */
void http_kept_closed(struct http_kept *kept);

#endif
