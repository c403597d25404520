/* What is asked for over the socket: one function a command, one row a command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/bus_nats_check.h"
#include "relay/check.h"
#include "relay/ingress.h"
#include "relay/lint.h"
#include "relay/service.h"
#include "relay/verify.h"

enum { WAIT_MAX_MS = 60000, SHUT_S = 10 };

void intake_refuse(struct service *service, struct control_reply *reply, const struct err *err)
{
	service->refused++;
	reply->exit = 1;
	reply->err = *err;
}

bool intake_commit(struct service *service, struct err *err)
{
	return exchange_commit(&service->exchange) ? true : err_set(err, "%s", service->exchange.log_why.text);
}

/* ---- invalidate ---- */

uint64_t intake_wait_ms(const json_t *args)
{
	json_int_t ms = json_integer_value(json_object_get(args, "wait_ms"));

	return ms <= 0 ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : (uint64_t)ms;
}

static bool knows_regions(const struct service *service, const struct event *event, struct err *err)
{
	const struct relay_conf *conf = service->conf;

	for (size_t i = 0; i < event->nregions; i++)
		if (conf_region(conf, event->regions[i]) == conf->nregions)
			return err_set(err, "scope[%zu]: %s: no such region (bus.regions in gslb.yaml has them)", i,
				event->regions[i]);
	return true;
}

/* Who asks, and how he is answered. */
struct asker {
	const char *actor;
	bool trusted; /* neither limited nor held to the policy, and may speak for others */
	uint64_t wait_ms, ticket;
	struct http_request *request;
};

enum admitted { ADMITTED, ADMIT_WRONG, ADMIT_FORBIDDEN, ADMIT_TOO_MUCH, ADMIT_SHUT, ADMIT_LOG };

static bool is_within_limits(struct service *service, const struct asker *asker, const struct event *event,
	uint32_t *after_s, struct err *err)
{
	unsigned items = event->nitems > 0 ? (unsigned)event->nitems : 1;

	if (asker->trusted || limit_take(&service->limit, asker->actor, items, event_class_is_broad(event->class),
				      clock_monotonic_ms(), after_s))
		return true;
	service->limited++;
	return err_set(err,
		"too much of %s: ask again in %u s (%d items a second, %d at once; zones, prefixes and all: 1 in %d s)",
		asker->actor, *after_s, LIMIT_ITEMS, LIMIT_ITEMS_BURST, LIMIT_BROAD_MS / 1000);
}

static const char *door_of(const struct asker *asker)
{
	return asker->request != NULL ? "http" : "socket";
}

static void audit_refusal(
	struct service *service, const struct asker *asker, const struct event *event, const struct err *err)
{
	audit_refused(
		service->audit, &(struct audit_who){ asker->actor, door_of(asker) }, event, err->text, clock_wall_ms());
}

/* What is admitted is answered when the log has it, or later. */
static enum admitted admit(struct service *service, const json_t *document, const struct asker *asker, bool dry,
	struct event *event, struct arena *arena, uint32_t *after_s, struct err *err)
{
	struct waiter *waiter;
	bool parked;

	if (!event_read(document, false, arena, event, &parked, err) || !knows_regions(service, event, err))
		return ADMIT_WRONG;
	if (event->class == EVENT_OVERRIDE) {
		err_set(err, "class: overrides are gslbd's to make (gslbctl force and clear)");
		return ADMIT_WRONG;
	}
	event->confirm = asker->wait_ms > 0;
	if (!asker->trusted || event->actor[0] == '\0')
		event->actor = asker->actor;
	if (!asker->trusted && !policy_allows(service->conf->policy, POLICY_ACTOR, asker->actor, event, err))
		return ADMIT_FORBIDDEN;
	if (intake_is_shut(service, event, asker->trusted, err)) {
		*after_s = SHUT_S;
		return ADMIT_SHUT;
	}
	if (dry)
		return ADMITTED;
	if (!is_within_limits(service, asker, event, after_s, err))
		return ADMIT_TOO_MUCH;
	if (!store_add(service->store, event, clock_wall_ms(), err))
		return ADMIT_LOG;
	service->urgent |= event->prio == EVENT_FAILOVER;
	audit_taken(service->audit, &(struct audit_who){ asker->actor, door_of(asker) }, event, clock_wall_ms());
	waiter = wait_begin(service, event, asker->wait_ms);
	if (waiter == NULL) {
		*after_s = 1;
		err_set(err, "taken in, but too many wait already: nobody will say when it is done");
		return ADMIT_TOO_MUCH;
	}
	waiter->ticket = asker->ticket;
	waiter->request = asker->request;
	return ADMITTED;
}

bool intake_trusts(const struct service *service, const struct control_peer *peer)
{
	const char *gslbd = service->conf->gslbd_user;

	return peer->uid == 0 || peer->uid == geteuid() || (gslbd[0] != '\0' && strcmp(peer->name, gslbd) == 0);
}

static void run_invalidate(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	const struct asker asker = { .actor = peer->name,
		.trusted = intake_trusts(service, peer),
		.wait_ms = intake_wait_ms(args),
		.ticket = ticket };
	const json_t *document = json_object_get(args, "event");
	bool dry = json_is_true(json_object_get(args, "dry_run"));
	struct arena *arena = arena_new();
	struct event event;
	uint32_t after_s;
	struct err err;

	if (!json_is_object(document)) {
		err_set(&err, "invalidate: an event belongs into \"event\"");
		audit_refusal(service, &asker, NULL, &err);
		intake_refuse(service, reply, &err);
	} else if (admit(service, document, &asker, dry, &event, arena, &after_s, &err) != ADMITTED) {
		audit_refusal(service, &asker, &event, &err);
		intake_refuse(service, reply, &err);
	} else if (dry) {
		reply->result = json_pack("{s:b,s:s,s:i,s:i}", "dry_run", 1, "class", event_class_name(event.class),
			"items", (int)event.nitems, "caches", (int)work_takers(service->work, event.class));
	} else {
		reply->defer = ticket;
	}
	arena_free(arena);
}

static unsigned status_of(enum admitted admitted)
{
	switch (admitted) {
	case ADMITTED:
		break;
	case ADMIT_WRONG:
		return 400;
	case ADMIT_FORBIDDEN:
		return 403;
	case ADMIT_TOO_MUCH:
		return 429;
	case ADMIT_SHUT:
	case ADMIT_LOG:
		return 503;
	}
	return 202;
}

void intake_http(
	void *context, struct http_request *request, const char *actor, const char *body, size_t len, uint64_t wait_ms)
{
	struct service *service = context;
	const struct asker asker = { .actor = actor, .wait_ms = wait_ms, .request = request };
	struct arena *arena = arena_new();
	enum admitted admitted = ADMIT_WRONG;
	json_t *document;
	uint32_t after_s = 0;
	struct event event = { 0 };
	struct err err;

	document = ingress_event(body, len, &err);
	if (document != NULL)
		admitted = admit(service, document, &asker, false, &event, arena, &after_s, &err);
	if (admitted != ADMITTED) {
		service->refused++;
		audit_refusal(service, &asker, &event, &err);
		http_answer(request, status_of(admitted), after_s, json_pack("{s:s}", "error", err.text));
	}
	json_decref(document);
	arena_free(arena);
}

/* ---- errands ---- */

static void begin_errand(struct service *service, json_t *(*run)(const struct relay_conf *conf, const char *what),
	const char *what, uint64_t ticket, struct control_reply *reply)
{
	struct err err;

	if (errand_begin(service->errand, run, what, ticket, &err))
		reply->defer = ticket;
	else
		intake_refuse(service, reply, &err);
}

static void run_verify(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	char text[CHECK_TEXT_MAX];
	struct err err;

	(void)peer;
	if (name != NULL && check_name(name, strlen(name), text, &err)) {
		begin_errand(context, verify_all, text, ticket, reply);
		return;
	}
	if (name == NULL)
		err_set(&err, "verify: wants a name");
	intake_refuse(context, reply, &err);
}

static void run_bus_check(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)args;
	(void)peer;
	begin_errand(context, bus_nats_check, "", ticket, reply);
}

static void run_lint(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)args;
	(void)peer;
	begin_errand(context, lint_all, "", ticket, reply);
}

static void run_test(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const char *name = json_string_value(json_object_get(args, "target"));

	(void)peer;
	begin_errand(context, lint_signs, name != NULL ? name : "", ticket, reply);
}

/* ---- looking ---- */

const char *intake_breaker_word(const struct target_stats *stats)
{
	if (stats->paused)
		return "paused";
	return stats->breaker == BREAKER_CLOSED ? "works" : stats->breaker == BREAKER_OPEN ? "fails" : "trying";
}

static json_t *target_json(const struct target *target)
{
	struct target_stats stats = target_stats(target);
	const struct cache_conf *conf = target_conf(target);

	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:s}", "name", conf->name, "type",
		conf->type, "state", intake_breaker_word(&stats), "pending", (json_int_t)stats.pending, "done",
		(json_int_t)stats.done, "retried", (json_int_t)stats.retried, "refused", (json_int_t)stats.refused,
		"coalesced", (json_int_t)stats.coalesced, "fresh", (json_int_t)stats.verified[0], "stale",
		(json_int_t)stats.verified[1], "unknown", (json_int_t)stats.verified[2], "batch_ms",
		stats.batches > 0 ? (double)stats.took_us / 1000 / (double)stats.batches : 0.0, "trouble",
		stats.trouble);
}

static void run_targets(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct service *service = context;
	struct target *const *targets;
	size_t n = work_targets(service->work, &targets);
	json_t *list = json_array();

	(void)args;
	(void)peer;
	(void)ticket;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, target_json(targets[i]));
	reply->result = json_pack("{s:o}", "targets", list);
}

static void run_status(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	struct work_totals totals = work_totals(service->work);
	uint64_t rows, oldest_ms, last, now_ms = clock_wall_ms();
	struct store_mark received, done;
	struct bus_status bus;
	char since[CLOCK_TEXT_MAX];
	bool errors;

	(void)args;
	(void)peer;
	(void)ticket;
	store_outbox_left(service->store, &rows, &oldest_ms, &last);
	store_floors(service->store, service->conf->name, &received, &done, &errors);
	service_bus_status(service, &bus);
	reply->result = json_pack(
		"{s:s,s:s,s:s,s:s,s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:i,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f}",
		"version", PACKAGE_VERSION, "region", service->conf->region, "name", service->conf->name, "bus",
		service->bus_ops->name, "connected", bus.connected, "bus_trouble", bus.trouble, "resent",
		(json_int_t)bus.resent, "regressions", (json_int_t)bus.regressions, "duplicates",
		(json_int_t)service->exchange.duplicates, "coarse", (json_int_t)service->exchange.coarse, "let_go",
		(json_int_t)service->exchange.let_go, "since", clock_format(service->began_ms, since), "epoch",
		(int)store_epoch(service->store), "made", (json_int_t)last, "outbox", (json_int_t)rows, "oldest_s",
		oldest_ms > 0 && now_ms > oldest_ms ? (double)(now_ms - oldest_ms) / 1000 : 0.0, "done",
		(json_int_t)done.oseq, "active", (json_int_t)totals.active, "events", (json_int_t)totals.events, "moot",
		(json_int_t)totals.moot, "failed", (json_int_t)totals.failed, "refused", (json_int_t)service->refused,
		"dead", (json_int_t)store_dead_count(service->store), "flush_p50_ms", (double)totals.took_us_p50 / 1000,
		"flush_p99_ms", (double)totals.took_us_p99 / 1000);
	if (service->drain.on)
		json_object_set_new(reply->result, "drained_by", json_string(service->drain.by));
}

static void run_state(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct service *service = context;

	(void)args;
	(void)peer;
	(void)ticket;
	reply->result = state_status(service->state, clock_monotonic_ms());
}

/* ---- what could not be done ---- */

static bool add_dead(void *arg, const struct store_dead *dead)
{
	char at[CLOCK_TEXT_MAX];

	json_array_append_new(arg,
		json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "id", (json_int_t)dead->id, "target", dead->target, "class",
			dead->event, "item", dead->item, "reason", dead->reason, "at", clock_format(dead->at_ms, at)));
	return true;
}

static void run_dead(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	json_t *list = json_array();
	struct err err;

	(void)args;
	(void)peer;
	(void)ticket;
	if (store_dead(service->store, add_dead, list, &err)) {
		reply->result = json_pack("{s:o}", "dead", list);
		return;
	}
	json_decref(list);
	intake_refuse(service, reply, &err);
}

static void run_dead_drop(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	json_int_t id = json_integer_value(json_object_get(args, "id"));
	struct err err;

	(void)peer;
	(void)ticket;
	if (store_dead_drop(service->store, id, &err) && intake_commit(service, &err))
		reply->result = json_pack("{s:I}", "dropped", (json_int_t)id);
	else
		intake_refuse(service, reply, &err);
}

/* ---- one cache ---- */

struct target *intake_target(struct service *service, const char *name, struct control_reply *reply)
{
	struct target *target = name != NULL ? work_target(service->work, name) : NULL;
	struct err err;

	if (target != NULL)
		return target;
	err_set(&err, "%.60s: no such cache (gslbctl relay targets lists them)", name != NULL ? name : "");
	intake_refuse(service, reply, &err);
	return NULL;
}

static void set_paused(struct service *service, const json_t *args, bool paused, struct control_reply *reply)
{
	const char *name = json_string_value(json_object_get(args, "target"));
	struct target *target = intake_target(service, name, reply);

	if (target == NULL)
		return;
	target_pause(target, paused);
	reply->result = json_pack("{s:s,s:b}", "target", name, "paused", paused);
}

static void run_pause(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)peer;
	(void)ticket;
	set_paused(context, args, true, reply);
}

static void run_resume(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)peer;
	(void)ticket;
	set_paused(context, args, false, reply);
}

const struct control_command intake_commands[] = {
	{ "invalidate", true, run_invalidate },
	{ "drain", true, intake_drain },
	{ "status", false, run_status },
	{ "targets", false, run_targets },
	{ "lag", false, intake_lag_command },
	{ "state", false, run_state },
	{ "overrides", true, intake_overrides },
	{ "offer", true, intake_offer },
	{ "writs", false, intake_writs },
	{ "hits", true, intake_hits },
	{ "hot", false, intake_hot },
	{ "event", false, intake_event },
	{ "tail", false, intake_tail },
	{ "pending", false, intake_pending },
	{ "kept", false, intake_kept },
	{ "test", false, run_test },
	{ "dead", false, run_dead },
	{ "dead-retry", true, intake_dead_retry },
	{ "dead-drop", true, run_dead_drop },
	{ "pause", true, run_pause },
	{ "resume", true, run_resume },
	{ "verify", false, run_verify },
	{ "bus-check", false, run_bus_check },
	{ "lint", false, run_lint },
	{ NULL, false, NULL },
};
