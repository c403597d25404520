/* A host that is a name is resolved by lookups of our own; when a poll fails, the next one goes to the next of its addresses. */
#include "health/gauge.h"

#include <stdlib.h>
#include <string.h>

#include "health/lookup.h"

enum { FIRST_SPREAD_MS = 1000 };

struct gauge {
	struct gauges *gauges;
	uint32_t id;
	char *host, *path, *absolute; /* absolute: the host as a name to be looked up; NULL: it is an address */
	struct health_target target;
	struct probe probe;
	struct loop_timer timer;
	struct addr addrs[HEALTH_ADDRS_MAX];
	unsigned naddrs, nfailed;
	bool wanted; /* while the list is replaced */
};

struct gauges {
	struct loop *loop;
	struct probe_runner *runner;
	struct lookups *lookups;
	void (*say)(void *arg, const struct health_message *message);
	void *arg;
	struct gauge **gauges;
	size_t ngauges, cap;
};

static void say_failed(const struct gauge *gauge, enum probe_result result)
{
	const struct health_message message = {
		.kind = HEALTH_LOAD, .slot = gauge->id, .generation = (uint16_t)result
	};

	gauge->gauges->say(gauge->gauges->arg, &message);
}

static void poll_again(struct gauge *gauge, uint64_t in_ms)
{
	loop_set(gauge->gauges->loop, &gauge->timer, clock_monotonic_us() + in_ms * 1000);
}

static void poll_finished(struct probe *probe, const struct probe_report *report)
{
	struct gauge *gauge = LOOP_OWNER(probe, struct gauge, probe);
	const struct health_message message = {
		.kind = HEALTH_LOAD, .slot = gauge->id, .ok = true, .value = report->load_milli
	};

	if (report->result == PROBE_OK && report->has_load) {
		gauge->gauges->say(gauge->gauges->arg, &message);
	} else {
		say_failed(gauge, report->result);
		gauge->nfailed++;
	}
	poll_again(gauge, HEALTH_LOAD_EVERY_MS);
}

static void poll_is_due(struct loop_timer *timer)
{
	struct gauge *gauge = LOOP_OWNER(timer, struct gauge, timer);

	if (gauge->naddrs == 0) {
		say_failed(gauge, PROBE_NONE);
		poll_again(gauge, HEALTH_LOAD_EVERY_MS);
		return;
	}
	gauge->target.addr = gauge->addrs[gauge->nfailed % gauge->naddrs];
	probe_start(gauge->gauges->runner, &gauge->probe);
}

static void take_resolved(void *arg, const struct health_message *message)
{
	struct gauges *gauges = arg;

	for (size_t i = 0; i < gauges->ngauges; i++) {
		struct gauge *gauge = gauges->gauges[i];

		if (gauge->id != message->value || !message->ok || message->naddrs == 0)
			continue;
		memcpy(gauge->addrs, message->addrs, message->naddrs * sizeof gauge->addrs[0]);
		if (gauge->naddrs == 0 && loop_is_set(&gauge->timer))
			poll_again(gauge, 0);
		gauge->naddrs = message->naddrs;
	}
}

struct gauges *gauges_new(struct loop *loop, struct probe_runner *runner,
	void (*say)(void *arg, const struct health_message *message), void *arg, struct err *err)
{
	struct gauges *gauges = mem_alloc(sizeof *gauges);

	*gauges = (struct gauges){ .loop = loop, .runner = runner, .say = say, .arg = arg };
	gauges->lookups = lookups_new(loop, take_resolved, gauges, err);
	if (gauges->lookups == NULL) {
		free(gauges);
		return NULL;
	}
	return gauges;
}

static struct gauge *gauge_new(struct gauges *gauges, const struct health_gauge *spec)
{
	struct gauge *gauge = mem_alloc(sizeof *gauge);

	*gauge = (struct gauge){
		.gauges = gauges,
		.id = spec->id,
		.host = mem_strdup(spec->host),
		.path = mem_strdup(spec->path),
	};
	gauge->timer.fire = poll_is_due;
	gauge->probe.target = &gauge->target;
	gauge->probe.finished = poll_finished;
	gauge->target = (struct health_target){
		.slot = spec->id,
		.port = spec->port,
		.label = gauge->path,
		.probe = { .check = spec->tls ? HEALTH_CHECK_HTTPS : HEALTH_CHECK_HTTP,
			.host = gauge->host,
			.path = gauge->path,
			.body = "",
			.qname = "",
			.command = "",
			.load = HEALTH_LOAD_BODY,
			.verify = true,
			.interval_ms = HEALTH_LOAD_EVERY_MS,
			.timeout_ms = HEALTH_LOAD_TIMEOUT_MS,
			.rise = 1,
			.fall = 1 },
	};
	if (addr_parse(spec->host, &gauge->addrs[0]))
		gauge->naddrs = 1;
	else
		gauge->absolute = mem_printf("%s.", spec->host);
	poll_again(gauge, hash_mix(spec->id, 1) % FIRST_SPREAD_MS);
	return gauge;
}

static void gauge_free(struct gauge *gauge)
{
	probe_cancel(&gauge->probe);
	loop_clear(gauge->gauges->loop, &gauge->timer);
	free(gauge->host);
	free(gauge->path);
	free(gauge->absolute);
	free(gauge);
}

static bool is_same(const struct gauge *gauge, const struct health_gauge *spec)
{
	return gauge->id == spec->id && gauge->target.port == spec->port && strcmp(gauge->host, spec->host) == 0 &&
	       strcmp(gauge->path, spec->path) == 0 && (gauge->target.probe.check == HEALTH_CHECK_HTTPS) == spec->tls;
}

static struct gauge *find_same(const struct gauges *gauges, const struct health_gauge *spec)
{
	for (size_t i = 0; i < gauges->ngauges; i++)
		if (is_same(gauges->gauges[i], spec))
			return gauges->gauges[i];
	return NULL;
}

static void drop_unwanted(struct gauges *gauges)
{
	size_t kept = 0;

	for (size_t i = 0; i < gauges->ngauges; i++) {
		struct gauge *gauge = gauges->gauges[i];

		if (gauge->wanted)
			gauges->gauges[kept++] = gauge;
		else
			gauge_free(gauge);
	}
	gauges->ngauges = kept;
}

/* Hosts that are names. */
static void look_up(struct gauges *gauges)
{
	struct health_lookup *list = mem_alloc((gauges->ngauges + 1) * sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < gauges->ngauges; i++)
		if (gauges->gauges[i]->absolute != NULL)
			list[n++] = (struct health_lookup){ gauges->gauges[i]->id, gauges->gauges[i]->absolute };
	lookups_replace(gauges->lookups, list, n);
	free(list);
}

void gauges_replace(struct gauges *gauges, const struct health_gauge *list, size_t n)
{
	for (size_t i = 0; i < gauges->ngauges; i++)
		gauges->gauges[i]->wanted = false;
	for (size_t i = 0; i < n; i++) {
		struct gauge *gauge = find_same(gauges, &list[i]);

		if (gauge == NULL) {
			gauge = gauge_new(gauges, &list[i]);
			gauges->gauges =
				mem_grow(gauges->gauges, gauges->ngauges, &gauges->cap, sizeof(struct gauge *));
			gauges->gauges[gauges->ngauges++] = gauge;
		}
		gauge->wanted = true;
	}
	drop_unwanted(gauges);
	look_up(gauges);
}

void gauges_free(struct gauges *gauges)
{
	if (gauges == NULL)
		return;
	for (size_t i = 0; i < gauges->ngauges; i++)
		gauge_free(gauges->gauges[i]);
	lookups_free(gauges->lookups);
	free(gauges->gauges);
	free(gauges);
}
