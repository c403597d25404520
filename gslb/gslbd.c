/* gslbd - the program: starts what must be started in order (bind, fork what needs privileges, drop them, load, answer), then
 * waits for signals, operators, files and verdicts until it is told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gslb/daemon.h"
#include "gslb/drills.h"
#include "gslb/dry_run.h"
#include "gslb/fleet.h"
#include "gslb/host.h"
#include "gslb/intake.h"
#include "gslb/kept.h"
#include "gslb/loader.h"
#include "gslb/planner.h"
#include "gslb/watch.h"

enum { DRAIN_MS = 1000, NAMES_APART_MS = 1000, BUILD_PATIENCE_MS = 5000, REST_MAX_MS = 1000 };

static const char usage_text[] =
	"usage: gslbd -c FILE [-t] [-v]\n"
	"\n"
	"  -c, --config FILE   the configuration (gslb.yaml)\n"
	"  -t, --test          check the configuration, the databases and the zones, and exit: 0 when all is well\n"
	"  -v, --verbose       log at level debug\n"
	"  -h, --help          this text\n"
	"  -V, --version       the version\n"
	"\n"
	"Runs in the foreground and logs to stderr. SIGHUP reloads, SIGTERM stops. See gslbd(8), gslb.yaml(5), "
	"gslbctl(8).\n";

struct options {
	const char *conf_file;
	bool test, verbose;
};

static int say(const char *text, FILE *to, int exit_status)
{
	fputs(text, to);
	return exit_status;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "c:tvhV", names, NULL)) != -1)
		switch (letter) {
		case 'c':
			options->conf_file = optarg;
			break;
		case 't':
			options->test = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			return say(usage_text, stdout, 0);
		case 'V':
			return say("gslbd " PACKAGE_VERSION "\n", stdout, 0);
		default:
			return say("Try gslbd --help.\n", stderr, 2);
		}
	if (optind < argc)
		return say("gslbd: takes no arguments but options. Try gslbd --help.\n", stderr, 2);
	if (options->conf_file == NULL)
		return say("gslbd: no configuration: -c FILE names it. Try gslbd --help.\n", stderr, 2);
	return -1;
}

/* ---- starting ---- */

static bool fail(const struct err *err)
{
	fprintf(stderr, "gslbd: %s\n", err->text);
	return false;
}

/* What needs root, before it is dropped. */
static bool start_privileged(struct daemon *daemon, struct spawner **spawner, struct err *err)
{
	const struct conf *conf = daemon->conf;
	char *health =
		getenv("GSLB_HEALTH") != NULL ? mem_strdup(getenv("GSLB_HEALTH")) : host_beside_us("gslb-health");
	gid_t group, readers;

	host_raise_descriptors();
	daemon->lock_fd = host_take_state(conf->state_directory, conf->user, err);
	if (daemon->lock_fd < 0)
		return false;
	daemon->workers = workers_bind(conf, err);
	if (daemon->workers == NULL)
		return false;
	daemon_limits(daemon, conf);
	*spawner = spawner_open(health, conf->probe_user[0] != '\0' ? conf->probe_user : conf->user, err);
	free(health); /* the process that starts it has its own */
	if (*spawner == NULL || !host_group(conf->control_group, conf->user, &group, err) ||
		!host_group(conf->readonly_group, "", &readers, err))
		return false;
	daemon->control = control_open(conf->control_socket, group, readers, daemon_commands, daemon, err);
	return daemon->control != NULL && http_open(&daemon->http, &daemon->conf->http, conf->http_given, err) &&
	       host_become(conf->user, err);
}

static bool read_seed(struct daemon *daemon, struct err *err)
{
	const struct conf *conf = daemon->conf;
	char *own;
	bool good;

	if (conf->seed_file[0] != '\0') {
		memcpy(daemon->sticky_seed, conf->seed, sizeof daemon->sticky_seed);
		return true;
	}
	own = mem_printf("%s/sticky.seed", conf->state_directory);
	good = host_seed(own, daemon->sticky_seed, err);
	free(own);
	return good;
}

static bool load_all(struct daemon *daemon, struct spawner *spawner, struct err *err)
{
	struct snapshot_inputs inputs = { 0 };
	uint64_t now_ms = clock_wall_ms();
	struct err first = { 0 };

	daemon->prober = prober_open(spawner, daemon->conf->state_directory, now_ms, err);
	if (daemon->prober == NULL)
		return false;
	daemon->overrides = override_list_open(daemon->conf->state_directory, now_ms, &first);
	if (first.text[0] != '\0') {
		log_error("overrides=not-read reason=\"%s\"", first.text);
		snprintf(daemon->state_alarm, sizeof daemon->state_alarm, "%s", first.text);
	}
	if (daemon->overrides == NULL)
		return err_set(err, "%s", first.text);
	fleet_name(daemon);
	daemon->drills = drills_open(daemon);
	prober_inputs(daemon->prober, &inputs);
	kept_open(daemon, now_ms);
	inputs.meter = daemon->meter;
	daemon->builder = builder_new(daemon->conf_file, daemon->conf, daemon->name_seed, &inputs);
	if (!daemon_load(daemon, err))
		return false;
	daemon->fleet = fleet_open(daemon);
	return true;
}

static void identify(struct daemon *daemon)
{
	struct packet_identity *identity = &daemon->identity;

	identity->nsid_len = strlen(daemon->conf->identity);
	if (identity->nsid_len > sizeof identity->nsid)
		identity->nsid_len = sizeof identity->nsid;
	memcpy(identity->nsid, daemon->conf->identity, identity->nsid_len);
	snprintf(identity->version, sizeof identity->version, "gslb %s", PACKAGE_VERSION);
	identity->tcp_idle_ms = daemon->conf->tcp_idle_ms;
}

static bool start(struct daemon *daemon, struct err *err)
{
	struct spawner *spawner = NULL;

	daemon->started_ms = clock_wall_ms();
	daemon->name_seed = dice_from_kernel().state;
	if (daemon->conf->relay_socket[0] != '\0')
		daemon->herald = herald_new(daemon->conf->relay_socket);
	daemon->changes = changes_new(daemon->herald);
	daemon->recent = recent_new(daemon->started_ms);
	daemon->marks = drain_marks_new();
	daemon->loads = loads_new();
	daemon->planner = planner_new(daemon);
	daemon->capacity = capacity_new();
	if (!start_privileged(daemon, &spawner, err) || !read_seed(daemon, err) ||
		!daemon_guard(daemon, daemon->conf, NULL, err) || !load_all(daemon, spawner, err))
		return false;
	identify(daemon);
	return http_start(daemon->http, daemon, err) &&
	       workers_start(daemon->workers, &daemon->identity, &daemon->published->world, err);
}

/* ---- running ---- */

static void take_signals(struct daemon *daemon, int fd)
{
	struct signalfd_siginfo taken;

	while (read(fd, &taken, sizeof taken) == (ssize_t)sizeof taken) {
		if (taken.ssi_signo == SIGHUP)
			daemon->reload_wanted = true;
		else
			daemon->stop_wanted = true;
	}
}

static void answer_tickets(struct daemon *daemon, json_t *result, int exit_status)
{
	for (size_t i = 0; i < daemon->nbegun; i++) {
		struct control_reply reply = { .result = json_incref(result), .exit = exit_status };

		control_answer(daemon->control, daemon->begun[i], &reply);
	}
	daemon->nbegun = 0;
	json_decref(result);
}

static struct watch *watch_files(const struct conf *conf)
{
	return watch_new(conf->zones_watch ? conf->zones_directory : NULL, (const char *const *)conf->databases,
		conf->ndatabases);
}

/* All that is asked for while a build is under way is for the next one, which reads what is then. */
static void begin_reload(struct daemon *daemon, struct watch *watch)
{
	daemon->reload_wanted = daemon->watch_wanted = false;
	memcpy(daemon->begun, daemon->tickets, daemon->ntickets * sizeof daemon->tickets[0]);
	daemon->nbegun = daemon->ntickets;
	daemon->ntickets = 0;
	host_notify("RELOADING=1");
	watch_forget(watch);
	daemon_begin(daemon, BUILD_RELOAD);
}

static bool files_wanted(const struct daemon *daemon)
{
	return (daemon->reload_wanted || daemon->watch_wanted) && !builder_busy(daemon->builder);
}

static void begin_build(struct daemon *daemon, struct watch *watch, uint64_t monotonic_ms)
{
	bool rested = monotonic_ms >= daemon->rest_until_ms, plan = planner_waits(daemon->planner);

	if (builder_busy(daemon->builder))
		return;
	if (plan && daemon->plan_passed) { /* once: or it would wait for as long as files change */
		daemon->plan_passed = false;
		planner_begin(daemon->planner);
		return;
	}
	if (daemon->reload_wanted && rested) {
		daemon->plan_passed = plan;
		begin_reload(daemon, watch);
	} else if (daemon->watch_wanted && rested) {
		daemon->plan_passed = plan;
		daemon->watch_wanted = false;
		daemon_begin(daemon, BUILD_WATCH);
	} else if (daemon->names_wanted && monotonic_ms >= daemon->names_after_ms) {
		daemon->names_after_ms = monotonic_ms + NAMES_APART_MS;
		daemon_begin(daemon, BUILD_NAMES);
	} else if (daemon->latency_wanted) {
		daemon->latency_wanted = false;
		meter_look_for_moved(daemon->meter, daemon->published->snapshot, clock_wall_ms() / 1000);
		daemon_begin(daemon, BUILD_LATENCY);
	} else if (!daemon->reload_wanted &&
		   !daemon->watch_wanted) { /* a plan may take minutes: not before a reload that rests */
		planner_begin(daemon->planner);
	}
}

/* Who asks for reloads without end gets them, but for half of the time at most the cores are the answers' own. */
static void rest(struct daemon *daemon, uint64_t monotonic_ms)
{
	uint64_t took_ms = monotonic_ms - daemon->build_began_ms;

	daemon->rest_until_ms = monotonic_ms + (took_ms < REST_MAX_MS ? took_ms : REST_MAX_MS);
}

static void end_build(struct daemon *daemon, struct watch **watch)
{
	struct build *build = builder_take(daemon->builder);
	struct watch *next;
	int exit_status;
	json_t *result;

	if (build == NULL)
		return;
	if (build->kind == BUILD_RELOAD || build->kind == BUILD_WATCH)
		rest(daemon, clock_monotonic_ms());
	if (build->kind == BUILD_ASIDE) {
		planner_end(daemon->planner);
		build_free(build);
		return;
	}
	result = daemon_finish(daemon, build, &exit_status);
	if (result == NULL)
		return;
	answer_tickets(daemon, result, exit_status);
	next = watch_files(daemon->conf); /* the folders may be others now */
	watch_inherit(next, *watch, clock_monotonic_ms());
	watch_free(*watch);
	*watch = next;
	host_notify("READY=1");
}

static void count_rate(struct daemon *daemon, uint64_t monotonic_ms)
{
	uint64_t sums[COUNTERS_N], before = daemon->counted[COUNT_queries_udp] + daemon->counted[COUNT_queries_tcp];

	if (monotonic_ms < daemon->counted_ms + 1000)
		return;
	workers_counters(daemon->workers, sums);
	if (daemon->counted_ms > 0)
		daemon->qps = (double)(sums[COUNT_queries_udp] + sums[COUNT_queries_tcp] - before) * 1000 /
			      (double)(monotonic_ms - daemon->counted_ms);
	memcpy(daemon->counted, sums, sizeof sums);
	daemon->counted_ms = monotonic_ms;
}

static void sooner(uint64_t *next_ms, uint64_t candidate_ms)
{
	if (candidate_ms != 0 && candidate_ms < *next_ms)
		*next_ms = candidate_ms;
}

static void set_known(void *context, const struct prefix *net)
{
	sampler_set_known(context, &net->addr);
}

/* Sample whom this region has too few samples of. */
static void sample_others(struct daemon *daemon)
{
	struct sampler *sampler =
		workers_sample(daemon->workers, daemon->conf->latency_sampling && conf_measures(daemon->conf));

	if (sampler == NULL)
		return;
	sampler_forget_known(sampler);
	meter_measured(daemon->meter, conf_region(daemon->conf), clock_wall_ms() / 1000, set_known, sampler);
}

static uint64_t look_at_latency(struct daemon *daemon, uint64_t monotonic_ms)
{
	if (meter_explore(daemon->meter, (uint16_t)daemon->conf->latency_explore))
		daemon->latency_wanted = true;
	if (daemon->latency_next_ms == 0 || daemon->latency_next_ms <= monotonic_ms) {
		sample_others(daemon);
		daemon->latency_wanted = daemon->latency_wanted || daemon->latency_next_ms != 0;
		daemon->latency_next_ms = monotonic_ms + daemon->conf->latency_interval_ms;
	}
	return daemon->latency_next_ms;
}

/* All that is due now; returns when (monotonic) to come back at the latest. */
static uint64_t work(struct daemon *daemon, struct watch **watch)
{
	uint64_t monotonic_ms = clock_monotonic_ms(), now_ms = clock_wall_ms(), next_ms = monotonic_ms + 1000, due_ms;
	struct prober_news news = prober_run(daemon->prober, now_ms, monotonic_ms, &due_ms);

	sooner(&next_ms, due_ms);
	if (news.verdicts)
		changes_look(daemon->changes, &daemon->published->world, now_ms);
	if (news.alarm) {
		struct prober_status status = prober_status(daemon->prober);

		snprintf(daemon->health_alarm, sizeof daemon->health_alarm, "%s",
			status.running ? "" : "gslb-health is not running: the last verdicts stand");
	}
	daemon->names_wanted = daemon->names_wanted || news.names;
	end_build(daemon, watch);
	if (watch_run(*watch, monotonic_ms, &due_ms))
		daemon->watch_wanted = true;
	sooner(&next_ms, due_ms);
	intake_rtts(daemon, now_ms);
	intake_loads(daemon, now_ms);
	sooner(&next_ms, look_at_latency(daemon, monotonic_ms));
	begin_build(daemon, *watch, monotonic_ms);
	if (files_wanted(daemon))
		sooner(&next_ms, daemon->rest_until_ms);
	if (daemon->names_wanted && !builder_busy(daemon->builder))
		sooner(&next_ms, daemon->names_after_ms);
	if (daemon->override_next_ms != 0 && now_ms >= daemon->override_next_ms) {
		if (override_expire(daemon->overrides, now_ms, &daemon->override_next_ms))
			daemon_publish_overlay(daemon);
		else
			changes_look(daemon->changes, &daemon->published->world, now_ms);
	}
	if (daemon->override_next_ms > now_ms)
		sooner(&next_ms, monotonic_ms + (daemon->override_next_ms - now_ms));
	intake_answers(daemon, now_ms);
	daemon_look_at_capacity(daemon, now_ms);
	if (daemon->marks_next_ms != 0 && now_ms >= daemon->marks_next_ms)
		drain_marks_look(
			daemon->marks, daemon->overrides, daemon->published->ledger, now_ms, &daemon->marks_next_ms);
	due_ms = drills_work(daemon->drills, now_ms);
	sooner(&next_ms, due_ms > now_ms ? monotonic_ms + (due_ms - now_ms) : monotonic_ms);
	count_rate(daemon, monotonic_ms);
	if (daemon->herald != NULL)
		sooner(&next_ms, hits_look(&daemon->hits, daemon->published->ledger, daemon->herald, monotonic_ms));
	if (daemon->herald != NULL)
		sooner(&next_ms, herald_run(daemon->herald, clock_monotonic_ms()));
	if (daemon->fleet != NULL)
		sooner(&next_ms, fleet_run(daemon->fleet, clock_monotonic_ms(), now_ms));
	return next_ms;
}

static void run(struct daemon *daemon, int signals)
{
	struct watch *watch = watch_files(daemon->conf);
	uint64_t http_next_ms = 0;

	while (!daemon->stop_wanted) {
		struct pollfd wait[9] = { { .fd = signals }, { .fd = control_fd(daemon->control) },
			{ .fd = watch_fd(watch) } };
		uint64_t next_ms = work(daemon, &watch), now_ms = clock_monotonic_ms();

		wait[2].fd = watch_fd(watch); /* a reload makes it anew */
		prober_fds(daemon->prober, &wait[3].fd, &wait[4].fd);
		wait[5].fd = builder_fd(daemon->builder);
		wait[6].fd = http_fd(daemon->http);
		sooner(&next_ms, http_next_ms);
		for (size_t i = 0; i < COUNT_OF(wait); i++)
			wait[i].events = POLLIN;
		wait[7].fd = daemon->herald != NULL ? herald_fd(daemon->herald, &wait[7].events) : -1;
		wait[8].fd = fleet_fd(daemon->fleet);
		poll(wait, COUNT_OF(wait), next_ms > now_ms ? (int)(next_ms - now_ms) : 0);
		take_signals(daemon, signals);
		control_run(daemon->control, clock_monotonic_ms());
		http_next_ms = UINT64_MAX;
		http_run(daemon->http, clock_monotonic_ms(), &http_next_ms);
	}
	watch_free(watch);
}

static void stop(struct daemon *daemon)
{
	host_notify("STOPPING=1");
	log_notice("state=stopping");
	drills_close(daemon->drills);
	if (daemon->fleet != NULL)
		fleet_run(daemon->fleet, clock_monotonic_ms(), clock_wall_ms()); /* what that put back */
	fleet_close(daemon->fleet);
	daemon->fleet = NULL;
	control_run(daemon->control, clock_monotonic_ms()); /* who runs a drill is told */
	workers_stop(daemon->workers, DRAIN_MS);
	control_close(daemon->control);
	http_close(daemon->http); /* which may hold what is published */
	intake_answers(daemon, clock_wall_ms());
	planner_stop(daemon->planner);
	daemon_let_go(daemon, daemon->published);
	builder_drop(daemon->builder, NULL, daemon->zones);
	if (!builder_free(daemon->builder, BUILD_PATIENCE_MS)) {
		prober_save(daemon->prober); /* which the builder may yet ask */
		log_warning("state=stopped reason=\"files are still being read: not waited for\"");
		_exit(0);
	}
	daemon->builder = NULL;
	prober_close(daemon->prober);
	kept_close(daemon);
	workers_free(daemon->workers);
	rrl_free(daemon->guard->rrl);
	free(daemon->guard);
	override_list_free(daemon->overrides);
	changes_free(daemon->changes);
	hits_fini(&daemon->hits);
	herald_free(daemon->herald);
	recent_free(daemon->recent);
	drain_marks_free(daemon->marks);
	loads_free(daemon->loads);
	planner_free(daemon->planner);
	capacity_free(daemon->capacity);
	conf_free(daemon->conf);
	close(daemon->lock_fd);
	log_notice("state=stopped");
}

static void log_listening(const struct daemon *daemon)
{
	const struct conf_listen *listening;
	size_t n = workers_listening(daemon->workers, &listening);
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		log_notice("listen=%s@%u transport=udp,tcp workers=%u", addr_format(&listening[i].addr, addr),
			listening[i].port, daemon->conf->workers);
	if (daemon->http != NULL)
		log_notice("listen=%s@%u transport=http", addr_format(&daemon->conf->http.addr, addr),
			daemon->conf->http.port);
	log_notice("state=running version=%s services=%u pools=%u endpoints=%u took_ms=%llu", PACKAGE_VERSION,
		daemon->published->snapshot->nservices, daemon->published->snapshot->npools,
		daemon->published->snapshot->nendpoints, (unsigned long long)(clock_wall_ms() - daemon->started_ms));
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	static struct daemon daemon; /* large, and there is one */
	int status = read_options(argc, argv, &options), signals;
	struct err err = { 0 };
	sigset_t caught;

	if (status >= 0)
		return status;
	daemon.conf_file = options.conf_file;
	daemon.conf = dry_run_conf(options.conf_file);
	if (daemon.conf == NULL)
		return 1;
	if (options.test)
		return dry_run(daemon.conf);
	log_setup("gslbd", options.verbose ? LOG_DEBUG : daemon.conf->log_level);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&caught);
	sigaddset(&caught, SIGHUP);
	sigaddset(&caught, SIGTERM);
	sigaddset(&caught, SIGINT);
	sigprocmask(SIG_BLOCK, &caught, NULL); /* before threads: all inherit it */
	signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!start(&daemon, &err))
		return fail(&err) ? 0 : 1;
	log_listening(&daemon);
	host_notify("READY=1");
	run(&daemon, signals);
	stop(&daemon);
	close(signals);
	return 0;
}
