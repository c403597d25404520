/* check - the one gate before all adapters: names, keys, tags and URLs come from strangers, and end in control channels that can do
 * anything (RELAY 2.2). What passes is canonical and consists of harmless bytes only. Pure; any thread. */
#ifndef GSLB_RELAY_CHECK_H
#define GSLB_RELAY_CHECK_H

#include "base/base.h"

enum {
	CHECK_NAME_MAX = 253, /* without the last dot */
	CHECK_KEY_MAX = 250,  /* memcached's limit */
	CHECK_TAG_MAX = 128,
	CHECK_URL_MAX = 2048,
	CHECK_TEXT_MAX = CHECK_URL_MAX + 1
};

/* Each takes len bytes, which need not end with NUL, and writes the canonical form. False with a sentence that says what is wrong and
 * never repeats bytes that do not print. */

/* Labels of 1 to 63 letters, digits, - and _; the first may be "*". Lower case; a last dot is dropped. */
bool check_name(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err);
/* 1 to 250 bytes without space and control characters; it stays as it is. */
bool check_key(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err);
/* Letters, digits and _ : . / - */
bool check_tag(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err);
/* http or https, without user and fragment (RFC 3986): scheme and host in lower case, no default port, dot segments resolved,
 * escapes in upper case. */
bool check_url(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err);
/* The host of a URL that passed. */
void check_url_host(const char *url, char host[static CHECK_TEXT_MAX]);

/* A region, an origin: letters, digits, - and _, at most 63. */
bool check_label(const char *text, size_t len);
/* The next line of a file that is no comment (#) and not empty, from its first word on, in the text itself; NULL at the end. Counts lines. */
char *check_line(char **rest, unsigned *number);
/* The next word of a line, likewise. */
char *check_word(char **rest);

/* DNS types that may be named, by RFC 1035's mnemonics. 0: none of them. */
uint16_t check_type(const char *text);
const char *check_type_name(uint16_t type); /* NULL: none of them */

#endif
