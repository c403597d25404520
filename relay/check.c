#include "relay/check.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_hex(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/* ---- names ---- */

/* The label at text; its length, or 0. */
static size_t label_len(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (is_letter(text[n]) || is_digit(text[n]) || text[n] == '-' || text[n] == '_'))
		n++;
	return n <= 63 ? n : 0;
}

bool check_name(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err)
{
	size_t at = 0;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > CHECK_NAME_MAX)
		return err_set(err, "a name has 1 to %d characters", CHECK_NAME_MAX);
	if (len > 2 && text[0] == '*' && text[1] == '.')
		at = 2;
	while (at <= len) {
		size_t n = label_len(text + at, len - at);

		if (n == 0 || (at + n < len && text[at + n] != '.'))
			return err_set(err,
				"character %zu: a name's labels are 1 to 63 letters, digits, - and _ "
				"(other scripts as xn--…)",
				at + n + 1);
		at += n + 1;
	}
	for (size_t i = 0; i < len; i++)
		out[i] = lower(text[i]);
	out[len] = '\0';
	return true;
}

bool check_label(const char *text, size_t len)
{
	return len > 0 && label_len(text, len) == len;
}

/* ---- keys and tags ---- */

bool check_key(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err)
{
	if (len == 0 || len > CHECK_KEY_MAX)
		return err_set(err, "a key has 1 to %d bytes", CHECK_KEY_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f)
			return err_set(err, "byte %zu: a key has no spaces and control characters", i + 1);
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

bool check_tag(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err)
{
	if (len == 0 || len > CHECK_TAG_MAX)
		return err_set(err, "a tag has 1 to %d characters", CHECK_TAG_MAX);
	for (size_t i = 0; i < len; i++)
		if (!is_letter(text[i]) && !is_digit(text[i]) && (text[i] == '\0' || strchr("_:./-", text[i]) == NULL))
			return err_set(err, "character %zu: a tag has letters, digits and _ : . / -", i + 1);
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* ---- URLs ---- */

struct url {
	const char *at, *end;
	char *out;
	size_t n;
};

static bool url_scheme(struct url *u, bool *secure)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (unsigned i = 0; i < COUNT_OF(schemes); i++) {
		size_t n = strlen(schemes[i]), k = 0;

		while (k < n && (size_t)(u->end - u->at) > k && lower(u->at[k]) == schemes[i][k])
			k++;
		if (k < n)
			continue;
		memcpy(u->out, schemes[i], n);
		u->n = n;
		u->at += n;
		*secure = i == 1;
		return true;
	}
	return false;
}

/* A name, an IPv4 address (which is one, too), or an IPv6 address in brackets. */
static bool url_host(struct url *u)
{
	const char *from = u->at;
	char name[CHECK_TEXT_MAX];
	size_t len;

	if (u->at < u->end && *u->at == '[') {
		struct addr addr;
		char text[ADDR_TEXT_MAX];

		while (u->at < u->end && *u->at != ']')
			u->at++;
		len = (size_t)(u->at - from) - 1;
		if (u->at == u->end || len >= sizeof text)
			return false;
		memcpy(text, from + 1, len);
		text[len] = '\0';
		if (!addr_parse(text, &addr) || addr.family != ADDR_V6)
			return false;
		u->at++;
		addr_format(&addr, text);
		u->n += (size_t)snprintf(u->out + u->n, CHECK_TEXT_MAX - u->n, "[%s]", text);
		return true;
	}
	while (u->at < u->end && *u->at != ':' && *u->at != '/' && *u->at != '?')
		u->at++;
	len = (size_t)(u->at - from);
	if (len == 0 || from[0] == '*' || !check_name(from, len, name, NULL))
		return false;
	len = strlen(name);
	memcpy(u->out + u->n, name, len);
	u->n += len;
	return true;
}

static bool url_port(struct url *u, bool secure)
{
	unsigned port = 0, ndigits = 0;

	if (u->at == u->end || *u->at != ':')
		return true;
	for (u->at++; u->at < u->end && is_digit(*u->at) && ndigits < 6; u->at++, ndigits++)
		port = port * 10 + (unsigned)(*u->at - '0');
	if (ndigits == 0 || port == 0 || port > 65535)
		return false;
	if (port != (secure ? 443 : 80))
		u->n += (size_t)snprintf(u->out + u->n, CHECK_TEXT_MAX - u->n, ":%u", port);
	return true;
}

/* RFC 3986: what may stand in a path or a query without an escape. */
static bool is_plain(char c)
{
	return is_letter(c) || is_digit(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@/?", c) != NULL);
}

static char upper_hex(char c)
{
	return lower(c) >= 'a' ? (char)(lower(c) - 'a' + 'A') : c;
}

/* One character or escape; an escaped control character is none that anybody needs. */
static bool url_char(struct url *u)
{
	char c = *u->at;

	if (c == '%') {
		if (u->end - u->at < 3 || !is_hex(u->at[1]) || !is_hex(u->at[2]) || u->at[1] < '2')
			return false;
		u->out[u->n++] = '%';
		u->out[u->n++] = upper_hex(u->at[1]);
		u->out[u->n++] = upper_hex(u->at[2]);
		u->at += 3;
		return true;
	}
	if (!is_plain(c))
		return false;
	u->out[u->n++] = c;
	u->at++;
	return true;
}

/* RFC 3986 5.2.4: a segment "." goes, ".." takes the one before it along. True when it was one of them: what is left ends with a slash. */
static bool drop_dots(struct url *u, size_t path, size_t segment)
{
	size_t len = u->n - segment;

	if (len == 0 || len > 2 || u->out[segment] != '.' || u->out[u->n - 1] != '.')
		return false;
	u->n = segment;
	if (len == 1 || segment == path + 1)
		return true;
	do
		u->n--;
	while (u->out[u->n - 1] != '/');
	return true;
}

static bool url_path(struct url *u)
{
	size_t path = u->n, segment;

	u->out[u->n++] = '/';
	segment = u->n;
	if (u->at < u->end && *u->at == '/')
		u->at++;
	else if (u->at < u->end && *u->at != '?')
		return false;
	while (u->at < u->end && *u->at != '?') {
		if (*u->at != '/') {
			if (!url_char(u))
				return false;
			continue;
		}
		if (!drop_dots(u, path, segment))
			u->out[u->n++] = '/';
		segment = u->n;
		u->at++;
	}
	drop_dots(u, path, segment);
	while (u->at < u->end)
		if (!url_char(u))
			return false;
	return true;
}

bool check_url(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err)
{
	struct url u = { .at = text, .end = text + len, .out = out };
	bool secure;

	if (len > CHECK_URL_MAX)
		return err_set(err, "a URL has at most %d characters", CHECK_URL_MAX);
	if (!url_scheme(&u, &secure))
		return err_set(err, "a URL begins with http:// or https://");
	if (!url_host(&u) || !url_port(&u, secure))
		return err_set(err, "the URL's host and port are wrong (try https://www.example.com:8443/path)");
	if (!url_path(&u))
		return err_set(err, "character %zu of the URL must be escaped, or the escape is wrong",
			(size_t)(u.at - text) + 1);
	out[u.n] = '\0';
	return true;
}

void check_url_host(const char *url, char host[static CHECK_TEXT_MAX])
{
	const char *from = strstr(url, "://") + 3;
	size_t len = *from == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":/?");

	memcpy(host, from, len);
	host[len] = '\0';
}

/* ---- types ---- */

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "PTR", 12 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "SRV", 33 },
	{ "NAPTR", 35 },
	{ "DNAME", 39 },
	{ "DS", 43 },
	{ "SSHFP", 44 },
	{ "DNSKEY", 48 },
	{ "TLSA", 52 },
	{ "SVCB", 64 },
	{ "HTTPS", 65 },
	{ "CAA", 257 },
};

uint16_t check_type(const char *text)
{
	for (unsigned i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i].name, text) == 0)
			return types[i].type;
	return 0;
}

const char *check_type_name(uint16_t type)
{
	for (unsigned i = 0; i < COUNT_OF(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

char *check_line(char **rest, unsigned *number)
{
	char *line;

	while ((line = strsep(rest, "\n")) != NULL) {
		++*number;
		line += strspn(line, " \t\r");
		if (line[0] != '\0' && line[0] != '#')
			return line;
	}
	return NULL;
}

char *check_word(char **rest)
{
	char *at;

	while ((at = strsep(rest, " \t\r")) != NULL)
		if (at[0] != '\0')
			return at;
	return NULL;
}
