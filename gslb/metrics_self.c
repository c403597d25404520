/* The daemon itself: which it is, what it uses, who asks it over HTTP. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gslb/metrics.h"

static void write_build(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)metrics;
	(void)thing;
	metrics_put(out, name, METRICS_LABELS("version", PACKAGE_VERSION), 1);
}

static void write_start(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put_ms(out, name, NULL, metrics->daemon->started_ms);
}

/* ---- a process ---- */

struct usage {
	unsigned long long user, system; /* clock ticks */
	unsigned long long vsize;        /* bytes */
	long rss;                        /* pages */
};

/* proc(5): what follows the name, which may hold blanks and brackets itself. */
static bool read_usage(const char *process, struct usage *usage)
{
	char path[64], text[1024];
	const char *fields;
	size_t len;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/stat", process);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	fields = strrchr(text, ')');
	return fields != NULL &&
	       sscanf(fields + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
		       "%*u %llu %ld",
		       &usage->user, &usage->system, &usage->vsize, &usage->rss) == 4;
}

static void put_cpu(const char *process, const char *name, struct buf *out)
{
	long ticks = sysconf(_SC_CLK_TCK);
	struct usage usage;

	if (read_usage(process, &usage) && ticks > 0)
		metrics_put_ms(out, name, NULL, (usage.user + usage.system) * 1000 / (unsigned long long)ticks);
}

static void put_memory(const char *process, const char *name, struct buf *out)
{
	struct usage usage;

	if (read_usage(process, &usage))
		metrics_put(out, name, NULL, (uint64_t)usage.rss * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void write_cpu(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)metrics;
	(void)thing;
	put_cpu("self", name, out);
}

static void write_memory(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)metrics;
	(void)thing;
	put_memory("self", name, out);
}

static void write_virtual(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct usage usage;

	(void)metrics;
	(void)thing;
	if (read_usage("self", &usage))
		metrics_put(out, name, NULL, usage.vsize);
}

static void write_open_files(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	DIR *folder = opendir("/proc/self/fd");
	uint64_t n = 0;

	(void)metrics;
	(void)thing;
	if (folder == NULL)
		return;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		n += entry->d_name[0] != '.';
	closedir(folder);
	metrics_put(out, name, NULL, n - 1); /* the folder itself */
}

static void write_max_files(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct rlimit limit;

	(void)metrics;
	(void)thing;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics_put(out, name, NULL, limit.rlim_cur);
}

static const char *health_process(const struct metrics *metrics, char text[static 16])
{
	snprintf(text, 16, "%d", (int)metrics->prober.pid);
	return text;
}

static void write_health_cpu(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	char text[16];

	(void)thing;
	if (metrics->prober.running)
		put_cpu(health_process(metrics, text), name, out);
}

static void write_health_memory(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	char text[16];

	(void)thing;
	if (metrics->prober.running)
		put_memory(health_process(metrics, text), name, out);
}

/* ---- HTTP ---- */

static void write_http_answers(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct http_counts counts;
	char code[12];

	(void)thing;
	http_counts(metrics->daemon->http, &counts);
	for (size_t i = 0; i < HTTP_STATUSES && counts.answers[i].status != 0; i++) {
		snprintf(code, sizeof code, "%u", counts.answers[i].status);
		metrics_put(out, name, METRICS_LABELS("code", code), counts.answers[i].n);
	}
}

static void write_http_connections(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct http_counts counts;

	(void)thing;
	http_counts(metrics->daemon->http, &counts);
	metrics_put(out, name, NULL, counts.connections);
}

static void write_http_cut_off(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct http_counts counts;

	(void)thing;
	http_counts(metrics->daemon->http, &counts);
	metrics_put(out, name, NULL, counts.cut_off);
}

const struct metrics_family metrics_self[] = {
	{ "gslb_build_info", METRICS_GAUGE, "1, with the version", NULL, write_build },
	{ "process_start_time_seconds", METRICS_GAUGE, "when gslbd started, Unix time", NULL, write_start },
	{ "process_cpu_seconds_total", METRICS_COUNTER, "processor time of gslbd", NULL, write_cpu },
	{ "process_resident_memory_bytes", METRICS_GAUGE, "memory of gslbd, with the board it shares", NULL,
		write_memory },
	{ "process_virtual_memory_bytes", METRICS_GAUGE, "address space of gslbd", NULL, write_virtual },
	{ "process_open_fds", METRICS_GAUGE, "open descriptors of gslbd", NULL, write_open_files },
	{ "process_max_fds", METRICS_GAUGE, "descriptors that it may have", NULL, write_max_files },
	{ "gslb_health_cpu_seconds_total", METRICS_COUNTER, "processor time of the gslb-health that runs now", NULL,
		write_health_cpu },
	{ "gslb_health_resident_memory_bytes", METRICS_GAUGE, "its memory", NULL, write_health_memory },
	{ "gslb_http_answers_total", METRICS_COUNTER, "answers over HTTP, by status", NULL, write_http_answers },
	{ "gslb_http_connections", METRICS_GAUGE, "HTTP connections that are open", NULL, write_http_connections },
	{ "gslb_http_cut_off_total", METRICS_COUNTER, "HTTP connections over their time", NULL, write_http_cut_off },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
