/* What a scraper reads: the names of RELAY 5.10. A label's text is a relay's or a cache's name, which has nothing to escape. The label region
 * has a relay's name: a region's first one is called as the region is. */
#include <stdarg.h>
#include <stdio.h>

#include "relay/service.h"

static void head(struct buf *text, const char *name, const char *type, const char *help)
{
	buf_printf(text, "# HELP gslb_relay_%s %s\n# TYPE gslb_relay_%s %s\n", name, help, name, type);
}

static void put(struct buf *text, const char *name, const char *type, const char *help, double value)
{
	head(text, name, type, help);
	buf_printf(text, "gslb_relay_%s %.15g\n", name, value);
}

double metrics_lag_s(struct service *service, const char *relay, uint64_t wall_ms)
{
	uint64_t made_ms = store_made_after(service->store, store_receipt_of(service->store, relay, NULL));

	return made_ms > 0 && wall_ms > made_ms ? (double)(wall_ms - made_ms) / 1000 : 0;
}

static void print_lag(struct service *service, uint64_t last, uint64_t now_ms, struct buf *text)
{
	const struct relay_conf *conf = service->conf;

	head(text, "region_lag_events", "gauge", "Events of this relay that a relay has not done.");
	for (size_t i = 0; i < conf->nrelays; i++) {
		uint64_t receipt = store_receipt_of(service->store, conf->relays[i].name, NULL);

		buf_printf(text, "gslb_relay_region_lag_events{region=\"%s\"} %llu\n", conf->relays[i].name,
			(unsigned long long)(last > receipt ? last - receipt : 0));
	}
	head(text, "region_lag_seconds", "gauge",
		"How long the oldest event of origin, which is this relay, has waited for a relay.");
	for (size_t i = 0; i < conf->nrelays; i++)
		buf_printf(text, "gslb_relay_region_lag_seconds{origin=\"%s\",region=\"%s\"} %.3f\n", conf->name,
			conf->relays[i].name, metrics_lag_s(service, conf->relays[i].name, now_ms));
}

static void print_log(struct service *service, struct buf *text)
{
	uint64_t rows, oldest_ms, last, now_ms = clock_wall_ms();

	store_outbox_left(service->store, &rows, &oldest_ms, &last);
	put(text, "outbox_rows", "gauge", "Events that not every relay has done.", (double)rows);
	put(text, "outbox_oldest_seconds", "gauge", "Age of the oldest of them.",
		oldest_ms > 0 && now_ms > oldest_ms ? (double)(now_ms - oldest_ms) / 1000 : 0);
	put(text, "made_total", "counter", "Events of this relay, in this life of its log.", (double)last);
	put(text, "draining", "gauge", "1 while nothing new is taken in: gslbctl relay drain.", service->drain.on);
	put(text, "dlq", "gauge", "Things that could not be done: gslbctl relay dead.",
		(double)store_dead_count(service->store));
	put(text, "log_failures_total", "counter", "Times that the log could not be written.",
		(double)service->exchange.log_failures);
	print_lag(service, last, now_ms, text);
}

/* Of events that somebody waited for: of the others the relays say no more than how far they are. */
static void print_times(struct service *service, struct buf *text)
{
	char labels[EVENT_LABEL_MAX + 32];

	head(text, "e2e_applied_seconds", "histogram",
		"From a request that waits until a relay's caches were told, by prio: 0 failover, 1 edit, 2 hot, 3 "
		"bulk.");
	for (size_t i = 0; i < service->conf->nrelays; i++)
		for (unsigned prio = 0; prio < EVENT_PRIOS; prio++) {
			snprintf(labels, sizeof labels, "region=\"%s\",prio=\"%u\"", service->conf->relays[i].name,
				prio);
			spread_print(&service->applied[i][prio], "gslb_relay_e2e_applied_seconds", labels, text);
		}
	head(text, "receipt_floor", "gauge", "Up to which number a relay has done this one's events.");
	for (size_t i = 0; i < service->conf->nrelays; i++)
		buf_printf(text, "gslb_relay_receipt_floor{region=\"%s\"} %llu\n", service->conf->relays[i].name,
			(unsigned long long)store_receipt_of(service->store, service->conf->relays[i].name, NULL));
}

static void print_bus(struct service *service, struct buf *text)
{
	struct renew_status renew = renew_status(service->renew);
	char stranger[STRANGERS_TEXT_MAX];
	struct bus_status bus;

	service->bus_ops->status(service->bus, &bus);
	put(text, "bus_strangers", "gauge", "Hosts with our name on the bus, and hosts that bus.relays does not have.",
		(double)strangers_look(&service->strangers, service->conf, clock_monotonic_ms(), stranger));
	put(text, "bus_up", "gauge", "1 when the bus is connected.", bus.connected);
	put(text, "bus_resent_total", "counter", "Events offered to the bus again.", (double)bus.resent);
	put(text, "bus_seq_regressions_total", "counter", "Times that the bus had lost what it had taken.",
		(double)bus.regressions);
	put(text, "bus_renewals_total", "counter", "Times that another bus, or connection to it, took over.",
		(double)renew.renewed);
	put(text, "bus_renewal_failures_total", "counter",
		"Times that another one could not be made: gslbctl relay status says why.", (double)renew.failed);
	if (renew.ends_ms != 0)
		put(text, "bus_certificate_end_timestamp_seconds", "gauge", "When bus.cert ends.",
			(double)renew.ends_ms / 1000);
	head(text, "publish_seconds", "histogram", "From an event being sent to the bus until that had taken it.");
	spread_print(&bus.published, "gslb_relay_publish_seconds", "", text);
}

static void print_work(struct service *service, struct buf *text)
{
	struct work_totals totals = work_totals(service->work);

	put(text, "events_total", "counter", "Events worked on.", (double)totals.events);
	put(text, "active", "gauge", "Events under way.", (double)totals.active);
	put(text, "moot_total", "counter", "Events that were moot or not for this region.", (double)totals.moot);
	put(text, "failed_total", "counter", "Events that ended with errors.", (double)totals.failed);
	put(text, "dup_total", "counter", "Events that came again.", (double)service->exchange.duplicates);
	put(text, "spoofed_total", "counter",
		"Events that were damaged, spoke for another relay, or had not its signature.",
		(double)service->exchange.spoofed);
	put(text, "gap_total", "counter",
		"Times that events of a relay did not come for two minutes, and were given up.",
		(double)service->exchange.gaps);
	put(text, "forbidden_total", "counter", "Events of other regions that relay.policy-file does not allow.",
		(double)service->exchange.forbidden);
	put(text, "coarse_flush_total", "counter", "Times that all caches were told to drop everything.",
		(double)service->exchange.coarse);
	put(text, "let_go_total", "counter", "Events that were not kept for a relay that was away for too long.",
		(double)service->exchange.let_go);
	put(text, "refused_total", "counter", "Requests that were refused.", (double)service->refused);
	put(text, "limited_total", "counter", "Requests that were refused since they were too many.",
		(double)service->limited);
	put(text, "hot_keys", "gauge", "Items whose requests are counted: gslbctl relay hot.",
		(double)heat_count(service->heat));
	put(text, "hit_lines_wrong_total", "counter", "Lines of hit logs that were none.",
		(double)heat_wrong(service->heat));
	head(text, "applied_seconds", "summary", "From an event's arrival until its caches were told.");
	buf_printf(text,
		"gslb_relay_applied_seconds{quantile=\"0.5\"} %g\ngslb_relay_applied_seconds{quantile=\"0.99\"} %g\n",
		(double)totals.took_us_p50 / 1e6, (double)totals.took_us_p99 / 1e6);
}

/* Of what the resolvers' answers and the caches' own words show. */
static void print_proofs(struct service *service, struct buf *text)
{
	char labels[STATE_LABEL_MAX + 16];
	struct target *const *targets;
	size_t n = work_targets(service->work, &targets);

	head(text, "e2e_verified_seconds", "histogram",
		"From a failover's name being asked for until a resolver, after its last flush, was seen to give the "
		"right answer.");
	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);

		snprintf(labels, sizeof labels, "target=\"%s\"", target_conf(targets[i])->name);
		spread_print(&stats.verified_in, "gslb_relay_e2e_verified_seconds", labels, text);
	}
	head(text, "effective_ratio", "gauge", "Part of what was dropped that was there, of caches that say so.");
	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);
		uint64_t told = stats.found[0] + stats.found[1];

		if (told > 0)
			buf_printf(text, "gslb_relay_effective_ratio{target=\"%s\"} %.4f\n",
				target_conf(targets[i])->name, (double)stats.found[0] / (double)told);
	}
}

/* One family for each number of a target. */
static void print_target_numbers(struct service *service, struct buf *text)
{
	struct target *const *targets;
	size_t n = work_targets(service->work, &targets);
	static const char *const results[] = { "ok", "retry", "err" };
	static const char *const verified[] = { "fresh", "stale", "unknown" };

	head(text, "pending", "gauge", "Items that wait for a cache.");
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "gslb_relay_pending{target=\"%s\"} %zu\n", target_conf(targets[i])->name,
			target_stats(targets[i]).pending);
	head(text, "breaker_state", "gauge", "0: works, 1: left alone for a while, 2: asked for a sign of life.");
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "gslb_relay_breaker_state{target=\"%s\"} %d\n", target_conf(targets[i])->name,
			(int)target_stats(targets[i]).breaker);
	head(text, "coalesced_total", "counter", "Items joined with one that waited already.");
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "gslb_relay_coalesced_total{target=\"%s\"} %llu\n", target_conf(targets[i])->name,
			(unsigned long long)target_stats(targets[i]).coalesced);
	head(text, "collapsed_total", "counter",
		"Times that too much waited for a cache, and all was dropped instead.");
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "gslb_relay_collapsed_total{target=\"%s\"} %llu\n", target_conf(targets[i])->name,
			(unsigned long long)target_stats(targets[i]).collapsed);
	head(text, "pacer_budget_used", "gauge",
		"Part of its budget of regenerations that is expected to be used now.");
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "gslb_relay_pacer_budget_used{target=\"%s\"} %.3f\n", target_conf(targets[i])->name,
			target_stats(targets[i]).budget_used);
	head(text, "flush_total", "counter", "Items that a cache was told.");
	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);
		const uint64_t counts[] = { stats.done, stats.retried, stats.refused };

		for (unsigned k = 0; k < COUNT_OF(counts); k++)
			buf_printf(text, "gslb_relay_flush_total{target=\"%s\",result=\"%s\"} %llu\n",
				target_conf(targets[i])->name, results[k], (unsigned long long)counts[k]);
	}
	head(text, "flush_seconds", "summary", "What a cache took for a batch of items.");
	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);

		buf_printf(text, "gslb_relay_flush_seconds_sum{target=\"%s\"} %.6f\n", target_conf(targets[i])->name,
			(double)stats.took_us / 1e6);
		buf_printf(text, "gslb_relay_flush_seconds_count{target=\"%s\"} %llu\n", target_conf(targets[i])->name,
			(unsigned long long)stats.batches);
	}
	head(text, "verify_total", "counter", "Answers that a resolver gave after a flush.");
	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);

		for (unsigned k = 0; k < COUNT_OF(verified); k++)
			buf_printf(text, "gslb_relay_verify_total{target=\"%s\",result=\"%s\"} %llu\n",
				target_conf(targets[i])->name, verified[k], (unsigned long long)stats.verified[k]);
	}
}

void metrics_print(void *arg, struct buf *text)
{
	struct service *service = arg;

	print_log(service, text);
	print_times(service, text);
	print_bus(service, text);
	print_work(service, text);
	print_target_numbers(service, text);
	print_proofs(service, text);
}
