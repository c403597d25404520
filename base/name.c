#include "base/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* Vectors of GCC and clang: the machine's own where it has them. A comparison gives all ones or zeros a byte. */
typedef uint8_t letters __attribute__((vector_size(16)));
typedef uint8_t few_letters __attribute__((vector_size(8)));
typedef int8_t signed_letters __attribute__((vector_size(16)));
typedef int8_t signed_few_letters __attribute__((vector_size(8)));

/* A name's bytes to lower case: machines compare bytes with signs, so that 'A' goes to the least one, and all but 26 are above. The bytes that
 * hold lengths are at most 63, less than any letter: they stay as they are. */
#define LOWER(type, to, from)                                                                             \
	do {                                                                                              \
		type some;                                                                                \
		memcpy(&some, from, sizeof some);                                                         \
		some |= (type)((signed_##type)(some + (uint8_t)(INT8_MIN - 'A')) < INT8_MIN + 26) & 0x20; \
		memcpy(to, &some, sizeof some);                                                           \
	} while (0)

static void lower_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	if (UNLIKELY(len < sizeof(few_letters))) {
		for (; len > 0; len--, to++, from++)
			*to = (uint8_t)(*from - 'A') < 26 ? (uint8_t)(*from | 0x20) : *from;
		return;
	}
	if (len < sizeof(letters)) {
		LOWER(few_letters, to, from);
		LOWER(few_letters, to + len - sizeof(few_letters), from + len - sizeof(few_letters));
		return;
	}
	for (size_t at = 0; at < len - sizeof(letters); at += sizeof(letters))
		LOWER(letters, to + at, from + at);
	LOWER(letters, to + len - sizeof(letters), from + len - sizeof(letters)); /* it overlaps those before */
}

size_t name_from_wire(struct name *name, const uint8_t *wire, size_t len)
{
	size_t limit = len < NAME_MAX_LEN ? len : NAME_MAX_LEN, at = 0;
	unsigned n = 0, label_len;

	for (;; n++, at += label_len) {
		if (UNLIKELY(at >= limit))
			return 0;
		label_len = wire[at];
		name->label[n] = (uint8_t)at++;
		if (label_len - 1u > 62) { /* the end, or too long */
			if (UNLIKELY(label_len != 0))
				return 0;
			break;
		}
	}
	lower_copy(name->wire, wire, at);
	name->len = (uint8_t)at;
	name->nlabels = (uint8_t)n;
	return at;
}

/* One character of a label, perhaps escaped: "\." or "\046". */
static bool take_char(const char **at, uint8_t *c)
{
	const char *t = *at;

	if (*t != '\\') {
		*c = (uint8_t)*t;
		*at = t + 1;
		return true;
	}
	t++;
	if (*t == '\0')
		return false;
	if (*t < '0' || *t > '9') {
		*c = (uint8_t)*t;
		*at = t + 1;
		return true;
	}
	unsigned value = 0;

	for (int i = 0; i < 3; i++, t++) {
		if (*t < '0' || *t > '9')
			return false;
		value = value * 10 + (unsigned)(*t - '0');
	}
	if (value > 255)
		return false;
	*c = (uint8_t)value;
	*at = t;
	return true;
}

bool name_from_text(struct name *name, const char *text)
{
	uint8_t wire[NAME_MAX_LEN + 64];
	size_t at = 0, label = 0;

	if (text[0] == '\0')
		return false;
	if (strcmp(text, ".") == 0)
		text++;
	for (; *text != '\0' && at < NAME_MAX_LEN; at = label + 1u + wire[label], label = at) {
		size_t label_len = 0;

		while (*text != '\0' && *text != '.') {
			if (label_len == 63 || !take_char(&text, &wire[at + 1 + label_len]))
				return false;
			label_len++;
		}
		if (label_len == 0)
			return false;
		if (*text == '.')
			text++;
		wire[label] = (uint8_t)label_len;
	}
	if (at >= NAME_MAX_LEN)
		return false;
	wire[at++] = 0;
	return name_from_wire(name, wire, at) == at;
}

const char *name_format_wire(const uint8_t *wire, char text[static NAME_TEXT_MAX])
{
	char *out = text;

	if (*wire == 0)
		*out++ = '.';
	while (*wire != 0) {
		unsigned label_len = *wire++;

		for (unsigned i = 0; i < label_len; i++, wire++) {
			if (*wire <= ' ' || *wire >= 0x7f) {
				out += sprintf(out, "\\%03u", *wire);
				continue;
			}
			if (strchr(".\\\"();@$", *wire) != NULL)
				*out++ = '\\';
			*out++ = (char)*wire;
		}
		if (*wire != 0)
			*out++ = '.';
	}
	*out = '\0';
	return text;
}

const char *name_format(const struct name *name, char text[static NAME_TEXT_MAX])
{
	return name_format_wire(name->wire, text);
}

const char *name_format_under(const struct name *name, const struct name *origin, char text[static NAME_TEXT_MAX])
{
	struct name head;
	size_t cut;

	if (!name_is_under(name, origin)) {
		name_format(name, text);
		if (name->len > 1)
			strcat(text, ".");
		return text;
	}
	if (name->len == origin->len)
		return strcpy(text, "@");
	cut = (size_t)name->len - origin->len;
	memcpy(head.wire, name->wire, cut);
	head.wire[cut] = 0;
	return name_format_wire(head.wire, text);
}

bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && name_bytes_equal(a->wire, b->wire, a->len);
}

bool name_is_under(const struct name *name, const struct name *top)
{
	unsigned at;

	if (top->nlabels > name->nlabels)
		return false;
	at = name->label[name->nlabels - top->nlabels];
	return name->len - at == top->len && name_bytes_equal(name->wire + at, top->wire, top->len);
}

int name_compare(const struct name *a, const struct name *b)
{
	unsigned i = a->nlabels, j = b->nlabels;

	while (i > 0 && j > 0) {
		const uint8_t *x = a->wire + a->label[--i], *y = b->wire + b->label[--j];
		int order = memcmp(x + 1, y + 1, *x < *y ? *x : *y);

		if (order != 0)
			return order;
		if (*x != *y)
			return *x - *y;
	}
	return (int)i - (int)j;
}

void name_suffix(const struct name *name, unsigned i, struct name *suffix)
{
	unsigned at = name->label[i];

	suffix->len = (uint8_t)(name->len - at);
	suffix->nlabels = (uint8_t)(name->nlabels - i);
	for (unsigned k = 0; k <= suffix->nlabels; k++)
		suffix->label[k] = (uint8_t)(name->label[i + k] - at);
	memcpy(suffix->wire, name->wire + at, suffix->len);
}

bool name_prepend(const struct name *name, const uint8_t *label, size_t label_len, struct name *longer)
{
	uint8_t wire[NAME_MAX_LEN];
	size_t len = 1 + label_len + name->len;

	if (label_len < 1 || label_len > 63 || len > NAME_MAX_LEN)
		return false;
	wire[0] = (uint8_t)label_len;
	memcpy(wire + 1, label, label_len);
	memcpy(wire + 1 + label_len, name->wire, name->len);
	return name_from_wire(longer, wire, len) == len;
}
