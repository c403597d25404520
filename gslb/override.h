/* override - what operators force: up, down or drain of an endpoint, a pool, a region or a service's pool, with who, why and
 * until when. The list persists in the state folder, expires by itself, and is audited; overlay_new compiles it for the
 * packet path. Main thread. */
#ifndef GSLB_OVERRIDE_H
#define GSLB_OVERRIDE_H

#include <jansson.h>

#include "base/writ_set.h"
#include "gslb/decide.h"
#include "gslb/snapshot.h"

struct recent;

enum override_kind { OVERRIDE_ENDPOINT, OVERRIDE_POOL, OVERRIDE_REGION, OVERRIDE_SERVICE_POOL };

struct override {
	enum override_kind kind;
	char *target; /* canonical text: "pool:eu.svc.example", "endpoint:eu.svc.example/lb1.eu.svc.example",
			 * "region:eu-west", "service:www.svc.example/eu.svc.example" */
	bool glob;    /* "pool:eu-*": whatever each snapshot has that matches */
	enum override_action action;
	char *who, *why;
	uint64_t from_ms, until_ms; /* wall */
	uint32_t over_ms;
	char *drill;         /* the id of the drill that set it and will end it; NULL: an operator did */
	uint64_t made_ms;    /* wall, of the host that made it */
	char *origin, *host; /* the region and the host where it was decided; "" without a fleet */
	char *breaks;        /* a sentence: it came from elsewhere, and breaks a `keep` here; NULL: it does not */
};

struct override_list;

enum { OVERRIDES_MAX = 4096 }; /* in force at one time */

/* Read overrides.json in the folder (none is fine); those that ended are dropped. Never NULL: a damaged file is kept aside as
 * overrides.json.bad, the list is then empty, and err->text says so ("" when all is well). */
struct override_list *override_list_open(const char *state_directory, uint64_t now_ms, struct err *err);
void override_list_free(struct override_list *list);
/* A copy (of NULL: an empty list) to try things on: it has no file, and nothing of it is audited. */
struct override_list *override_list_scratch(const struct override_list *list);
/* Who we are in the fleet, for what is decided here from now on; "" both: there is none. */
void override_list_name(struct override_list *list, const char *origin, const char *host);
/* What was set or cleared here last, since the start; NULL: nothing. */
const struct writ *override_list_last(const struct override_list *list);
bool override_is_ours(const struct override_list *list, const struct override *override); /* made on this host */
/* All that is known, also what was cleared or has ended: what the fleet is told. */
const struct writ_set *override_list_writs(const struct override_list *list);
size_t override_list_get(const struct override_list *list, const struct override *const **overrides);

struct override_request {
	const char *
		target; /* as typed: "eu", "pool:eu", "endpoint:eu/lb1", "region:NAME", "service:www/eu", "pool:eu-*" */
	enum override_action action;
	uint64_t for_ms;
	uint32_t over_ms;
	uint64_t lead_ms; /* it begins so much later, and ends for_ms after that; TTLs count down to it */
	const char *who, *why;
	const char *drill; /* as in struct override; NULL: none */
	bool force;        /* --force: also when `keep` would be broken */
	bool dry_run;
	const struct recent *recent; /* for a dry run: the clients to ask for; may be NULL */
};

/* Check, audit and store (fsync'd) one; a second for the same target replaces the first. `effects`: what it would change or
 * changed, service by service, as forecast.h has it, a new reference. False with a sentence: unknown or ambiguous target, no why, no
 * time, `keep` broken (names the rule and the numbers), cannot be stored. */
bool override_set(struct override_list *list, const struct world *world, const struct override_request *request,
	uint64_t now_ms, json_t **effects, struct err *err);
/* End one. MOOT, with a sentence: the target is known, and nothing is in force for it. */
enum override_cleared { OVERRIDE_CLEARED, OVERRIDE_CLEAR_MOOT, OVERRIDE_CLEAR_FAILED };
enum override_cleared override_clear(struct override_list *list, const struct world *world, const char *target,
	const char *who, uint64_t now_ms, struct err *err);
/* End all that a drill set (NULL: any drill of this host) and that stands; how many. Not written is no harm: it is said in the log, and what a drill
 * left behind is ended when the file is read. */
size_t override_clear_drill(struct override_list *list, const char *drill, const char *who, uint64_t now_ms);
/* ---- override_merge.c: what was decided on other hosts ---- */

struct override_merged {
	size_t taken;       /* hold now */
	bool changed;       /* … and something of it is in force, or was */
	size_t refused;     /* made in the future */
	struct err refusal; /* the last of those */
};
/* Take in writs of others (borrowed): the later one of a target holds. They are audited with where they come from, and stored, all or none.
 * What they change is put in force with whatever is published next. False with a sentence: they cannot be stored, try again. */
bool override_merge(struct override_list *list, const struct world *world, const struct writ *const *writs, size_t n,
	uint64_t now_ms, struct override_merged *merged, struct err *err);
/* After a start: which of those of others break a `keep` here? Their `breaks` says so. */
void override_judge(struct override_list *list, const struct world *world, uint64_t now_ms);
/* Do those that did break one yet? Others may be in service by now. */
void override_judge_again(struct override_list *list, const struct world *world, uint64_t now_ms);

/* Drop what has ended, auditing it; true when something was dropped. *next_ms: when the next one ends or changes step; 0: none. */
bool override_expire(struct override_list *list, uint64_t now_ms, uint64_t *next_ms);
/* One as JSON, for tables and the audit: target, action, who, why, from, until (RFC 3339), over_ms. A new reference. */
json_t *override_json(const struct override *override);
bool override_action_parse(const char *text, enum override_action *action); /* "up", "down", "drain" */

/* Compile for a snapshot; targets that it does not have are skipped (they wait). */
struct overlay *overlay_new(const struct override_list *list, const struct snapshot *snapshot);
void overlay_free(struct overlay *overlay);

const char *override_action_name(enum override_action action);

#endif
