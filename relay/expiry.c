#include "relay/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* DER's tags */
enum { DER_INTEGER = 0x02, DER_UTC_TIME = 0x17, DER_GENERALIZED_TIME = 0x18, DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

/* ---- PEM ---- */

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Base64 with line ends in it, up to its padding. Returns how many bytes it is; bytes has room for three of each four characters. */
static size_t decode(const char *text, size_t len, uint8_t *bytes)
{
	size_t n = 0;
	uint32_t held = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < len && text[i] != '='; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			continue;
		held = held << 6 | (uint32_t)digit;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		bytes[n++] = (uint8_t)(held >> bits);
	}
	return n;
}

/* ---- DER, X.690 8.1: tag, length, contents ---- */

struct der {
	const uint8_t *at, *end;
	bool bad;
};

static size_t length_of(struct der *der)
{
	size_t len = 0;
	unsigned n;

	if (der->at == der->end) {
		der->bad = true;
		return 0;
	}
	if (*der->at < 0x80)
		return *der->at++;
	n = *der->at++ & 0x7f;
	if (n == 0 || n > 3 || (size_t)(der->end - der->at) < n) {
		der->bad = true;
		return 0;
	}
	while (n-- > 0)
		len = len << 8 | *der->at++;
	return len;
}

/* The contents of the next element, which is passed; bad when it is not of that tag. */
static struct der take(struct der *der, uint8_t tag)
{
	struct der inner = { 0 };
	size_t len;

	der->bad = der->bad || der->at == der->end || *der->at != tag;
	if (!der->bad) {
		der->at++;
		len = length_of(der);
		der->bad = der->bad || (size_t)(der->end - der->at) < len;
		if (!der->bad) {
			inner.at = der->at;
			inner.end = der->at += len;
		}
	}
	inner.bad = der->bad;
	return inner;
}

static bool is_next(const struct der *der, uint8_t tag)
{
	return !der->bad && der->at != der->end && *der->at == tag;
}

/* "491231235959Z" or "20491231235959Z"; RFC 5280, 4.1.2.5. */
static bool read_time(struct der *validity, uint64_t *ms)
{
	bool utc = is_next(validity, DER_UTC_TIME);
	struct der time = take(validity, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
	char text[16] = "", tail;
	struct tm tm = { 0 };
	time_t seconds;

	if (time.bad || (size_t)(time.end - time.at) != (utc ? strlen("YYMMDDHHMMSSZ") : strlen("YYYYMMDDHHMMSSZ")))
		return false;
	memcpy(text, time.at, (size_t)(time.end - time.at));
	if (text[strspn(text, "0123456789")] != 'Z' ||
		sscanf(text, utc ? "%2d%2d%2d%2d%2d%2d%c" : "%4d%2d%2d%2d%2d%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &tail) != 7)
		return false;
	tm.tm_year += utc ? (tm.tm_year < 50 ? 100 : 0) : -1900;
	tm.tm_mon -= 1;
	seconds = timegm(&tm);
	*ms = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
	return seconds > 0;
}

/* RFC 5280, 4.1: Certificate, TBSCertificate, and of that the validity's second time. */
static bool read_end(const uint8_t *bytes, size_t len, uint64_t *ends_ms)
{
	struct der file = { bytes, bytes + len, false };
	struct der certificate = take(&file, DER_SEQUENCE), tbs = take(&certificate, DER_SEQUENCE), validity;
	uint64_t begins_ms;

	if (is_next(&tbs, DER_VERSION))
		take(&tbs, DER_VERSION);
	take(&tbs, DER_INTEGER);  /* serialNumber */
	take(&tbs, DER_SEQUENCE); /* signature */
	take(&tbs, DER_SEQUENCE); /* issuer */
	validity = take(&tbs, DER_SEQUENCE);
	return read_time(&validity, &begins_ms) && read_time(&validity, ends_ms);
}

bool expiry_read(const char *text, size_t len, uint64_t *ends_ms, struct err *err)
{
	const char *begin = memmem(text, len, BEGIN, strlen(BEGIN)), *end;
	uint8_t *bytes;
	bool good;

	*ends_ms = 0;
	if (begin == NULL)
		return err_set(err, "has no " BEGIN);
	begin += strlen(BEGIN);
	end = memmem(begin, (size_t)(text + len - begin), END, strlen(END));
	if (end == NULL)
		return err_set(err, "has no " END);
	bytes = mem_alloc((size_t)(end - begin) / 4 * 3 + 3);
	good = read_end(bytes, decode(begin, (size_t)(end - begin), bytes), ends_ms);
	free(bytes);
	return good ? true : err_set(err, "is no certificate");
}

/* ---- when to say it ---- */

enum expiry_word expiry_is(const struct expiry *expiry, uint64_t wall_ms)
{
	if (expiry->ends_ms == 0 || wall_ms + EXPIRY_SOON_MS < expiry->ends_ms)
		return EXPIRY_NOTHING;
	return wall_ms < expiry->ends_ms ? EXPIRY_SOON : EXPIRY_OVER;
}

enum expiry_word expiry_say(struct expiry *expiry, uint64_t wall_ms)
{
	enum expiry_word word = expiry_is(expiry, wall_ms);
	bool over = word == EXPIRY_OVER;

	if (word == EXPIRY_NOTHING)
		return word;
	if (expiry->said_ms != 0 && over == expiry->over && wall_ms < expiry->said_ms + EXPIRY_AGAIN_MS)
		return EXPIRY_NOTHING;
	expiry->said_ms = wall_ms;
	expiry->over = over;
	return word;
}
