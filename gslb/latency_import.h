/* latency_import - measurements from elsewhere: beacons, logs, other hosts.
 *
 *   198.51.100.0/24,eu,31.5,12                                      prefix, pool or region, rtt_ms, and how many samples (1)
 *   {"prefix":"198.51.100.0/24","pool":"eu","rtt_ms":31.5,"n":12}     the same as JSON; "region" in place of "pool"
 *
 * A line each; empty ones, those that begin with # and a first one "prefix,…" are passed over. What an operator hands in is
 * believed: it needs no other networks to confirm it. Main thread. */
#ifndef GSLB_LATENCY_IMPORT_H
#define GSLB_LATENCY_IMPORT_H

#include "gslb/meter.h"

struct latency_text {
	const char *text;
	size_t len;
	const char *name;    /* of its file, for mistakes */
	unsigned first_line; /* the text's, in the file: 1 */
	bool check;          /* only look for mistakes */
};

/* Take all of it, or, when any line has a mistake, nothing; every mistake is reported. The number of lines. */
size_t latency_import(struct meter *meter, const struct snapshot *snapshot, const struct latency_text *text,
	uint64_t now_s, struct report *report);
/* The same as a document, for gslbctl and POST /v1/latency: {"lines":…,"mistakes":[…]}. */
json_t *latency_import_json(
	struct meter *meter, const struct snapshot *snapshot, const struct latency_text *text, uint64_t now_s);

#endif
