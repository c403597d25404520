/* cookie - DNS cookies (RFC 7873) with the interoperable server part of RFC 9018: version 1, three reserved bytes, the time, and
 * a SipHash-2-4 of all that, the client's part and its address. All hosts that share a secret file take each other's cookies.
 * Secrets are plain values; nothing here is kept for a client. */
#ifndef GSLB_COOKIE_H
#define GSLB_COOKIE_H

#include "base/base.h"

enum {
	COOKIE_CLIENT_LEN = 8,
	COOKIE_LEN = 24,     /* with our server part */
	COOKIE_LEN_MAX = 40, /* with anybody's */
	COOKIE_SECRETS_MAX = 8,
};

/* The first makes cookies; all verify them. So a fleet changes its secret without a cookie lost: the new one is put second
 * everywhere, then first, and an hour later the old one is taken out. */
struct cookie_secrets {
	unsigned n; /* at least one, once read */
	uint8_t key[COOKIE_SECRETS_MAX][16];
};

/* Lines of 32 hexadecimal digits; empty ones are passed over. The sentence names the line, and never what stands in it. */
bool cookie_secrets_parse(struct cookie_secrets *secrets, const char *text, size_t len, struct err *err);
/* The host's own, in a file that only its user may read, and that is made when it is missing. */
bool cookie_secrets_keep(struct cookie_secrets *secrets, const char *path, struct err *err);
bool cookie_secrets_equal(const struct cookie_secrets *a, const struct cookie_secrets *b);

/* RFC 7873 5.2.2: any other length is a FORMERR. */
static inline bool cookie_has_length(size_t len)
{
	return len == COOKIE_CLIENT_LEN || (len >= 16 && len <= COOKIE_LEN_MAX);
}

enum cookie_verdict {
	COOKIE_NEW,  /* the client's part alone: its first visit */
	COOKIE_BAD,  /* a server part that is not ours, is for another address, or is too old */
	COOKIE_GOOD, /* the client has had an answer from us at this address, within the hour */
};

/* Look at a cookie of a proper length, and say what to send back: the same one, or a fresh one when it is bad, over half an
 * hour old, or not made with the first secret. now_s is wall time; its 32 bits may wrap (RFC 1982). */
enum cookie_verdict cookie_answer(const struct cookie_secrets *secrets, const struct addr *source, uint32_t now_s,
	const uint8_t *cookie, size_t len, uint8_t reply[static COOKIE_LEN]);

#endif
