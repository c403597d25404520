/* Last good copies are kept when nothing else waits: printing and syncing them takes as long as reading the zones did. The thread
 * yields to the workers: its nice value is above theirs, and threads that it starts inherit that. An order and its
 * build change hands under the lock, which also makes what the main thread did to the configuration meanwhile seen here. */
#include "gslb/builder.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gslb/latency_peers.h"

enum { NICE = 10 };

/* A database file as it was when it was read. */
struct file_stamp {
	int64_t modified_ns, len;
	uint64_t inode, path; /* path: its hash */
};

/* Waits to be freed. */
struct dropped {
	struct snapshot *snapshot;
	struct zones_view *zones;
	struct dropped *next;
};

struct builder {
	/* the main thread's */
	pthread_t thread;
	bool started, busy;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct build_order order;
	bool ordered, stop, ended;
	struct build *done;
	struct dropped *dropped;
	int fd;
	/* the thread's */
	char *conf_file;
	uint64_t name_seed;
	struct snapshot_inputs inputs;
	struct loader *loader;
	struct geo *geo; /* counted: snapshot_geo_ref */
	struct file_stamp geo_stamp[CONF_DATABASES_MAX];
	char geo_alarm[1024];
	char *latency_file; /* where inputs.meter is kept; NULL: nowhere */
	char *clients_file; /* where the audience is kept */
	char *peers_folder; /* what other hosts measured */
	struct latency_peers peers;
	bool owing; /* what was loaded last could not be compiled: try again with the next build */
};

/* ---- geography ---- */

static void stamp_of(const char *path, struct file_stamp *stamp)
{
	struct stat st;

	stamp->path = hash_bytes(1, path, strlen(path));
	if (stat(path, &st) != 0)
		return;
	stamp->modified_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	stamp->len = st.st_size;
	stamp->inode = st.st_ino;
}

static enum build_geo read_geo(struct builder *builder, const struct conf *conf, struct err *err)
{
	struct file_stamp stamps[CONF_DATABASES_MAX] = { 0 };
	uint64_t before_ms = clock_monotonic_ms();
	struct geo *geo;

	for (size_t i = 0; i < conf->ndatabases; i++)
		stamp_of(conf->databases[i], &stamps[i]);
	if (builder->geo != NULL && memcmp(stamps, builder->geo_stamp, sizeof stamps) == 0) {
		if (builder->geo_alarm[0] == '\0')
			return BUILD_GEO_UNCHANGED;
		err_set(err, "%s", builder->geo_alarm); /* what was refused and is as it was stays refused */
		return BUILD_GEO_REFUSED;
	}
	geo = geo_open((const char *const *)conf->databases, conf->ndatabases, err);
	memcpy(builder->geo_stamp, stamps, sizeof stamps); /* a bad file is not read again until it changes */
	snprintf(builder->geo_alarm, sizeof builder->geo_alarm, "%s", geo != NULL ? "" : err->text);
	if (geo == NULL) {
		if (builder->geo == NULL) /* at start: answering by list order beats not answering */
			builder->geo = snapshot_geo_ref(geo_open(NULL, 0, NULL));
		return BUILD_GEO_REFUSED;
	}
	snapshot_geo_unref(builder->geo);
	builder->geo = snapshot_geo_ref(geo);
	log_notice("geo=loaded databases=%zu took_ms=%llu", conf->ndatabases,
		(unsigned long long)(clock_monotonic_ms() - before_ms));
	return BUILD_GEO_LOADED;
}

/* A refusal is said when it is news, or when somebody asked. */
static bool take_geo(struct builder *builder, struct build *build, const struct conf *conf)
{
	char before[sizeof builder->geo_alarm];

	memcpy(before, builder->geo_alarm, sizeof before);
	build->geo = read_geo(builder, conf, &build->err);
	memcpy(build->geo_alarm, builder->geo_alarm, sizeof build->geo_alarm);
	if (build->geo != BUILD_GEO_REFUSED)
		return true;
	if (build->kind != BUILD_WATCH || strcmp(before, builder->geo_alarm) != 0)
		log_error("geo=refused reason=\"%s\"%s", build->err.text,
			build->kind == BUILD_START ? " ranking=\"by list order\"" : "");
	return false;
}

/* ---- zones and snapshot ---- */

static bool compile(struct builder *builder, const struct build_order *order, struct build *build, struct zone_set *set)
{
	struct snapshot_inputs inputs = builder->inputs;

	memcpy(inputs.seed, build->seed, sizeof inputs.seed);
	inputs.learn = order->kind == BUILD_START || order->kind == BUILD_LATENCY;
	inputs.now_s = clock_wall_ms() / 1000;
	build->snapshot = snapshot_new(set, builder->geo, &inputs, order->before, &build->err);
	builder->owing = build->snapshot == NULL;
	if (build->snapshot != NULL && order->before != NULL && order->conf->relay_socket[0] != '\0')
		build->edits = edits_new(order->before->set, build->snapshot->set);
	if (build->snapshot != NULL) /* its pages are written here, where nobody waits for it */
		build->ledger = ledger_new(build->snapshot, order->conf->workers);
	return build->snapshot != NULL;
}

/* Name a zone that is not served as its file has it. */
static bool all_loaded(const struct zones_view *zones, struct err *err)
{
	bool all = true;

	for (size_t i = 0; i < zones->nzones; i++) {
		const struct loaded_zone *zone = &zones->zones[i];

		if (zone->standing == ZONE_LOADED)
			continue;
		all = err_set(err, "%s: %zu mistake%s, an older state stays in service", zone->file,
			zone->mistakes.nmistakes, zone->mistakes.nmistakes == 1 ? "" : "s");
	}
	return all;
}

static struct zone_set *load(struct builder *builder, const struct build_order *order, struct build *build,
	const struct conf *conf, bool *changed)
{
	static const enum loader_mode modes[] = {
		[BUILD_START] = LOADER_START, [BUILD_RELOAD] = LOADER_RELOAD, [BUILD_WATCH] = LOADER_WATCH
	};

	if (order->kind == BUILD_NAMES || order->kind == BUILD_LATENCY) {
		*changed = true;
		return loader_relink(builder->loader);
	}
	loader_move(builder->loader, conf->zones_directory);
	return loader_load(builder->loader, modes[order->kind], clock_wall_ms(), changed, &build->err);
}

/* Compiled anew when zones, databases, names or the seed changed. */
static bool take_zones(
	struct builder *builder, const struct build_order *order, struct build *build, const struct conf *conf)
{
	struct zone_set *set;
	bool changed, good;

	set = load(builder, order, build, conf, &changed);
	if (set == NULL)
		return false;
	build->zones = loader_view(builder->loader);
	good = order->kind == BUILD_NAMES || order->kind == BUILD_LATENCY || all_loaded(build->zones, &build->err);
	if (changed || order->names || builder->owing || build->geo == BUILD_GEO_LOADED || order->before == NULL ||
		memcmp(order->before->seed, build->seed, sizeof build->seed) != 0)
		return compile(builder, order, build, set) && good;
	zone_set_free(set);
	return good;
}

/* ---- a build ---- */

static void log_report(struct report *report)
{
	char line[1400];

	report_sort(report);
	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], line, sizeof line);
		log_at(report->lines[i].kind == REPORT_MISTAKE ? LOG_ERROR : LOG_WARNING, "%s", line);
	}
}

static bool take_conf(struct builder *builder, struct build *build)
{
	build->conf = conf_load(builder->conf_file, &build->conf_report);
	log_report(&build->conf_report);
	if (build->conf == NULL)
		return err_set(&build->err, "%s: has mistakes, the configuration stays as it was", builder->conf_file);
	if (build->conf->seed_file[0] != '\0')
		memcpy(build->seed, build->conf->seed, sizeof build->seed);
	return true;
}

/* All tables are those that are in force: nothing is to be published. And keep what was measured. */
static void keep_latency(struct builder *builder, const struct build_order *order, struct build *build)
{
	size_t ntables, nshared;
	struct err err;

	if (build->snapshot != NULL && !order->names) {
		snapshot_tables(build->snapshot, &ntables, &nshared);
		if (ntables == nshared) {
			snapshot_free(build->snapshot);
			build->snapshot = NULL;
		}
	}
	if (builder->latency_file != NULL &&
		!meter_save(builder->inputs.meter, builder->latency_file, clock_wall_ms() / 1000, &err))
		log_error("latency_map=not-kept reason=\"%s\"", err.text);
}

static void keep_audience(const struct builder *builder, struct audience *audience)
{
	struct err err;

	if (audience != NULL && !audience_save(audience, builder->clients_file, clock_wall_ms(), &err))
		log_error("clients=not-kept reason=\"%s\"", err.text);
	audience_free(audience);
}

static struct build *carry_out(struct builder *builder, const struct build_order *order)
{
	struct build *build = mem_alloc(sizeof *build);
	const struct conf *conf = order->conf;

	build->kind = order->kind;
	build->begun_ms = clock_monotonic_ms();
	build->good = true;
	memcpy(build->seed, order->seed, sizeof build->seed);
	if (order->kind == BUILD_ASIDE) {
		order->aside.run(order->aside.context, builder->geo, builder->name_seed);
		return build;
	}
	if (order->kind == BUILD_RELOAD) {
		build->good = take_conf(builder, build);
		conf = build->conf != NULL ? build->conf : conf;
	}
	if (builder->latency_file != NULL && (order->kind == BUILD_LATENCY || order->kind == BUILD_START))
		latency_peers_read(&builder->peers, builder->inputs.meter, builder->peers_folder, conf_region(conf),
			clock_wall_ms() / 1000);
	if (order->kind != BUILD_NAMES && order->kind != BUILD_LATENCY)
		build->good = take_geo(builder, build, conf) && build->good;
	build->good = take_zones(builder, order, build, conf) && build->good;
	if (order->kind == BUILD_LATENCY)
		keep_latency(builder, order, build);
	keep_audience(builder, order->audience);
	return build;
}

void build_free(struct build *build)
{
	if (build == NULL)
		return;
	report_fini(&build->conf_report);
	edits_free(build->edits);
	ledger_free(build->ledger);
	free(build);
}

/* ---- the thread ---- */

static void free_dropped(struct dropped *dropped)
{
	while (dropped != NULL) {
		struct dropped *next = dropped->next;

		snapshot_free(dropped->snapshot);
		zones_view_free(dropped->zones);
		free(dropped);
		dropped = next;
	}
}

static void yield_to_workers(void)
{
	struct sched_param none = { 0 };

	/* both are for this thread alone; where they are refused it works all the same */
	if (sched_setscheduler(0, SCHED_BATCH, &none) != 0)
		log_debug("builder=ordinary reason=\"no SCHED_BATCH\"");
	if (setpriority(PRIO_PROCESS, (id_t)gettid(), NICE) != 0)
		log_debug("builder=ordinary reason=\"no nice value\"");
}

static void *work(void *context)
{
	struct builder *builder = context;

	yield_to_workers();
	pthread_mutex_lock(&builder->lock);
	while (!builder->stop) {
		struct dropped *dropped = builder->dropped;
		struct build_order order = builder->order;
		bool ordered = builder->ordered;
		struct build *build = NULL;

		if (!ordered && dropped == NULL) {
			bool kept;

			pthread_mutex_unlock(&builder->lock);
			kept = loader_keep_copy(builder->loader);
			pthread_mutex_lock(&builder->lock);
			if (!kept && !builder->ordered && builder->dropped == NULL && !builder->stop)
				pthread_cond_wait(&builder->wake, &builder->lock);
			continue;
		}
		builder->dropped = NULL;
		builder->ordered = false;
		pthread_mutex_unlock(&builder->lock);
		free_dropped(dropped);
		if (ordered)
			build = carry_out(builder, &order);
		pthread_mutex_lock(&builder->lock);
		if (ordered) {
			builder->done = build;
			eventfd_write(builder->fd, 1);
		}
	}
	builder->ended = true;
	pthread_cond_broadcast(&builder->wake);
	pthread_mutex_unlock(&builder->lock);
	return NULL;
}

/* ---- the main thread's side ---- */

struct builder *builder_new(
	const char *conf_file, const struct conf *conf, uint64_t name_seed, const struct snapshot_inputs *inputs)
{
	struct builder *builder = mem_alloc(sizeof *builder);

	pthread_mutex_init(&builder->lock, NULL);
	pthread_cond_init(&builder->wake, NULL);
	builder->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	builder->conf_file = mem_strdup(conf_file);
	builder->name_seed = name_seed;
	builder->inputs = *inputs;
	if (inputs->meter != NULL)
		builder->latency_file = mem_printf("%s/latency.map", conf->state_directory);
	builder->clients_file = mem_printf("%s/clients.csv", conf->state_directory);
	builder->peers_folder = mem_printf("%s/latency", conf->state_directory);
	builder->loader = loader_new(conf->zones_directory, conf->state_directory, name_seed);
	return builder;
}

static bool end_thread(struct builder *builder, uint32_t patience_ms)
{
	uint64_t until_ms = clock_wall_ms() + patience_ms;
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000 * 1000000) };
	bool ended;

	pthread_mutex_lock(&builder->lock);
	builder->stop = true;
	pthread_cond_broadcast(&builder->wake);
	while (!builder->ended && pthread_cond_timedwait(&builder->wake, &builder->lock, &until) == 0)
		;
	ended = builder->ended;
	pthread_mutex_unlock(&builder->lock);
	return ended && pthread_join(builder->thread, NULL) == 0;
}

bool builder_free(struct builder *builder, uint32_t patience_ms)
{
	if (builder == NULL)
		return true;
	if (builder->started && !end_thread(builder, patience_ms))
		return false;
	free_dropped(builder->dropped);
	if (builder->done != NULL) {
		snapshot_free(builder->done->snapshot);
		zones_view_free(builder->done->zones);
		conf_free(builder->done->conf);
		build_free(builder->done);
	}
	while (loader_keep_copy(builder->loader))
		;
	loader_free(builder->loader);
	snapshot_geo_unref(builder->geo);
	pthread_cond_destroy(&builder->wake);
	pthread_mutex_destroy(&builder->lock);
	close(builder->fd);
	free(builder->conf_file);
	free(builder->latency_file);
	free(builder->clients_file);
	free(builder->peers_folder);
	free(builder);
	return true;
}

/* Without a thread the main one has to do it. */
static bool started(struct builder *builder)
{
	if (!builder->started)
		builder->started = pthread_create(&builder->thread, NULL, work, builder) == 0;
	return builder->started;
}

struct build *builder_run(struct builder *builder, const struct build_order *order)
{
	struct build *build;

	assert(!builder->started);
	build = carry_out(builder, order);
	started(builder); /* there are copies to keep */
	return build;
}

void builder_begin(struct builder *builder, const struct build_order *order)
{
	assert(!builder->busy);
	builder->busy = true;
	if (!started(builder)) {
		builder->done = carry_out(builder, order);
		eventfd_write(builder->fd, 1);
		return;
	}
	pthread_mutex_lock(&builder->lock);
	builder->order = *order;
	builder->ordered = true;
	pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->lock);
}

bool builder_busy(const struct builder *builder)
{
	return builder->busy;
}

int builder_fd(const struct builder *builder)
{
	return builder->fd;
}

struct build *builder_take(struct builder *builder)
{
	struct build *build;
	eventfd_t count;

	if (!builder->busy || eventfd_read(builder->fd, &count) != 0)
		return NULL;
	pthread_mutex_lock(&builder->lock);
	build = builder->done;
	builder->done = NULL;
	pthread_mutex_unlock(&builder->lock);
	builder->busy = false;
	return build;
}

void builder_drop(struct builder *builder, struct snapshot *snapshot, struct zones_view *zones)
{
	struct dropped *dropped;

	if (snapshot == NULL && zones == NULL)
		return;
	dropped = mem_alloc(sizeof *dropped);
	*dropped = (struct dropped){ .snapshot = snapshot, .zones = zones };
	pthread_mutex_lock(&builder->lock);
	dropped->next = builder->dropped;
	builder->dropped = dropped;
	if (builder->started)
		pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->lock);
}
