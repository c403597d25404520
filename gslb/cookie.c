/* The server part, behind the client's eight bytes: version, three reserved, four of the time, eight of the hash. The reserved
 * bytes are zero in what we make; in what we get they count as they came (RFC 9018 4.2). */
#include "gslb/cookie.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { RFC9018_VERSION = 1, VERSION_AT = 8, TIME_AT = 12, HASH_AT = 16, HASH_LEN = 8 };
enum { AGE_MAX_S = 3600, FUTURE_MAX_S = 300, RENEW_S = 1800 }; /* RFC 9018 4.3 */
enum { FILE_MAX = 4096, SECRET_DIGITS = 32 };

/* ---- secrets ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_key(const char *line, size_t len, uint8_t key[static 16])
{
	if (len != SECRET_DIGITS)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(line[i]), low = hex_digit(line[i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static size_t trimmed(const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	return len;
}

bool cookie_secrets_parse(struct cookie_secrets *secrets, const char *text, size_t len, struct err *err)
{
	struct cookie_secrets read = { 0 };
	unsigned number = 0;

	for (const char *end = text + len, *next; text < end; text = next) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = trimmed(text, (size_t)((newline != NULL ? newline : end) - text));

		next = newline != NULL ? newline + 1 : end;
		number++;
		if (line_len == 0)
			continue;
		if (read.n == COOKIE_SECRETS_MAX)
			return err_set(err, "line %u: one secret too many (try at most %d, one a line)", number,
				COOKIE_SECRETS_MAX);
		if (!parse_key(text, line_len, read.key[read.n++]))
			return err_set(
				err, "line %u: not 32 hexadecimal digits (make them: openssl rand -hex 16)", number);
	}
	if (read.n == 0)
		return err_set(err, "holds no secret (make one: openssl rand -hex 16)");
	*secrets = read;
	return true;
}

static bool make_file(const char *path, struct err *err)
{
	uint8_t key[16];
	char text[SECRET_DIGITS + 2];

	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return err_set(err, "getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	text[SECRET_DIGITS] = '\n';
	return file_replace(path, text, SECRET_DIGITS + 1, 0600, err);
}

bool cookie_secrets_keep(struct cookie_secrets *secrets, const char *path, struct err *err)
{
	struct err why;
	char *text;
	size_t len;
	bool good;

	if (access(path, F_OK) != 0 && !make_file(path, err))
		return false;
	if (!file_read(path, FILE_MAX, &text, &len, err))
		return false;
	good = cookie_secrets_parse(secrets, text, len, &why);
	free(text);
	return good || err_set(err, "%s: %s", path, why.text);
}

bool cookie_secrets_equal(const struct cookie_secrets *a, const struct cookie_secrets *b)
{
	return a->n == b->n && memcmp(a->key, b->key, a->n * sizeof a->key[0]) == 0;
}

/* ---- cookies ---- */

/* RFC 9018 4.4: over all before the hash, and the address; the hash's bytes stand in SipHash's own order, the least first. */
static uint64_t hash_of(const uint8_t key[static 16], const uint8_t *cookie, const struct addr *source)
{
	uint8_t input[HASH_AT + 16];

	memcpy(input, cookie, HASH_AT);
	memcpy(input + HASH_AT, source->bytes, 16);
	return hash_sip(key, input, HASH_AT + addr_len(source));
}

static uint64_t hash_in(const uint8_t *cookie)
{
	uint64_t hash;

	memcpy(&hash, cookie + HASH_AT, HASH_LEN);
	return le64toh(hash);
}

static void make(const uint8_t key[static 16], const struct addr *source, uint32_t now_s, const uint8_t *client,
	uint8_t cookie[static COOKIE_LEN])
{
	uint32_t made_s = htobe32(now_s);
	uint64_t hash;

	memcpy(cookie, client, COOKIE_CLIENT_LEN);
	memset(cookie + VERSION_AT, 0, TIME_AT - VERSION_AT);
	cookie[VERSION_AT] = RFC9018_VERSION;
	memcpy(cookie + TIME_AT, &made_s, sizeof made_s);
	hash = htole64(hash_of(key, cookie, source));
	memcpy(cookie + HASH_AT, &hash, HASH_LEN);
}

/* Seconds since the cookie was made, less than zero when its clock is ahead of ours: half of all numbers lie on either side of
 * now, so that it goes on past 2106. */
static int32_t age_of(const uint8_t *cookie, uint32_t now_s)
{
	uint32_t made_s;

	memcpy(&made_s, cookie + TIME_AT, sizeof made_s);
	return (int32_t)(now_s - be32toh(made_s));
}

/* Which secret made it; n when none did. */
static unsigned made_with(const struct cookie_secrets *secrets, const struct addr *source, const uint8_t *cookie)
{
	unsigned i = 0;

	while (i < secrets->n && hash_of(secrets->key[i], cookie, source) != hash_in(cookie))
		i++;
	return i;
}

enum cookie_verdict cookie_answer(const struct cookie_secrets *secrets, const struct addr *source, uint32_t now_s,
	const uint8_t *cookie, size_t len, uint8_t reply[static COOKIE_LEN])
{
	enum cookie_verdict verdict = len == COOKIE_CLIENT_LEN ? COOKIE_NEW : COOKIE_BAD;

	if (len == COOKIE_LEN && cookie[VERSION_AT] == RFC9018_VERSION) {
		int32_t age_s = age_of(cookie, now_s);
		unsigned secret =
			age_s >= -FUTURE_MAX_S && age_s <= AGE_MAX_S ? made_with(secrets, source, cookie) : secrets->n;

		if (secret < secrets->n)
			verdict = COOKIE_GOOD;
		if (secret == 0 && age_s <= RENEW_S) {
			memcpy(reply, cookie, COOKIE_LEN);
			return verdict;
		}
	}
	make(secrets->key[0], source, now_s, cookie, reply);
	return verdict;
}
