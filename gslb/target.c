#include "gslb/target.h"

#include <stdlib.h>
#include <string.h>

/* "eu.svc.example": as zone_set_pool reads it, in any zone. */
static char *pool_text(const struct pool *pool)
{
	char apex[NAME_TEXT_MAX];

	return mem_printf("%s.%s", pool->label, name_format(&pool->zone->apex, apex));
}

static bool find_region(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err)
{
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		const char *region = snapshot->pools[i].pool->region;

		if (strcmp(region, text) == 0) {
			target->region = region;
			return true;
		}
	}
	return err_set(err, "region:%s: no pool has this region", text);
}

/* Does the text mean this name: as a whole, or relative to the pool's zone? */
static bool names_it(const struct pool *pool, const struct name *name, const char *text)
{
	char shown[NAME_TEXT_MAX];
	struct name whole;

	if (name_from_text(&whole, text) && name_equal(&whole, name))
		return true;
	return strcasecmp(name_format_under(name, &pool->zone->apex, shown), text) == 0;
}

static bool first_label_is(const struct name *name, const char *text)
{
	size_t len = strlen(text);

	return name->nlabels > 0 && name->wire[0] == len && strncasecmp((const char *)name->wire + 1, text, len) == 0;
}

static bool find_target_name(const struct pool *pool, const char *text, struct override_target *target, struct err *err)
{
	const struct name *by_label = NULL;
	char one[NAME_TEXT_MAX], other[NAME_TEXT_MAX];

	for (uint16_t i = 0; i < pool->ntargets; i++) {
		const struct name *name = &pool->targets[i].name;

		if (names_it(pool, name, text)) {
			target->name = name;
			return true;
		}
		if (!first_label_is(name, text))
			continue;
		if (by_label != NULL && !name_equal(by_label, name))
			return err_set(err, "endpoint:%s/%s: could be %s or %s, write the whole name", pool->label,
				text, name_format(by_label, one), name_format(name, other));
		by_label = name;
	}
	if (by_label == NULL)
		return err_set(err, "endpoint:%s/%s: the pool has no such target or address", pool->label, text);
	target->name = by_label;
	return true;
}

static bool find_endpoint(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err)
{
	const struct pool_plan *plan = &snapshot->pools[target->pool];

	if (!addr_parse(text, &target->addr)) {
		target->addr = (struct addr){ 0 };
		return find_target_name(plan->pool, text, target, err);
	}
	for (enum family family = 0; family < FAMILIES; family++)
		for (uint32_t i = 0; i < plan->part[family].n; i++)
			if (addr_equal(&snapshot->endpoints[plan->part[family].first + i].addr, &target->addr))
				return true;
	return err_set(err, "endpoint:%s/%s: the pool has no such address", plan->pool->label, text);
}

static bool find_candidate(const struct snapshot *snapshot, struct override_target *target, struct err *err)
{
	const struct service_plan *service = &snapshot->services[target->service];
	char owner[NAME_TEXT_MAX];

	for (uint32_t i = 0; i < service->list->n; i++)
		if (service->list->candidate[i].pool == target->pool) {
			target->candidate = i;
			return true;
		}
	return err_set(err, "%s: the service does not use the pool %s", name_format(&service->service->owner, owner),
		snapshot->pools[target->pool].pool->label);
}

/* "first/second", cut at the first slash. */
static bool cut(const char *text, const char *like, char **first, const char **second, struct err *err)
{
	const char *slash = strchr(text, '/');

	if (slash == NULL || slash == text || slash[1] == '\0')
		return err_set(err, "%s: not complete (try %s)", text, like);
	*first = mem_alloc((size_t)(slash - text) + 1);
	memcpy(*first, text, (size_t)(slash - text));
	*second = slash + 1;
	return true;
}

static bool find_pool(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err)
{
	target->pool = zone_set_pool(snapshot->set, text, err);
	return target->pool != POOL_NONE;
}

static bool find_pair(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err)
{
	bool endpoint = target->kind == OVERRIDE_ENDPOINT, good;
	const char *second = NULL;
	char *first = NULL;

	if (!cut(text, endpoint ? "endpoint:eu/lb1" : "service:www/eu", &first, &second, err))
		return false;
	if (endpoint) {
		good = find_pool(snapshot, first, target, err) && find_endpoint(snapshot, second, target, err);
	} else {
		target->service = zone_set_service(snapshot->set, first, err);
		good = target->service != SERVICE_NONE && find_pool(snapshot, second, target, err) &&
		       find_candidate(snapshot, target, err);
	}
	free(first);
	return good;
}

/* Its kind; returns what stands behind it. */
static const char *read_kind(const char *text, struct override_target *target)
{
	static const struct {
		const char *prefix;
		enum override_kind kind;
	} kinds[] = {
		{ "pool:", OVERRIDE_POOL },
		{ "endpoint:", OVERRIDE_ENDPOINT },
		{ "region:", OVERRIDE_REGION },
		{ "service:", OVERRIDE_SERVICE_POOL },
	};

	*target = (struct override_target){ .kind = OVERRIDE_POOL, .pool = POOL_NONE };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(text, kinds[i].prefix, len) == 0) {
			target->kind = kinds[i].kind;
			text += len;
			break;
		}
	}
	return text;
}

static bool find_exact(
	const struct snapshot *snapshot, const char *name, struct override_target *target, struct err *err)
{
	switch (target->kind) {
	case OVERRIDE_POOL:
		return find_pool(snapshot, name, target, err);
	case OVERRIDE_REGION:
		return find_region(snapshot, name, target, err);
	case OVERRIDE_ENDPOINT:
	case OVERRIDE_SERVICE_POOL:
		return find_pair(snapshot, name, target, err);
	}
	return false;
}

/* The parts of a glob: one, or two with a slash between. */
static bool read_glob(const char *text, struct override_target *target, struct err *err)
{
	const char *name = read_kind(text, target), *slash = NULL;
	size_t len = strlen(name), nstars = 0;

	if (target->kind == OVERRIDE_ENDPOINT || target->kind == OVERRIDE_SERVICE_POOL)
		slash = strrchr(name, '/');
	for (size_t i = 0; i < len; i++)
		nstars += name[i] == '*';
	if (nstars > TARGET_STARS_MAX)
		return err_set(err, "%s: more than %d '*' in one target", text, TARGET_STARS_MAX);
	if (slash == NULL && (target->kind == OVERRIDE_ENDPOINT || target->kind == OVERRIDE_SERVICE_POOL))
		return err_set(err, "%s: not complete (try %s)", text,
			target->kind == OVERRIDE_ENDPOINT ? "endpoint:eu/lb*" : "service:*/eu");
	if (slash != NULL) {
		len = (size_t)(slash - name);
		if (len == 0 || slash[1] == '\0' || strlen(slash + 1) >= TARGET_PART_MAX)
			return err_set(err, "%s: not a target (try endpoint:eu/lb* or service:*/eu)", text);
		strcpy(target->second, slash + 1);
	}
	if (len >= TARGET_PART_MAX)
		return err_set(err, "%s: longer than any name", text);
	memcpy(target->first, name, len);
	target->glob = true;
	return true;
}

static const char *const kind_words[] = {
	[OVERRIDE_ENDPOINT] = "endpoint",
	[OVERRIDE_POOL] = "pool",
	[OVERRIDE_REGION] = "region",
	[OVERRIDE_SERVICE_POOL] = "pool of a service",
};

bool override_target_find(
	const struct snapshot *snapshot, const char *text, struct override_target *target, struct err *err)
{
	const char *name = read_kind(text, target);
	struct err exact;

	if (find_exact(snapshot, name, target, &exact))
		return true;
	if (strpbrk(name, "*?") == NULL)
		return err_set(err, "%s", exact.text);
	if (!read_glob(text, target, err))
		return false;
	if (override_target_covers(snapshot, target) > 0)
		return true;
	return err_set(err, "%s: matches no %s", text, kind_words[target->kind]);
}

bool override_target_again(const struct snapshot *snapshot, const char *text, bool glob, struct override_target *target)
{
	const char *name = read_kind(text, target);

	return glob ? read_glob(text, target, NULL) : find_exact(snapshot, name, target, NULL);
}

static char *glob_text(const struct override_target *target)
{
	switch (target->kind) {
	case OVERRIDE_ENDPOINT:
		return mem_printf("endpoint:%s/%s", target->first, target->second);
	case OVERRIDE_POOL:
		return mem_printf("pool:%s", target->first);
	case OVERRIDE_REGION:
		return mem_printf("region:%s", target->first);
	case OVERRIDE_SERVICE_POOL:
		return mem_printf("service:%s/%s", target->first, target->second);
	}
	return NULL;
}

char *override_target_text(const struct snapshot *snapshot, const struct override_target *target)
{
	char name[NAME_TEXT_MAX], addr[ADDR_TEXT_MAX];
	char *pool, *text = NULL;

	if (target->glob)
		return glob_text(target);
	if (target->kind == OVERRIDE_REGION)
		return mem_printf("region:%s", target->region);
	pool = pool_text(snapshot->pools[target->pool].pool);
	switch (target->kind) {
	case OVERRIDE_ENDPOINT:
		text = mem_printf("endpoint:%s/%s", pool,
			target->name != NULL ? name_format(target->name, name) : addr_format(&target->addr, addr));
		break;
	case OVERRIDE_POOL:
		text = mem_printf("pool:%s", pool);
		break;
	case OVERRIDE_SERVICE_POOL:
		text = mem_printf(
			"service:%s/%s", name_format(&snapshot->services[target->service].service->owner, name), pool);
		break;
	case OVERRIDE_REGION:
		break;
	}
	free(pool);
	return text;
}
