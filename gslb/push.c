/* Pushed states and loads: from gslbctl and over HTTP alike. gslb-health keeps the time: who stops pushing has no state any more. */
#include <stdlib.h>
#include <string.h>

#include "gslb/daemon.h"

enum { INTERVALS = 3 };

/* "POOL/TARGET": the target by its owner relative to the zone, its first label, its full name or an address. */
static bool is_endpoint(const struct world *world, const struct endpoint *endpoint, const char *target)
{
	const struct target *of = world->snapshot->set->targets[endpoint->target];
	const struct zone *zone = world->snapshot->pools[endpoint->pool].pool->zone;
	char relative[NAME_TEXT_MAX], full[NAME_TEXT_MAX], addr[ADDR_TEXT_MAX];
	size_t label;

	name_format_under(&of->name, &zone->apex, relative);
	label = strcspn(relative, ".");
	return strcmp(target, relative) == 0 || strcmp(target, name_format(&of->name, full)) == 0 ||
	       strcmp(target, addr_format(&endpoint->addr, addr)) == 0 ||
	       (strlen(target) == label && strncmp(target, relative, label) == 0);
}

static enum push_verdict push_to_all(struct daemon *daemon, uint32_t pool, const char *target, enum health_state state,
	uint64_t for_ms, int *ntaken, struct err *err)
{
	const struct world *world = &daemon->published->world;

	for (uint32_t i = 0; i < world->snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &world->snapshot->endpoints[i];

		if (endpoint->pool != pool || !is_endpoint(world, endpoint, target))
			continue;
		if (!prober_push(daemon->prober, endpoint, state, for_ms, err))
			return PUSH_NOT_NOW;
		++*ntaken;
	}
	return *ntaken > 0 ? PUSH_TAKEN : PUSH_UNKNOWN;
}

static uint32_t pool_of(const struct snapshot *snapshot, const char *text, size_t len, struct err *err)
{
	char *pool_text = mem_printf("%.*s", (int)len, text);
	uint32_t pool = zone_set_pool(snapshot->set, pool_text, err);

	free(pool_text);
	return pool;
}

enum push_verdict daemon_push(struct daemon *daemon, const char *endpoint, const char *state, uint64_t for_ms,
	json_t **result, struct err *err)
{
	const struct snapshot *snapshot = daemon->published->snapshot;
	const char *slash = strchr(endpoint, '/');
	bool up = strcmp(state, "up") == 0;
	enum push_verdict verdict;
	char until[CLOCK_TEXT_MAX];
	const struct check *check;
	uint32_t pool;
	int n = 0;

	if (slash == NULL || (!up && strcmp(state, "down") != 0)) {
		err_set(err, "push: POOL/ENDPOINT up|down, for example eu/lb1 down, or POOL load=NUMBER");
		return PUSH_MALFORMED;
	}
	pool = pool_of(snapshot, endpoint, (size_t)(slash - endpoint), err);
	if (pool == POOL_NONE)
		return PUSH_UNKNOWN;
	check = &snapshot->pools[pool].pool->check;
	if (check->type != CHECK_PUSH) {
		err_set(err, "%s: its pool has check=%s; only check=push takes pushed states (force overrides any)",
			endpoint, pool_check_name(check->type));
		return PUSH_NOT_ASKED;
	}
	if (for_ms == 0)
		for_ms = (uint64_t)check->interval_ms * INTERVALS;
	verdict = push_to_all(daemon, pool, slash + 1, up ? HEALTH_UP : HEALTH_DOWN, for_ms, &n, err);
	if (verdict == PUSH_UNKNOWN)
		err_set(err, "%s: the pool has no such endpoint (gslbctl endpoints lists them)", endpoint);
	if (verdict == PUSH_TAKEN)
		*result = json_pack("{s:s,s:s,s:i,s:s}", "endpoint", endpoint, "state", state, "addresses", n, "until",
			clock_format(clock_wall_ms() + for_ms, until));
	return verdict;
}

/* The name of the endpoint's part of the load: the target's, however it was called. NULL: there is no such one. */
static char *part_of(const struct world *world, uint32_t pool, const char *target)
{
	const struct snapshot *snapshot = world->snapshot;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &snapshot->endpoints[i];
		char addr[ADDR_TEXT_MAX], name[NAME_TEXT_MAX];

		if (endpoint->pool != pool || !is_endpoint(world, endpoint, target))
			continue;
		if (strcmp(target, addr_format(&endpoint->addr, addr)) == 0)
			return mem_strdup(addr);
		return mem_strdup(name_format(&snapshot->set->targets[endpoint->target]->name, name));
	}
	return NULL;
}

enum push_verdict daemon_push_load(struct daemon *daemon, const char *target, const char *number, uint64_t for_ms,
	json_t **result, struct err *err)
{
	const struct world *world = &daemon->published->world;
	const char *slash = strchr(target, '/');
	uint64_t milli, now_ms = clock_wall_ms();
	char until[CLOCK_TEXT_MAX], *part;
	const struct pool *pool;
	uint32_t pool_number;

	if (!health_load_read(number, strlen(number), &milli)) {
		err_set(err, "push: load=%.40s: not a number from 0 to 10^12 (try load=412)", number);
		return PUSH_MALFORMED;
	}
	pool_number = pool_of(world->snapshot, target, slash != NULL ? (size_t)(slash - target) : strlen(target), err);
	if (pool_number == POOL_NONE)
		return PUSH_UNKNOWN;
	pool = world->snapshot->pools[pool_number].pool;
	if (pool->load.source != LOAD_PUSH) {
		err_set(err, "%s: its pool has %s%s; only load=push takes pushed loads", target,
			pool->load.source == LOAD_NONE ? "no load=" : "load=",
			pool->load.source == LOAD_NONE ? "" : pool->load.text);
		return PUSH_NOT_ASKED;
	}
	part = slash != NULL ? part_of(world, pool_number, slash + 1) : mem_strdup("");
	if (part == NULL) {
		err_set(err, "%s: the pool has no such endpoint (gslbctl endpoints lists them)", target);
		return PUSH_UNKNOWN;
	}
	loads_report(daemon->loads, pool, part, milli, now_ms, for_ms);
	free(part);
	*result = json_pack("{s:s,s:f,s:s}", "endpoint", target, "load", (double)milli / 1000, "until",
		clock_format(now_ms + (for_ms > 0 ? for_ms : LOAD_STALE_MS), until));
	return PUSH_TAKEN;
}
