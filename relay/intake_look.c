/* How far an event is, and what waits for a cache; what a cache refused, asked for once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/service.h"

enum { PENDING_SHOW = 100, EXIT_PARTLY = 3 };

/* ---- one event ---- */

/* "RELAY:EPOCH:NUMBER", of this relay and this life of its log: its number. 0: it is none of those. */
static uint64_t number_of_ours(const struct service *service, const char *id)
{
	char begin[EVENT_LABEL_MAX + 16];
	uint64_t number;
	size_t len;

	snprintf(begin, sizeof begin, "%s:%u:", service->conf->name, store_epoch(service->store));
	len = strlen(begin);
	return strncmp(id, begin, len) == 0 && number_parse(id + len, 1, INT64_MAX, &number) ? number : 0;
}

/* By the relays' receipts, which cover all up to a number. */
static json_t *receipts(const struct service *service, uint64_t number, size_t *missing)
{
	const struct relay_conf *conf = service->conf;
	json_t *relays = json_object();

	for (size_t i = 0; i < conf->nrelays; i++) {
		bool done = store_receipt_of(service->store, conf->relays[i].name, NULL) >= number;

		*missing += !done;
		json_object_set_new(
			relays, conf->relays[i].name, json_pack("{s:s}", "state", done ? "done" : "pending"));
	}
	return relays;
}

void intake_event(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	const char *id = json_string_value(json_object_get(args, "id"));
	uint64_t rows, oldest_ms, last, number = id != NULL ? number_of_ours(service, id) : 0;
	json_t *event = id != NULL ? journal_event(service->journal, id) : NULL;
	size_t missing = 0;
	struct err err;

	(void)peer;
	(void)ticket;
	store_outbox_left(service->store, &rows, &oldest_ms, &last);
	if (number > last || (number == 0 && event == NULL)) {
		json_decref(event);
		err_set(&err, "%.120s: no event of this relay's log, nor among the last %d that came here",
			id != NULL ? id : "", JOURNAL_MAX);
		intake_refuse(service, reply, &err);
		return;
	}
	reply->result = json_pack("{s:s}", "id", id);
	if (event != NULL)
		json_object_set_new(reply->result, "event", event);
	if (number != 0)
		json_object_set_new(reply->result, "regions", receipts(service, number, &missing));
	reply->exit = missing > 0 ? EXIT_PARTLY : 0;
}

void intake_tail(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct service *service = context;

	(void)peer;
	(void)ticket;
	reply->result = json_pack("{s:o}", "events",
		journal_tail(service->journal, json_string_value(json_object_get(args, "origin")), JOURNAL_SHOW));
}

/* ---- one cache ---- */

static json_t *view_json(const struct pending_view *view)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:f,s:I,s:i}", "class", event_class_name(view->entry->class), "value",
		view->entry->text, "op", event_op_name(view->entry->op), "prio", (int)view->entry->prio, "rate",
		(double)view->rate, "in_ms", (json_int_t)view->in_ms, "round", (int)view->entry->round);
}

void intake_pending(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	const char *name = json_string_value(json_object_get(args, "target"));
	const struct target *target = intake_target(service, name, reply);
	struct pending_view views[PENDING_SHOW];
	json_t *list;
	size_t n;

	(void)peer;
	(void)ticket;
	if (target == NULL)
		return;
	n = target_pending(target, views, PENDING_SHOW, clock_monotonic_ms());
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_json(&views[i]));
	reply->result = json_pack(
		"{s:s,s:I,s:o}", "cache", name, "waiting", (json_int_t)target_stats(target).pending, "pending", list);
}

/* ---- what could not be done, once more ---- */

struct retrying {
	struct service *service;
	const char *actor;
	json_int_t id; /* 0: all */
	int64_t done[STORE_DEAD_MAX];
	size_t n;
	struct err err;
	bool good;
};

/* As an event of its own, for this relay only: all its caches are told, which does no harm. */
static bool retry(void *arg, const struct store_dead *dead)
{
	struct retrying *retrying = arg;
	const char *region = retrying->service->conf->region;
	struct event_item item = { .text = dead->item };
	struct event event = { .prio = EVENT_EDIT,
		.nitems = 1,
		.items = &item,
		.nregions = 1,
		.regions = &region,
		.relay = retrying->service->conf->name,
		.why = "gslbctl relay retry",
		.actor = retrying->actor,
		.trace = "" };

	if ((retrying->id != 0 && dead->id != retrying->id) || !event_class_parse(dead->event, &event.class))
		return true;
	if (event.class == EVENT_ALL)
		event.nitems = 0;
	retrying->good = store_add(retrying->service->store, &event, clock_wall_ms(), &retrying->err);
	if (retrying->good) {
		audit_taken(retrying->service->audit, &(struct audit_who){ retrying->actor, "socket" }, &event,
			clock_wall_ms());
		retrying->done[retrying->n++] = dead->id;
	}
	return retrying->good && retrying->n < STORE_DEAD_MAX;
}

void intake_dead_retry(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	struct retrying *retrying = mem_alloc(sizeof *retrying);
	bool good;

	(void)ticket;
	if (intake_is_shut(service, NULL, false, &retrying->err)) {
		intake_refuse(service, reply, &retrying->err);
		free(retrying);
		return;
	}
	*retrying = (struct retrying){ .service = service,
		.actor = peer->name,
		.id = json_integer_value(json_object_get(args, "id")),
		.good = true };
	good = store_dead(service->store, retry, retrying, &retrying->err) && retrying->good;
	for (size_t i = 0; good && i < retrying->n; i++)
		good = store_dead_drop(service->store, retrying->done[i], &retrying->err);
	if (good && retrying->n == 0 && retrying->id != 0)
		good = err_set(&retrying->err, "%lld: no such number (gslbctl relay dead lists them)",
			(long long)retrying->id);
	if (good && intake_commit(service, &retrying->err))
		reply->result = json_pack("{s:I}", "retried", (json_int_t)retrying->n);
	else
		intake_refuse(service, reply, &retrying->err);
	free(retrying);
}
