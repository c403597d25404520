/* The runner. Each check type has a queue of its own, so that a hundred hanging commands do not hold up TCP probes; all share
 * one budget of descriptors. Every probe goes through its queue, which is worked off by a timer that is due at once, never from
 * within a probe's end: so ends do not nest. */
#include "health/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/tally.h"

TAILQ_HEAD(probe_queue, probe);

/* A deadline that comes this late was slept through by ourselves (a stopped or starved process): it says nothing of the
 * endpoint, which may have answered long ago. */
enum { OWN_DELAY_US = 250000 };

/* What is under way comes first (loop.c), then so many new ones begin, and so on: when there is more to do than we can (a
 * thousand TLS handshakes at once), probes begin late, and none that has begun is slow by our fault. */
enum { STARTS_A_ROUND = 64, PAUSE_US = 10000 };

static const struct {
	const char *name;
	const struct probe_method *method;
	uint32_t cost_us;
} checks[] = {
	[HEALTH_CHECK_NONE] = { "none", &probe_none, 1 },
	[HEALTH_CHECK_TCP] = { "tcp", &probe_tcp, 50 },
	[HEALTH_CHECK_HTTP] = { "http", &probe_http, 180 },
	[HEALTH_CHECK_HTTPS] = { "https", &probe_http, 1000 },
	[HEALTH_CHECK_DNS] = { "dns", &probe_dns, 50 },
	[HEALTH_CHECK_EXEC] = { "exec", &probe_exec, 3000 },
	[HEALTH_CHECK_PUSH] = { "push", &probe_push, 0 },
	[HEALTH_CHECK_GRPC] = { "grpc", &probe_http, 200 },
	[HEALTH_CHECK_GRPCS] = { "grpcs", &probe_http, 1000 },
};

enum { NCHECKS = COUNT_OF(checks) };
_Static_assert((int)NCHECKS == (int)HEALTH_CHECKS, "each check has a row");

struct probe_lane {
	void *context;
	unsigned running, queued;
	struct probe_queue queue;
};

struct probe_runner {
	struct loop *loop;
	struct loop_timer pump;
	unsigned running, queued, descriptors, max_descriptors, held;
	unsigned first; /* lane to begin with */
	struct board_stats *stats, *nobodys;
	const char *checks_directory;
	struct probe_lane lanes[NCHECKS];
};

const char *probe_check_name(enum health_check check)
{
	return (size_t)check < NCHECKS ? checks[check].name : "?";
}

bool probe_check_parse(const char *name, enum health_check *check)
{
	for (unsigned i = 0; i < NCHECKS; i++) {
		if (strcmp(name, checks[i].name) == 0) {
			*check = (enum health_check)i;
			return true;
		}
	}
	return false;
}

uint32_t probe_cost_us(enum health_check check)
{
	return checks[check].cost_us;
}

bool probe_is_pushed(enum health_check check)
{
	return checks[check].method->start == NULL;
}

/* ---- life ---- */

static void lane_start_one(struct probe_runner *runner, struct probe_lane *lane, struct probe *probe);

static bool lane_has_room(
	const struct probe_runner *runner, const struct probe_lane *lane, const struct probe_method *method)
{
	return lane->running < method->most && runner->descriptors + method->descriptors <= runner->max_descriptors;
}

static void say_now(const struct probe_runner *runner, const struct probe_lane *lane)
{
	tally_now(runner->stats, (enum health_check)(lane - runner->lanes),
		&(struct tally_now){
			lane->running, lane->queued, runner->running, runner->queued, runner->descriptors });
}

static void leave_queue(struct probe_runner *runner, struct probe_lane *lane, struct probe *probe)
{
	TAILQ_REMOVE(&lane->queue, probe, waiting);
	lane->queued--;
	runner->queued--;
	say_now(runner, lane);
}

/* Starts from a lane what it has room for. True when one could have started more. */
static bool pump_lane(struct probe_runner *runner, unsigned check, unsigned *starts)
{
	struct probe_lane *lane = &runner->lanes[check];

	while (!TAILQ_EMPTY(&lane->queue) && lane_has_room(runner, lane, checks[check].method)) {
		struct probe *probe = TAILQ_FIRST(&lane->queue);

		if (*starts == 0)
			return true;
		--*starts;
		leave_queue(runner, lane, probe);
		lane_start_one(runner, lane, probe);
	}
	return false;
}

/* Each time it begins with another lane, so that a long queue does not take all the starts. */
static void pump_queues(struct loop_timer *timer)
{
	struct probe_runner *runner = LOOP_OWNER(timer, struct probe_runner, pump);
	unsigned starts = STARTS_A_ROUND, first = runner->first++ % NCHECKS;
	bool more = false;

	for (unsigned i = 0; i < NCHECKS; i++)
		more |= pump_lane(runner, (first + i) % NCHECKS, &starts);
	if (more)
		loop_set(runner->loop, &runner->pump, 0);
	else if (runner->queued > 0 &&
		 !loop_is_set(&runner->pump)) /* an end of a probe makes room; just in case none comes */
		loop_set(runner->loop, &runner->pump, clock_monotonic_us() + PAUSE_US);
}

struct probe_runner *probe_runner_new(struct loop *loop, unsigned max_descriptors, struct err *err)
{
	struct probe_runner *runner = mem_alloc(sizeof *runner);

	runner->loop = loop;
	runner->pump.fire = pump_queues;
	runner->max_descriptors = max_descriptors;
	runner->checks_directory = "";
	runner->nobodys = mem_alloc(sizeof *runner->nobodys);
	probe_runner_set_stats(runner, runner->nobodys);
	for (unsigned i = 0; i < NCHECKS; i++) {
		TAILQ_INIT(&runner->lanes[i].queue);
		if (checks[i].method->open == NULL)
			continue;
		runner->lanes[i].context = checks[i].method->open(loop, err);
		if (runner->lanes[i].context == NULL) {
			probe_runner_free(runner);
			return NULL;
		}
	}
	return runner;
}

void probe_runner_free(struct probe_runner *runner)
{
	if (runner == NULL)
		return;
	for (unsigned i = 0; i < NCHECKS; i++)
		if (runner->lanes[i].context != NULL)
			checks[i].method->close(runner->lanes[i].context);
	loop_clear(runner->loop, &runner->pump);
	free(runner->nobodys);
	free(runner);
}

void probe_runner_set_checks_directory(struct probe_runner *runner, const char *path)
{
	runner->checks_directory = path;
}

void probe_runner_set_stats(struct probe_runner *runner, struct board_stats *stats)
{
	runner->stats = stats;
	tally_begin(stats, runner->max_descriptors);
	for (unsigned i = 0; i < NCHECKS; i++)
		say_now(runner, &runner->lanes[i]);
}

/* ---- one probe ---- */

static struct probe_lane *lane_of(const struct probe *probe)
{
	return &probe->runner->lanes[probe->target->probe.check];
}

static void settle(struct probe *probe)
{
	struct probe_runner *runner = probe->runner;

	assert(probe->phase == PROBE_RUNNING);
	loop_clear(runner->loop, &probe->deadline);
	probe->phase = PROBE_IDLE;
	probe->work = NULL;
	lane_of(probe)->running--;
	runner->running--;
	runner->descriptors -= probe->method->descriptors;
	say_now(runner, lane_of(probe));
	loop_set(runner->loop, &runner->pump, 0);
}

void probe_done(struct probe *probe, struct probe_report *report)
{
	uint64_t took_us = clock_monotonic_us() - probe->started_us;

	report->took_us = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
	tally_ended(probe->runner->stats, probe->target->probe.check, report);
	settle(probe);
	probe->finished(probe, report);
}

void probe_end(struct probe *probe, enum probe_result result, unsigned number, const char *detail)
{
	struct probe_report report = { .result = result, .number = (uint16_t)number };

	if (detail != NULL)
		probe_set_detail(&report, detail);
	probe_done(probe, &report);
}

static void run_out(struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, deadline);
	bool late = clock_monotonic_us() > loop_at_us(timer) + OWN_DELAY_US;
	struct probe_report report = { .result = late ? PROBE_LOCAL : PROBE_TIMEOUT };

	probe->method->stop(probe, &report);
	if (late)
		probe_set_detail(&report, "gslb-health was delayed");
	probe_done(probe, &report);
}

static void lane_start_one(struct probe_runner *runner, struct probe_lane *lane, struct probe *probe)
{
	lane->running++;
	runner->running++;
	runner->descriptors += probe->method->descriptors;
	probe->phase = PROBE_RUNNING;
	probe->started_us = clock_monotonic_us();
	say_now(runner, lane);
	if (probe->due_us != 0)
		tally_late(runner->stats, probe->started_us > probe->due_us ? probe->started_us - probe->due_us : 0);
	loop_set(runner->loop, &probe->deadline, probe->started_us + probe->target->probe.timeout_ms * (uint64_t)1000);
	probe->method->start(probe);
}

void probe_start(struct probe_runner *runner, struct probe *probe)
{
	enum health_check check = probe->target->probe.check;
	struct probe_lane *lane = &runner->lanes[check];

	assert(probe->phase == PROBE_IDLE && checks[check].method->start != NULL);
	probe->runner = runner;
	probe->method = checks[check].method;
	probe->context = lane->context;
	probe->deadline.fire = run_out;
	probe->phase = PROBE_QUEUED;
	TAILQ_INSERT_TAIL(&lane->queue, probe, waiting);
	lane->queued++;
	runner->queued++;
	say_now(runner, lane);
	loop_set(runner->loop, &runner->pump, 0);
}

void probe_cancel(struct probe *probe)
{
	switch (probe->phase) {
	case PROBE_IDLE:
		break;
	case PROBE_QUEUED:
		leave_queue(probe->runner, lane_of(probe), probe);
		probe->phase = PROBE_IDLE;
		break;
	case PROBE_RUNNING:
		probe->method->stop(probe, NULL);
		settle(probe);
		break;
	}
	if (probe->kept != NULL)
		probe->method->forget(probe);
}

int probe_days_left(const struct probe_report *report)
{
	return (int)(((int64_t)report->cert_end_s - (int64_t)(clock_wall_ms() / 1000)) / 86400);
}

/* ---- for methods ---- */

struct loop *probe_loop(const struct probe *probe)
{
	return probe->runner->loop;
}

const char *probe_checks_directory(const struct probe *probe)
{
	return probe->runner->checks_directory;
}

bool probe_hold_descriptor(struct probe_runner *runner)
{
	if (runner->held >= runner->max_descriptors / 2 || runner->descriptors >= runner->max_descriptors)
		return false;
	runner->held++;
	runner->descriptors++;
	return true;
}

void probe_release_descriptor(struct probe_runner *runner)
{
	runner->held--;
	runner->descriptors--;
}

void probe_set_detail(struct probe_report *report, const char *text)
{
	snprintf(report->detail, sizeof report->detail, "%s", text);
}

enum probe_result probe_result_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case ETIMEDOUT:
		return PROBE_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return PROBE_RESET;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
		return PROBE_UNREACHABLE;
	default: /* no descriptor, no port, no memory, a local firewall: ours */
		return PROBE_LOCAL;
	}
}

void probe_end_errno(struct probe *probe, int error)
{
	enum probe_result result = probe_result_of_errno(error);
	bool vague = result == PROBE_LOCAL || result == PROBE_UNREACHABLE;

	probe_end(probe, result, 0, vague ? strerror(error) : NULL);
}
