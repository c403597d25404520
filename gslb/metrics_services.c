/* What is answered, and why: services and pools, and what operators force. */
#include <stdio.h>

#include "gslb/metrics.h"

static size_t services(const struct metrics *metrics)
{
	return metrics->snapshot->nservices;
}

static size_t pools(const struct metrics *metrics)
{
	return metrics->snapshot->npools;
}

/* ---- services ---- */

static void write_answers(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct service_plan *plan = &metrics->snapshot->services[thing];
	char service[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];

	name_format(&plan->service->owner, service);
	for (uint32_t i = 0; i < plan->list->n; i++) {
		const struct pool *pool = metrics->snapshot->pools[plan->list->candidate[i].pool].pool;

		metrics_put(out, name,
			METRICS_LABELS(
				"service", service, "pool", pool->label, "zone", name_format(&pool->zone->apex, zone)),
			ledger_answers(metrics->published->ledger, plan->first_override + i));
	}
}

static void write_reasons(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct service_plan *plan = &metrics->snapshot->services[thing];
	char service[NAME_TEXT_MAX];

	name_format(&plan->service->owner, service);
	for (int why = 0; why < WHYS; why++) {
		uint64_t n = tallies_reason(metrics->published->stock->tallies, metrics->snapshot,
			metrics->published->ledger, (uint32_t)thing, (enum decide_why)why);

		if (n > 0 || why <= WHY_ALL_DOWN)
			metrics_put(out, name,
				METRICS_LABELS("service", service, "reason", decide_why_name((enum decide_why)why)), n);
	}
}

static bool serves(const struct metrics *metrics, uint32_t pool)
{
	return metrics->pools[pool][FAMILY_V4].up || metrics->pools[pool][FAMILY_V6].up;
}

static void write_service_pools_up(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct service_plan *plan = &metrics->snapshot->services[thing];
	char service[NAME_TEXT_MAX];
	uint64_t n = 0;

	for (uint32_t i = 0; i < plan->list->n; i++)
		n += serves(metrics, plan->list->candidate[i].pool);
	metrics_put(out, name, METRICS_LABELS("service", name_format(&plan->service->owner, service)), n);
}

static void write_service_pools(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct service_plan *plan = &metrics->snapshot->services[thing];
	char service[NAME_TEXT_MAX];

	metrics_put(out, name, METRICS_LABELS("service", name_format(&plan->service->owner, service)), plan->list->n);
}

/* ---- pools ---- */

static void put_pool(const struct metrics *metrics, size_t thing, const char *name, struct buf *out,
	uint64_t (*number)(const struct metrics *metrics, size_t thing, int family))
{
	static const char *const family_names[] = { "ipv4", "ipv6" };
	const struct pool_plan *plan = &metrics->snapshot->pools[thing];
	char zone[NAME_TEXT_MAX];

	name_format(&plan->pool->zone->apex, zone);
	for (int family = 0; family < FAMILIES; family++)
		if (plan->part[family].n > 0)
			metrics_put(out, name,
				METRICS_LABELS("pool", plan->pool->label, "zone", zone, "region", plan->pool->region,
					"family", family_names[family]),
				number(metrics, thing, family));
}

static uint64_t pool_is_up(const struct metrics *metrics, size_t thing, int family)
{
	return metrics->pools[thing][family].up;
}

static uint64_t pool_endpoints(const struct metrics *metrics, size_t thing, int family)
{
	return metrics->snapshot->pools[thing].part[family].n;
}

static uint64_t pool_endpoints_up(const struct metrics *metrics, size_t thing, int family)
{
	return metrics->pools[thing][family].endpoints_up;
}

static void write_pool_up(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_pool(metrics, thing, name, out, pool_is_up);
}

static void write_pool_endpoints(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_pool(metrics, thing, name, out, pool_endpoints);
}

static void write_pool_endpoints_up(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_pool(metrics, thing, name, out, pool_endpoints_up);
}

/* ---- loads ---- */

static void put_load(
	const struct metrics *metrics, size_t thing, const char *name, struct buf *out, bool given, uint64_t milli)
{
	const struct pool *pool = metrics->snapshot->pools[thing].pool;
	char zone[NAME_TEXT_MAX];

	name_format(&pool->zone->apex, zone);
	if (given)
		metrics_put_ms(
			out, name, METRICS_LABELS("pool", pool->label, "zone", zone, "region", pool->region), milli);
}

static struct load load_of(const struct metrics *metrics, size_t thing)
{
	return loads_of(metrics->daemon->loads, metrics->snapshot->pools[thing].pool, metrics->now_ms);
}

static void write_load(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct load load = load_of(metrics, thing);

	put_load(metrics, thing, name, out, load.known, load.milli);
}

static void write_load_age(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct load load = load_of(metrics, thing);

	put_load(metrics, thing, name, out, load.at_ms > 0, metrics->now_ms - load.at_ms);
}

static void write_capacity(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	uint64_t capacity = metrics->snapshot->pools[thing].pool->capacity;

	put_load(metrics, thing, name, out, capacity > 0, capacity * 1000);
}

static void write_demand(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct capacity_facts *facts = &metrics->facts[thing];

	put_load(metrics, thing, name, out, facts->limited, facts->demand);
}

static void write_spill(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct capacity_facts *facts = &metrics->facts[thing];

	put_load(metrics, thing, name, out, facts->limited, (uint64_t)facts->part * 1000 / SPILL_ONE);
}

/* ---- overrides ---- */

static void write_overrides(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	static const enum override_action actions[] = { OVERRIDE_UP, OVERRIDE_DRAIN, OVERRIDE_DOWN };
	const struct override *const *overrides;
	size_t n = override_list_get(metrics->daemon->overrides, &overrides);
	uint64_t counts[OVERRIDE_DOWN + 1] = { 0 };

	(void)thing;
	for (size_t i = 0; i < n; i++)
		counts[overrides[i]->action]++;
	for (size_t i = 0; i < COUNT_OF(actions); i++)
		metrics_put(out, name, METRICS_LABELS("action", override_action_name(actions[i])), counts[actions[i]]);
}

static void write_overrides_left(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct override *const *overrides;
	size_t n = override_list_get(metrics->daemon->overrides, &overrides);

	(void)thing;
	for (size_t i = 0; i < n; i++)
		metrics_put_ms(out, name,
			METRICS_LABELS(
				"target", overrides[i]->target, "action", override_action_name(overrides[i]->action)),
			overrides[i]->until_ms > metrics->now_ms ? overrides[i]->until_ms - metrics->now_ms : 0);
}

const struct metrics_family metrics_services[] = {
	{ "gslb_answers_total", METRICS_COUNTER, "steered answers by service and by the pool that was answered",
		services, write_answers },
	{ "gslb_service_answers_total", METRICS_COUNTER,
		"steered answers by service and reason: the rank's, the fallback, all are down, the last that were up, "
		"no address "
		"of the family, none resolved",
		services, write_reasons },
	{ "gslb_service_pools", METRICS_GAUGE, "pools that a service can use", services, write_service_pools },
	{ "gslb_service_pools_up", METRICS_GAUGE, "pools that it can use and that are in service", services,
		write_service_pools_up },
	{ "gslb_pool_up", METRICS_GAUGE,
		"1: the pool is in service for this family, probes and overrides taken together", pools,
		write_pool_up },
	{ "gslb_pool_endpoints", METRICS_GAUGE, "endpoints of the pool", pools, write_pool_endpoints },
	{ "gslb_pool_endpoints_up", METRICS_GAUGE, "endpoints of the pool that are in service", pools,
		write_pool_endpoints_up },
	{ "gslb_pool_load", METRICS_GAUGE, "the pool's load as it was reported last; absent while it is unknown", pools,
		write_load },
	{ "gslb_pool_load_age_seconds", METRICS_GAUGE, "since the pool's load was last reported", pools,
		write_load_age },
	{ "gslb_pool_capacity", METRICS_GAUGE, "load units that the pool can carry (capacity=)", pools,
		write_capacity },
	{ "gslb_pool_demand", METRICS_GAUGE, "load that the pool's own clients ask for, wherever they are sent now",
		pools, write_demand },
	{ "gslb_pool_spill_ratio", METRICS_GAUGE, "part of its own clients that the pool gives away since it is full",
		pools, write_spill },
	{ "gslb_overrides", METRICS_GAUGE, "overrides in force or to come, by action", NULL, write_overrides },
	{ "gslb_override_left_seconds", METRICS_GAUGE, "until an override ends", NULL, write_overrides_left },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
