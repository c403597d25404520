/* wire - a connection to a cache, used by the one thread that speaks to it: every call ends by the deadline. */
#ifndef GSLB_RELAY_WIRE_H
#define GSLB_RELAY_WIRE_H

#include "base/base.h"

struct wire {
	int fd;               /* -1: closed */
	uint64_t deadline_ms; /* monotonic; for all calls until it is set anew */
};

/* to: the path of a Unix socket, or ADDRESS@PORT. False with a sentence. */
bool wire_open(struct wire *wire, const char *to, uint32_t timeout_ms, struct err *err);
void wire_close(struct wire *wire); /* closed is fine */
void wire_timeout(struct wire *wire, uint32_t timeout_ms);
bool wire_send(struct wire *wire, const void *bytes, size_t len, struct err *err);
/* Exactly len bytes. */
bool wire_get(struct wire *wire, void *bytes, size_t len, struct err *err);
/* A line without its end (LF or CR LF), at most cap - 1 bytes; longer ones are an error. */
bool wire_line(struct wire *wire, char *line, size_t cap, struct err *err);
/* Until the other side closes, at most cap - 1 bytes; NUL is added. */
bool wire_rest(struct wire *wire, char *text, size_t cap, struct err *err);

#endif
