#include "base/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* Eight letters at once to lower case: the sums carry into a byte's upper bit where it is at least 'A', or past 'Z'. */
static uint64_t lower8(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, upper = 0x80 * ones;
	uint64_t low7 = word & ~upper;
	uint64_t from_a = low7 + (0x80 - 'A') * ones, past_z = low7 + (0x7f - 'Z') * ones;

	return word | (((from_a ^ past_z) & ~word & upper) >> 2);
}

/* A name's bytes to lower case. The bytes that hold lengths are at most 63, less than any letter: they stay as they are. */
static void lower_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t word;

	if (len < sizeof word) {
		for (; len > 0; len--, to++, from++)
			*to = (uint8_t)(*from - 'A') < 26 ? (uint8_t)(*from | 0x20) : *from;
		return;
	}
	for (size_t at = 0; at < len; at += sizeof word) {
		if (at > len - sizeof word)
			at = len - sizeof word; /* the last ones overlap those before */
		memcpy(&word, from + at, sizeof word);
		word = lower8(word);
		memcpy(to + at, &word, sizeof word);
	}
}

size_t name_from_wire(struct name *name, const uint8_t *wire, size_t len)
{
	size_t at = 0;
	unsigned n = 0;

	for (;;) {
		unsigned label_len;

		if (at >= len || at >= NAME_MAX_LEN)
			return 0;
		label_len = wire[at];
		name->label[n] = (uint8_t)at++;
		if (label_len == 0)
			break;
		if (label_len > 63 || label_len > len - at || at + label_len >= NAME_MAX_LEN)
			return 0;
		n++;
		at += label_len;
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
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

bool name_is_under(const struct name *name, const struct name *top)
{
	unsigned at;

	if (top->nlabels > name->nlabels)
		return false;
	at = name->label[name->nlabels - top->nlabels];
	return name->len - at == top->len && memcmp(name->wire + at, top->wire, top->len) == 0;
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

void name_hash(const struct name *name, uint64_t seed, uint64_t hash[static NAME_LABELS_MAX + 1])
{
	uint64_t h = seed;

	hash[name->nlabels] = h;
	for (unsigned i = name->nlabels; i-- > 0;) {
		const uint8_t *label = name->wire + name->label[i];

		h = hash_bytes(h, label + 1, *label);
		hash[i] = h;
	}
}
