/* Pools and services by the text that an operator types. */
#include <string.h>

#include "zones/set.h"

enum { CANDIDATES_SHOWN = 5 };

/* What was found so far: a whole name beats a name relative to a zone, and one of those must be the only one. */
struct match {
	uint32_t exact, relative;
	size_t nrelative;
	struct buf candidates;
};

static void note(struct match *match, uint32_t number, const struct name *name)
{
	char text[NAME_TEXT_MAX];

	match->relative = number;
	if (match->nrelative++ < CANDIDATES_SHOWN)
		buf_printf(&match->candidates, "%s%s", match->nrelative == 1 ? "" : ", ", name_format(name, text));
}

static uint32_t decide(struct match *match, const char *what, const char *text, struct err *err)
{
	uint32_t number = match->exact != NONE ? match->exact : match->relative;

	if (number == NONE)
		err_set(err, "%.200s: no such %s", text, what);
	if (match->exact == NONE && match->nrelative > 1) {
		err_set(err, "%.200s: more than one %s has that name (it is one of %s%s)", text, what,
			match->candidates.text, match->nrelative > CANDIDATES_SHOWN ? " and others" : "");
		number = NONE;
	}
	buf_fini(&match->candidates);
	return number;
}

/* head, and behind it the zone's apex. */
static bool is_joined(const struct name *whole, const uint8_t *head, size_t head_len, const struct name *apex)
{
	return whole->len == head_len + apex->len && memcmp(whole->wire, head, head_len) == 0 &&
	       memcmp(whole->wire + head_len, apex->wire, apex->len) == 0;
}

uint32_t zone_set_pool(const struct zone_set *set, const char *text, struct err *err)
{
	struct match match = { .exact = POOL_NONE, .relative = POOL_NONE };
	struct name asked;

	if (!name_from_text(&asked, text)) {
		err_set(err, "%.200s: not the name of a pool (try eu or eu.svc.example)", text);
		return POOL_NONE;
	}
	for (uint32_t i = 0; i < set->npools; i++) {
		const struct pool *pool = &set->pools[i];
		const struct name *name = &pool->name;

		if (name_equal(name, &asked) || is_joined(&asked, name->wire, name->wire[0] + 1u, &pool->zone->apex))
			match.exact = i;
		else if (asked.nlabels == 1 && memcmp(asked.wire, name->wire, asked.len - 1u) == 0)
			note(&match, i, name);
	}
	return decide(&match, "pool", text, err);
}

uint32_t zone_set_service(const struct zone_set *set, const char *text, struct err *err)
{
	struct match match = { .exact = SERVICE_NONE, .relative = SERVICE_NONE };
	struct name asked;

	if (!name_from_text(&asked, text)) {
		err_set(err, "%.200s: not the name of a service (try www or www.svc.example)", text);
		return SERVICE_NONE;
	}
	for (uint32_t i = 0; i < set->nservices; i++) {
		const struct service *service = &set->services[i];

		if (name_equal(&service->owner, &asked))
			match.exact = i;
		else if (is_joined(&service->owner, asked.wire, asked.len - 1u, &service->zone->apex))
			note(&match, i, &service->owner);
	}
	return decide(&match, "service", text, err);
}
