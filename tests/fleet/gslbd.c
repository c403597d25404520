#include "tests/fleet/gslbd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fleet/disk.h"
#include "tests/fleet/fault.h"
#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

enum { AGAIN_MS = 5000, STORE_MS = 1000, FOR_MS = 3600000 };

unsigned gslbd_target(const struct writ *writ)
{
	return (unsigned)(writ->target[strlen("pool:p")] - '0');
}

/* ---- its file ---- */

static bool save(const struct gslbd *gslbd)
{
	const struct writ *const *writs;
	size_t n = writ_set_get(gslbd->set, &writs);
	json_t *list = json_array();
	char *text;
	bool good;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, writ_json(writs[i]));
	text = json_dumps(list, JSON_COMPACT);
	good = disk_write(gslbd->host, "overrides.json", text, strlen(text));
	free(text);
	json_decref(list);
	return good;
}

static void load(struct gslbd *gslbd)
{
	size_t len = 0;
	const char *text = disk_read(gslbd->host, "overrides.json", &len);
	json_t *list = text != NULL ? json_loadb(text, len, 0, NULL) : NULL, *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		struct writ *writ = writ_parse(item, NULL);

		writ_free(writ_set_restore(gslbd->set, writ->target, writ));
	}
	json_decref(list);
}

/* Put it in force when it is the later one. True: it is; *before is what it replaced, the caller's. */
static bool put(struct gslbd *gslbd, struct writ *writ, struct writ **before)
{
	struct err err;

	if (writ_set_merge(gslbd->set, writ, clock_wall_ms(), before, &err) == WRIT_TAKEN)
		return true;
	writ_free(writ);
	return false;
}

/* Once it is stored; else it is taken back. */
static bool keep(struct gslbd *gslbd, const struct writ *writ, struct writ *before)
{
	bool good = save(gslbd);

	if (good)
		oracle_in_force(gslbd->host, writ);
	writ_free(good ? before : writ_set_restore(gslbd->set, writ->target, before));
	return good;
}

/* ---- operators ---- */

bool gslbd_force(struct gslbd *gslbd, struct deed *deed, unsigned which, const char *region)
{
	static const enum writ_action actions[] = { WRIT_CLEAR, WRIT_UP, WRIT_DRAIN, WRIT_DOWN };
	uint64_t now_ms = clock_wall_ms();
	char target[64], text[DEED_TEXT_MAX];
	struct writ made = { .target = target,
		.action = actions[which / GSLBD_TARGETS % 4],
		.who = (char[]){ "operator" },
		.from_ms = now_ms,
		.until_ms = now_ms + FOR_MS,
		.origin = mem_strdup(region),
		.host = (char[]){ "gslbd" } };
	struct writ *before, *writ;
	bool good;

	snprintf(target, sizeof target, "pool:p%u.svc.example", which % GSLBD_TARGETS);
	made.why = mem_strdup(deed_text(deed, text));
	made.made_ms = writ_set_stamp(gslbd->set, target, now_ms);
	writ = writ_copy(&made);
	free(made.why);
	free(made.origin);
	before = writ_set_restore(gslbd->set, target, writ);
	deed->writ = writ_copy(writ);
	good = keep(gslbd, writ, before);
	gslbd->changed = true;
	return good;
}

/* ---- its relay ---- */

static json_t *what_it_lacks(const struct gslbd *gslbd)
{
	const struct writ *const *writs;
	size_t n = writ_set_get(gslbd->set, &writs);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct writ *known = writ_set_find(writs_set(gslbd->relay), writs[i]->target);

		if (known == NULL || writ_compare(writs[i], known) > 0)
			json_array_append_new(list, writ_json(writs[i]));
	}
	return list;
}

static void offer(struct gslbd *gslbd, uint64_t now_ms)
{
	json_t *list = what_it_lacks(gslbd);
	struct arena *arena = arena_new();
	struct event last;
	struct err err;
	size_t refused;

	if (json_array_size(list) > 0) {
		if (!writs_offer(gslbd->relay, list, "gslbd", false, &refused, arena, &last, &err))
			trace("offers %zu overrides, in vain: %s", json_array_size(list), err.text);
		gslbd->offer_ms = now_ms + AGAIN_MS;
	}
	gslbd->changed = false;
	arena_free(arena);
	json_decref(list);
}

uint64_t gslbd_run(struct gslbd *gslbd, uint64_t now_ms)
{
	if (gslbd->ticket == 0 && now_ms >= gslbd->ask_ms) {
		gslbd->ticket = ++gslbd->tickets;
		writs_ask(gslbd->relay, "gslbd", gslbd->life, gslbd->have, gslbd->ticket, now_ms);
	}
	if (gslbd->caught_up && (gslbd->changed || now_ms >= gslbd->offer_ms))
		offer(gslbd, now_ms);
	return gslbd->ticket == 0 ? gslbd->ask_ms : UINT64_MAX;
}

static bool take_all(struct gslbd *gslbd, const json_t *list)
{
	json_t *item;
	size_t i;
	bool good = true;

	json_array_foreach(list, i, item)
	{
		struct writ *writ = writ_parse(item, NULL), *before;

		if (!put(gslbd, writ, &before))
			continue;
		if (keep(gslbd, writ, before))
			faults_heard(gslbd->host, gslbd_target(writ));
		else
			good = false;
	}
	return good;
}

static void answer(struct gslbd *gslbd, const json_t *result, uint64_t now_ms)
{
	uint64_t upto = (uint64_t)json_integer_value(json_object_get(result, "upto"));

	gslbd->ticket = 0;
	if (!take_all(gslbd, json_object_get(result, "writs"))) {
		gslbd->ask_ms = now_ms + STORE_MS; /* once more, from where it is */
		return;
	}
	gslbd->have = upto;
	gslbd->life = (uint64_t)json_integer_value(json_object_get(result, "life"));
	gslbd->caught_up = upto == (uint64_t)json_integer_value(json_object_get(result, "last"));
}

/* The relay's control socket is not there: the linker sends its answers here. */
bool __wrap_control_waits(const struct control *control, uint64_t ticket);
void __wrap_control_answer(struct control *control, uint64_t ticket, struct control_reply *reply);

bool __wrap_control_waits(const struct control *control, uint64_t ticket)
{
	(void)control;
	return hosts[engine_host()].gslbd.ticket == ticket;
}

void __wrap_control_answer(struct control *control, uint64_t ticket, struct control_reply *reply)
{
	(void)control;
	(void)ticket;
	answer(&hosts[engine_host()].gslbd, reply->result, clock_monotonic_ms());
	json_decref(reply->result);
}

/* ---- life ---- */

void gslbd_start(struct gslbd *gslbd, unsigned host, struct writs *relay)
{
	*gslbd = (struct gslbd){ .host = host, .relay = relay, .set = writ_set_new() };
	load(gslbd);
	oracle_restarted(host, gslbd->set);
}

void gslbd_stop(struct gslbd *gslbd)
{
	writ_set_free(gslbd->set);
	*gslbd = (struct gslbd){ 0 };
}
