/* A client is asked for with the same dice before and after, so that what differs is the override's doing. Where the dice decide, several
 * times; and when there are very many clients, only for some of them. */
#include "gslb/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/parts.h"
#include "gslb/standing.h"

enum { ASKED_MAX = 4096, DRAWS = 8, NO_POOL = CANDIDATE_NONE };

/* A network as a client of one service. */
struct visitor {
	uint32_t service;
	struct addr net;
	enum family family;
	double weight;
};

struct visitors {
	size_t n, stride; /* ask for every stride-th */
	struct visitor *visitor;
};

static int by_service(const void *a, const void *b)
{
	const struct visitor *one = a, *other = b;

	if (one->service != other->service)
		return one->service < other->service ? -1 : 1;
	return addr_compare(&one->net, &other->net);
}

/* The service of each pair. */
static uint32_t *services_of_pairs(const struct snapshot *snapshot)
{
	uint32_t *service = mem_alloc((snapshot->nservice_pools + 1) * sizeof *service);

	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++)
			service[snapshot->services[i].first_override + k] = i;
	return service;
}

/* Those of the touched services, one for all pools that a network was told. */
static void visitors_gather(struct visitors *visitors, const struct forecast *forecast, const bool *touched)
{
	uint32_t *service = services_of_pairs(forecast->before->snapshot);
	size_t n, kept = 0;
	struct recent_client *clients = recent_clients(forecast->recent, &n);

	visitors->visitor = mem_alloc((n + 1) * sizeof *visitors->visitor);
	for (size_t i = 0; i < n; i++) {
		const struct recent_client *client = &clients[i];
		struct visitor *last = kept > 0 ? &visitors->visitor[kept - 1] : NULL;
		uint32_t of = service[client->pair];

		if (!touched[of])
			continue;
		if (last != NULL && last->service == of && last->family == client->family &&
			addr_equal(&last->net, &client->net)) {
			last->weight += (double)client->weight;
			continue;
		}
		visitors->visitor[kept++] = (struct visitor){
			.service = of, .net = client->net, .family = client->family, .weight = (double)client->weight
		};
	}
	free(clients);
	free(service);
	visitors->n = kept;
	visitors->stride = kept / ASKED_MAX + 1;
	qsort(visitors->visitor, kept, sizeof *visitors->visitor, by_service);
}

/* ---- asking ---- */

/* Weights by candidate; the last one is for no pool at all. */
struct tally {
	double before[257], after[257], sum;
	size_t networks, asked;
};

static void ask(const struct world *world, const struct service_plan *service, const struct visitor *visitor,
	uint64_t now_ms, double *weights)
{
	const struct client client = { .addr = visitor->net,
		.ecs = true,
		.source_len = visitor->net.family == ADDR_V6 ? LEDGER_NET_V6 : LEDGER_NET_V4 };
	unsigned draws = service->sticky ? 1 : DRAWS;
	struct dice dice = { hash_bytes(1, visitor->net.bytes, sizeof visitor->net.bytes) };

	for (unsigned i = 0; i < draws; i++) {
		struct decision decision;

		decide(world, service, &client, visitor->family, now_ms, &dice, &decision, NULL);
		weights[decision.candidate != CANDIDATE_NONE ? decision.candidate : service->list->n] +=
			visitor->weight / draws;
	}
}

/* The first visitor of the service. */
static size_t first_of(const struct visitors *visitors, uint32_t service)
{
	size_t low = 0, high = visitors->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (visitors->visitor[middle].service < service)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void tally_service(
	struct tally *tally, const struct forecast *forecast, const struct visitors *visitors, uint32_t number)
{
	const struct service_plan *service = &forecast->before->snapshot->services[number];

	*tally = (struct tally){ 0 };
	for (size_t i = first_of(visitors, number); i < visitors->n && visitors->visitor[i].service == number; i++) {
		if (tally->networks++ % visitors->stride != 0)
			continue;
		ask(forecast->before, service, &visitors->visitor[i], forecast->now_ms, tally->before);
		ask(forecast->after, service, &visitors->visitor[i], forecast->now_ms, tally->after);
		tally->sum += visitors->visitor[i].weight;
		tally->asked++;
	}
}

static json_t *clients_json(const struct forecast *forecast, const struct visitors *visitors, uint32_t number)
{
	const struct snapshot *snapshot = forecast->before->snapshot;
	const struct service_plan *service = &snapshot->services[number];
	json_t *pools = json_array();
	struct tally tally;

	tally_service(&tally, forecast, visitors, number);
	for (uint32_t i = 0; i <= service->list->n; i++) {
		if (tally.before[i] + tally.after[i] <= 0)
			continue;
		json_array_append_new(pools,
			json_pack("{s:s?,s:f,s:f}", "pool",
				i < service->list->n ? snapshot->pools[service->list->candidate[i].pool].pool->label
						     : NULL,
				"before_percent", tally.before[i] * 100 / tally.sum, "after_percent",
				tally.after[i] * 100 / tally.sum));
	}
	return json_pack("{s:I,s:I,s:o}", "networks", (json_int_t)tally.networks, "asked", (json_int_t)tally.asked,
		"pools", pools);
}

/* ---- services ---- */

/* False with a sentence when it leaves fewer pools than the service is to keep. */
static bool weigh(const struct forecast *forecast, const struct service_plan *plan, json_t **effect, struct err *err)
{
	char owner[NAME_TEXT_MAX];
	uint32_t of, keep = plan->service->keep;
	uint32_t was = service_pools_in_service(forecast->before, plan, forecast->now_ms, true, &of);
	uint32_t is = service_pools_in_service(forecast->after, plan, forecast->now_ms, true, &of);

	name_format(&plan->service->owner, owner);
	*effect = json_pack("{s:s s:[I,I] s:I s:I}", "service", owner, "pools_in_service", (json_int_t)was,
		(json_int_t)is, "of", (json_int_t)of, "keep", (json_int_t)keep);
	if (is >= was || is >= keep)
		return true;
	return err_set(err, "%s: keep=%u: would leave %u of %u pools in service (force %s); --force overrides", owner,
		(unsigned)keep, (unsigned)is, (unsigned)of, forecast->said);
}

/* A pool counts as down with one that it needs. */
static bool needs_one(const struct parts *parts, uint32_t pool)
{
	const struct pool *plan = parts->snapshot->pools[pool].pool;

	for (uint16_t i = 0; i < plan->nall_needs; i++)
		if (parts->pool[plan->all_needs[i]])
			return true;
	return false;
}

/* Which services have a pair that the target takes in, or one whose pool needs what it takes in. */
static bool *touched_by(const struct snapshot *snapshot, const struct override_target *target)
{
	bool *touched = mem_alloc((snapshot->nservices + 1) * sizeof *touched);
	struct parts parts;

	parts_init(&parts, snapshot, target);
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++)
			touched[i] = touched[i] || parts.pair[snapshot->services[i].first_override + k] ||
				     needs_one(&parts, snapshot->services[i].list->candidate[k].pool);
	parts_fini(&parts);
	return touched;
}

bool forecast_make(const struct forecast *forecast, json_t *effects, struct err *err)
{
	const struct snapshot *snapshot = forecast->before->snapshot;
	bool *touched = touched_by(snapshot, forecast->target), good = true;
	struct visitors visitors = { 0 };

	if (forecast->recent != NULL)
		visitors_gather(&visitors, forecast, touched);
	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		json_t *effect;

		if (!touched[i])
			continue;
		if (!weigh(forecast, &snapshot->services[i], &effect, good ? err : NULL))
			good = false;
		if (forecast->recent != NULL)
			json_object_set_new(effect, "clients", clients_json(forecast, &visitors, i));
		json_array_append_new(effects, effect);
	}
	free(visitors.visitor);
	free(touched);
	return good;
}
