/* What a target covers in a snapshot: the one thing that it names, or all that its glob matches. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/target.h"

static bool matches(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

/* As zone_set_pool reads a name: "eu", "eu.svc.example", "eu._pool.svc.example". */
static bool matches_pool(const char *pattern, const struct pool *pool)
{
	char apex[NAME_TEXT_MAX], name[NAME_TEXT_MAX], text[2 * NAME_TEXT_MAX];

	if (matches(pattern, pool->label))
		return true;
	snprintf(text, sizeof text, "%s.%s", pool->label, name_format(&pool->zone->apex, apex));
	return matches(pattern, text) || matches(pattern, name_format(&pool->name, name));
}

static bool matches_name(const char *pattern, const struct name *name, const struct zone *zone)
{
	char text[NAME_TEXT_MAX];

	return matches(pattern, name_format_under(name, &zone->apex, text)) ||
	       matches(pattern, name_format(name, text));
}

/* "lb1" for "lb1.eu" */
static bool matches_first_label(const char *pattern, const struct name *name)
{
	char label[64] = "";

	if (name->nlabels > 0)
		memcpy(label, name->wire + 1, name->wire[0] < sizeof label ? name->wire[0] : sizeof label - 1);
	return matches(pattern, label);
}

static bool matches_endpoint(const char *pattern, const struct snapshot *snapshot, const struct endpoint *endpoint)
{
	const struct name *name = &snapshot->set->targets[endpoint->target]->name;
	char addr[ADDR_TEXT_MAX];

	return matches_first_label(pattern, name) ||
	       matches_name(pattern, name, snapshot->pools[endpoint->pool].pool->zone) ||
	       matches(pattern, addr_format(&endpoint->addr, addr));
}

bool override_target_has_pool(const struct snapshot *snapshot, const struct override_target *target, uint32_t pool)
{
	const struct pool *of = snapshot->pools[pool].pool;

	switch (target->kind) {
	case OVERRIDE_POOL:
		return target->glob ? matches_pool(target->first, of) : target->pool == pool;
	case OVERRIDE_REGION:
		return target->glob ? matches(target->first, of->region) : strcmp(target->region, of->region) == 0;
	case OVERRIDE_ENDPOINT:
	case OVERRIDE_SERVICE_POOL:
		return false;
	}
	return false;
}

bool override_target_has_endpoint(
	const struct snapshot *snapshot, const struct override_target *target, uint32_t number)
{
	const struct endpoint *endpoint = &snapshot->endpoints[number];

	if (target->kind != OVERRIDE_ENDPOINT)
		return false;
	if (target->glob)
		return matches_pool(target->first, snapshot->pools[endpoint->pool].pool) &&
		       matches_endpoint(target->second, snapshot, endpoint);
	if (endpoint->pool != target->pool)
		return false;
	return target->name != NULL ? name_equal(&snapshot->set->targets[endpoint->target]->name, target->name)
				    : addr_equal(&endpoint->addr, &target->addr);
}

static bool has_service(
	const struct snapshot *snapshot, const struct override_target *target, const struct service_plan *service)
{
	if (target->kind != OVERRIDE_SERVICE_POOL)
		return false;
	return target->glob ? matches_name(target->first, &service->service->owner, service->service->zone)
			    : service == &snapshot->services[target->service];
}

bool override_target_has_pair(const struct snapshot *snapshot, const struct override_target *target,
	const struct service_plan *service, uint32_t candidate)
{
	if (!has_service(snapshot, target, service))
		return false;
	return target->glob
		       ? matches_pool(target->second, snapshot->pools[service->list->candidate[candidate].pool].pool)
		       : candidate == target->candidate;
}

uint32_t override_target_covers(const struct snapshot *snapshot, const struct override_target *target)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < snapshot->npools; i++)
		n += override_target_has_pool(snapshot, target, i);
	if (target->kind == OVERRIDE_ENDPOINT)
		for (uint32_t i = 0; i < snapshot->nendpoints; i++)
			n += override_target_has_endpoint(snapshot, target, i);
	if (target->kind != OVERRIDE_SERVICE_POOL)
		return n;
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++)
			n += override_target_has_pair(snapshot, target, &snapshot->services[i], k);
	return n;
}
