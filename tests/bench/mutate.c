/* The names are those of the zone that tests/bench/servers.py writes, so that what survives parsing gets far: to the service,
 * to static data, to what does not exist, and to what must not be seen. */
#include "tests/bench/mutate.h"

#include <string.h>

#include "tests/bench/question.h"

enum { NOISE_MAX = 1600, HEADER_LEN = 12, RDLEN_LEN = 2 };

static const char *const names[] = {
	"www.example.com",
	"www.example.com",
	"static.example.com",
	"example.com",
	"ns1.example.com",
	"nothing.example.com",
	"a.us-east.example.com",
	"_gslb.www.example.com",
	"us-east._pool.example.com",
	"*.example.com",
	"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.www.example.com",
	"www.elsewhere.test",
	"version.bind",
	".",
};

static const char *const types[] = { "A", "A", "A", "AAAA", "TXT", "SOA", "NS", "ANY", "15", "33", "41", "65", "251",
	"252", "255" };
static const char *const ednses[] = { "none", "opt", "v4", "v4", "v6" };

#define DRAW(table, dice) (table)[dice_below((dice), COUNT_OF(table))]

const char *mutate_name(enum mutate_kind kind)
{
	static const char *const words[MUTATE_KINDS] = { "noise", "header", "flipped", "cut", "stamped", "spliced",
		"options", "good" };

	return words[kind];
}

static size_t put_noise(uint8_t *out, size_t len, struct dice *dice)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = dice_next(dice);

		memcpy(out + i, &word, len - i < 8 ? len - i : 8);
	}
	return len;
}

static size_t put_query(uint16_t id, struct dice *dice, const char *edns, uint8_t *out)
{
	struct question question;
	size_t len;

	question_init(&question, DRAW(names, dice), DRAW(types, dice), edns);
	len = question_write(&question, id, dice, out);
	if (dice_below(dice, 4) == 0) /* 0x20 */
		for (unsigned i = HEADER_LEN; i < HEADER_LEN + (unsigned)question.name.len; i++)
			if (out[i] >= 'a' && out[i] <= 'z' && dice_below(dice, 2) == 0)
				out[i] ^= 0x20;
	return len;
}

/* Lengths are mostly short, but any may come. */
static size_t draw_len(struct dice *dice, size_t max)
{
	return dice_below(dice, dice_below(dice, 8) == 0 ? max + 1 : max / 16 + 1);
}

static size_t put_option(uint8_t *out, struct dice *dice)
{
	static const uint16_t codes[] = { 3, 8, 8, 8, 9, 10, 10, 10, 11, 12, 15, 26946, 65001 };
	static const uint8_t cookie_lens[] = { 0, 7, 8, 8, 9, 15, 16, 24, 24, 32, 40, 41 };
	uint16_t code = DRAW(codes, dice);
	size_t len = dice_below(dice, 24);

	if (code == 10)
		len = DRAW(cookie_lens, dice);
	put_noise(out + 4, len, dice);
	if (code == 8 && len >= 4 && dice_below(dice, 4) != 0) {
		/* ECS that is right, or nearly */
		out[4] = 0;
		out[5] = (uint8_t)(1 + dice_below(dice, 2));
		out[6] = (uint8_t)((len - 4) * 8 - dice_below(dice, 2));
		out[7] = 0;
	}
	if (code == 3 && dice_below(dice, 2) == 0)
		len = 0;
	out[0] = (uint8_t)(code >> 8);
	out[1] = (uint8_t)code;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	return 4 + len;
}

static size_t put_options(uint16_t id, struct dice *dice, uint8_t *out)
{
	size_t len = put_query(id, dice, "opt", out), start = len;

	for (size_t n = dice_below(dice, 6); n > 0; n--)
		len += put_option(out + len, dice);
	out[start - RDLEN_LEN] = (uint8_t)((len - start) >> 8);
	out[start - 1] = (uint8_t)(len - start);
	if (dice_below(dice, 8) == 0) /* the version, DO and the bits beside it */
		put_noise(out + start - RDLEN_LEN - 4, 4, dice);
	return len;
}

static void stamp(uint8_t *out, size_t len, struct dice *dice)
{
	static const uint8_t stamps[] = { 0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xff, 12, 41 };

	for (size_t n = 1 + dice_below(dice, 4); n > 0; n--)
		out[dice_below(dice, len)] = DRAW(stamps, dice);
	if (dice_below(dice, 4) == 0) { /* a pointer where a name is */
		out[HEADER_LEN] = 0xc0;
		out[HEADER_LEN + 1] = (uint8_t)dice_below(dice, 64);
	}
}

static size_t splice(size_t len, struct dice *dice, uint8_t *out)
{
	uint8_t other[QUESTION_MAX];
	size_t other_len = put_query((uint16_t)dice_next(dice), dice, DRAW(ednses, dice), other);
	size_t keep = dice_below(dice, len + 1), from = dice_below(dice, other_len);

	memcpy(out + keep, other + from, other_len - from);
	return keep + other_len - from;
}

size_t mutate_write(enum mutate_kind kind, uint16_t id, struct dice *dice, uint8_t out[static MUTATE_MAX])
{
	size_t len;

	if (kind == MUTATE_NOISE)
		return put_noise(out, draw_len(dice, NOISE_MAX), dice);
	if (kind == MUTATE_OPTIONS)
		return put_options(id, dice, out);
	len = put_query(id, dice, DRAW(ednses, dice), out);
	switch (kind) {
	case MUTATE_NOISE:
	case MUTATE_OPTIONS:
	case MUTATE_GOOD:
	case MUTATE_KINDS:
		break;
	case MUTATE_HEADER:
		return HEADER_LEN + put_noise(out + HEADER_LEN, draw_len(dice, NOISE_MAX), dice);
	case MUTATE_FLIPPED:
		for (size_t n = 1 + dice_below(dice, 8); n > 0; n--)
			out[dice_below(dice, len)] ^= (uint8_t)(1 << dice_below(dice, 8));
		break;
	case MUTATE_CUT:
		if (dice_below(dice, 2) == 0)
			return dice_below(dice, len);
		return len + put_noise(out + len, draw_len(dice, NOISE_MAX), dice);
	case MUTATE_STAMPED:
		stamp(out, len, dice);
		break;
	case MUTATE_SPLICED:
		return splice(len, dice, out);
	}
	return len;
}
