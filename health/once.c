/* The same runner and the same checks as in service, on one target made of arguments. The keys are those of a pool's TXT
 * record. */
#include "health/once.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "health/changelog.h"
#include "health/probe.h"
#include "health/service.h"

struct once {
	struct loop *loop;
	struct health_target target;
	struct probe probe;
	struct probe_report report;
	const char *checks_directory;
};

/* ---- keys ---- */

static bool set_host(struct once *once, const char *text)
{
	once->target.probe.host = text;
	return true;
}

static bool set_path(struct once *once, const char *text)
{
	once->target.probe.path = text;
	return text[0] == '/';
}

static bool set_body(struct once *once, const char *text)
{
	once->target.probe.body = text;
	return true;
}

static bool set_status(struct once *once, const char *text)
{
	struct health_probe *probe = &once->target.probe;

	for (probe->nstatus = 0; *text != '\0'; probe->nstatus++) {
		unsigned from, to;
		int len = 0;

		if (probe->nstatus == COUNT_OF(probe->status))
			return false;
		if (sscanf(text, "%3u-%3u%n", &from, &to, &len) != 2) {
			if (sscanf(text, "%3u%n", &from, &len) != 1)
				return false;
			to = from;
		}
		text += len;
		if (from < 100 || to > 999 || from > to || (*text != ',' && *text != '\0'))
			return false;
		text += *text == ',';
		probe->status[probe->nstatus].from = (uint16_t)from;
		probe->status[probe->nstatus].to = (uint16_t)to;
	}
	return probe->nstatus > 0;
}

static bool set_verify(struct once *once, const char *text)
{
	once->target.probe.verify = strcmp(text, "yes") == 0;
	return once->target.probe.verify || strcmp(text, "no") == 0;
}

static bool set_qname(struct once *once, const char *text)
{
	struct name name;

	once->target.probe.qname = text;
	return name_from_text(&name, text);
}

static bool set_qtype(struct once *once, const char *text)
{
	static const struct {
		const char *name;
		uint16_t qtype;
	} types[] = {
		{ "A", 1 },
		{ "NS", 2 },
		{ "CNAME", 5 },
		{ "SOA", 6 },
		{ "PTR", 12 },
		{ "MX", 15 },
		{ "TXT", 16 },
		{ "AAAA", 28 },
		{ "SRV", 33 },
		{ "SVCB", 64 },
		{ "HTTPS", 65 },
	};
	uint64_t number;

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (strcasecmp(text, types[i].name) == 0) {
			once->target.probe.qtype = types[i].qtype;
			return true;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || !number_parse(text + 4, 1, UINT16_MAX, &number))
		return false;
	once->target.probe.qtype = (uint16_t)number;
	return true;
}

static bool set_command(struct once *once, const char *text)
{
	once->target.probe.command = text;
	return true;
}

static bool set_checks_directory(struct once *once, const char *text)
{
	once->checks_directory = text;
	return true;
}

static bool set_timeout(struct once *once, const char *text)
{
	uint64_t ms;

	if (!duration_parse(text, &ms) || ms == 0 || ms > 60000)
		return false;
	once->target.probe.timeout_ms = (uint32_t)ms;
	return true;
}

static const struct {
	const char *name;
	bool (*set)(struct once *once, const char *text);
	const char *wanted;
} keys[] = {
	{ "host", set_host, "the name asked for (Host, SNI)" },
	{ "path", set_path, "begins with / (default /)" },
	{ "status", set_status, "up to 8 ranges, as in 200-299,304 (default 200-299)" },
	{ "body", set_body, "text that the first 64 KiB must hold" },
	{ "verify", set_verify, "yes or no (default yes)" },
	{ "qname", set_qname, "a domain name (default .)" },
	{ "qtype", set_qtype, "a type, as in SOA or TYPE65 (default SOA)" },
	{ "command", set_command, "a file in the checks folder" },
	{ "checks-directory", set_checks_directory, "the folder commands are in (default: this one)" },
	{ "timeout", set_timeout, "1ms to 60s (default 2s)" },
};

void once_print_keys(void)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		printf("  %-17s %s\n", keys[i].name, keys[i].wanted);
}

static bool set_key(struct once *once, const char *argument, struct err *err)
{
	const char *equals = strchr(argument, '=');

	for (size_t i = 0; equals != NULL && i < COUNT_OF(keys); i++) {
		if (strlen(keys[i].name) != (size_t)(equals - argument) ||
			strncmp(keys[i].name, argument, (size_t)(equals - argument)) != 0)
			continue;
		return keys[i].set(once, equals + 1) || err_set(err, "%s: must be %s", argument, keys[i].wanted);
	}
	return err_set(err, "%s: no key=value that --once knows (see --help)", argument);
}

static bool take_arguments(struct once *once, int argc, char **argv, struct err *err)
{
	struct health_target *target = &once->target;
	uint64_t port;

	if (argc < 3)
		return err_set(err, "--once wants CHECK ADDRESS PORT [key=value…], as in: --once tcp 192.0.2.10 443");
	if (!probe_check_parse(argv[0], &target->probe.check) || probe_is_pushed(target->probe.check))
		return err_set(err,
			"%s: no check that can be run (try none, tcp, http, https, grpc, grpcs, dns or exec)", argv[0]);
	if (!addr_parse(argv[1], &target->addr))
		return err_set(err, "%s: not an IPv4 or IPv6 address", argv[1]);
	if (!number_parse(argv[2], 1, UINT16_MAX, &port))
		return err_set(err, "%s: not a port (1 to 65535)", argv[2]);
	target->port = (uint16_t)port;
	for (int i = 3; i < argc; i++)
		if (!set_key(once, argv[i], err))
			return false;
	return true;
}

/* ---- the probe ---- */

static void once_finished(struct probe *probe, const struct probe_report *report)
{
	struct once *once = LOOP_OWNER(probe, struct once, probe);

	once->report = *report;
	loop_stop(once->loop);
}

/* loop_run begins by clearing a stop, so a probe that ends at once must start from within the loop. */
struct once_start {
	struct loop_timer timer;
	struct probe_runner *runner;
	struct once *once;
};

static void once_start(struct loop_timer *timer)
{
	struct once_start *start = LOOP_OWNER(timer, struct once_start, timer);

	probe_start(start->runner, &start->once->probe);
}

static bool run_probe(struct once *once, struct err *err)
{
	struct once_start start = { .timer = { .fire = once_start }, .once = once };

	once->loop = loop_new(err);
	if (once->loop == NULL)
		return false;
	start.runner = probe_runner_new(once->loop, service_descriptors(), err);
	if (start.runner != NULL) {
		probe_runner_set_checks_directory(start.runner, once->checks_directory);
		loop_set(once->loop, &start.timer, 0);
		loop_run(once->loop);
		probe_runner_free(start.runner);
	}
	loop_free(once->loop);
	return start.runner != NULL;
}

static int print_report(const struct once *once, char **argv)
{
	const struct probe_report *report = &once->report;
	char reason[REASON_TEXT_MAX];

	printf("%s %s %s: %s in %.1f ms\n", argv[0], argv[1], argv[2], reason_format(report, reason),
		report->took_us / 1000.0);
	if (report->cert_end_s != 0)
		printf("certificate ends in %d days\n", probe_days_left(report));
	return report->result == PROBE_OK ? 0 : 1;
}

int once_run(int argc, char **argv)
{
	struct once once = {
		.target.probe = { .host = "",
			.path = "/",
			.body = "",
			.qname = ".",
			.command = "",
			.verify = true,
			.qtype = 6,
			.interval_ms = 1000,
			.timeout_ms = 2000,
			.rise = 1,
			.fall = 1 },
		.checks_directory = ".",
	};
	struct err err;

	if (!take_arguments(&once, argc, argv, &err)) {
		fprintf(stderr, "gslb-health: %s\n", err.text);
		return 2;
	}
	once.probe.target = &once.target;
	once.probe.finished = once_finished;
	once.probe.look_at_cert = true;
	if (!run_probe(&once, &err)) {
		fprintf(stderr, "gslb-health: %s\n", err.text);
		return 1;
	}
	return print_report(&once, argv);
}
