/* question - queries as a resolver sends them, each with another client's subnet: what the load is made of. */
#ifndef GSLB_BENCH_QUESTION_H
#define GSLB_BENCH_QUESTION_H

#include "base/base.h"

enum { QUESTION_MAX = 512 };

enum question_edns { QUESTION_NONE, QUESTION_OPT, QUESTION_V4, QUESTION_V6, QUESTION_MIX, QUESTION_EDNSES };

struct question {
	struct name name;
	uint16_t type;
	enum question_edns edns; /* V4, V6: a /24 or /56 is drawn from unicast space */
};

/* False when the name is none, or the words are not known. */
bool question_init(struct question *question, const char *name, const char *type, const char *edns);
/* Write one with this id. Returns its length. */
size_t question_write(
	const struct question *question, uint16_t id, struct dice *dice, uint8_t out[static QUESTION_MAX]);

#endif
