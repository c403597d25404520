#include "tests/unit/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t message_from_hex(const char *hex, uint8_t *bytes, size_t cap)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		int high, low;

		if (*hex == ' ')
			continue;
		high = hex_digit(hex[0]);
		low = hex_digit(hex[1]);
		if (high < 0 || low < 0 || n == cap)
			abort();
		bytes[n++] = (uint8_t)(high << 4 | low);
		hex++;
	}
	return n;
}

static const struct type_name {
	const char *name;
	unsigned type;
} types[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "HINFO", 13 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "LOC", 29 },
	{ "SRV", 33 },
	{ "DS", 43 },
	{ "OPT", 41 },
	{ "HTTPS", 65 },
	{ "TSIG", 250 },
	{ "IXFR", 251 },
	{ "AXFR", 252 },
	{ "MAILB", 253 },
	{ "MAILA", 254 },
	{ "ANY", 255 },
};

static unsigned type_number(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return strncmp(name, "TYPE", 4) == 0 ? (unsigned)atoi(name + 4) : (abort(), 0);
}

static const char *type_text(unsigned type, char text[static 16])
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(text, 16, "TYPE%u", type);
	return text;
}

struct wanted {
	unsigned id, flags, class, payload, source_len;
	bool edns, dnssec_ok, nsid, keepalive, ecs;
	size_t cookie_len;
	uint8_t cookie[64];
	struct addr addr;
};

static void want(struct wanted *w, const char *word)
{
	char host[ADDR_TEXT_MAX];

	if (strcmp(word, "rd") == 0)
		w->flags |= 0x0100;
	else if (strcmp(word, "cd") == 0)
		w->flags |= 0x0010;
	else if (strcmp(word, "ch") == 0)
		w->class = 3;
	else if (strcmp(word, "any-class") == 0)
		w->class = 255;
	else if (sscanf(word, "id=%u", &w->id) == 1)
		return;
	else if (strcmp(word, "do") == 0)
		w->edns = w->dnssec_ok = true;
	else if (strcmp(word, "nsid") == 0)
		w->edns = w->nsid = true;
	else if (strcmp(word, "keepalive") == 0)
		w->edns = w->keepalive = true;
	else if (sscanf(word, "edns=%u", &w->payload) == 1)
		w->edns = true;
	else if (strncmp(word, "cookie=", 7) == 0)
		w->edns = (w->cookie_len = message_from_hex(word + 7, w->cookie, sizeof w->cookie)) > 0;
	else if (sscanf(word, "ecs=%63[^/]/%u", host, &w->source_len) == 2 && addr_parse(host, &w->addr))
		w->edns = w->ecs = true;
	else
		abort();
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
	*at++ = (uint8_t)(value >> 8);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_opt(uint8_t *at, const struct wanted *w)
{
	uint8_t *rdlen;

	*at++ = 0;
	at = put16(put16(at, 41), w->payload);
	at = put16(put16(at, 0), w->dnssec_ok ? 0x8000 : 0);
	rdlen = at;
	at += 2;
	if (w->nsid)
		at = put16(put16(at, 3), 0);
	if (w->keepalive)
		at = put16(put16(at, 11), 0);
	if (w->cookie_len > 0) {
		at = put16(put16(at, 10), (unsigned)w->cookie_len);
		memcpy(at, w->cookie, w->cookie_len);
		at += w->cookie_len;
	}
	if (w->ecs) {
		size_t n = (w->source_len + 7) / 8;

		at = put16(put16(at, 8), (unsigned)(4 + n));
		at = put16(at, w->addr.family == ADDR_V4 ? 1 : 2);
		at = put16(at, w->source_len << 8);
		memcpy(at, w->addr.bytes, n);
		at += n;
	}
	put16(rdlen, (unsigned)(at - rdlen - 2));
	return at;
}

/* A name as it is written, in the case of its letters. */
static uint8_t *put_name(uint8_t *at, const char *text)
{
	while (*text != '\0' && strcmp(text, ".") != 0) {
		size_t len = strcspn(text, ".");

		*at++ = (uint8_t)len;
		memcpy(at, text, len);
		at += len;
		text += len + (text[len] == '.');
	}
	*at++ = 0;
	return at;
}

size_t message_query(const char *words, uint8_t *bytes, size_t cap)
{
	struct wanted w = { .id = 0xbeef, .class = 1, .payload = 1232 };
	char *copy = mem_strdup(words), *save, *name, *type, *word;
	uint8_t *at = bytes;

	if (cap < 512)
		abort();
	name = strtok_r(copy, " ", &save);
	type = strtok_r(NULL, " ", &save);
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		want(&w, word);
	at = put16(put16(put16(at, w.id), w.flags), 1);
	at = put16(put16(put16(at, 0), 0), w.edns ? 1 : 0);
	at = put_name(at, name);
	at = put16(put16(at, type_number(type)), w.class);
	if (w.edns)
		at = put_opt(at, &w);
	free(copy);
	return (size_t)(at - bytes);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *bytes;
	size_t at, len;
	const char *wrong; /* the first thing that was */
	struct buf *text;
};

static void wrong(struct reader *r, const char *what)
{
	if (r->wrong == NULL)
		r->wrong = what;
	r->at = r->len;
}

static unsigned get(struct reader *r, unsigned nbytes)
{
	unsigned value = 0;

	if (nbytes > r->len - r->at)
		wrong(r, "it ends early");
	for (; r->wrong == NULL && nbytes > 0; nbytes--)
		value = value << 8 | r->bytes[r->at++];
	return value;
}

/* Decode a name; pointers must lead back, each further than the one before. */
static void get_name(struct reader *r)
{
	uint8_t wire[256];
	char text[NAME_TEXT_MAX];
	size_t n = 0, at = r->at, least = r->at, after = 0;

	for (;;) {
		unsigned len = at < r->len ? r->bytes[at] : 0x40;

		if (len >= 0xc0 && at + 1 < r->len) {
			if (after == 0)
				after = at + 2;
			at = (len & 0x3f) << 8 | r->bytes[at + 1];
			if (at >= least)
				return wrong(r, "a pointer does not lead back");
			least = at;
			continue;
		}
		if (len > 63 || at + 1 + len > r->len || n + 1 + len > 255)
			return wrong(r, "a name is broken");
		memcpy(wire + n, r->bytes + at, 1 + len);
		n += 1 + len;
		at += 1 + len;
		if (len == 0)
			break;
	}
	r->at = after != 0 ? after : at;
	buf_printf(r->text, "%s", name_format_wire(wire, text));
}

static void get_address(struct reader *r, unsigned family, size_t len)
{
	struct addr addr = { .family = (uint8_t)family };
	char text[ADDR_TEXT_MAX];

	if (len != addr_len(&addr) || len > r->len - r->at)
		return wrong(r, "an address has the wrong length");
	memcpy(addr.bytes, r->bytes + r->at, len);
	r->at += len;
	buf_printf(r->text, "%s", addr_format(&addr, text));
}

static void get_strings(struct reader *r, size_t end)
{
	while (r->wrong == NULL && r->at < end) {
		unsigned len = get(r, 1);

		if (len > end - r->at)
			return wrong(r, "a string is too long");
		buf_printf(
			r->text, "\"%.*s\"%s", (int)len, (const char *)r->bytes + r->at, r->at + len < end ? " " : "");
		r->at += len;
	}
}

static void get_rdata(struct reader *r, unsigned type, size_t end)
{
	switch (type) {
	case 1:
		return get_address(r, ADDR_V4, end - r->at);
	case 28:
		return get_address(r, ADDR_V6, end - r->at);
	case 2:
	case 5:
		return get_name(r);
	case 6:
		get_name(r);
		buf_printf(r->text, " ");
		get_name(r);
		for (int i = 0; i < 5; i++)
			buf_printf(r->text, " %u", get(r, 4));
		return;
	case 15:
		buf_printf(r->text, "%u ", get(r, 2));
		return get_name(r);
	case 13:
	case 16:
		return get_strings(r, end);
	default:
		buf_printf(r->text, "#%zu", end - r->at);
		r->at = end;
	}
}

static void get_option(struct reader *r, unsigned code, size_t end)
{
	unsigned first = end - r->at >= 2 ? get(r, 2) : 0;

	switch (code) {
	case 3:
		buf_printf(r->text, " nsid=%.*s", (int)(end - r->at + 2), (const char *)r->bytes + r->at - 2);
		break;
	case 8:
		buf_printf(r->text, " ecs=%u/", first);
		buf_printf(r->text, "%u/", get(r, 1));
		buf_printf(r->text, "%u", get(r, 1));
		for (size_t i = r->at; i < end; i++)
			buf_printf(r->text, "%c%u", i == r->at ? '=' : '.', r->bytes[i]);
		break;
	case 10:
		buf_printf(r->text, " cookie=%04x", first);
		while (r->at < end)
			buf_printf(r->text, "%02x", get(r, 1));
		break;
	case 11:
		buf_printf(r->text, " keepalive=%u", first);
		break;
	case 15:
		buf_printf(r->text, " ede=%u", first);
		break;
	default:
		buf_printf(r->text, " option%u", code);
	}
	r->at = end;
}

static void get_opt(struct reader *r, unsigned *rcode)
{
	size_t end;

	buf_printf(r->text, "; opt: %u", get(r, 2));
	*rcode |= get(r, 1) << 4;
	if (get(r, 1) != 0)
		wrong(r, "the OPT has another version");
	if (get(r, 2) == 0x8000)
		buf_printf(r->text, " do");
	end = get(r, 2);
	end += r->at;
	if (end > r->len)
		wrong(r, "the OPT ends early");
	while (r->wrong == NULL && r->at < end) {
		unsigned code = get(r, 2), len = get(r, 2);

		if (len > end - r->at)
			return wrong(r, "an option ends early");
		get_option(r, code, r->at + len);
	}
}

/* What jitter makes of 30 is told as 30: tests/unit/decide.c has it exactly. */
static unsigned steady(unsigned ttl)
{
	return ttl >= 27 && ttl < 30 ? 30 : ttl;
}

static void get_record(struct reader *r, const char *before, unsigned *rcode)
{
	struct buf owner = { 0 }, *text = r->text;
	unsigned type, class, ttl;
	char name[16];
	size_t end;

	r->text = &owner;
	get_name(r);
	r->text = text;
	type = get(r, 2);
	if (type == 41) {
		get_opt(r, rcode);
		buf_fini(&owner);
		return;
	}
	class = get(r, 2);
	ttl = steady(get(r, 4));
	end = get(r, 2);
	end += r->at;
	if (end > r->len)
		wrong(r, "a record ends early");
	if (r->wrong == NULL) {
		buf_printf(
			text, "%s%s %u %s%s ", before, owner.text, ttl, class == 3 ? "CH " : "", type_text(type, name));
		get_rdata(r, type, end);
		if (r->wrong == NULL && r->at != end)
			wrong(r, "RDATA has another length than its record says");
	}
	buf_fini(&owner);
}

static void get_section(struct reader *r, const char *name, unsigned count, unsigned *rcode)
{
	char before[32];

	snprintf(before, sizeof before, "; %s: ", name);
	for (unsigned i = 0; i < count && r->wrong == NULL; i++)
		get_record(r, i == 0 ? before : ", ", rcode);
}

const char *message_text(const uint8_t *bytes, size_t len, struct buf *text)
{
	static const char *const rcodes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	struct buf body = { 0 };
	struct reader r = { .bytes = bytes, .len = len, .text = &body };
	unsigned flags, rcode, n[4];
	char name[16];

	buf_drop(text, text->len);
	get(&r, 2);
	flags = get(&r, 2);
	rcode = flags & 15;
	for (int i = 0; i < 4; i++)
		n[i] = get(&r, 2);
	buf_printf(&body, "%s%s%s%s%s", flags & 0x0400 ? " aa" : "", flags & 0x0200 ? " tc" : "",
		flags & 0x0100 ? " rd" : "", flags & 0x0080 ? " ra" : "", flags & 0x0010 ? " cd" : "");
	if ((flags & 0x8000) == 0)
		wrong(&r, "it is no response");
	if ((flags & 0x0060) != 0)
		wrong(&r, "a reserved flag, or AD, is set");
	for (unsigned i = 0; i < n[0] && r.wrong == NULL; i++) {
		buf_printf(&body, "; ");
		get_name(&r);
		buf_printf(&body, " %s", type_text(get(&r, 2), name));
		get(&r, 2);
	}
	get_section(&r, "answer", n[1], &rcode);
	get_section(&r, "authority", n[2], &rcode);
	get_section(&r, "additional", n[3], &rcode);
	if (r.wrong == NULL && r.at != len)
		wrong(&r, "bytes stand behind the last record");
	if (r.wrong != NULL)
		buf_printf(text, "MALFORMED: %s", r.wrong);
	else if (rcode < COUNT_OF(rcodes))
		buf_printf(text, "%s%s", rcodes[rcode], body.text != NULL ? body.text : "");
	else
		buf_printf(text, "%s%s",
			rcode == 16   ? "BADVERS"
			: rcode == 23 ? "BADCOOKIE"
				      : "RCODE",
			body.text != NULL ? body.text : "");
	buf_fini(&body);
	return text->text;
}
