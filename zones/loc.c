/* Angles are in thousandths of a second of arc around 2^31; heights in centimetres above 100,000 m below the reference
 * spheroid; sizes are a digit times a power of ten, in centimetres (RFC 1876 2). All arithmetic is in whole numbers. */
#include "zones/loc.h"

#include <string.h>

enum { MIDDLE = 1u << 31, BASE_CM = 10000000, ARC_DEGREE = 3600000, ARC_MINUTE = 60000 };

/* Reads tokens one by one; the first that does not fit stays as the mistake. */
struct loc_cursor {
	const struct token *at, *end;
	bool bad;
};

/* "12", "12.3", "12.345": a decimal with up to `places` places, times 10^places. */
static bool decimal(const char *text, size_t len, unsigned places, uint64_t *number)
{
	size_t at = 0;

	*number = 0;
	for (; at < len && text[at] >= '0' && text[at] <= '9'; at++)
		if ((*number = *number * 10 + (uint64_t)(text[at] - '0')) > UINT32_MAX)
			return false;
	if (at == 0)
		return false;
	if (at < len && text[at] == '.' && ++at == len)
		return false;
	for (; places > 0; places--) {
		*number *= 10;
		if (at < len && text[at] >= '0' && text[at] <= '9')
			*number += (uint64_t)(text[at++] - '0');
	}
	return at == len;
}

static bool letter_is(const struct token *token, char letter)
{
	return token->len == 1 && (token->text[0] | 0x20) == letter;
}

/* "d [m [s]] P|M" to the wire's number. */
static uint32_t take_angle(struct loc_cursor *c, char plus, char minus, uint64_t max_degrees)
{
	static const struct {
		uint64_t arc, max;
		unsigned places;
	} parts[] = { { ARC_DEGREE, 180, 0 }, { ARC_MINUTE, 59, 0 }, { 1, 59999, 3 } };
	uint64_t arc = 0, number;

	for (size_t part = 0; c->at < c->end; c->at++, part++) {
		if (part > 0 && (letter_is(c->at, plus) || letter_is(c->at, minus))) {
			bool negative = letter_is(c->at++, minus);

			c->bad |= arc > max_degrees * ARC_DEGREE;
			return negative ? MIDDLE - (uint32_t)arc : MIDDLE + (uint32_t)arc;
		}
		if (part >= COUNT_OF(parts) || !decimal(c->at->text, c->at->len, parts[part].places, &number) ||
			number > parts[part].max)
			break;
		arc += number * parts[part].arc;
	}
	c->bad = true;
	return MIDDLE;
}

/* "[-]12.34[m]" in centimetres; `none` when the tokens are at an end. */
static int64_t take_metres(struct loc_cursor *c, int64_t none, int64_t min, int64_t max)
{
	const char *text;
	uint64_t number;
	int64_t cm;
	size_t len;
	bool negative;

	if (c->at == c->end || c->bad)
		return none;
	text = c->at->text;
	len = c->at->len;
	negative = len > 0 && *text == '-';
	text += negative;
	len -= negative;
	if (len > 0 && (text[len - 1] | 0x20) == 'm')
		len--;
	if (!decimal(text, len, 2, &number)) {
		c->bad = true;
		return none;
	}
	cm = negative ? -(int64_t)number : (int64_t)number;
	c->bad = cm < min || cm > max;
	c->at++;
	return cm;
}

/* A digit and a power of ten; what lies between is cut, as RFC 1876's own code does. */
static uint8_t precision(int64_t cm)
{
	unsigned power = 0;

	for (; cm > 9; cm /= 10)
		power++;
	return (uint8_t)((unsigned)cm << 4 | power);
}

static void put_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

bool loc_parse(const struct token *tokens, size_t ntokens, uint8_t wire[static LOC_LEN], struct err *err)
{
	struct loc_cursor c = { .at = tokens, .end = tokens + ntokens };
	uint32_t latitude = take_angle(&c, 'n', 's', 90);
	uint32_t longitude = c.bad ? MIDDLE : take_angle(&c, 'e', 'w', 180);
	bool no_height = c.at == c.end;
	int64_t height = take_metres(&c, 0, -BASE_CM, (int64_t)UINT32_MAX - BASE_CM);
	int64_t size = take_metres(&c, 100, 0, 9000000000), across = take_metres(&c, 1000000, 0, 9000000000),
		upright = take_metres(&c, 1000, 0, 9000000000);

	if (c.bad || no_height || c.at != c.end)
		return err_set(err, "LOC: not a place (try LOC 53 20 N 6 15 W 0m)");
	wire[0] = 0; /* version */
	wire[1] = precision(size);
	wire[2] = precision(across);
	wire[3] = precision(upright);
	put_u32(wire + 4, latitude);
	put_u32(wire + 8, longitude);
	put_u32(wire + 12, (uint32_t)(height + BASE_CM));
	return true;
}

static double degrees(const uint8_t *at)
{
	uint32_t value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

	return ((double)value - (double)MIDDLE) / ARC_DEGREE;
}

bool loc_degrees(const uint8_t *rdata, uint16_t rdlen, double *latitude, double *longitude)
{
	if (rdlen != LOC_LEN || rdata[0] != 0)
		return false;
	*latitude = degrees(rdata + 4);
	*longitude = degrees(rdata + 8);
	return *latitude >= -90 && *latitude <= 90 && *longitude >= -180 && *longitude <= 180;
}
