/* What is checked here is checked before anything is bound: a user who does not exist or a database that cannot be read is
 * found by `gslbd -t`, not by a server half started. */
#include "gslb/conf_value.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/state.h"

static void *field(struct conf_reading *r)
{
	return (char *)r->conf + r->row->offset;
}

static bool keep_text(struct conf_reading *r, char *text)
{
	char **at = field(r);

	free(*at);
	*at = text;
	return true;
}

/* ---- numbers and words ---- */

static bool read_number(struct conf_reading *r)
{
	uint64_t number;

	if (r->text[strspn(r->text, "0123456789")] != '\0')
		return err_set(&r->err, "not a number (try %llu to %llu)", (unsigned long long)r->row->min,
			(unsigned long long)r->row->max);
	if (!number_parse(r->text, r->row->min, r->row->max, &number))
		return err_set(&r->err, "out of bounds (try %llu to %llu)", (unsigned long long)r->row->min,
			(unsigned long long)r->row->max);
	*(uint32_t *)field(r) = (uint32_t)number;
	return true;
}

static bool read_duration(struct conf_reading *r)
{
	char min[32], max[32];
	uint64_t ms;

	if (!duration_parse(r->text, &ms))
		return err_set(&r->err, "not a duration (try %s)", r->row->fallback);
	if (ms < r->row->min || ms > r->row->max)
		return err_set(&r->err, "out of bounds (try %s to %s)", duration_format(r->row->min, min),
			duration_format(r->row->max, max));
	*(uint32_t *)field(r) = (uint32_t)ms;
	return true;
}

/* Not on, off, y, n, 1, 0 or Yes: one way to write it, and no surprise (YAML's own rules differ between its versions). */
static bool read_yes_no(struct conf_reading *r)
{
	bool *at = field(r);

	*at = strcmp(r->text, "yes") == 0 || strcmp(r->text, "true") == 0;
	if (!*at && strcmp(r->text, "no") != 0 && strcmp(r->text, "false") != 0)
		return err_set(&r->err, "neither yes nor no (try yes)");
	return true;
}

/* yes: the most there may be. Of 65536. */
static bool read_share(struct conf_reading *r)
{
	uint32_t *at = field(r);
	char *end;
	double percent = strtod(r->text, &end);

	*at = (uint32_t)r->row->max;
	if (strcmp(r->text, "yes") == 0 || strcmp(r->text, "true") == 0)
		return true;
	*at = 0;
	if (strcmp(r->text, "no") == 0 || strcmp(r->text, "false") == 0)
		return true;
	if (end == r->text || strcmp(end, "%") != 0)
		return err_set(&r->err, "neither yes nor no nor a percentage (try no, yes or 0.5%%)");
	if (!(percent >= 0.01 && percent <= 1))
		return err_set(&r->err, "out of bounds (try 0.01%% to 1%%)");
	*at = (uint32_t)(percent * (double)r->row->max);
	return true;
}

static bool read_level(struct conf_reading *r)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_ERROR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (strcmp(levels[i].name, r->text) == 0) {
			*(enum log_level *)field(r) = levels[i].level;
			return true;
		}
	return err_set(&r->err, "not a level (try error, warning, notice, info or debug)");
}

static bool read_identity(struct conf_reading *r)
{
	if (strlen(r->text) > r->row->max)
		return err_set(&r->err, "too long for NSID (try at most %llu bytes)", (unsigned long long)r->row->max);
	return keep_text(r, mem_strdup(r->text));
}

/* A region's name stands in overrides, votes and metrics. */
static bool read_label(struct conf_reading *r)
{
	size_t len = strspn(r->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (r->text[len] != '\0' || len > r->row->max)
		return err_set(&r->err, "not a name (try letters, digits, - _ and ., at most %llu)",
			(unsigned long long)r->row->max);
	return keep_text(r, mem_strdup(r->text));
}

static bool read_user(struct conf_reading *r)
{
	if (*r->text != '\0' && getpwnam(r->text) == NULL)
		return err_set(&r->err, "no such user (make it: adduser --system --group %s)", r->text);
	return keep_text(r, mem_strdup(r->text));
}

static bool read_group(struct conf_reading *r)
{
	if (*r->text != '\0' && getgrnam(r->text) == NULL)
		return err_set(&r->err, "no such group (make it: addgroup --system %s)", r->text);
	return keep_text(r, mem_strdup(r->text));
}

/* ---- paths ---- */

static bool is_folder(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(err, "%s", strerror(errno));
	return S_ISDIR(st.st_mode) || err_set(err, "is not a folder");
}

/* The folder that path stands in: "." and "/" included; the caller frees it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : mem_printf("%.*s", (int)(slash - path), path);
}

static bool can_be_made(const char *path, struct err *err)
{
	char *above;
	bool ok;

	if (access(path, F_OK) == 0)
		return is_folder(path, err);
	above = folder_of(path);
	ok = is_folder(above, NULL);
	if (!ok)
		err_set(err, "cannot be made: there is no folder %s", above);
	free(above);
	return ok;
}

static bool read_folder(struct conf_reading *r)
{
	if (*r->text == '\0')
		return keep_text(r, mem_strdup(""));
	keep_text(r, file_beside(r->conf->file, r->text));
	return is_folder(*(char **)field(r), &r->err);
}

static bool read_folder_made(struct conf_reading *r)
{
	keep_text(r, file_beside(r->conf->file, r->text));
	return can_be_made(*(char **)field(r), &r->err);
}

static bool read_socket(struct conf_reading *r)
{
	char *path = file_beside(r->conf->file, r->text), *folder;
	struct stat st;
	bool ok;

	keep_text(r, path);
	if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
		return err_set(&r->err, "too long for a socket (try at most %zu bytes)",
			sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
	if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(&r->err, "is there, and is not a socket (name a path that is free)");
	folder = folder_of(path);
	ok = can_be_made(folder, &r->err);
	free(folder);
	return ok;
}

/* Another program's socket: it need not be there yet. */
static bool read_relay(struct conf_reading *r)
{
	return *r->text == '\0' ? keep_text(r, mem_strdup("")) : keep_text(r, file_beside(r->conf->file, r->text));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_seed(const char *text, size_t len, uint8_t seed[static 16])
{
	if (len < 32 || strspn(text + 32, " \r\n") != len - 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		seed[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : seed[i / 2] | digit);
	}
	return true;
}

static bool read_seed(struct conf_reading *r)
{
	char *path, *text;
	struct err err;
	size_t len;
	bool ok;

	if (*r->text == '\0')
		return keep_text(r, mem_strdup(""));
	path = file_beside(r->conf->file, r->text);
	keep_text(r, path);
	if (!file_read(path, 4096, &text, &len, &err))
		return err_set(&r->err, "%s", conf_reason(&err, path));
	ok = parse_seed(text, len, r->conf->seed);
	free(text);
	return ok || err_set(&r->err, "does not hold 32 hexadecimal digits (make it: openssl rand -hex 16)");
}

static bool read_cookies(struct conf_reading *r)
{
	char *path, *text;
	struct err err;
	size_t len;
	bool good;

	if (*r->text == '\0')
		return keep_text(r, mem_strdup(""));
	path = file_beside(r->conf->file, r->text);
	keep_text(r, path);
	if (!file_read(path, 4096, &text, &len, &err))
		return err_set(&r->err, "%s", conf_reason(&err, path));
	good = cookie_secrets_parse(&r->conf->cookies, text, len, &r->err);
	free(text);
	return good;
}

/* Who reads it may do what it is for; the user that gslbd runs as may have it by its group. */
static bool is_kept_from_others(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(err, "%s", strerror(errno));
	return (st.st_mode & S_IRWXO) == 0 || err_set(err, "every user may open it (chmod o= %s)", path);
}

/* A header carries it: printable, and no blanks. */
static bool is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return len >= CONF_TOKEN_MIN;
}

static bool read_secret(struct conf_reading *r)
{
	struct conf_token *token = field(r);
	size_t len;

	free(token->file);
	token->file = *r->text != '\0' ? file_beside(r->conf->file, r->text) : mem_strdup("");
	if (*r->text == '\0')
		return true;
	if (!file_read(token->file, 4096, &token->text, &len, &r->err)) {
		struct err err = r->err;

		return err_set(&r->err, "%s", conf_reason(&err, token->file));
	}
	while (len > 0 && strchr(" \t\r\n", token->text[len - 1]) != NULL)
		token->text[--len] = '\0';
	if (!is_token(token->text, len))
		return err_set(&r->err,
			"does not hold a token of at least %d characters without blanks (make it: openssl "
			"rand -hex 16)",
			CONF_TOKEN_MIN);
	return is_kept_from_others(token->file, &r->err);
}

static bool is_loopback(const struct addr *addr)
{
	static const uint8_t one[16] = { [15] = 1 };

	return addr->family == ADDR_V4 ? addr->bytes[0] == 127 : memcmp(addr->bytes, one, sizeof one) == 0;
}

static bool read_http(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	struct conf_listen listen = { .line = r->line };

	conf->http_given = r->line > 0;
	conf->http = listen;
	if (strcmp(r->text, "none") == 0)
		return true;
	if (!addr_parse_port(r->text, 9153, &listen.addr, &listen.port))
		return err_set(&r->err, "not an address and port, nor none (try 127.0.0.1@9153 or \"::1@9153\")");
	conf->http = listen;
	if (!is_loopback(&listen.addr) && (conf->http_token.file == NULL || conf->http_token.file[0] == '\0'))
		return err_set(&r->err,
			"others than this host could read it (name a token they show as http.token-file, or "
			"listen on 127.0.0.1)");
	return true;
}

/* ---- lists: called once for each item ---- */

static bool read_listen(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	struct conf_listen listen = { .line = r->line };

	if (!addr_parse_port(r->text, 53, &listen.addr, &listen.port))
		return err_set(&r->err, "not an address and port (try 192.0.2.53@53 or \"2001:db8::53@53\")");
	if (conf->nlisten == CONF_LISTEN_MAX)
		return err_set(&r->err, "one too many (try at most %d)", CONF_LISTEN_MAX);
	for (size_t i = 0; i < conf->nlisten; i++)
		if (listen.port != 0 && listen.port == conf->listen[i].port &&
			addr_equal(&listen.addr, &conf->listen[i].addr))
			return err_set(&r->err, "listed twice (keep one)");
	conf->listen[conf->nlisten++] = listen;
	return true;
}

/* Most name servers and resolvers answer TCP on 53, peers of a fleet among them; a router without it refuses, which will do. */
static bool read_anchor(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	struct conf_listen anchor = { .line = r->line };

	if (!addr_parse_port(r->text, 53, &anchor.addr, &anchor.port) || anchor.port == 0)
		return err_set(&r->err, "not an address, with a TCP port or without (try 192.0.2.1 or 192.0.2.1@443)");
	if (conf->nanchors == CONF_ANCHORS_MAX)
		return err_set(&r->err, "one too many (try at most %d)", CONF_ANCHORS_MAX);
	for (size_t i = 0; i < conf->nanchors; i++)
		if (addr_equal(&anchor.addr, &conf->anchors[i].addr))
			return err_set(&r->err, "listed twice (keep one: an anchor is a host)");
	conf->anchors[conf->nanchors++] = anchor;
	return true;
}

/* A label of the bus, as gslb-relay wants it. */
static bool read_region(struct conf_reading *r)
{
	struct conf *conf = r->conf;

	if (!state_label_is_good(r->text, strlen(r->text)))
		return err_set(&r->err, "must be 1 to 63 letters, digits, - and _ (try eu-west)");
	if (conf->nregions == CONF_REGIONS_MAX)
		return err_set(&r->err, "one too many (try at most %d)", CONF_REGIONS_MAX);
	for (size_t i = 0; i < conf->nregions; i++)
		if (strcmp(conf->regions[i], r->text) == 0)
			return err_set(&r->err, "listed twice (keep one)");
	conf->regions[conf->nregions++] = mem_strdup(r->text);
	return true;
}

static bool read_database(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	char *path = file_beside(conf->file, r->text);
	struct stat st;

	if (conf->ndatabases == CONF_DATABASES_MAX)
		err_set(&r->err, "one too many (try at most %d)", CONF_DATABASES_MAX);
	else if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		err_set(&r->err, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(&r->err, "is not a file (try the path of an .mmdb)");
	for (size_t i = 0; i < conf->ndatabases; i++)
		if (strcmp(conf->databases[i], path) == 0)
			err_set(&r->err, "listed twice (keep one)");
	if (r->err.text[0] != '\0') {
		free(path);
		return false;
	}
	conf->databases[conf->ndatabases] = path;
	conf->database_line[conf->ndatabases++] = r->line;
	return true;
}

const struct conf_kind conf_number = { .read = read_number }, conf_duration = { .read = read_duration },
		       conf_yes_no = { .read = read_yes_no }, conf_share = { .read = read_share },
		       conf_identity = { .read = read_identity }, conf_label = { .read = read_label },
		       conf_user = { .read = read_user }, conf_group = { .read = read_group },
		       conf_folder = { .read = read_folder }, conf_folder_made = { .read = read_folder_made },
		       conf_socket = { .read = read_socket }, conf_relay = { .read = read_relay },
		       conf_seed = { .read = read_seed }, conf_cookies = { .read = read_cookies },
		       conf_level = { .read = read_level }, conf_listens = { .list = true, .read = read_listen },
		       conf_databases = { .list = true, .read = read_database },
		       conf_anchors = { .list = true, .read = read_anchor },
		       conf_regions = { .list = true, .read = read_region }, conf_secret = { .read = read_secret },
		       conf_http = { .read = read_http };
