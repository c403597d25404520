/* Endpoints one by one; with http.endpoint-metrics: no there are none of these. */
#include <stdio.h>

#include "gslb/metrics.h"

struct labels {
	const char *pair[13];
	char zone[NAME_TEXT_MAX], target[NAME_TEXT_MAX], addr[ADDR_TEXT_MAX], port[8];
};

static const char *const *labels_of(
	const struct metrics *metrics, size_t number, const char *more, const char *value, struct labels *labels)
{
	const struct endpoint *endpoint = &metrics->snapshot->endpoints[number];
	const struct pool *pool = metrics->snapshot->pools[endpoint->pool].pool;

	snprintf(labels->port, sizeof labels->port, "%u", endpoint->port);
	labels->pair[0] = "pool";
	labels->pair[1] = pool->label;
	labels->pair[2] = "zone";
	labels->pair[3] = name_format(&pool->zone->apex, labels->zone);
	labels->pair[4] = "endpoint";
	labels->pair[5] = name_format_under(
		&metrics->snapshot->set->targets[endpoint->target]->name, &pool->zone->apex, labels->target);
	labels->pair[6] = "address";
	labels->pair[7] = addr_format(&endpoint->addr, labels->addr);
	labels->pair[8] = "port";
	labels->pair[9] = labels->port;
	labels->pair[10] = more;
	labels->pair[11] = value;
	labels->pair[12] = NULL;
	return labels->pair;
}

static size_t endpoints(const struct metrics *metrics)
{
	return metrics->whole ? metrics->snapshot->nendpoints : 0;
}

static void write_up(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct labels labels;

	metrics_put(out, name, labels_of(metrics, thing, NULL, NULL, &labels), metrics->endpoints[thing].up);
}

/* Those of a probed endpoint alone. */
static void put_probed(const struct metrics *metrics, size_t thing, const char *name, struct buf *out, uint64_t number)
{
	struct labels labels;

	if (metrics->endpoints[thing].probed)
		metrics_put(out, name, labels_of(metrics, thing, NULL, NULL, &labels), number);
}

static void write_state(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	static const char *const states[] = { "unknown", "up", "down" };
	struct labels labels;

	if (metrics->endpoints[thing].probed)
		metrics_put(out, name,
			labels_of(metrics, thing, "state", states[verdict_unpack(metrics->endpoints[thing].word).state],
				&labels),
			1);
}

static void write_doubt(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_probed(metrics, thing, name, out, verdict_unpack(metrics->endpoints[thing].word).doubt);
}

static void write_held(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_probed(metrics, thing, name, out, verdict_unpack(metrics->endpoints[thing].word).held);
}

static void write_damped(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_probed(metrics, thing, name, out, verdict_unpack(metrics->endpoints[thing].word).damped);
}

static void write_since(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	uint32_t since_s = verdict_unpack(metrics->endpoints[thing].word).since_s;

	if (since_s > 0)
		put_probed(metrics, thing, name, out, since_s);
}

static void write_failing(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct verdict verdict = verdict_unpack(metrics->endpoints[thing].word);
	struct labels labels;

	if (metrics->endpoints[thing].last_s > 0 && verdict.reason != PROBE_OK && verdict.reason != PROBE_NONE &&
		verdict.reason != PROBE_PUSHED_UP)
		metrics_put(
			out, name, labels_of(metrics, thing, "reason", probe_result_name(verdict.reason), &labels), 1);
}

static void write_weight(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct labels labels;

	metrics_put_ms(
		out, name, labels_of(metrics, thing, NULL, NULL, &labels), metrics->endpoints[thing].weight_permille);
}

static void write_forced(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	enum override_action forced = (enum override_action)metrics->endpoints[thing].forced;
	struct labels labels;

	if (forced != OVERRIDE_NONE)
		metrics_put(out, name, labels_of(metrics, thing, "action", override_action_name(forced), &labels), 1);
}

static void write_transitions(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_probed(metrics, thing, name, out, metrics->endpoints[thing].transitions);
}

static void write_probes(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	put_probed(metrics, thing, name, out, metrics->endpoints[thing].probes);
}

static void write_last(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	if (metrics->endpoints[thing].last_s > 0)
		put_probed(metrics, thing, name, out, metrics->endpoints[thing].last_s);
}

static void write_rtt(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	struct labels labels;

	if (metrics->endpoints[thing].rtt_us > 0)
		metrics_put_us(
			out, name, labels_of(metrics, thing, NULL, NULL, &labels), metrics->endpoints[thing].rtt_us);
}

static bool is_pushed(const struct metrics *metrics, size_t thing)
{
	return metrics->snapshot->pools[metrics->snapshot->endpoints[thing].pool].pool->check.type == CHECK_PUSH;
}

static void write_certificate(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	if (metrics->endpoints[thing].cert_end_s > 0 && !is_pushed(metrics, thing))
		put_probed(metrics, thing, name, out, metrics->endpoints[thing].cert_end_s);
}

static void write_push_end(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	if (metrics->endpoints[thing].cert_end_s > 0 && is_pushed(metrics, thing))
		put_probed(metrics, thing, name, out, metrics->endpoints[thing].cert_end_s);
}

const struct metrics_family metrics_endpoints[] = {
	{ "gslb_endpoint_up", METRICS_GAUGE, "1: it is in service, probes and overrides taken together", endpoints,
		write_up },
	{ "gslb_endpoint_state", METRICS_GAUGE, "1, with what its probes say: up, down or unknown", endpoints,
		write_state },
	{ "gslb_endpoint_in_doubt", METRICS_GAUGE, "1: its state is about to change, perhaps", endpoints, write_doubt },
	{ "gslb_endpoint_damped", METRICS_GAUGE, "1: it is held back since it kept failing and coming back", endpoints,
		write_damped },
	{ "gslb_endpoint_held", METRICS_GAUGE, "1: its verdict is held against what was seen last", endpoints,
		write_held },
	{ "gslb_endpoint_since_timestamp_seconds", METRICS_GAUGE, "when it came to this state, Unix time", endpoints,
		write_since },
	{ "gslb_endpoint_failing", METRICS_GAUGE, "1, with the reason, while its last probe failed", endpoints,
		write_failing },
	{ "gslb_endpoint_weight_ratio", METRICS_GAUGE, "the part of its weight that counts, after ramp and drain",
		endpoints, write_weight },
	{ "gslb_endpoint_forced", METRICS_GAUGE, "1, with the action, while an override covers it", endpoints,
		write_forced },
	{ "gslb_endpoint_transitions_total", METRICS_COUNTER, "changes of its state", endpoints, write_transitions },
	{ "gslb_endpoint_probes_total", METRICS_COUNTER, "its probes", endpoints, write_probes },
	{ "gslb_endpoint_last_probe_timestamp_seconds", METRICS_GAUGE, "when the last one ended, Unix time", endpoints,
		write_last },
	{ "gslb_endpoint_last_probe_rtt_seconds", METRICS_GAUGE, "how long its last good probe took", endpoints,
		write_rtt },
	{ "gslb_endpoint_certificate_end_timestamp_seconds", METRICS_GAUGE, "when its certificate ends, Unix time",
		endpoints, write_certificate },
	{ "gslb_endpoint_push_end_timestamp_seconds", METRICS_GAUGE, "when its pushed state ends, Unix time", endpoints,
		write_push_end },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
