/* What an edit is, before anybody is asked: zones, services and pools that come and go, and names whose records are others. */
#include <stdlib.h>

#include "gslb/plan.h"
#include "gslb/plan_roll.h"

/* A list that ends somewhere, and how much there is; a name may be told twice. */
struct listed {
	json_t *names;
	uint64_t *hashes; /* of all */
	size_t n, cap;
};

static void list(struct listed *listed, const struct name *name)
{
	char text[NAME_TEXT_MAX];
	uint64_t hash = hash_bytes(1, name->wire, name->len);

	for (size_t i = 0; i < listed->n && i < PLAN_NAMES; i++)
		if (listed->hashes[i] == hash)
			return;
	listed->hashes = mem_grow(listed->hashes, listed->n, &listed->cap, sizeof *listed->hashes);
	listed->hashes[listed->n] = hash;
	if (listed->n++ < PLAN_NAMES)
		json_array_append_new(listed->names, json_string(name_format(name, text)));
}

static int by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static json_t *listed_json(struct listed *listed)
{
	size_t n = 0;

	if (listed->n > 0)
		qsort(listed->hashes, listed->n, sizeof *listed->hashes, by_hash);
	for (size_t i = 0; i < listed->n; i++)
		n += i == 0 || listed->hashes[i] != listed->hashes[i - 1];
	free(listed->hashes);
	return json_pack("{s:I,s:o}", "n", (json_int_t)n, "names", listed->names);
}

static void changed(void *arg, const struct name *owner)
{
	list(arg, owner);
}

static const struct zone *find_zone(const struct zone_set *set, const struct name *apex)
{
	for (size_t i = 0; i < set->nzones; i++)
		if (name_equal(&set->zones[i]->apex, apex))
			return set->zones[i];
	return NULL;
}

/* ---- zones ---- */

/* NULL: nothing but, perhaps, its comments. */
static json_t *compare(const struct zone *before, const struct zone *after)
{
	struct listed names = { .names = json_array() }, pools = { .names = json_array() };
	size_t n;
	char apex[NAME_TEXT_MAX];

	zone_diff(before, after, changed, &names);
	zone_diff_pools(before, after, changed, &pools);
	n = names.n + pools.n;
	json_decref(listed_json(&pools));
	if (n == 0) {
		json_decref(listed_json(&names));
		return NULL;
	}
	return json_pack("{s:s,s:[I,I],s:o}", "zone", name_format(&after->apex, apex), "serial",
		(json_int_t)before->serial, (json_int_t)after->serial, "changed", listed_json(&names));
}

static json_t *zones_json(const struct zone_set *before, const struct zone_set *after)
{
	struct listed added = { .names = json_array() }, removed = { .names = json_array() };
	json_t *edited = json_array(), *one;

	for (size_t i = 0; i < after->nzones; i++) {
		const struct zone *old = find_zone(before, &after->zones[i]->apex);

		if (old == NULL)
			list(&added, &after->zones[i]->apex);
		else if (old != after->zones[i] && (one = compare(old, after->zones[i])) != NULL)
			json_array_append_new(edited, one);
	}
	for (size_t i = 0; i < before->nzones; i++)
		if (find_zone(after, &before->zones[i]->apex) == NULL)
			list(&removed, &before->zones[i]->apex);
	return json_pack(
		"{s:o,s:o,s:o}", "added", listed_json(&added), "removed", listed_json(&removed), "edited", edited);
}

/* ---- services and pools ---- */

static const struct name *service_at(const struct zone_set *set, size_t i)
{
	return i < set->nservices ? &set->services[i].owner : NULL;
}

static const struct name *pool_at(const struct zone_set *set, size_t i)
{
	return i < set->npools ? &set->pools[i].name : NULL;
}

/* Those of one set that the other does not have. */
static json_t *only_in(const struct zone_set *set, const struct zone_set *other,
	const struct name *(*at)(const struct zone_set *set, size_t i))
{
	struct listed found = { .names = json_array() };
	struct plan_roll roll = { 0 };
	const struct name *name;

	for (size_t i = 0; (name = at(other, i)) != NULL; i++)
		roll_add(&roll, name);
	for (size_t i = 0; (name = at(set, i)) != NULL; i++)
		if (roll_find(&roll, name) == ROLL_NONE)
			list(&found, name);
	roll_fini(&roll);
	return listed_json(&found);
}

/* Pools whose LOC, TXT or SRV are others. */
static json_t *pools_edited(const struct zone_set *before, const struct zone_set *after)
{
	struct listed edited = { .names = json_array() };

	for (size_t i = 0; i < after->nzones; i++) {
		const struct zone *old = find_zone(before, &after->zones[i]->apex);

		if (old != NULL && old != after->zones[i])
			zone_diff_pools(old, after->zones[i], changed, &edited);
	}
	return listed_json(&edited);
}

void plan_edits_json(const struct zone_set *before, const struct zone_set *after, json_t *json)
{
	json_object_set_new(json, "zones", zones_json(before, after));
	json_object_set_new(json, "services_edited",
		json_pack("{s:o,s:o}", "added", only_in(after, before, service_at), "removed",
			only_in(before, after, service_at)));
	json_object_set_new(json, "pools_edited",
		json_pack("{s:o,s:o,s:o}", "added", only_in(after, before, pool_at), "removed",
			only_in(before, after, pool_at), "changed", pools_edited(before, after)));
}
