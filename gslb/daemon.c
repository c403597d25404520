/* What is in force, and how it is replaced: the builder reads and compiles aside; what came of it is published here, with the
 * overrides and verdicts of that moment, handed over to the prober, and the old one given back after a grace period. Whatever
 * cannot be read leaves what was served in service. */
#include "gslb/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/fleet.h"

enum { AUDIENCE_KEEP_MS = 300000 };

/* ---- publishing ---- */

static struct published *published_new(const struct daemon *daemon, struct stock *stock)
{
	struct published *published = mem_alloc(sizeof *published);

	stock->nholders++;
	published->nholders = 1;
	published->stock = stock;
	published->snapshot = stock->snapshot;
	published->ledger = stock->ledger;
	published->overlay = overlay_new(daemon->overrides, stock->snapshot);
	published->split = capacity_split(daemon->capacity);
	published->world = (struct world){
		.snapshot = stock->snapshot,
		.overlay = published->overlay,
		.split = published->split,
		.ledger = stock->ledger,
		.reasons = stock->tallies->reasons,
	};
	published->world.slots = prober_slots(daemon->prober, &published->world.nslots);
	published->world.board = prober_board(daemon->prober);
	return published;
}

/* No worker writes in the one before any more. */
static void carry_ledger(struct daemon *daemon, struct ledger *before, struct ledger *next)
{
	struct ledger_map *map = ledger_carry(next, before);

	recent_take(daemon->recent, before, clock_wall_ms());
	recent_carry(daemon->recent, map);
	ledger_map_free(map);
}

struct published *daemon_hold(struct daemon *daemon)
{
	daemon->published->nholders++;
	return daemon->published;
}

void daemon_let_go(struct daemon *daemon, struct published *published)
{
	struct stock *stock = published->stock;

	if (--published->nholders > 0)
		return;
	overlay_free(published->overlay);
	split_free(published->split);
	free(published);
	if (--stock->nholders > 0)
		return;
	if (daemon->builder != NULL)
		builder_drop(daemon->builder, stock->snapshot, NULL);
	else /* at the end of all */
		snapshot_free(stock->snapshot);
	tallies_free(stock->tallies);
	ledger_free(stock->ledger);
	free(stock);
}

/* After workers_publish nobody counts in the old one any more. */
static void swap(struct daemon *daemon, struct published *next)
{
	struct published *before = daemon->published;

	if (before != NULL)
		workers_publish(daemon->workers, &next->world);
	daemon->published = next;
	override_expire(daemon->overrides, clock_wall_ms(), &daemon->override_next_ms);
	changes_look(daemon->changes, &next->world, clock_wall_ms());
	if (before != NULL && before->snapshot != next->snapshot)
		carry_ledger(daemon, before->ledger, next->ledger);
	drain_marks_look(daemon->marks, daemon->overrides, next->ledger, clock_wall_ms(), &daemon->marks_next_ms);
	if (before == NULL)
		return;
	if (before->stock != next->stock)
		tallies_inherit(next->stock->tallies, next->snapshot, before->stock->tallies, before->snapshot);
	daemon_let_go(daemon, before);
}

static void hand_anchors(const struct daemon *daemon)
{
	struct health_anchor anchors[CONF_ANCHORS_MAX];

	for (size_t i = 0; i < daemon->conf->nanchors; i++)
		anchors[i] = (struct health_anchor){ daemon->conf->anchors[i].addr, daemon->conf->anchors[i].port };
	prober_set_anchors(daemon->prober, anchors, daemon->conf->nanchors);
}

/* The regions of the fleet, which all hosts name alike. */
static void hand_fleet(const struct daemon *daemon)
{
	const struct conf *conf = daemon->conf;

	prober_set_fleet(daemon->prober, &(struct health_fleet){
						 .relay_socket = conf->relay_socket,
						 .region = conf_region(conf),
						 .regions = (const char *const *)conf->regions,
						 .nregions = conf->relay_socket[0] != '\0' ? conf->nregions : 0,
					 });
}

static bool hand_plan(struct daemon *daemon, const struct snapshot *snapshot, struct err *err)
{
	size_t ngauges;
	struct health_gauge *gauges;
	bool good;

	hand_anchors(daemon);
	hand_fleet(daemon);
	loads_begin(daemon->loads, snapshot, clock_wall_ms());
	gauges = loads_gauges(daemon->loads, &ngauges);
	prober_set_gauges(daemon->prober, gauges, ngauges);
	good = prober_plan(daemon->prober, snapshot, daemon->conf->checks_directory, err);
	free(gauges);
	return good;
}

static bool publish(struct daemon *daemon, struct snapshot *snapshot, struct ledger *ledger, struct err *err)
{
	struct stock *stock = mem_alloc(sizeof *stock);

	if (daemon->published == NULL)
		ledger_assume(ledger, (uint32_t)(clock_wall_ms() / 1000));
	recent_begin(daemon->recent, ledger);
	snapshot->serial = ++daemon->serial;
	stock->snapshot = snapshot;
	stock->ledger = ledger;
	stock->tallies = tallies_new(snapshot, daemon->conf->workers);
	capacity_begin(daemon->capacity, snapshot);
	if (daemon->published != NULL && daemon->herald != NULL)
		hits_leave(&daemon->hits, daemon->published->ledger, daemon->herald);
	swap(daemon, published_new(daemon, stock));
	return hand_plan(daemon, snapshot, err);
}

void daemon_publish_overlay(struct daemon *daemon)
{
	fleet_changed(daemon->fleet);
	swap(daemon, published_new(daemon, daemon->published->stock));
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

/* Other folders or files are to be watched: what changed in them before that begins is looked for once more. */
static bool reads_elsewhere(const struct conf *now, const struct conf *next)
{
	bool same = now->ndatabases == next->ndatabases && strcmp(now->zones_directory, next->zones_directory) == 0;

	for (size_t i = 0; same && i < now->ndatabases; i++)
		same = strcmp(now->databases[i], next->databases[i]) == 0;
	return !same;
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
	conf_keep(daemon->conf, next);
	if (next->zones_watch && reads_elsewhere(daemon->conf, next))
		daemon->watch_wanted = true;
	daemon_limits(daemon, next);
	if (!daemon_guard(daemon, next, daemon->conf, &err))
		log_error("cookies=refused reason=\"%s\"", err.text);
	log_setup("gslbd", next->log_level);
	conf_free(daemon->conf);
	daemon->conf = next;
}

static json_t *conf_json(const struct build *build)
{
	json_t *mistakes = json_array();
	char line[1400];

	for (size_t i = 0; i < build->conf_report.nlines; i++) {
		report_format(&build->conf_report.lines[i], line, sizeof line);
		json_array_append_new(mistakes, json_string(line));
	}
	return json_pack("{s:s,s:o}", "state", build->conf != NULL ? "loaded" : "refused", "mistakes", mistakes);
}

static const char *geo_name(enum build_geo geo)
{
	switch (geo) {
	case BUILD_GEO_UNCHANGED:
		return "unchanged";
	case BUILD_GEO_LOADED:
		return "loaded";
	case BUILD_GEO_REFUSED:
		return "refused";
	}
	abort();
}

static void note_result(struct daemon *daemon, const char *text, uint64_t took_ms)
{
	daemon->reloads++;
	daemon->last_reload_ms = clock_wall_ms();
	snprintf(daemon->last_reload, sizeof daemon->last_reload, "%s", text);
	log_notice("reload=done serial=%llu took_ms=%llu result=\"%s\"", (unsigned long long)daemon->serial,
		(unsigned long long)took_ms, text);
}

static json_t *reload_json(struct daemon *daemon, const struct build *build, json_t *conf)
{
	uint64_t took_ms = clock_monotonic_ms() - build->begun_ms;
	const char *text = build->good ? "all loaded" : build->err.text;

	if (text[0] == '\0')
		text = "in part: see the mistakes";
	note_result(daemon, text, took_ms);
	return json_pack("{s:o,s:{s:s,s:s},s:o,s:I,s:I,s:s}", "configuration", conf, "geo", "state",
		geo_name(build->geo), "error", build->geo == BUILD_GEO_REFUSED ? build->geo_alarm : "", "zones",
		document_zones(daemon), "serial", (json_int_t)daemon->serial, "took_ms", (json_int_t)took_ms, "result",
		text);
}

static void put_in_force(struct daemon *daemon, struct build *build)
{
	memcpy(daemon->sticky_seed, build->seed, sizeof daemon->sticky_seed);
	if (build->kind != BUILD_NAMES && build->kind != BUILD_LATENCY)
		memcpy(daemon->geo_alarm, build->geo_alarm, sizeof daemon->geo_alarm);
	if (build->zones != NULL) {
		builder_drop(daemon->builder, NULL, daemon->zones);
		daemon->zones = build->zones;
	}
	if (build->snapshot != NULL) {
		build->good = publish(daemon, build->snapshot, build->ledger, &build->err) && build->good;
		build->ledger = NULL;
	} else if (build->conf != NULL) { /* probers have something of it, too */
		build->good = hand_plan(daemon, daemon->published->snapshot, &build->err) && build->good;
	}
}

static struct build_order order_of(const struct daemon *daemon, enum build_kind kind)
{
	struct build_order order = { .kind = kind, .names = daemon->names_wanted, .conf = daemon->conf };

	if (daemon->published != NULL)
		order.before = daemon->published->snapshot;
	memcpy(order.seed, daemon->sticky_seed, sizeof order.seed);
	return order;
}

bool daemon_load(struct daemon *daemon, struct err *err)
{
	struct build_order order = order_of(daemon, BUILD_START);
	struct build *build;
	bool whole;

	build = builder_run(daemon->builder, &order);
	whole = build->snapshot != NULL;
	put_in_force(daemon, build);
	if (!whole)
		err_set(err, "%s", build->err.text);
	build_free(build);
	return whole;
}

/* A name that resolves anew from here on is for the build after this one. */
void daemon_begin(struct daemon *daemon, enum build_kind kind)
{
	struct build_order order = order_of(daemon, kind);

	if (kind == BUILD_LATENCY && clock_monotonic_ms() >= daemon->audience_next_ms) {
		order.audience = audience_copy(daemon->audience);
		daemon->audience_next_ms = clock_monotonic_ms() + AUDIENCE_KEEP_MS;
	}
	daemon->names_wanted = false;
	daemon->build_began_ms = clock_monotonic_ms();
	builder_begin(daemon->builder, &order);
}

json_t *daemon_finish(struct daemon *daemon, struct build *build, int *exit)
{
	json_t *conf = build->kind == BUILD_RELOAD ? conf_json(build) : NULL, *result = NULL;

	if (build->conf != NULL)
		take_conf(daemon, build->conf);
	put_in_force(daemon, build);
	if (daemon->herald != NULL)
		edits_tell(build->edits, daemon->herald, daemon->published->snapshot->serial);
	*exit = build->good ? 0 : 3;
	switch (build->kind) {
	case BUILD_RELOAD:
		result = reload_json(daemon, build, conf);
		break;
	case BUILD_START:
	case BUILD_WATCH:
		if (!build->good)
			log_error("zones=refused reason=\"%s\"", build->err.text);
		break;
	case BUILD_NAMES:
	case BUILD_ASIDE: /* planner.h */
	case BUILD_LATENCY:
		if (!build->good)
			log_error("snapshot=refused reason=\"%s\"", build->err.text);
		break;
	}
	build_free(build);
	return result;
}
