/* A load out of what an application wrote. Digits are read by hand: strtod would take a comma for the point in some places of the world, and "nan" everywhere. */
#include "health/health.h"

#include <string.h>

enum { EXPONENT_MOST = 12 };
#define MILLI_MOST (UINT64_C(1000000000000) * 1000)

struct reader {
	const char *at, *end;
};

static void skip_space(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL)
		r->at++;
}

static bool is_digit(const struct reader *r)
{
	return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* "e3", "E-2": a power of ten. */
static bool read_exponent(struct reader *r, int *exponent)
{
	int number = 0;
	bool minus;

	if (!take(r, 'e') && !take(r, 'E'))
		return true;
	minus = take(r, '-');
	if (!minus)
		take(r, '+');
	if (!is_digit(r))
		return false;
	for (; is_digit(r); r->at++)
		if (number <= 100)
			number = number * 10 + (*r->at - '0');
	*exponent += minus ? -number : number;
	return true;
}

static bool read_number(struct reader *r, uint64_t *milli)
{
	uint64_t digits = 0;
	int exponent = 3; /* thousandths */

	if (!is_digit(r))
		return false;
	for (; is_digit(r); r->at++) {
		if (digits > MILLI_MOST)
			return false;
		digits = digits * 10 + (uint64_t)(*r->at - '0');
	}
	if (take(r, '.') && !is_digit(r))
		return false;
	for (; is_digit(r); r->at++) {
		if (digits > MILLI_MOST) /* finer than anybody can tell */
			continue;
		digits = digits * 10 + (uint64_t)(*r->at - '0');
		exponent--;
	}
	if (!read_exponent(r, &exponent) || exponent > EXPONENT_MOST)
		return digits == 0;
	for (; exponent > 0 && digits <= MILLI_MOST; exponent--)
		digits *= 10;
	for (; exponent < 0 && digits > 0; exponent++)
		digits = exponent == -1 ? (digits + 5) / 10 : digits / 10;
	*milli = digits;
	return digits <= MILLI_MOST;
}

/* To behind "load": of an object. */
static bool find_member(struct reader *r)
{
	static const char name[] = "\"load\"";
	const char *found = memmem(r->at, (size_t)(r->end - r->at), name, sizeof name - 1);

	if (found == NULL)
		return false;
	r->at = found + sizeof name - 1;
	skip_space(r);
	if (!take(r, ':'))
		return false;
	skip_space(r);
	return true;
}

bool health_load_read(const char *text, size_t len, uint64_t *milli)
{
	struct reader r = { text, text + len };
	bool object;

	if (len == 0)
		return false;
	skip_space(&r);
	object = r.at < r.end && *r.at == '{';
	if (object && !find_member(&r))
		return false;
	*milli = 0;
	if (!read_number(&r, milli))
		return false;
	skip_space(&r);
	return object ? r.at < r.end && strchr(",}", *r.at) != NULL : r.at == r.end;
}
