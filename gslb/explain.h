/* explain - each step of a decision, as JSON for `gslbctl explain` (which makes the text from it). Main thread. */
#ifndef GSLB_EXPLAIN_H
#define GSLB_EXPLAIN_H

#include <jansson.h>

#include "gslb/capacity.h"
#include "gslb/decide.h"
#include "gslb/override.h"

enum { EXPLAIN_AHEAD_MAX_S = 366 * 86400 };

struct explain_request {
	const char *name;          /* "www.svc.example" */
	const char *client;        /* "198.51.100.7" (a resolver's address) or "198.51.100.0/24" (ECS) */
	const char *type;          /* "A" by default */
	const char *const *assume; /* "eu=down", "endpoint:eu/lb1=up": overrides for this explanation only */
	size_t nassume;
	uint64_t now_ms;
	const char *at;                        /* "now+10m", "2026-11-22T10:20:30Z": as of then; NULL or "": now */
	const struct override_list *overrides; /* those in force and to come; with `at` only */
	uint64_t dice;                         /* seed: the same dice give the same explanation */
	const char *abstaining;                /* why gslb-health abstains, as a sentence; NULL or "": it does not */
	unsigned vantages;               /* assigned to each endpoint; 0 and 1: this one alone, which has no budget */
	struct meter *meter;             /* what was measured; may be NULL */
	const struct capacity *capacity; /* why clients are sent elsewhere; may be NULL */
};

/* A new reference, or NULL with a sentence. */
json_t *explain(const struct world *world, const struct explain_request *request, struct err *err);

#endif
