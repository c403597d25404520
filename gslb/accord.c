/* One line asks for news, one offers what gslb-relay lacks, and each operator who waits has one of his own. What gslb-relay has is remembered
 * (theirs): what is to be offered is the difference, so that no queue can be lost or go stale. */
#include "gslb/accord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gslb/line.h"

enum {
	ASK_PATIENCE_MS = 20000, /* it answers every 5 s, news or not */
	OFFER_PATIENCE_MS = 5000,
	AGAIN_MS = 5000, /* offered and taken, and not come back: once more */
	STORE_MS = 1000, /* what could not be stored is asked for again */
	OFFER_BATCH = 64,
	LINES = 2 + ACCORD_WAITERS
};
enum { ASKING, OFFERING, WAITERS };

struct waiting {
	uint64_t ticket, began_ms;
	json_t *result;
};

struct accord {
	const char *host;
	struct accord_ops ops;
	struct line line[LINES];
	struct waiting waiting[ACCORD_WAITERS]; /* result NULL: its line is free */
	int epoll;
	uint64_t life, have; /* of gslb-relay; life 0: nothing came yet */
	bool caught_up;      /* all that it had came */
	bool changed;        /* look for what is to be offered */
	uint64_t ask_ms, again_ms;
	struct writ_set *theirs, *offered;
	size_t unsaid;
	uint64_t refused;
	char trouble[256];
};

struct accord *accord_new(const char *socket, const char *host, const struct accord_ops *ops)
{
	struct accord *accord = mem_alloc(sizeof *accord);

	*accord = (struct accord){ .host = host, .ops = *ops, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	accord->theirs = writ_set_new();
	accord->offered = writ_set_new();
	for (unsigned i = 0; i < LINES; i++)
		line_init(&accord->line[i], socket);
	return accord;
}

void accord_free(struct accord *accord)
{
	if (accord == NULL)
		return;
	for (unsigned i = 0; i < LINES; i++)
		line_fini(&accord->line[i]);
	for (unsigned i = 0; i < ACCORD_WAITERS; i++)
		json_decref(accord->waiting[i].result);
	writ_set_free(accord->theirs);
	writ_set_free(accord->offered);
	close(accord->epoll);
	free(accord);
}

void accord_changed(struct accord *accord)
{
	accord->changed = true;
}

int accord_fd(const struct accord *accord)
{
	return accord->epoll;
}

struct accord_status accord_status(const struct accord *accord)
{
	return (struct accord_status){
		.agreed = accord->caught_up && accord->line[ASKING].waiting && accord->unsaid == 0,
		.unsaid = accord->unsaid,
		.refused = accord->refused,
		.trouble = accord->trouble,
	};
}

static void forget(struct writ_set **set)
{
	writ_set_free(*set);
	*set = writ_set_new();
}

/* gslb-relay went, or came: said once. */
static void note_link(struct accord *accord, const char *trouble)
{
	if (trouble[0] != '\0' && accord->trouble[0] == '\0')
		log_warning("overrides=alone reason=\"%s\"", trouble);
	if (trouble[0] == '\0' && accord->trouble[0] != '\0')
		log_notice("overrides=shared");
	snprintf(accord->trouble, sizeof accord->trouble, "%s", trouble);
}

/* What an answer says, borrowed; NULL with a sentence: it refused. */
static const json_t *result_of(const json_t *answer, const char **why)
{
	*why = json_string_value(json_object_get(answer, "error"));
	if (*why == NULL)
		*why = "it does not say why";
	return json_is_true(json_object_get(answer, "ok")) ? json_object_get(answer, "result") : NULL;
}

static uint64_t number_of(const json_t *from, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(from, key));

	return number > 0 ? (uint64_t)number : 0;
}

/* ---- news ---- */

/* As the set has it: what is later is later, and nothing is refused for its time. */
static void remember(struct writ_set *set, const struct writ *writ)
{
	const struct writ *known = writ_set_find(set, writ->target);

	if (known == NULL || writ_compare(writ, known) > 0)
		writ_free(writ_set_restore(set, writ->target, writ_copy(writ)));
}

static size_t read_list(const json_t *list, struct writ **writs)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct err err;
		struct writ *writ = writ_parse(json_array_get(list, i), &err);

		if (writ != NULL)
			writs[n++] = writ;
		else
			log_error("override=unreadable origin=gslb-relay reason=\"%s\"", err.text);
	}
	return n;
}

/* Another life of gslb-relay: what it has is not known. */
static void begin_life(struct accord *accord, uint64_t life)
{
	if (life == accord->life)
		return;
	accord->life = life;
	accord->caught_up = false;
	forget(&accord->theirs);
	forget(&accord->offered);
}

static void take_news(struct accord *accord, const json_t *news, uint64_t now_ms)
{
	const json_t *list = json_object_get(news, "writs");
	size_t size = json_array_size(list), n;
	struct writ **writs = mem_alloc((size + 1) * sizeof *writs);

	begin_life(accord, number_of(news, "life"));
	n = read_list(list, writs);
	if (accord->ops.take(accord->ops.arg, (const struct writ *const *)writs, n)) {
		accord->have = number_of(news, "upto");
		accord->caught_up = accord->caught_up || accord->have == number_of(news, "last");
	} else {
		accord->ask_ms = now_ms + STORE_MS;
	}
	for (size_t i = 0; i < n; i++) {
		remember(accord->theirs, writs[i]);
		writ_free(writs[i]);
	}
	accord->changed = true;
	free(writs);
}

static void ask(struct accord *accord, uint64_t now_ms)
{
	struct line *line = &accord->line[ASKING];

	if (!line_is_free(line, now_ms) || now_ms < accord->ask_ms)
		return;
	if (!line_ask(line, "overrides",
		    json_pack("{s:s,s:I,s:I}", "host", accord->host, "life", (json_int_t)accord->life, "have",
			    (json_int_t)accord->have),
		    ASK_PATIENCE_MS, now_ms))
		note_link(accord, line->trouble);
}

static void hear(struct accord *accord, const json_t *answer, uint64_t now_ms)
{
	const char *why;
	const json_t *news = result_of(answer, &why);

	if (news == NULL) {
		note_link(accord, why);
		accord->ask_ms = now_ms + STORE_MS;
		return;
	}
	note_link(accord, "");
	take_news(accord, news, now_ms);
}

/* ---- offers ---- */

/* Which of those known here does gslb-relay lack? At most a batch of them, or all are counted alone (list NULL). */
static size_t find_unsaid(struct accord *accord, json_t *list, uint64_t wall_ms)
{
	const struct writ *const *all;
	size_t n = writ_set_get(accord->ops.known(accord->ops.arg), &all), unsaid = 0;

	for (size_t i = 0; i < n; i++) {
		const struct writ *theirs = writ_set_find(accord->theirs, all[i]->target),
				  *offered = writ_set_find(accord->offered, all[i]->target);

		if ((theirs != NULL && writ_compare(all[i], theirs) <= 0) || !writ_is_kept(all[i], wall_ms) ||
			!writ_can_travel(all[i], NULL))
			continue;
		unsaid++;
		if ((offered != NULL && writ_compare(all[i], offered) <= 0) || json_array_size(list) == OFFER_BATCH)
			continue;
		json_array_append_new(list, writ_json(all[i]));
		remember(accord->offered, all[i]);
	}
	return unsaid;
}

static void offer(struct accord *accord, uint64_t now_ms, uint64_t wall_ms)
{
	struct line *line = &accord->line[OFFERING];
	json_t *list;

	if (accord->unsaid > 0 && now_ms >= accord->again_ms) {
		forget(&accord->offered);
		accord->again_ms = now_ms + AGAIN_MS;
		accord->changed = true;
	}
	if (!accord->changed || !accord->caught_up || !line_is_free(line, now_ms))
		return;
	list = json_array();
	accord->unsaid = find_unsaid(accord, list, wall_ms);
	if (accord->unsaid == 0)
		accord->again_ms = now_ms + AGAIN_MS;
	accord->changed = json_array_size(list) == OFFER_BATCH;
	if (json_array_size(list) == 0) {
		json_decref(list);
	} else if (!line_ask(line, "offer", json_pack("{s:o}", "writs", list), OFFER_PATIENCE_MS, now_ms)) {
		forget(&accord->offered);
		accord->changed = true;
	}
}

static void hear_offered(struct accord *accord, const json_t *answer)
{
	const char *why;

	if (result_of(answer, &why) != NULL)
		return;
	accord->refused++;
	log_error("overrides=not-shared reason=\"%s\"", why);
}

/* ---- who waits ---- */

static json_t *alone(const char *why)
{
	return json_pack("{s:i,s:s}", "in_force", 0, "trouble", why);
}

bool accord_wait(struct accord *accord, const struct writ *writ, uint64_t wait_ms, uint64_t ticket, json_t *result,
	json_t **in_force)
{
	uint64_t now_ms = clock_monotonic_ms();
	unsigned i = 0;
	struct line *line;

	while (i < ACCORD_WAITERS && accord->waiting[i].result != NULL)
		i++;
	if (i == ACCORD_WAITERS) {
		*in_force = alone("too many wait already: it is shared, and nobody says when it is in force");
		return false;
	}
	line = &accord->line[WAITERS + i];
	if (!line_ask(line, "offer", json_pack("{s:[o],s:I}", "writs", writ_json(writ), "wait_ms", (json_int_t)wait_ms),
		    wait_ms + OFFER_PATIENCE_MS, now_ms)) {
		*in_force = alone(line->trouble);
		return false;
	}
	remember(accord->offered, writ);
	accord->waiting[i] = (struct waiting){ ticket, now_ms, result };
	return true;
}

/* {"eu": {"state": "done", …}} as {"eu": "in force"}. */
static json_t *regions_of(const json_t *from, size_t *in_force)
{
	json_t *regions = json_object(), *region;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)from, name, region)
	{
		const char *state = json_string_value(json_object_get(region, "state"));
		bool pending = state == NULL || strcmp(state, "pending") == 0,
		     failed = state != NULL && strcmp(state, "failed") == 0;

		*in_force += !pending && !failed;
		json_object_set_new(regions, name, json_string(pending ? "pending" : failed ? "refused" : "in force"));
	}
	return regions;
}

/* Does a region have several gslb-relays? Those that are not called as it is say which it is. */
static bool has_more_hosts(const json_t *from)
{
	const json_t *entry;
	const char *name;

	json_object_foreach(
		(json_t *)(uintptr_t)from, name, entry) if (json_object_get(entry, "region") != NULL) return true;
	return false;
}

static json_t *in_force_of(const json_t *answer, uint64_t took_ms)
{
	const char *why, *trouble;
	const json_t *result = result_of(answer, &why), *from = json_object_get(result, "regions");
	size_t n = 0;
	json_t *regions;

	if (from == NULL)
		return alone(result != NULL ? "it is shared, and gslb-relay cannot say where it is in force" : why);
	trouble = json_string_value(json_object_get(result, "trouble"));
	regions = regions_of(from, &n);
	return json_pack("{s:o,s:b,s:I,s:I,s:I,s:s*}", "regions", regions, "hosts", has_more_hosts(from), "in_force",
		(json_int_t)n, "of", (json_int_t)json_object_size(regions), "took_ms", (json_int_t)took_ms, "trouble",
		trouble);
}

/* What is awaited is known here: with gslb-relay lost meanwhile it is offered again, as all is. */
static void settle(struct accord *accord, unsigned i, enum line_event event, const json_t *answer, uint64_t now_ms)
{
	struct waiting waiting = accord->waiting[i];

	accord->waiting[i] = (struct waiting){ 0 };
	accord->ops.settled(accord->ops.arg, waiting.ticket, waiting.result,
		event == LINE_ANSWERED ? in_force_of(answer, now_ms - waiting.began_ms)
				       : alone(accord->line[WAITERS + i].trouble));
}

/* ---- for the loop ---- */

static void watch(const struct accord *accord)
{
	for (unsigned i = 0; i < LINES; i++)
		line_watch(accord->epoll, accord->line[i].fd, line_events(&accord->line[i]));
}

static void lost(struct accord *accord, unsigned i)
{
	if (i == ASKING)
		note_link(accord, accord->line[i].trouble);
	forget(&accord->offered);
	accord->changed = true;
}

static void run_line(struct accord *accord, unsigned i, uint64_t now_ms, uint64_t *next_ms)
{
	json_t *answer = NULL;
	enum line_event event = line_run(&accord->line[i], now_ms, &answer, next_ms);

	if (event == LINE_NOTHING)
		return;
	if (event == LINE_LOST)
		lost(accord, i);
	if (i >= WAITERS && accord->waiting[i - WAITERS].result != NULL)
		settle(accord, i - WAITERS, event, answer, now_ms);
	else if (i == ASKING && event == LINE_ANSWERED)
		hear(accord, answer, now_ms);
	else if (i == OFFERING && event == LINE_ANSWERED)
		hear_offered(accord, answer);
	json_decref(answer);
}

static void no_later(uint64_t *next_ms, uint64_t then_ms)
{
	*next_ms = then_ms < *next_ms ? then_ms : *next_ms;
}

uint64_t accord_run(struct accord *accord, uint64_t now_ms, uint64_t wall_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (unsigned i = 0; i < LINES; i++)
		run_line(accord, i, now_ms, &next_ms);
	ask(accord, now_ms);
	offer(accord, now_ms, wall_ms);
	if (!accord->line[ASKING].waiting)
		no_later(&next_ms, accord->ask_ms > now_ms ? accord->ask_ms : accord->line[ASKING].retry_at_ms);
	if (accord->unsaid > 0)
		no_later(&next_ms, accord->again_ms);
	watch(accord);
	return next_ms;
}
