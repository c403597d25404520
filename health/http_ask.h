/* http_ask - the texts of an HTTP probe's request. */
#ifndef GSLB_HEALTH_HTTP_ASK_H
#define GSLB_HEALTH_HTTP_ASK_H

#include "health/grpc.h"
#include "health/health.h"

struct http_ask {
	char *url;
	char *to; /* the endpoint, for whatever name stands in the URL: "::192.0.2.1:443", as curl's CONNECT_TO wants it */
	unsigned nfields;
	const char *fields[4]; /* of the header, as lines */
	size_t message_len;    /* 0: it is a GET */
	char *host;            /* one of the fields, or NULL */
	uint8_t message[GRPC_REQUEST_MAX];
};

void http_ask_init(struct http_ask *ask, const struct health_target *target);
void http_ask_fini(struct http_ask *ask);

/* The certificates to trust, from the environment; NULL: the system's. */
const char *http_ca_file(void);

bool http_is_tls(enum health_check check);
bool http_is_grpc(enum health_check check);

#endif
