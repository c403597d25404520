/* name - domain names in wire form (RFC 1035 3.1), with their labels found. Plain values. */
#ifndef GSLB_BASE_NAME_H
#define GSLB_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/likely.h"

enum { NAME_MAX_LEN = 255, NAME_LABELS_MAX = 127, NAME_TEXT_MAX = 1024 };
enum { NAME_ROOM = NAME_MAX_LEN + 9 }; /* so that a word may be read from any byte of a name */

/* Only wire[0..len) and label[0..nlabels] are ever set: the packet path fills one without clearing it. */
struct name {
	uint8_t len;                        /* bytes of wire, the root's zero counted: 1 to 255 */
	uint8_t nlabels;                    /* the root not counted */
	uint8_t label[NAME_LABELS_MAX + 1]; /* where label i starts, from the left; label[nlabels] is the root */
	uint8_t wire[NAME_ROOM];            /* lower case */
};

/* Read an uncompressed name of at most len bytes, lower-casing it. Returns its length in bytes; 0 when it is no name
 * (too long, cut off, or a compression pointer). */
size_t name_from_wire(struct name *name, const uint8_t *wire, size_t len);
/* Read "www.example.com" or "www.example.com." with RFC 1035 escapes; always absolute. */
bool name_from_text(struct name *name, const char *text);
/* With escapes, without the last dot (the root is "."). */
const char *name_format(const struct name *name, char text[static NAME_TEXT_MAX]);
/* The same for lower-case wire bytes that are known to be a name. */
const char *name_format_wire(const uint8_t *wire, char text[static NAME_TEXT_MAX]);
/* Text relative to an origin it lies under ("@" for the origin itself); else the full name and a dot. */
const char *name_format_under(const struct name *name, const struct name *origin, char text[static NAME_TEXT_MAX]);

/* Are the bytes of two names, or of parts of them, the same? For short ones, of which the compiler's memcmp would be a call. */
static inline bool name_bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t x, y, differ = 0;

	if (UNLIKELY(len < sizeof x)) {
		while (len > 0 && a[len - 1] == b[len - 1])
			len--;
		return len == 0;
	}
	for (size_t at = 0;; at += sizeof x) {
		if (UNLIKELY(at + sizeof x > len))
			at = len - sizeof x; /* the last ones overlap those before */
		memcpy(&x, a + at, sizeof x);
		memcpy(&y, b + at, sizeof y);
		differ |= x ^ y;
		if (at + sizeof x == len)
			return differ == 0;
	}
}
bool name_equal(const struct name *a, const struct name *b);
bool name_is_under(const struct name *name, const struct name *top); /* equal counts as under */
/* Canonical order of RFC 4034 6.1. */
int name_compare(const struct name *a, const struct name *b);
/* The name from its label i on. i may be nlabels: the root. */
void name_suffix(const struct name *name, unsigned i, struct name *suffix);
/* "label" before name; false when that is too long. label_len 1 to 63. */
bool name_prepend(const struct name *name, const uint8_t *label, size_t label_len, struct name *longer);

/* Of the name from its label i on. Keyed with a secret seed, so that strangers cannot aim at a bucket. */
static inline uint64_t name_hash(const struct name *name, unsigned i, uint64_t seed)
{
	const uint8_t *at = name->wire + name->label[i];
	size_t len = (size_t)name->len - name->label[i];
	uint64_t word;

	for (seed += len; len > sizeof word; at += sizeof word, len -= sizeof word) {
		memcpy(&word, at, sizeof word);
		seed = hash_mix(seed, word);
	}
	memcpy(&word, at, sizeof word); /* there is room behind a name */
	return hash_mix(seed, word << 8 * (sizeof word - len));
}

#endif
