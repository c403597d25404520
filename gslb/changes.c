/* Every change of an answer leaves a line: which service, which pools are in service now, which were before, and, for the
 * pool that changed, why. Compared by name, so that a reload that changes nothing says nothing. */
#include <stdlib.h>
#include <string.h>

#include "gslb/daemon.h"
#include "gslb/edits.h"
#include "gslb/needs.h"

enum { LINES_MAX = 50 }; /* of one look; the rest is counted */

static const char nothing[] = "none"; /* in place of a list of pools */

/* Which of a pool's endpoints of a family answer. */
struct answering {
	uint32_t n;
	uint64_t hash;
};

struct seen_pool {
	uint64_t identity;
	struct standing standing[FAMILIES];
	struct answering answering[FAMILIES];
};

struct changes {
	struct herald *herald;
	struct seen_pool *pools; /* by identity */
	size_t npools;
};

struct changes *changes_new(struct herald *herald)
{
	struct changes *changes = mem_alloc(sizeof *changes);

	changes->herald = herald;
	return changes;
}

void changes_free(struct changes *changes)
{
	if (changes == NULL)
		return;
	free(changes->pools);
	free(changes);
}

static int by_identity(const void *a, const void *b)
{
	const struct seen_pool *x = a, *y = b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

static const struct seen_pool *find_seen(const struct changes *changes, uint64_t identity)
{
	struct seen_pool key = { .identity = identity };

	if (changes->npools == 0) /* and no array yet, which bsearch does not allow */
		return NULL;
	return bsearch(&key, changes->pools, changes->npools, sizeof key, by_identity);
}

static bool in_service(const struct standing *standing)
{
	return standing->state != HEALTH_DOWN && standing->weight_permille > 0;
}

static const char *state_text(const struct standing *standing)
{
	if (standing->forced == OVERRIDE_DOWN)
		return "forced-down";
	if (standing->forced == OVERRIDE_DRAIN)
		return in_service(standing) ? "draining" : "drained";
	if (!in_service(standing))
		return "down";
	return standing->doubt ? "in-doubt" : "up";
}

/* The last failure of the pool's endpoints of the family, as the prober names it. */
static const char *reason_of(const struct world *world, uint32_t pool, enum family family)
{
	const struct pool_part *part = &world->snapshot->pools[pool].part[family];

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		const struct endpoint *endpoint = &world->snapshot->endpoints[i];
		struct verdict verdict = board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);

		if (verdict.state == HEALTH_DOWN || verdict.doubt)
			return probe_result_name(verdict.reason);
	}
	return "";
}

static void log_pool(const struct world *world, uint32_t number, enum family family, const struct standing *was,
	const struct standing *now, uint64_t now_ms)
{
	const struct pool *pool = world->snapshot->pools[number].pool;
	struct buf reason = { 0 };
	char zone[NAME_TEXT_MAX];

	if (now->missing != POOL_NONE)
		needs_text(world, number, now->missing, now_ms, &reason);
	else
		buf_printf(&reason, "%s", reason_of(world, number, family));

	log_notice("pool=%s zone=%s family=%s state=%s was=%s%s%s%s", pool->label, name_format(&pool->zone->apex, zone),
		family == FAMILY_V6 ? "ipv6" : "ipv4", state_text(now), state_text(was),
		reason.len > 0 ? " reason=\"" : "", reason.len > 0 ? reason.text : "", reason.len > 0 ? "\"" : "");
	buf_fini(&reason);
}

static void list_pools(const struct world *world, const struct service_plan *service, const struct standing *standings,
	enum family family, struct buf *text)
{
	for (uint32_t i = 0; i < service->list->n; i++) {
		uint32_t pool = service->list->candidate[i].pool;

		if (world->snapshot->pools[pool].part[family].n > 0 && in_service(&standings[pool * FAMILIES + family]))
			buf_printf(text, "%s%s", text->len > 0 ? "," : "", world->snapshot->pools[pool].pool->label);
	}
	if (text->len == 0)
		buf_printf(text, "%s", nothing);
}

static void log_service(const struct world *world, const struct service_plan *service, const struct standing *was,
	const struct standing *now, enum family family)
{
	struct buf before = { 0 }, after = { 0 };
	char owner[NAME_TEXT_MAX];
	bool none;

	list_pools(world, service, was, family, &before);
	list_pools(world, service, now, family, &after);
	none = strcmp(after.text, nothing) == 0;
	log_at(none ? LOG_ERROR : LOG_NOTICE, "service=%s family=%s in_service=%s was=%s%s%s%s",
		name_format(&service->service->owner, owner), family == FAMILY_V6 ? "ipv6" : "ipv4", after.text,
		before.text, none ? " reason=\"no pool is in service: down=" : "",
		none ? down_name(service->service->down) : "", none ? " decides what is answered\"" : "");
	buf_fini(&before);
	buf_fini(&after);
}

static void log_services(
	const struct world *world, const struct standing *was, const struct standing *now, unsigned *lines)
{
	for (uint32_t i = 0; i < world->snapshot->nservices; i++) {
		const struct service_plan *service = &world->snapshot->services[i];

		for (int family = 0; family < FAMILIES; family++) {
			bool differs = false;

			for (uint32_t k = 0; k < service->list->n; k++) {
				uint32_t at = service->list->candidate[k].pool * FAMILIES + (uint32_t)family;

				differs = differs || in_service(&was[at]) != in_service(&now[at]);
			}
			if (differs && (*lines)++ < LINES_MAX)
				log_service(world, service, was, now, (enum family)family);
		}
	}
}

/* ---- for gslb-relay ---- */

static struct answering answering_of(const struct world *world, uint32_t pool, enum family family, uint64_t now_ms)
{
	const struct pool_part *part = &world->snapshot->pools[pool].part[family];
	struct answering answering = { 0 };

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		struct standing standing = endpoint_standing(world, i, now_ms);

		if (!in_service(&standing))
			continue;
		answering.n++;
		answering.hash ^= hash_mix(world->snapshot->endpoints[i].identity, 1);
	}
	return answering;
}

/* An endpoint that is gone may lie in caches; one that came does no harm there. */
static bool lost_one(const struct seen_pool *before, const struct seen_pool *now)
{
	for (int family = 0; family < FAMILIES; family++) {
		const struct answering *old = &before->answering[family], *new = &now->answering[family];

		if (new->n < old->n || (new->n == old->n &&new->hash != old->hash) ||
			in_service(&before->standing[family]) != in_service(&now->standing[family]))
			return true;
	}
	return false;
}

/* stale: by pool number. */
static void tell_herald(struct changes *changes, const struct world *world, const bool *stale)
{
	const struct snapshot *snapshot = world->snapshot;

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *service = &snapshot->services[i];
		bool told = false;

		for (uint32_t k = 0; k < service->list->n && !told; k++)
			told = stale[service->list->candidate[k].pool];
		if (told)
			edits_tell_name(changes->herald, &service->service->owner, HERALD_FAILOVER, snapshot->serial);
	}
}

/* ---- the look ---- */

static bool differs(const struct standing *a, const struct standing *b)
{
	return strcmp(state_text(a), state_text(b)) != 0;
}

void changes_look(struct changes *changes, const struct world *world, uint64_t now_ms)
{
	uint32_t npools = world->snapshot->npools;
	struct seen_pool *seen = mem_alloc((npools + 1) * sizeof *seen);
	struct standing *was = mem_alloc((npools + 1) * FAMILIES * sizeof *was),
			*now = mem_alloc((npools + 1) * FAMILIES * sizeof *now);
	bool *stale = mem_alloc((npools + 1) * sizeof *stale);
	bool moved = false, any_stale = false;
	unsigned lines = 0;

	for (uint32_t i = 0; i < npools; i++) {
		const struct seen_pool *before = find_seen(changes, world->snapshot->pools[i].identity);

		seen[i].identity = world->snapshot->pools[i].identity;
		for (int family = 0; family < FAMILIES; family++) {
			struct standing *at = &now[i * FAMILIES + (uint32_t)family];

			*at = pool_standing(world, i, (enum family)family, now_ms);
			seen[i].standing[family] = *at;
			was[i * FAMILIES + (uint32_t)family] = before != NULL ? before->standing[family] : *at;
			if (before == NULL || world->snapshot->pools[i].part[family].n == 0)
				continue;
			moved = moved || in_service(&before->standing[family]) != in_service(at);
			if (differs(&before->standing[family], at) && lines++ < LINES_MAX)
				log_pool(world, i, (enum family)family, &before->standing[family], at, now_ms);
		}
		if (changes->herald == NULL)
			continue;
		for (int family = 0; family < FAMILIES; family++)
			seen[i].answering[family] = answering_of(world, i, (enum family)family, now_ms);
		stale[i] = before != NULL && lost_one(before, &seen[i]);
		any_stale |= stale[i];
	}
	if (any_stale)
		tell_herald(changes, world, stale);
	free(stale);
	if (moved)
		log_services(world, was, now, &lines);
	if (lines > LINES_MAX)
		log_notice("changes=%u more=\"not shown one by one\"", lines - LINES_MAX);
	qsort(seen, npools, sizeof *seen, by_identity);
	free(changes->pools);
	changes->pools = seen;
	changes->npools = npools;
	free(was);
	free(now);
}
