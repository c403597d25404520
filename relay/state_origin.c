#include "relay/state_origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { WINDOW = 64 };

static void forget_part(struct origins *origins, struct origin *origin, struct origin_part *part)
{
	origins->bytes -= part->len;
	origin->bytes -= part->len;
	free(part->bytes);
	*part = (struct origin_part){ 0 };
}

static void forget_parts(struct origins *origins, struct origin *origin)
{
	for (unsigned i = 0; i < STATE_PARTS_MAX; i++)
		if (origin->part[i].bytes != NULL)
			forget_part(origins, origin, &origin->part[i]);
}

static struct origin *find(struct origins *origins, const struct state_said *said)
{
	struct origin *origin;

	LIST_FOREACH(origin, &origins->list, link)
	if (origin->kind == said->kind && strcmp(origin->node, said->node) == 0 &&
		strcmp(origin->region, said->region) == 0)
		return origin;
	if (origins->n == ORIGINS_MAX)
		return NULL;
	origin = mem_alloc(sizeof *origin);
	memcpy(origin->region, said->region, sizeof origin->region);
	memcpy(origin->node, said->node, sizeof origin->node);
	origin->kind = said->kind;
	LIST_INSERT_HEAD(&origins->list, origin, link);
	origins->n++;
	return origin;
}

/* Was this number new? A number may come late, and not lie below the window. */
static bool note(struct origin *origin, uint64_t seq)
{
	uint64_t behind;

	if (seq > origin->newest) {
		uint64_t ahead = seq - origin->newest;

		origin->seen = (ahead < WINDOW ? origin->seen << ahead : 0) | 1;
		origin->newest = seq;
		return true;
	}
	behind = origin->newest - seq;
	if (behind >= WINDOW || (origin->seen >> behind & 1) != 0)
		return false;
	origin->seen |= UINT64_C(1) << behind;
	return true;
}

static void keep(struct origins *origins, struct origin *origin, const struct state_said *said, const void *bytes,
	size_t len, uint64_t now_ms)
{
	struct origin_part *part = &origin->part[said->part];

	if (part->bytes != NULL && part->seq > said->seq)
		return;
	if (part->bytes != NULL)
		forget_part(origins, origin, part);
	for (unsigned i = said->nparts; i < STATE_PARTS_MAX; i++) /* it has fewer now */
		if (origin->part[i].bytes != NULL)
			forget_part(origins, origin, &origin->part[i]);
	if (origins->bytes + len > ORIGIN_KEPT_MAX)
		return;
	*part = (struct origin_part){ .bytes = mem_dup(bytes, len), .len = len, .seq = said->seq, .at_ms = now_ms };
	origins->bytes += len;
	origin->bytes += len;
}

enum origin_says origins_take(
	struct origins *origins, const struct state_said *said, const void *bytes, size_t len, uint64_t now_ms)
{
	struct origin *origin = find(origins, said);
	bool silent;

	if (origin == NULL)
		return ORIGIN_FULL;
	silent = now_ms >= origin->heard_ms + ORIGIN_FORGOTTEN_MS;
	if (said->epoch < origin->epoch && !silent)
		return ORIGIN_KNOWN;
	if (said->epoch != origin->epoch) {
		forget_parts(origins, origin);
		origin->epoch = said->epoch;
		origin->newest = origin->seen = 0;
	}
	if (!note(origin, said->seq))
		return ORIGIN_KNOWN;
	origin->heard_ms = now_ms;
	if (said->full)
		keep(origins, origin, said, bytes, len, now_ms);
	return ORIGIN_NEW;
}

void origins_tick(struct origins *origins, uint64_t now_ms)
{
	struct origin *origin = LIST_FIRST(&origins->list);

	while (origin != NULL) {
		struct origin *next = LIST_NEXT(origin, link);

		if (now_ms >= origin->heard_ms + ORIGIN_FORGOTTEN_MS) {
			forget_parts(origins, origin);
			LIST_REMOVE(origin, link);
			origins->n--;
			free(origin);
		}
		origin = next;
	}
}

void origins_fini(struct origins *origins)
{
	origins_tick(origins, UINT64_MAX);
}
