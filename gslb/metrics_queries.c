/* Queries and TCP connections: the workers' counters. */
#include "gslb/metrics.h"

static const char *const transport_names[] = { "udp", "tcp" }, *const family_names[] = { "ipv4", "ipv6" };

/* Combinations that were seen, and always those that everyone watches. */
static void write_queries(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	size_t transport = thing / COUNTED_TYPES / COUNTED_FAMILIES, family = thing / COUNTED_TYPES % COUNTED_FAMILIES;
	size_t type = thing % COUNTED_TYPES;
	const uint64_t *row = metrics->counted.queries[transport][family][type];

	for (int outcome = 0; outcome < OUTCOMES_N; outcome++)
		if (row[outcome] > 0 || (type <= 1 && outcome == OUTCOME_STEERED))
			metrics_put(out, name,
				METRICS_LABELS("transport", transport_names[transport], "family", family_names[family],
					"type", counted_type_names[type], "rcode", outcome_rows[outcome].rcode, "kind",
					outcome_rows[outcome].kind),
				row[outcome]);
}

static size_t query_rows(const struct metrics *metrics)
{
	(void)metrics;
	return COUNTED_TRANSPORTS * COUNTED_FAMILIES * COUNTED_TYPES;
}

static void write_tcp_clients(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	const uint64_t *value = metrics->counted.value;

	(void)thing;
	metrics_put(out, name, NULL,
		value[COUNT_tcp_accepted] > value[COUNT_tcp_closed]
			? value[COUNT_tcp_accepted] - value[COUNT_tcp_closed]
			: 0);
}

/* The counters that are not a sum of queries, each a metric of its own: the table makes the functions, which know their row. */
#define COUNTER_FAMILY(counter, help)                                                                               \
	static void write_##counter(const struct metrics *metrics, size_t thing, const char *name, struct buf *out) \
	{                                                                                                           \
		(void)thing;                                                                                        \
		metrics_put(out, name, NULL, metrics->counted.value[COUNT_##counter]);                              \
	}
COUNTERS(COUNTER_FAMILY)

#define COUNTER_ROW(counter, help) { "gslb_" #counter "_total", METRICS_COUNTER, help, NULL, write_##counter },

const struct metrics_family metrics_queries[] = {
	{ "gslb_queries_total", METRICS_COUNTER,
		"queries by transport, family, type, rcode and kind (steered, static, nodata, nxdomain, referral, "
		"error, limited)",
		query_rows, write_queries },
	{ "gslb_tcp_clients", METRICS_GAUGE, "TCP connections that are open", NULL, write_tcp_clients },
	COUNTERS(COUNTER_ROW){ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
