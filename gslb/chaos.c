#include "gslb/chaos.h"

#include <string.h>

enum chaos_what { CHAOS_VERSION, CHAOS_IDENTITY };

static const struct chaos_name {
	const char *wire;
	size_t len;
	enum chaos_what what;
} names[] = {
#define WIRE(literal) literal, sizeof literal /* the literal's NUL is the root's label */
	{ WIRE("\7version\4bind"), CHAOS_VERSION },
	{ WIRE("\7version\6server"), CHAOS_VERSION },
	{ WIRE("\2id\6server"), CHAOS_IDENTITY },
	{ WIRE("\10hostname\4bind"), CHAOS_IDENTITY },
#undef WIRE
};

void chaos_answer(struct answer *answer, const struct query *query, const struct packet_identity *identity)
{
	answer_rcode(answer, RCODE_REFUSED);
	if (query->qtype != RR_TXT && query->qtype != RR_ANY)
		return;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (query->name.len != names[i].len || memcmp(query->name.wire, names[i].wire, names[i].len) != 0)
			continue;
		answer->text = names[i].what == CHAOS_VERSION ? identity->version : identity->nsid;
		answer->text_len = names[i].what == CHAOS_VERSION ? strlen(identity->version) : identity->nsid_len;
		if (answer->text_len == 0)
			return;
		answer->rcode = RCODE_NOERROR;
		answer->authoritative = true;
		answer->body = ANSWER_TEXT;
		return;
	}
}
