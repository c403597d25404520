/* load=: where a pool's load is read. "push", "header:NAME" on the answers of its health check, or a URL. */
#include <string.h>

#include "zones/model.h"

enum { URL_LEN_MAX = 1024, HEADER_LEN_MAX = 64 };

#define TOKEN_LETTERS POOL_LETTERS "!#$%&'*+.^`|~" /* RFC 9110 5.6.2 */

static bool parse_header(struct draft *draft, const char *name, struct load_place *load, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > HEADER_LEN_MAX || strspn(name, TOKEN_LETTERS) != len)
		return err_set(err, "not the name of an HTTP header (try header:X-Load)");
	load->source = LOAD_HEADER;
	load->header = arena_strdup(draft->arena, name);
	return true;
}

static bool is_host(const char *text)
{
	struct addr addr;
	struct name name;

	if (addr_parse(text, &addr))
		return true;
	return text[0] != '\0' && strlen(text) <= 253 && text[strspn(text, POOL_LETTERS ".")] == '\0' &&
	       text[strlen(text) - 1] != '.' && name_from_text(&name, text);
}

/* "host", "host:port", "[2001:db8::1]:port"; cut up in place. */
static bool cut_authority(char *text, const char **host, uint16_t *port)
{
	char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
	uint64_t number = *port;

	if (end == NULL)
		return false;
	*host = text[0] == '[' ? text + 1 : text;
	if (*end == ']')
		*end++ = '\0';
	if (*end == ':' && !number_parse(end + 1, 1, UINT16_MAX, &number))
		return false;
	if (*end != ':' && *end != '\0')
		return false;
	*end = '\0';
	*port = (uint16_t)number;
	return is_host(*host);
}

static bool parse_url(struct draft *draft, const char *value, struct load_place *load, struct err *err)
{
	const char *rest = strstr(value, "://") + 3;
	size_t len = strcspn(rest, "/?");
	char *authority;

	if (strlen(value) > URL_LEN_MAX)
		return err_set(err, "a URL of more than %d bytes", URL_LEN_MAX);
	for (const char *c = value; *c != '\0'; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '#' || (unsigned char)*c >= 0x80)
			return err_set(err, "a space, a # or a byte outside ASCII in a URL (write it as %%20)");
	load->tls = strncmp(value, "https:", 6) == 0;
	load->port = load->tls ? 443 : 80;
	authority = arena_strdup(draft->arena, rest);
	authority[len] = '\0';
	if (!cut_authority(authority, &load->host, &load->port))
		return err_set(err, "no host, or no host and port, behind :// (try http://lb.example.org:8080/load)");
	load->path = rest[len] == '/' ? arena_strdup(draft->arena, rest + len) : "/";
	if (rest[len] == '?')
		return err_set(err, "no path before the ? (write /?)");
	load->source = LOAD_URL;
	return true;
}

bool load_place_parse(struct draft *draft, const char *value, struct load_place *load, struct err *err)
{
	*load = (struct load_place){ .text = arena_strdup(draft->arena, value) };
	if (strcmp(value, "push") == 0) {
		load->source = LOAD_PUSH;
		return true;
	}
	if (strncmp(value, "header:", 7) == 0)
		return parse_header(draft, value + 7, load, err);
	if (strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0)
		return parse_url(draft, value, load, err);
	return err_set(err, "neither push, nor header:NAME, nor a URL (try http://lb.example.org/load)");
}
