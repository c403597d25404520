/* metrics - what is measured, in Prometheus' text format (version 0.0.4). A metric is a row: name, type, sentence, how many things
 * it has samples of, and a function that writes those of one thing. The rows make the page, and the manual's list is checked
 * against them.
 *
 * A scrape of many endpoints is long: what changes is read at its beginning, so that all its numbers are of one moment, and the
 * text is made in pieces while the main thread does its other work. The main thread's. */
#ifndef GSLB_METRICS_H
#define GSLB_METRICS_H

#include "gslb/daemon.h"

struct metrics;

struct metrics *metrics_begin(struct daemon *daemon);
/* Add about `len` bytes to the piece, or what is left; false when that is nothing. */
bool metrics_next(struct metrics *metrics, struct buf *piece, size_t len);
void metrics_end(struct metrics *metrics); /* before the daemon's parts are taken down */

/* ---- for the rows ---- */

/* An endpoint at the scrape's beginning. */
struct metrics_endpoint {
	uint64_t word;
	uint32_t rtt_us, last_s, transitions, probes, cert_end_s;
	uint16_t weight_permille;
	bool up, probed;
	uint8_t forced; /* enum override_action */
};

/* A pool's endpoints of one family. */
struct metrics_pool {
	bool up;
	uint8_t forced;
	uint32_t endpoints_up;
};

struct metrics {
	struct daemon *daemon;       /* what of it rows read changes in steps only: zones, overrides */
	struct published *published; /* held */
	const struct snapshot *snapshot;
	uint64_t now_ms, monotonic_ms;
	bool whole; /* endpoints one by one, too */
	struct counted counted;
	struct prober_status prober;
	struct metrics_endpoint *endpoints; /* by number */
	struct metrics_pool (*pools)[FAMILIES];
	struct capacity_facts *facts;              /* by pool; a reload numbers pools anew */
	unsigned long states[3], doubtful;         /* endpoints by enum health_state */
	const struct metrics_family *const *table; /* where the text is: table, row, thing */
	size_t row, thing;
};

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_family {
	const char *name; /* NULL ends a table */
	enum metrics_type type;
	const char *help;
	size_t (*things)(const struct metrics *metrics); /* NULL: one */
	void (*write)(const struct metrics *metrics, size_t thing, const char *name, struct buf *out);
};

/* All tables, NULL behind the last. */
extern const struct metrics_family *const metrics_tables[];
extern const struct metrics_family metrics_self[], metrics_queries[], metrics_services[], metrics_zones[],
	metrics_health[], metrics_fleet[], metrics_endpoints[];

/* One sample: name{label="value",…} number. labels: pairs, NULL behind the last; values are escaped. */
void metrics_put(struct buf *out, const char *name, const char *const *labels, uint64_t number);
/* The same, of thousandths or millionths. */
void metrics_put_ms(struct buf *out, const char *name, const char *const *labels, uint64_t ms);
void metrics_put_us(struct buf *out, const char *name, const char *const *labels, uint64_t us);

/* The labels of a sample: METRICS_LABELS("pool", label, "zone", zone). */
#define METRICS_LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
