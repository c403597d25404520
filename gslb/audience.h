/* audience - which networks of clients lately asked which services, and how often: what `gslbctl plan` replays.
 *
 * Filled from the answers that recent took out of the ledger, so that it costs the packet path nothing; by names, so that it
 * outlives reloads and restarts; bounded in memory. A weight is a number of answers, of which half is forgotten every
 * AUDIENCE_HALF_S. One thread's own; another thread gets a copy.
 *
 * As text, for the state folder and for people, a line each:
 *
 *   prefix,service,weight,type
 *   198.51.100.0/24,www.svc.example,1250,A
 *
 * type (A or AAAA) may be left out: A. Empty lines, those that begin with '#' and a first line "prefix,…" are passed over. */
#ifndef GSLB_AUDIENCE_H
#define GSLB_AUDIENCE_H

#include "gslb/recent.h"

enum {
	AUDIENCE_MAX = 262144, /* networks times services; when there are more, the lightest are forgotten */
	AUDIENCE_HALF_S = 6 * 3600,
	AUDIENCE_HORIZON_S = 24 * 3600 /* who was not heard of for so long is forgotten */
};

struct audience;

struct visit {
	struct prefix net;
	enum family family; /* that was asked for */
	uint32_t service;   /* its number here: audience_service */
	uint32_t last_s;    /* wall */
	float weight;
};

struct audience *audience_new(size_t max);
void audience_free(struct audience *audience); /* NULL is fine */
struct audience *audience_copy(const struct audience *audience);

/* Take in what recent has that was not taken yet. The snapshot is the one in force, whose pairs recent speaks of. */
void audience_take(
	struct audience *audience, const struct recent *recent, const struct snapshot *snapshot, uint64_t now_ms);
void audience_add(struct audience *audience, const struct visit *visit, const char *service);

/* So much time went by in which nothing was taken. */
void audience_age(struct audience *audience, uint64_t elapsed_s, uint64_t now_ms);

size_t audience_visits(const struct audience *audience, const struct visit **visits);
const char *audience_service(const struct audience *audience, uint32_t number); /* "www.svc.example" */
/* Rises when visits changed places: who reads them in pieces begins anew. */
uint64_t audience_shuffles(const struct audience *audience);

/* ---- as text ---- */

/* Visits from..from+n. */
void audience_print(const struct audience *audience, size_t from, size_t n, struct buf *text);
/* Add what a text says, as of last_s; every mistake is reported under the file's name, and lines without one are taken. */
void audience_parse(struct audience *audience, const char *text, size_t len, const char *file, uint32_t last_s,
	struct report *report);

/* In the state folder. A file that is not there is an empty audience. False with a sentence; of a damaged file the good lines
 * are taken. */
bool audience_save(const struct audience *audience, const char *path, uint64_t now_ms, struct err *err);
bool audience_load(struct audience *audience, const char *path, uint64_t now_ms, struct err *err);

#endif
