/* The keys are one table: it makes the shape that conf_yaml.c demands, the defaults, the checks and the list of what waits
 * for a restart. A default is read by the same function as a value in the file. */
#include "gslb/conf.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/conf_value.h"
#include "gslb/explore.h"
#include "gslb/rrl.h"

enum { FILE_MAX = 1 << 20 };

#define AT(member) offsetof(struct conf, member)
/* A change waits for a restart: of a field, of fields that lie beside each other. */
#define WAITS(member) WAIT(member, member)
#define WAIT(first, last) .offset = AT(first), .waits = AT(last) + sizeof(((struct conf *)0)->last) - AT(first)

static const struct conf_row rows[] = {
	{ "server.listen", &conf_listens, WAIT(listen, nlisten), .required = true },
	{ "server.workers", &conf_number, WAITS(workers), .min = 0, .max = 256, .fallback = "0" },
	{ "server.identity", &conf_identity, WAITS(identity), .max = 128 },
	{ "server.region", &conf_label, AT(region), .max = 63 },
	{ "server.user", &conf_user, WAITS(user) },
	{ "server.probe-user", &conf_user, WAITS(probe_user) },
	{ "server.limits.tcp-clients", &conf_number, AT(tcp_clients), .min = 1, .max = 1000000, .fallback = "10000" },
	{ "server.limits.tcp-per-prefix", &conf_number, AT(tcp_per_prefix), .min = 0, .max = 1000000, .fallback = "0" },
	{ "server.limits.tcp-idle", &conf_duration, AT(tcp_idle_ms), .min = 100, .max = 3600000, .fallback = "10s" },
	{ "server.rrl.rate", &conf_number, AT(rrl_rate), .min = 0, .max = RRL_RATE_MAX, .fallback = "200" },
	{ "server.rrl.burst", &conf_number, AT(rrl_burst), .min = 1, .max = RRL_BURST_MAX, .fallback = "500" },
	{ "server.cookies.secret-file", &conf_cookies, AT(cookie_file), .required = false },
	{ "zones.directory", &conf_folder, AT(zones_directory), .required = true },
	{ "zones.watch", &conf_yes_no, AT(zones_watch), .fallback = "yes" },
	{ "geo.databases", &conf_databases, .required = false },
	{ "latency.interval", &conf_duration, AT(latency_interval_ms), .min = 1000, .max = 86400000,
		.fallback = "10m" },
	{ "latency.explore", &conf_share, AT(latency_explore), .max = EXPLORE_MOST, .fallback = "no" },
	{ "latency.sampling", &conf_yes_no, AT(latency_sampling), .fallback = "no" },
	{ "health.checks-directory", &conf_folder, AT(checks_directory), .required = false },
	{ "health.anchors", &conf_anchors, .required = false },
	{ "health.push-token-file", &conf_secret, AT(push_token), .required = false },
	{ "drills.directory", &conf_folder, AT(drills_directory), .required = false },
	{ "selection.seed-file", &conf_seed, AT(seed_file), .required = false },
	{ "state.directory", &conf_folder_made, WAITS(state_directory), .fallback = "/var/lib/gslb" },
	{ "control.socket", &conf_socket, WAITS(control_socket), .fallback = "/run/gslb/control.sock" },
	{ "control.group", &conf_group, WAITS(control_group) },
	{ "control.read-only-group", &conf_group, WAITS(readonly_group) },
	{ "http.token-file", &conf_secret, AT(http_token), .required = false }, /* before listen, which looks for it */
	{ "http.listen", &conf_http, WAIT(http, http_given), .fallback = "127.0.0.1@9153" },
	{ "http.endpoint-metrics", &conf_yes_no, AT(endpoint_metrics), .fallback = "yes" },
	{ "relay.socket", &conf_relay, WAITS(relay_socket) },
	{ "bus.regions", &conf_regions, WAIT(regions, nregions), .required = false },
	{ "log.level", &conf_level, AT(log_level), .fallback = "info" },
};

/* gslb-relay reads these, from the same file; of what stands there gslbd knows the keys above. */
static const char *const foreign[] = { "bus", "caches", "relay" };

enum { NROWS = COUNT_OF(rows) };
_Static_assert(COUNT_OF(rows) <= CONF_KEYS_MAX, "struct conf keeps each row's text");

const char *conf_key(size_t number)
{
	return number < NROWS ? rows[number].path : NULL;
}

struct pass {
	struct conf *conf;
	const char *name; /* the file as the operator typed it */
	struct report *report;
};

static void read_text(const struct pass *pass, const struct conf_row *row, const struct conf_yaml_item *item)
{
	struct conf_reading reading = { .conf = pass->conf, .row = row, .text = item->text, .line = item->line };

	if (!row->kind->read(&reading))
		report_add_at(pass->report, REPORT_MISTAKE, pass->name, item->line, item->column, "%s: %s: %s",
			row->path, item->text, reading.err.text);
}

/* A default that fails on this machine is a mistake of the file as a whole: it can be given another value there. */
static void read_fallback(const struct pass *pass, const struct conf_row *row)
{
	struct conf_yaml_item item = { .text = mem_strdup(row->fallback != NULL ? row->fallback : "") };

	if (row->required)
		report_add(pass->report, REPORT_MISTAKE, pass->name, 0, "%s: missing (it has no default)", row->path);
	else if (!row->kind->list)
		read_text(pass, row, &item);
	free(item.text);
}

static char *join_texts(const struct conf_yaml_value *value, const struct conf_row *row)
{
	struct buf joined = { 0 };

	if (value->nitems == 0)
		return mem_strdup(row->fallback != NULL ? row->fallback : "");
	for (size_t i = 0; i < value->nitems; i++)
		buf_printf(&joined, "%s%s", i > 0 ? ", " : "", value->items[i].text);
	return joined.text;
}

static void read_rows(const struct pass *pass, const struct conf_yaml_value *values)
{
	for (size_t i = 0; i < NROWS; i++) {
		for (size_t k = 0; k < values[i].nitems; k++)
			read_text(pass, &rows[i], &values[i].items[k]);
		if (values[i].nitems == 0)
			read_fallback(pass, &rows[i]);
		pass->conf->written[i] = join_texts(&values[i], &rows[i]);
	}
}

bool conf_measures(const struct conf *conf)
{
	return conf->nregions > 1 || (conf->region != NULL && conf->region[0] != '\0');
}

const char *conf_region(const struct conf *conf)
{
	return conf->region == NULL || conf->region[0] == '\0' ? "local" : conf->region;
}

static void check_fleet(const struct pass *pass)
{
	const struct conf *conf = pass->conf;

	for (size_t i = 0; i < conf->nregions; i++)
		if (strcmp(conf->regions[i], conf_region(conf)) == 0)
			return;
	if (conf->nregions > 0)
		report_add(pass->report, REPORT_MISTAKE, pass->name, 0,
			"bus.regions: server.region %s is not among them (name all regions of the fleet, with this "
			"one, "
			"alike in each host's file)",
			conf_region(conf));
}

/* What a default takes from the machine. */
static void complete(struct conf *conf)
{
	char host[HOST_NAME_MAX + 1] = "";
	cpu_set_t cores;

	if (conf->workers == 0) /* the cores this process may use: a container has fewer than the machine */
		conf->workers = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (uint32_t)CPU_COUNT(&cores) : 1;
	if (*conf->identity == '\0' && gethostname(host, sizeof host - 1) == 0) {
		free(conf->identity);
		conf->identity = mem_strdup(host);
	}
	if (*conf->probe_user == '\0') {
		free(conf->probe_user);
		conf->probe_user = mem_strdup(conf->user);
	}
}

static void read_all(const struct pass *pass, const struct conf_yaml_value *values)
{
	read_rows(pass, values);
	check_fleet(pass);
}

/* The file's absolute path: the daemon may leave the folder it was started in. */
static char *absolute(const char *path)
{
	char folder[PATH_MAX];

	if (path[0] == '/' || getcwd(folder, sizeof folder) == NULL)
		return mem_strdup(path);
	return mem_printf("%s/%s", folder, path);
}

struct conf *conf_parse(const char *path, const char *text, size_t len, struct report *report)
{
	struct conf_yaml_value values[NROWS];
	struct conf_yaml_key keys[NROWS];
	struct conf *conf = mem_alloc(sizeof *conf);
	struct report found = { 0 };
	bool good;

	conf->file = absolute(path);
	for (size_t i = 0; i < NROWS; i++)
		keys[i] = (struct conf_yaml_key){ .path = rows[i].path, .list = rows[i].kind->list };
	if (conf_yaml_read(path, text, len, keys, NROWS, foreign, COUNT_OF(foreign), values, &found))
		read_all(&(struct pass){ conf, path, &found }, values);
	conf_yaml_free(values, NROWS);
	good = found.nmistakes == 0;
	report_sort(&found);
	report_move(report, &found);
	if (!good) {
		conf_free(conf);
		return NULL;
	}
	complete(conf);
	return conf;
}

struct conf *conf_load(const char *path, struct report *report)
{
	struct conf *conf;
	struct err err;
	char *text;
	size_t len;

	if (!file_read(path, FILE_MAX, &text, &len, &err)) {
		report_add(report, REPORT_MISTAKE, path, 0, "%s", conf_reason(&err, path));
		return NULL;
	}
	conf = conf_parse(path, text, len, report);
	free(text);
	return conf;
}

static void conf_token_fini(struct conf_token *token)
{
	free(token->file);
	free(token->text);
}

void conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	free(conf->file);
	free(conf->identity);
	free(conf->region);
	free(conf->user);
	free(conf->probe_user);
	free(conf->cookie_file);
	free(conf->zones_directory);
	for (size_t i = 0; i < conf->ndatabases; i++)
		free(conf->databases[i]);
	for (size_t i = 0; i < conf->nregions; i++)
		free(conf->regions[i]);
	free(conf->checks_directory);
	free(conf->drills_directory);
	free(conf->seed_file);
	free(conf->state_directory);
	free(conf->control_socket);
	free(conf->control_group);
	free(conf->readonly_group);
	free(conf->relay_socket);
	conf_token_fini(&conf->push_token);
	conf_token_fini(&conf->http_token);
	for (size_t i = 0; i < NROWS; i++)
		free(conf->written[i]);
	free(conf);
}

/* How many bytes of a row wait. The regions of a fleet are named alike by all hosts, and this one is among them: they change together. */
static size_t waits(bool fleet, const struct conf_row *row)
{
	return fleet && row->offset == AT(region) ? sizeof(char *) : row->waits;
}

bool conf_needs_restart(const struct conf *now, const struct conf *next, char *text, size_t cap)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < NROWS; i++) {
		if (waits(now->nregions > 0, &rows[i]) == 0 || strcmp(now->written[i], next->written[i]) == 0)
			continue;
		len += (size_t)snprintf(
			text + len, len < cap ? cap - len : 0, "%s%s", len > 0 ? ", " : "", rows[i].path);
		if (len >= cap)
			break;
	}
	return len > 0;
}

static void swap(void *a, void *b, size_t size)
{
	void *held = mem_dup(a, size);

	memcpy(a, b, size);
	memcpy(b, held, size);
	free(held);
}

void conf_keep(struct conf *now, struct conf *next)
{
	bool fleet = now->nregions > 0;

	for (size_t i = 0; i < NROWS; i++) {
		size_t size = waits(fleet, &rows[i]);

		if (size == 0)
			continue;
		swap(&now->written[i], &next->written[i], sizeof(char *));
		swap((char *)now + rows[i].offset, (char *)next + rows[i].offset, size);
	}
}
