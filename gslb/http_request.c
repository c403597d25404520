/* The target is decoded here and nowhere else, once, and each part by itself: an escaped slash stays inside its segment, a NUL
 * cannot cut a name short, and what is not UTF-8 never gets into JSON. */
#include "gslb/http_request.h"

#include <string.h>
#include <strings.h>

enum { BUDGET_BURST_US = 500000, BUDGET_PART = 4 };

/* ---- the target ---- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of the UTF-8 sequence that begins here, as RFC 3629 allows it; 0: none does. */
static size_t utf8_len(const unsigned char *s)
{
	uint32_t code;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	len = (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (len == 0)
		return 0;
	code = s[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < (len == 2          ? 0x80u
			   : len == 3 ? 0x800u
				      : 0x10000u) ||
		code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}

static bool is_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		size_t len = utf8_len(s);

		if (len == 0 || *s < 0x20 || *s == 0x7f)
			return false;
		s += len;
	}
	return true;
}

/* In place; plus: "+" stands for a blank, as it does in a query. */
static bool decode(char *text, bool plus)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from == '%') {
			int high = hex_of(from[1]), low = high >= 0 ? hex_of(from[2]) : -1;

			if (low < 0 || high * 16 + low == 0)
				return false;
			*to++ = (char)(high * 16 + low);
			from += 2;
		} else {
			*to++ = plus && *from == '+' ? ' ' : *from;
		}
	}
	*to = '\0';
	return is_text(text);
}

static bool read_segments(struct http_request *request, char *path)
{
	while (path != NULL) {
		char *slash = strchr(path, '/');

		if (slash != NULL)
			*slash++ = '\0';
		if (request->nsegments == HTTP_SEGMENTS_MAX || !decode(path, false))
			return false;
		request->segment[request->nsegments++] = path;
		path = slash;
	}
	return true;
}

static bool read_params(struct http_request *request, char *query)
{
	while (query != NULL) {
		char *next = strchr(query, '&'), *value;
		struct http_param *param;

		if (next != NULL)
			*next++ = '\0';
		if (*query != '\0') {
			if (request->nparams == HTTP_PARAMS_MAX)
				return false;
			value = strchr(query, '=');
			if (value != NULL)
				*value++ = '\0';
			param = &request->param[request->nparams++];
			param->name = query;
			param->value = value != NULL ? value : "";
			if (!decode(query, true) || (value != NULL && !decode(value, true)))
				return false;
		}
		query = next;
	}
	return true;
}

enum http_verdict http_request_parse(struct http_request *request, const char *uri)
{
	size_t len = strlen(uri);
	char *query;

	request->nsegments = request->nparams = 0;
	if (len >= sizeof request->text)
		return HTTP_TOO_LONG;
	memcpy(request->text, uri, len + 1);
	if (uri[0] != '/' || strchr(uri, '#') != NULL)
		return HTTP_MALFORMED;
	query = strchr(request->text, '?');
	if (query != NULL)
		*query++ = '\0';
	return read_segments(request, request->text + 1) && read_params(request, query) ? HTTP_FINE : HTTP_MALFORMED;
}

const char *http_param(const struct http_request *request, const char *name)
{
	for (unsigned i = 0; i < request->nparams; i++)
		if (strcmp(request->param[i].name, name) == 0)
			return request->param[i].value;
	return NULL;
}

/* ---- who asks ---- */

bool http_shows_token(const char *authorization, const char *token)
{
	const volatile unsigned char *expected = (const volatile unsigned char *)token;
	size_t len, expected_len = strlen(token);
	unsigned char differs = 0;

	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0 || expected_len == 0)
		return false;
	authorization += 7 + strspn(authorization + 7, " ");
	len = strlen(authorization);
	for (size_t i = 0; i < len; i++) /* as long as what was shown, whatever it is */
		differs |= (unsigned char)authorization[i] ^ expected[i % expected_len];
	return (differs == 0) & (len == expected_len);
}

bool http_host_is_local(const char *host)
{
	static const char *const names[] = { "localhost", "localhost.", "[::1]" };
	char name[ADDR_TEXT_MAX];
	struct addr addr;
	size_t len;

	if (host == NULL)
		return true;
	len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len >= sizeof name || len > strlen(host))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return addr_parse(name, &addr) && addr.family == ADDR_V4; /* an address is nobody's name */
}

/* ---- pushes ---- */

static bool read_time(struct http_push *push, const char *name, const char *text, struct err *err)
{
	if (duration_parse(text, &push->for_ms) && push->for_ms >= 1000)
		return true;
	return err_set(err, "push: %s=%.40s: not a duration of at least a second (try 5m)", name, text);
}

static bool read_load(struct http_push *push, const char *text, struct err *err)
{
	if (text[0] == '\0' || strlen(text) >= sizeof push->load)
		return err_set(err, "push: load=%.40s: not a number (try load=412)", text);
	memcpy(push->load, text, strlen(text) + 1);
	return true;
}

static bool read_word(struct http_push *push, char *word, struct err *err)
{
	char *value = strchr(word, '=');

	if (value == NULL) {
		push->state = strcmp(word, "up") == 0 ? "up" : strcmp(word, "down") == 0 ? "down" : NULL;
		return push->state != NULL || err_set(err, "push: %.40s: neither up nor down, nor load=NUMBER", word);
	}
	*value++ = '\0';
	if (strcmp(word, "state") == 0)
		return read_word(push, value, err);
	if (strcmp(word, "for") == 0 || strcmp(word, "ttl") == 0)
		return read_time(push, word, value, err);
	if (strcmp(word, "load") == 0)
		return read_load(push, value, err);
	return err_set(err, "push: %.40s: not known (push up, down or load=412, and perhaps for=5m)", word);
}

bool http_push_parse(struct http_push *push, const struct http_request *request, struct err *err)
{
	char text[HTTP_BODY_MAX + 1], *save = NULL;

	*push = (struct http_push){ 0 };
	if (request->body_len > HTTP_BODY_MAX || memchr(request->body, '\0', request->body_len) != NULL)
		return err_set(err, "push: the body says up, down or load=412, and perhaps for=5m");
	for (size_t i = 0; i < request->body_len; i++)
		text[i] = strchr("\t\r\n", request->body[i]) != NULL ? ' ' : request->body[i];
	text[request->body_len] = '\0';
	if (!is_text(text))
		return err_set(err, "push: the body is not text (up, down or load=412, and perhaps for=5m)");
	for (char *word = strtok_r(text, " &", &save); word != NULL; word = strtok_r(NULL, " &", &save))
		if (!read_word(push, word, err))
			return false;
	for (unsigned i = 0; i < request->nparams; i++) {
		const struct http_param *param = &request->param[i];

		if (strcmp(param->name, "for") != 0 && strcmp(param->name, "ttl") != 0)
			return err_set(err, "push: %.40s=: no such parameter (it takes for=5m)", param->name);
		if (!read_time(push, param->name, param->value, err))
			return false;
	}
	if (push->state != NULL && push->load[0] != '\0')
		return err_set(err, "push: a state and a load at once (push one after the other)");
	return push->state != NULL || push->load[0] != '\0' ||
	       err_set(err, "push: the body says up, down or load=412, and perhaps for=5m");
}

/* ---- the budget ---- */

static void pay(struct http_budget *budget, uint64_t now_us)
{
	uint64_t paid = now_us > budget->at_us ? (now_us - budget->at_us) / BUDGET_PART : 0;

	budget->debt_us = paid < budget->debt_us ? budget->debt_us - paid : 0;
	budget->at_us = now_us;
}

unsigned http_budget_wait_s(struct http_budget *budget, uint64_t now_us)
{
	pay(budget, now_us);
	if (budget->debt_us <= BUDGET_BURST_US)
		return 0;
	return (unsigned)((budget->debt_us - BUDGET_BURST_US) * BUDGET_PART / 1000000 + 1);
}

void http_budget_use(struct http_budget *budget, uint64_t now_us, uint64_t us)
{
	pay(budget, now_us);
	budget->debt_us += us;
}
