#include "tests/bench/question.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_LEN = 12, TYPE_OPT = 41, OPTION_ECS = 8, PAYLOAD = 1232 };

static uint16_t type_of(const char *type)
{
	static const struct {
		const char *name;
		uint16_t number;
	} types[] = { { "A", 1 }, { "AAAA", 28 }, { "TXT", 16 }, { "SOA", 6 }, { "NS", 2 }, { "ANY", 255 } };

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(type, types[i].name) == 0)
			return types[i].number;
	return (uint16_t)atoi(type);
}

bool question_init(struct question *question, const char *name, const char *type, const char *edns)
{
	static const char *const words[QUESTION_EDNSES] = {
		[QUESTION_NONE] = "none",
		[QUESTION_OPT] = "opt",
		[QUESTION_V4] = "v4",
		[QUESTION_V6] = "v6",
		[QUESTION_MIX] = "mix",
	};
	int which = 0;

	while (which < QUESTION_EDNSES && strcmp(edns, words[which]) != 0)
		which++;
	question->edns = (enum question_edns)which;
	question->type = type_of(type);
	return which < QUESTION_EDNSES && question->type != 0 && name_from_text(&question->name, name);
}

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

/* A /24 of 1.0.0.0 to 222.255.255.0 that is neither 10/8 nor 127/8. */
static uint8_t *put_v4(uint8_t *at, uint64_t drawn)
{
	uint8_t first = (uint8_t)(1 + (drawn & 255) % 222);

	if (first == 10 || first == 127)
		first = 81;
	*at++ = first;
	*at++ = (uint8_t)(drawn >> 8);
	*at++ = (uint8_t)(drawn >> 16);
	return at;
}

/* A /56 of 2000::/7. */
static uint8_t *put_v6(uint8_t *at, uint64_t drawn)
{
	*at++ = (uint8_t)(0x20 | (drawn >> 60 & 1));
	for (unsigned i = 1; i < 7; i++)
		*at++ = (uint8_t)(drawn >> 8 * i);
	return at;
}

static uint8_t *put_ecs(uint8_t *at, enum question_edns edns, uint64_t drawn)
{
	bool v6 = edns == QUESTION_V6;
	unsigned len = v6 ? 7 : 3;

	at = put_u16(at, 4 + 4 + len); /* of the OPT's data */
	at = put_u16(at, OPTION_ECS);
	at = put_u16(at, 4 + len);
	at = put_u16(at, v6 ? 2 : 1);
	*at++ = (uint8_t)(8 * len);
	*at++ = 0;
	return v6 ? put_v6(at, drawn) : put_v4(at, drawn);
}

size_t question_write(const struct question *question, uint16_t id, struct dice *dice, uint8_t out[static QUESTION_MAX])
{
	enum question_edns edns = question->edns;
	uint8_t *at = out;

	memset(out, 0, HEADER_LEN);
	put_u16(out, id);
	out[5] = 1;                      /* QDCOUNT */
	out[11] = edns != QUESTION_NONE; /* ARCOUNT */
	at += HEADER_LEN;
	memcpy(at, question->name.wire, question->name.len);
	at += question->name.len;
	at = put_u16(at, question->type);
	at = put_u16(at, 1);
	if (edns == QUESTION_NONE)
		return (size_t)(at - out);
	*at++ = 0; /* the root */
	at = put_u16(at, TYPE_OPT);
	at = put_u16(at, PAYLOAD);
	memset(at, 0, 4);
	at += 4;
	if (edns == QUESTION_MIX)
		edns = dice_below(dice, 2) == 0 ? QUESTION_V4 : QUESTION_V6;
	at = edns == QUESTION_OPT ? put_u16(at, 0) : put_ecs(at, edns, dice_next(dice));
	return (size_t)(at - out);
}
