/* A plan as the document that gslbctl prints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/plan.h"
#include "gslb/spill.h"

static double percent(double part, double whole)
{
	return whole > 0 ? part * 100 / whole : 0;
}

static json_t *number_or_null(double number)
{
	return isnan(number) ? json_null() : json_real(round(number * 10) / 10);
}

static const struct pool *pool_of(const struct plan *plan, uint32_t pool)
{
	return plan->pools[pool].after != NULL ? plan->pools[pool].after : plan->pools[pool].before;
}

/* A label where that says all: in the service's own zone. */
static json_t *pool_name(const struct plan *plan, uint32_t pool, const struct zone *zone)
{
	const struct pool *of = pool_of(plan, pool);
	char apex[NAME_TEXT_MAX], *name;
	json_t *json;

	if (of == NULL)
		return json_null();
	if (zone != NULL && name_equal(&of->zone->apex, &zone->apex))
		return json_string(of->label);
	name = mem_printf("%s.%s", of->label, name_format(&of->zone->apex, apex));
	json = json_string(name);
	free(name);
	return json;
}

static json_t *added_json(const struct plan_added *added, double moved)
{
	if (!(added->answers > 0))
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:f}", "mean", number_or_null(added->mean), "p50", number_or_null(added->p50),
		"p95", number_or_null(added->p95), "known_percent", fmin(percent(added->answers, moved), 100));
}

/* ---- services ---- */

static json_t *shares_json(const struct plan *plan, const struct plan_service *service)
{
	json_t *pools = json_array();

	for (size_t i = 0; i < service->nshares; i++) {
		const struct plan_share *share = &service->shares[i];

		json_array_append_new(
			pools, json_pack("{s:o,s:f,s:f}", "pool", pool_name(plan, share->pool, service->before->zone),
				       "before_percent", percent(share->before, service->answers), "after_percent",
				       percent(share->after, service->answers)));
	}
	return pools;
}

static json_t *service_json(const struct plan *plan, const struct plan_service *service)
{
	char owner[NAME_TEXT_MAX];

	return json_pack("{s:s,s:b,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:o,s:o,s:o}", "service",
		name_format(&service->before->owner, owner), "removed", service->after == NULL, "networks",
		(json_int_t)service->networks, "answers_percent", percent(service->answers, plan->answers),
		"moved_networks", round(service->moved_networks * 10) / 10, "moved_networks_percent",
		percent(service->moved_networks, (double)service->networks), "moved_percent",
		percent(service->moved_answers, service->answers), "other_address_networks", service->within_networks,
		"answers", service->answers, "pools", shares_json(plan, service), "added_ms",
		added_json(&service->ms, service->moved_answers), "added_km",
		added_json(&service->km, service->moved_answers));
}

static int by_moved(const void *a, const void *b)
{
	const struct plan_service *const *x = a, *const *y = b;

	if ((*x)->moved_answers != (*y)->moved_answers)
		return (*x)->moved_answers > (*y)->moved_answers ? -1 : 1;
	if ((*x)->answers != (*y)->answers)
		return (*x)->answers > (*y)->answers ? -1 : 1;
	return name_compare(&(*x)->before->owner, &(*y)->before->owner);
}

/* What moves most first. */
static json_t *services_json(const struct plan *plan)
{
	const struct plan_service **sorted = mem_alloc((plan->nservices + 1) * sizeof *sorted);
	json_t *services = json_array();

	for (size_t i = 0; i < plan->nservices; i++)
		sorted[i] = &plan->services[i];
	qsort(sorted, plan->nservices, sizeof *sorted, by_moved);
	for (size_t i = 0; i < plan->nservices; i++)
		json_array_append_new(services, service_json(plan, sorted[i]));
	free(sorted);
	return services;
}

/* ---- pools and movers ---- */

/* Of what the pool has to carry now; null: nothing. */
static json_t *load_change_json(const struct plan_pool *pool)
{
	if (!(pool->answers_before > 0))
		return json_null();
	return number_or_null((pool->answers_after / pool->answers_before - 1) * 100);
}

/* As it would grow with the answers that name the pool. */
static void add_load(json_t *json, const struct plan_pool *pool)
{
	const struct pool *of = pool->after != NULL ? pool->after : pool->before;
	double then = pool->answers_before > 0 ? pool->load * pool->answers_after / pool->answers_before : NAN;
	uint32_t capacity = of != NULL ? of->capacity : 0;

	json_object_set_new(json, "load", number_or_null(pool->load));
	json_object_set_new(json, "load_then", number_or_null(then));
	json_object_set_new(json, "capacity", capacity > 0 ? json_integer(capacity) : json_null());
	json_object_set_new(
		json, "too_much", json_boolean(capacity > 0 && then > (double)capacity * SPILL_TARGET_PERMILLE / 1000));
}

static json_t *pools_json(const struct plan *plan)
{
	json_t *pools = json_array();

	for (uint32_t i = 0; i < plan->npools; i++) {
		const struct plan_pool *pool = &plan->pools[i];
		json_t *json;

		if (!(pool->answers_before + pool->answers_after > 0))
			continue;
		json = json_pack("{s:o,s:f,s:f,s:o,s:b,s:b}", "pool", pool_name(plan, i, NULL), "before_percent",
			percent(pool->answers_before, plan->answers), "after_percent",
			percent(pool->answers_after, plan->answers), "load_change_percent", load_change_json(pool),
			"added", i > 0 && pool->before == NULL, "removed", i > 0 && pool->after == NULL);
		add_load(json, pool);
		json_array_append_new(pools, json);
	}
	return pools;
}

static json_t *movers_json(const struct plan *plan)
{
	char net[ADDR_TEXT_MAX], owner[NAME_TEXT_MAX];
	json_t *movers = json_array();

	for (size_t i = 0; i < plan->nmovers; i++) {
		const struct plan_mover *mover = &plan->movers[i];
		const struct service *service = plan->services[mover->service].before;

		json_array_append_new(movers,
			json_pack("{s:s,s:s,s:s,s:o,s:o,s:f,s:o,s:o,s:b}", "network", prefix_format(&mover->net, net),
				"type", mover->family == FAMILY_V6 ? "AAAA" : "A", "service",
				name_format(&service->owner, owner), "from",
				pool_name(plan, mover->from, service->zone), "to",
				pool_name(plan, mover->to, service->zone), "answers", mover->answers, "added_ms",
				number_or_null(mover->ms), "added_km", number_or_null(mover->km), "measured",
				mover->measured));
	}
	return movers;
}

json_t *plan_json(const struct plan *plan, const struct zone_set *before, const struct zone_set *after)
{
	json_t *json = json_pack("{s:I,s:f,s:I,s:{s:f,s:f,s:f},s:o,s:o,s:o,s:o,s:o}", "networks",
		(json_int_t)plan->networks, "answers", plan->answers, "strangers", (json_int_t)plan->strangers, "moved",
		"networks", round(plan->moved_networks * 10) / 10, "networks_percent",
		percent(plan->moved_networks, (double)plan->networks), "answers_percent",
		percent(plan->moved_answers, plan->answers), "services", services_json(plan), "pools", pools_json(plan),
		"worst", movers_json(plan), "added_ms", added_json(&plan->ms, plan->moved_answers), "added_km",
		added_json(&plan->km, plan->moved_answers));

	plan_edits_json(before, after, json);
	return json;
}
