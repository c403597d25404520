#include "relay/lint.h"

#include <string.h>

static void say(json_t *list, const struct cache_conf *cache, const char *level, const char *text)
{
	json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "cache", cache->name, "level", level, "text", text));
}

static void lint_unbound(const struct cache_conf *cache, json_t *list)
{
	char modules[LINT_VALUE_MAX], expired[LINT_VALUE_MAX];
	struct err err;

	if (!unbound_option(cache, "module-config", modules, &err) ||
		!unbound_option(cache, "serve-expired", expired, &err)) {
		say(list, cache, "unknown", err.text);
		return;
	}
	if (strstr(modules, "subnetcache") != NULL)
		say(list, cache, "error",
			"module-config has subnetcache: what it caches by client subnet, no flush removes; leave it "
			"out, or "
			"keep TTLs at 30 s or less");
	if (strstr(modules, "cachedb") != NULL)
		say(list, cache, "error",
			"module-config has cachedb: a flush does not reach the database behind it; leave it out");
	if (strcmp(expired, "yes") == 0)
		say(list, cache, "warning",
			"serve-expired is on: after a flush of a zone or of everything the next client still gets the "
			"old "
			"answer; single names are not concerned");
	if (strstr(modules, "subnetcache") == NULL && strstr(modules, "cachedb") == NULL && strcmp(expired, "yes") != 0)
		say(list, cache, "ok", "neither subnetcache nor cachedb nor serve-expired");
}

static bool is_resolver(const struct cache_conf *cache)
{
	static const char *const types[] = { "unbound", "bind", "powerdns", "knot" };

	for (unsigned i = 0; i < COUNT_OF(types); i++)
		if (strcmp(cache->type, types[i]) == 0)
			return true;
	return false;
}

static void lint_conf(const struct cache_conf *cache, json_t *list)
{
	if (is_resolver(cache) && cache->nzones == 0)
		say(list, cache, "warning",
			"zones is empty: when the past is not known, nothing of it is dropped; name your zones");
	if (is_resolver(cache) && cache->verify[0] == '\0')
		say(list, cache, "warning", "verify is not given: nobody looks whether an old answer is really gone");
}

json_t *lint_all(const struct relay_conf *conf, const char *what)
{
	json_t *list = json_array(), *finding;
	size_t i;
	int status = 0;

	(void)what;
	for (i = 0; i < conf->ncaches; i++) {
		lint_conf(&conf->cache[i], list);
		if (strcmp(conf->cache[i].type, "unbound") == 0)
			lint_unbound(&conf->cache[i], list);
		else
			say(list, &conf->cache[i], "unknown", "this kind of cache does not tell its settings");
	}
	json_array_foreach(list, i,
		finding) if (strcmp(json_string_value(json_object_get(finding, "level")), "error") == 0) status = 1;
	return json_pack("{s:o,s:i}", "findings", list, "exit", status);
}

static json_t *sign_of(const struct cache_conf *cache)
{
	const struct adapter *adapter = adapter_find(cache->type);
	uint64_t lived_s = UINT64_MAX;
	struct err err = { .text = "" };
	void *state = adapter->open(cache, &err);
	bool good = state != NULL && adapter->ping(state, &lived_s, &err);
	json_t *json = json_pack("{s:s,s:s,s:s,s:s}", "cache", cache->name, "type", cache->type, "state",
		good ? "works" : "fails", "reason", good ? "" : err.text);

	if (good && lived_s < UINT64_MAX)
		json_object_set_new(json, "lived_s", json_integer((json_int_t)lived_s));
	if (state != NULL)
		adapter->close(state);
	return json;
}

json_t *lint_signs(const struct relay_conf *conf, const char *name)
{
	json_t *list = json_array(), *sign;
	size_t i;
	int status = 0;

	for (i = 0; i < conf->ncaches; i++)
		if (name[0] == '\0' || strcmp(name, conf->cache[i].name) == 0)
			json_array_append_new(list, sign_of(&conf->cache[i]));
	json_array_foreach(list, i, sign) if (strcmp(json_string_value(json_object_get(sign, "state")), "works") != 0)
		status = 1;
	return json_pack("{s:o,s:i}", "signs", list, "exit", json_array_size(list) > 0 ? status : 1);
}
