/* gslb-health: is it there, what it found, and how long that took. Its statistics lie on the board, where any bits are possible. */
#include <stdio.h>

#include "gslb/metrics.h"

static const char *const check_names[HEALTH_CHECKS] = {
	[HEALTH_CHECK_NONE] = "none",
	[HEALTH_CHECK_TCP] = "tcp",
	[HEALTH_CHECK_HTTP] = "http",
	[HEALTH_CHECK_HTTPS] = "https",
	[HEALTH_CHECK_DNS] = "dns",
	[HEALTH_CHECK_EXEC] = "exec",
	[HEALTH_CHECK_PUSH] = "push",
	[HEALTH_CHECK_GRPC] = "grpc",
	[HEALTH_CHECK_GRPCS] = "grpcs",
};

static uint64_t load(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static const struct board_stats *stats_of(const struct metrics *metrics)
{
	return prober_stats(metrics->daemon->prober);
}

/* ---- the process ---- */

static void write_running(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->prober.running);
}

static void write_restarts(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->prober.restarts);
}

static void write_abstaining(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->prober.abstaining != ABSTAIN_NOT);
}

static void write_age(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	uint64_t heard_ms = metrics->prober.heard_ms;

	(void)thing;
	metrics_put_ms(out, name, NULL, metrics->monotonic_ms > heard_ms ? metrics->monotonic_ms - heard_ms : 0);
}

static void write_targets(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->prober.ntargets);
}

static void write_names(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->prober.nnames);
}

static void write_states(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, METRICS_LABELS("state", "up"), metrics->states[HEALTH_UP]);
	metrics_put(out, name, METRICS_LABELS("state", "down"), metrics->states[HEALTH_DOWN]);
	metrics_put(out, name, METRICS_LABELS("state", "unknown"), metrics->states[HEALTH_UNKNOWN]);
}

static void write_doubtful(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, metrics->doubtful);
}

/* ---- probes ---- */

static size_t checks(const struct metrics *metrics)
{
	(void)metrics;
	return HEALTH_CHECKS;
}

static void write_probes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct board_check_stats *stats = &stats_of(metrics)->checks[thing];

	for (unsigned result = 0; result < PROBE_RESULTS; result++)
		if (load(&stats->results[result]) > 0)
			metrics_put(out, name,
				METRICS_LABELS("check", check_names[thing], "result", probe_result_name(result)),
				load(&stats->results[result]));
}

static void write_reused(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	uint64_t n = load(&stats_of(metrics)->checks[thing].reused);

	if (n > 0)
		metrics_put(out, name, METRICS_LABELS("check", check_names[thing]), n);
}

/* A bucket holds what is in those below it, and the last one is all there is: so the count is their sum, whatever the board says. */
static void put_histogram(
	const struct board_histogram *histogram, const char *name, const char *check, const char *part, struct buf *out)
{
	char series[96], le[32];
	uint64_t sum = 0;

	snprintf(series, sizeof series, "%s_bucket", name);
	for (unsigned i = 0; i < BOARD_BUCKETS; i++) {
		uint64_t us = board_bucket_us(i);

		sum += load(&histogram->buckets[i]);
		if (us == UINT64_MAX)
			snprintf(le, sizeof le, "+Inf");
		else
			snprintf(le, sizeof le, "%g", (double)us / 1e6);
		metrics_put(out, series,
			check != NULL ? METRICS_LABELS("check", check, "part", part, "le", le)
				      : METRICS_LABELS("le", le),
			sum);
	}
	snprintf(series, sizeof series, "%s_sum", name);
	metrics_put_us(out, series, check != NULL ? METRICS_LABELS("check", check, "part", part) : NULL,
		load(&histogram->sum_us));
	snprintf(series, sizeof series, "%s_count", name);
	metrics_put(out, series, check != NULL ? METRICS_LABELS("check", check, "part", part) : NULL, sum);
}

static void write_times(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const struct board_check_stats *stats = &stats_of(metrics)->checks[thing];
	const struct {
		const char *part;
		const struct board_histogram *histogram;
	} parts[] = {
		{ "connect", &stats->connect },
		{ "tls", &stats->tls },
		{ "first-byte", &stats->first_byte },
		{ "total", &stats->total },
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (load(&parts[i].histogram->count) > 0)
			put_histogram(parts[i].histogram, name, check_names[thing], parts[i].part, out);
}

static void write_late(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	put_histogram(&stats_of(metrics)->late, name, NULL, NULL, out);
}

static void write_running_probes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&stats_of(metrics)->running, memory_order_relaxed));
}

static void write_queued_probes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&stats_of(metrics)->queued, memory_order_relaxed));
}

static void write_descriptors(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&stats_of(metrics)->descriptors, memory_order_relaxed));
}

static void write_max_descriptors(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&stats_of(metrics)->max_descriptors, memory_order_relaxed));
}

const struct metrics_family metrics_health[] = {
	{ "gslb_health_running", METRICS_GAUGE, "1: gslb-health runs", NULL, write_running },
	{ "gslb_health_restarts_total", METRICS_COUNTER, "how often it was started again", NULL, write_restarts },
	{ "gslb_health_abstaining", METRICS_GAUGE, "1: it does not trust what it sees, and takes no endpoint down",
		NULL, write_abstaining },
	{ "gslb_board_age_seconds", METRICS_GAUGE, "since the last word from gslb-health; it speaks once a second",
		NULL, write_age },
	{ "gslb_health_targets", METRICS_GAUGE, "what it was told to probe", NULL, write_targets },
	{ "gslb_health_names", METRICS_GAUGE, "names that it was told to resolve", NULL, write_names },
	{ "gslb_endpoints", METRICS_GAUGE, "probed endpoints by state", NULL, write_states },
	{ "gslb_endpoints_in_doubt", METRICS_GAUGE, "endpoints about to change their state, perhaps", NULL,
		write_doubtful },
	{ "gslb_probes_total", METRICS_COUNTER, "probes by check and result", checks, write_probes },
	{ "gslb_probes_reused_total", METRICS_COUNTER, "probes over a connection that was open already", checks,
		write_reused },
	{ "gslb_probe_duration_seconds", METRICS_HISTOGRAM,
		"how long probes took, by check and part: to the connection, the TLS handshake, the answer's first "
		"byte; in total",
		checks, write_times },
	{ "gslb_probe_late_seconds", METRICS_HISTOGRAM, "how long after they were due probes began", NULL, write_late },
	{ "gslb_probes_running", METRICS_GAUGE, "probes under way", NULL, write_running_probes },
	{ "gslb_probes_queued", METRICS_GAUGE, "probes that wait for a descriptor", NULL, write_queued_probes },
	{ "gslb_probe_fds", METRICS_GAUGE, "descriptors that probes have open", NULL, write_descriptors },
	{ "gslb_probe_max_fds", METRICS_GAUGE, "descriptors that they may have", NULL, write_max_descriptors },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
