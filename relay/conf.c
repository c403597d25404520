/* cyaml loads a tree of texts by a schema; what they mean is checked here. cyaml tells its reasons to a log function only, the last of
 * which has the place: it becomes the sentence. */
#include "relay/conf.h"

#include <cyaml/cyaml.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/check.h"
#include "relay/conf_bus.h"

enum { FILE_MAX_LEN = 1 << 20, KEY_FILE_MAX = 4096 };
#define KEEP_MS UINT64_C(259200000)      /* 72 h */
#define KEEP_MAX_MS UINT64_C(2592000000) /* 30 d */

/* ---- the file's shape ---- */

struct yaml_cache {
	char *type, *name, *socket, *url, *key_file, *view, *method, *header, *pid_file, *prefix, *timeout, *rate,
		*stagger, *budget, *flush_all, *verify, *authority;
	char **zones;
	uint32_t nzones;
};

struct yaml_file {
	struct {
		char *region, *user, *probe_user, *identity;
	} server;
	struct {
		char *directory;
	} state;
	struct {
		char *socket, *group, *listen, *token_file, *keep, *policy_file, **logs;
		uint32_t nlogs;
	} relay;
	struct {
		char **servers, **regions, **relays, *name, *ca, *cert, *key, *sign_file;
		uint32_t nservers, nregions, nrelays;
	} bus;
	struct yaml_cache *caches;
	uint32_t ncaches;
};

#define TEXT(key, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t text_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED) };

static const cyaml_schema_field_t cache_fields[] = { CYAML_FIELD_STRING_PTR("type", CYAML_FLAG_POINTER,
							     struct yaml_cache, type, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct yaml_cache, name, 0, CYAML_UNLIMITED),
	TEXT("socket", struct yaml_cache, socket), TEXT("url", struct yaml_cache, url),
	TEXT("key-file", struct yaml_cache, key_file), TEXT("view", struct yaml_cache, view),
	TEXT("method", struct yaml_cache, method), TEXT("header", struct yaml_cache, header),
	TEXT("pid-file", struct yaml_cache, pid_file), TEXT("prefix", struct yaml_cache, prefix),
	TEXT("timeout", struct yaml_cache, timeout), TEXT("rate", struct yaml_cache, rate),
	TEXT("stagger", struct yaml_cache, stagger), TEXT("budget", struct yaml_cache, budget),
	TEXT("flush-all", struct yaml_cache, flush_all), TEXT("verify", struct yaml_cache, verify),
	TEXT("authority", struct yaml_cache, authority),
	CYAML_FIELD_SEQUENCE_COUNT("zones", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_cache, zones, nzones,
		&text_schema, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END };

static const cyaml_schema_value_t cache_schema = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_DEFAULT, struct yaml_cache, cache_fields) };

/* What is gslbd's, which reads it as strictly. */
#define THEIRS(key) CYAML_FIELD_IGNORE(key, CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t server_fields[] = { TEXT("region", struct yaml_file, server.region),
	TEXT("user", struct yaml_file, server.user), TEXT("probe-user", struct yaml_file, server.probe_user),
	TEXT("identity", struct yaml_file, server.identity), THEIRS("listen"), THEIRS("workers"), THEIRS("limits"),
	THEIRS("rrl"), THEIRS("cookies"), CYAML_FIELD_END };
static const cyaml_schema_field_t state_fields[] = { TEXT("directory", struct yaml_file, state.directory),
	CYAML_FIELD_END };
static const cyaml_schema_field_t relay_fields[] = { TEXT("socket", struct yaml_file, relay.socket),
	TEXT("group", struct yaml_file, relay.group), TEXT("listen", struct yaml_file, relay.listen),
	TEXT("token-file", struct yaml_file, relay.token_file), TEXT("keep", struct yaml_file, relay.keep),
	TEXT("policy-file", struct yaml_file, relay.policy_file),
	CYAML_FIELD_SEQUENCE_COUNT("hit-logs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_file, relay.logs,
		relay.nlogs, &text_schema, 0, CONF_LOGS_MAX),
	CYAML_FIELD_END };

static const cyaml_schema_field_t bus_fields[] = { CYAML_FIELD_SEQUENCE_COUNT("servers", CYAML_FLAG_POINTER,
							   struct yaml_file, bus.servers, bus.nservers, &text_schema, 1,
							   CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE_COUNT("regions", CYAML_FLAG_POINTER, struct yaml_file, bus.regions, bus.nregions,
		&text_schema, 1, EVENT_REGIONS_MAX),
	CYAML_FIELD_SEQUENCE_COUNT("relays", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_file, bus.relays,
		bus.nrelays, &text_schema, 1, CONF_RELAYS_MAX),
	TEXT("name", struct yaml_file, bus.name), TEXT("ca", struct yaml_file, bus.ca),
	TEXT("cert", struct yaml_file, bus.cert), TEXT("key", struct yaml_file, bus.key),
	TEXT("sign-file", struct yaml_file, bus.sign_file), CYAML_FIELD_END };

static const cyaml_schema_field_t file_fields[] = { { .key = "server",
							    .value = { .type = CYAML_MAPPING,
								    .flags = CYAML_FLAG_OPTIONAL,
								    .data_size = sizeof(struct yaml_file),
								    .mapping = { server_fields } } },
	{ .key = "state",
		.value = { .type = CYAML_MAPPING,
			.flags = CYAML_FLAG_OPTIONAL,
			.data_size = sizeof(struct yaml_file),
			.mapping = { state_fields } } },
	{ .key = "bus",
		.value = { .type = CYAML_MAPPING,
			.flags = CYAML_FLAG_OPTIONAL,
			.data_size = sizeof(struct yaml_file),
			.mapping = { bus_fields } } },
	{ .key = "relay",
		.value = { .type = CYAML_MAPPING,
			.flags = CYAML_FLAG_OPTIONAL,
			.data_size = sizeof(struct yaml_file),
			.mapping = { relay_fields } } },
	CYAML_FIELD_SEQUENCE_COUNT("caches", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct yaml_file, caches,
		ncaches, &cache_schema, 0, CONF_CACHES_MAX),
	THEIRS("zones"), THEIRS("geo"), THEIRS("latency"), THEIRS("health"), THEIRS("drills"), THEIRS("selection"),
	THEIRS("control"), THEIRS("http"), THEIRS("log"), CYAML_FIELD_END };

static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_POINTER, struct yaml_file, file_fields) };

/* ---- loading ---- */

/* cyaml's lines of one failure, shortened: "Load: Invalid value for … (line: 7, column: 3)". */
static void take_log(cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
	struct buf *log = arg;
	char line[256];

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof line, fmt, args);
	line[strcspn(line, "\n")] = '\0';
	buf_printf(log, "%s%s", log->len > 0 ? "; " : "", strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
}

static bool load(const char *path, const char *text, size_t len, const cyaml_config_t *config, struct yaml_file **file,
	struct buf *log, struct err *err)
{
	cyaml_err_t result =
		cyaml_load_data((const uint8_t *)text, len, config, &file_schema, (cyaml_data_t **)file, NULL);

	if (result == CYAML_OK)
		return true;
	return err_set(err, "%s: %s", path, log->len > 0 ? log->text : cyaml_strerror(result));
}

/* ---- meaning ---- */

size_t conf_region(const struct relay_conf *conf, const char *region)
{
	size_t i = 0;

	while (i < conf->nregions && strcmp(conf->regions[i], region) != 0)
		i++;
	return i;
}

size_t conf_relay(const struct relay_conf *conf, const char *name)
{
	size_t i = 0;

	while (i < conf->nrelays && strcmp(conf->relays[i].name, name) != 0)
		i++;
	return i;
}

/* ADDRESS@PORT */
bool conf_address(const char *text, struct addr *addr, uint16_t *port)
{
	const char *sign = strrchr(text, '@');
	char address[ADDR_TEXT_MAX];
	uint64_t number;

	if (sign == NULL || (size_t)(sign - text) >= sizeof address || !number_parse(sign + 1, 1, 65535, &number))
		return false;
	memcpy(address, text, (size_t)(sign - text));
	address[sign - text] = '\0';
	*port = (uint16_t)number;
	return addr_parse(address, addr);
}

struct reading {
	struct relay_conf *conf;
	const char *path, *name; /* of the file, of the cache */
	struct err *err;
};

static const char *text_of(const struct reading *r, const char *text)
{
	return text != NULL ? arena_strdup(r->conf->arena, text) : "";
}

/* Relative to the file that names it. */
static const char *path_of(const struct reading *r, const char *name)
{
	char *path = name != NULL ? file_beside(r->path, name) : mem_strdup("");
	const char *kept = arena_strdup(r->conf->arena, path);

	free(path);
	return kept;
}

static bool wrong(const struct reading *r, const char *key, const char *value, const char *right)
{
	return err_set(r->err, "%s: caches: %s: %s: %s: %s", r->path, r->name, key, value, right);
}

/* Texts that go into a protocol as they are. */
static bool is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0';
}

static bool is_prefix(const char *text)
{
	return text[strcspn(text, " \r\n\t'\"\\")] == '\0';
}

static bool read_secret(const struct reading *r, const char *file, const char **secret)
{
	char *path, *text = NULL;
	struct err why;
	size_t len;
	bool good;

	*secret = "";
	if (file == NULL)
		return true;
	path = file_beside(r->path, file);
	good = file_read(path, KEY_FILE_MAX, &text, &len, &why);
	if (good) {
		text[strcspn(text, "\r\n")] = '\0';
		*secret = arena_strdup(r->conf->arena, text);
	} else {
		err_set(r->err, "%s: caches: %s: key-file: %s", r->path, r->name, why.text);
	}
	free(text);
	free(path);
	return good;
}

static bool read_zones(const struct reading *r, const struct yaml_cache *from, struct cache_conf *cache)
{
	const char **zones = arena_alloc(r->conf->arena, (from->nzones + 1) * sizeof *zones);
	char name[CHECK_TEXT_MAX];
	struct err why;

	for (uint32_t i = 0; i < from->nzones; i++) {
		if (!check_name(from->zones[i], strlen(from->zones[i]), name, &why))
			return wrong(r, "zones", from->zones[i], why.text);
		zones[i] = arena_strdup(r->conf->arena, name);
	}
	cache->zones = zones;
	cache->nzones = from->nzones;
	return true;
}

static bool read_number(
	const struct reading *r, const char *key, const char *text, uint64_t max, uint32_t otherwise, uint32_t *number)
{
	uint64_t n = otherwise;

	if (text != NULL && !number_parse(text, 1, max, &n))
		return wrong(r, key, text, "not a whole number from 1 on");
	*number = (uint32_t)n;
	return true;
}

/* "off", "budget", or "batch(100,1s)". */
static bool read_stagger(const struct reading *r, const char *text, struct pacer_rule *rule)
{
	char apart[32];
	unsigned batch;
	uint64_t ms;
	int end = 0;

	rule->kind = PACER_BUDGET;
	if (text == NULL || strcmp(text, "budget") == 0)
		return true;
	if (strcmp(text, "off") == 0) {
		rule->kind = PACER_OFF;
		return true;
	}
	if (sscanf(text, "batch(%u,%31[0-9smh])%n", &batch, apart, &end) != 2 || text[end] != '\0' || end == 0 ||
		batch == 0 || !duration_parse(apart, &ms) || ms == 0 || ms > 3600000)
		return wrong(r, "stagger", text, "must be budget, off or batch(100,1s)");
	rule->kind = PACER_BATCH;
	rule->batch = batch;
	rule->apart_ms = (uint32_t)ms;
	return true;
}

static bool read_times(const struct reading *r, const struct yaml_cache *from, const struct adapter *adapter,
	struct cache_conf *cache, struct pacer_rule *rule)
{
	uint64_t ms = adapter->timeout_ms;
	uint32_t budget = 0;

	if (from->timeout != NULL && (!duration_parse(from->timeout, &ms) || ms < 10 || ms > 60000))
		return wrong(r, "timeout", from->timeout, "must be from 10ms to 1m");
	cache->timeout_ms = (uint32_t)ms;
	if (!read_number(r, "rate", from->rate, 1000000, adapter->most, &rule->most) ||
		!read_number(r, "budget", from->budget, 1000000, 1000, &budget))
		return false;
	rule->budget = (float)budget;
	return read_stagger(r, from->stagger, rule);
}

static bool is_address(const char *text)
{
	struct addr addr;
	uint16_t port;

	return conf_address(text, &addr, &port);
}

static bool read_verify(const struct reading *r, const struct cache_conf *cache)
{
	if (cache->verify[0] == '\0')
		return true;
	if (!is_address(cache->verify))
		return wrong(r, "verify", cache->verify, "must be ADDRESS@PORT, where the resolver answers");
	return is_address(cache->authority)
		       ? true
		       : wrong(r, "authority", cache->authority, "must be ADDRESS@PORT, where gslbd answers");
}

static bool is_right(const struct reading *r, const struct adapter *adapter, const struct cache_conf *cache)
{
	struct err why;
	void *opened = adapter->open(cache, &why);

	if (opened == NULL)
		return err_set(r->err, "%s: caches: %s: %s", r->path, cache->name, why.text);
	adapter->close(opened);
	return true;
}

static bool read_cache(
	struct reading *r, const struct yaml_cache *from, struct cache_conf *cache, struct pacer_rule *rule)
{
	const struct adapter *adapter = adapter_find(from->type);

	r->name = from->name;
	if (!check_label(from->name, strlen(from->name)))
		return wrong(r, "name", from->name, "must be 1 to 63 letters, digits, - and _");
	if (adapter == NULL)
		return err_set(r->err, "%s: caches: %s: type: %s: no such cache (try %s)", r->path, from->name,
			from->type, adapter_types());
	*cache = (struct cache_conf){
		.type = adapter->type,
		.name = text_of(r, from->name),
		.socket = text_of(r, from->socket),
		.url = text_of(r, from->url),
		.view = text_of(r, from->view),
		.method = text_of(r, from->method),
		.header = text_of(r, from->header),
		.pid_file = path_of(r, from->pid_file),
		.prefix = text_of(r, from->prefix),
		.verify = text_of(r, from->verify),
		.authority = text_of(r, from->authority),
	};
	if (!read_verify(r, cache))
		return false;
	if (!is_word(cache->view) || !is_word(cache->method) || !is_word(cache->header))
		return wrong(r, "view, method, header", "", "have letters, digits, - and _ only");
	if (!is_prefix(cache->prefix))
		return wrong(r, "prefix", cache->prefix, "has no spaces and quotes");
	if (from->flush_all != NULL && strcmp(from->flush_all, "yes") != 0 && strcmp(from->flush_all, "no") != 0)
		return wrong(r, "flush-all", from->flush_all, "neither yes nor no");
	cache->flush_all = from->flush_all != NULL && strcmp(from->flush_all, "yes") == 0;
	return read_secret(r, from->key_file, &cache->key) && read_zones(r, from, cache) &&
	       read_times(r, from, adapter, cache, rule) && is_right(r, adapter, cache);
}

static bool read_bus(struct reading *r, const struct yaml_file *file)
{
	struct relay_conf *conf = r->conf;
	const char **servers = arena_alloc(conf->arena, (file->bus.nservers + 1) * sizeof *servers);

	for (uint32_t i = 0; i < file->bus.nservers; i++)
		servers[i] = arena_strdup(conf->arena, file->bus.servers[i]);
	conf->servers = servers;
	conf->nservers = file->bus.nservers;
	conf->ca = path_of(r, file->bus.ca);
	conf->cert = path_of(r, file->bus.cert);
	conf->key = path_of(r, file->bus.key);
	if ((conf->cert[0] == '\0') != (conf->key[0] == '\0'))
		return err_set(r->err, "%s: bus.cert and bus.key: one without the other", r->path);
	return conf_bus_read(conf,
		&(struct conf_bus_text){ .path = r->path,
			.name = file->bus.name,
			.regions = file->bus.regions,
			.nregions = file->bus.nregions,
			.relays = file->bus.relays,
			.nrelays = file->bus.nrelays,
			.sign_file = file->bus.sign_file },
		r->err);
}

/* NAME TOKEN, or the token alone. */
static bool read_token(struct relay_conf *conf, char *line)
{
	const char *name = check_word(&line), *token = check_word(&line);

	if (token == NULL) {
		token = name;
		name = "http";
	}
	if (conf->ntokens == CONF_TOKENS_MAX || strlen(token) < 16 || !check_label(name, strlen(name)) ||
		check_word(&line) != NULL)
		return false;
	conf->tokens[conf->ntokens++] =
		(struct conf_token){ arena_strdup(conf->arena, name), arena_strdup(conf->arena, token) };
	return true;
}

static bool read_tokens(struct reading *r, const char *file)
{
	char *path = file_beside(r->path, file), *text = NULL, *line, *rest;
	unsigned number = 0;
	struct err why;
	size_t len;
	bool good = file_read(path, KEY_FILE_MAX, &text, &len, &why);

	if (!good)
		err_set(r->err, "%s: relay.token-file: %s", r->path, why.text);
	rest = text;
	while (good && (line = check_line(&rest, &number)) != NULL)
		if (!read_token(r->conf, line))
			good = err_set(r->err,
				"%s: relay.token-file: %s:%u: wants up to %d lines of NAME TOKEN, a token has 16 "
				"characters or more",
				r->path, path, number, CONF_TOKENS_MAX);
	free(text);
	free(path);
	return good;
}

static bool read_listen(struct reading *r, const struct yaml_file *file)
{
	struct relay_conf *conf = r->conf;

	if (file->relay.listen == NULL)
		return true;
	if (!conf_address(file->relay.listen, &conf->listen, &conf->listen_port))
		return err_set(r->err, "%s: relay.listen: %s: must be ADDRESS@PORT, such as 127.0.0.1@9154", r->path,
			file->relay.listen);
	if (file->relay.token_file == NULL)
		return err_set(r->err, "%s: relay.token-file: must be given with relay.listen", r->path);
	return read_tokens(r, file->relay.token_file);
}

static bool read_policy(struct reading *r, const char *file)
{
	char *path, *text = NULL;
	struct err why;
	size_t len;

	if (file == NULL)
		return true;
	path = file_beside(r->path, file);
	if (file_read(path, FILE_MAX_LEN, &text, &len, &why))
		r->conf->policy = policy_parse(path, text, len, r->conf->arena, &why);
	free(text);
	free(path);
	return r->conf->policy != NULL ? true : err_set(r->err, "%s: relay.policy-file: %s", r->path, why.text);
}

static bool read_keep(struct reading *r, const char *text)
{
	r->conf->keep_ms = KEEP_MS;
	if (text == NULL || (duration_parse(text, &r->conf->keep_ms) && r->conf->keep_ms >= 1000 &&
				    r->conf->keep_ms <= KEEP_MAX_MS))
		return true;
	return err_set(r->err, "%s: relay.keep: %s: must be from 1s to 720h (try 72h)", r->path, text);
}

/* Two hosts of one region must not have the same. */
static void read_node(struct relay_conf *conf, const char *identity)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (identity == NULL || identity[0] == '\0')
		gethostname(host, sizeof host - 1);
	state_label(identity != NULL && identity[0] != '\0' ? identity : host, conf->node);
}

static bool read_file(struct reading *r, const struct yaml_file *file)
{
	struct relay_conf *conf = r->conf;
	const char *region = file->server.region != NULL ? file->server.region : "local";

	if (!check_label(region, strlen(region)))
		return err_set(
			r->err, "%s: server.region: %s: must be 1 to 63 letters, digits, - and _", r->path, region);
	snprintf(conf->region, sizeof conf->region, "%s", region);
	conf->state_directory = file->state.directory != NULL ? file_beside(r->path, file->state.directory)
							      : mem_strdup("/var/lib/gslb");
	conf->socket = file->relay.socket != NULL ? file_beside(r->path, file->relay.socket)
						  : mem_strdup("/run/gslb/relay.sock");
	conf->group = text_of(r, file->relay.group);
	conf->gslbd_user = text_of(r, file->server.user);
	conf->probe_user = text_of(r, file->server.probe_user);
	for (uint32_t i = 0; i < file->relay.nlogs; i++)
		conf->logs[conf->nlogs++] = path_of(r, file->relay.logs[i]);
	read_node(conf, file->server.identity);
	if (!read_listen(r, file) || !read_policy(r, file->relay.policy_file) || !read_keep(r, file->relay.keep) ||
		!read_bus(r, file))
		return false;
	for (uint32_t i = 0; i < file->ncaches; i++) {
		if (!read_cache(r, &file->caches[i], &conf->cache[i], &conf->rule[i]))
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(conf->cache[k].name, conf->cache[i].name) == 0)
				return wrong(r, "name", conf->cache[i].name, "two caches have it");
		conf->ncaches++;
	}
	return true;
}

struct relay_conf *relay_conf_parse(const char *path, const char *text, size_t len, struct err *err)
{
	struct buf log = { 0 };
	const cyaml_config_t config = {
		.log_fn = take_log,
		.log_ctx = &log,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct relay_conf *conf = mem_alloc(sizeof *conf);
	struct reading r = { .conf = conf, .path = path, .err = err };
	struct yaml_file *file = NULL;
	bool good;

	conf->arena = arena_new();
	good = load(path, text, len, &config, &file, &log, err) && read_file(&r, file);
	cyaml_free(&config, &file_schema, file, 0);
	buf_fini(&log);
	if (good)
		return conf;
	relay_conf_free(conf);
	return NULL;
}

struct relay_conf *relay_conf_load(const char *path, struct err *err)
{
	struct relay_conf *conf;
	char *text;
	size_t len;

	if (!file_read(path, FILE_MAX_LEN, &text, &len, err))
		return NULL;
	conf = relay_conf_parse(path, text, len, err);
	free(text);
	return conf;
}

void relay_conf_free(struct relay_conf *conf)
{
	if (conf == NULL)
		return;
	free((char *)(uintptr_t)conf->state_directory);
	free((char *)(uintptr_t)conf->socket);
	arena_free(conf->arena);
	free(conf);
}
