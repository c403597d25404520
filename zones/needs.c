/* What pools need: needs= names other pools, which may need further ones. A decision wants no walk, so that each pool gets the whole list
 * here; and a pool that is found in its own list needs itself, in a circle. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zones/set.h"

/* The walk from one pool over all it needs, nearest first. */
struct walk {
	uint32_t pool[POOL_NEEDS_MAX];
	uint32_t from[POOL_NEEDS_MAX]; /* index of the one that needs it; NONE: the pool itself does */
	uint32_t n;
	bool circle;   /* the pool needs itself: */
	uint32_t back; /* index of the one that needs it; NONE: the pool itself does */
	bool full;
};

static void mistake(struct report *report, const struct pool *pool, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void mistake(struct report *report, const struct pool *pool, const char *fmt, ...)
{
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	report_add(report, REPORT_MISTAKE, pool->file, pool->line, "%s._pool: needs: %s", pool->label, what.text);
}

/* "db", or "db._pool.other.example." as needs= would have it in the zone of `in`. */
static const char *shown(const struct pool *pool, const struct pool *in, char text[static NAME_TEXT_MAX])
{
	size_t len;

	if (pool->zone == in->zone)
		return pool->label;
	name_format(&pool->name, text);
	len = strlen(text);
	if (len + 2 <= NAME_TEXT_MAX)
		memcpy(text + len, ".", 2);
	return text;
}

static void link_uses(
	const struct zone_place *place, const struct zone_set *set, struct pool *pool, struct report *report)
{
	char text[NAME_TEXT_MAX];

	pool->needs = arena_dup(set->inner->arena, pool->needs, pool->nneeds * sizeof *pool->needs);
	for (uint8_t i = 0; i < pool->nneeds; i++) {
		struct pool_use *use = &pool->needs[i];

		use->pool = place->pools[use->pool];
		if (use->pool == POOL_NONE)
			mistake(report, pool, "%s: no such pool in a loaded zone (correct it, or load its zone)",
				name_format_under(use->name, &pool->zone->apex, text));
	}
}

static void visit(struct walk *walk, const struct pool *start, uint32_t number, uint32_t from)
{
	if (number == POOL_NONE)
		return;
	if (number == start->number) {
		if (!walk->circle)
			walk->back = from;
		walk->circle = true;
		return;
	}
	for (uint32_t i = 0; i < walk->n; i++)
		if (walk->pool[i] == number)
			return;
	walk->full |= walk->n == POOL_NEEDS_MAX;
	if (walk->full)
		return;
	walk->pool[walk->n] = number;
	walk->from[walk->n++] = from;
}

static void walk_needs(const struct zone_set *set, const struct pool *start, struct walk *walk)
{
	*walk = (struct walk){ 0 };
	for (uint8_t i = 0; i < start->nneeds; i++)
		visit(walk, start, start->needs[i].pool, NONE);
	for (uint32_t at = 0; at < walk->n; at++) {
		const struct pool *pool = &set->pools[walk->pool[at]];

		for (uint8_t i = 0; i < pool->nneeds; i++)
			visit(walk, start, pool->needs[i].pool, at);
	}
}

/* Said once, at the first of its pools. */
static void report_circle(
	const struct zone_set *set, const struct pool *start, const struct walk *walk, struct report *report)
{
	uint32_t path[POOL_NEEDS_MAX], n = 0;
	char text[NAME_TEXT_MAX];
	struct buf circle = { 0 };

	for (uint32_t at = walk->back; at != NONE; at = walk->from[at]) {
		if (walk->pool[at] < start->number)
			return;
		path[n++] = walk->pool[at];
	}
	buf_printf(&circle, "%s needs ", start->label);
	while (n > 0)
		buf_printf(&circle, "%s, which needs ", shown(&set->pools[path[--n]], start, text));
	mistake(report, start, "%s%s (a circle: take one of them out)", circle.text,
		walk->back == NONE ? "itself" : start->label);
	buf_fini(&circle);
}

void link_needs(struct zone_set *set, struct report *report)
{
	struct zone_set_inner *inner = set->inner;

	for (size_t i = 0; i < inner->nplaces; i++)
		for (size_t k = 0; k < inner->places[i].zone->npools; k++)
			link_uses(&inner->places[i], set, &inner->pools[inner->places[i].first_pool + k], report);
	for (size_t i = 0; i < set->npools; i++) {
		struct pool *pool = &inner->pools[i];
		struct walk walk;

		if (pool->nneeds == 0)
			continue;
		walk_needs(set, pool, &walk);
		if (walk.circle)
			report_circle(set, pool, &walk, report);
		else if (walk.full)
			mistake(report, pool, "more than %d pools, with those that they need (name fewer)",
				POOL_NEEDS_MAX);
		pool->nall_needs = (uint16_t)walk.n;
		pool->all_needs = arena_dup(inner->arena, walk.pool, walk.n * sizeof *walk.pool);
	}
}
