/* What is in force, and how it is replaced: read aside, compile, publish, hand over to the prober, free the old after a
 * grace period. Whatever cannot be read leaves what was served in service. */
#include "gslb/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- publishing ---- */

static struct published *published_new(const struct daemon *daemon, struct snapshot *snapshot, _Atomic uint64_t *shares)
{
	struct published *published = mem_alloc(sizeof *published);

	published->snapshot = snapshot;
	published->overlay = overlay_new(daemon->overrides, snapshot);
	published->shares = shares;
	published->world = (struct world){ .snapshot = snapshot, .overlay = published->overlay, .shares = shares };
	published->world.slots = prober_slots(daemon->prober, &published->world.nslots);
	return published;
}

/* After workers_publish nobody reads the old one any more; what the new one shares stays. */
static void swap(struct daemon *daemon, struct published *next)
{
	struct published *before = daemon->published;

	if (before != NULL)
		workers_publish(daemon->workers, &next->world);
	daemon->published = next;
	override_expire(daemon->overrides, clock_wall_ms(), &daemon->override_next_ms);
	changes_look(daemon->changes, &next->world, clock_wall_ms());
	if (before == NULL)
		return;
	overlay_free(before->overlay);
	if (before->snapshot != next->snapshot) {
		snapshot_free(before->snapshot);
		free(before->shares);
	}
	free(before);
}

bool daemon_publish(struct daemon *daemon, struct zone_set *set, struct err *err)
{
	struct snapshot_inputs inputs = { 0 };
	struct snapshot *snapshot;
	_Atomic uint64_t *shares;

	prober_inputs(daemon->prober, &inputs);
	memcpy(inputs.seed, daemon->sticky_seed, sizeof inputs.seed);
	snapshot = snapshot_new(set, daemon->name_seed, daemon->geo, &inputs,
		daemon->published != NULL ? daemon->published->snapshot : NULL, err);
	if (snapshot == NULL)
		return false;
	snapshot->serial = ++daemon->serial;
	shares = mem_alloc(((size_t)daemon->conf->workers * snapshot->nservice_pools + 1) * sizeof *shares);
	swap(daemon, published_new(daemon, snapshot, shares));
	return prober_plan(daemon->prober, snapshot, daemon->conf->checks_directory, err);
}

void daemon_publish_overlay(struct daemon *daemon)
{
	swap(daemon, published_new(daemon, daemon->published->snapshot, daemon->published->shares));
}

/* ---- geography ---- */

static bool stamp_of(const char *path, struct file_stamp *stamp)
{
	struct stat st;

	stamp->path = hash_bytes(1, path, strlen(path));
	if (stat(path, &st) != 0)
		return false;
	stamp->modified_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	stamp->len = st.st_size;
	stamp->inode = st.st_ino;
	return true;
}

static bool same_stamps(const struct daemon *daemon, const struct file_stamp *stamps)
{
	return memcmp(stamps, daemon->geo_stamp, sizeof daemon->geo_stamp) == 0;
}

bool daemon_read_geo(struct daemon *daemon, bool *changed, struct err *err)
{
	struct file_stamp stamps[CONF_DATABASES_MAX] = { 0 };
	uint64_t before_ms = clock_monotonic_ms();
	struct geo *geo;

	*changed = false;
	for (size_t i = 0; i < daemon->conf->ndatabases; i++)
		stamp_of(daemon->conf->databases[i], &stamps[i]);
	if (daemon->geo != NULL && same_stamps(daemon, stamps)) /* what was refused and is as it was stays refused */
		return daemon->geo_alarm[0] == '\0' || err_set(err, "%s", daemon->geo_alarm);
	geo = geo_open((const char *const *)daemon->conf->databases, daemon->conf->ndatabases, err);
	memcpy(daemon->geo_stamp, stamps, sizeof stamps); /* a bad file is not read again until it changes */
	snprintf(daemon->geo_alarm, sizeof daemon->geo_alarm, "%s", geo != NULL ? "" : err->text);
	if (geo == NULL) {
		if (daemon->geo == NULL) /* at start: answering by list order beats not answering */
			daemon->geo = snapshot_geo_ref(geo_open(NULL, 0, NULL));
		return false;
	}
	if (daemon->geo != NULL)
		snapshot_geo_unref(daemon->geo);
	daemon->geo = snapshot_geo_ref(geo);
	*changed = true;
	log_notice("geo=loaded databases=%zu took_ms=%llu", daemon->conf->ndatabases,
		(unsigned long long)(clock_monotonic_ms() - before_ms));
	return true;
}

/* ---- cookies and the limit ---- */

static bool read_secrets(const struct conf *conf, struct cookie_secrets *secrets, struct err *err)
{
	char *own;
	bool good;

	if (conf->cookies.n > 0) {
		*secrets = conf->cookies;
		return true;
	}
	own = mem_printf("%s/cookie.key", conf->state_directory);
	good = cookie_secrets_keep(secrets, own, err);
	free(own);
	return good;
}

static struct rrl *make_limit(const struct conf *conf)
{
	struct dice dice = dice_from_kernel();

	return conf->rrl_rate > 0 ? rrl_new(conf->rrl_rate, conf->rrl_burst, RRL_TABLE_LEN, &dice) : NULL;
}

bool daemon_guard(struct daemon *daemon, const struct conf *conf, const struct conf *before, struct err *err)
{
	bool same_limit = before != NULL && before->rrl_rate == conf->rrl_rate && before->rrl_burst == conf->rrl_burst;
	struct guard *next = mem_alloc(sizeof *next), *last = daemon->guard;
	bool good = read_secrets(conf, &next->secrets, err);

	if (!good && last == NULL) {
		free(next);
		return false;
	}
	if (!good)
		next->secrets = last->secrets;
	if (last != NULL && same_limit && cookie_secrets_equal(&last->secrets, &next->secrets)) {
		free(next);
		return good;
	}
	next->rrl = same_limit ? last->rrl : make_limit(conf);
	workers_guard(daemon->workers, next);
	daemon->guard = next;
	log_notice("guard=loaded cookie_secrets=%u rrl_rate=%u rrl_burst=%u", next->secrets.n, conf->rrl_rate,
		conf->rrl_burst);
	if (last != NULL && !same_limit)
		rrl_free(last->rrl);
	free(last);
	return good;
}

/* ---- reloading ---- */

static void log_report(struct report *report)
{
	char line[1400];

	report_sort(report);
	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], line, sizeof line);
		log_at(report->lines[i].kind == REPORT_MISTAKE ? LOG_ERROR : LOG_WARNING, "%s", line);
	}
}

void daemon_limits(struct daemon *daemon, const struct conf *conf)
{
	uint32_t most = workers_limits(daemon->workers, conf);

	if (most < conf->tcp_clients)
		log_warning("tcp_clients=%u asked_for=%u reason=\"open files are limited (ulimit -n, LimitNOFILE=)\"",
			most, conf->tcp_clients);
}

/* Take up what a reload may change; say what waits for a restart. */
static void take_conf(struct daemon *daemon, struct conf *next)
{
	struct err err;
	char waits[256];

	if (conf_needs_restart(daemon->conf, next, waits, sizeof waits))
		log_warning("configuration=%s state=partly-loaded reason=\"%s: taken up at the next restart\"",
			daemon->conf_file, waits);
	if (strcmp(daemon->conf->zones_directory, next->zones_directory) != 0)
		loader_move(daemon->loader, next->zones_directory);
	daemon_limits(daemon, next);
	if (!daemon_guard(daemon, next, daemon->conf, &err))
		log_error("cookies=refused reason=\"%s\"", err.text);
	log_setup("gslbd", next->log_level);
	if (next->seed_file[0] != '\0')
		memcpy(daemon->sticky_seed, next->seed, sizeof daemon->sticky_seed);
	/* what is bound, counted and named at start stays as it is */
	next->workers = daemon->conf->workers;
	conf_free(daemon->conf);
	daemon->conf = next;
}

static bool reload_conf(struct daemon *daemon, json_t *result)
{
	struct report report = { 0 };
	struct conf *next = conf_load(daemon->conf_file, &report);
	json_t *mistakes = json_array();
	char line[1400];

	log_report(&report);
	for (size_t i = 0; i < report.nlines; i++) {
		report_format(&report.lines[i], line, sizeof line);
		json_array_append_new(mistakes, json_string(line));
	}
	report_fini(&report);
	json_object_set_new(result, "configuration",
		json_pack("{s:s,s:o}", "state", next != NULL ? "loaded" : "refused", "mistakes", mistakes));
	if (next != NULL)
		take_conf(daemon, next);
	return next != NULL;
}

/* Snapshots are compiled anew when zones, databases or the seed changed. */
static bool reload_zones(struct daemon *daemon, enum loader_mode mode, bool geo_changed, struct err *err)
{
	const struct loaded_zone *const *zones;
	struct zone_set *set;
	bool changed, all_good = true;
	size_t n;

	set = loader_load(daemon->loader, mode, clock_wall_ms(), &changed, err);
	if (set == NULL)
		return false;
	if (changed || geo_changed || daemon->published == NULL ||
		memcmp(daemon->published->snapshot->seed, daemon->sticky_seed, sizeof daemon->sticky_seed) != 0) {
		if (!daemon_publish(daemon, set, err))
			return false;
	} else {
		zone_set_free(set);
	}
	n = loader_zones(daemon->loader, &zones);
	for (size_t i = 0; i < n; i++)
		if (zones[i]->standing != ZONE_LOADED) {
			all_good = false;
			err_set(err, "%s: %zu mistake%s, an older state stays in service", zones[i]->file,
				zones[i]->mistakes.nmistakes, zones[i]->mistakes.nmistakes == 1 ? "" : "s");
		}
	return all_good;
}

static void note_result(struct daemon *daemon, const char *text, uint64_t took_ms)
{
	daemon->reloads++;
	daemon->last_reload_ms = clock_wall_ms();
	snprintf(daemon->last_reload, sizeof daemon->last_reload, "%s", text);
	log_notice("reload=done serial=%llu took_ms=%llu result=\"%s\"", (unsigned long long)daemon->serial,
		(unsigned long long)took_ms, text);
}

json_t *daemon_reload(struct daemon *daemon, int *exit)
{
	uint64_t before_ms = clock_monotonic_ms();
	json_t *result = json_object();
	struct err err = { 0 };
	bool good, geo_changed, geo_good;

	good = reload_conf(daemon, result);
	if (!good)
		err_set(&err, "%s: has mistakes, the configuration stays as it was", daemon->conf_file);
	geo_good = daemon_read_geo(daemon, &geo_changed, &err);
	if (!geo_good)
		log_error("geo=refused reason=\"%s\"", err.text);
	json_object_set_new(result, "geo",
		json_pack("{s:s,s:s}", "state",
			!geo_good     ? "refused"
			: geo_changed ? "loaded"
				      : "unchanged",
			"error", geo_good ? "" : err.text));
	good = geo_good && good;
	good = reload_zones(daemon, LOADER_RELOAD, geo_changed, &err) && good;
	if (!good && err.text[0] == '\0')
		err_set(&err, "in part: see the mistakes");
	json_object_set_new(result, "zones", document_zones(daemon));
	json_object_set_new(result, "serial", json_integer((json_int_t)daemon->serial));
	json_object_set_new(result, "took_ms", json_integer((json_int_t)(clock_monotonic_ms() - before_ms)));
	json_object_set_new(result, "result", json_string(good ? "all loaded" : err.text));
	note_result(daemon, good ? "all loaded" : err.text, clock_monotonic_ms() - before_ms);
	*exit = good ? 0 : 3;
	return result;
}

void daemon_watch(struct daemon *daemon)
{
	struct err err = { 0 };
	char before[sizeof daemon->geo_alarm];
	bool changed;

	memcpy(before, daemon->geo_alarm, sizeof before);
	if (!daemon_read_geo(daemon, &changed, &err) && strcmp(before, daemon->geo_alarm) != 0)
		log_error("geo=refused reason=\"%s\"", err.text);
	if (!reload_zones(daemon, LOADER_WATCH, changed, &err))
		log_error("zones=refused reason=\"%s\"", err.text);
}

void daemon_names(struct daemon *daemon)
{
	struct zone_set *set = loader_relink(daemon->loader);
	struct err err = { 0 };

	if (!daemon_publish(daemon, set, &err))
		log_error("snapshot=refused reason=\"%s\"", err.text);
}
