/* What gslb-health hears of the fleet: nothing outside of one. */
#include <stddef.h>
#include <string.h>

#include "gslb/metrics.h"

static const struct board_fleet *fleet_of(const struct metrics *metrics)
{
	return &prober_stats(metrics->daemon->prober)->fleet;
}

static size_t in_fleet(const struct metrics *metrics)
{
	return atomic_load_explicit(&fleet_of(metrics)->nregions, memory_order_relaxed) > 0;
}

enum { DIGEST_BITS = 48 }; /* what a scraper keeps exactly */

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	{ "gslb_fleet_relay", offsetof(struct board_fleet, relay) },
	{ "gslb_fleet_bus", offsetof(struct board_fleet, bus) },
	{ "gslb_fleet_hosts", offsetof(struct board_fleet, hosts) },
	{ "gslb_fleet_hosts_alive", offsetof(struct board_fleet, alive) },
	{ "gslb_fleet_hosts_agreeing", offsetof(struct board_fleet, agree) },
	{ "gslb_fleet_differs", offsetof(struct board_fleet, differs) },
	{ "gslb_fleet_endpoints", offsetof(struct board_fleet, members) },
	{ "gslb_fleet_endpoints_assigned", offsetof(struct board_fleet, assigned) },
	{ "gslb_fleet_endpoints_frozen", offsetof(struct board_fleet, frozen) },
	{ "gslb_fleet_endpoints_regional", offsetof(struct board_fleet, regional) },
};

static void write_number(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		const _Atomic uint32_t *at = (const void *)((const char *)fleet_of(metrics) + numbers[i].at);

		if (strcmp(numbers[i].name, name) == 0)
			metrics_put(out, name, NULL, atomic_load_explicit(at, memory_order_relaxed));
	}
}

static void write_digest(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	uint64_t digest = atomic_load_explicit(&fleet_of(metrics)->digest, memory_order_relaxed);

	(void)thing;
	metrics_put(out, name, NULL, digest & ((UINT64_C(1) << DIGEST_BITS) - 1));
}

static void write_said(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&fleet_of(metrics)->said, memory_order_relaxed));
}

static void write_heard(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&fleet_of(metrics)->heard, memory_order_relaxed));
}

static void write_refused(const struct metrics *metrics, size_t thing, const char *name, struct buf *out)
{
	(void)thing;
	metrics_put(out, name, NULL, atomic_load_explicit(&fleet_of(metrics)->refused, memory_order_relaxed));
}

const struct metrics_family metrics_fleet[] = {
	{ "gslb_fleet_relay", METRICS_GAUGE, "1: gslb-health has gslb-relay", in_fleet, write_number },
	{ "gslb_fleet_bus", METRICS_GAUGE, "1: gslb-relay has the bus", in_fleet, write_number },
	{ "gslb_fleet_hosts", METRICS_GAUGE, "other hosts that were ever heard", in_fleet, write_number },
	{ "gslb_fleet_hosts_alive", METRICS_GAUGE, "of those, heard within 30 s", in_fleet, write_number },
	{ "gslb_fleet_hosts_agreeing", METRICS_GAUGE, "of those, with this host's digest", in_fleet, write_number },
	{ "gslb_fleet_differs", METRICS_GAUGE, "1: a host has had another digest for more than 30 s", in_fleet,
		write_number },
	{ "gslb_fleet_digest", METRICS_GAUGE, "of all votes and verdicts, 48 bits: the same on all hosts", in_fleet,
		write_digest },
	{ "gslb_fleet_endpoints", METRICS_GAUGE, "endpoints that the fleet judges", in_fleet, write_number },
	{ "gslb_fleet_endpoints_assigned", METRICS_GAUGE, "of those, probed by this region", in_fleet, write_number },
	{ "gslb_fleet_endpoints_frozen", METRICS_GAUGE, "of those, without a majority: they stand as they were",
		in_fleet, write_number },
	{ "gslb_fleet_endpoints_regional", METRICS_GAUGE, "of those, what this region sees and the fleet does not",
		in_fleet, write_number },
	{ "gslb_fleet_said_total", METRICS_COUNTER, "what gslb-health said to the fleet", in_fleet, write_said },
	{ "gslb_fleet_heard_total", METRICS_COUNTER, "what it heard", in_fleet, write_heard },
	{ "gslb_fleet_refused_total", METRICS_COUNTER, "of that, what made no sense", in_fleet, write_refused },
	{ NULL, METRICS_GAUGE, NULL, NULL, NULL },
};
