/* What is in force, as JSON for gslbctl: one function a table. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/daemon.h"
#include "gslb/drills.h"
#include "gslb/fleet.h"
#include "gslb/fleet_document.h"
#include "gslb/needs.h"
#include "gslb/target.h"
#include "gslb/terms.h"

static json_t *time_json(uint64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];

	return wall_ms > 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *name_json(const struct name *name)
{
	char text[NAME_TEXT_MAX];

	return json_string(name_format(name, text));
}

static const struct world *world_of(const struct daemon *daemon)
{
	return &daemon->published->world;
}

/* ---- status ---- */

static const char *zone_standing_name(enum zone_standing standing)
{
	switch (standing) {
	case ZONE_LOADED:
		return "loaded";
	case ZONE_LAST_GOOD:
		return "last-good";
	case ZONE_REFUSED:
		return "refused";
	}
	abort();
}

json_t *document_zones(const struct daemon *daemon)
{
	json_t *list = json_array();

	for (size_t i = 0; i < daemon->zones->nzones; i++) {
		const struct loaded_zone *zone = &daemon->zones->zones[i];
		json_t *mistakes = json_array();
		char line[1400];

		for (size_t k = 0; k < zone->mistakes.nlines; k++) {
			report_format(&zone->mistakes.lines[k], line, sizeof line);
			json_array_append_new(mistakes, json_string(line));
		}
		json_array_append_new(
			list, json_pack("{s:o,s:I,s:s,s:s,s:o,s:o,s:b}", "name",
				      zone->zone != NULL ? name_json(&zone->zone->apex) : json_null(), "serial",
				      (json_int_t)(zone->zone != NULL ? zone->zone->serial : 0), "file", zone->file,
				      "state", zone_standing_name(zone->standing), "loaded", time_json(zone->loaded_ms),
				      "mistakes", mistakes, "file_gone", zone->gone));
	}
	return list;
}

static json_t *geo_json(const struct daemon *daemon, uint64_t now_ms)
{
	const struct geo_source *sources;
	size_t n = geo_sources(daemon->published->snapshot->geo, &sources);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:b}", "path", sources[i].path, "type",
						    sources[i].type, "schema", sources[i].schema, "built",
						    time_json(sources[i].build_epoch_s * 1000), "age_s",
						    (json_int_t)(now_ms / 1000 > sources[i].build_epoch_s
									 ? now_ms / 1000 - sources[i].build_epoch_s
									 : 0),
						    "prefixes", (json_int_t)(sources[i].nv4 + sources[i].nv6),
						    "country_only", sources[i].country_only));
	return list;
}

static json_t *abstain_json(const struct prober_status *status)
{
	char text[ABSTAIN_TEXT_MAX];

	if (status->abstaining == ABSTAIN_NOT)
		return json_null();
	return json_pack("{s:s,s:s,s:i,s:i,s:o}", "why",
		status->abstaining == ABSTAIN_ANCHORS ? "anchors" : "endpoints", "reason",
		abstain_sentence(status->abstaining, status->abstain_failing, status->abstain_of, text), "failing",
		(int)status->abstain_failing, "of", (int)status->abstain_of, "since",
		time_json(status->abstain_since_ms));
}

static json_t *health_json(const struct daemon *daemon)
{
	const struct world *world = world_of(daemon);
	struct prober_status status = prober_status(daemon->prober);
	unsigned n[3] = { 0 }, held = 0;

	for (uint32_t i = 0; i < world->snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &world->snapshot->endpoints[i];
		struct verdict verdict;

		if (endpoint->slot == SLOT_NONE)
			continue;
		verdict = board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);
		n[verdict.state]++;
		held += verdict.held;
	}
	return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:o,s:o}", "state",
		status.running ? "running" : "restarting", "pid", (int)status.pid, "restarts", (int)status.restarts,
		"up", n[HEALTH_UP], "down", n[HEALTH_DOWN], "unknown", n[HEALTH_UNKNOWN], "targets",
		(int)status.ntargets, "names", (int)status.nnames, "held", (int)held, "anchors", (int)status.nanchors,
		"abstaining", abstain_json(&status), "since", time_json(status.since_ms));
}

json_t *document_status(const struct daemon *daemon)
{
	const struct snapshot *snapshot = world_of(daemon)->snapshot;
	uint64_t now_ms = clock_wall_ms();
	const struct conf_listen *listening;
	size_t nlistening = workers_listening(daemon->workers, &listening), noverrides;
	const struct override *const *overrides;
	json_t *listen = json_array();
	char addr[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 8], words[320];

	fleet_words(daemon, words);
	for (size_t i = 0; i < nlistening; i++) {
		snprintf(text, sizeof text, "%s@%u", addr_format(&listening[i].addr, addr), listening[i].port);
		json_array_append_new(listen, json_string(text));
	}
	noverrides = override_list_get(daemon->overrides, &overrides);
	return json_pack("{s:s,s:I,s:i,s:s,s:s,s:o,s:i,s:{s:I,s:o,s:I,s:i,s:i,s:i},s:o,s:o,s:o,s:i,s:I,s:{s:o,s:s},s:o,"
			 "s:s,s:o,s:o}",
		"version", PACKAGE_VERSION, "uptime_s", (json_int_t)((now_ms - daemon->started_ms) / 1000), "pid",
		(int)getpid(), "region", daemon->conf->region, "identity", daemon->conf->identity, "listen", listen,
		"workers", (int)daemon->conf->workers, "snapshot", "serial", (json_int_t)snapshot->serial, "made",
		time_json(snapshot->made_ms), "bytes", (json_int_t)snapshot_bytes(snapshot), "services",
		(int)snapshot->nservices, "pools", (int)snapshot->npools, "endpoints", (int)snapshot->nendpoints,
		"zones", document_zones(daemon), "geo", geo_json(daemon, now_ms), "health", health_json(daemon),
		"overrides", (int)noverrides, "reloads", (json_int_t)daemon->reloads, "last_reload", "at",
		time_json(daemon->last_reload_ms), "result", daemon->last_reload, "alarms", document_alarms(daemon),
		"bus", words, "fleet", fleet_document(prober_board(daemon->prober)), "drills",
		drills_brief(daemon->drills));
}

/* ---- shares of answers ---- */

static uint64_t share_count(const struct daemon *daemon, const struct service_plan *service, uint32_t candidate)
{
	return ledger_answers(daemon->published->ledger, service->first_override + candidate);
}

static json_t *percent_json(uint64_t part, uint64_t all)
{
	return all > 0 ? json_real((double)part * 100 / (double)all) : json_null();
}

/* ---- pools ---- */

static unsigned count_up(const struct world *world, uint32_t pool, enum family family, uint64_t now_ms)
{
	const struct pool_part *part = &world->snapshot->pools[pool].part[family];
	unsigned up = 0;

	for (uint32_t i = part->first; i < part->first + part->n; i++) {
		struct standing standing = endpoint_standing(world, i, now_ms);

		up += standing.state != HEALTH_DOWN && standing.weight_permille > 0;
	}
	return up;
}

static const char *state_word(const struct standing *standing)
{
	if (standing->forced == OVERRIDE_DRAIN)
		return "drain";
	if (standing->state == HEALTH_DOWN)
		return "down";
	return standing->doubt ? "doubt" : "up";
}

/* A pool is as good as its better family: the other one does not concern its clients. */
static struct standing whole_pool(const struct world *world, uint32_t pool, uint64_t now_ms)
{
	const struct pool_plan *plan = &world->snapshot->pools[pool];
	struct standing v4 = pool_standing(world, pool, FAMILY_V4, now_ms);

	if (plan->part[FAMILY_V6].n == 0 || (plan->part[FAMILY_V4].n > 0 && v4.state != HEALTH_DOWN))
		return v4;
	return pool_standing(world, pool, FAMILY_V6, now_ms);
}

static json_t *forced_json(enum override_action action)
{
	return action == OVERRIDE_NONE ? json_null() : json_string(override_action_name(action));
}

static json_t *family_json(const struct world *world, uint32_t pool, enum family family, uint64_t now_ms)
{
	return json_pack("{s:i,s:i}", "up", (int)count_up(world, pool, family, now_ms), "of",
		(int)world->snapshot->pools[pool].part[family].n);
}

/* When the newest verdict of the pool's endpoints was reached. */
static uint64_t pool_since_ms(const struct world *world, uint32_t pool)
{
	uint32_t latest = 0;

	for (int family = 0; family < FAMILIES; family++) {
		const struct pool_part *part = &world->snapshot->pools[pool].part[family];

		for (uint32_t i = part->first; i < part->first + part->n; i++) {
			const struct endpoint *endpoint = &world->snapshot->endpoints[i];
			struct verdict verdict =
				board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);

			if (verdict.since_s > latest)
				latest = verdict.since_s;
		}
	}
	return (uint64_t)latest * 1000;
}

static json_t *needs_json(const struct world *world, uint32_t number)
{
	const struct pool *pool = world->snapshot->pools[number].pool;
	json_t *list = json_array();

	for (uint8_t i = 0; i < pool->nneeds; i++)
		json_array_append_new(list, name_json(&world->snapshot->pools[pool->needs[i].pool].pool->name));
	return list;
}

static json_t *missing_json(
	const struct world *world, uint32_t number, const struct standing *standing, uint64_t now_ms)
{
	struct buf text = { 0 };
	json_t *json;

	if (standing->missing == POOL_NONE)
		return json_null();
	needs_text(world, number, standing->missing, now_ms, &text);
	json = json_string(text.text);
	buf_fini(&text);
	return json;
}

/* What it needs and lacks; else why the newest failure of its endpoints came about; null when the last probe of each went well. */
static json_t *pool_reason_json(
	const struct world *world, uint32_t pool, const struct standing *standing, uint64_t now_ms)
{
	struct verdict newest = { 0 };

	if (standing->missing != POOL_NONE)
		return missing_json(world, pool, standing, now_ms);

	for (int family = 0; family < FAMILIES; family++) {
		const struct pool_part *part = &world->snapshot->pools[pool].part[family];

		for (uint32_t i = part->first; i < part->first + part->n; i++) {
			const struct endpoint *endpoint = &world->snapshot->endpoints[i];
			struct verdict verdict =
				board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);

			if ((verdict.state == HEALTH_DOWN || verdict.doubt) && verdict.since_s >= newest.since_s)
				newest = verdict;
		}
	}
	return newest.since_s > 0 ? json_string(probe_result_name(newest.reason)) : json_null();
}

json_t *document_pools(const struct daemon *daemon)
{
	const struct world *world = world_of(daemon);
	uint32_t npools = world->snapshot->npools;
	uint64_t now_ms = clock_wall_ms(), all = 0;
	uint64_t *answers = mem_alloc((npools + 1) * sizeof *answers);
	unsigned *services = mem_alloc((npools + 1) * sizeof *services);
	json_t *list = json_array();

	for (uint32_t i = 0; i < world->snapshot->nservices; i++) {
		const struct service_plan *service = &world->snapshot->services[i];

		for (uint32_t k = 0; k < service->list->n; k++) {
			uint64_t n = share_count(daemon, service, k);

			answers[service->list->candidate[k].pool] += n;
			services[service->list->candidate[k].pool]++;
			all += n;
		}
	}
	for (uint32_t i = 0; i < npools; i++) {
		const struct pool *pool = world->snapshot->pools[i].pool;
		struct standing standing = whole_pool(world, i, now_ms);

		json_array_append_new(list,
			json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:i,s:o,s:o,s:o}", "name", pool->label,
				"zone", name_json(&pool->zone->apex), "region", pool->region, "state",
				state_word(&standing), "reason", pool_reason_json(world, i, &standing, now_ms), "v4",
				family_json(world, i, FAMILY_V4, now_ms), "v6",
				family_json(world, i, FAMILY_V6, now_ms), "check", pool_check_name(pool->check.type),
				"since", time_json(pool_since_ms(world, i)), "override", forced_json(standing.forced),
				"services", (int)services[i], "share_percent", percent_json(answers[i], all), "needs",
				needs_json(world, i), "load", document_load(daemon, pool, now_ms)));
	}
	free(answers);
	free(services);
	return json_pack("{s:o}", "pools", list);
}

/* ---- services ---- */

static json_t *ranks_json(const struct service *service)
{
	struct buf text = { 0 };
	json_t *json;

	for (unsigned i = 0; i < service->nranks; i++)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", rank_name(service->ranks[i]));
	json = json_string(text.text != NULL ? text.text : "");
	buf_fini(&text);
	return json;
}

static json_t *candidates_json(
	const struct daemon *daemon, const struct service_plan *plan, uint64_t now_ms, int *in_service)
{
	const struct world *world = world_of(daemon);
	json_t *list = json_array();
	uint64_t all = 0;

	for (uint32_t i = 0; i < plan->list->n; i++)
		all += share_count(daemon, plan, i);
	for (uint32_t i = 0; i < plan->list->n; i++) {
		uint32_t number = plan->list->candidate[i].pool;
		struct standing standing = whole_pool(world, number, now_ms);
		unsigned up = count_up(world, number, FAMILY_V4, now_ms) + count_up(world, number, FAMILY_V6, now_ms);
		const struct pool_plan *pool = &world->snapshot->pools[number];

		*in_service += standing.state != HEALTH_DOWN && standing.weight_permille > 0;
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:i,s:i,s:o,s:o,s:i}", "name", pool->pool->label, "state",
				state_word(&standing), "up", (int)up, "of", (int)(pool->part[0].n + pool->part[1].n),
				"override", forced_json(standing.forced), "share_percent",
				percent_json(share_count(daemon, plan, i), all), "weight",
				(int)plan->list->candidate[i].weight));
	}
	return list;
}

json_t *document_services(const struct daemon *daemon)
{
	const struct world *world = world_of(daemon);
	uint64_t now_ms = clock_wall_ms();
	json_t *list = json_array();

	for (uint32_t i = 0; i < world->snapshot->nservices; i++) {
		const struct service_plan *plan = &world->snapshot->services[i];
		const struct service *service = plan->service;
		int in_service = 0;
		json_t *pools = candidates_json(daemon, plan, now_ms, &in_service);
		char ttl[32];

		snprintf(ttl, sizeof ttl, "%u/%u", service->ttl_max_s, service->ttl_min_s);
		json_array_append_new(list,
			json_pack("{s:o,s:s,s:o,s:s,s:i,s:s,s:o,s:o,s:s,s:i,s:i}", "name", name_json(&service->owner),
				"type", service->via_cname ? "cname" : "address", "rank", ranks_json(service), "spread",
				service->spread == SPREAD_STICKY ? "sticky" : "random", "answers",
				(int)service->answers, "ttl", ttl, "pools", pools, "fallback",
				plan->list->fallback == POOL_NONE
					? json_null()
					: json_string(world->snapshot->pools[plan->list->fallback].pool->label),
				"down", down_name(service->down), "in_service", in_service, "keep",
				(int)service->keep));
	}
	return json_pack("{s:o}", "services", list);
}

/* ---- endpoints ---- */

static const char *health_word(enum health_state state)
{
	switch (state) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	}
	abort();
}

/* Text that another process wrote: bounded, and only what prints. */
static void copy_detail(const struct board_slot *slot, char text[static BOARD_DETAIL_MAX + 1])
{
	size_t n = 0;

	for (; n < BOARD_DETAIL_MAX && slot->detail[n] != '\0'; n++)
		text[n] = slot->detail[n] >= 0x20 && slot->detail[n] < 0x7f ? slot->detail[n] : '?';
	text[n] = '\0';
}

static void add_probe(json_t *json, const struct board_slot *slot, const struct verdict *verdict)
{
	char detail[BOARD_DETAIL_MAX + 1], reason[128];
	uint32_t rtt_us = atomic_load_explicit(&slot->rtt_us, memory_order_relaxed);
	uint32_t last_s = atomic_load_explicit(&slot->last_s, memory_order_relaxed);

	copy_detail(slot, detail);
	snprintf(reason, sizeof reason, "%s%s%s%s", last_s > 0 ? probe_result_name(verdict->reason) : "not probed yet",
		detail[0] != '\0' && verdict->reason != PROBE_OK ? " (" : "", verdict->reason != PROBE_OK ? detail : "",
		detail[0] != '\0' && verdict->reason != PROBE_OK ? ")" : "");
	json_object_set_new(json, "rtt_ms", rtt_us > 0 ? json_real(rtt_us / 1000.0) : json_null());
	json_object_set_new(json, "reason", json_string(reason));
	json_object_set_new(json, "last_probe", time_json((uint64_t)last_s * 1000));
	json_object_set_new(
		json, "transitions", json_integer(atomic_load_explicit(&slot->transitions, memory_order_relaxed)));
	json_object_set_new(json, "since", time_json((uint64_t)verdict->since_s * 1000));
}

json_t *document_endpoint(const struct world *world, uint32_t number, const struct standing *standing, uint64_t now_ms)
{
	const struct endpoint *endpoint = &world->snapshot->endpoints[number];
	const struct pool *pool = world->snapshot->pools[endpoint->pool].pool;
	struct verdict verdict = board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation);
	char target[NAME_TEXT_MAX], addr[ADDR_TEXT_MAX];
	bool probed = endpoint->slot < world->nslots;
	json_t *json = json_pack("{s:s,s:o,s:s,s:s,s:i,s:i,s:i,s:f,s:s,s:b,s:b,s:s,s:o}", "pool", pool->label, "zone",
		name_json(&pool->zone->apex), "target",
		name_format_under(&world->snapshot->set->targets[endpoint->target]->name, &pool->zone->apex, target),
		"address", addr_format(&endpoint->addr, addr), "port", (int)endpoint->port, "priority",
		(int)endpoint->priority, "weight", (int)endpoint->weight, "weight_percent",
		standing->weight_permille / 10.0, "state", probed ? health_word(verdict.state) : "up", "doubt",
		verdict.doubt, "held", verdict.held, "check", pool_check_name(pool->check.type), "override",
		forced_json(standing->forced));

	if (!probed) {
		json_object_set_new(json, "reason", json_string("not probed (check=none)"));
		return json;
	}
	add_probe(json, &world->slots[endpoint->slot], &verdict);
	terms_add(json, world, endpoint, &verdict, now_ms);
	fleet_document_votes(json, world, endpoint, &verdict);
	json_object_set_new(json, "slot", json_integer(endpoint->slot));
	return json;
}

json_t *document_endpoints(const struct daemon *daemon)
{
	const struct world *world = world_of(daemon);
	uint64_t now_ms = clock_wall_ms();
	json_t *list = json_array();

	for (uint32_t i = 0; i < world->snapshot->nendpoints; i++) {
		struct standing standing = endpoint_standing(world, i, now_ms);

		json_array_append_new(list, document_endpoint(world, i, &standing, now_ms));
	}
	return json_pack("{s:o}", "endpoints", list);
}

/* ---- overrides, stats ---- */

json_t *document_overrides(const struct daemon *daemon)
{
	const struct override *const *overrides;
	size_t n = override_list_get(daemon->overrides, &overrides);
	const struct snapshot *snapshot = world_of(daemon)->snapshot;
	uint64_t now_ms = clock_wall_ms();
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct override *o = overrides[i];
		struct override_target target;
		uint32_t covers = 0;

		if (override_target_again(snapshot, o->target, o->glob, &target))
			covers = override_target_covers(snapshot, &target);
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:s*}", "target", o->target, "action",
				      override_action_name(o->action), "who", o->who, "why", o->why, "from",
				      time_json(o->from_ms), "until", time_json(o->until_ms), "left_s",
				      (json_int_t)(o->until_ms > now_ms ? (o->until_ms - now_ms + 999) / 1000 : 0),
				      "over_ms", (json_int_t)o->over_ms, "covers", (json_int_t)covers, "region",
				      o->origin[0] != '\0' ? o->origin : NULL));
	}
	return json_pack("{s:o}", "overrides", list);
}

json_t *document_stats(const struct daemon *daemon)
{
	json_t *counters = json_object(), *descriptions = json_object();
	uint64_t sums[COUNTERS_N];

	workers_counters(daemon->workers, sums);
	for (int i = 0; i < COUNTERS_N; i++) {
		json_object_set_new(counters, counter_names[i], json_integer((json_int_t)sums[i]));
		json_object_set_new(descriptions, counter_names[i], json_string(counter_sentences[i]));
	}
	return json_pack("{s:o,s:o,s:f}", "counters", counters, "descriptions", descriptions, "qps", daemon->qps);
}
